package fhir

import "strings"

// The URIs of the code systems that clinical records name most, as https://hl7.org/fhir/R4/terminologies-systems.html
// has them.
const (
	SystemSNOMED   = "http://snomed.info/sct"
	SystemLOINC    = "http://loinc.org"
	SystemRxNorm   = "http://www.nlm.nih.gov/research/umls/rxnorm"
	SystemICD10CM  = "http://hl7.org/fhir/sid/icd-10-cm"
	SystemICD10    = "http://hl7.org/fhir/sid/icd-10"
	SystemICD10PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
	SystemICD9CM   = "http://hl7.org/fhir/sid/icd-9-cm"
	SystemCVX      = "http://hl7.org/fhir/sid/cvx"
	SystemMVX      = "http://hl7.org/fhir/sid/mvx"
	SystemNDC      = "http://hl7.org/fhir/sid/ndc"
	SystemCPT      = "http://www.ama-assn.org/go/cpt"
	SystemHCPCS    = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
	SystemUNII     = "http://fdasis.nlm.nih.gov"
	SystemUCUM     = "http://unitsofmeasure.org"
	SystemNDFRT    = "http://hl7.org/fhir/ndfrt"
	SystemNCIT     = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
	SystemNUCC     = "http://nucc.org/provider-taxonomy"
	SystemCDCRace  = "urn:oid:2.16.840.1.113883.6.238" // race and ethnicity, whose URI is an OID
	SystemNPI      = "http://hl7.org/fhir/sid/us-npi"
	SystemSSN      = "http://hl7.org/fhir/sid/us-ssn"
	SystemMBI      = "http://hl7.org/fhir/sid/us-mbi"
)

const (
	hl7Terminology = "http://terminology.hl7.org/CodeSystem/"
	hl7FHIR        = "http://hl7.org/fhir/"
	hl7OID         = "2.16.840.1.113883."
)

// CanonicalSystem is the URI under which R4 knows the code system or identifier system that s names: s itself unless it
// is another spelling of one that is known here, such as an OID, a retired URI, https for http or a slash at the end.
// Two systems are the same when this gives the same for both.
func CanonicalSystem(s string) string {
	if plainSystem(s) {
		return s
	}
	t, oid := strings.TrimSpace(s), false
	if len(t) > 8 && strings.EqualFold(t[:8], "urn:oid:") {
		t, oid = t[8:], true
	}
	if rest, ok := strings.CutPrefix(t, hl7OID); ok || oid {
		if c := fromOID(rest); ok && c != "" {
			return c
		}
		if oid && s[:8] == "urn:oid:" && len(t) == len(s)-8 {
			return s
		}
		return "urn:oid:" + t
	}
	if rest, ok := strings.CutPrefix(t, "https://"); ok {
		t = "http://" + rest
	}
	t = strings.TrimSuffix(t, "/")
	if c := fromURI(t); c != "" {
		return c
	}
	if known(t) {
		return t // https or the slash was the only difference
	}
	return s
}

// plainSystem tells, fast, that s is a canonical spelling of the systems that are met most.
func plainSystem(s string) bool {
	switch s {
	case "", SystemSNOMED, SystemLOINC, SystemRxNorm, SystemICD10CM, SystemCVX, SystemNDC, SystemUCUM, SystemCPT, SystemNPI:
		return true
	}
	return strings.HasPrefix(s, hl7Terminology) && s[len(s)-1] != '/'
}

// fromOID is the URI for what follows HL7's OID arc; "" when it has none.
func fromOID(arc string) string {
	switch arc {
	case "6.96":
		return SystemSNOMED
	case "6.1":
		return SystemLOINC
	case "6.88":
		return SystemRxNorm
	case "6.90":
		return SystemICD10CM
	case "6.3":
		return SystemICD10
	case "6.4":
		return SystemICD10PCS
	case "6.42", "6.103", "6.104":
		return SystemICD9CM
	case "6.69":
		return SystemNDC
	case "6.12":
		return SystemCPT
	case "6.14", "6.285":
		return SystemHCPCS
	case "6.8":
		return SystemUCUM
	case "6.101":
		return SystemNUCC
	case "12.292", "6.59":
		return SystemCVX
	case "12.227", "6.60":
		return SystemMVX
	case "4.9":
		return SystemUNII
	case "4.6":
		return SystemNPI
	case "4.1":
		return SystemSSN
	case "4.927":
		return SystemMBI
	case "3.26.1.1":
		return SystemNCIT
	case "3.26.1.5":
		return SystemNDFRT
	}
	if n, ok := strings.CutPrefix(arc, "12."); ok && number(n) && len(n) <= 4 {
		return hl7Terminology + "v2-" + "0000"[len(n):] + n // an HL7 version 2 table
	}
	if n, ok := strings.CutPrefix(arc, "5."); ok {
		if v3 := v3System(n); v3 != "" {
			return hl7Terminology + "v3-" + v3
		}
	}
	return ""
}

// v3System is the name of an HL7 version 3 code system that C-CDA uses.
func v3System(n string) string {
	switch n {
	case "1":
		return "AdministrativeGender"
	case "2":
		return "MaritalStatus"
	case "4":
		return "ActCode"
	case "6":
		return "ActClass"
	case "7":
		return "ActPriority"
	case "8":
		return "ActReason"
	case "14":
		return "ActStatus"
	case "25":
		return "Confidentiality"
	case "43":
		return "EntityNamePartQualifier"
	case "83":
		return "ObservationInterpretation"
	case "84":
		return "ObservationMethod"
	case "88":
		return "ParticipationFunction"
	case "90":
		return "ParticipationType"
	case "110":
		return "RoleClass"
	case "111":
		return "RoleCode"
	case "112":
		return "RouteOfAdministration"
	case "139":
		return "TimingEvent"
	case "1001":
		return "ActMood"
	case "1008":
		return "NullFlavor"
	case "1022":
		return "GTSAbbreviation"
	case "1063":
		return "ObservationValue"
	case "1076":
		return "ReligiousAffiliation"
	}
	return ""
}

// fromURI is the canonical URI for a retired or local spelling; "" when s is not one.
func fromURI(s string) string {
	switch s {
	case "http://snomed.info/id", "http://www.snomed.org", "http://ihtsdo.org/snomed-ct":
		return SystemSNOMED
	case "http://www.loinc.org":
		return SystemLOINC
	case "http://hl7.org/fhir/sid/rxnorm", "http://rxnorm.info":
		return SystemRxNorm
	case "http://hl7.org/fhir/sid/icd-10-us", "http://www.icd10data.com/icd10cm":
		return SystemICD10CM
	case "http://hl7.org/fhir/sid/icd-10-pcs", "http://www.icd10data.com/icd10pcs":
		return SystemICD10PCS
	case "http://hl7.org/fhir/sid/icd-9-cm/diagnosis", "http://hl7.org/fhir/sid/icd-9-cm/procedure", "http://hl7.org/fhir/sid/icd-9":
		return SystemICD9CM
	case "http://www2a.cdc.gov/vaccines/iis/iisstandards/vaccines.asp?rpt=cvx":
		return SystemCVX
	case "http://terminology.hl7.org/CodeSystem/MVX":
		return SystemMVX
	case "http://ama-assn.org/go/cpt", "http://hl7.org/fhir/sid/cpt":
		return SystemCPT
	case "http://hl7.org/fhir/sid/hcpcs", "http://terminology.hl7.org/CodeSystem/HCPCS":
		return SystemHCPCS
	case "http://fdasis.nlm.nih.gov/srs":
		return SystemUNII
	case "http://www.nucc.org/provider-taxonomy":
		return SystemNUCC
	}
	if rest, ok := strings.CutPrefix(s, hl7FHIR); ok {
		return fromSTU3(rest)
	}
	return ""
}

// fromSTU3 is where R4 moved a code system that earlier versions kept under http://hl7.org/fhir/.
func fromSTU3(rest string) string {
	if n, ok := strings.CutPrefix(rest, "v2/"); ok && number(n) {
		return hl7Terminology + "v2-" + n
	}
	if n, ok := strings.CutPrefix(rest, "v3/"); ok && n != "" {
		return hl7Terminology + "v3-" + n
	}
	switch rest {
	case "observation-category", "condition-category", "data-absent-reason", "allergyintolerance-clinical",
		"allergyintolerance-verification", "condition-clinical", "condition-ver-status", "admit-source",
		"discharge-disposition", "diagnosis-role", "goal-category", "goal-priority", "organization-type",
		"practitioner-role", "immunization-origin", "referencerange-meaning", "service-type", "medication-statement-category":
		return hl7Terminology + rest
	}
	return ""
}

// StandardSystem tells whether a code of system s, in any spelling that CanonicalSystem knows, means the same at every
// source: the published vocabularies and identifier registries, and all that HL7 itself defines.
func StandardSystem(s string) bool { return known(CanonicalSystem(s)) }

// known tells whether the canonical URI s is that of a standard system.
func known(s string) bool {
	switch s {
	case SystemSNOMED, SystemLOINC, SystemRxNorm, SystemICD10PCS, SystemCPT, SystemHCPCS, SystemUNII, SystemUCUM, SystemNCIT,
		SystemNUCC, SystemCDCRace, "urn:iso:std:iso:3166", "urn:iso:std:iso:3166:-2", "urn:iso:std:iso:4217",
		"urn:ietf:bcp:47", "urn:ietf:bcp:13", "urn:ietf:rfc:3986", "http://dicom.nema.org/resources/ontology/DCM",
		"http://www.ada.org/cdt", "http://www.ada.org/snodent", "http://www.whocc.no/atc", "http://id.who.int/icd/release/11/mms",
		"http://www.cms.gov/Medicare/Coding/ICD9", "http://hl7.org/fhir", "http://va.gov/terminology/medrt",
		"http://www.nubc.org/patient-discharge":
		return true
	}
	return strings.HasPrefix(s, hl7Terminology) || strings.HasPrefix(s, hl7FHIR)
}

// foldedSystem tells whether codes of the canonical system s are alike whatever their case: those of ICD are, those of
// other standard systems are taken as they are written, and of any other system that is not known, where R4 asks to err
// on the side of finding (https://hl7.org/fhir/R4/search.html#token).
func foldedSystem(s string) bool {
	switch s {
	case SystemICD10CM, SystemICD10, SystemICD10PCS, SystemICD9CM:
		return true
	}
	return !known(s)
}

// number tells whether s is digits only.
func number(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return s != ""
}
