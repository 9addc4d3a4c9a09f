package merge

import "concord/fhir"

// medicationStatement: the same drug taken from the same day on.
func medicationStatement() Rule {
	return &clinical{
		typ:     fhir.TypeMedicationStatement,
		what:    drugElements(),
		primary: rxNorm,
		drug:    true,
		when:    elEffective,
		late:    elDateAsserted,
		daily:   always,
		rough:   Loosely,
		undated: Loosely,
		checks:  []check{dose("dosage"), status},
	}
}
