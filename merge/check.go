package merge

import (
	"concord/fhir"
)

// pair is two copies while they are compared.
type pair struct {
	a, b *Facts
	same Evidence // byIdentifier or byOrigin, or 0
	like likeness
	time timing
}

// finding is what a check has to say of two copies. The zero finding is that they are distinct.
type finding struct {
	most   Relation // what they can be at most
	in     ConflictCode
	agreed Evidence
}

// fine is that nothing speaks against it.
func fine() finding { return finding{most: Exactly} }

// conflict is that they tell one event in ways that exclude each other.
func conflict(in ConflictCode) finding { return finding{most: Conflict, in: in} }

// atMost is that they are no more than r to each other.
func atMost(r Relation) finding { return finding{most: r} }

// found is that they agree in something.
func found(e Evidence) finding { return finding{most: Exactly, agreed: e} }

// check looks at two copies that may be one event.
type check func(p *pair) finding

// apart tells events apart by an element: where both have it and say different things, there are two.
func apart(element string, e Evidence) check {
	return func(p *pair) finding {
		x, y := p.a.Get(element), p.b.Get(element)
		if !x.Exists() || !y.Exists() {
			return fine()
		}
		switch says(x, y) {
		case differ:
			return finding{}
		case equal:
			return found(e)
		case unknown:
		}
		return fine()
	}
}

// excludes tells that an element can't have two values in one event.
func excludes(element string, in ConflictCode, e Evidence) check {
	return func(p *pair) finding {
		x, y := p.a.Get(element), p.b.Get(element)
		if !x.Exists() || !y.Exists() || vague(x) || vague(y) {
			return fine()
		}
		switch says(x, y) {
		case differ:
			return conflict(in)
		case equal:
			return found(e)
		case unknown:
		}
		return fine()
	}
}

// vague tells of a code or a concept that says nothing.
func vague(v fhir.Value) bool {
	if v.IsString() {
		return placeholder(v.Text()) || v.Is("unable-to-assess")
	}
	return false
}

// standing is whether what a copy tells is meant at all.
type standing uint8

const (
	live     standing = iota
	negated           // refuted, not done, cancelled
	mistaken          // entered in error
)

// standingOf reads a copy's statuses.
func standingOf(f *Facts) standing {
	if v := f.Get("status"); v.IsString() {
		return standingIn(v)
	}
	return max(standingIn(f.Get("verificationStatus")), standingIn(f.Get("clinicalStatus")))
}

func standingIn(v fhir.Value) standing {
	if v.IsString() {
		switch v.Text() {
		case "entered-in-error":
			return mistaken
		case "not-done", "cancelled", "not-taken", "declined", "refuted", "nullified":
			return negated
		}
		return live
	}
	out := live
	for c := range v.Get("coding").Items() {
		switch c.Get("code").Text() {
		case "entered-in-error":
			return mistaken
		case "refuted":
			out = negated
		}
	}
	return out
}

// negation is that one takes back, or denies, what the other says.
func negation(p *pair) finding {
	if p.a.standing != p.b.standing {
		return conflict(ConflictNegation)
	}
	return fine()
}

// prohibition is that one says to do what the other says not to do.
func prohibition(p *pair) finding {
	if (p.a.Get("doNotPerform").Text() == "true") != (p.b.Get("doNotPerform").Text() == "true") { // absent is false
		return conflict(ConflictNegation)
	}
	return fine()
}

// status is that a status is different, unless it is not known.
func status(p *pair) finding {
	return excludes("status", ConflictStatus, byStatus)(p)
}

// resultStatus compares what state a result or a document is in: one that is not final yet becomes the final one of the
// same identifier, and what was corrected is kept beside what it corrects.
func resultStatus(element string) check {
	return func(p *pair) finding {
		if element == "status" && p.a.status != 0 && p.a.status == p.b.status {
			return found(byStatus)
		}
		x, y := p.a.Get(element).Text(), p.b.Get(element).Text()
		switch {
		case x == "" || y == "" || x == "unknown" || y == "unknown":
			return fine()
		case x == y:
			return found(byStatus)
		case p.same != 0 && (preliminary(x) && (preliminary(y) || y == "final") || preliminary(y) && x == "final"):
			return fine()
		}
		return conflict(ConflictStatus)
	}
}

func preliminary(status string) bool {
	return status == "registered" || status == "preliminary" || status == "partial"
}

// site is that a body site or side is another one.
func site(element string) check { return excludes(element, ConflictSite, bySite) }

// identity is what copies may be by a shared identifier: the same, also if the time is somewhat different, for one
// source notes when it was ordered and another when it was done.
func (p *pair) identity() Relation {
	switch {
	case p.like == unlike || p.like == contrary:
		return Distinct // an identifier may stand for a whole order, so it never joins what the codes tell apart
	case p.time != timesDiffer:
		return Exactly
	case p.a.when.kind == partial || p.b.when.kind == partial:
		return Loosely
	case max(p.a.when.lo-p.b.when.lo, p.b.when.lo-p.a.when.lo) <= 2*daySeconds:
		return Nearly
	}
	return Distinct // a number that was given twice
}

// evidence is what code, words and time have in common.
func (p *pair) evidence() Evidence {
	e := p.same
	switch p.like {
	case shared:
		if e |= byCode; overlap(p.a.what.texts, p.b.what.texts) {
			e |= byText
		}
	case worded, translated:
		e |= byText
	case unlike, silent, contrary:
	}
	switch p.time {
	case sameTime, nearby:
		if e |= byTime; p.a.when.late {
			e = e&^byTime | byRecorded
		}
	case sameDay:
		e |= byDay
	case timesDiffer, noTimes, oneTime, roughly:
	}
	return e
}
