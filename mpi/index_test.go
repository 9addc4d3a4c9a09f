package mpi_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/mpi"
	"concord/mpi/cached"
	"concord/mpi/memstore"
)

func newIndex(t testing.TB) (*mpi.Index, mpi.Store) {
	t.Helper()
	s, err := cached.New(memstore.New(), cached.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return mpi.NewIndex(s), s
}

func register(t testing.TB, x *mpi.Index, source, id string) mpi.Person {
	t.Helper()
	p, err := x.Register(context.Background(), mpi.Demographics{Ref: ref(source, id)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func candidate(source, id string, g mpi.Grade) mpi.Candidate {
	return mpi.Candidate{Demographics: mpi.Demographics{Ref: ref(source, id)}, Decision: mpi.Decision{Grade: g, Score: 0.95, Rule: "name+birthdate+phone"}}
}

func attach(t testing.TB, x *mpi.Index, id mpi.PersonID, all ...mpi.Candidate) mpi.Attachment {
	t.Helper()
	a, err := x.Attach(context.Background(), id, all)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// owner fails unless each of the patients is the person's by every way of asking.
func owner(t testing.TB, x *mpi.Index, p mpi.Person, all ...concord.PatientRef) {
	t.Helper()
	slices.SortFunc(all, mpi.CompareRefs)
	if diff := cmp.Diff(all, p.Refs(), refEq); diff != "" {
		t.Errorf("refs (-want +got):\n%s", diff)
	}
	if got, err := x.Person(context.Background(), p.ID); err != nil || !cmp.Equal(p, got, refEq) {
		t.Errorf("Person: %v\n%s", err, cmp.Diff(p, got, refEq))
	}
	for _, r := range all {
		if got, err := x.Lookup(context.Background(), r); err != nil || got.ID != p.ID {
			t.Errorf("Lookup: %v, %q instead of %q", err, got.ID, p.ID)
		}
	}
}

func TestRegister(t *testing.T) {
	x, _ := newIndex(t)
	_, err := x.Lookup(context.Background(), ref("epic", "1"))
	if concord.KindOf(err) != concord.NotFound {
		t.Errorf("Lookup of nobody: %v", err)
	}
	p := register(t, x, "epic", "1")
	want := []mpi.Link{{Ref: ref("epic", "1"), Grade: mpi.Certain, Score: 1, Rule: mpi.RuleSeed}}
	if diff := cmp.Diff(want, p.Links, refEq); diff != "" || p.Created.IsZero() || !p.ID.Valid() {
		t.Errorf("created %v, id %q (-want +got):\n%s", p.Created, p.ID, diff)
	}
	if again := register(t, x, "epic", "1"); !cmp.Equal(p, again, refEq) {
		t.Errorf("registered again:\n%s", cmp.Diff(p, again, refEq))
	}
	owner(t, x, p, ref("epic", "1"))
	for _, r := range []concord.PatientRef{{}, {Source: "epic"}, ref("epic", "")} {
		if _, err := x.Register(context.Background(), mpi.Demographics{Ref: r}); concord.KindOf(err) != concord.Invalid {
			t.Errorf("Register of nobody: %v", err)
		}
	}
}

func TestAttach(t *testing.T) {
	const certain, probable = mpi.Certain, mpi.Probable
	contradicts := candidate("athena", "3", mpi.Possible)
	contradicts.Decision.Contradicts = true
	tests := []struct {
		name   string
		before [][]string // further persons by their patients, as source and id in turn; "~" before an id: linked by hand
		with   []mpi.Candidate
		links  []concord.PatientRef // beside epic 1
		left   []mpi.Left
	}{
		{"one", nil, []mpi.Candidate{candidate("cerner", "2", certain)}, []concord.PatientRef{ref("cerner", "2")}, nil},
		{"one of each source", nil, []mpi.Candidate{candidate("cerner", "2", certain), candidate("athena", "3", certain)}, []concord.PatientRef{ref("athena", "3"), ref("cerner", "2")}, nil},
		{"probable is not linked", nil, []mpi.Candidate{candidate("cerner", "2", probable), candidate("athena", "3", 0)}, nil, nil},
		{"the same twice", nil, []mpi.Candidate{candidate("cerner", "2", certain), candidate("cerner", "2", certain)}, []concord.PatientRef{ref("cerner", "2")}, nil},
		{"itself", nil, []mpi.Candidate{candidate("epic", "1", certain)}, nil, nil},
		{"two of one source", nil, []mpi.Candidate{candidate("cerner", "2", certain), candidate("athena", "3", certain), candidate("cerner", "4", certain)},
			[]concord.PatientRef{ref("athena", "3")}, []mpi.Left{{Ref: ref("cerner", "2"), Why: mpi.Ambiguous}, {Ref: ref("cerner", "4"), Why: mpi.Ambiguous}}},
		{"another of the person's source", nil, []mpi.Candidate{candidate("epic", "2", certain)}, nil, []mpi.Left{{Ref: ref("epic", "2"), Why: mpi.Taken}}},
		{"nobody", nil, []mpi.Candidate{{Decision: mpi.Decision{Grade: certain}}}, nil, nil},
		{"a person of its own", [][]string{{"cerner", "2"}}, []mpi.Candidate{candidate("cerner", "2", certain)}, []concord.PatientRef{ref("cerner", "2")}, nil},
		{"two persons", [][]string{{"cerner", "2"}, {"athena", "3"}}, []mpi.Candidate{candidate("cerner", "2", certain), candidate("athena", "3", certain)}, []concord.PatientRef{ref("athena", "3"), ref("cerner", "2")}, nil},
		{"a person of two, both candidates", [][]string{{"cerner", "2", "athena", "3"}}, []mpi.Candidate{candidate("cerner", "2", certain), candidate("athena", "3", probable)}, []concord.PatientRef{ref("athena", "3"), ref("cerner", "2")}, nil},
		{"a person of two, one of them unknown", [][]string{{"cerner", "2", "athena", "3"}}, []mpi.Candidate{candidate("cerner", "2", certain)}, nil, []mpi.Left{{Ref: ref("cerner", "2"), Why: mpi.Elsewhere}}},
		{"a person of two, one of them somebody else", [][]string{{"cerner", "2", "athena", "3"}}, []mpi.Candidate{candidate("cerner", "2", certain), contradicts}, nil, []mpi.Left{{Ref: ref("cerner", "2"), Why: mpi.Elsewhere}}},
		{"a person with a source in common", [][]string{{"cerner", "2", "epic", "9"}}, []mpi.Candidate{candidate("cerner", "2", certain), candidate("epic", "9", probable)}, nil, []mpi.Left{{Ref: ref("cerner", "2"), Why: mpi.Elsewhere}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, s := newIndex(t)
			p := register(t, x, "epic", "1")
			for i, refs := range tt.before {
				q := mpi.Person{ID: mpi.PersonID("q" + strconv.Itoa(i)), Created: time.Now().Add(time.Hour)}
				for j := 0; j < len(refs); j += 2 {
					q.Links = append(q.Links, mpi.Link{Ref: ref(refs[j], refs[j+1]), Grade: certain})
				}
				if _, err := s.Put(context.Background(), q); err != nil {
					t.Fatal(err)
				}
			}
			for _, reversed := range []bool{false, true} { // again, and the other way round, changes nothing
				if reversed {
					slices.Reverse(tt.with)
				}
				a := attach(t, x, p.ID, tt.with...)
				if diff := cmp.Diff(tt.left, a.Left, refEq); diff != "" {
					t.Errorf("left (-want +got):\n%s", diff)
				}
				if a.Person.ID != p.ID {
					t.Errorf("person %q became %q", p.ID, a.Person.ID)
				}
				owner(t, x, a.Person, append(slices.Clone(tt.links), ref("epic", "1"))...)
				if reversed && a.Person.Version > 2 {
					t.Errorf("version %d: what was known was stored again", a.Person.Version)
				}
			}
		})
	}
}

func TestAttachKeepsScoreAndRule(t *testing.T) {
	x, _ := newIndex(t)
	p := register(t, x, "epic", "1")
	got := attach(t, x, p.ID, candidate("cerner", "2", mpi.Certain)).Person
	want := []mpi.Link{{Ref: ref("cerner", "2"), Grade: mpi.Certain, Score: 0.95, Rule: "name+birthdate+phone"}, p.Links[0]}
	if diff := cmp.Diff(want, got.Links, refEq); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := x.Attach(context.Background(), "nobody", nil); concord.KindOf(err) != concord.NotFound {
		t.Errorf("Attach to nobody: %v", err)
	}
}

func TestOlderPersonKeepsItsID(t *testing.T) {
	for _, order := range []string{"the older finds the younger", "the younger finds the older"} {
		t.Run(order, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, _ := newIndex(t)
				old := register(t, x, "epic", "1")
				time.Sleep(time.Second)
				young := register(t, x, "cerner", "2")
				from, found := old, candidate("cerner", "2", mpi.Certain)
				if order == "the younger finds the older" {
					from, found = young, candidate("epic", "1", mpi.Certain)
				}
				a := attach(t, x, from.ID, found)
				if a.Person.ID != old.ID || !a.Person.Created.Equal(old.Created) {
					t.Errorf("the younger's id or birth was kept")
				}
				owner(t, x, a.Person, ref("epic", "1"), ref("cerner", "2"))
				for _, id := range []mpi.PersonID{old.ID, young.ID} {
					if p, err := x.Person(context.Background(), id); err != nil || p.ID != old.ID {
						t.Errorf("%v, %q instead of the older", err, p.ID)
					}
				}
			})
		})
	}
}

func TestMarkAbsent(t *testing.T) {
	ctx := context.Background()
	x, _ := newIndex(t)
	p := register(t, x, "epic", "1")
	noon := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{noon, noon.Add(-time.Hour), noon} {
		got, err := x.MarkAbsent(ctx, p.ID, "cerner", at)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[concord.SourceID]time.Time{"cerner": noon}, got.Absent); diff != "" || got.Version != 2 {
			t.Errorf("version %d (-want +got):\n%s", got.Version, diff)
		}
	}
	if got, err := x.MarkAbsent(ctx, p.ID, "epic", noon); err != nil || len(got.Absent) != 1 {
		t.Errorf("absent where it is: %v, %v", err, got.Absent)
	}
	if got := attach(t, x, p.ID, candidate("cerner", "2", mpi.Certain)).Person; len(got.Absent) != 0 {
		t.Errorf("absent where it was found: %v", got.Absent)
	}
	if _, err := x.MarkAbsent(ctx, "nobody", "epic", noon); concord.KindOf(err) != concord.NotFound {
		t.Errorf("nobody: %v", err)
	}
}

func TestUnlink(t *testing.T) {
	ctx := context.Background()
	x, _ := newIndex(t)
	p := register(t, x, "epic", "1")
	p = attach(t, x, p.ID, candidate("cerner", "2", mpi.Certain), candidate("athena", "3", mpi.Certain)).Person

	kept, apart, err := x.Unlink(ctx, p.ID, ref("cerner", "2"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = x.Person(ctx, p.ID)
	var gone *mpi.Gone
	if concord.KindOf(err) != concord.NotFound || !errors.As(err, &gone) || !slices.Equal(gone.Into, []mpi.PersonID{kept.ID, apart.ID}) {
		t.Errorf("the id that both had: %v", err)
	}
	owner(t, x, kept, ref("epic", "1"), ref("athena", "3"))
	owner(t, x, apart, ref("cerner", "2"))

	t.Run("matching does not link again", func(t *testing.T) {
		refused := func(id mpi.PersonID, c ...mpi.Candidate) {
			t.Helper()
			a := attach(t, x, id, c...)
			if len(a.Left) != 1 || a.Left[0].Why != mpi.Refused {
				t.Errorf("left: %v", a.Left)
			}
		}
		refused(kept.ID, candidate("cerner", "2", mpi.Certain))
		refused(apart.ID, candidate("epic", "1", mpi.Certain), candidate("athena", "3", mpi.Probable))
		owner(t, x, kept, ref("epic", "1"), ref("athena", "3"))
	})
	t.Run("nor through one that went its own way", func(t *testing.T) {
		rest, third, err := x.Unlink(ctx, kept.ID, ref("athena", "3"))
		p = rest
		if err != nil {
			t.Fatal(err)
		}
		a := attach(t, x, apart.ID, candidate("athena", "3", mpi.Certain))
		if len(a.Left) != 1 || a.Left[0].Why != mpi.Refused {
			t.Errorf("left: %v", a.Left)
		}
		owner(t, x, third, ref("athena", "3"))
	})
	t.Run("but somebody may", func(t *testing.T) {
		got, err := x.Link(ctx, p.ID, ref("cerner", "2"))
		if err != nil {
			t.Fatal(err)
		}
		owner(t, x, got, ref("epic", "1"), ref("cerner", "2"))
		if slices.Contains(got.Rejected, ref("cerner", "2")) {
			t.Error("the link is rejected and there")
		}
		if was, err := x.Person(ctx, apart.ID); err != nil || was.ID != got.ID {
			t.Errorf("the person that was apart: %v", err)
		}
	})
	for name, tt := range map[string]struct {
		id   mpi.PersonID
		ref  concord.PatientRef
		want concord.Kind
	}{
		"nobody": {"nobody", ref("epic", "1"), concord.NotFound}, "not the person's": {p.ID, ref("cerner", "9"), concord.NotFound},
	} {
		if _, _, err := x.Unlink(ctx, tt.id, tt.ref); concord.KindOf(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	alone := register(t, x, "epic", "8")
	if _, _, err := x.Unlink(ctx, alone.ID, ref("epic", "8")); concord.KindOf(err) != concord.Invalid {
		t.Errorf("all that the person has: %v", err)
	}
}

func TestLink(t *testing.T) {
	ctx := context.Background()
	x, _ := newIndex(t)
	p := register(t, x, "epic", "1")
	q := register(t, x, "epic", "5")
	q = attach(t, x, q.ID, candidate("cerner", "2", mpi.Certain)).Person

	got, err := x.Link(ctx, p.ID, ref("cerner", "2")) // from one person to another
	if err != nil {
		t.Fatal(err)
	}
	owner(t, x, got, ref("epic", "1"), ref("cerner", "2"))
	if l := got.Links[0]; !l.Manual || l.Rule != mpi.RuleManual || l.Score != 1 {
		t.Errorf("link %+v", l)
	}
	if _, err := x.Person(ctx, q.ID); concord.KindOf(err) != concord.NotFound {
		t.Errorf("the id that stood for both: %v", err)
	}
	if q, err = x.Lookup(ctx, ref("epic", "5")); err != nil || q.Has(ref("cerner", "2")) || !slices.Contains(q.Rejected, ref("cerner", "2")) {
		t.Errorf("where it came from: %v, rejected %v", err, q.Rejected)
	}
	if a := attach(t, x, q.ID, candidate("cerner", "2", mpi.Certain), candidate("epic", "1", mpi.Probable)); len(a.Left) != 1 || a.Left[0].Why != mpi.Refused {
		t.Errorf("matching takes it back: %v", a.Left)
	}
	if got, err = x.Link(ctx, p.ID, ref("athena", "3")); err != nil { // one that nobody had
		t.Fatal(err)
	}
	owner(t, x, got, ref("epic", "1"), ref("cerner", "2"), ref("athena", "3"))
	if _, err := x.Link(ctx, p.ID, ref("cerner", "9")); concord.KindOf(err) != concord.Conflict {
		t.Errorf("a second patient of a source: %v", err)
	}
	if _, err := x.Link(ctx, "nobody", ref("cerner", "9")); concord.KindOf(err) != concord.NotFound {
		t.Errorf("nobody: %v", err)
	}
	if _, err := x.Link(ctx, p.ID, concord.PatientRef{}); concord.KindOf(err) != concord.Invalid {
		t.Errorf("no patient: %v", err)
	}
}

// What happens at once happens as if one after the other: nobody is lost, nobody is twice.
func TestConcurrent(t *testing.T) {
	ctx := context.Background()
	x, s := newIndex(t)
	const humans = 4
	sources := []concord.SourceID{"epic", "cerner", "athena"}
	var wg sync.WaitGroup
	for h := range humans {
		for i, source := range sources {
			for range 3 {
				wg.Go(func() {
					id := strconv.Itoa(h)
					p, err := x.Register(ctx, mpi.Demographics{Ref: ref(string(source), id)})
					if err != nil {
						t.Errorf("Register: %v", err)
						return
					}
					other1, other2 := sources[(i+1)%3], sources[(i+2)%3]
					a, err := x.Attach(ctx, p.ID, []mpi.Candidate{candidate(string(other1), id, mpi.Certain), candidate(string(other2), id, mpi.Certain)})
					if err != nil && concord.KindOf(err) != concord.NotFound { // the person became one with another meanwhile
						t.Errorf("Attach: %v", err)
						return
					}
					if err == nil {
						if _, err = x.MarkAbsent(ctx, a.Person.ID, "other", time.Now()); err != nil && concord.KindOf(err) != concord.NotFound {
							t.Errorf("MarkAbsent: %v", err)
						}
					}
				})
			}
		}
	}
	wg.Wait()
	var got []mpi.Person
	for p, err := range s.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if len(got) != humans {
		t.Errorf("%d persons of %d humans", len(got), humans)
	}
	for _, p := range got {
		if len(p.Links) != len(sources) {
			t.Errorf("%d links", len(p.Links))
		}
		for _, l := range p.Links {
			if l.Ref.Reveal() != p.Links[0].Ref.Reveal() {
				t.Error("two humans in one person")
			}
		}
	}
}

// contended is a store on which another always comes first.
type contended struct{ mpi.Backend }

func (contended) Apply(context.Context, mpi.Change) ([]mpi.Person, error) {
	return nil, &concord.Fault{Op: "test", Kind: concord.Conflict}
}

func TestGivesUp(t *testing.T) {
	x := mpi.NewIndex(contended{memstore.New()})
	d := mpi.Demographics{Ref: ref("epic", "1")}
	if _, err := x.Register(context.Background(), d); concord.KindOf(err) != concord.Conflict {
		t.Errorf("conflicts for ever: %v", err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := x.Register(canceled, d); concord.KindOf(err) != concord.Canceled {
		t.Errorf("an ended context: %v", err)
	}
}
