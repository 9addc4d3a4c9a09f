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
	RuleReplaced = "replaced" // its source merged into it one that was linked
)

// attempts bounds how often a change is tried anew because another one came first. Each round somebody succeeds.
const attempts = 64

// Index says who is who. It is safe for concurrent use. Each change is one step of the store, with its events, so that a
// power cut leaves all before or after it; a change that meets another is made again on what the other left.
type Index struct {
	store Backend
	by    string
	keys  func(Demographics) []uint64
	// repeats are the sources of which a person may have several patients.
	repeats []concord.SourceID
	// told hears of each change's events once the change is made; nil for nobody.
	told func(context.Context, []Event) error
}

// NewIndex is the index over store, which is a cached.Store wherever speed counts.
func NewIndex(store Backend) *Index {
	return &Index{store: store, by: Automatic, keys: func(Demographics) []uint64 { return nil }}
}

// By is the index on behalf of somebody, whom its events then name: by no PHI, and as the audit trail does.
func (x *Index) By(who string) *Index {
	own := *x
	own.by = who
	return &own
}

// WithKeys is the index that keeps the demographics that it is given with the blocking keys that keys makes of them.
func (x *Index) WithKeys(keys func(Demographics) []uint64) *Index {
	own := *x
	own.keys = keys
	return &own
}

// WithRepeats is the index that lets somebody link several patients of these sources to one person. Matching on demand
// still links one of each source.
func (x *Index) WithRepeats(sources ...concord.SourceID) *Index {
	own := *x
	own.repeats = slices.Clone(sources)
	return &own
}

// WithTold is the index that tells of each change's events once the store has it, before whoever made the change goes on. An
// error of told is that of the change, which stays made all the same.
func (x *Index) WithTold(told func(context.Context, []Event) error) *Index {
	own := *x
	own.told = told
	return &own
}

// apply makes a change, and tells of it.
func (x *Index) apply(ctx context.Context, c Change) ([]Person, error) {
	all, err := x.store.Apply(ctx, c)
	if err == nil && x.told != nil && len(c.Events) > 0 {
		err = x.told(ctx, c.Events)
	}
	return all, err
}

// taken tells whether p has another patient of the source, and may have one only.
func (x *Index) taken(p Person, source concord.SourceID) bool {
	_, taken := p.at(source)
	return taken && !slices.Contains(x.repeats, source)
}

// Person is the person with that id, or the one that it has become one with. NotFound otherwise, with a *Gone as its cause
// when it was found to be several. Errors are the store's.
func (x *Index) Person(ctx context.Context, id PersonID) (Person, error) {
	p, err := x.store.Person(ctx, id)
	for range attempts { // a chain is as long as the person has joined others, and each step leads to an older one
		if !errors.Is(err, concord.NotFound) {
			return p, err
		}
		was, missing := x.store.Retired(ctx, id)
		switch {
		case errors.Is(missing, concord.NotFound):
			return p, err
		case missing != nil:
			return p, missing
		case len(was.Into) != 1:
			return p, &concord.Fault{Op: "mpi person", Kind: concord.NotFound, Err: &Gone{Into: was.Into}}
		}
		id = was.Into[0]
		p, err = x.store.Person(ctx, id)
	}
	return p, err
}

// Gone is the cause of a NotFound for the id of a person that was found to be several, or was deleted. Only staff may be
// told into whom: that two people were taken for one is nothing for either of them.
type Gone struct{ Into []PersonID }

// Error says so, and not into whom.
func (g *Gone) Error() string { return "the id names nobody any more" }

// Lookup is the person that ref belongs to; NotFound when the index does not know ref yet. Errors are the store's.
func (x *Index) Lookup(ctx context.Context, ref concord.PatientRef) (Person, error) {
	return x.store.ByRef(ctx, ref)
}

// Register is the person that d.Ref belongs to, a new one of d.Ref alone when there is none. It keeps d if the store keeps
// demographics. Errors are the store's; Invalid when d.Ref is nobody.
func (x *Index) Register(ctx context.Context, d Demographics) (Person, error) {
	if !IsPatient(d.Ref) {
		return Person{}, &concord.Fault{Op: "mpi register", Kind: concord.Invalid}
	}
	return retry(ctx, "mpi register", func() (Person, error) {
		p, err := x.store.ByRef(ctx, d.Ref)
		if !errors.Is(err, concord.NotFound) {
			return p, err
		}
		var c Change
		p = x.seed(&c, d.Ref)
		c.Persons = []Person{p}
		x.keep(&c, d)
		return x.first(ctx, c)
	})
}

// seed is a new person of ref alone.
func (x *Index) seed(c *Change, ref concord.PatientRef) Person {
	p := Person{ID: NewPersonID(), Links: []Link{{Ref: ref, Grade: Certain, Score: 1, Rule: RuleSeed}}, Created: time.Now()}
	x.tell(c, Event{Kind: EventCreated, Person: p.ID, Refs: p.refs(), Rule: RuleSeed})
	return p
}

// tell adds an event.
func (x *Index) tell(c *Change, e Event) {
	e.At, e.By = time.Now(), x.by
	c.Events = append(c.Events, e)
}

// keep adds what a source says of a patient, if the store keeps that and there is anything.
func (x *Index) keep(c *Change, d Demographics) {
	if x.store.Keeps() && IsPatient(d.Ref) && (len(d.Names) > 0 || d.BirthDate != "" || len(d.Identifiers) > 0) {
		c.Records = append(c.Records, Record{Demographics: d, Keys: x.keys(d)})
	}
}

// first makes the change, and is its first person.
func (x *Index) first(ctx context.Context, c Change) (Person, error) {
	all, err := x.apply(ctx, c)
	if err != nil {
		return Person{}, err
	}
	return all[0], nil
}

// MarkAbsent remembers that source, asked at when, had nobody who is that person. It changes nothing when the person has
// a patient there, or when a later answer is known. Errors are the store's.
func (x *Index) MarkAbsent(ctx context.Context, id PersonID, source concord.SourceID, when time.Time) (Person, error) {
	return retry(ctx, "mpi mark absent", func() (Person, error) {
		p, err := x.Person(ctx, id)
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

// owner is the person of ref; the zero Person when there is none.
func (x *Index) owner(ctx context.Context, ref concord.PatientRef) (Person, error) {
	p, err := x.store.ByRef(ctx, ref)
	if errors.Is(err, concord.NotFound) {
		return Person{}, nil
	}
	return p, err
}

// Link makes ref a patient of the person because somebody said so, whatever was said before, and takes it out of the
// person that it was in, whose others get a new id. Conflict when the person has another patient of that source, unless
// that is one that repeats: it must be unlinked first. Errors are the store's.
func (x *Index) Link(ctx context.Context, id PersonID, ref concord.PatientRef) (Person, error) {
	return retry(ctx, "mpi link", func() (Person, error) {
		p, err := x.Person(ctx, id)
		if err != nil {
			return Person{}, err
		}
		if !IsPatient(ref) {
			return Person{}, &concord.Fault{Op: "mpi link", Kind: concord.Invalid}
		}
		if !p.owns(ref) && x.taken(p, ref.Source) {
			return Person{}, alreadyTaken("mpi link", ref.Source)
		}
		from, err := x.owner(ctx, ref)
		if err != nil {
			return Person{}, err
		}
		var c Change
		c.Persons = []Person{p}
		var moved []Link
		if from.ID != "" && from.ID != p.ID {
			var rest Person
			moved, rest = from.apart(ref)
			if len(rest.Links) == 0 { // what was decided about ref alone goes with it
				p.Rejected = append(p.Rejected, from.Rejected...)
				c.Persons = append(c.Persons, rest)
				c.Retired = append(c.Retired, Retired{ID: from.ID, Into: []PersonID{p.ID}})
				x.tell(&c, Event{Kind: EventJoined, Person: p.ID, Former: from.ID, Refs: from.refs(), Rule: RuleManual})
			} else {
				rest.Rejected = append(rest.Rejected, ref)
				x.split(&c, from, []PersonID{p.ID}, &rest)
			}
		}
		link := Link{Ref: ref, Grade: Certain, Score: 1, Rule: RuleManual, Manual: true}
		to := p.without(ref).spokesman()
		for _, l := range moved {
			p = p.with(l)
		}
		p = p.with(link)
		p.Rejected = slices.DeleteFunc(p.Rejected, func(r concord.PatientRef) bool { return p.owns(r) })
		c.Persons[0] = p
		x.tell(&c, Event{Kind: EventLinked, Person: p.ID, Refs: []concord.PatientRef{ref}, Rule: RuleManual})
		if !to.IsZero() {
			x.settle(&c, ReviewLinked, ref, to)
		}
		return x.first(ctx, c)
	})
}

// Unlink makes ref a person of its own because somebody said that it is not this one, and keeps matching from ever linking
// the two again. The person without ref and the new one come back, both with ids of their own; the former id is Gone.
// Invalid when ref is all that the person has, NotFound when it is not the person's. Errors are the store's.
func (x *Index) Unlink(ctx context.Context, id PersonID, ref concord.PatientRef) (kept, apart Person, err error) {
	both, err := retry(ctx, "mpi unlink", func() ([]Person, error) {
		p, err := x.Person(ctx, id)
		if err != nil {
			return nil, err
		}
		var c Change
		if err := x.takeOut(&c, p, ref); err != nil {
			return nil, err
		}
		return x.apply(ctx, c)
	})
	if err != nil {
		return Person{}, Person{}, err
	}
	return both[0], both[1], nil
}

// takeOut makes of p a person without ref, and one of ref alone: the first two of the change.
func (x *Index) takeOut(c *Change, p Person, ref concord.PatientRef) error {
	if !p.owns(ref) {
		return &concord.Fault{Op: "mpi unlink", Kind: concord.NotFound}
	}
	links, rest := p.apart(ref)
	if len(rest.Links) == 0 {
		return &concord.Fault{Op: "mpi unlink", Kind: concord.Invalid}
	}
	// Either side remembers, so that the decision holds wherever the others of this person go later.
	alone := Person{Created: time.Now(), Rejected: append(rest.refs(), p.Rejected...), Links: links}
	for i, l := range alone.Links {
		l.Frozen = false
		if l.ReplacedBy.IsZero() {
			l.Grade, l.Score, l.Rule, l.Manual = Certain, 1, RuleUnlinked, true
		}
		alone.Links[i] = l
	}
	x.settle(c, ReviewRejected, ref, rest.refs()...)
	rest.Rejected = append(rest.Rejected, ref)
	x.split(c, p, nil, &rest, &alone)
	x.tell(c, Event{Kind: EventUnlinked, Person: alone.ID, Former: p.ID, Refs: []concord.PatientRef{ref}, Rule: RuleManual})
	return nil
}

// split makes of a person several, each with an id of its own; others are who else got a part of it.
func (x *Index) split(c *Change, was Person, others []PersonID, parts ...*Person) {
	var ids []PersonID
	for _, p := range parts {
		p.ID, p.Version = NewPersonID(), 0
		ids = append(ids, p.ID)
		c.Persons = append(c.Persons, *p)
	}
	c.Persons = append(c.Persons, Person{ID: was.ID, Version: was.Version})
	c.Retired = append(c.Retired, Retired{ID: was.ID, Into: append(ids, others...)})
	for _, p := range parts {
		x.tell(c, Event{Kind: EventSplit, Person: p.ID, Former: was.ID, Refs: p.refs()})
	}
}

// settle remembers what was decided of ref and each of the others.
func (x *Index) settle(c *Change, state ReviewState, ref concord.PatientRef, others ...concord.PatientRef) {
	for _, o := range others {
		c.Settle = append(c.Settle, Review{A: ref, B: o, Reason: ReasonManual, State: state, Queued: time.Now(), Settled: time.Now(), By: x.by})
	}
}

// errTaken is the cause of a Conflict that no repetition can heal.
var errTaken = errors.New("the person has another patient of that source")

func alreadyTaken(op string, source concord.SourceID) error {
	return &concord.Fault{Op: op, Kind: concord.Conflict, Source: source, Err: errTaken}
}

// retry makes a change until it meets no other. When it always does, its error is that Conflict.
func retry[T any](ctx context.Context, op string, change func() (T, error)) (T, error) {
	var zero T
	for range attempts {
		done, err := change()
		if err == nil || !errors.Is(err, concord.Conflict) || errors.Is(err, errTaken) || errors.Is(err, errSettled) {
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
