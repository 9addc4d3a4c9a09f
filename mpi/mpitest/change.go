package mpitest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"concord"
	"concord/mpi"
)

func flags(t *testing.T, f Fixture) {
	old, gone := link("epic", "1"), link("epic", "0")
	old.Frozen = true
	gone.ReplacedBy = ref("epic", "1")
	want := put(t, f.Backend, person("p", old, gone, link("cerner", "2")))
	got, err := f.Backend.ByRef(context.Background(), ref("epic", "0"))
	if diff := diffOf(want, got); err != nil || diff != "" {
		t.Errorf("ByRef: %v (-want +got):\n%s", err, diff)
	}
	if diff := diffOf([]concord.PatientRef{ref("cerner", "2")}, got.Refs()); diff != "" || got.Has(ref("epic", "1")) || !got.Has(ref("epic", "0")) {
		t.Errorf("refs (-want +got):\n%s", diff)
	}
	other := gone
	other.ReplacedBy = ref("cerner", "2")
	_, err = f.Backend.Put(context.Background(), person("q", other))
	wantKind(t, "replaced by another source's", err, concord.Invalid)
}

func retired(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	_, err := s.Retired(ctx, "p")
	wantKind(t, "Retired of nobody", err, concord.NotFound)
	p, q := put(t, s, person("p", link("epic", "1"))), put(t, s, person("q", link("cerner", "2")))
	_, err = s.Retired(ctx, "p")
	wantKind(t, "Retired of somebody", err, concord.NotFound)

	q.Links = append(q.Links, p.Links...)
	p.Links = nil
	apply(t, s, mpi.Change{Persons: []mpi.Person{q, p}, Retired: []mpi.Retired{{ID: "p", Into: []mpi.PersonID{"q"}}}})
	wantRetired(t, s, mpi.Retired{ID: "p", Into: []mpi.PersonID{"q"}})
	apply(t, s, mpi.Change{Retired: []mpi.Retired{{ID: "p", Into: []mpi.PersonID{"q", "r"}}}})
	wantRetired(t, s, mpi.Retired{ID: "p", Into: []mpi.PersonID{"q", "r"}})
	q, err = s.Person(ctx, "q")
	if err != nil {
		t.Fatal(err)
	}
	q.Links = nil
	put(t, s, q)
	wantRetired(t, s, mpi.Retired{ID: "q"})
	put(t, s, person("p", link("epic", "1")))
	_, err = s.Retired(ctx, "p")
	wantKind(t, "Retired of an id that is used again", err, concord.NotFound)
	for _, bad := range []mpi.Retired{{}, {ID: "a.b"}, {ID: "x", Into: []mpi.PersonID{"x"}}, {ID: "x", Into: []mpi.PersonID{"a b"}}} {
		_, err = s.Apply(ctx, mpi.Change{Retired: []mpi.Retired{bad}})
		wantKind(t, "what is no id", err, concord.Invalid)
	}
}

func wantRetired(t *testing.T, s mpi.Store, want mpi.Retired) {
	t.Helper()
	got, err := s.Retired(context.Background(), want.ID)
	if diff := diffOf(want, got); err != nil || diff != "" {
		t.Errorf("Retired: %v (-want +got):\n%s", err, diff)
	}
}

// apply applies c, which must work.
func apply(t *testing.T, s mpi.Store, c mpi.Change) []mpi.Person {
	t.Helper()
	out, err := s.Apply(context.Background(), c)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	return out
}

// collect is all of an iteration, which must work.
func collect[T any](t *testing.T, all func(func(T, error) bool)) (out []T) {
	t.Helper()
	for v, err := range all {
		if err != nil {
			t.Fatalf("an iteration: %v", err)
		}
		out = append(out, v)
	}
	return out
}

// oneStep has something in every part of a change but one go wrong, and looks for traces of the others.
func oneStep(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	p := put(t, s, person("p", link("epic", "1")))
	before, err := s.Changes(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	stale := p.Clone()
	stale.Version = 7
	whole := func() mpi.Change {
		c := mpi.Change{Persons: []mpi.Person{person("q", link("cerner", "2"))}, Retired: []mpi.Retired{{ID: "r", Into: []mpi.PersonID{"p"}}},
			Events: []mpi.Event{{Kind: mpi.EventCreated, Person: "q"}}, Queue: []mpi.Review{pairing("1", "2")}, Settle: []mpi.Review{pairing("1", "3")}}
		if s.Keeps() {
			c.Records = []mpi.Record{record("1", 1)}
		}
		return c
	}
	tests := []struct {
		name  string
		spoil func(*mpi.Change)
		kind  concord.Kind
	}{
		{"a person that changed", func(c *mpi.Change) { c.Persons = append(c.Persons, stale) }, concord.Conflict},
		{"a patient of another", func(c *mpi.Change) { c.Persons = append(c.Persons, person("x", link("epic", "1"))) }, concord.Conflict},
		{"a review that is not there", func(c *mpi.Change) {
			c.Settle = append(c.Settle, mpi.Review{Number: 99, A: ref("epic", "1"), B: ref("cerner", "1"), State: mpi.ReviewLinked})
		}, concord.Conflict},
		{"a review of nobody", func(c *mpi.Change) { c.Queue = append(c.Queue, mpi.Review{A: ref("epic", "1")}) }, concord.Invalid},
		{"an event of nobody", func(c *mpi.Change) { c.Events = append(c.Events, mpi.Event{Refs: []concord.PatientRef{{}}}) }, concord.Invalid},
		{"a record of nobody", func(c *mpi.Change) { c.Records = append(c.Records, mpi.Record{}) }, concord.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := whole()
			tt.spoil(&c)
			_, err := s.Apply(ctx, c)
			wantKind(t, "Apply", err, tt.kind)
			_, err = s.Person(ctx, "q")
			wantKind(t, "the person", err, concord.NotFound)
			_, err = s.Retired(ctx, "r")
			wantKind(t, "the id", err, concord.NotFound)
			_, err = s.Pair(ctx, ref("epic", "1"), ref("cerner", "2"))
			wantKind(t, "the review", err, concord.NotFound)
			if s.Keeps() {
				_, err = s.Record(ctx, ref("epic", "1"))
				wantKind(t, "the record", err, concord.NotFound)
			}
			after, err := s.Changes(ctx, before.Seq)
			if n := len(collect(t, s.Events(ctx, 0))); err != nil || n != 0 || len(after.Persons) != 0 {
				t.Errorf("%v, %d events, changes %+v", err, n, after)
			}
		})
	}
	apply(t, s, whole())
	apply(t, s, mpi.Change{})
}

func changes(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	var last mpi.Changes
	next := func(what string, want ...mpi.PersonID) {
		t.Helper()
		c, err := s.Changes(ctx, last.Seq)
		slices.Sort(c.Persons)
		if diff := diffOf(want, slices.Compact(c.Persons)); err != nil || diff != "" || c.All || (len(want) > 0) != (c.Seq > last.Seq) {
			t.Errorf("%s: %v, from %d to %d (-want +got):\n%s", what, err, last.Seq, c.Seq, diff)
		}
		last = c
	}
	next("nothing")
	p := put(t, s, person("p", link("epic", "1")))
	next("one made", "p")
	next("nothing more")
	q := put(t, s, person("q", link("cerner", "2")))
	p = put(t, s, p)
	next("two", "p", "q")
	_, err := s.Put(ctx, person("q", link("cerner", "2")))
	wantKind(t, "a stale Put", err, concord.Conflict)
	next("one that failed")
	p.Links = nil
	put(t, s, p)
	next("one deleted", "p")
	q.Links = append(q.Links, link("epic", "1"))
	put(t, s, q)
	next("one more", "q")
	put(t, s, person("p", link("epic", "3")))
	next("made again", "p")
	if c, err := s.Changes(ctx, 1<<63-1); err != nil || c.Seq != last.Seq || len(c.Persons) > 0 {
		t.Errorf("from the end of time: %v, %+v", err, c)
	}
	many := make([]mpi.Person, 1100)
	for i := range many {
		many[i] = person("m"+strconv.Itoa(i), link("athena", strconv.Itoa(i)))
	}
	apply(t, s, mpi.Change{Persons: many})
	if c, err := s.Changes(ctx, last.Seq); err != nil || !c.All && len(c.Persons) != len(many) || c.Seq <= last.Seq {
		t.Errorf("many: %v, %d persons, all: %t", err, len(c.Persons), c.All)
	}
}

// changesRace has many write while one follows: what it has not been told of by the time that the write has returned it
// would never learn.
func changesRace(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	var mu sync.Mutex
	seen := map[mpi.PersonID]bool{}
	var last int64
	follow := func() error {
		mu.Lock()
		defer mu.Unlock()
		c, err := s.Changes(ctx, last)
		if err != nil || c.All {
			return errors.Join(err, ctx.Err())
		}
		last = c.Seq
		for _, id := range c.Persons {
			seen[id] = true
		}
		return nil
	}
	for i, err := range atOnce(crowd, func(i int) error {
		for n := range 20 {
			id := mpi.PersonID("p" + strconv.Itoa(i) + "-" + strconv.Itoa(n))
			if _, err := s.Put(ctx, person(string(id), link("epic", string(id)))); err != nil {
				return err
			}
			if err := follow(); err != nil {
				return err
			}
			mu.Lock()
			told := seen[id]
			mu.Unlock()
			if !told {
				return errors.New("a change was passed over")
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("writer %d: %v", i, err)
		}
	}
}

func events(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	want := []mpi.Event{
		{At: born(), Kind: mpi.EventCreated, By: mpi.Automatic, Person: "p", Refs: []concord.PatientRef{ref("epic", "1")}, Rule: mpi.RuleSeed},
		{At: born(), Kind: mpi.EventJoined, By: "somebody", Person: "p", Former: "q", Refs: []concord.PatientRef{ref("epic", "1"), ref("cerner", "é")}},
		{Kind: mpi.EventRejected},
	}
	apply(t, s, mpi.Change{Events: want[:2]})
	put(t, s, person("p", link("epic", "1")))
	apply(t, s, mpi.Change{Events: want[2:]})
	var last int64
	got := collect(t, s.Events(ctx, 0))
	for i, e := range got {
		if e.Seq <= last {
			t.Errorf("event %d after %d", e.Seq, last)
		}
		last = e.Seq
		got[i].Seq = 0
	}
	want[0].At, want[1].At = kept(), kept()
	if diff := diffOf(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c, err := s.Changes(ctx, 0)
	if err != nil || c.Seq < last {
		t.Errorf("%v: changes up to %d, events up to %d", err, c.Seq, last)
	}
	if n := len(collect(t, s.Events(ctx, last-1))); n != 1 {
		t.Errorf("%d events after the last but one", n)
	}
	apply(t, s, mpi.Change{Events: make([]mpi.Event, 600)})
	if n := len(collect(t, s.Events(ctx, last))); n != 600 {
		t.Errorf("%d of 600 events", n)
	}
	for e, err := range s.Events(ctx, 0) { // one may stop
		if err != nil || e.Seq == 0 {
			t.Fatal(err)
		}
		break
	}
}

// someTime is a moment that stores keep as it is.
func someTime(minute int) time.Time { return kept().Add(time.Duration(minute) * time.Minute) }
