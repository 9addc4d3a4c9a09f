package fhir_test

import (
	"slices"
	"testing"

	"concord/fhir"
)

func TestPatientReferences(t *testing.T) {
	for _, x := range []struct {
		doc  string
		want []string
	}{
		{`{"resourceType":"Observation","subject":{"reference":"Patient/1"},"performer":[{"reference":"Practitioner/2"},{"display":"x"},{"reference":"Patient/3"}],"encounter":{"reference":"Encounter/4"}}`,
			[]string{"Practitioner/2", "Patient/3", "Patient/1"}},
		{`{"resourceType":"Patient","id":"1","link":[{"other":{"reference":"Patient/2"}}],"generalPractitioner":[{"reference":"Practitioner/3"}]}`, []string{"Patient/2"}},
		{`{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"recorder":{"reference":"Patient/2"},"asserter":{"reference":"Patient/3"}}`,
			[]string{"Patient/3", "Patient/1", "Patient/2"}},
		{`{"resourceType":"CarePlan","subject":{"reference":"Patient/1"},"activity":[{"detail":{"performer":[{"reference":"Patient/2"}]}},{"detail":{}}]}`, []string{"Patient/2", "Patient/1"}},
		{`{"resourceType":"Group","member":[{"entity":{"reference":"Patient/1"}},{"entity":{"reference":"Patient/2"}}]}`, []string{"Patient/1", "Patient/2"}},
		{`{"resourceType":"Coverage","policyHolder":{"reference":"Patient/1"},"subscriber":{"reference":"Patient/2"},"beneficiary":{"reference":"Patient/3"},"payor":[{"reference":"Patient/4"}]}`,
			[]string{"Patient/3", "Patient/4", "Patient/1", "Patient/2"}},
		{`{"resourceType":"Appointment","participant":[{"actor":{"reference":"Patient/1"}}]}`, []string{"Patient/1"}},
		{`{"resourceType":"AuditEvent","agent":[{"who":{"reference":"Patient/1"}}],"entity":[{"what":{"reference":"Patient/2"}}]}`, []string{"Patient/1", "Patient/2"}},
		{`{"resourceType":"Task","for":{"reference":"Patient/1"},"focus":{"reference":"Patient/2"},"owner":{"reference":"Patient/3"}}`, []string{"Patient/2", "Patient/1"}},
		{`{"resourceType":"Provenance","target":[{"reference":"Patient/1"}],"agent":[{"who":{"reference":"Patient/2"}}]}`, []string{"Patient/1"}},
		{`{"resourceType":"Medication","manufacturer":{"reference":"Patient/1"}}`, nil},
		{`{"resourceType":"Human","subject":{"reference":"Patient/1"}}`, nil},
		{`{"resourceType":"Observation","subject":"Patient/1","performer":[[{"reference":"Patient/2"}],{"reference":3},null,7]}`, []string{"Patient/2"}},
	} {
		t.Run(x.doc, func(t *testing.T) {
			var got []string
			for v := range fhir.PatientReferences(resource(t, x.doc)) {
				got = append(got, v.Text())
			}
			if !slices.Equal(got, x.want) {
				t.Errorf("gives %q", got)
			}
			for range fhir.PatientReferences(resource(t, x.doc)) {
				break // a loop may end early
			}
		})
	}
}

func TestInPatientCompartment(t *testing.T) {
	in := []fhir.ResourceType{"Account", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse", "AuditEvent", "Basic", "BodyStructure",
		"CarePlan", "CareTeam", "ChargeItem", "Claim", "ClaimResponse", "ClinicalImpression", "Communication", "CommunicationRequest", "Composition",
		"Condition", "Consent", "Coverage", "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DetectedIssue", "DeviceRequest",
		"DeviceUseStatement", "DiagnosticReport", "DocumentManifest", "DocumentReference", "Encounter", "EnrollmentRequest", "EpisodeOfCare",
		"ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal", "Group", "ImagingStudy", "Immunization", "ImmunizationEvaluation",
		"ImmunizationRecommendation", "Invoice", "List", "MeasureReport", "Media", "MedicationAdministration", "MedicationDispense",
		"MedicationRequest", "MedicationStatement", "MolecularSequence", "NutritionOrder", "Observation", "Patient", "Person", "Procedure",
		"Provenance", "QuestionnaireResponse", "RelatedPerson", "RequestGroup", "ResearchSubject", "RiskAssessment", "Schedule",
		"ServiceRequest", "Specimen", "SupplyDelivery", "SupplyRequest", "Task", "VisionPrescription"}
	if len(in) != 67 {
		t.Fatalf("%d types", len(in))
	}
	for _, x := range in {
		if !fhir.InPatientCompartment(x) {
			t.Errorf("%s is not in the compartment", x)
		}
	}
	for _, x := range []fhir.ResourceType{"", "Device", "Medication", "Practitioner", "Organization", "Location", "Binary", "Bundle", "Human", "Contract"} {
		if fhir.InPatientCompartment(x) {
			t.Errorf("%s is in the compartment", x)
		}
	}
}
