package merge

import "concord/fhir"

// documentReference: the same document by its identifier, else the same bytes of the same type. A document that another
// replaces is kept beside that one.
func documentReference() Rule { return documentRule{} }

type documentRule struct{}

// Name is the resource type.
func (documentRule) Name() string { return string(fhir.TypeDocumentReference) }

// Read reads identifiers and the hash of the content.
func (documentRule) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if w.opaque() {
		return f
	}
	f.standing = standingOf(&f)
	w.ids(&f, "masterIdentifier", "identifier")
	w.endIDs(&f)
	f.what = w.concept(c.Get("type"))
	f.when = timeOf(c.Get("date"))
	if h := contentHash(c); h != 0 {
		w.keys = append(w.keys, h.with("document"))
	}
	w.end(&f)
	return f
}

// contentHash is the digest of all attachments, if all have one.
func contentHash(c Copy) Key {
	var out Key
	for x := range c.Get("content").Items() {
		h := attachmentKey(x.Get("attachment"))
		if h == 0 {
			return 0
		}
		if out == 0 {
			out = h
		} else {
			out = out.withInt(int64(h))
		}
	}
	return out
}

// Compare says what two copies are to each other.
func (documentRule) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b), like: alike(a.what, b.what), time: timingOf(a.when, b.when, 60, true)}
	x, y := contentHash(a.Copy), contentHash(b.Copy)
	if p.same == byIdentifier && p.time != sameTime && versions(a, b) { // what they have in common is that of the set (C-CDA's setId)
		p.same = 0
	}
	if p.like == unlike || p.same == 0 && (x == 0 || x != y) {
		return Verdict{}
	}
	v := Verdict{Relation: Exactly, Agreed: p.evidence()}
	switch {
	case x != 0 && x == y:
		v.Agreed |= byAttachment
		if p.same == 0 && (p.like == silent || p.time == timesDiffer) {
			v.Relation = Loosely // an empty form may be filed twice
		}
	case x != 0 && y != 0 && sameFormat(a.Copy, b.Copy):
		v.In = ConflictValue // two texts under one number
	}
	for _, c := range [...]check{negation, status, resultStatus("docStatus")} {
		if !v.apply(c(&p)) {
			return Verdict{}
		}
	}
	return v.settle()
}

// versions tells of two documents that have a number of their own each.
func versions(a, b *Facts) bool {
	k, okA := a.world.identifierKey(a.Get("masterIdentifier"))
	l, okB := b.world.identifierKey(b.Get("masterIdentifier"))
	return okA && okB && k != l
}

// sameFormat tells whether both hold one attachment of one kind: a document may be rendered as HTML here and as PDF there.
func sameFormat(a, b Copy) bool {
	x, y := a.Get("content"), b.Get("content")
	if x.Len() != 1 || y.Len() != 1 {
		return false
	}
	var kinds []string
	for _, v := range []fhir.Value{x, y} {
		for c := range v.Items() {
			kinds = append(kinds, c.Path("attachment", "contentType").Text())
		}
	}
	return kinds[0] != "" && kinds[0] == kinds[1]
}
