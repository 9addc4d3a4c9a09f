package population

import "concord/testharness/internal/ojson"

// The code systems that are written.
const (
	loinc   = "http://loinc.org"
	snomed  = "http://snomed.info/sct"
	rxnorm  = "http://www.nlm.nih.gov/research/umls/rxnorm"
	icd10   = "http://hl7.org/fhir/sid/icd-10-cm"
	cvx     = "http://hl7.org/fhir/sid/cvx"
	cpt     = "http://www.ama-assn.org/go/cpt"
	ucum    = "http://unitsofmeasure.org"
	npi     = "http://hl7.org/fhir/sid/us-npi"
	usSSN   = "http://hl7.org/fhir/sid/us-ssn"
	hl7Code = "http://terminology.hl7.org/CodeSystem/"
	usCore  = "http://hl7.org/fhir/us/core/StructureDefinition/"
)

// systemOIDs are the names that the systems have besides.
var systemOIDs = map[string]string{
	loinc:  "urn:oid:2.16.840.1.113883.6.1",
	snomed: "urn:oid:2.16.840.1.113883.6.96",
	rxnorm: "urn:oid:2.16.840.1.113883.6.88",
	icd10:  "urn:oid:2.16.840.1.113883.6.90",
	cvx:    "urn:oid:2.16.840.1.113883.12.292",
	cpt:    "urn:oid:2.16.840.1.113883.6.12",
}

type object = ojson.Object

// code is one coding.
type code struct{ system, code, display string }

func coding(c code) *object {
	return ojson.New("system", c.system, "code", c.code, "display", c.display)
}

// concept is a CodeableConcept with the first code's display as its text.
func concept(codes ...code) *object {
	list := make([]any, 0, len(codes))
	text := ""
	for _, c := range codes {
		list = append(list, coding(c))
		if text == "" {
			text = c.display
		}
	}
	return ojson.New("coding", list, "text", text)
}

// bare is a CodeableConcept without text, as codes of HL7's own systems are written.
func bare(system, c, display string) *object {
	return ojson.New("coding", ojson.List(coding(code{system, c, display})))
}

var races = []code{
	{"urn:oid:2.16.840.1.113883.6.238", "2106-3", "White"}, {"urn:oid:2.16.840.1.113883.6.238", "2054-5", "Black or African American"},
	{"urn:oid:2.16.840.1.113883.6.238", "2028-9", "Asian"}, {"urn:oid:2.16.840.1.113883.6.238", "1002-5", "American Indian or Alaska Native"},
}

var ethnicities = []code{
	{"urn:oid:2.16.840.1.113883.6.238", "2186-5", "Not Hispanic or Latino"}, {"urn:oid:2.16.840.1.113883.6.238", "2135-2", "Hispanic or Latino"},
}

// test is a measurement with how its values spread.
type test struct {
	code, display     string
	unit              string
	mean, sd          float64
	decimals          int
	low, high         float64 // reference range; both 0: none
	children, chronic float64 // mean for children, and for the condition that the panel follows; 0: as mean
}

var vitals = []test{
	{"8867-4", "Heart rate", "/min", 74, 9, 0, 60, 100, 92, 0},
	{"9279-1", "Respiratory rate", "/min", 16, 2, 0, 12, 20, 22, 0},
	{"8310-5", "Body temperature", "Cel", 36.8, 0.3, 1, 36.1, 37.8, 0, 0},
	{"59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%", 97.4, 1.1, 0, 94, 100, 0, 0},
}

// panel is a laboratory report with its tests.
type panel struct {
	code, display string
	tests         []test
}

var basicMetabolic = []test{
	{"2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 94, 10, 0, 70, 99, 0, 148},
	{"3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "mg/dL", 15, 4, 0, 7, 20, 0, 0},
	{"2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.92, 0.17, 2, 0.6, 1.3, 0.5, 0},
	{"2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 139.6, 2.2, 0, 136, 145, 0, 0},
	{"2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 4.2, 0.35, 1, 3.5, 5.1, 0, 0},
	{"2075-0", "Chloride [Moles/volume] in Serum or Plasma", "mmol/L", 102, 2.4, 0, 98, 107, 0, 0},
	{"2028-9", "Carbon dioxide, total [Moles/volume] in Serum or Plasma", "mmol/L", 25, 2, 0, 22, 29, 0, 0},
	{"17861-6", "Calcium [Mass/volume] in Serum or Plasma", "mg/dL", 9.4, 0.35, 1, 8.6, 10.2, 0, 0},
}

var panels = map[string]panel{
	"bmp": {"51990-0", "Basic metabolic panel - Blood", basicMetabolic},
	"cmp": {"24323-8", "Comprehensive metabolic 2000 panel - Serum or Plasma", append(append([]test{}, basicMetabolic...),
		test{"1751-7", "Albumin [Mass/volume] in Serum or Plasma", "g/dL", 4.3, 0.3, 1, 3.5, 5, 0, 0},
		test{"2885-2", "Protein [Mass/volume] in Serum or Plasma", "g/dL", 7.1, 0.4, 1, 6, 8.3, 0, 0},
		test{"1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL", 0.6, 0.2, 1, 0.1, 1.2, 0, 0},
		test{"6768-6", "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 74, 20, 0, 44, 147, 180, 0},
		test{"1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 24, 9, 0, 7, 56, 0, 0},
		test{"1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 23, 7, 0, 10, 40, 0, 0})},
	"cbc": {"58410-2", "CBC panel - Blood by Automated count", []test{
		{"6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", 6.9, 1.6, 1, 4.5, 11, 0, 0},
		{"789-8", "Erythrocytes [#/volume] in Blood by Automated count", "10*6/uL", 4.7, 0.4, 2, 4.2, 5.9, 0, 3.9},
		{"718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 14.1, 1.1, 1, 12, 17.5, 12.6, 10.2},
		{"4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count", "%", 42, 3.2, 1, 36, 50, 38, 31},
		{"777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 254, 48, 0, 150, 400, 0, 0},
		{"787-2", "MCV [Entitic volume] by Automated count", "fL", 89, 4, 1, 80, 100, 0, 74},
	}},
	"lipid": {"24331-1", "Lipid 1996 panel - Serum or Plasma", []test{
		{"2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 184, 28, 0, 0, 200, 0, 236},
		{"2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", 118, 38, 0, 0, 150, 0, 192},
		{"2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", 53, 11, 0, 40, 90, 0, 41},
		{"13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "mg/dL", 108, 24, 0, 0, 130, 0, 156},
	}},
	"ua": {"24356-8", "Urinalysis complete panel - Urine", []test{
		{"5811-5", "Specific gravity of Urine by Test strip", "{ratio}", 1.016, 0.005, 3, 1.005, 1.03, 0, 0},
		{"5803-2", "pH of Urine by Test strip", "[pH]", 6.1, 0.6, 1, 5, 8, 0, 0},
	}},
	"a1c":  {"4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", []test{{"4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 5.4, 0.3, 1, 4, 5.6, 0, 7.6}}},
	"tsh":  {"3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", []test{{"3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", 2.1, 0.8, 2, 0.4, 4.5, 0, 5.9}}},
	"inr":  {"6301-6", "INR in Platelet poor plasma by Coagulation assay", []test{{"6301-6", "INR in Platelet poor plasma by Coagulation assay", "{INR}", 1, 0.05, 1, 0.9, 1.1, 0, 2.5}}},
	"ferr": {"2276-4", "Ferritin [Mass/volume] in Serum or Plasma", []test{{"2276-4", "Ferritin [Mass/volume] in Serum or Plasma", "ng/mL", 96, 40, 0, 15, 300, 0, 9}}},
	"gfr":  {"33914-3", "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum or Plasma by Creatinine-based formula (MDRD)", []test{{"33914-3", "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum or Plasma by Creatinine-based formula (MDRD)", "mL/min/{1.73_m2}", 92, 12, 0, 60, 120, 0, 46}}},
	"psa":  {"2857-1", "Prostate specific Ag [Mass/volume] in Serum or Plasma", []test{{"2857-1", "Prostate specific Ag [Mass/volume] in Serum or Plasma", "ng/mL", 1.3, 0.6, 2, 0, 4, 0, 2.4}}},
}

// units that are written otherwise than their UCUM code.
var unitText = map[string]string{
	"/min": "/min", "Cel": "degC", "[pH]": "pH", "{ratio}": "", "{INR}": "", "m[IU]/L": "mIU/L", "10*3/uL": "10*3/uL",
	"mL/min/{1.73_m2}": "mL/min/1.73m2", "kg/m2": "kg/m2", "{score}": "score",
}
