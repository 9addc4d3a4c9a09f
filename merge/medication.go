package merge

import "concord/fhir"

// medication: the same product, by RxNorm, else by package, else by SNOMED, else by name and form.
func medication() Rule { return medicationRule{} }

type medicationRule struct{}

// Name is the resource type.
func (medicationRule) Name() string { return string(fhir.TypeMedication) }

// Read reads what product it is.
func (medicationRule) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if w.opaque() {
		return f
	}
	f.Entity = true
	f.standing = standingOf(&f)
	w.ids(&f, "identifier")
	w.endIDs(&f)
	f.what = w.concept(c.Get("code"))
	for _, x := range f.what.codes {
		w.keys = append(w.keys, x.key)
	}
	w.keys = append(w.keys, f.what.texts...)
	w.end(&f)
	return f
}

// Compare says what two copies are to each other.
func (medicationRule) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b), like: alikeDrugs(a.what, b.what)}
	v := Verdict{Relation: Exactly, Agreed: p.evidence()}
	switch p.like {
	case shared:
	case worded: // the name alone does not tell a tablet from a syrup
		v.Relation = Nearly
		if a.Get("form").Exists() != b.Get("form").Exists() {
			v.Relation = Loosely
		}
	case translated: // the package here, and what is in it there
		v.Relation = Loosely
	case silent:
		if p.same == 0 {
			return Verdict{}
		}
	case unlike, contrary:
		return Verdict{}
	}
	for _, c := range [...]check{negation, apart("form", 0), apart("ingredient", 0), apart("amount", 0), apart("batch", byLot)} {
		if !v.apply(c(&p)) {
			return Verdict{}
		}
	}
	return v.settle()
}
