package merge

import "concord/fhir"

// medicationAdministration: the same drug given at the same time, within five minutes.
func medicationAdministration() Rule {
	return &clinical{
		typ:       fhir.TypeMedicationAdministration,
		what:      drugElements(),
		primary:   rxNorm,
		drug:      true,
		when:      elEffective,
		tolerance: 300,
		checks:    []check{administered, status},
	}
}

// administered compares the dose that was given; its parts stand in one element, and not in a list of instructions.
func administered(p *pair) finding {
	x, y := p.a.Get("dosage"), p.b.Get("dosage")
	if !x.Exists() || !y.Exists() {
		return fine()
	}
	out := unknown
	for _, n := range [...]string{"dose", "rateQuantity", "rateRatio", "route", "site"} {
		u, v := x.Get(n), y.Get(n)
		if !u.Exists() || !v.Exists() {
			continue
		}
		switch says(u, v) {
		case differ:
			return conflict(ConflictDose)
		case equal:
			out = equal
		case unknown:
		}
	}
	if out == equal {
		return found(byDose)
	}
	return fine()
}
