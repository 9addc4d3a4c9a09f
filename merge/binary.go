package merge

import "concord/fhir"

// binaryRule is the rule of Binary: the same bytes of the same kind.
type binaryRule struct{}

// Name is the resource type.
func (binaryRule) Name() string { return string(fhir.TypeBinary) }

// Read reads the hash of the data.
func (binaryRule) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if h := dataKey(c.Get("data").Text()); h != 0 && !c.Get("implicitRules").Exists() {
		w.keys = append(w.keys, h.with(c.Get("contentType").Text()))
	}
	w.end(&f)
	return f
}

// Compare says what two copies are to each other. The key is all that there is to compare.
func (binaryRule) Compare(a, b *Facts) Verdict {
	if len(a.Keys) == 0 || len(b.Keys) == 0 || a.Keys[0] != b.Keys[0] {
		return Verdict{}
	}
	return Verdict{Relation: Exactly, Agreed: byAttachment}
}
