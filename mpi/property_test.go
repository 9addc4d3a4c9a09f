package mpi_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/mpi"
	"concord/mpi/memstore"
)

// act is one decision, of matching or of somebody.
type act struct {
	name string
	do   func(context.Context, *mpi.Index) error
}

// world draws humans, each with at most one patient of a source, and decisions that contradict each other nowhere: matching
// finds of each patient all others of its human, somebody says of some patients of different humans that they are not one,
// and of some of one human that they are.
func world(t *rapid.T) (acts []act, want []string) {
	sources := []string{"athena", "cerner", "epic", "other"}
	var humans [][]concord.PatientRef
	for h := range rapid.IntRange(1, 4).Draw(t, "humans") {
		var refs []concord.PatientRef
		for _, s := range sources {
			if rapid.Bool().Draw(t, "has") {
				refs = append(refs, ref(s, strconv.Itoa(h)))
			}
		}
		if len(refs) > 0 {
			humans = append(humans, refs)
		}
	}
	for _, refs := range humans {
		line := ""
		for _, r := range refs {
			line += string(r.Source) + "." + r.Reveal() + " "
		}
		want = append(want, line)
		for _, r := range refs {
			acts = append(acts, act{"match " + r.Reveal(), func(ctx context.Context, x *mpi.Index) error {
				p, err := x.Register(ctx, mpi.Demographics{Ref: r})
				if err != nil {
					return err
				}
				var found []mpi.Candidate
				for _, o := range refs {
					if o != r {
						found = append(found, candidate(string(o.Source), o.Reveal(), mpi.Certain))
					}
				}
				_, err = x.Attach(ctx, p.ID, found)
				return err
			}})
		}
		if len(refs) > 1 && rapid.Bool().Draw(t, "links") {
			pair := rapid.Permutation(refs).Draw(t, "pair")
			acts = append(acts, act{"link", func(ctx context.Context, x *mpi.Index) error {
				p, err := x.Register(ctx, mpi.Demographics{Ref: pair[0]})
				if err == nil {
					_, err = x.Link(ctx, p.ID, pair[1])
				}
				return err
			}})
		}
		if rapid.Bool().Draw(t, "gathers") {
			acts = append(acts, act{"gather", func(ctx context.Context, x *mpi.Index) error {
				links := make([]mpi.Link, len(refs))
				for i, r := range refs {
					links[i] = link(string(r.Source), r.Reveal())
				}
				_, err := x.Gather(ctx, links)
				return err
			}})
		}
	}
	for i := range len(humans) - 1 {
		a, b := rapid.SampledFrom(humans[i]).Draw(t, "a"), rapid.SampledFrom(humans[i+1]).Draw(t, "b")
		acts = append(acts, act{"reject", func(ctx context.Context, x *mpi.Index) error { return x.Reject(ctx, a, b) }})
	}
	slices.Sort(want)
	return acts, want
}

func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		acts, want := world(t)
		for _, order := range [][]act{acts, rapid.Permutation(acts).Draw(t, "order")} {
			s := memstore.New()
			x := mpi.NewIndex(s)
			for _, a := range order {
				if err := a.do(context.Background(), x); err != nil {
					t.Fatalf("%s: %v", a.name, err)
				}
			}
			if diff := cmp.Diff(want, partition(t, s)); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			accounted(t, s)
		}
	})
}

func partition(t *rapid.T, s mpi.Store) (out []string) {
	for p, err := range s.All(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		line := ""
		for _, l := range p.Links {
			line += string(l.Ref.Source) + "." + l.Ref.Reveal() + " "
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// accounted fails unless each id that an event names is a person, or leads to one, or is gone; and each person's patients
// are what the events say.
func accounted(t *rapid.T, s *memstore.Store) {
	ctx := context.Background()
	x := mpi.NewIndex(s)
	owner := map[concord.PatientRef]mpi.PersonID{}
	for e, err := range s.Events(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []mpi.PersonID{e.Person, e.Former} {
			if id == "" {
				continue
			}
			_, err := x.Person(ctx, id)
			if _, was := s.Retired(ctx, id); err != nil && was != nil {
				t.Fatalf("%s: nobody knows what became of an id: %v", e.Kind, err)
			}
		}
		switch e.Kind {
		case mpi.EventCreated, mpi.EventLinked, mpi.EventUnlinked, mpi.EventJoined, mpi.EventSplit, mpi.EventReplaced:
			for _, r := range e.Refs {
				owner[r] = e.Person
			}
			for r, id := range owner {
				if id == e.Former {
					owner[r] = e.Person
				}
			}
		}
	}
	for p, err := range s.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range p.Links {
			if owner[l.Ref] != p.ID {
				t.Fatalf("by the events somebody else has it: %q instead of %q", owner[l.Ref], p.ID)
			}
		}
	}
}

// Clusters that change from one run of matching to the next leave what the last one says, but for what somebody decided.
func TestGatherIsTheLastWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := memstore.New()
		x := mpi.NewIndex(s)
		var all []concord.PatientRef
		for _, source := range []string{"athena", "cerner", "epic"} {
			for i := range 3 {
				all = append(all, ref(source, strconv.Itoa(i)))
			}
		}
		var want []string
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			var clusters [][]mpi.Link
			want = nil
			lines := map[int]string{}
			at := map[string]bool{}
			byCluster := map[int][]mpi.Link{}
			for _, r := range all {
				c := rapid.IntRange(0, 4).Draw(t, "cluster")
				for at[fmt.Sprint(c, r.Source)] {
					c++
				}
				at[fmt.Sprint(c, r.Source)] = true
				byCluster[c] = append(byCluster[c], mpi.Link{Ref: r, Grade: mpi.Certain, Rule: "rule"})
				lines[c] += string(r.Source) + "." + r.Reveal() + " "
			}
			for c, links := range byCluster {
				clusters = append(clusters, rapid.Permutation(links).Draw(t, "links"))
				want = append(want, lines[c])
			}
			slices.Sort(want)
			got, err := x.Gather(context.Background(), clusters...)
			if err != nil {
				t.Fatal(err)
			}
			for i, a := range got {
				if len(a.Left) > 0 || len(a.Person.Links) != len(clusters[i]) || !a.Person.Has(clusters[i][0].Ref) || a.Person.Version == 0 {
					t.Fatalf("cluster %d: %d left, %d links, version %d", i, len(a.Left), len(a.Person.Links), a.Person.Version)
				}
			}
			if diff := cmp.Diff(want, partition(t, s)); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			accounted(t, s)
			before, _ := s.Changes(context.Background(), 0)
			if _, err := x.Gather(context.Background(), clusters...); err != nil {
				t.Fatal(err)
			}
			if after, _ := s.Changes(context.Background(), 0); after.Seq != before.Seq {
				t.Fatal("the same clusters again change something")
			}
		}
	})
}

func TestGather(t *testing.T) {
	ctx := context.Background()
	frozen := func(l *mpi.Link) { l.Frozen = true }
	tests := []struct {
		name     string
		plant    [][]mpi.Link
		clusters [][]mpi.Link
		want     []string
		left     [][]mpi.Left
	}{
		{"a manual link stays", [][]mpi.Link{{link("epic", "1"), link("cerner", "2", manual)}}, [][]mpi.Link{{link("epic", "1")}, {link("cerner", "2"), link("athena", "3")}},
			[]string{"athena.3 ", "cerner.2 epic.1 "}, [][]mpi.Left{nil, {{Ref: ref("cerner", "2"), Why: mpi.Elsewhere}}}},
		{"a frozen one stays, and joins nobody", [][]mpi.Link{{link("epic", "1"), link("cerner", "2", frozen)}}, [][]mpi.Link{{link("epic", "1"), link("athena", "3")}},
			[]string{"athena.3 ", "cerner.2* epic.1 "}, [][]mpi.Left{{{Ref: ref("epic", "1"), Why: mpi.Frozen}}}},
		{"what no cluster names stays, and joins nobody", [][]mpi.Link{{link("epic", "1"), link("cerner", "2")}}, [][]mpi.Link{{link("epic", "1"), link("athena", "3")}},
			[]string{"athena.3 ", "cerner.2 epic.1 "}, [][]mpi.Left{{{Ref: ref("epic", "1"), Why: mpi.Elsewhere}}}},
		{"what somebody linked goes along, and keeps its source's place", [][]mpi.Link{{link("epic", "1"), link("cerner", "2", manual)}}, [][]mpi.Link{{link("athena", "4"), link("cerner", "3"), link("epic", "1")}},
			[]string{"athena.4 cerner.3 ", "cerner.2 epic.1 "}, [][]mpi.Left{{{Ref: ref("epic", "1"), Why: mpi.Taken}}}},
		{"several of one source, as the cluster has it", [][]mpi.Link{{link("epic", "1"), link("cerner", "3")}}, [][]mpi.Link{{link("epic", "1"), link("epic", "2"), link("cerner", "3")}},
			[]string{"cerner.3 epic.1 epic.2 "}, [][]mpi.Left{nil}},
		{"what was merged goes with its survivor", [][]mpi.Link{{link("epic", "1"), link("epic", "0", func(l *mpi.Link) { l.ReplacedBy = ref("epic", "1") }), link("cerner", "2")}},
			[][]mpi.Link{{link("epic", "1")}, {link("cerner", "2")}}, []string{"cerner.2 ", "epic.0>1 epic.1 "}, [][]mpi.Left{nil, nil}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := memstore.New()
			x := mpi.NewIndex(s)
			for _, links := range tt.plant {
				plant(t, s, links...)
			}
			got, err := x.Gather(ctx, tt.clusters...)
			if err != nil {
				t.Fatal(err)
			}
			want(t, s, tt.want...)
			for i, a := range got {
				if diff := cmp.Diff(tt.left[i], a.Left, refEq); diff != "" {
					t.Errorf("left of cluster %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
	x := mpi.NewIndex(memstore.New())
	for _, bad := range [][][]mpi.Link{{{}}, {{link("epic", "")}}, {{link("epic", "1")}, {link("epic", "1")}}} {
		if _, err := x.Gather(ctx, bad...); concord.KindOf(err) != concord.Invalid {
			t.Errorf("%v", err)
		}
	}
}
