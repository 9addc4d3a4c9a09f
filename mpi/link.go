package mpi

import (
	"time"

	"concord"
)

// PersonID names one human: opaque, without a dot, a legal FHIR id (A-Za-z0-9-, at most 64 characters), stable for as
// long as the person's links only grow. When two persons become one, the older id stays and the other leads to it; when
// one becomes two, both get new ids and the old one leads nowhere (Gone).
type PersonID string

// Grade is how sure a link is (http://terminology.hl7.org/CodeSystem/match-grade). Only Certain links are used for
// answers. The zero value is no grade at all.
type Grade uint8

// The grades.
const (
	Possible Grade = iota + 1
	Probable
	Certain
)

// String is the match-grade code: certain, probable or possible.
func (g Grade) String() string {
	switch g {
	case Certain:
		return "certain"
	case Probable:
		return "probable"
	case Possible:
		return "possible"
	}
	return "none"
}

// Link says that a patient of a source is this person.
type Link struct {
	Ref    concord.PatientRef
	Grade  Grade
	Score  float64 // 0 to 1; 1 for the record that the person was made from
	Rule   string  // which rule decided, from a closed set such as "seed", "name+birthdate+phone"; no values
	Manual bool    // a person decided; automatic matching never changes it
	// Frozen says that the source's record has all at once become another human's by its looks (Index.Observe). It is
	// used for no answer, and for no further link, until somebody has resolved the Review.
	Frozen bool
	// ReplacedBy is the patient of the same source into which the source merged this one; zero for none. References to
	// the old id still mean the person, and nothing is asked of the source by it.
	ReplacedBy concord.PatientRef
}

// Live tells whether the link's patient is asked for the person's data.
func (l Link) Live() bool { return l.Grade == Certain && !l.Frozen && l.ReplacedBy.IsZero() }

// Person is one human and the links to the sources' patients. It holds PHI (ids).
type Person struct {
	ID      PersonID
	Version int64  // 0: not stored yet; Put raises it by one
	Links   []Link // sorted by source and id; a patient of a source is linked to at most one person
	// Absent holds when each source last answered that it has nobody who is this person. A source that failed to
	// answer is not in it.
	Absent map[concord.SourceID]time.Time
	// Rejected are patients that somebody decided are not this person; sorted. Automatic matching never links them.
	Rejected []concord.PatientRef
	// Created is when the person was made: of two persons that turn out to be one, the older keeps its id.
	Created time.Time
}

// Refs are the live links' patients, in the order of Links: whom the sources are asked for.
func (p Person) Refs() []concord.PatientRef {
	var out []concord.PatientRef
	for _, l := range p.Links {
		if l.Live() {
			out = append(out, l.Ref)
		}
	}
	return out
}

// Has tells whether ref is linked to p with certainty, and not frozen. One that its source has merged into another is.
func (p Person) Has(ref concord.PatientRef) bool {
	for _, l := range p.Links {
		if l.Ref == ref && l.Grade == Certain && !l.Frozen {
			return true
		}
	}
	return false
}
