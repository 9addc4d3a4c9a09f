package merge

import "concord/fhir"

// immunization: the same vaccine on the same day; where one record says no more than against what, it is the only one
// against that which it can be. Another lot is another dose; a report of one is joined to the record of it; without a date
// it is the only one that it can be.
func immunization() Rule {
	r := &clinical{
		typ:      fhir.TypeImmunization,
		what:     []string{"vaccineCode"},
		primary:  cvx,
		decisive: []system{cvx},
		when:     elOccurrence,
		daily:    always,
		undated:  Loosely,
		rough:    Loosely,
		checks: []check{
			lot,
			series,
			excludes("doseQuantity", ConflictDose, byDose),
			site("site"),
			status,
			sameEncounter,
		},
	}
	r.extra = func(w *World, f *Facts) { noteVaccine(w, f, r) }
	r.identify = func(p *pair) Relation {
		if p.like == unlike && sameVaccineGroup(p.a, p.b) && (p.time == sameTime || p.time == nearby || p.time == sameDay) {
			return Loosely
		}
		return r.usual(p)
	}
	return r
}

// series tells the doses of a series apart where the days do not: the second is not the first.
func series(p *pair) finding {
	if p.time == sameTime || p.time == nearby {
		return fine() // each record counts in its own way
	}
	for x := range p.a.Get("protocolApplied").Items() {
		for y := range p.b.Get("protocolApplied").Items() {
			if u, v := x.Get("doseNumberPositiveInt").Text(), y.Get("doseNumberPositiveInt").Text(); u != "" && v != "" && u != v {
				return finding{}
			}
		}
	}
	return fine()
}

// lot tells doses apart by their lot numbers, however these are written.
func lot(p *pair) finding {
	x, okx := lotKey(p.a.Get("lotNumber"))
	y, oky := lotKey(p.b.Get("lotNumber"))
	switch {
	case !okx || !oky:
		return fine()
	case x != y:
		return finding{}
	}
	return found(byLot)
}

func lotKey(v fhir.Value) (string, bool) {
	s := letters(v.Text())
	return s, s != "" && !placeholder(fold(v.Text()))
}
