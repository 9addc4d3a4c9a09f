// Package epic is the connector of Epic's FHIR R4 API, as sites run it. It knows Epic's demands, codes and redirects, and
// nothing of any one site: what differs between sites is configuration.
package epic

import (
	"concord"
	"concord/connectors"
	"concord/fhir"
)

// New makes the connector of one Epic site. Sites may want the header Epic-Client-ID, which goes into cfg.Headers. Its
// error is a *concord.Fault of Kind Invalid, for a Config that can't be used.
func New(cfg connectors.Config) (connectors.Source, error) { return connectors.New(cfg, rules()) }

func rules() *connectors.Rules {
	category, date := []string{"category"}, []string{"date"}
	plain := connectors.TypeRule{Provenance: true}
	return &connectors.Rules{
		PageSize:       1000, // advisory: Epic gives what it likes
		Single:         true, // a category that a site does not know fails the whole search
		MergedRedirect: true,
		CodeSystem:     "urn:oid:1.2.840.114350.",
		Codes:          codes(),
		Types: connectors.Types(map[fhir.ResourceType]connectors.TypeRule{
			"AllergyIntolerance":    plain,
			"CarePlan":              {Narrow: category, Split: carePlans, Provenance: true},
			"CareTeam":              plain,
			"Condition":             {Narrow: category, Provenance: true},
			"Consent":               {},
			"Coverage":              plain,
			"Device":                plain,
			"DiagnosticReport":      {Dates: date, Provenance: true},
			"DocumentReference":     {Narrow: category, Dates: date, Provenance: true},
			"Encounter":             {Dates: date, Provenance: true},
			"ExplanationOfBenefit":  {},
			"FamilyMemberHistory":   {},
			"Flag":                  {},
			"Goal":                  plain,
			"Immunization":          {Dates: date, Provenance: true},
			"MedicationDispense":    plain,
			"MedicationRequest":     {Dates: []string{"authoredon"}, Provenance: true},
			"Observation":           {Narrow: category, Dates: date, Split: observations, Provenance: true},
			"Procedure":             {Dates: date, Provenance: true},
			"QuestionnaireResponse": plain,
			"RelatedPerson":         plain,
			"ServiceRequest":        plain,
			"Specimen":              plain,
		}),
		Patients: connectors.PatientRule{
			Params: map[string]string{
				"identifier": "identifier", "family": "family", "given": "given", "birthdate": "birthdate", "gender": "gender",
				"phone": "telecom", "email": "telecom", "telecom": "telecom", "address": "address", "address-city": "address-city",
				"address-state": "address-state", "address-postalcode": "address-postalcode",
			},
			Systems:    true,
			WholeDates: true,
			Enough:     strong,
			MaxCount:   100,
		},
	}
}

// strong tells whether Epic looks for anybody: weaker demographics get an empty answer, which would read as "not there".
func strong(has func(string) bool) bool {
	named := has("family") && has("given")
	return has("identifier") || named && has("birthdate") || named && has("gender") && has("telecom")
}

// What Epic is asked for, one at a time, where it demands a category. procedure, therapy and activity are not among them:
// sites refuse them.
var (
	observations = []string{"laboratory", "vital-signs", "social-history", "survey", "imaging", "exam", "core-characteristics",
		"sdoh", "obstetrics-gynecology", "delivery", "periodontal", "smartdata"}
	carePlans = []string{"38717003", "734163000", "736271009", "736353004", "738906000", "736378000", "409073007", "inpatient-pathway", "care-path"}
)

// codes are what Epic's own outcome codes mean.
func codes() map[string]connectors.Meaning {
	failed := func(k concord.Kind) connectors.Meaning { return connectors.Meaning{Sense: connectors.Failed, Kind: k} }
	return map[string]connectors.Meaning{
		"4100":  failed(concord.NotFound), // not an id of a patient
		"4101":  {Sense: connectors.Nothing},
		"4107":  {Sense: connectors.Merged},
		"4110":  failed(concord.Invalid),
		"4111":  {Sense: connectors.Required},
		"4112":  failed(concord.Invalid),
		"4113":  {Sense: connectors.Lapsed},
		"4119":  {Sense: connectors.Disclaimer},
		"4122":  {Sense: connectors.Ignored},
		"4127":  {Sense: connectors.Cut},
		"4130":  failed(concord.Forbidden), // behind break-the-glass: a policy, which asking again does not change
		"4131":  failed(concord.Forbidden),
		"4134":  failed(concord.Forbidden),
		"4135":  failed(concord.RateLimited), // the day's quota of documents
		"59100": {Sense: connectors.Ignored},
		"59102": failed(concord.NotFound),
		"59108": {Sense: connectors.Required},
		"59109": {Sense: connectors.Ignored},
		"59111": failed(concord.Invalid),
		"59144": failed(concord.NotFound),
		"59159": {Sense: connectors.Required},
		"59177": failed(concord.Internal),
		"59204": {Sense: connectors.Withheld},
	}
}
