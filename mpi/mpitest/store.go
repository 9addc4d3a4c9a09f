package mpitest

import (
	"context"
	"strconv"
	"testing"
	"time"

	"concord"
	"concord/mpi"
)

func found(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	probable := mpi.Link{Ref: ref("cerner", "2"), Grade: mpi.Probable, Score: 0.68, Rule: "partial"}
	manual := mpi.Link{Ref: ref("athena", "a-1.E-3"), Grade: mpi.Certain, Score: 1, Rule: mpi.RuleManual, Manual: true}
	in := mpi.Person{ID: "p1", Links: []mpi.Link{link("epic", "1"), probable, manual}, Created: born(),
		Rejected: []concord.PatientRef{ref("epic", "z"), ref("cerner", "y"), ref("epic", "z")},
		Absent:   map[concord.SourceID]time.Time{"other": born(), "another": {}}}
	want := mpi.Person{ID: "p1", Version: 1, Links: []mpi.Link{manual, probable, link("epic", "1")}, Created: kept(),
		Rejected: []concord.PatientRef{ref("cerner", "y"), ref("epic", "z")},
		Absent:   map[concord.SourceID]time.Time{"other": kept(), "another": {}}}

	if diff := diffOf(want, put(t, s, in)); diff != "" {
		t.Errorf("Put (-want +got):\n%s", diff)
	}
	for range 2 { // the second may come from a cache
		for _, r := range []concord.PatientRef{ref("epic", "1"), ref("cerner", "2"), ref("athena", "a-1.E-3")} {
			got, err := s.ByRef(ctx, r)
			if diff := diffOf(want, got); err != nil || diff != "" {
				t.Errorf("ByRef: %v (-want +got):\n%s", err, diff)
			}
		}
		got, err := s.Person(ctx, "p1")
		if diff := diffOf(want, got); err != nil || diff != "" {
			t.Errorf("Person: %v (-want +got):\n%s", err, diff)
		}
	}
	_, err := s.Person(ctx, "p2")
	wantKind(t, "Person of another id", err, concord.NotFound)
	for _, r := range []concord.PatientRef{ref("epic", "2"), ref("cerner", "1"), ref("epic", "z"), {}, {Source: "epic"}} {
		_, err = s.ByRef(ctx, r)
		wantKind(t, "ByRef of nobody's patient", err, concord.NotFound)
	}

	replaced := put(t, s, mpi.Person{ID: "p1", Version: 1, Links: []mpi.Link{link("epic", "9")}})
	if diff := diffOf(mpi.Person{ID: "p1", Version: 2, Links: []mpi.Link{link("epic", "9")}}, replaced); diff != "" {
		t.Errorf("Put replaces the whole (-want +got):\n%s", diff)
	}
	_, err = s.ByRef(ctx, ref("epic", "1"))
	wantKind(t, "ByRef of a patient that was let go", err, concord.NotFound)
	got, err := s.ByRef(ctx, ref("epic", "9"))
	if diff := diffOf(replaced, got); err != nil || diff != "" {
		t.Errorf("ByRef after a change: %v (-want +got):\n%s", err, diff)
	}
}

func compareAndSet(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	_, err := s.Put(ctx, mpi.Person{ID: "p", Version: 1, Links: []mpi.Link{link("epic", "1")}})
	wantKind(t, "version 1 of nobody", err, concord.Conflict)

	v1 := put(t, s, person("p", link("epic", "1")))
	_, err = s.Put(ctx, person("p", link("epic", "1")))
	wantKind(t, "a new person with a known id", err, concord.Conflict)

	v2 := v1.Clone()
	v2.Links = append(v2.Links, link("cerner", "2"))
	v2 = put(t, s, v2)
	if v1.Version != 1 || v2.Version != 2 {
		t.Errorf("versions %d and %d, want 1 and 2", v1.Version, v2.Version)
	}
	for _, stale := range []mpi.Person{v1, {ID: "p", Version: 3, Links: v1.Links}, {ID: "p", Version: 1}, {ID: "p"}} {
		_, err = s.Put(ctx, stale)
		wantKind(t, "version "+strconv.FormatInt(stale.Version, 10)+" where 2 is stored", err, concord.Conflict)
	}
	got, err := s.Person(ctx, "p")
	if diff := diffOf(v2, got); err != nil || diff != "" {
		t.Errorf("a change that lost left a mark: %v (-want +got):\n%s", err, diff)
	}
}

func oneOwner(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	p := put(t, s, person("p", link("epic", "1")))
	q := put(t, s, person("q", link("cerner", "2")))

	_, err := s.Put(ctx, person("r", link("athena", "3"), link("epic", "1")))
	wantKind(t, "a new person with another's patient", err, concord.Conflict)
	_, err = s.Person(ctx, "r")
	wantKind(t, "the person that was refused", err, concord.NotFound)
	_, err = s.ByRef(ctx, ref("athena", "3"))
	wantKind(t, "its other patient", err, concord.NotFound)

	greedy := q.Clone()
	possible := link("epic", "1")
	possible.Grade = mpi.Possible
	greedy.Links = append(greedy.Links, possible)
	_, err = s.Put(ctx, greedy)
	wantKind(t, "another's patient, of whatever grade", err, concord.Conflict)
	got, err := s.Person(ctx, "q")
	if diff := diffOf(q, got); err != nil || diff != "" {
		t.Errorf("the refused change left a mark: %v (-want +got):\n%s", err, diff)
	}
	got, err = s.ByRef(ctx, ref("epic", "1"))
	if diff := diffOf(p, got); err != nil || diff != "" {
		t.Errorf("the owner: %v (-want +got):\n%s", err, diff)
	}
}

func together(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	p := put(t, s, person("p", link("epic", "1"), link("cerner", "2")))

	p.Links = []mpi.Link{link("epic", "1")}
	split, err := s.PutAll(ctx, p, person("q", link("cerner", "2")))
	if err != nil {
		t.Fatalf("a link from one to the other: %v", err)
	}
	want := []mpi.Person{{ID: "p", Version: 2, Links: []mpi.Link{link("epic", "1")}, Created: kept()},
		{ID: "q", Version: 1, Links: []mpi.Link{link("cerner", "2")}, Created: kept()}}
	if diff := diffOf(want, split); diff != "" {
		t.Fatalf("PutAll (-want +got):\n%s", diff)
	}
	for _, w := range want {
		got, err := s.ByRef(ctx, w.Links[0].Ref)
		if diff := diffOf(w, got); err != nil || diff != "" {
			t.Errorf("ByRef: %v (-want +got):\n%s", err, diff)
		}
	}

	// exchanged, in one step
	a, b := split[0].Clone(), split[1].Clone()
	a.Links, b.Links = b.Links, a.Links
	if split, err = s.PutAll(ctx, a, b); err != nil {
		t.Fatalf("an exchange: %v", err)
	}
	got, err := s.ByRef(ctx, ref("cerner", "2"))
	if err != nil || got.ID != "p" {
		t.Errorf("after the exchange: %v, person %q", err, got.ID)
	}

	// joined: one is deleted, and its link goes to the other
	a, b = split[0].Clone(), split[1].Clone()
	a.Links, b.Links = append(a.Links, b.Links...), nil
	stale := b.Clone()
	stale.Version--
	_, err = s.PutAll(ctx, a, stale)
	wantKind(t, "all or none", err, concord.Conflict)
	got, err = s.Person(ctx, "p")
	if diff := diffOf(split[0], got); err != nil || diff != "" {
		t.Errorf("one of two was stored: %v (-want +got):\n%s", err, diff)
	}
	joined, err := s.PutAll(ctx, a, b)
	if err != nil || len(joined) != 2 || joined[1].Version != 0 {
		t.Fatalf("a union: %v, %d persons", err, len(joined))
	}
	_, err = s.Person(ctx, "q")
	wantKind(t, "the one that went", err, concord.NotFound)
	for _, r := range []concord.PatientRef{ref("epic", "1"), ref("cerner", "2")} {
		got, err = s.ByRef(ctx, r)
		if diff := diffOf(joined[0], got); err != nil || diff != "" {
			t.Errorf("after the union: %v (-want +got):\n%s", err, diff)
		}
	}
	none, err := s.PutAll(ctx)
	if err != nil || len(none) != 0 {
		t.Errorf("PutAll of none: %v, %d persons", err, len(none))
	}
}

func deleted(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	p := person("p", link("epic", "1"))
	p.Rejected = []concord.PatientRef{ref("cerner", "2")}
	p.Absent = map[concord.SourceID]time.Time{"athena": kept()}
	p = put(t, s, p)
	for range 2 {
		if _, err := s.ByRef(ctx, ref("epic", "1")); err != nil {
			t.Fatal(err)
		}
	}
	p.Links = nil
	if gone := put(t, s, p); gone.Version != 0 {
		t.Errorf("version %d of a person that is gone, want 0", gone.Version)
	}
	_, err := s.Person(ctx, "p")
	wantKind(t, "Person", err, concord.NotFound)
	_, err = s.ByRef(ctx, ref("epic", "1"))
	wantKind(t, "ByRef", err, concord.NotFound)
	wantNobody(t, s)
	_, err = s.Put(ctx, p)
	wantKind(t, "deleting it again", err, concord.Conflict)
	if gone := put(t, s, mpi.Person{ID: "never"}); gone.Version != 0 {
		t.Errorf("deleting nobody: version %d", gone.Version)
	}
	again := put(t, s, person("p", link("epic", "1")))
	got, err := s.ByRef(ctx, ref("epic", "1"))
	if diff := diffOf(again, got); err != nil || diff != "" || len(got.Rejected)+len(got.Absent) > 0 {
		t.Errorf("made again: %v (-want +got):\n%s", err, diff)
	}
}

func canonical(t *testing.T, f Fixture) {
	s := f.Backend
	nobody, noGrade, noSource := link("epic", "1"), link("epic", "1"), link("", "1")
	nobody.Ref, noGrade.Grade = concord.PatientRef{Source: "epic"}, 0
	tests := []struct {
		name string
		all  []mpi.Person
	}{
		{"no id", []mpi.Person{person("", link("epic", "1"))}},
		{"an id with a dot", []mpi.Person{person("a.b", link("epic", "1"))}},
		{"a patient without id", []mpi.Person{{ID: "p", Links: []mpi.Link{{Grade: mpi.Certain}}}}},
		{"a patient with a source alone", []mpi.Person{person("p", nobody)}},
		{"a patient with an empty id", []mpi.Person{person("p", link("epic", ""))}},
		{"a rejected one that is none", []mpi.Person{{ID: "p", Links: []mpi.Link{link("epic", "1")}, Rejected: []concord.PatientRef{{}}}}},
		{"a patient without source", []mpi.Person{person("p", noSource)}},
		{"no grade", []mpi.Person{person("p", noGrade)}},
		{"one patient twice", []mpi.Person{person("p", link("epic", "1"), link("epic", "1"))}},
		{"a negative version", []mpi.Person{{ID: "p", Version: -1, Links: []mpi.Link{link("epic", "1")}}}},
		{"one person twice", []mpi.Person{person("p", link("epic", "1")), person("p", link("epic", "2"))}},
		{"one patient at two persons", []mpi.Person{person("p", link("epic", "1")), person("q", link("epic", "1"))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.PutAll(context.Background(), tt.all...)
			wantKind(t, "PutAll", err, concord.Invalid)
			wantNobody(t, s)
		})
	}
}

func bytes(t *testing.T, f Fixture) {
	long := make([]byte, 2000)
	for i := range long {
		long[i] = 'a' + byte(i%26)
	}
	ids := []string{"a", "A", " a", "a ", " ", "é", "e\u0301", "'; DROP TABLE link; --", `"?%_\`, "a/b", "0", "00", "1e3", string(long), string(long[1:])}
	for i, id := range ids {
		put(t, f.Backend, person("p"+strconv.Itoa(i), link("epic", id)))
	}
	for i, id := range ids {
		got, err := f.Backend.ByRef(context.Background(), ref("epic", id))
		if err != nil || got.ID != mpi.PersonID("p"+strconv.Itoa(i)) || got.Links[0].Ref.Reveal() != id {
			t.Errorf("id %d of the list: %v, person %q", i, err, got.ID)
		}
	}
}

func isolated(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	in := person("p", link("epic", "1"), link("athena", "2"))
	in.Rejected = []concord.PatientRef{ref("epic", "9")}
	in.Absent = map[concord.SourceID]time.Time{"other": kept()}
	out := put(t, s, in)
	want := out.Clone()
	spoil := func(p mpi.Person) {
		p.Links[0].Ref, p.Rejected[0], p.Absent["other"] = ref("x", "x"), ref("x", "x"), time.Time{}
		p.Absent["x"] = time.Time{}
	}
	spoil(in)
	spoil(out)
	for range 3 {
		got, err := s.Person(ctx, "p")
		if diff := diffOf(want, got); err != nil || diff != "" {
			t.Fatalf("Person: %v (-want +got):\n%s", err, diff)
		}
		spoil(got)
		got, err = s.ByRef(ctx, ref("epic", "1"))
		if diff := diffOf(want, got); err != nil || diff != "" {
			t.Fatalf("ByRef: %v (-want +got):\n%s", err, diff)
		}
		spoil(got)
		for p, err := range s.All(ctx) {
			if diff := diffOf(want, p); err != nil || diff != "" {
				t.Fatalf("All: %v (-want +got):\n%s", err, diff)
			}
			spoil(p)
		}
	}
}

func all(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	wantNobody(t, s)
	const n = 530
	batch := make([]mpi.Person, 0, n)
	for i := range n {
		id := strconv.Itoa(i * 7919 % n) // neither in order nor in order of numbers
		batch = append(batch, person("p"+id, link("epic", id), link("cerner", id)))
	}
	want, err := s.PutAll(ctx, batch...)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[mpi.PersonID]mpi.Person{}
	for _, p := range want {
		byID[p.ID] = p
	}
	var last mpi.PersonID
	for p, err := range s.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if p.ID <= last {
			t.Fatalf("%q after %q", p.ID, last)
		}
		if diff := diffOf(byID[p.ID], p); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		last = p.ID
		delete(byID, p.ID)
	}
	if len(byID) != 0 {
		t.Errorf("%d persons did not come", len(byID))
	}
	seen := 0
	for p, err := range s.All(ctx) { // the caller may change persons meanwhile, and may stop
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen > 3 {
			break
		}
		p.Links = p.Links[:1]
		put(t, s, p)
	}
}

func ended(t *testing.T, f Fixture) {
	s := f.Backend
	p := put(t, s, person("p", link("epic", "1")))
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	for kind, ctx := range map[concord.Kind]context.Context{concord.Canceled: canceled, concord.Timeout: late} {
		_, err := s.Person(ctx, "p")
		wantKind(t, "Person", err, kind)
		_, err = s.ByRef(ctx, ref("epic", "1"))
		wantKind(t, "ByRef", err, kind)
		_, err = s.Put(ctx, p)
		wantKind(t, "Put", err, kind)
		_, err = s.PutAll(ctx, p, person("q", link("epic", "2")))
		wantKind(t, "PutAll", err, kind)
		err = nil
		for _, e := range s.All(ctx) {
			if err != nil {
				t.Error("All goes on after an error")
			}
			err = e
		}
		wantKind(t, "All", err, kind)
	}
	amid, cancel := context.WithCancel(context.Background())
	defer cancel()
	put(t, s, person("q", link("epic", "2")))
	var err error
	for _, e := range s.All(amid) {
		cancel()
		err = e
	}
	wantKind(t, "All, canceled amid it", err, concord.Canceled)
	got, err := s.Person(context.Background(), "p")
	if diff := diffOf(p, got); err != nil || diff != "" {
		t.Errorf("a change whose context had ended: %v (-want +got):\n%s", err, diff)
	}
}

func survives(t *testing.T, f Fixture) {
	if f.Reopen == nil {
		t.Skip("the backend keeps nothing beyond its process")
	}
	ctx := context.Background()
	p := person("p", link("epic", "1"), link("cerner", "2"))
	p.Rejected = []concord.PatientRef{ref("athena", "3")}
	p.Absent = map[concord.SourceID]time.Time{"other": kept()}
	p = put(t, f.Backend, p)
	q := put(t, f.Backend, person("q", link("epic", "4")))
	q.Links = nil
	put(t, f.Backend, q)

	s := f.Reopen()
	got, err := s.ByRef(ctx, ref("cerner", "2"))
	if diff := diffOf(p, got); err != nil || diff != "" {
		t.Errorf("ByRef: %v (-want +got):\n%s", err, diff)
	}
	_, err = s.Person(ctx, "q")
	wantKind(t, "Person of one that was deleted", err, concord.NotFound)
	_, err = s.Put(ctx, person("p", link("epic", "1")))
	wantKind(t, "Put of another version", err, concord.Conflict)
	if p = put(t, s, p); p.Version != 2 {
		t.Errorf("version %d, want 2", p.Version)
	}
}
