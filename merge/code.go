package merge

import (
	"strings"

	"concord/fhir"
)

// system tells the vocabularies apart in which one concept has one code, so that two codes exclude each other.
type system uint8

const (
	otherSystem system = iota
	snomed
	loinc
	rxNorm
	ndc
	icd10
	icd9
	cvx
	cpt
	unii
)

// systemNames has a letter for each system, to make keys of.
const systemNames = "oslrniIcpu"

// coded is a code of a standard system, under one name of the system and in one form.
type coded struct {
	key Key
	sys system
}

// nullFlavor tells of the systems whose codes say why there is no code.
func nullFlavor(sys string) bool {
	switch fhir.CanonicalSystem(sys) {
	case "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "http://terminology.hl7.org/CodeSystem/data-absent-reason":
		return true
	}
	return false
}

// standard is a code of a standard system in the form in which it compares; false for a code that is none, can't be
// read with certainty, or says nothing.
func standard(sys, code string) (coded, bool) {
	if code = strings.TrimSpace(code); code == "" {
		return coded{}, false
	}
	out := coded{}
	switch sys {
	case fhir.SystemSNOMED:
		if vagueSNOMED(code) {
			return coded{}, false
		}
		out.sys = snomed
	case fhir.SystemLOINC:
		if strings.IndexByte(code, '-') < 0 {
			return coded{}, false // cut off, see wholeLOINC
		}
		out.sys, code = loinc, strings.ToUpper(code)
	case fhir.SystemRxNorm:
		out.sys = rxNorm
	case fhir.SystemNDC:
		eleven, ok := ndc11(code)
		if !ok {
			return coded{}, false
		}
		out.sys, code = ndc, eleven
	case fhir.SystemICD10CM, fhir.SystemICD10:
		out.sys, code = icd10, strings.ToUpper(strings.ReplaceAll(code, ".", ""))
	case fhir.SystemICD9CM:
		out.sys, code = icd9, strings.ToUpper(strings.ReplaceAll(code, ".", ""))
	case fhir.SystemCVX:
		if out.sys = cvx; len(code) > 1 {
			code = strings.TrimLeft(code, "0")
		}
		if code == "999" || code == "998" {
			return coded{}, false // unknown; no vaccine administered
		}
	case fhir.SystemCPT:
		out.sys = cpt
	case fhir.SystemUNII:
		out.sys, code = unii, strings.ToUpper(code)
	default:
		if !fhir.StandardSystem(sys) || nullFlavor(sys) {
			return coded{}, false
		}
		out.key = digest("code").with(sys)
	}
	if len(code) < 24 && placeholder(strings.ToLower(code)) {
		return coded{}, false
	}
	if out.sys != otherSystem {
		out.key = digest("code").with(systemNames[out.sys : out.sys+1])
	}
	out.key = out.key.with(code)
	return out, true
}

// vagueSNOMED tells of concepts that stand where nothing is said: they never make two things the same.
func vagueSNOMED(code string) bool {
	switch code {
	case "55607006", // problem
		"404684003",       // clinical finding
		"64572001",        // disease
		"71388002",        // procedure
		"243796009",       // situation with explicit context
		"138875005",       // SNOMED CT concept
		"261665006",       // unknown
		"74964007",        // other
		"385432009",       // not applicable
		"373121007",       // test not done
		"1631000175102",   // patient not asked
		"105590001",       // substance
		"410942007",       // drug or medicament
		"763158003",       // medicinal product
		"419199007",       // allergy to substance
		"609328004",       // allergic disposition
		"420134006",       // propensity to adverse reaction
		"261988005",       // not known
		"787881000000103": // no information
		return true
	}
	return false
}

// ndc11 is a National Drug Code in the form 5-4-2 without hyphens. Ten digits without hyphens may be one of three codes,
// and are none.
func ndc11(s string) (string, bool) {
	a, rest, hyphens := strings.Cut(s, "-")
	if !hyphens {
		return s, len(s) == 11 && digits(s)
	}
	b, c, ok := strings.Cut(rest, "-")
	if !ok || !digits(a) || !digits(b) || !digits(c) {
		return "", false
	}
	switch [3]int{len(a), len(b), len(c)} {
	case [3]int{5, 4, 2}:
		return a + b + c, true
	case [3]int{4, 4, 2}:
		return "0" + a + b + c, true
	case [3]int{5, 3, 2}:
		return a + "0" + b + c, true
	case [3]int{5, 4, 1}:
		return a + b + "0" + c, true
	}
	return "", false
}

// wholeLOINC is the code that is left when its hyphen and check digit are put back, as some sources cut them off; the digit
// follows from the others. False where the last digit may be the check digit, and only the hyphen is gone. What was made
// whole counts as words do: it tells the event only when all else agrees.
func wholeLOINC(sys, code string) (coded, bool) {
	if sys != fhir.SystemLOINC || len(code) < 3 || len(code) > 6 || !digits(code) || luhnDigit(code[:len(code)-1], 0) == code[len(code)-1] {
		return coded{}, false
	}
	return standard(sys, code+"-"+string(luhnDigit(code, 0)))
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return s != ""
}
