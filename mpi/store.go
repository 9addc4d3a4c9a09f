package mpi

import (
	"context"
	"iter"
	"time"

	"concord"
)

// PersonID names one human: opaque, without a dot, a legal FHIR id (A-Za-z0-9-, at most 64 characters), stable for as
// long as the person's links are.
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
}

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

// Refs are the certain links' patients, in the order of Links.
func (p Person) Refs() []concord.PatientRef {
	var out []concord.PatientRef
	for _, l := range p.Links {
		if l.Grade == Certain {
			out = append(out, l.Ref)
		}
	}
	return out
}

// Has tells whether ref is linked to p with certainty.
func (p Person) Has(ref concord.PatientRef) bool {
	for _, l := range p.Links {
		if l.Ref == ref && l.Grade == Certain {
			return true
		}
	}
	return false
}

// Store keeps persons. It is safe for concurrent use, by several processes if it is shared, and passes mpitest.Run.
// Its errors are *concord.Fault: NotFound, Conflict, Unavailable, Canceled or Timeout, and Invalid for what
// Person.Canonical refuses. What it returns is the caller's own copy, and canonical.
type Store interface {
	// Person is the person with that id; NotFound.
	Person(ctx context.Context, id PersonID) (Person, error)
	// ByRef is the person that ref is linked to, whatever the grade; NotFound.
	ByRef(ctx context.Context, ref concord.PatientRef) (Person, error)
	// Put stores p as a whole, if what is stored has p.Version (0: nothing is stored), and returns it with the version
	// that it has now. Conflict when another version is stored, or when one of p's links belongs to another person.
	// A person without links is deleted, and comes back with Version 0.
	Put(ctx context.Context, p Person) (Person, error)
	// PutAll is Put for several persons in one step: all are stored or none. A link may go from one of them to another.
	// Invalid when one of them, or one of their links, is there twice.
	PutAll(ctx context.Context, all ...Person) ([]Person, error)
	// All is every person, ordered by id. It ends with the first error.
	All(ctx context.Context) iter.Seq2[Person, error]
}

// StandIn maps a resource id of a source that can't be part of a FHIR id to one that can.
type StandIn struct {
	Source concord.SourceID
	Type   string // the resource type
	ID     string // as the source wrote it, of any length; PHI
	Alias  string // the FHIR id that stands for it at this gateway
}

// StandIns remembers stand-ins. The stores of this package implement it beside Store. Its errors are those of Store.
type StandIns interface {
	// Save remembers each, all or none; saving one again changes nothing. Conflict when a type and alias stand for
	// something else already.
	Save(ctx context.Context, all []StandIn) error
	// Find is the stand-in with that type and alias; NotFound.
	Find(ctx context.Context, resourceType, alias string) (StandIn, error)
}

// Backend is what a store for persons and stand-ins is: one of memstore, sqlstore or cached.
type Backend interface {
	Store
	StandIns
}
