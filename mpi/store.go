package mpi

import (
	"context"
	"iter"
	"slices"
	"time"

	"concord"
)

// Store keeps persons. It is safe for concurrent use, by several processes if it is shared, and passes mpitest.Run.
// Its errors are *concord.Fault: NotFound, Conflict, Unavailable, Canceled or Timeout, and Invalid for what
// Person.Canonical refuses. What it returns is the caller's own copy, and canonical.
type Store interface {
	// Person is the person with that id; NotFound.
	Person(ctx context.Context, id PersonID) (Person, error)
	// ByRef is the person that ref is linked to, whatever the grade; NotFound.
	ByRef(ctx context.Context, ref concord.PatientRef) (Person, error)
	// Retired is what became of the id of a person that is no more; NotFound when it never was one, or is one.
	Retired(ctx context.Context, id PersonID) (Retired, error)
	// Put stores p as a whole, if what is stored has p.Version (0: nothing is stored), and returns it with the version
	// that it has now. Conflict when another version is stored, or when one of p's links belongs to another person.
	// A person without links is deleted, and comes back with Version 0.
	Put(ctx context.Context, p Person) (Person, error)
	// PutAll is Put for several persons in one step: all are stored or none. A link may go from one of them to another.
	// Invalid when one of them, or one of their links, is there twice.
	PutAll(ctx context.Context, all ...Person) ([]Person, error)
	// Apply is PutAll and all else that the change holds, in one step. It returns the persons of the change.
	Apply(ctx context.Context, c Change) ([]Person, error)
	// All is every person, ordered by id. It ends with the first error.
	All(ctx context.Context) iter.Seq2[Person, error]
}

// Change is what is stored in one step: all of it or none. Its zero value changes nothing.
type Change struct {
	Persons []Person  // as for Store.PutAll
	Retired []Retired // of ids that name nobody from now on
	Events  []Event   // their Seq is given by the store
	// Queue are pairs for somebody to look at. One that is open already has its Decision and Reason renewed; one that
	// is settled stays settled. Number, State, Settled and By are the store's to give.
	Queue []Review
	// Settle are reviews that somebody has decided. One with a Number must be open, or all is a Conflict; one without is
	// that of the pair, whether it was queued or not, and the last decision holds.
	Settle  []Review
	Records []Record // Unsupported when the store keeps none
}

// Retired is what became of a person's id that names nobody any more. Into is one id when the person has become one with
// another, several when the person was found to be several, and none when the person was deleted.
type Retired struct {
	ID   PersonID
	Into []PersonID
}

// Backend is what a store of everything is: memstore.Store, sqlstore.Store and cached.Store are.
type Backend interface {
	Store
	Journal
	Reviews
	Records
	StandIns
}

// Canonical is c as every store applies it, in a copy: all of it canonical, and times in whole milliseconds. Invalid when
// a part of it is, and as CanonicalAll.
func (c Change) Canonical() (Change, error) {
	var err error
	if c.Persons, err = CanonicalAll(c.Persons); err != nil {
		return Change{}, err
	}
	for _, r := range c.Retired {
		if !r.ID.Valid() || slices.ContainsFunc(r.Into, func(id PersonID) bool { return !id.Valid() || id == r.ID }) {
			return Change{}, &concord.Fault{Op: "mpi put", Kind: concord.Invalid}
		}
	}
	c.Events = slices.Clone(c.Events)
	for i, e := range c.Events {
		e.At, e.Refs = millis(e.At), own(e.Refs)
		if slices.ContainsFunc(e.Refs, func(r concord.PatientRef) bool { return !IsPatient(r) }) {
			return Change{}, &concord.Fault{Op: "mpi put", Kind: concord.Invalid}
		}
		c.Events[i] = e
	}
	if c.Queue, err = each(c.Queue, Review.Canonical); err != nil {
		return Change{}, err
	}
	for i := range c.Queue {
		c.Queue[i].State, c.Queue[i].Settled, c.Queue[i].By = ReviewOpen, time.Time{}, ""
	}
	if c.Settle, err = each(c.Settle, Review.Canonical); err != nil {
		return Change{}, err
	}
	c.Records, err = each(c.Records, Record.Canonical)
	return c, err
}

// Empty tells whether c changes nothing.
func (c Change) Empty() bool {
	return len(c.Persons)+len(c.Retired)+len(c.Events)+len(c.Queue)+len(c.Settle)+len(c.Records) == 0
}

func each[T any](all []T, canonical func(T) (T, error)) ([]T, error) {
	out := make([]T, len(all))
	for i, v := range all {
		c, err := canonical(v)
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}
