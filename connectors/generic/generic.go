// Package generic is the connector of an EHR that does what US Core asks of a server, and has no quirks that we know of.
// It sends nothing that US Core does not require a server to take.
package generic

import (
	"concord/connectors"
	"concord/fhir"
)

// New makes the connector of one source. Its error is a *concord.Fault of Kind Invalid, for a Config that can't be used.
func New(cfg connectors.Config) (connectors.Source, error) { return connectors.New(cfg, rules()) }

// rules are those of US Core 6.1.0 (http://hl7.org/fhir/us/core/STU6.1/CapabilityStatement-us-core-server.html).
func rules() *connectors.Rules {
	category, date := []string{"category"}, []string{"date"}
	plain := connectors.TypeRule{Provenance: true}
	return &connectors.Rules{
		PageSize: 200,
		Types: connectors.Types(map[fhir.ResourceType]connectors.TypeRule{
			"AllergyIntolerance":       plain,
			"CarePlan":                 {Narrow: category, Split: []string{"assess-plan"}, Provenance: true},
			"CareTeam":                 plain,
			"Condition":                {Narrow: category, Provenance: true},
			"Coverage":                 plain,
			"Device":                   plain,
			"DiagnosticReport":         {Narrow: category, Dates: date, Split: reports, Provenance: true},
			"DocumentReference":        {Narrow: category, Dates: date, Split: []string{"clinical-note"}, Provenance: true},
			"Encounter":                {Dates: date, Provenance: true},
			"FamilyMemberHistory":      {},
			"Goal":                     plain,
			"Immunization":             {Dates: date, Provenance: true},
			"MedicationAdministration": {},
			"MedicationDispense":       plain,
			"MedicationRequest":        {Narrow: []string{"intent"}, Dates: []string{"authoredon"}, Provenance: true},
			"MedicationStatement":      {},
			"Observation":              {Narrow: category, Dates: date, Split: observations, Provenance: true},
			"Procedure":                {Dates: date, Provenance: true},
			"QuestionnaireResponse":    plain,
			"RelatedPerson":            plain,
			"ServiceRequest":           {Narrow: category, Provenance: true},
			"Specimen":                 plain,
		}),
		Patients: connectors.PatientRule{
			Params: map[string]string{
				"identifier": "identifier", "family": "family", "given": "given", "name": "name", "birthdate": "birthdate",
				"gender": "gender", "phone": "phone", "email": "email", "telecom": "telecom", "address": "address",
				"address-city": "address-city", "address-state": "address-state", "address-postalcode": "address-postalcode",
			},
			Enough: func(has func(string) bool) bool {
				for _, p := range []string{"identifier", "family", "name", "birthdate", "phone", "email", "telecom"} {
					if has(p) {
						return true
					}
				}
				return false
			},
			MaxCount: 200,
		},
	}
}

// What a server that demands a category is asked for, one at a time.
var (
	observations = []string{"laboratory", "vital-signs", "social-history", "survey", "imaging", "exam", "procedure", "therapy", "activity", "sdoh", "functional-status", "disability-status", "cognitive-status"}
	reports      = []string{"LAB", "RAD", "http://loinc.org|LP29684-5", "http://loinc.org|LP29708-2", "http://loinc.org|LP7839-6"}
)
