package mpi_test

import (
	"context"
	"testing"

	"concord"
	"concord/mpi"
	"concord/mpi/memstore"
)

func says(source, id, family, given, born, gender string) mpi.Demographics {
	return mpi.Demographics{Ref: ref(source, id), Names: []mpi.Name{{Family: family, Given: []string{given}}}, BirthDate: born, Gender: gender}
}

func TestOverlaid(t *testing.T) {
	was := says("epic", "1", "O'Hare-Smith", "Mary", "1970-01-02", "female")
	tests := []struct {
		name string
		now  mpi.Demographics
		want bool
	}{
		{"all three", says("epic", "1", "Jones", "Bob", "1985-06-07", "male"), true},
		{"a name in common", says("epic", "1", "Smith", "Bob", "1985-06-07", "male"), false},
		{"the same date, less precise", says("epic", "1", "Jones", "Bob", "1970", "male"), false},
		{"the same sex", says("epic", "1", "Jones", "Bob", "1985-06-07", "female"), false},
		{"another case and accent", says("epic", "1", "SMITH", "MARY", "1985-06-07", "male"), false},
		{"no name now", says("epic", "1", "", "", "1985-06-07", "male"), false},
		{"no date now", says("epic", "1", "Jones", "Bob", "", "male"), false},
		{"no sex now", says("epic", "1", "Jones", "Bob", "1985-06-07", ""), false},
		{"nothing changed", was, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if mpi.Overlaid(was, tt.now) != tt.want || mpi.Overlaid(tt.now, was) != tt.want {
				t.Error("not so, or not in both directions")
			}
		})
	}
}

// overlaid is an index where epic 1, linked with cerner 2, has become another human's by its looks.
func overlaid(t *testing.T, alone bool) (*mpi.Index, *memstore.Store, mpi.Demographics, mpi.Demographics) {
	t.Helper()
	ctx := context.Background()
	s := memstore.New()
	x := mpi.NewIndex(s).WithKeys(func(d mpi.Demographics) []uint64 { return []uint64{uint64(len(d.BirthDate))} })
	was, now := says("epic", "1", "Smith", "Mary", "1970-01-02", "female"), says("epic", "1", "Jones", "Bob", "1985-06-07", "male")
	p, err := x.Register(ctx, was)
	if err != nil {
		t.Fatal(err)
	}
	if !alone {
		attach(t, x, p.ID, mpi.Candidate{Demographics: says("cerner", "2", "Smith", "Mary", "1970-01-02", "female"), Decision: mpi.Decision{Grade: mpi.Certain}})
	}
	for range 2 {
		if p, err = x.Observe(ctx, was); err != nil || p.Links[len(p.Links)-1].Frozen {
			t.Fatalf("as it was: %v", err)
		}
	}
	for range 2 {
		p, err = x.Observe(ctx, now)
		if err != nil || p.Has(now.Ref) || len(open(t, s)) != 1 {
			t.Fatalf("%v, has it: %t, %d reviews", err, p.Has(now.Ref), len(open(t, s)))
		}
	}
	if r, err := s.Record(ctx, now.Ref); err != nil || r.Demographics.BirthDate != was.BirthDate {
		t.Fatalf("what it was is not there any more: %v", err)
	}
	return x, s, was, now
}

func TestOverlay(t *testing.T) {
	ctx := context.Background()
	t.Run("is linked no further", func(t *testing.T) {
		x, s, _, _ := overlaid(t, false)
		want(t, s, "cerner.2 epic.1* ")
		p, err := x.Lookup(ctx, ref("epic", "1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []mpi.PersonID{p.ID, register(t, x, "athena", "3").ID} {
			a := attach(t, x, id, candidate("epic", "1", mpi.Certain))
			if len(a.Left) != 1 || a.Left[0].Why != mpi.Frozen {
				t.Errorf("left %v", a.Left)
			}
		}
		if a := attach(t, x, p.ID, candidate("athena", "3", mpi.Certain)); len(a.Left) != 1 || a.Left[0].Why != mpi.Elsewhere {
			t.Errorf("a person comes to one that is frozen in part: left %v", a.Left)
		}
	})
	t.Run("the person's for all that", func(t *testing.T) {
		x, s, was, now := overlaid(t, false)
		if _, err := x.By("carol").Resolve(ctx, open(t, s)[0], mpi.ReviewLinked); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := x.Observe(ctx, now); err != nil {
				t.Fatal(err)
			}
			want(t, s, "cerner.2 epic.1 ")
		}
		if r, err := s.Record(ctx, now.Ref); err != nil || r.Demographics.BirthDate != now.BirthDate {
			t.Errorf("what it is now is not kept: %v", err)
		}
		if _, err := x.Observe(ctx, was); err != nil { // and back: one who looks like that again is looked at again
			t.Fatal(err)
		}
		want(t, s, "cerner.2 epic.1* ")
	})
	t.Run("another human's", func(t *testing.T) {
		x, s, _, now := overlaid(t, false)
		if _, err := x.By("carol").Resolve(ctx, open(t, s)[0], mpi.ReviewRejected); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Observe(ctx, now); err != nil {
			t.Fatal(err)
		}
		want(t, s, "cerner.2 ", "epic.1 ")
		p, err := x.Lookup(ctx, now.Ref)
		if err != nil || !p.Has(now.Ref) {
			t.Fatal(err)
		}
		if a := attach(t, x, p.ID, candidate("cerner", "2", mpi.Certain)); len(a.Left) != 1 || a.Left[0].Why != mpi.Refused {
			t.Errorf("left %v", a.Left)
		}
	})
	t.Run("another human's, who is alone", func(t *testing.T) {
		x, s, _, now := overlaid(t, true)
		before, err := x.Lookup(ctx, now.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Resolve(ctx, open(t, s)[0], mpi.ReviewRejected); err != nil {
			t.Fatal(err)
		}
		want(t, s, "epic.1 ")
		if _, err := x.Person(ctx, before.ID); concord.KindOf(err) != concord.NotFound && err != nil {
			t.Error(err)
		}
		if p, err := x.Lookup(ctx, now.Ref); err != nil || p.ID == before.ID {
			t.Errorf("%v: the other human's id is still the person's", err)
		}
	})
}

func TestObserve(t *testing.T) {
	ctx := context.Background()
	s := memstore.New()
	x := mpi.NewIndex(s)
	d := says("epic", "1", "Smith", "Mary", "1970-01-02", "female")
	if _, err := x.Observe(ctx, d); concord.KindOf(err) != concord.NotFound {
		t.Errorf("a patient of nobody: %v", err)
	}
	register(t, x, "epic", "1")
	for _, family := range []string{"Smith", "Smith", "Miller"} {
		d.Names[0].Family = family
		if _, err := x.Observe(ctx, d); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Record(ctx, d.Ref); err != nil || r.Demographics.Names[0].Family != family {
			t.Errorf("%v: what is kept is not what was said last", err)
		}
	}
	for _, reference := range []string{"Patient/", "https://elsewhere.example.org/Patient/2", "Patient/1", "Patient/2/_history/1"} {
		d.ReplacedBy = reference
		if _, err := x.Observe(ctx, d); err != nil {
			t.Fatal(err)
		}
		want(t, s, "epic.1 ")
	}
	d.ReplacedBy = "Patient/2"
	if _, err := x.Observe(ctx, d); err != nil {
		t.Fatal(err)
	}
	want(t, s, "epic.1>2 epic.2 ")
}
