package mpi

import (
	"context"
	"slices"
	"time"

	"concord"
)

// Replaced follows a source that has merged one of its patients into another of its own (HL7 v2 A40, a redirect, a link of
// type replaced-by), and is the survivor's person. The old id means that person from then on. Two persons that each have
// others too become one only as far as the source says so: what was linked to the old patient becomes a person of its
// own, and somebody has to look at it. A decision that the two are not one human yields: they are one record now.
// Invalid when they are not two patients of one source, NotFound when the index knows neither. Errors are the store's.
func (x *Index) Replaced(ctx context.Context, old, survivor concord.PatientRef) (Person, error) {
	if !IsPatient(old) || !IsPatient(survivor) || old == survivor || old.Source != survivor.Source {
		return Person{}, &concord.Fault{Op: "mpi replaced", Kind: concord.Invalid}
	}
	return retry(ctx, "mpi replaced", func() (Person, error) {
		p, err := x.owner(ctx, old)
		if err != nil {
			return Person{}, err
		}
		q, err := x.owner(ctx, survivor)
		if err != nil {
			return Person{}, err
		}
		if l, _ := q.link(survivor); !l.ReplacedBy.IsZero() && l.ReplacedBy != old { // it was merged further before we learnt of this one
			survivor = l.ReplacedBy
		}
		if l, known := p.link(old); known && l.ReplacedBy == survivor {
			return p, nil
		}
		var c Change
		switch {
		case p.ID == "" && q.ID == "":
			return Person{}, &concord.Fault{Op: "mpi replaced", Kind: concord.NotFound}
		case p.ID == "":
			q = q.with(Link{Ref: old, Grade: Certain, Score: 1, Rule: RuleReplaced})
		case q.ID == "":
			q = p
		case p.ID != q.ID:
			q = x.move(&c, p, q, old, survivor)
		}
		q = q.replace(old, survivor)
		c.Persons = append([]Person{q}, c.Persons...)
		x.tell(&c, Event{Kind: EventReplaced, Person: q.ID, Refs: []concord.PatientRef{old, survivor}, Rule: RuleReplaced})
		return x.first(ctx, c)
	})
}

// replace lets old, which p has, and what was merged into it before, mean survivor, which p gets if it has it not.
func (p Person) replace(old, survivor concord.PatientRef) Person {
	p = p.Clone()
	was, _ := p.link(old)
	for i, l := range p.Links {
		if l.Ref == old || l.ReplacedBy == old {
			p.Links[i].ReplacedBy, p.Links[i].Frozen = survivor, false
		}
	}
	heir, known := p.link(survivor)
	if !known {
		heir = was
		if heir.Ref = survivor; heir.Rule == RuleSeed {
			heir.Rule = RuleReplaced
		}
	}
	heir.ReplacedBy = concord.PatientRef{}
	heir.Frozen = heir.Frozen || was.Frozen
	p = p.with(heir)
	p.Rejected = slices.DeleteFunc(p.Rejected, func(r concord.PatientRef) bool { return p.owns(r) })
	return p
}

// move brings old, which is p's, to q, who has survivor; all of p when one of the two has nothing else.
func (x *Index) move(c *Change, p, q Person, old, survivor concord.PatientRef) Person {
	moved, rest := p.apart(old)
	_, others := q.apart(survivor)
	drop := func(rejected []concord.PatientRef) []concord.PatientRef {
		return slices.DeleteFunc(rejected, func(r concord.PatientRef) bool { return r == old || r == survivor })
	}
	if len(rest.Links) == 0 || len(others.Links) == 0 && !q.rejects(rest.refs()...) && !p.rejects(survivor) {
		if a := others.spokesman(); p.rejects(others.refs()...) && !a.IsZero() { // somebody said so of the record as it was
			c.Queue = append(c.Queue, Review{A: a, B: survivor, Reason: ReasonMerge, Queued: time.Now()})
		}
		p.Rejected, q.Rejected = drop(p.Rejected), drop(q.Rejected)
		refs := p.refs()
		gone := unite(&q, p)
		c.Persons = append(c.Persons, gone)
		c.Retired = append(c.Retired, Retired{ID: gone.ID, Into: []PersonID{q.ID}})
		x.tell(c, Event{Kind: EventJoined, Person: q.ID, Former: gone.ID, Refs: refs, Rule: RuleReplaced})
		return q
	}
	q.Rejected = drop(q.Rejected)
	for _, l := range moved {
		q = q.with(l)
	}
	x.split(c, p, []PersonID{q.ID}, &rest)
	if a := rest.spokesman(); !a.IsZero() && !rest.rejects(survivor) && !q.rejects(a) {
		c.Queue = append(c.Queue, Review{A: a, B: survivor, Reason: ReasonMerge, Queued: time.Now()})
		x.tell(c, Event{Kind: EventQueued, Refs: []concord.PatientRef{a, survivor}, Rule: RuleReplaced})
	}
	return q
}
