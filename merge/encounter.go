package merge

import (
	"concord/fhir"
)

// encounter: the visit's number, else the same class at the same house, begun within a quarter of an hour. Two houses are
// two encounters, also at one time.
func encounter() Rule {
	return &clinical{
		typ:       fhir.TypeEncounter,
		what:      []string{"type"},
		when:      elPeriod,
		tolerance: 15 * 60,
		anyCode:   true,
		identify:  sameVisit,
		checks: []check{
			class,
			byParty(byProvider, "serviceProvider"),
			ended,
			status,
		},
	}
}

func sameVisit(p *pair) Relation {
	rel := Distinct
	switch p.time {
	case sameTime:
		rel = Exactly
	case nearby:
		rel = Nearly
	case sameDay:
		rel = Loosely
	case timesDiffer, noTimes, oneTime, roughly:
		return Distinct
	}
	if p.like == contrary || p.like == unlike && (p.time != sameTime || len(p.a.what.codes) == 0 || len(p.b.what.codes) == 0 || oneSystem(p.a.what, p.b.what)) {
		return Distinct
	}
	house := party(p.a, p.b, "serviceProvider")
	kind := alikeClass(p)
	switch {
	case house == differ || kind == differ:
		return Distinct
	case p.like == unlike: // one says what kind of visit, and one what is billed for it
		if house != equal && kind != equal {
			return Distinct
		}
		return Loosely
	case house == equal || p.like == shared || p.time == sameTime && kind == equal:
		return rel
	}
	return min(rel, Loosely)
}

// class compares classes, as far as both are of the standard's list.
func class(p *pair) finding {
	switch alikeClass(p) {
	case differ:
		return finding{}
	case equal:
		return found(byClass)
	case unknown:
	}
	return fine()
}

// ended compares when two visits ended: what began at one time and ended at two was two, unless it has one number.
func ended(p *pair) finding {
	x, y := momentOf(p.a.Path("period", "end")), momentOf(p.b.Path("period", "end"))
	switch timingOf(x, y, 15*60, false) {
	case timesDiffer:
		if p.same == 0 {
			return finding{}
		}
	case sameTime:
		return found(byPeriod)
	case nearby, sameDay, roughly, oneTime, noTimes:
	}
	return fine()
}

func alikeClass(p *pair) agreement {
	x, y := conceptOf(p.a.Get("class")), conceptOf(p.b.Get("class"))
	if len(x.codes) == 0 || len(y.codes) == 0 {
		return unknown
	}
	return agree(overlapCodes(x.codes, y.codes))
}
