package merge

import (
	"strings"

	"concord/fhir"
)

// coverage: the same payor and member number, at overlapping times. The members of a family may share the number, and are
// told apart by what the card has behind it.
func coverage() Rule { return coverageRule{} }

type coverageRule struct{}

// Name is the resource type.
func (coverageRule) Name() string { return string(fhir.TypeCoverage) }

// Read reads the member number.
func (coverageRule) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if w.opaque() {
		return f
	}
	f.Entity = true
	f.standing = standingOf(&f)
	w.ids(&f, "identifier")
	w.endIDs(&f)
	for _, n := range memberNumbers(c) {
		w.keys = append(w.keys, digest("member", n))
	}
	w.end(&f)
	return f
}

// memberNumbers are what a Coverage calls the member by: letters and digits only, as cards and forms differ in the rest.
func memberNumbers(c Copy) (out []string) {
	add := func(s string) {
		if n := letters(s); len(n) >= 4 && !repeated(n) {
			out = append(out, n)
		}
	}
	add(c.Get("subscriberId").Text())
	for id := range c.Get("identifier").Items() {
		for t := range id.Path("type", "coding").Items() {
			if t.Get("code").Is("MB") {
				add(id.Get("value").Text())
			}
		}
	}
	return out
}

// Compare says what two copies are to each other.
func (coverageRule) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b)}
	v := Verdict{Relation: Exactly, Agreed: p.same}
	member := false
	for _, x := range memberNumbers(a.Copy) {
		for _, y := range memberNumbers(b.Copy) {
			member = member || x == y
		}
	}
	if member {
		v.Agreed |= byMember
	}
	switch payor := party(a, b, "payor"); {
	case payor == differ, p.same == 0 && !member, !member && len(memberNumbers(a.Copy)) > 0 && len(memberNumbers(b.Copy)) > 0:
		return Verdict{}
	case payor == equal:
		v.Agreed |= byPayor
	case p.same == 0:
		v.Relation = Loosely // a number without its payor
	}
	x, okx := fhir.ParsePeriod(a.Get("period"))
	y, oky := fhir.ParsePeriod(b.Get("period"))
	if okx && oky {
		if !x.Overlaps(y) {
			return Verdict{}
		}
		v.Agreed |= byPeriod
	}
	if d, e := strings.TrimLeft(a.Get("dependent").Text(), "0"), strings.TrimLeft(b.Get("dependent").Text(), "0"); d != "" && e != "" && d != e {
		return Verdict{}
	}
	for _, c := range [...]check{negation, apart("relationship", byRelationship), apart("type", byType), apart("order", 0), status} {
		if !v.apply(c(&p)) {
			return Verdict{}
		}
	}
	return v.settle()
}
