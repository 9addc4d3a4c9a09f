package merge

import "concord/fhir"

// serviceRequest: a placer's or filler's number, else the same code ordered at the same time by the same person.
func serviceRequest() Rule {
	return &clinical{
		typ:         fhir.TypeServiceRequest,
		what:        []string{"code"},
		decisive:    []system{snomed, cpt},
		when:        elAuthoredOn,
		tolerance:   60,
		identifiers: []string{"requisition"},
		checks: []check{
			prohibition,
			apart("intent", 0),
			apart("occurrenceDateTime", 0),
			byParty(byRequester, "requester"),
			site("bodySite"),
			status,
			sameEncounter,
		},
	}
}
