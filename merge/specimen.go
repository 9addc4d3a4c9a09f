package merge

import "concord/fhir"

// specimen: the same accession or identifier. Of one accession there may be several tubes, which a source that has them
// keeps apart.
func specimen() Rule {
	return numbered{typ: fhir.TypeSpecimen, ids: []string{"accessionIdentifier", "identifier"}, what: "type"}
}

// imagingStudy: the study's instance UID, or its accession.
func imagingStudy() Rule { return numbered{typ: fhir.TypeImagingStudy, ids: []string{"identifier"}} }

// numbered is the rule of types that laboratories and archives number.
type numbered struct {
	typ  fhir.ResourceType
	ids  []string
	what string // element that must not differ
}

// Name is the resource type.
func (r numbered) Name() string { return string(r.typ) }

// Read reads the numbers.
func (r numbered) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if w.opaque() {
		return f
	}
	f.standing = standingOf(&f)
	w.ids(&f, r.ids...)
	w.endIDs(&f)
	w.end(&f)
	return f
}

// Compare says what two copies are to each other.
func (r numbered) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b)}
	if p.same == 0 {
		return Verdict{}
	}
	v := Verdict{Relation: Exactly, Agreed: p.same}
	checks := [...]check{negation, apart(r.what, byType), status}
	for _, c := range checks {
		if !v.apply(c(&p)) {
			return Verdict{}
		}
	}
	return v.settle()
}
