package merge

import "concord/fhir"

// medicationDispense: the same drug handed over on the same day, and as much of it.
func medicationDispense() Rule {
	return &clinical{
		typ:     fhir.TypeMedicationDispense,
		what:    drugElements(),
		primary: rxNorm,
		drug:    true,
		when:    elWhenHandedOver,
		late:    elWhenPrepared,
		daily:   always,
		checks:  []check{apart("quantity", byValue), apart("daysSupply", 0), apart("type", 0), dose("dosageInstruction"), status},
	}
}
