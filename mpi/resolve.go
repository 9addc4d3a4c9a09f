package mpi

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"time"

	"concord"
)

// errSettled is the cause of a Conflict that no repetition can heal.
var errSettled = errors.New("somebody has decided already")

// Review is that review; NotFound. Errors are the store's.
func (x *Index) Review(ctx context.Context, number int64) (Review, error) {
	return x.store.Review(ctx, number)
}

// Queue has somebody look at pairs that matching is not certain of, and tells how many of them are new. Of each only the
// patients and the Decision count. One that is open has its Decision renewed; one that somebody has settled, or whose
// patients are one person or are known not to be, is passed over. Errors are the store's, and Invalid for what is no pair.
func (x *Index) Queue(ctx context.Context, pairs ...Review) (fresh int, err error) {
	var c Change
	for _, r := range pairs {
		r = Review{A: r.A, B: r.B, Reason: ReasonMatch, Decision: r.Decision, Queued: time.Now()}
		if r, err = r.Canonical(); err != nil {
			return 0, err
		}
		known, err := x.store.Pair(ctx, r.A, r.B)
		switch {
		case err == nil && known.State != ReviewOpen:
			continue
		case err == nil && reflect.DeepEqual(known.Decision, r.Decision):
			continue
		case err == nil:
			c.Queue = append(c.Queue, r)
			continue
		case !errors.Is(err, concord.NotFound):
			return 0, err
		}
		if moot, err := x.moot(ctx, r); err != nil {
			return 0, err
		} else if moot {
			continue
		}
		fresh++
		c.Queue = append(c.Queue, r)
		x.tell(&c, Event{Kind: EventQueued, Refs: []concord.PatientRef{r.A, r.B}, Rule: r.Decision.Rule})
	}
	_, err = x.apply(ctx, c)
	if err != nil {
		return 0, err
	}
	return fresh, nil
}

// Waiting are the open reviews with numbers above after, in order, that need somebody to look: not those whose patients have
// become one person, or are known not to be, by what was decided about others; not those that are no match by now. It ends
// with the first error, which is the store's.
func (x *Index) Waiting(ctx context.Context, after int64) iter.Seq2[Review, error] {
	return func(yield func(Review, error) bool) {
		for r, err := range x.store.Reviews(ctx, ReviewOpen, after) {
			moot := false
			if err == nil {
				moot, err = x.moot(ctx, r)
			}
			if !moot && !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// moot tells whether there is nothing to decide about an open review.
func (x *Index) moot(ctx context.Context, r Review) (bool, error) {
	if r.Reason == ReasonOverlay {
		return false, nil
	}
	p, err := x.owner(ctx, r.A)
	if err != nil {
		return false, err
	}
	q, err := x.owner(ctx, r.B)
	if err != nil {
		return false, err
	}
	if p.ID != "" && p.ID == q.ID {
		return true, nil
	}
	apart := p.rejects(append(q.refs(), r.B)...) || q.rejects(append(p.refs(), r.A)...)
	return r.Reason == ReasonMatch && (apart || r.Decision.Grade == 0), nil
}

// Resolve does what somebody has decided about an open review: ReviewLinked makes the two one person, or lets an overlaid
// record be its person's again; ReviewRejected keeps matching from ever linking them, and takes them apart if they are
// one. Conflict when it is settled already, or when the two persons can't be one: they have a source in common, or others
// of them were decided to be apart. Invalid for another state, NotFound when there is no such review, or when one of its
// patients is nobody's any more. Errors are the store's.
func (x *Index) Resolve(ctx context.Context, number int64, state ReviewState) (Review, error) {
	if state != ReviewLinked && state != ReviewRejected {
		return Review{}, &concord.Fault{Op: "mpi resolve", Kind: concord.Invalid}
	}
	return retry(ctx, "mpi resolve", func() (Review, error) {
		r, err := x.store.Review(ctx, number)
		if err != nil {
			return Review{}, err
		}
		if r.State != ReviewOpen {
			return Review{}, &concord.Fault{Op: "mpi resolve", Kind: concord.Conflict, Err: errSettled}
		}
		var c Change
		switch {
		case r.Reason == ReasonOverlay && state == ReviewLinked:
			err = x.thaw(ctx, &c, r.A)
		case r.Reason == ReasonOverlay:
			err = x.disown(ctx, &c, r.A)
		case state == ReviewLinked:
			err = x.uniteBoth(ctx, &c, r.A, r.B)
		default:
			err = x.rejectBoth(ctx, &c, r.A, r.B)
		}
		if err != nil {
			return Review{}, err
		}
		// What taking apart has settled by itself is this one too.
		c.Settle = slices.DeleteFunc(c.Settle, func(s Review) bool { return s.A == r.A && s.B == r.B || s.A == r.B && s.B == r.A })
		r.State, r.Settled, r.By = state, time.Now(), x.by
		c.Settle = append(c.Settle, r)
		if _, err := x.apply(ctx, c); err != nil {
			return Review{}, err
		}
		return r.Canonical()
	})
}

// uniteBoth makes one person of those of a and b.
func (x *Index) uniteBoth(ctx context.Context, c *Change, a, b concord.PatientRef) error {
	p, err := x.ownerOrSeed(ctx, c, a)
	if err != nil {
		return err
	}
	q, err := x.owner(ctx, b)
	if err != nil {
		return err
	}
	link := Link{Ref: b, Grade: Certain, Score: 1, Rule: RuleManual, Manual: true}
	if q.ID == "" {
		q = Person{Links: []Link{link}}
	}
	if q.ID != p.ID {
		for _, l := range q.Links {
			if l.ReplacedBy.IsZero() && x.taken(p, l.Ref.Source) {
				return alreadyTaken("mpi resolve", l.Ref.Source)
			}
		}
		p.Rejected = slices.DeleteFunc(p.Rejected, func(r concord.PatientRef) bool { return r == b })
		q.Rejected = slices.DeleteFunc(q.Rejected, func(r concord.PatientRef) bool { return r == a })
		if p.rejects(q.refs()...) || q.rejects(p.refs()...) {
			return &concord.Fault{Op: "mpi resolve", Kind: concord.Conflict, Err: errSettled}
		}
		if q.ID == "" {
			p = p.with(link)
		} else {
			refs := q.refs()
			gone := unite(&p, q)
			c.Persons = append(c.Persons, gone)
			c.Retired = append(c.Retired, Retired{ID: gone.ID, Into: []PersonID{p.ID}})
			x.tell(c, Event{Kind: EventJoined, Person: p.ID, Former: gone.ID, Refs: refs, Rule: RuleManual})
		}
	}
	if l, ok := p.link(b); ok && l.ReplacedBy.IsZero() {
		p = p.with(link)
	}
	x.tell(c, Event{Kind: EventLinked, Person: p.ID, Refs: []concord.PatientRef{a, b}, Rule: RuleManual})
	c.Persons = append(c.Persons, p)
	return nil
}

// ownerOrSeed is the person of ref, a new one when there is none.
func (x *Index) ownerOrSeed(ctx context.Context, c *Change, ref concord.PatientRef) (Person, error) {
	p, err := x.owner(ctx, ref)
	if err == nil && p.ID == "" {
		p = x.seed(c, ref)
	}
	return p, err
}

// Reject keeps matching from ever linking two patients because somebody said that they are not one human, and takes b out
// of the person that both are, as Unlink does. Invalid when one of them is nobody. Errors are the store's.
func (x *Index) Reject(ctx context.Context, a, b concord.PatientRef) error {
	if !IsPatient(a) || !IsPatient(b) || a == b {
		return &concord.Fault{Op: "mpi reject", Kind: concord.Invalid}
	}
	_, err := retry(ctx, "mpi reject", func() ([]Person, error) {
		var c Change
		if err := x.rejectBoth(ctx, &c, a, b); err != nil {
			return nil, err
		}
		c.Settle = slices.DeleteFunc(c.Settle, func(s Review) bool { return s.A == a && s.B == b || s.A == b && s.B == a })
		x.settle(&c, ReviewRejected, a, b)
		return x.apply(ctx, c)
	})
	return err
}

func (x *Index) rejectBoth(ctx context.Context, c *Change, a, b concord.PatientRef) error {
	p, err := x.owner(ctx, a)
	if err != nil {
		return err
	}
	q, err := x.owner(ctx, b)
	if err != nil {
		return err
	}
	if p.ID != "" && p.ID == q.ID {
		if l, _ := p.link(b); !l.ReplacedBy.IsZero() && l.ReplacedBy == a {
			return &concord.Fault{Op: "mpi reject", Kind: concord.Conflict, Source: b.Source, Err: errSettled} // its source has decided
		}
		return x.takeOut(c, p, b)
	}
	if p.ID == "" && q.ID == "" {
		p = x.seed(c, a)
	}
	if p.ID != "" {
		p.Rejected = append(p.Rejected, b)
		c.Persons = append(c.Persons, p)
	}
	if q.ID != "" {
		q.Rejected = append(q.Rejected, a)
		c.Persons = append(c.Persons, q)
	}
	x.tell(c, Event{Kind: EventRejected, Refs: []concord.PatientRef{a, b}, Rule: RuleManual})
	return nil
}

// thaw lets a frozen record be its person's again.
func (x *Index) thaw(ctx context.Context, c *Change, ref concord.PatientRef) error {
	p, err := x.store.ByRef(ctx, ref)
	if err != nil {
		return err
	}
	l, _ := p.link(ref)
	l.Frozen, l.Manual = false, true
	c.Persons = append(c.Persons, p.with(l))
	x.tell(c, Event{Kind: EventThawed, Person: p.ID, Refs: []concord.PatientRef{ref}, Rule: RuleManual})
	return nil
}

// disown makes an overlaid record a person of its own. If it is all that its person has, that id is given up: it was
// another human's.
func (x *Index) disown(ctx context.Context, c *Change, ref concord.PatientRef) error {
	p, err := x.store.ByRef(ctx, ref)
	if err != nil {
		return err
	}
	if _, rest := p.apart(ref); len(rest.Links) > 0 {
		return x.takeOut(c, p, ref)
	}
	alone := p.Clone()
	for i, l := range alone.Links {
		l.Frozen = false
		alone.Links[i] = l
	}
	alone.Absent, alone.Created = nil, time.Now() // who was looked for elsewhere was the other one
	x.split(c, p, nil, &alone)
	return nil
}
