package merge

import "concord/fhir"

// immunization: the same vaccine on the same day. Another lot is another dose; a report of one is joined to the record of
// it; without a date it is the only one that it can be.
func immunization() Rule {
	return &clinical{
		typ:      fhir.TypeImmunization,
		what:     []string{"vaccineCode"},
		decisive: []system{cvx},
		when:     []string{"occurrenceDateTime"},
		daily:    always,
		undated:  Loosely,
		rough:    Loosely,
		often:    []string{"status", "lotNumber", "doseQuantity", "site", "encounter"},
		checks: []check{
			lot,
			excludes("doseQuantity", ConflictDose, byDose),
			site("site"),
			status,
			sameEncounter,
		},
	}
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
