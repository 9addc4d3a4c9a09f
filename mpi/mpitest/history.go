package mpitest

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"concord"
	"concord/mpi"
)

// model is the store as one would explain it.
type model map[mpi.PersonID]mpi.Person

// put is what PutAll must come to.
func (m model) put(all []mpi.Person) ([]mpi.Person, concord.Kind) {
	all, err := mpi.CanonicalAll(all)
	if err != nil {
		return nil, concord.Invalid
	}
	next := maps.Clone(m)
	for i, p := range all {
		if m[p.ID].Version != p.Version {
			return nil, concord.Conflict
		}
		delete(next, p.ID)
		if len(p.Links) == 0 {
			all[i].Version = 0
			continue
		}
		all[i].Version++
		next[p.ID] = all[i]
	}
	owners := map[concord.PatientRef]bool{}
	for _, p := range next {
		for _, l := range p.Links {
			if owners[l.Ref] {
				return nil, concord.Conflict
			}
			owners[l.Ref] = true
		}
	}
	clear(m)
	maps.Copy(m, next)
	return all, concord.Unknown
}

// history makes random changes, sound and unsound, to a few persons and patients and compares with the model. All histories
// of one test share the store; each has its own persons.
func history(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		name := func(n int) string { return "run" + strconv.Itoa(run) + "-" + strconv.Itoa(n) }
		m := model{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			var all []mpi.Person
			for range rapid.IntRange(1, 3).Draw(t, "persons") {
				p := mpi.Person{ID: mpi.PersonID(name(rapid.IntRange(0, 3).Draw(t, "person")))}
				p.Version = max(m[p.ID].Version+int64(rapid.SampledFrom([]int{0, 0, 0, 0, 0, -1, 1}).Draw(t, "version")), 0)
				for range rapid.IntRange(0, 3).Draw(t, "links") {
					l := link(rapid.SampledFrom([]string{"epic", "cerner"}).Draw(t, "source"), name(rapid.IntRange(0, 3).Draw(t, "patient")))
					l.Manual = rapid.Bool().Draw(t, "manual")
					p.Links = append(p.Links, l)
				}
				if rapid.Bool().Draw(t, "rejects") {
					p.Rejected = append(p.Rejected, ref("athena", name(0)))
				}
				all = append(all, p)
			}
			want, kind := m.put(all)
			got, err := s.PutAll(ctx, all...)
			if concord.KindOf(err) != kind {
				t.Fatalf("PutAll: %v, want kind %v", err, kind)
			}
			if diff := diffOf(want, got); diff != "" {
				t.Fatalf("PutAll (-want +got):\n%s", diff)
			}
			m.compare(ctx, t, s, name)
		}
	})
	var persons []mpi.PersonID
	for p, err := range s.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		persons = append(persons, p.ID)
	}
	if !slices.IsSorted(persons) || run > 0 && len(persons) == 0 {
		t.Errorf("All gives %d persons, sorted: %t", len(persons), slices.IsSorted(persons))
	}
}

func (m model) compare(ctx context.Context, t *rapid.T, s mpi.Store, name func(int) string) {
	for i := range 4 {
		id := mpi.PersonID(name(i))
		want, known := m[id]
		got, err := s.Person(ctx, id)
		if known != (err == nil) {
			t.Fatalf("Person: %v, known to the model: %t", err, known)
		}
		if diff := diffOf(want, got); diff != "" {
			t.Fatalf("Person (-want +got):\n%s", diff)
		}
		for _, source := range []string{"epic", "cerner"} {
			r := ref(source, name(i))
			var want mpi.Person
			for _, p := range m {
				if p.Has(r) {
					want = p
				}
			}
			got, err := s.ByRef(ctx, r)
			if (want.ID == "") != (concord.KindOf(err) == concord.NotFound) {
				t.Fatalf("ByRef: %v, known to the model: %t", err, want.ID != "")
			}
			if diff := diffOf(want, got); diff != "" {
				t.Fatalf("ByRef (-want +got):\n%s", diff)
			}
		}
	}
}
