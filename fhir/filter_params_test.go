package fhir_test

import (
	"errors"
	"strings"
	"testing"

	"concord/fhir"
)

func TestParseFilterRefuses(t *testing.T) {
	for _, x := range []struct {
		typ        fhir.ResourceType
		key, value string
		want       fhir.ParamError
	}{
		{"Observation", "colour", "red", fhir.ParamError{Param: "colour", Reason: fhir.ParamUnknown}},
		{"Observation", "Code", "x", fhir.ParamError{Param: "Code", Reason: fhir.ParamUnknown}},
		{"Observation", "Smith, John", "x", fhir.ParamError{Reason: fhir.ParamUnknown}},
		{"Observation", strings.Repeat("a", 65), "x", fhir.ParamError{Reason: fhir.ParamUnknown}},
		{"Observation", "", "x", fhir.ParamError{Reason: fhir.ParamUnknown}},
		{"Observation", "code-value-quantity", "1$2", fhir.ParamError{Param: "code-value-quantity", Reason: fhir.ParamUnknown}},
		{"Location", "near", "1|2", fhir.ParamError{Param: "near", Reason: fhir.ParamUnknown}},
		{"Patient", "phonetic", "x", fhir.ParamError{Param: "phonetic", Reason: fhir.ParamUnknown}},
		{"Observation", "_has:Group:member:_id", "1", fhir.ParamError{Param: "_has:Group:member:_id", Reason: fhir.ParamUnknown}},
		{"Observation", "_text", "x", fhir.ParamError{Param: "_text", Reason: fhir.ParamUnknown}},
		{"Observation", "performer.name", "x", fhir.ParamError{Param: "performer.name", Reason: fhir.ParamUnknown}},
		{"Observation", "patient.identifier", "x", fhir.ParamError{Param: "patient.identifier", Reason: fhir.ParamModifier}},
		{"Observation", "subject:Patient.name", "x", fhir.ParamError{Param: "subject:Patient.name", Reason: fhir.ParamModifier}},
		{"Human", "_id", "x", fhir.ParamError{Param: "_id", Reason: fhir.ParamUnknown}},
		{"", "_id", "x", fhir.ParamError{Param: "_id", Reason: fhir.ParamUnknown}},
		{"Observation", "code:in", "x", fhir.ParamError{Param: "code:in", Reason: fhir.ParamModifier}},
		{"Observation", "code:", "x", fhir.ParamError{Param: "code:", Reason: fhir.ParamModifier}},
		{"Observation", "code:Smith Street", "x", fhir.ParamError{Param: "code", Reason: fhir.ParamModifier}},
		{"Observation", "code:exact", "x", fhir.ParamError{Param: "code:exact", Reason: fhir.ParamModifier}},
		{"Observation", "status:of-type", "a|b|c", fhir.ParamError{Param: "status:of-type", Reason: fhir.ParamModifier}},
		{"Observation", "subject:Encounter", "x", fhir.ParamError{Param: "subject:Encounter", Reason: fhir.ParamModifier}},
		{"Observation", "subject:not", "x", fhir.ParamError{Param: "subject:not", Reason: fhir.ParamModifier}},
		{"Observation", "date:not", "2020", fhir.ParamError{Param: "date:not", Reason: fhir.ParamModifier}},
		{"Patient", "name:not", "x", fhir.ParamError{Param: "name:not", Reason: fhir.ParamModifier}},
		{"Observation", "code", "", fhir.ParamError{Param: "code", Reason: fhir.ParamValue}},
		{"Observation", "code", ",", fhir.ParamError{Param: "code", Reason: fhir.ParamValue}},
		{"Observation", "code", "|", fhir.ParamError{Param: "code", Reason: fhir.ParamValue}},
		{"Observation", "code", "ok,|", fhir.ParamError{Param: "code", Reason: fhir.ParamValue}},
		{"Observation", "code:missing", "yes", fhir.ParamError{Param: "code:missing", Reason: fhir.ParamValue}},
		{"Observation", "identifier:of-type", "a|b", fhir.ParamError{Param: "identifier:of-type", Reason: fhir.ParamValue}},
		{"Patient", "active", "yes", fhir.ParamError{Param: "active", Reason: fhir.ParamValue}},
		{"Patient", "name", "'", fhir.ParamError{Param: "name", Reason: fhir.ParamValue}},
		{"Observation", "date", "yesterday", fhir.ParamError{Param: "date", Reason: fhir.ParamValue}},
		{"Observation", "date", "ge", fhir.ParamError{Param: "date", Reason: fhir.ParamValue}},
		{"Observation", "date", "xx2020", fhir.ParamError{Param: "date", Reason: fhir.ParamValue}},
		{"Observation", "date", "2020-13", fhir.ParamError{Param: "date", Reason: fhir.ParamValue}},
		{"Observation", "value-quantity", "high", fhir.ParamError{Param: "value-quantity", Reason: fhir.ParamValue}},
		{"Observation", "value-quantity", "1.", fhir.ParamError{Param: "value-quantity", Reason: fhir.ParamValue}},
		{"Observation", "value-quantity", "1.2.3", fhir.ParamError{Param: "value-quantity", Reason: fhir.ParamValue}},
		{"Observation", "value-quantity", strings.Repeat("9", 65), fhir.ParamError{Param: "value-quantity", Reason: fhir.ParamValue}},
		{"Observation", "patient", "Practitioner/1", fhir.ParamError{Param: "patient", Reason: fhir.ParamValue}},
		{"Observation", "patient", "https://h/r4/Practitioner/1", fhir.ParamError{Param: "patient", Reason: fhir.ParamValue}},
		{"Observation", "patient", "Patient?name=x", fhir.ParamError{Param: "patient", Reason: fhir.ParamValue}},
		{"Observation", "patient", "#p", fhir.ParamError{Param: "patient", Reason: fhir.ParamValue}},
		{"Observation", "patient", "a/b", fhir.ParamError{Param: "patient", Reason: fhir.ParamValue}},
		{"Observation", "subject:Patient", "Group/1", fhir.ParamError{Param: "subject:Patient", Reason: fhir.ParamValue}},
	} {
		t.Run(x.key+"="+x.value, func(t *testing.T) {
			f, err := fhir.ParseFilter(x.typ, x.key, x.value)
			var pe *fhir.ParamError
			if !errors.As(err, &pe) || *pe != x.want {
				t.Fatalf("gives %v, want %v", err, &x.want)
			}
			if f.Match(resource(t, potassium)) {
				t.Error("a refused Filter matches")
			}
		})
	}
}

// One parameter of each choice that R4 has, so that a hole in the tables shows.
func TestChoiceTypes(t *testing.T) {
	for _, x := range []struct{ doc, key, value string }{
		{`{"resourceType":"Procedure","performedDateTime":"2020-01-01"}`, "date", "2020"},
		{`{"resourceType":"Procedure","performedPeriod":{"start":"2020-01-01","end":"2020-01-02"}}`, "date", "2020"},
		{`{"resourceType":"Immunization","occurrenceDateTime":"2020-01-01"}`, "date", "2020"},
		{`{"resourceType":"ServiceRequest","occurrencePeriod":{"start":"2020-01-01","end":"2020-01-02"}}`, "occurrence", "2020"},
		{`{"resourceType":"ServiceRequest","authoredOn":"2020-01-01"}`, "authored", "2020"},
		{`{"resourceType":"MedicationRequest","medicationCodeableConcept":{"coding":[{"code":"7"}]}}`, "code", "7"},
		{`{"resourceType":"MedicationRequest","medicationReference":{"reference":"Medication/7"}}`, "medication", "7"},
		{`{"resourceType":"MedicationRequest","authoredOn":"2020-01-01"}`, "authoredon", "2020"},
		{`{"resourceType":"MedicationRequest","intent":"order"}`, "intent", "order"},
		{`{"resourceType":"MedicationDispense","whenHandedOver":"2020-01-01"}`, "whenhandedover", "2020"},
		{`{"resourceType":"MedicationAdministration","effectivePeriod":{"start":"2020-01-01","end":"2020-01-01"}}`, "effective-time", "2020"},
		{`{"resourceType":"MedicationStatement","effectiveDateTime":"2020"}`, "effective", "2020"},
		{`{"resourceType":"DiagnosticReport","effectiveDateTime":"2020"}`, "date", "2020"},
		{`{"resourceType":"DocumentReference","context":{"period":{"start":"2020","end":"2020"}}}`, "period", "2020"},
		{`{"resourceType":"DocumentReference","date":"2020-01-01T00:00:00Z"}`, "date", "2020"},
		{`{"resourceType":"CareTeam","participant":[{"role":[{"coding":[{"code":"r"}]}]}]}`, "role", "r"},
		{`{"resourceType":"CarePlan","category":[{"coding":[{"code":"assess-plan"}]}]}`, "category", "assess-plan"},
		{`{"resourceType":"Goal","target":[{"dueDate":"2020-01-01"}]}`, "target-date", "2020"},
		{`{"resourceType":"Goal","description":{"coding":[{"code":"d"}]}}`, "description", "d"},
		{`{"resourceType":"AllergyIntolerance","clinicalStatus":{"coding":[{"code":"active"}]}}`, "clinical-status", "active"},
		{`{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"}}`, "patient", "1"},
		{`{"resourceType":"Coverage","beneficiary":{"reference":"Patient/1"}}`, "patient", "1"},
		{`{"resourceType":"Device","type":{"coding":[{"code":"t"}]}}`, "type", "t"},
		{`{"resourceType":"Encounter","location":[{"location":{"reference":"Location/1"}}]}`, "location", "1"},
		{`{"resourceType":"Specimen","subject":{"reference":"Patient/1"}}`, "patient", "1"},
		{`{"resourceType":"Provenance","target":[{"reference":"Observation/1"}]}`, "target", "Observation/1"},
		{`{"resourceType":"RelatedPerson","name":[{"family":"King"}]}`, "name", "king"},
		{`{"resourceType":"Practitioner","identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1"}]}`, "identifier", "urn:oid:2.16.840.1.113883.4.6|1"},
		{`{"resourceType":"Organization","alias":["Mercy"]}`, "name", "mercy"},
		{`{"resourceType":"PractitionerRole","specialty":[{"coding":[{"code":"s"}]}]}`, "specialty", "s"},
		{`{"resourceType":"FamilyMemberHistory","relationship":{"coding":[{"code":"MTH"}]}}`, "relationship", "MTH"},
		{`{"resourceType":"Patient","deceasedDateTime":"2020-01-01"}`, "deceased", "true"},
		{`{"resourceType":"Patient","deceasedDateTime":"2020-01-01"}`, "death-date", "2020"},
		{`{"resourceType":"Patient"}`, "deceased", "false"},
		{`{"resourceType":"ExplanationOfBenefit","created":"2020-01-01"}`, "created", "2020"},
		{`{"resourceType":"RiskAssessment","prediction":[{"probabilityDecimal":0.35}]}`, "probability", "gt0.3"},
		{`{"resourceType":"RiskAssessment","prediction":[{"probabilityRange":{"low":{"value":0.1},"high":{"value":0.4}}}]}`, "probability", "lt0.2"},
		{`{"resourceType":"Condition","onsetRange":{"low":{"value":40,"unit":"a"}}}`, "onset-age", "gt60||a"},
		{`{"resourceType":"Invoice","totalNet":{"value":48,"currency":"EUR"}}`, "totalnet", "48|urn:iso:std:iso:4217|EUR"},
		{`{"resourceType":"Condition","onsetString":"Childhood"}`, "onset-info", "child"},
		{`{"resourceType":"Media","createdDateTime":"2020"}`, "created", "2020"},
		{`{"resourceType":"Binary","id":"b"}`, "_id", "b"},
	} {
		t.Run(x.doc, func(t *testing.T) {
			r := resource(t, x.doc)
			f, err := fhir.ParseFilter(r.Type(), x.key, x.value)
			if err != nil || !f.Match(r) {
				t.Errorf("%s=%s: error %v, no match", x.key, x.value, err)
			}
		})
	}
}
