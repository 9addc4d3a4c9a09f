package merge

import (
	"concord/fhir"
)

// observation: the same test at the same time, within a minute, with the same value; answers about a person's life count
// by the day. Another value is never the same, whoever corrected it.
func observation() Rule {
	r := &clinical{
		typ:       fhir.TypeObservation,
		what:      []string{"code"},
		primary:   loinc,
		when:      elEffective,
		late:      elIssued,
		tolerance: 60,
		daily:     social,
	}
	r.extra = func(w *World, f *Facts) {
		if readSocial(f) {
			f.flags = socialHistory
		}
		f.measure = w.units.read(f.choice("value"))
	}
	r.identify = func(p *pair) Relation {
		rel := r.usual(p)
		if rel == Loosely && p.time == sameDay && !p.a.when.pure && !p.b.when.pure && p.measures() == differ {
			return Distinct // of the measurements of a day, midnight's among them, another value is another one
		}
		return rel
	}
	r.checks = []check{
		apart("method", byMethod),
		answers,
		sides,
		measured,
		components,
		resultStatus("status"),
		sameEncounter,
	}
	return r
}

// socialHistory is the flag of observations about a person's life.
const socialHistory uint32 = 1

func social(f *Facts) bool { return f.flags&socialHistory != 0 }

// readSocial tells whether it is about the person's life, such as smoking.
func readSocial(f *Facts) bool {
	for k := range f.Get("category").Items() {
		for x := range k.Get("coding").Items() {
			if x.Get("code").Is("social-history") {
				return true
			}
		}
	}
	return false
}

// answers tells different answers to one question apart: over time they are a course, and no conflict.
func answers(p *pair) finding {
	if p.time != sameTime && social(p.a) && compareValues(p) == differ {
		return finding{}
	}
	return fine()
}

// sides compares body sites: with another value as well it is the other side's.
func sides(p *pair) finding {
	f := site("bodySite")(p)
	if f.most == Conflict && compareValues(p) != equal {
		return finding{}
	}
	return f
}

func compareValues(p *pair) agreement {
	x, y := p.a.choice("value"), p.b.choice("value")
	if !x.Exists() || !y.Exists() {
		return unknown
	}
	if s := p.measures(); s != unknown {
		return s
	}
	return values(x, y)
}

// measured compares what came out.
func measured(p *pair) finding {
	switch p.measures() { // most often, and without a look at the copies
	case equal:
		return found(byValue)
	case differ:
		return conflict(ConflictValue)
	case unknown:
	}
	x, y := p.a.choice("value"), p.b.choice("value")
	switch {
	case x.Exists() && y.Exists():
		switch values(x, y) {
		case equal:
			return found(byValue)
		case unknown:
			return finding{} // two answers of which nothing can be compared
		case differ:
		}
		return conflict(ConflictValue)
	case x.Exists() && p.b.Get("dataAbsentReason").Exists(), y.Exists() && p.a.Get("dataAbsentReason").Exists():
		return conflict(ConflictValue) // no value is not the same as a value
	case x.Exists() != y.Exists():
		if p.like.byWords() {
			return finding{}
		}
		return atMost(Loosely)
	case p.like.byWords() && !p.a.Get("component").Exists():
		return finding{} // words alone, and nothing to tell that they mean the same
	}
	return fine()
}

// components compares the parts: each of one must be one of the other.
func components(p *pair) finding {
	x, y := p.a.Get("component"), p.b.Get("component")
	switch {
	case !x.Exists() && !y.Exists():
		return fine()
	case !x.Exists() || !y.Exists():
		if p.a.choice("value").Exists() && p.b.choice("value").Exists() {
			return fine()
		}
		return atMost(Loosely)
	}
	n := x.Len()
	if n != y.Len() || n > 64 {
		return conflict(ConflictValue)
	}
	var theirs []*concept
	var ys []fhir.Value
	for c := range y.Items() {
		theirs, ys = append(theirs, conceptOf(c.Get("code"))), append(ys, c)
	}
	taken := make([]bool, n)
	for c := range x.Items() {
		mine := conceptOf(c.Get("code"))
		i := -1
		for j := range ys {
			if l := alike(mine, theirs[j]); !taken[j] && (l == shared || l.byWords()) && sameMeasure(c, ys[j]) {
				i = j
				break
			}
		}
		if i < 0 {
			return conflict(ConflictValue)
		}
		taken[i] = true
	}
	return found(byComponent)
}

// sameMeasure compares the values of two components.
func sameMeasure(x, y fhir.Value) bool {
	vx, vy := choice(x, "value"), choice(y, "value")
	if vx.Exists() && vy.Exists() {
		return values(vx, vy) == equal
	}
	return vx.Exists() == vy.Exists()
}
