package mpi

import (
	"context"
	"iter"
	"time"

	"concord"
)

// EventKind is what happened, from a closed set.
type EventKind string

// The kinds of events.
const (
	EventCreated  EventKind = "created"  // Person was made of Refs
	EventLinked   EventKind = "linked"   // Refs became Person's
	EventUnlinked EventKind = "unlinked" // Refs, which were Former's, are Person's, and never again of those that are left
	EventRejected EventKind = "rejected" // the two Refs are not one human
	EventJoined   EventKind = "joined"   // Former has become one with Person
	EventSplit    EventKind = "split"    // a part of Former is Person; there is one event for each part
	EventReplaced EventKind = "replaced" // the source merged the first of Refs into the second
	EventFrozen   EventKind = "frozen"   // the record of Refs looks like another human's all at once
	EventThawed   EventKind = "thawed"   // somebody decided that the record of Refs is Person's for all that
	EventQueued   EventKind = "queued"   // somebody has to look at Refs
)

// Automatic is who makes what no human decides.
const Automatic = "automatic"

// Event is a change of who is who. It holds PHI (ids) and no demographics. Events are only ever appended.
type Event struct {
	Seq    int64 // orders the events of a store; 0 before it is stored
	At     time.Time
	Kind   EventKind
	By     string   // who decided: Automatic, or whatever Index.By was told
	Person PersonID // "" when it is about nobody's links
	Former PersonID // the id that names nobody from now on; "" for none
	Refs   []concord.PatientRef
	Rule   string // what decided; "" for none
}

// Changes are persons that were changed since a moment.
type Changes struct {
	// Seq is the moment that they lead to: what is changed later is in Changes since Seq.
	Seq int64
	// Persons are those whose links, or all else that is kept of them, changed, or who are gone.
	Persons []PersonID
	// All says that more changed than is worth listing: whoever remembers persons has to forget all.
	All bool
}

// Journal tells what changed. Its errors are those of Store.
type Journal interface {
	// Changes are the persons that were changed since that moment; 0 is the beginning. A change is in it once whatever
	// made it has returned, in whichever process that was.
	Changes(ctx context.Context, since int64) (Changes, error)
	// Events are all after that Seq, in order. It ends with the first error.
	Events(ctx context.Context, since int64) iter.Seq2[Event, error]
}
