package merge

import "concord/fhir"

// procedure: the same code on the same day at the same site, by the same person. What was done at two times of one day
// was done twice.
func procedure() Rule {
	r := &clinical{
		typ:       fhir.TypeProcedure,
		what:      []string{"code"},
		primary:   snomed,
		decisive:  []system{snomed, cpt},
		when:      elPerformed,
		tolerance: 15 * 60,
		rough:     Loosely,
		checks: []check{
			byParty(byPerformer, "performer", "actor"),
			site("bodySite"),
			apart("category", byCategory),
			excludes("outcome", ConflictValue, 0),
			status,
			sameEncounter,
		},
	}
	r.identify = func(p *pair) Relation {
		rel := r.usual(p)
		if p.time == nearby && max(p.a.when.lo-p.b.when.lo, p.b.when.lo-p.a.when.lo) > 60 {
			return min(rel, Loosely) // some note the beginning, and others when they wrote it down
		}
		return rel
	}
	return r
}
