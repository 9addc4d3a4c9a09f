package merge

import (
	"concord/fhir"
)

// familyMemberHistory: the same relative with the same conditions. What is denied of a relative is kept apart, and so is a
// brother who may be another.
func familyMemberHistory() Rule { return familyRule{} }

type familyRule struct{}

// Name is the resource type.
func (familyRule) Name() string { return string(fhir.TypeFamilyMemberHistory) }

// Read reads the relationship and the conditions.
func (familyRule) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if w.opaque() {
		return f
	}
	f.standing = standingOf(&f)
	w.ids(&f, "identifier")
	w.endIDs(&f)
	f.what = w.concept(c.Get("relationship"))
	relation := append(append([]Key(nil), f.what.texts...), codeKeys(f.what.codes)...)
	for x := range c.Get("condition").Items() {
		what := w.concept(x.Get("code"))
		for _, k := range append(codeKeys(what.codes), what.texts...) {
			for _, r := range relation {
				w.keys = append(w.keys, r.withInt(int64(k)))
			}
		}
	}
	w.end(&f)
	return f
}

func codeKeys(codes []coded) (out []Key) {
	for _, c := range codes {
		out = append(out, c.key)
	}
	return out
}

// Compare says what two copies are to each other.
func (familyRule) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b), like: alike(a.what, b.what)}
	if p.like < translated || p.like == contrary {
		return Verdict{}
	}
	v := Verdict{Relation: Nearly, Agreed: p.same | byRelationship}
	if !only(a.what) || !only(b.what) {
		v.Relation = Loosely // of brothers there may be several
	}
	if p.same != 0 {
		v.Relation = Exactly
	}
	if string(a.Get("dataAbsentReason").Raw()) != string(b.Get("dataAbsentReason").Raw()) {
		return Verdict{}
	}
	if x, y := a.Get("condition"), b.Get("condition"); x.Exists() && y.Exists() {
		if arraysOfConditions(x, y) != equal {
			return Verdict{}
		}
		v.Agreed |= byCode
	} else if p.same == 0 {
		return Verdict{}
	}
	if x, y := a.Get("name").Text(), b.Get("name").Text(); sameName(x, y) == differ {
		return Verdict{}
	}
	for _, c := range [...]check{negation, apart("sex", byGender), apart("bornDate", byBirthDate), apart("deceasedBoolean", 0), apart("deceasedDate", 0), status} {
		if !v.apply(c(&p)) {
			return Verdict{}
		}
	}
	return v.settle()
}

// arraysOfConditions compares lists of conditions by their codes, each one of the other's, and by how they ended.
func arraysOfConditions(x, y fhir.Value) agreement {
	if x.Len() != y.Len() || x.Len() > 64 {
		return differ
	}
	var ys []fhir.Value
	for c := range y.Items() {
		ys = append(ys, c)
	}
	for c := range x.Items() {
		at := -1
		for i, o := range ys {
			if concepts(c.Get("code"), o.Get("code")) == equal && says(c, o) == equal {
				at = i
				break
			}
		}
		if at < 0 {
			return differ
		}
		ys = append(ys[:at:at], ys[at+1:]...)
	}
	return equal
}

// only tells of the relatives of whom one has one: parents and their parents.
func only(relationship *concept) bool {
	for _, code := range [...]string{"FTH", "MTH", "NFTH", "NMTH", "MGRMTH", "MGRFTH", "PGRMTH", "PGRFTH"} {
		if c, ok := standard("http://terminology.hl7.org/CodeSystem/v3-RoleCode", code); ok && hasCode(relationship.codes, c.key) {
			return true
		}
	}
	return false
}
