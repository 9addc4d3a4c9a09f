package merge_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/fhir"
	"concord/merge"
)

// with is a resource with parts replaced; a part that is not there is a mistake in the test.
func with(s string, oldNew ...string) string {
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(s, oldNew[i]) {
			panic("not there: " + oldNew[i])
		}
		s = strings.ReplaceAll(s, oldNew[i], oldNew[i+1])
	}
	return s
}

// plus is a resource with members added.
func plus(s, members string) string { return strings.TrimSuffix(s, "}") + "," + members + "}" }

// case2 is copies of sources a, b, c in turn, and what is to become of them.
type case2 struct {
	name   string
	copies []string
	want   []string
}

func mergeCopies(t testing.TB, copies ...string) merge.Record {
	t.Helper()
	var batches []merge.Batch
	for i, c := range copies {
		batches = append(batches, merge.Batch{Source: concord.SourceID(rune('a' + i)), Resources: []fhir.Resource{resource(t, in("1", c))}})
	}
	return merge.NewEngine(merge.Default()).Merge(batches)
}

func check(t *testing.T, cases []case2) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, told(mergeCopies(t, c.copies...))); d != "" {
				t.Error(d)
			}
			if len(c.copies) == 2 {
				back := told(mergeCopies(t, c.copies[1], c.copies[0]))
				if len(back) != len(c.want) {
					t.Error("the other way round:", back)
				}
			}
		})
	}
}

var (
	one    = []string{"a.1+b.1"}
	apart2 = []string{"a.1", "b.1"}
)

func clash(code string) []string { return []string{"a.1!" + code, "b.1!" + code} }

const (
	allergy = `{"resourceType":"AllergyIntolerance","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"confirmed"}]},"category":["medication"],"code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"723"}],"text":"amoxicillin"},"reaction":[{"manifestation":[{"text":"hives"}]}]}`
	nka     = `{"resourceType":"AllergyIntolerance","code":{"coding":[{"system":"http://snomed.info/sct","code":"716186003"}],"text":"No known allergy"}}`
	diag    = `{"resourceType":"Condition","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"M17.9"},{"system":"http://snomed.info/sct","code":"239873007"}],"text":"Osteoarthritis of knee"},"onsetDateTime":"2019-03-04"}`
	rx      = `{"resourceType":"MedicationRequest","status":"active","intent":"order","medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"}],"text":"metformin 500 MG Oral Tablet"},"authoredOn":"2024-01-02T10:00:00Z","requester":{"display":"Jane Doe, MD"},"dosageInstruction":[{"text":"Take 1 tablet twice daily","timing":{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}},"route":{"coding":[{"system":"http://snomed.info/sct","code":"26643006"}]},"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]}]}`
	shot    = `{"resourceType":"Immunization","status":"completed","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"08"}],"text":"Hep B"},"occurrenceDateTime":"2024-02-03","lotNumber":"AB-123","primarySource":true}`
	lab     = `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"17861-6","display":"Calcium [Mass/volume] in Serum or Plasma"}],"text":"Calcium"},"effectiveDateTime":"2024-05-01T13:30:00Z","valueQuantity":{"value":9.4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`
	weight  = `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"effectiveDateTime":"2024-05-01T13:30:00Z","valueQuantity":{"value":70.3,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`
	smoking = `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"social-history"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"72166-2"}]},"effectiveDateTime":"2024-05-01T13:30:00Z","valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"266919005"}],"text":"Never smoked"}}`
	bp      = `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"effectiveDateTime":"2024-05-01T13:30:00Z","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120,"unit":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80,"unit":"mm[Hg]"}}]}`
	result  = `{"resourceType":"DiagnosticReport","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"58410-2"}]},"effectiveDateTime":"2024-05-01T13:30:00Z","identifier":[{"system":"urn:oid:1.2.3.4","value":"ACC-1"}]}`
	op      = `{"resourceType":"Procedure","status":"completed","code":{"coding":[{"system":"http://snomed.info/sct","code":"73761001"}]},"performedDateTime":"2024-05-01T13:30:00Z","performer":[{"actor":{"display":"Jane Doe, MD"}}]}`
	stay    = `{"resourceType":"Encounter","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"period":{"start":"2024-05-01T13:00:00Z","end":"2024-05-01T13:30:00Z"},"serviceProvider":{"display":"North Clinic"}}`
	cover   = `{"resourceType":"Coverage","status":"active","subscriberId":"W123-456","payor":[{"display":"Blue Plan"}],"period":{"start":"2024-01-01","end":"2024-12-31"},"dependent":"1"}`
	implant = `{"resourceType":"Device","status":"active","udiCarrier":[{"deviceIdentifier":"00844588003288"}],"serialNumber":"S-77"}`
	family  = `{"resourceType":"FamilyMemberHistory","status":"completed","relationship":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"FTH"}]},"condition":[{"code":{"coding":[{"system":"http://snomed.info/sct","code":"44054006"}]}}]}`
	doctor  = `{"resourceType":"Practitioner","identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893"}],"name":[{"family":"Doe","given":["Jane"]}]}`
	house   = `{"resourceType":"Organization","identifier":[{"system":"urn:oid:2.16.840.1.113883.4.7","value":"05D1234567"}],"name":"North Clinic"}`
	room    = `{"resourceType":"Location","name":"North Clinic Lab","address":{"line":["1 Main St."],"city":"Salem","postalCode":"01970-1234"}}`
	order   = `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"coding":[{"system":"http://loinc.org","code":"58410-2"}]},"authoredOn":"2024-05-01T13:00:00Z","requester":{"display":"Jane Doe"},"identifier":[{"system":"urn:oid:1.2.3.5","value":"PL-9"}]}`
	drug    = `{"resourceType":"Medication","code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"},{"system":"http://hl7.org/fhir/sid/ndc","code":"0093-7214-01"}],"text":"metformin 500 MG Oral Tablet"},"form":{"text":"tablet"}}`
	note    = `{"resourceType":"DocumentReference","status":"current","type":{"coding":[{"system":"http://loinc.org","code":"11506-3"}]},"date":"2024-05-01T13:00:00Z","content":[{"attachment":{"contentType":"text/html","data":"PGI+aGVsbG88L2I+"}}]}`
)

func TestAllergyIntolerance(t *testing.T) {
	check(t, []case2{
		{"reactions differ: one, with both", []string{allergy, with(allergy, "hives", "anaphylaxis")}, one},
		{"refuted against active", []string{allergy, with(allergy, "confirmed", "refuted")}, clash("negation")},
		{"entered in error against active", []string{allergy, with(allergy, "confirmed", "entered-in-error")}, clash("negation")},
		{"resolved against active", []string{allergy, with(allergy, `"active"`, `"resolved"`)}, clash("status")},
		{"unconfirmed and confirmed are one", []string{allergy, with(allergy, "confirmed", "unconfirmed")}, one},
		{"no known allergy never merges with a substance, and both are flagged", []string{allergy, nka}, clash("no-known")},
		{"no known allergy against one that is over", []string{with(allergy, `"active"`, `"resolved"`), nka}, apart2},
		{"no known food allergy against a drug", []string{allergy, with(nka, "716186003", "429625007")}, apart2},
		{"no known drug allergy in words against a drug", []string{allergy, `{"resourceType":"AllergyIntolerance","code":{"text":"NKDA"}}`}, clash("no-known")},
		{"two that none is known", []string{nka, with(nka, "http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96")}, one},
		{"nobody asked is no statement", []string{allergy, with(nka, "716186003", "1631000175102", "No known allergy", "Not on File")}, apart2},
		{"nobody asked, and none known", []string{nka, with(nka, "716186003", "1631000175102", "No known allergy", "Not on File")}, apart2},
		{"a class and a member", []string{allergy, with(allergy, `"723"`, `"70618"`, "amoxicillin", "penicillins")}, apart2},
		{"words alone on one side", []string{allergy, with(allergy, `"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"723"}],`, "", "amoxicillin", "Amoxicillin ")}, one},
		{"RxNorm here and SNOMED there, in the same words", []string{allergy, with(allergy, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://snomed.info/sct", `"723"`, `"372687004"`)}, one},
		{"RxNorm here and SNOMED there, in other words", []string{allergy, with(allergy, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://snomed.info/sct", `"723"`, `"372687004"`, "amoxicillin", "penicillin class")}, apart2},
	})
	rec := mergeCopies(t, allergy, with(allergy, "hives", "anaphylaxis"))
	if a := rec.Entries[0].Add; len(a) != 1 || a[0].Name != "reaction" {
		t.Errorf("the other's reaction is not added: %d", len(a))
	}
}

func TestCondition(t *testing.T) {
	undated := with(diag, `,"onsetDateTime":"2019-03-04"`, "")
	check(t, []case2{
		{"two episodes with different onset", []string{diag, with(diag, "2019-03-04", "2021-03-04")}, apart2},
		{"a problem and a diagnosis of an encounter", []string{diag, with(diag, "problem-list-item", "encounter-diagnosis")}, apart2},
		{"clinical status", []string{diag, with(diag, `"active"`, `"resolved"`)}, clash("status")},
		{"refuted", []string{diag, with(diag, "confirmed", "refuted")}, clash("negation")},
		{"entered in error", []string{diag, with(diag, "confirmed", "entered-in-error")}, clash("negation")},
		{"the other side", []string{plus(diag, `"bodySite":[{"text":"left knee"}]`), plus(diag, `"bodySite":[{"text":"right knee"}]`)}, clash("site")},
		{"the other side, by a code", []string{with(diag, "M17.9", "M17.11"), with(diag, "M17.9", "M17.12")}, clash("code")},
		{"ICD without its dot, in lower case", []string{diag, with(diag, "M17.9", "m179")}, one},
		{"a year that holds the day", []string{diag, with(diag, "2019-03-04", "2019")}, one},
		{"a year that does not", []string{diag, with(diag, "2019-03-04", "2018")}, apart2},
		{"local midnight", []string{diag, with(diag, "2019-03-04", "2019-03-04T00:00:00-05:00")}, one},
		{"midnight in another zone", []string{diag, with(diag, "2019-03-04", "2019-03-04T05:00:00Z")}, one},
		{"one without onset", []string{diag, undated}, one},
		{"one without onset, that was written down before the other began", []string{diag, plus(undated, `"recordedDate":"2018-01-01"`)}, apart2},
		{"placeholders", []string{with(diag, "239873007", "55607006", `{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"M17.9"},`, "", "Osteoarthritis of knee", "unknown"), with(diag, "239873007", "55607006", `{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"M17.9"},`, "", "Osteoarthritis of knee", "unknown")}, apart2},
		{"SNOMED here and ICD there", []string{with(diag, `{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"M17.9"},`, ""), with(diag, `,{"system":"http://snomed.info/sct","code":"239873007"}`, "", "Osteoarthritis of knee", "Knee pain")}, apart2},
		{"SNOMED here and ICD there, in the same words and from the same day", []string{with(diag, `{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"M17.9"},`, ""), with(diag, `,{"system":"http://snomed.info/sct","code":"239873007"}`, "")}, one},
		{"SNOMED here and ICD there, in the same words and from another day", []string{with(diag, `{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"M17.9"},`, ""), with(diag, `,{"system":"http://snomed.info/sct","code":"239873007"}`, "", "2019-03-04", "2019-03-05")}, apart2},
		{"SNOMED here, ICD there, and a third that has both", []string{with(diag, `{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"M17.9"},`, ""), with(diag, `,{"system":"http://snomed.info/sct","code":"239873007"}`, ""), diag}, []string{"a.1+b.1+c.1"}},
		{"no known problems against one", []string{diag, `{"resourceType":"Condition","code":{"coding":[{"system":"http://snomed.info/sct","code":"160245001"}]}}`}, clash("no-known")},
	})
}

func TestMedicationRequest(t *testing.T) {
	check(t, []case2{
		{"dose", []string{rx, with(rx, `"value":1`, `"value":2`)}, clash("dose")},
		{"frequency", []string{rx, with(rx, `"frequency":2`, `"frequency":3`)}, clash("dose")},
		{"twice a day, and every twelve hours", []string{rx, with(rx, `"frequency":2,"period":1,"periodUnit":"d"`, `"frequency":1,"period":12,"periodUnit":"h"`)}, one},
		{"route", []string{rx, with(rx, "26643006", "34206005")}, clash("dose")},
		{"a dose in words alone", []string{rx, with(rx, `"timing":{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}},`, "", `,"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]`, "")}, one},
		{"another dose in words alone", []string{rx, with(rx, `"timing":{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}},`, "", `,"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]`, "", "Take 1 tablet", "Take 2 tablets")}, clash("dose")},
		{"the same dose in other units", []string{with(rx, `"value":1,"unit":"tablet"`, `"value":0.5,"unit":"g"`), with(rx, `"value":1,"unit":"tablet"`, `"value":500,"unit":"mg"`)}, one},
		{"active against stopped", []string{rx, with(rx, `"active"`, `"stopped"`)}, clash("status")},
		{"a plan is no order", []string{rx, with(rx, `"order"`, `"plan"`)}, apart2},
		{"not to be given", []string{rx, plus(rx, `"doNotPerform":true`)}, clash("negation")},
		{"entered in error", []string{rx, with(rx, `"active"`, `"entered-in-error"`)}, clash("negation")},
		{"another prescriber", []string{rx, with(rx, "Jane Doe, MD", "John Roe, MD")}, apart2},
		{"the prescription's number, another hour", []string{plus(rx, `"identifier":[{"system":"urn:oid:1.2.3.6","value":"RX-77"}]`), plus(with(rx, "T10:00:00Z", "T18:00:00Z", `"requester":{"display":"Jane Doe, MD"},`, ""), `"identifier":[{"system":"urn:oid:1.2.3.6","value":"RX-77"}]`)}, one},
		{"the prescription's number, another dose", []string{plus(rx, `"identifier":[{"system":"urn:oid:1.2.3.6","value":"RX-77"}]`), plus(with(rx, `"value":1`, `"value":2`), `"identifier":[{"system":"urn:oid:1.2.3.6","value":"RX-77"}]`)}, clash("dose")},
		{"RxNorm here and the package there, in the same words", []string{rx, with(rx, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc", "860975", "00093-7214-01")}, one},
		{"RxNorm here and the package there, in other words", []string{rx, with(rx, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc", "860975", "00093-7214-01", "metformin 500 MG Oral Tablet", "glucophage")}, apart2},
		{"the prescriber's name in another order", []string{rx, with(rx, "Jane Doe, MD", "Doe, Jane")}, one},
		{"the day alone", []string{rx, with(rx, "2024-01-02T10:00:00Z", "2024-01-02")}, one},
		{"the evening's day", []string{with(rx, "2024-01-02T10:00:00Z", "2024-01-03T01:00:00Z"), with(rx, "2024-01-02T10:00:00Z", "2024-01-02")}, one},
		{"another day", []string{rx, with(rx, "2024-01-02T10:00:00Z", "2024-01-09T10:00:00Z")}, apart2},
		{"an ingredient in common, and other products", []string{with(rx, `"coding":[`, `"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"6809"},`), with(rx, `"coding":[`, `"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"6809"},`, "860975", "861004")}, apart2},
		{"a contained drug", []string{rx, with(rx, `"medicationCodeableConcept":{"coding"`, `"contained":[{"resourceType":"Medication","id":"m","code":{"coding"`, `"text":"metformin 500 MG Oral Tablet"}`, `"text":"metformin 500 MG Oral Tablet"}}],"medicationReference":{"reference":"#m"}`)}, one},
		{"a drug that is named only", []string{rx, with(rx, `"medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"}],"text":"metformin 500 MG Oral Tablet"}`, `"medicationReference":{"reference":"Medication/9","display":"Metformin 500 mg oral tablet"}`)}, one},
		{"a package written in three ways", []string{with(rx, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc", "860975", "0093-7214-01"), with(rx, "http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.69", "860975", "00093721401", "metformin 500 MG Oral Tablet", "met")}, one},
		{"a package without hyphens is no evidence", []string{with(rx, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc", "860975", "0093721401", "metformin 500 MG Oral Tablet", ""), with(rx, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc", "860975", "0093721401", "metformin 500 MG Oral Tablet", "")}, apart2},
	})
}

func TestMedicationReference(t *testing.T) {
	ref := with(rx, `"medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"}],"text":"metformin 500 MG Oral Tablet"}`, `"medicationReference":{"reference":"Medication/77"}`)
	rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{
		{Source: "a", Resources: []fhir.Resource{resource(t, in("1", rx))}},
		{Source: "b", Resources: []fhir.Resource{resource(t, in("1", ref)), resource(t, in("77", drug))}},
	})
	if d := cmp.Diff([]string{"b.77", "a.1+b.1"}, told(rec)); d != "" {
		t.Error(d)
	}
}

func TestMedicationStatementDispenseAdministration(t *testing.T) {
	taken := with(rx, "MedicationRequest", "MedicationStatement", "authoredOn", "effectiveDateTime", "dosageInstruction", "dosage")
	given := with(rx, "MedicationRequest", "MedicationDispense", `"active"`, `"completed"`, "authoredOn", "whenHandedOver")
	infused := `{"resourceType":"MedicationAdministration","status":"completed","medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"}]},"effectiveDateTime":"2024-01-02T10:00:00Z","dosage":{"dose":{"value":5,"unit":"mg"}}}`
	check(t, []case2{
		{"a statement of the same day", []string{taken, with(taken, "T10:00:00Z", "T15:00:00Z")}, one},
		{"a statement of another dose", []string{taken, with(taken, `"value":1`, `"value":2`)}, clash("dose")},
		{"handed over on the same day", []string{given, with(given, "T10:00:00Z", "")}, one},
		{"handed over, another quantity", []string{plus(given, `"quantity":{"value":30}`), plus(given, `"quantity":{"value":60}`)}, apart2},
		{"given five minutes later", []string{infused, with(infused, "10:00:00", "10:05:00")}, one},
		{"given six minutes later", []string{infused, with(infused, "10:00:00", "10:06:00")}, apart2},
		{"given, another dose", []string{infused, with(infused, `"value":5`, `"value":10`)}, clash("dose")},
	})
}

func TestMedication(t *testing.T) {
	named := `{"resourceType":"Medication","code":{"text":"metformin 500 MG Oral Tablet"},"form":{"text":"Tablet"}}`
	check(t, []case2{
		{"RxNorm", []string{drug, with(drug, `,{"system":"http://hl7.org/fhir/sid/ndc","code":"0093-7214-01"}`, "")}, one},
		{"RxNorm decides, though packages differ", []string{drug, with(drug, "0093-7214-01", "0093-7214-10")}, one},
		{"another RxNorm", []string{drug, with(drug, "860975", "861004", `,{"system":"http://hl7.org/fhir/sid/ndc","code":"0093-7214-01"}`, "")}, apart2},
		{"the package", []string{with(drug, `{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"},`, ""), with(drug, `{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"},`, "", "0093-7214-01", "00093-7214-01")}, one},
		{"name and form", []string{named, with(named, "metformin 500 MG", "Metformin  500 mg")}, one},
		{"the name, and another form", []string{named, with(named, `"Tablet"`, `"Solution"`)}, apart2},
		{"SNOMED", []string{with(drug, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://snomed.info/sct", "860975", "109081006", `,{"system":"http://hl7.org/fhir/sid/ndc","code":"0093-7214-01"}`, ""), with(drug, "http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.96", "860975", "109081006", `,{"system":"http://hl7.org/fhir/sid/ndc","code":"0093-7214-01"}`, "", "metformin 500 MG Oral Tablet", "Metformin")}, one},
		{"a package of ten digits without hyphens tells nothing", []string{with(drug, `{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"},`, "", "0093-7214-01", "0093721401", `,"text":"metformin 500 MG Oral Tablet"`, ""), with(drug, `{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"},`, "", "0093-7214-01", "0093721401", `,"text":"metformin 500 MG Oral Tablet"`, "")}, apart2},
	})
}

func TestImmunization(t *testing.T) {
	check(t, []case2{
		{"not done against done", []string{shot, with(shot, "completed", "not-done")}, clash("negation")},
		{"another lot on the same day", []string{shot, with(shot, "AB-123", "XY-999")}, apart2},
		{"the lot in other letters", []string{shot, with(shot, "AB-123", "ab123")}, one},
		{"no lot", []string{shot, with(shot, `"lotNumber":"AB-123",`, "")}, one},
		{"a code without its zero", []string{shot, with(shot, `"08"`, `"8"`)}, one},
		{"without a date, one candidate", []string{shot, with(shot, `"occurrenceDateTime":"2024-02-03",`, "")}, one},
		{"a year", []string{shot, with(shot, "2024-02-03", "2024")}, one},
		{"another year", []string{shot, with(shot, "2024-02-03", "2023")}, apart2},
		{"another day", []string{shot, with(shot, "2024-02-03", "2024-02-05")}, apart2},
		{"another vaccine", []string{shot, with(shot, `"08"`, `"43"`)}, apart2},
		{"unspecified formulation and the one given", []string{shot, with(shot, `"08"`, `"45"`)}, one},
		{"unspecified formulation of something else", []string{shot, with(shot, `"08"`, `"88"`)}, apart2},
		{"unspecified formulation, another lot", []string{shot, with(shot, `"08"`, `"45"`, "AB-123", "XY-999")}, apart2},
		{"unspecified formulation, another day", []string{shot, with(shot, `"08"`, `"45"`, "2024-02-03", "2024-02-05")}, apart2},
		{"without a date, another dose of the series", []string{plus(shot, `"protocolApplied":[{"doseNumberPositiveInt":1}]`), plus(with(shot, `"occurrenceDateTime":"2024-02-03",`, "", `"lotNumber":"AB-123",`, ""), `"protocolApplied":[{"doseNumberPositiveInt":2}]`)}, apart2},
		{"on one day, counted otherwise", []string{plus(shot, `"protocolApplied":[{"doseNumberPositiveInt":1}]`), plus(shot, `"protocolApplied":[{"doseNumberPositiveInt":2}]`)}, one},
	})
	history := plus(with(shot, `"primarySource":true`, `"primarySource":false`), `"note":[{"text":"from the patient"}],"recorded":"2024-06-01"`)
	if rec := mergeCopies(t, history, shot); len(rec.Entries) != 1 || rec.Entries[0].Survivor.Source != "b" {
		t.Errorf("a report of it is not joined to the record of it: %v", told(rec))
	}
	two := merge.NewEngine(merge.Default()).Merge([]merge.Batch{
		{Source: "a", Resources: []fhir.Resource{resource(t, in("1", shot)), resource(t, in("2", with(shot, "2024-02-03", "2024-03-03")))}},
		{Source: "b", Resources: []fhir.Resource{resource(t, in("3", with(shot, `"occurrenceDateTime":"2024-02-03",`, "", "AB-123", "")))}},
	})
	if d := cmp.Diff([]string{"a.1?ambiguous", "a.2?ambiguous", "b.3?ambiguous"}, told(two)); d != "" {
		t.Error("without a date, two candidates:", d)
	}
}

func TestObservationLaboratory(t *testing.T) {
	id := plus(lab, `"identifier":[{"system":"urn:oid:1.2.3","value":"F-100"}]`)
	bare := with(lab, `"code":"17861-6"`, `"code":"8780"`)
	check(t, []case2{
		{"another value", []string{lab, with(lab, "9.4", "9.8")}, clash("value")},
		{"rounded to the lower precision", []string{lab, with(lab, "9.4", "9.41")}, one},
		{"a zero more", []string{lab, with(lab, "9.4", "9.400")}, one},
		{"a single digit tells too little", []string{with(lab, "9.4", "7"), with(lab, "9.4", "7.4")}, clash("value")},
		{"grams per litre", []string{lab, with(lab, `"value":9.4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"`, `"value":0.094,"unit":"g/L","system":"http://unitsofmeasure.org","code":"g/L"`)}, one},
		{"units that don't convert", []string{lab, with(lab, `"mg/dL"`, `"mmol/L"`)}, clash("value")},
		{"a free unit", []string{lab, with(lab, `"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"`, `"unit":"MG/DL"`)}, one},
		{"less than", []string{lab, with(lab, `"value":9.4`, `"value":9.4,"comparator":"<"`)}, clash("value")},
		{"no value, and why", []string{lab, with(lab, `"valueQuantity":{"value":9.4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}`, `"dataAbsentReason":{"text":"hemolyzed"}`)}, clash("value")},
		{"corrected, of the same number", []string{id, with(id, `"final"`, `"corrected"`)}, clash("status")},
		{"amended", []string{lab, with(lab, `"final"`, `"amended"`)}, clash("status")},
		{"preliminary and final of one number", []string{id, with(id, `"final"`, `"preliminary"`)}, one},
		{"preliminary and final without a number", []string{lab, with(lab, `"final"`, `"preliminary"`)}, clash("status")},
		{"preliminary with another value", []string{id, with(id, `"final"`, `"preliminary"`, "9.4", "9.9")}, clash("value")},
		{"cancelled", []string{lab, with(lab, `"final"`, `"cancelled"`)}, clash("negation")},
		{"entered in error", []string{lab, with(lab, `"final"`, `"entered-in-error"`)}, clash("negation")},
		{"one number, days apart", []string{id, with(id, "2024-05-01", "2024-05-09")}, apart2},
		{"one number for two tests of an order", []string{id, with(id, "17861-6", "2345-7")}, apart2},
		{"the filler's number, another hour", []string{id, with(id, "T13:30:00Z", "T15:05:00Z")}, one},
		{"less than, here and there", []string{with(lab, `"value":9.4`, `"value":9.4,"comparator":"<"`), with(lab, `"value":9.4`, `"value":9.40,"comparator":"<"`)}, one},
		{"units as laboratories write them", []string{lab, with(lab, `"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"`, `"unit":"mgs/DL"`)}, one},
		{"a code that was cut off, and no words", []string{lab, with(lab, "17861-6", "17861", `,"display":"Calcium [Mass/volume] in Serum or Plasma"`, "", `,"text":"Calcium"`, "")}, one},
		{"a code that was cut off, no words, and another value", []string{lab, with(lab, "17861-6", "17861", `,"display":"Calcium [Mass/volume] in Serum or Plasma"`, "", `,"text":"Calcium"`, "", "9.4", "9.8")}, clash("value")},
		{"the left arm and the right, in words", []string{with(lab, `"text":"Calcium"`, `"text":"Calcium, left arm"`), with(lab, `"text":"Calcium"`, `"text":"Calcium, right arm"`)}, clash("code")},
		{"a code that was cut off: words, when all else agrees", []string{lab, with(bare, "T13:30:00Z", "T09:30:00-04:00")}, one},
		{"a code that was cut off, and other words", []string{lab, with(bare, "Calcium [Mass/volume] in Serum or Plasma", "Glucose", `"text":"Calcium"`, `"text":"Glucose"`)}, apart2},
		{"a code that was cut off, and no value", []string{with(lab, `,"valueQuantity":{"value":9.4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}`, ""), with(bare, `,"valueQuantity":{"value":9.4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}`, "")}, apart2},
		{"a code that was cut off, and the day alone", []string{lab, with(bare, "T13:30:00Z", "")}, one},
		{"words alone", []string{lab, with(lab, `"coding":[{"system":"http://loinc.org","code":"17861-6","display":"Calcium [Mass/volume] in Serum or Plasma"}],`, "")}, one},
		{"components", []string{bp, bp}, one},
		{"components in the other order", []string{bp, with(bp, "8480-6", "x", "8462-4", "8480-6", `"x"`, `"8462-4"`, `"value":120`, `"value":8`, `"value":80`, `"value":120`, `"value":8,`, `"value":80,`)}, one},
		{"another component", []string{bp, with(bp, `"value":80`, `"value":90`)}, clash("value")},
		{"a component less", []string{bp, with(bp, `,{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80,"unit":"mm[Hg]"}}`, "")}, clash("value")},
		{"the left arm and the right, the same value", []string{plus(lab, `"bodySite":{"text":"left arm"}`), plus(lab, `"bodySite":{"text":"right arm"}`)}, clash("site")},
	})
	ranges := mergeCopies(t, plus(lab, `"referenceRange":[{"text":"8.6 - 10.2"}],"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N"}]}]`), plus(lab, `"referenceRange":[{"text":"8.0 - 10.0"}]`))
	if len(ranges.Entries) != 1 || len(ranges.Entries[0].Add) != 1 || ranges.Entries[0].Add[0].Name != "referenceRange" {
		t.Errorf("ranges differ: both are kept: %v", told(ranges))
	}
}

func TestObservationVitalSigns(t *testing.T) {
	pounds := with(weight, `"value":70.3,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"`, `"value":155,"unit":"lb"`)
	fever := with(weight, "29463-7", "8310-5", `"value":70.3,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"`, `"value":37.2,"unit":"Cel"`)
	check(t, []case2{
		{"pounds", []string{weight, pounds}, one},
		{"other pounds", []string{weight, with(pounds, "155", "157")}, clash("value")},
		{"Fahrenheit", []string{fever, with(fever, `"value":37.2,"unit":"Cel"`, `"value":99.0,"unit":"°F"`)}, one},
		{"other Fahrenheit", []string{fever, with(fever, `"value":37.2,"unit":"Cel"`, `"value":99.4,"unit":"degF"`)}, clash("value")},
		{"two measures minutes apart", []string{weight, with(weight, "13:30", "13:35")}, apart2},
		{"within a minute", []string{weight, with(weight, "13:30:00Z", "13:30:59.5Z")}, one},
	})
}

func TestObservationSocialHistory(t *testing.T) {
	check(t, []case2{
		{"the same answer on one day", []string{smoking, with(smoking, "T13:30:00Z", "T15:10:00Z")}, one},
		{"the same answer on two days", []string{smoking, with(smoking, "2024-05-01", "2024-05-03")}, apart2},
		{"different answers are a course", []string{smoking, with(smoking, "T13:30:00Z", "T15:10:00Z", "266919005", "8517006", "Never smoked", "Ex-smoker")}, apart2},
		{"different answers at one instant", []string{smoking, with(smoking, "266919005", "8517006", "Never smoked", "Ex-smoker")}, clash("value")},
	})
}

func TestDiagnosticReport(t *testing.T) {
	plain := with(result, `,"identifier":[{"system":"urn:oid:1.2.3.4","value":"ACC-1"}]`, "")
	check(t, []case2{
		{"the accession", []string{result, with(result, "T13:30:00Z", "T18:00:00Z")}, one},
		{"an accession of two reports", []string{result, with(result, "58410-2", "24323-8")}, apart2},
		{"code and time", []string{plain, with(plain, "T13:30:00Z", "T09:30:00-04:00")}, one},
		{"another conclusion", []string{plus(plain, `"conclusion":"normal"`), plus(plain, `"conclusion":"abnormal"`)}, clash("value")},
		{"corrected", []string{result, with(result, `"final"`, `"corrected"`)}, clash("status")},
		{"the same document", []string{plus(plain, `"presentedForm":[{"data":"aGVsbG8="}]`), plus(plain, `"presentedForm":[{"hash":"qvTGHdzF6KLavt4PO0gs2a6pQ00="}]`)}, one},
		{"the same document, at another hour of the day", []string{plus(plain, `"presentedForm":[{"data":"aGVsbG8="}]`), plus(with(plain, "T13:30", "T17:30"), `"presentedForm":[{"hash":"qvTGHdzF6KLavt4PO0gs2a6pQ00="}]`)}, one},
		{"the same document on another day", []string{plus(plain, `"presentedForm":[{"data":"aGVsbG8="}]`), plus(with(plain, "05-01", "05-03"), `"presentedForm":[{"data":"aGVsbG8="}]`)}, apart2},
		{"another document", []string{plus(plain, `"presentedForm":[{"data":"aGVsbG8="}]`), plus(with(plain, "T13:30", "T17:30"), `"presentedForm":[{"data":"aGVsbG9v"}]`)}, apart2},
	})
}

func TestDocumentReferenceAndBinary(t *testing.T) {
	numbered := plus(note, `"masterIdentifier":{"system":"urn:oid:1.2.3","value":"DOC-7"}`)
	elsewhere := with(note, `"data":"PGI+aGVsbG88L2I+"`, `"url":"Binary/5"`)
	check(t, []case2{
		{"the identifier", []string{plus(elsewhere, `"masterIdentifier":{"system":"urn:oid:1.2.3","value":"DOC-7"}`), numbered}, one},
		{"the same bytes of the same type", []string{note, with(note, "PGI+aGVsbG88L2I+", "PGI+aGVsbG88L2I+")}, one},
		{"the same bytes of another type", []string{note, with(note, "11506-3", "18842-5")}, apart2},
		{"other bytes", []string{note, with(note, "PGI+aGVsbG88L2I+", base64.StdEncoding.EncodeToString([]byte("other")))}, apart2},
		{"one identifier, two texts", []string{numbered, with(numbered, "PGI+aGVsbG88L2I+", base64.StdEncoding.EncodeToString([]byte("other")))}, clash("value")},
		{"superseded", []string{numbered, with(numbered, `"current"`, `"superseded"`)}, clash("status")},
		{"a C-CDA's id, root and extension here and a URI there", []string{plus(elsewhere, `"masterIdentifier":{"system":"urn:oid:1.2.3","value":"77"}`), plus(elsewhere, `"masterIdentifier":{"system":"urn:ietf:rfc:3986","value":"urn:oid:1.2.3.77"}`)}, one},
		{"two versions of one C-CDA set", []string{plus(elsewhere, `"masterIdentifier":{"system":"urn:oid:1.2.3","value":"DOC-1"},"identifier":[{"system":"urn:oid:1.2.4","value":"SET-9"}]`), plus(with(elsewhere, "T13:00", "T15:00"), `"masterIdentifier":{"system":"urn:oid:1.2.3","value":"DOC-2"},"identifier":[{"system":"urn:oid:1.2.4","value":"SET-9"}],"relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/8"}}]`)}, apart2},
		{"by address only, nothing tells", []string{elsewhere, elsewhere}, apart2},
		{"a Binary", []string{`{"resourceType":"Binary","contentType":"text/html","data":"aGVsbG8="}`, `{"resourceType":"Binary","contentType":"text/html","data":"aGVsbG8="}`}, one},
		{"a Binary of other bytes", []string{`{"resourceType":"Binary","contentType":"text/html","data":"aGVsbG8="}`, `{"resourceType":"Binary","contentType":"text/html","data":"aGVsbG9v"}`}, apart2},
	})
}

func TestProcedure(t *testing.T) {
	check(t, []case2{
		{"not done", []string{op, with(op, "completed", "not-done")}, clash("negation")},
		{"another performer on the same day", []string{op, with(op, "Jane Doe, MD", "John Roe, MD")}, apart2},
		{"the day alone", []string{op, with(op, "T13:30:00Z", "")}, one},
		{"a period", []string{op, with(op, `"performedDateTime":"2024-05-01T13:30:00Z"`, `"performedPeriod":{"start":"2024-05-01T13:30:00Z","end":"2024-05-01T14:30:00Z"}`)}, one},
		{"later that day", []string{op, with(op, "T13:30", "T17:30")}, apart2},
		{"the other side", []string{plus(op, `"bodySite":[{"text":"left eye"}]`), plus(op, `"bodySite":[{"text":"right eye"}]`)}, clash("site")},
		{"a site on one side only", []string{op, plus(op, `"bodySite":[{"text":"right eye"}]`)}, one},
		{"the other side, in the words beside one code", []string{with(op, `"code":"73761001"}]`, `"code":"73761001"}],"text":"Injection, left eye"`), with(op, `"code":"73761001"}]`, `"code":"73761001"}],"text":"Injection, RIGHT eye"`)}, clash("code")},
		{"both sides, and one", []string{with(op, `"code":"73761001"}]`, `"code":"73761001"}],"text":"Injection, bilateral"`), with(op, `"code":"73761001"}]`, `"code":"73761001"}],"text":"Injection, right eye"`)}, one},
		{"CPT here and SNOMED there, in the same words", []string{with(op, `"code":"73761001"}]`, `"code":"73761001"}],"text":"Colonoscopy"`), with(op, "http://snomed.info/sct", "http://www.ama-assn.org/go/cpt", `"code":"73761001"}]`, `"code":"45378"}],"text":"Colonoscopy"`)}, one},
	})
}

func TestEncounter(t *testing.T) {
	numbered := plus(stay, `"identifier":[{"system":"urn:oid:1.2.3","value":"V-1"}]`)
	check(t, []case2{
		{"the visit's number", []string{numbered, with(numbered, "T13:00:00Z", "T10:00:00Z")}, one},
		{"ten minutes later", []string{stay, with(stay, "T13:00:00Z", "T13:10:00Z")}, one},
		{"twenty minutes later", []string{stay, with(stay, "T13:00:00Z", "T13:20:00Z")}, apart2},
		{"two houses at one time", []string{stay, with(stay, "North Clinic", "South Clinic")}, apart2},
		{"another class", []string{stay, with(stay, "AMB", "EMER")}, apart2},
		{"a class of the site's own", []string{stay, with(stay, "http://terminology.hl7.org/CodeSystem/v3-ActCode", "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260", "AMB", "13")}, one},
		{"the day alone", []string{stay, with(stay, `"2024-05-01T13:00:00Z","end":"2024-05-01T13:30:00Z"`, `"2024-05-01"`)}, one},
		{"it ended at two times", []string{stay, with(stay, "T13:30:00Z", "T15:30:00Z")}, apart2},
	})
}

func TestCareTeamCarePlanGoal(t *testing.T) {
	plan := `{"resourceType":"CarePlan","status":"active","intent":"plan","title":"Diabetes","category":[{"text":"assess-plan"}],"period":{"start":"2024-01-01"}}`
	check(t, []case2{
		{"the identifier", []string{plus(plan, `"identifier":[{"system":"urn:oid:1.2","value":"P-1"}]`), plus(with(plan, "Diabetes", "Diabetes care"), `"identifier":[{"system":"urn:oid:1.2","value":"P-1"}]`)}, one},
		{"the same in every respect", []string{plan, plus(plan, `"subject":{"reference":"Patient/1"}`)}, one},
		{"not quite the same", []string{plan, with(plan, "2024-01-01", "2024-01-02")}, apart2},
		{"an element more", []string{plan, plus(plan, `"description":"x"`)}, apart2},
		{"a goal's status", []string{`{"resourceType":"Goal","identifier":[{"system":"urn:oid:1.2","value":"G-1"}],"lifecycleStatus":"active"}`, `{"resourceType":"Goal","identifier":[{"system":"urn:oid:1.2","value":"G-1"}],"lifecycleStatus":"cancelled"}`}, clash("status")},
	})
}

func TestCoverage(t *testing.T) {
	check(t, []case2{
		{"payor and member", []string{cover, with(cover, "W123-456", "W123456", "2024-12-31", "2024-11-30")}, one},
		{"another dependent", []string{cover, with(cover, `"dependent":"1"`, `"dependent":"2"`)}, apart2},
		{"another payor", []string{cover, with(cover, "Blue Plan", "Red Plan")}, apart2},
		{"another year", []string{cover, with(cover, "2024", "2025")}, apart2},
	})
}

func TestDevice(t *testing.T) {
	check(t, []case2{
		{"model and serial number", []string{implant, with(implant, `{"deviceIdentifier":"00844588003288"}`, `{"carrierHRF":"(01)00844588003288(17)141120(21)S-77"}`, `,"serialNumber":"S-77"`, "")}, one},
		{"another serial number", []string{implant, with(implant, "S-77", "S-78")}, apart2},
		{"the model alone", []string{with(implant, `,"serialNumber":"S-77"`, ""), with(implant, `,"serialNumber":"S-77"`, "")}, apart2},
	})
}

func TestFamilyMemberHistory(t *testing.T) {
	check(t, []case2{
		{"the father's diabetes", []string{family, plus(family, `"note":[{"text":"x"}]`)}, one},
		{"the mother's", []string{family, with(family, "FTH", "MTH")}, apart2},
		{"another condition", []string{family, with(family, "44054006", "38341003")}, apart2},
		{"it is not known", []string{family, plus(family, `"dataAbsentReason":{"text":"unable to obtain"}`)}, apart2},
		{"brothers of two names", []string{plus(with(family, "FTH", "BRO"), `"name":"Ann"`), plus(with(family, "FTH", "BRO"), `"name":"Bob"`)}, apart2},
	})
}

func TestPractitionerOrganizationLocation(t *testing.T) {
	check(t, []case2{
		{"NPI", []string{doctor, with(doctor, `"Jane"`, `"J"`)}, one},
		{"NPI of somebody else", []string{doctor, with(doctor, `"Jane"`, `"Max"`, "Doe", "Muster")}, apart2},
		{"a name is never enough", []string{with(doctor, "1234567893", "1679576722"), doctor}, apart2},
		{"a name alone", []string{with(doctor, `"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893"}],`, ""), with(doctor, `"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893"}],`, "")}, apart2},
		{"CLIA", []string{house, with(house, "05D1234567", "05d1234567")}, one},
		{"departments under one number", []string{house, with(house, "North Clinic", "North Clinic Radiology")}, one},
		{"two houses under one number", []string{house, with(house, "North Clinic", "South Clinic")}, apart2},
		{"a house's name alone", []string{with(house, `"identifier":[{"system":"urn:oid:2.16.840.1.113883.4.7","value":"05D1234567"}],`, ""), with(house, `"identifier":[{"system":"urn:oid:2.16.840.1.113883.4.7","value":"05D1234567"}],`, "")}, apart2},
		{"name and address", []string{room, with(room, "1 Main St.", "1 MAIN ST", "01970-1234", "01970")}, one},
		{"the name at another address", []string{room, with(room, "1 Main", "2 Main")}, apart2},
		{"another name at the address", []string{room, with(room, "Lab", "Ward")}, apart2},
	})
}

func TestServiceRequest(t *testing.T) {
	plain := with(order, `,"identifier":[{"system":"urn:oid:1.2.3.5","value":"PL-9"}]`, "")
	check(t, []case2{
		{"the placer's number", []string{order, with(order, "T13:00:00Z", "T19:00:00Z")}, one},
		{"code, time and requester", []string{plain, plain}, one},
		{"another requester", []string{plain, with(plain, "Jane Doe", "John Roe")}, apart2},
		{"not to be done", []string{order, plus(order, `"doNotPerform":true`)}, clash("negation")},
		{"revoked", []string{order, with(order, `"active"`, `"revoked"`)}, clash("status")},
	})
}

func TestSpecimenImagingStudy(t *testing.T) {
	tube := `{"resourceType":"Specimen","status":"available","type":{"text":"Serum"},"accessionIdentifier":{"system":"urn:oid:1.2.9","value":"S-100"}}`
	check(t, []case2{
		{"the accession", []string{tube, tube}, one},
		{"the accession's urine", []string{tube, with(tube, "Serum", "Urine")}, apart2},
		{"a study's accession", []string{`{"resourceType":"ImagingStudy","status":"available","identifier":[{"type":{"coding":[{"code":"ACSN"}]},"system":"urn:oid:1.2.77","value":"A-900"}]}`, `{"resourceType":"ImagingStudy","status":"available","identifier":[{"system":"urn:oid:1.2.77","value":"A-900"}]}`}, one},
		{"the study's uid", []string{`{"resourceType":"ImagingStudy","status":"available","identifier":[{"system":"urn:dicom:uid","value":"urn:oid:1.2.840.99.1"}]}`, `{"resourceType":"ImagingStudy","status":"available","identifier":[{"system":"urn:dicom:uid","value":"urn:oid:1.2.840.99.1"}],"started":"2024-01-01"}`}, one},
	})
	two := merge.NewEngine(merge.Default()).Merge([]merge.Batch{
		{Source: "a", Resources: []fhir.Resource{resource(t, in("1", tube)), resource(t, in("2", tube))}},
		{Source: "b", Resources: []fhir.Resource{resource(t, in("3", tube))}},
	})
	if d := cmp.Diff([]string{"a.1", "a.2", "b.3"}, told(two)); d != "" {
		t.Error("two tubes of one accession:", d)
	}
}

// TestNever: what a person or a program said at one time is never the same as what another said.
func TestNever(t *testing.T) {
	for _, typ := range []string{"QuestionnaireResponse", "Communication", "Provenance", "AuditEvent", "Consent"} {
		r := `{"resourceType":"` + typ + `","identifier":[{"system":"urn:oid:1.2.3","value":"77"}],"status":"completed"}`
		if d := cmp.Diff(apart2, told(mergeCopies(t, r, r))); d != "" {
			t.Error(typ, d)
		}
	}
	claim := `{"resourceType":"Claim","status":"active","use":"claim","created":"2024-01-01","total":{"value":5}}`
	check(t, []case2{
		{"a claim that looks alike", []string{claim, claim}, apart2},
		{"a claim of one number", []string{plus(claim, `"identifier":[{"system":"urn:oid:1.2.3","value":"C-7"}]`), plus(claim, `"identifier":[{"system":"urn:oid:1.2.3","value":"C-7"}]`)}, one},
	})
}
