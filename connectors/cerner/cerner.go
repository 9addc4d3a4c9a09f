// Package cerner is the connector of Oracle Health Millennium, formerly Cerner. It knows what each search must have there,
// and how pages go wrong; it covers no other Oracle product.
package cerner

import (
	"concord/connectors"
	"concord/fhir"
)

// New makes the connector of one tenant, whose id is part of cfg.Base. Its error is a *concord.Fault of Kind Invalid, for
// a Config that can't be used.
func New(cfg connectors.Config) (connectors.Source, error) { return connectors.New(cfg, rules()) }

func rules() *connectors.Rules {
	category, date := []string{"category"}, []string{"date"}
	const none = -1 // _count is no parameter of the type
	plain := connectors.TypeRule{MaxCount: none, Provenance: true}
	return &connectors.Rules{
		PageSize:     200,
		Single:       true,
		ClosedDates:  true,
		SmallerPages: true,
		Types: connectors.Types(map[fhir.ResourceType]connectors.TypeRule{
			"AllergyIntolerance":       plain,
			"Appointment":              {ReadOnly: true}, // its searches need a date
			"CarePlan":                 {Always: map[string]string{"category": "assess-plan"}, MaxCount: none, Provenance: true},
			"CareTeam":                 plain,
			"Communication":            {ReadOnly: true},
			"Condition":                {Narrow: category, MaxCount: none, Provenance: true},
			"Consent":                  {MaxCount: none},
			"Coverage":                 {MaxCount: none},
			"Device":                   plain,
			"DiagnosticReport":         {Narrow: category, Dates: date, MaxCount: 100, Provenance: true},
			"DocumentReference":        {Narrow: category, Dates: date, MaxCount: 100, Provenance: true},
			"Encounter":                {Dates: date, MaxCount: 200, Provenance: true},
			"FamilyMemberHistory":      {MaxCount: none},
			"Goal":                     plain,
			"Immunization":             {Dates: date, MaxCount: none, Provenance: true},
			"MedicationAdministration": {MaxCount: none},
			"MedicationDispense":       {MaxCount: none},
			"MedicationRequest":        {Narrow: []string{"intent"}, MaxCount: 200, Provenance: true},
			"NutritionOrder":           {MaxCount: none},
			"Observation":              {Narrow: category, Dates: date, MaxCount: 200, Provenance: true},
			"Procedure":                {Dates: date, MaxCount: 200, Provenance: true},
			"QuestionnaireResponse":    {MaxCount: none},
			"RelatedPerson":            {MaxCount: none},
			"ServiceRequest":           {MaxCount: none, Provenance: true},
		}),
		Patients: connectors.PatientRule{
			Params: map[string]string{
				"identifier": "identifier", "name": "name", "family": "family", "given": "given", "birthdate": "birthdate",
				"phone": "phone", "email": "email", "address-postalcode": "address-postalcode", "gender": "gender",
			},
			Enough:   selective,
			MaxCount: 100,
		},
	}
}

// selective tells whether there is more than a gender, without which the search is refused.
func selective(has func(string) bool) bool {
	for _, p := range []string{"identifier", "name", "family", "given", "birthdate", "phone", "email", "address-postalcode"} {
		if has(p) {
			return true
		}
	}
	return false
}
