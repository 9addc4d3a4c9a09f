package merge

import (
	"strings"

	"concord/fhir"
)

// location: the same identifier, or the same name at the same address.
func location() Rule { return locationRule{} }

type locationRule struct{}

// Name is the resource type.
func (locationRule) Name() string { return string(fhir.TypeLocation) }

// Read reads identifiers, name and address.
func (locationRule) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if w.opaque() {
		return f
	}
	f.Entity = true
	w.ids(&f, "identifier")
	w.endIDs(&f)
	if k, ok := placeKey(c); ok {
		w.keys = append(w.keys, k)
	}
	w.end(&f)
	return f
}

// placeKey is the key of name and address.
func placeKey(c Copy) (Key, bool) {
	name, ok := textKey(c.Get("name").Text())
	if !ok {
		return 0, false
	}
	addr, ok := addressKey(c.Get("address"))
	return addr.withInt(int64(name)), ok
}

// addressKey is the key of a street and a place; false without both.
func addressKey(a fhir.Value) (Key, bool) {
	k, street := digest("address"), false
	for l := range a.Get("line").Items() {
		if s := letters(l.Text()); s != "" {
			k, street = k.with(s), true
		}
	}
	zip := letters(a.Get("postalCode").Text())
	if len(zip) > 5 && digits(zip) {
		zip = zip[:5]
	}
	city := letters(a.Get("city").Text())
	if !street || zip == "" && city == "" {
		return 0, false
	}
	return k.with(city).with(zip).with(strings.ToLower(a.Get("state").Text())), true
}

// Compare says what two copies are to each other.
func (locationRule) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b)}
	x, okx := placeKey(a.Copy)
	y, oky := placeKey(b.Copy)
	v := Verdict{Relation: Exactly, Agreed: p.same}
	switch place := okx && oky && x == y; {
	case place:
		v.Agreed |= byName | byAddress
	case p.same == 0:
		return Verdict{}
	}
	for _, c := range [...]check{apart("name", 0), apart("mode", 0), byParty(byProvider, "managingOrganization")} {
		if !v.apply(c(&p)) {
			return Verdict{}
		}
	}
	return v.settle()
}
