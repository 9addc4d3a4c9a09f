package merge

import "concord/fhir"

// drugElements say which drug, in the types that are about one.
func drugElements() []string { return []string{"medicationCodeableConcept", "medicationReference"} }

// medicationRequest: the same drug ordered at the same time by the same person. A plan is no order; another dose, and an
// order that was stopped, are told beside the one that was not.
func medicationRequest() Rule {
	return &clinical{
		typ:       fhir.TypeMedicationRequest,
		what:      drugElements(),
		primary:   rxNorm,
		drug:      true,
		when:      elAuthoredOn,
		tolerance: 60,
		checks: []check{
			prohibition,
			apart("intent", 0),
			byParty(byRequester, "requester"),
			dose("dosageInstruction"),
			status,
			sameEncounter,
		},
	}
}
