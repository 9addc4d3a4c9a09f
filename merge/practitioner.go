package merge

import "concord/fhir"

// practitioner: the same National Provider Identifier, or another identifier and the same name. A name is never enough;
// names that have nothing in common are too much for a number that somebody typed.
func practitioner() Rule { return practitionerRule{} }

type practitionerRule struct{}

// Name is the resource type.
func (practitionerRule) Name() string { return string(fhir.TypePractitioner) }

// Read reads the NPI and other identifiers.
func (practitionerRule) Read(c Copy, w *World) Facts { return w.identified(c, nationalKey) }

// Compare says what two copies are to each other.
func (practitionerRule) Compare(a, b *Facts) Verdict {
	v := Verdict{Relation: Exactly, Agreed: sameIdentity(a, b)}
	name := sameName(nameOf(fhir.Value{}, a.Copy.Value), nameOf(fhir.Value{}, b.Copy.Value))
	switch {
	case v.Agreed != 0 && strangers(a.Copy, b.Copy), v.Agreed == 0 && len(a.IDs) > 0 && len(b.IDs) > 0:
		return Verdict{}
	case v.Agreed == 0:
		if name != equal || !overlap(a.Keys, b.Keys) {
			return Verdict{}
		}
		v.Agreed = byIdentifier
	}
	if name == equal {
		v.Agreed |= byName
	}
	return v
}

// strangers tells of two names without a word in common.
func strangers(a, b Copy) bool {
	x, y := nameWords(nameOf(fhir.Value{}, a.Value)), nameWords(nameOf(fhir.Value{}, b.Value))
	for _, w := range x {
		if within([]string{w}, y) {
			return false
		}
	}
	return len(x) > 0 && len(y) > 0
}
