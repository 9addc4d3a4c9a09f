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

// coded is a code of a standard system, under one name of the system and in one form.
type coded struct {
	key Key
	sys system
}

// concept is what a CodeableConcept says: codes of standard systems, whose meaning is the same everywhere, and words.
type concept struct {
	codes []coded
	texts []Key
}

// likeness is how two concepts compare.
type likeness uint8

const (
	unlike   likeness = iota
	silent            // one says nothing
	worded            // the same words, and no code to compare
	contrary          // a code in common, and others that exclude each other
	shared            // a code in common
)

// reader collects what concepts say.
type reader struct {
	codes []coded
	texts []Key
}

// readConcept adds what v says, a CodeableConcept, a Coding, or an array of either.
func (w *reader) readConcept(v fhir.Value) {
	for c := range v.Items() {
		if !c.IsObject() {
			continue
		}
		if c.Get("code").IsString() { // a Coding
			w.readCoding(c)
			continue
		}
		for x := range c.Get("coding").Items() {
			w.readCoding(x)
		}
		w.readText(c.Get("text"))
	}
}

func (w *reader) readCoding(v fhir.Value) {
	sys, code := v.Get("system"), v.Get("code")
	if c, ok := standard(fhir.CanonicalSystem(sys.Text()), code.Text()); ok {
		w.codes = append(w.codes, c)
	}
	if d := v.Get("display"); d.IsString() && !nullFlavor(sys.Text()) {
		w.readText(d)
	}
}

func (w *reader) readText(v fhir.Value) {
	if !v.IsString() {
		return
	}
	k, ok := textKey(v.Text())
	if !ok {
		return
	}
	for _, t := range w.texts {
		if t == k {
			return
		}
	}
	w.texts = append(w.texts, k)
}

// conceptOf is what v says.
func conceptOf(v fhir.Value) concept {
	var r reader
	r.readConcept(v)
	return concept(r)
}

// concept is what v says, in the world's memory.
func (w *World) concept(v fhir.Value) concept {
	w.reset()
	w.readConcept(v)
	return w.take()
}

func (w *World) take() concept {
	return concept{w.codeArena.take(w.codes), w.keyArena.take(w.texts)}
}

func (w *reader) reset() { w.codes, w.texts = w.codes[:0], w.texts[:0] }

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
			return coded{}, false // cut off; which code it was is not to be guessed
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

// systemNames has a letter for each system, to make keys of.
const systemNames = "oslrniIcpu"

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

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return s != ""
}

// alike compares two concepts. Where both have codes of one of the decisive systems, those of one must be among those of
// the other.
func alike(a, b *concept, decisive ...system) likeness {
	switch {
	case len(a.codes) > 0 && len(b.codes) > 0:
		return alikeCodes(a, b, decisive)
	case len(a.codes)+len(a.texts) == 0 || len(b.codes)+len(b.texts) == 0:
		return silent
	case overlap(a.texts, b.texts):
		return worded
	case len(a.texts) == 0 || len(b.texts) == 0:
		return silent // a code here, words there
	}
	return unlike
}

func alikeCodes(a, b *concept, decisive []system) likeness {
	if !overlapCodes(a.codes, b.codes) {
		return unlike
	}
	for _, s := range decisive {
		if overA, overB := beyond(a.codes, b.codes, s), beyond(b.codes, a.codes, s); overA && overB {
			return contrary
		}
	}
	return shared
}

// oneSystem tells whether both have a code of one system, so that what is unlike excludes each other.
func oneSystem(a, b *concept) bool {
	for _, x := range a.codes {
		for _, y := range b.codes {
			if x.sys == y.sys {
				return true
			}
		}
	}
	return false
}

func overlapCodes(a, b []coded) bool {
	for _, x := range a {
		for _, y := range b {
			if x.key == y.key {
				return true
			}
		}
	}
	return false
}

// beyond tells whether a has a code of a system that b has not.
func beyond(a, b []coded, s system) bool {
next:
	for _, x := range a {
		if x.sys != s {
			continue
		}
		for _, y := range b {
			if x.key == y.key {
				continue next
			}
		}
		return true
	}
	return false
}

// alikeDrugs compares what is a drug. A package code that both have is enough; RxNorm's must not exclude each other, and
// go before SNOMED's; of packages there are many for one drug.
func alikeDrugs(a, b *concept) likeness {
	if len(a.codes) == 0 || len(b.codes) == 0 {
		return alike(a, b)
	}
	for _, x := range a.codes {
		if x.sys == ndc && hasCode(b.codes, x.key) {
			return shared
		}
	}
	for _, s := range [...]system{rxNorm, snomed} {
		common, both := compareIn(a.codes, b.codes, s)
		switch {
		case both && !common:
			return unlike
		case both && beyond(a.codes, b.codes, s) && beyond(b.codes, a.codes, s):
			return contrary
		case both:
			return shared
		}
	}
	if overlapCodes(a.codes, b.codes) {
		return shared
	}
	return unlike
}

// compareIn tells whether both have codes of a system, and whether they have one in common.
func compareIn(a, b []coded, s system) (common, both bool) {
	var hasA, hasB bool
	for _, x := range a {
		if x.sys == s {
			hasA = true
			common = common || hasCode(b, x.key)
		}
	}
	for _, y := range b {
		hasB = hasB || y.sys == s
	}
	return common, hasA && hasB
}

func hasCode(list []coded, k Key) bool {
	for _, x := range list {
		if x.key == k {
			return true
		}
	}
	return false
}
