package mpi

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"concord"
)

// NewPersonID is a new random id, the text of a version 4 UUID (RFC 9562).
func NewPersonID() PersonID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program first
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return PersonID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

// Valid tells whether id has the form that PersonID demands.
func (id PersonID) Valid() bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Clone is a copy of p that shares nothing with it.
func (p Person) Clone() Person {
	p.Links = slices.Clone(p.Links)
	p.Rejected = slices.Clone(p.Rejected)
	p.Absent = maps.Clone(p.Absent)
	return p
}

// Canonical is p as every store keeps it, in a copy: links and rejected patients sorted, rejected ones once, times in UTC
// and whole milliseconds, empty lists and maps nil. Invalid when the id is not a legal one, when a link has no patient or
// no grade or is replaced by what is none of its source, or a rejected one is none, or when two links have the same patient.
func (p Person) Canonical() (Person, error) {
	bad := &concord.Fault{Op: "mpi put", Kind: concord.Invalid}
	if !p.ID.Valid() || p.Version < 0 {
		return Person{}, bad
	}
	if slices.ContainsFunc(p.Links, func(l Link) bool { return !IsPatient(l.Ref) || l.Grade < Possible || l.Grade > Certain }) ||
		slices.ContainsFunc(p.Links, func(l Link) bool {
			return !l.ReplacedBy.IsZero() && (!IsPatient(l.ReplacedBy) || l.ReplacedBy == l.Ref || l.ReplacedBy.Source != l.Ref.Source)
		}) ||
		slices.ContainsFunc(p.Rejected, func(r concord.PatientRef) bool { return !IsPatient(r) }) {
		return Person{}, bad
	}
	p = p.Clone()
	slices.SortFunc(p.Links, func(a, b Link) int { return CompareRefs(a.Ref, b.Ref) })
	for i := 1; i < len(p.Links); i++ {
		if p.Links[i-1].Ref == p.Links[i].Ref {
			return Person{}, bad
		}
	}
	slices.SortFunc(p.Rejected, CompareRefs)
	p.Rejected = slices.Compact(p.Rejected)
	for s, at := range p.Absent {
		p.Absent[s] = millis(at)
	}
	p.Created = millis(p.Created)
	if len(p.Links) == 0 {
		p.Links = nil
	}
	if len(p.Rejected) == 0 {
		p.Rejected = nil
	}
	if len(p.Absent) == 0 {
		p.Absent = nil
	}
	return p, nil
}

// CanonicalAll is Canonical of each; Invalid also when two have one id, or a link to the same patient.
func CanonicalAll(all []Person) ([]Person, error) {
	out := make([]Person, len(all))
	ids := make(map[PersonID]bool, len(all))
	refs := make(map[concord.PatientRef]bool, len(all))
	for i, p := range all {
		c, err := p.Canonical()
		if err != nil {
			return nil, err
		}
		twice := ids[c.ID]
		ids[c.ID] = true
		for _, l := range c.Links {
			twice = twice || refs[l.Ref]
			refs[l.Ref] = true
		}
		if twice {
			return nil, &concord.Fault{Op: "mpi put", Kind: concord.Invalid}
		}
		out[i] = c
	}
	return out, nil
}

// millis is t as stores keep it; the zero time is kept.
func millis(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// IsPatient tells whether ref names a patient: a source that can be, and an id.
func IsPatient(ref concord.PatientRef) bool {
	return ref.Source.Valid() && ref != concord.PatientRef{Source: ref.Source} && ref.Reveal() != ""
}

// CompareRefs orders patients by source, then by the bytes of the id; those without id come first.
func CompareRefs(a, b concord.PatientRef) int {
	if c := cmp.Compare(a.Source, b.Source); c != 0 || a == b {
		return c
	}
	switch none := (concord.PatientRef{Source: a.Source}); none {
	case a:
		return -1
	case b:
		return 1
	}
	return strings.Compare(a.Reveal(), b.Reveal())
}

// at is the link of the source, if p has one, whatever its grade; one that the source has merged into another is none.
func (p Person) at(s concord.SourceID) (Link, bool) {
	for _, l := range p.Links {
		if l.Ref.Source == s && l.ReplacedBy.IsZero() {
			return l, true
		}
	}
	return Link{}, false
}

// link is the link to ref, if p has one.
func (p Person) link(ref concord.PatientRef) (Link, bool) {
	for _, l := range p.Links {
		if l.Ref == ref {
			return l, true
		}
	}
	return Link{}, false
}

// owns tells whether p has a link to ref, of whatever sort.
func (p Person) owns(ref concord.PatientRef) bool {
	_, ok := p.link(ref)
	return ok
}

// apart is what belongs to ref, which is its link and those of the patients that were merged into it, and p without that.
func (p Person) apart(ref concord.PatientRef) (links []Link, rest Person) {
	rest = p.Clone()
	rest.Links = slices.DeleteFunc(rest.Links, func(l Link) bool {
		if l.Ref != ref && l.ReplacedBy != ref {
			return false
		}
		links = append(links, l)
		return true
	})
	return links, rest
}

// frozen tells whether one of the links is.
func (p Person) frozen() bool {
	return slices.ContainsFunc(p.Links, func(l Link) bool { return l.Frozen })
}

// spokesman is the live patient that stands for p in a review: the one that p was made from, or else one that matching
// put there, for what somebody added was added to those. Zero when none is live.
func (p Person) spokesman() (ref concord.PatientRef) {
	best := 0
	for _, l := range p.Links {
		rank := 1
		switch {
		case !l.Live():
			continue
		case l.Rule == RuleSeed:
			rank = 3
		case !l.Manual:
			rank = 2
		}
		if rank > best {
			best, ref = rank, l.Ref
		}
	}
	return ref
}

// rejects tells whether somebody decided that one of refs is not p.
func (p Person) rejects(refs ...concord.PatientRef) bool {
	return slices.ContainsFunc(refs, func(r concord.PatientRef) bool { return slices.Contains(p.Rejected, r) })
}

// refs are the patients of all links, whatever the grade.
func (p Person) refs() []concord.PatientRef {
	out := make([]concord.PatientRef, len(p.Links))
	for i, l := range p.Links {
		out[i] = l.Ref
	}
	return out
}

// without is p less its link to ref.
func (p Person) without(ref concord.PatientRef) Person {
	p = p.Clone()
	p.Links = slices.DeleteFunc(p.Links, func(l Link) bool { return l.Ref == ref })
	return p
}

// with is p and the link l, in the place of one that it has to the same patient.
func (p Person) with(l Link) Person {
	p = p.without(l.Ref)
	p.Links = append(p.Links, l)
	delete(p.Absent, l.Ref.Source)
	return p
}
