package merge

import "concord/fhir"

// medicationDispense: the same drug handed over on the same day, and as much of it.
func medicationDispense() Rule {
	return &clinical{
		typ:    fhir.TypeMedicationDispense,
		what:   drugElements(),
		drug:   true,
		when:   []string{"whenHandedOver"},
		late:   []string{"whenPrepared"},
		daily:  always,
		checks: []check{apart("quantity", byValue), apart("daysSupply", 0), apart("type", 0), dose("dosageInstruction"), status},
	}
}
