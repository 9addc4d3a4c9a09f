package merge

import (
	"strings"

	"concord/fhir"
)

// organization: the same NPI, laboratory (CLIA) or tax number, or another identifier and the same name. A house's parts
// may share its number, and so have their names to tell them apart; a name alone never joins.
func organization() Rule { return organizationRule{} }

type organizationRule struct{}

// The systems of CLIA numbers, of employer identification numbers and of NAIC's company codes.
const (
	systemCLIA = "urn:oid:2.16.840.1.113883.4.7"
	systemEIN  = "urn:oid:2.16.840.1.113883.4.4"
	systemNAIC = "urn:oid:2.16.840.1.113883.6.300"
)

// Name is the resource type.
func (organizationRule) Name() string { return string(fhir.TypeOrganization) }

// Read reads the numbers.
func (organizationRule) Read(c Copy, w *World) Facts { return w.identified(c, houseKey) }

func houseKey(id fhir.Value) (Key, bool) {
	if k, ok := nationalKey(id); ok {
		return k, true
	}
	sys, v := fhir.CanonicalSystem(id.Get("system").Text()), letters(id.Get("value").Text())
	switch sys {
	case systemCLIA:
		return digest("clia", strings.ToUpper(v)), len(v) == 10
	case systemEIN, "http://hl7.org/fhir/sid/us-ein":
		return digest("ein", v), len(v) == 9 && digits(v) && !repeated(v)
	case systemNAIC:
		return digest("naic", v), len(v) == 5 && digits(v) && !repeated(v)
	}
	return 0, false
}

// Compare says what two copies are to each other.
func (organizationRule) Compare(a, b *Facts) Verdict {
	v := Verdict{Relation: Exactly, Agreed: sameIdentity(a, b)}
	named := v.Agreed == 0
	if named {
		if !overlap(a.Keys, b.Keys) {
			return Verdict{}
		}
		v.Agreed = byIdentifier
	}
	switch sameName(a.Get("name").Text(), b.Get("name").Text()) {
	case equal:
		v.Agreed |= byName
	case unknown: // a part of the house, perhaps
		if named {
			return Verdict{}
		}
		v.Relation = Loosely
	case differ:
		return Verdict{}
	}
	return v
}
