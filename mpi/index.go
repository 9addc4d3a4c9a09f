package mpi

import (
	"context"
	"errors"
	"slices"
	"time"

	"concord"
)

// Rules of links that no comparison made.
const (
	RuleSeed     = "seed"     // the record that the person was made from
	RuleManual   = "manual"   // somebody linked it
	RuleUnlinked = "unlinked" // somebody took it out of another person
)

// attempts bounds how often a change is tried anew because another one came first. Each round somebody succeeds.
const attempts = 64

// Index says who is who. It is safe for concurrent use. Each change of links is one step of the store, so that a power cut
// leaves the links before or after it; a change that meets another is made again on what the other left.
type Index struct{ store Store }

// NewIndex is the index over store, which is a cached.Store wherever speed counts.
func NewIndex(store Store) *Index { return &Index{store: store} }

// Person is the person with that id; NotFound, also when it has become one with an older person. Errors are the store's.
func (x *Index) Person(ctx context.Context, id PersonID) (Person, error) {
	return x.store.Person(ctx, id)
}

// Lookup is the person that ref belongs to; NotFound when the index does not know ref yet. Errors are the store's.
func (x *Index) Lookup(ctx context.Context, ref concord.PatientRef) (Person, error) {
	return x.store.ByRef(ctx, ref)
}

// Register is the person that d.Ref belongs to, a new one of d.Ref alone when there is none. Errors are the store's;
// Invalid when d.Ref is nobody.
func (x *Index) Register(ctx context.Context, d Demographics) (Person, error) {
	if !IsPatient(d.Ref) {
		return Person{}, &concord.Fault{Op: "mpi register", Kind: concord.Invalid}
	}
	return retry(ctx, "mpi register", func() (Person, error) {
		p, err := x.store.ByRef(ctx, d.Ref)
		if !errors.Is(err, concord.NotFound) {
			return p, err
		}
		seed := Link{Ref: d.Ref, Grade: Certain, Score: 1, Rule: RuleSeed}
		return x.store.Put(ctx, Person{ID: NewPersonID(), Links: []Link{seed}, Created: time.Now()})
	})
}

// MarkAbsent remembers that source, asked at when, had nobody who is that person. It changes nothing when the person has
// a patient there, or when a later answer is known. Errors are the store's.
func (x *Index) MarkAbsent(ctx context.Context, id PersonID, source concord.SourceID, when time.Time) (Person, error) {
	return retry(ctx, "mpi mark absent", func() (Person, error) {
		p, err := x.store.Person(ctx, id)
		if err != nil {
			return Person{}, err
		}
		if _, linked := p.at(source); linked || !p.Absent[source].Before(millis(when)) {
			return p, nil
		}
		if p.Absent == nil {
			p.Absent = map[concord.SourceID]time.Time{}
		}
		p.Absent[source] = when
		return x.store.Put(ctx, p)
	})
}

// Link makes ref a patient of the person because somebody said so, whatever was said before, and takes it out of the
// person that it was in. Conflict when the person has another patient of that source: it must be unlinked first. Errors
// are the store's.
func (x *Index) Link(ctx context.Context, id PersonID, ref concord.PatientRef) (Person, error) {
	return retry(ctx, "mpi link", func() (Person, error) {
		p, err := x.store.Person(ctx, id)
		if err != nil {
			return Person{}, err
		}
		if l, taken := p.at(ref.Source); taken && l.Ref != ref {
			return Person{}, &concord.Fault{Op: "mpi link", Kind: concord.Conflict, Source: ref.Source, Err: errTaken}
		}
		change := []Person{p}
		from, err := x.store.ByRef(ctx, ref)
		switch {
		case errors.Is(err, concord.NotFound):
		case err != nil:
			return Person{}, err
		case from.ID != p.ID:
			rest := from.without(ref)
			if len(rest.Links) == 0 { // what was decided about ref alone goes with it
				p.Rejected = append(p.Rejected, from.Rejected...)
			} else {
				rest.Rejected = append(rest.Rejected, ref)
			}
			change = append(change, rest)
		}
		p = p.with(Link{Ref: ref, Grade: Certain, Score: 1, Rule: RuleManual, Manual: true})
		p.Rejected = slices.DeleteFunc(p.Rejected, func(r concord.PatientRef) bool { return p.Has(r) })
		change[0] = p
		done, err := x.store.PutAll(ctx, change...)
		if err != nil {
			return Person{}, err
		}
		return done[0], nil
	})
}

// Unlink makes ref a person of its own because somebody said that it is not this one, and keeps matching from ever linking
// the two again. The person without ref and the new one come back. Invalid when ref is all that the person has, NotFound
// when it is not the person's. Errors are the store's.
func (x *Index) Unlink(ctx context.Context, id PersonID, ref concord.PatientRef) (kept, apart Person, err error) {
	both, err := retry(ctx, "mpi unlink", func() ([]Person, error) {
		p, err := x.store.Person(ctx, id)
		if err != nil {
			return nil, err
		}
		rest := p.without(ref)
		if len(rest.Links) == len(p.Links) {
			return nil, &concord.Fault{Op: "mpi unlink", Kind: concord.NotFound}
		}
		if len(rest.Links) == 0 {
			return nil, &concord.Fault{Op: "mpi unlink", Kind: concord.Invalid}
		}
		// Either side remembers, so that the decision holds wherever the others of this person go later.
		alone := Person{ID: NewPersonID(), Created: time.Now(), Rejected: append(rest.refs(), p.Rejected...),
			Links: []Link{{Ref: ref, Grade: Certain, Score: 1, Rule: RuleUnlinked, Manual: true}}}
		rest.Rejected = append(rest.Rejected, ref)
		return x.store.PutAll(ctx, rest, alone)
	})
	if err != nil {
		return Person{}, Person{}, err
	}
	return both[0], both[1], nil
}

// errTaken is the cause of a Conflict that no repetition can heal.
var errTaken = errors.New("the person has another patient of that source")

// retry makes a change until it meets no other. When it always does, its error is that Conflict.
func retry[T any](ctx context.Context, op string, change func() (T, error)) (T, error) {
	var zero T
	for range attempts {
		done, err := change()
		if err == nil || !errors.Is(err, concord.Conflict) || errors.Is(err, errTaken) {
			return done, err
		}
		if ctx.Err() != nil {
			return zero, ContextFault(op, ctx.Err())
		}
	}
	return zero, &concord.Fault{Op: op, Kind: concord.Conflict}
}

// ContextFault is the Fault that tells of a context's end: Timeout for a deadline, Canceled otherwise.
func ContextFault(op string, cause error) error {
	kind := concord.Canceled
	if errors.Is(cause, context.DeadlineExceeded) {
		kind = concord.Timeout
	}
	return &concord.Fault{Op: op, Kind: kind, Err: cause}
}
