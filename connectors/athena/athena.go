// Package athena is the connector of athenahealth's athenaOne. It knows how practices share one base URL, and how failures
// come dressed as successes; it does not cover athenaPractice or athenaFlow.
package athena

import (
	"strings"

	"concord/connectors"
	"concord/fhir"
)

// New makes the connector of one practice, which cfg.Practice names: athenahealth routes a search by it. Its error is a
// *concord.Fault of Kind Invalid, for a Config that can't be used.
func New(cfg connectors.Config) (connectors.Source, error) { return connectors.New(cfg, rules()) }

func rules() *connectors.Rules {
	category := []string{"category"}
	plain := connectors.TypeRule{Provenance: true}
	return &connectors.Rules{
		PageSize: 100,
		Single:   true,
		// a search that lacks a required parameter is answered as one that is not allowed
		ForbidsGaps: true,
		Practice:    "ah-practice",
		Foreign:     foreign,
		Types: connectors.Types(map[fhir.ResourceType]connectors.TypeRule{
			"AllergyIntolerance": plain,
			"CarePlan":           {Narrow: category, Split: []string{"assess-plan"}, Provenance: true},
			"CareTeam":           plain,
			"Condition":          {Narrow: category, Provenance: true},
			"Coverage":           plain,
			"Device":             plain,
			"DiagnosticReport":   {Provenance: true},
			"DocumentReference":  {Provenance: true},
			"Encounter":          {Provenance: true},
			"Goal":               plain,
			"Immunization":       plain,
			"MedicationDispense": plain,
			"MedicationRequest": {Narrow: []string{"intent"}, Always: map[string]string{"intent": "order,plan"},
				Dates: []string{"authoredon"}, Provenance: true},
			"Observation":           {Narrow: category, Dates: []string{"date"}, Provenance: true},
			"Procedure":             {Provenance: true},
			"QuestionnaireResponse": plain,
			"RelatedPerson":         plain,
			"ServiceRequest":        plain,
			"Specimen":              plain,
		}),
		Patients: connectors.PatientRule{
			Params: map[string]string{
				"identifier": "identifier", "name": "name", "family": "family", "given": "given", "birthdate": "birthdate", "gender": "gender",
			},
			Enough:   selective,
			MaxCount: 100,
		},
	}
}

// selective tells whether the parameters are a set that US Core has servers take.
func selective(has func(string) bool) bool {
	return has("identifier") || has("name") || has("family") || has("birthdate")
}

// foreign tells whether an id, such as a-195900.E-51711, belongs to another practice than a-1.Practice-195900. What a-1
// holds is shared; an id of any other form tells nothing.
func foreign(practice, id string) bool {
	ours, ok := number(practice, "a-1.Practice-")
	if !ok {
		return false
	}
	rest, ok := strings.CutPrefix(id, "a-")
	if !ok {
		return false
	}
	theirs, _, ok := strings.Cut(rest, ".")
	if _, digits := number(theirs, ""); !ok || !digits {
		return false
	}
	return theirs != ours && theirs != "1"
}

// number is the digits behind a prefix.
func number(s, prefix string) (string, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	return digits, ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}
