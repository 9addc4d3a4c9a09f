package mpi_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/mpi"
	"concord/mpi/memstore"
)

func link(source, id string, m ...func(*mpi.Link)) mpi.Link {
	l := mpi.Link{Ref: ref(source, id), Grade: mpi.Certain, Score: 0.95, Rule: "name+birthdate+phone"}
	for _, f := range m {
		f(&l)
	}
	return l
}

func manual(l *mpi.Link) { l.Manual = true }

// plant stores a person with these links, and gives it as it is stored.
func plant(t testing.TB, s mpi.Store, links ...mpi.Link) mpi.Person {
	t.Helper()
	p, err := s.Put(context.Background(), mpi.Person{ID: mpi.NewPersonID(), Links: links})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// together is the patients that each person of the store has, sorted.
func together(t testing.TB, s mpi.Store) (out []string) {
	t.Helper()
	for p, err := range s.All(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		var one string
		for _, l := range p.Links {
			one += string(l.Ref.Source) + "." + l.Ref.Reveal()
			if l.Frozen {
				one += "*"
			}
			if !l.ReplacedBy.IsZero() {
				one += ">" + l.ReplacedBy.Reveal()
			}
			one += " "
		}
		out = append(out, one)
	}
	slices.Sort(out)
	return out
}

func want(t testing.TB, s mpi.Store, persons ...string) {
	t.Helper()
	if diff := cmp.Diff(persons, together(t, s)); diff != "" {
		t.Errorf("persons (-want +got):\n%s", diff)
	}
}

// open are the numbers of the reviews that are open.
func open(t testing.TB, s mpi.Backend) (out []int64) {
	t.Helper()
	for r, err := range s.Reviews(context.Background(), mpi.ReviewOpen, 0) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r.Number)
	}
	return out
}

func kinds(t testing.TB, s mpi.Backend, since int64) (out []string) {
	t.Helper()
	for e, err := range s.Events(context.Background(), since) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(e.Kind)+" by "+e.By)
	}
	return out
}

// A view is the person's patients. Joining and taking apart again gives each side back what it had; whoever had one of
// the old ids is told that it is gone, and staff are told where to look.
func TestUnlinkRestores(t *testing.T) {
	ctx := context.Background()
	s := memstore.New()
	x := mpi.NewIndex(s)
	p := register(t, x, "epic", "1")
	q := register(t, x, "cerner", "2")
	before := together(t, s)
	attach(t, x, p.ID, candidate("cerner", "2", mpi.Certain))
	joined, err := x.Person(ctx, q.ID)
	if err != nil || len(joined.Refs()) != 2 {
		t.Fatalf("%v, %d patients", err, len(joined.Refs()))
	}
	a, b, err := x.By("alice").Unlink(ctx, joined.ID, ref("cerner", "2"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, s, before...)
	for _, id := range []mpi.PersonID{p.ID, q.ID} {
		_, err := x.Person(ctx, id)
		var gone *mpi.Gone
		if concord.KindOf(err) != concord.NotFound || !errors.As(err, &gone) || !slices.Equal(gone.Into, []mpi.PersonID{a.ID, b.ID}) {
			t.Errorf("an old id: %v", err)
		}
	}
	if diff := cmp.Diff([]string{"created by automatic", "created by automatic", "joined by automatic", "split by alice", "split by alice", "unlinked by alice"}, kinds(t, s, 0)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if r, err := s.Pair(ctx, ref("epic", "1"), ref("cerner", "2")); err != nil || r.State != mpi.ReviewRejected || r.By != "alice" {
		t.Errorf("the decision: %v, %+v", err, r)
	}
}

func TestChainOfJoins(t *testing.T) {
	ctx := context.Background()
	s := memstore.New()
	x := mpi.NewIndex(s)
	var ids []mpi.PersonID
	for i := range 20 {
		ids = append(ids, register(t, x, "s"+strconv.Itoa(i), "1").ID)
	}
	for i := range 19 {
		p, err := x.Lookup(ctx, ref("s"+strconv.Itoa(i), "1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Link(ctx, p.ID, ref("s"+strconv.Itoa(i+1), "1")); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := x.Lookup(ctx, ref("s0", "1"))
	if err != nil || len(whole.Refs()) != 20 {
		t.Fatalf("%v, %d patients", err, len(whole.Refs()))
	}
	for _, id := range ids {
		if p, err := x.Person(ctx, id); err != nil || p.ID != whole.ID {
			t.Errorf("%v, %q", err, p.ID)
		}
	}
	if _, err := x.Person(ctx, "nobody"); concord.KindOf(err) != concord.NotFound {
		t.Error(err)
	}
}

func TestAttachQueues(t *testing.T) {
	ctx := context.Background()
	s := memstore.New()
	x := mpi.NewIndex(s)
	p := register(t, x, "epic", "1")
	contradicts := candidate("other", "9", mpi.Possible)
	contradicts.Decision.Contradicts = true
	all := []mpi.Candidate{candidate("cerner", "2", mpi.Probable), candidate("cerner", "3", mpi.Certain), candidate("cerner", "4", mpi.Certain),
		candidate("athena", "5", mpi.Possible), candidate("other", "6", 0), contradicts}
	for range 2 {
		attach(t, x, p.ID, all...)
		if n := len(open(t, s)); n != 4 {
			t.Fatalf("%d reviews", n)
		}
	}
	if c, err := s.Changes(ctx, 0); err != nil || c.Seq > 9 {
		t.Errorf("%v: what was queued was queued again: change %d", err, c.Seq)
	}
	if diff := cmp.Diff([]string{"created by automatic", "queued by automatic", "queued by automatic", "queued by automatic", "queued by automatic"}, kinds(t, s, 0)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all[0].Decision, first(t, s).Decision); diff != "" {
		t.Errorf("the decision (-want +got):\n%s", diff)
	}
	r, err := x.By("bob").Resolve(ctx, open(t, s)[0], mpi.ReviewLinked)
	if err != nil || r.State != mpi.ReviewLinked || r.By != "bob" || r.Settled.IsZero() {
		t.Fatalf("%v, %+v", err, r)
	}
	want(t, s, "cerner.2 epic.1 ")
	if _, err := x.Resolve(ctx, r.Number, mpi.ReviewRejected); concord.KindOf(err) != concord.Conflict {
		t.Errorf("resolved twice: %v", err)
	}
	for _, n := range open(t, s) { // two more of cerner, and one of athena
		_, err := x.Resolve(ctx, n, mpi.ReviewLinked)
		if r, _ := x.Review(ctx, n); (concord.KindOf(err) == concord.Conflict) != (r.State == mpi.ReviewOpen) {
			t.Errorf("%v, and the review is %q", err, r.State)
		}
		if err != nil {
			if _, err = x.Resolve(ctx, n, mpi.ReviewRejected); err != nil {
				t.Error(err)
			}
		}
	}
	want(t, s, "athena.5 cerner.2 epic.1 ")
	attach(t, x, p.ID, all...)
	if n := len(open(t, s)); n != 0 {
		t.Errorf("%d reviews came back", n)
	}
	for n, state := range map[int64]mpi.ReviewState{999: mpi.ReviewLinked, r.Number: mpi.ReviewOpen} {
		if _, err := x.Resolve(ctx, n, state); concord.KindOf(err) != concord.NotFound && concord.KindOf(err) != concord.Invalid {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func first(t testing.TB, s mpi.Backend) mpi.Review {
	t.Helper()
	r, err := s.Review(context.Background(), open(t, s)[0])
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReject(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		name  string
		plant [][]mpi.Link
		want  []string // after the rejection, and after matching has tried
	}{
		{"both are somebody", [][]mpi.Link{{link("epic", "1")}, {link("cerner", "2")}}, []string{"cerner.2 ", "epic.1 "}},
		{"one is nobody yet", [][]mpi.Link{{link("epic", "1")}}, []string{"cerner.2 ", "epic.1 "}},
		{"neither is somebody", nil, []string{"cerner.2 ", "epic.1 "}},
		{"they are one", [][]mpi.Link{{link("epic", "1"), link("cerner", "2"), link("athena", "3")}}, []string{"athena.3 epic.1 ", "cerner.2 "}},
		{"they are one by hand", [][]mpi.Link{{link("epic", "1"), link("cerner", "2", manual)}}, []string{"cerner.2 ", "epic.1 "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := memstore.New()
			x := mpi.NewIndex(s)
			for _, links := range tt.plant {
				plant(t, s, links...)
			}
			if err := x.Reject(ctx, ref("epic", "1"), ref("cerner", "2")); err != nil {
				t.Fatal(err)
			}
			p, q := register(t, x, "epic", "1"), register(t, x, "cerner", "2")
			for _, a := range []mpi.Attachment{attach(t, x, p.ID, candidate("cerner", "2", mpi.Certain)), attach(t, x, q.ID, candidate("epic", "1", mpi.Certain))} {
				if len(a.Left) != 1 || a.Left[0].Why != mpi.Refused {
					t.Errorf("left: %v", a.Left)
				}
			}
			if _, err := x.Gather(ctx, []mpi.Link{link("epic", "1"), link("cerner", "2")}); err != nil {
				t.Error(err)
			}
			want(t, s, tt.want...)
			if n := len(open(t, s)); n != 0 {
				t.Errorf("%d reviews", n)
			}
		})
	}
	x := mpi.NewIndex(memstore.New())
	for _, pair := range [][2]concord.PatientRef{{}, {ref("epic", "1"), {}}, {ref("epic", "1"), ref("epic", "1")}} {
		if err := x.Reject(ctx, pair[0], pair[1]); concord.KindOf(err) != concord.Invalid {
			t.Error(err)
		}
	}
}

func TestReplaced(t *testing.T) {
	ctx := context.Background()
	reject := func(source, id string) func(*mpi.Person) {
		return func(p *mpi.Person) { p.Rejected = append(p.Rejected, ref(source, id)) }
	}
	tests := []struct {
		name    string
		plant   [][]mpi.Link
		decided map[int]func(*mpi.Person)
		want    []string
		reviews int
	}{
		{"the old one is known", [][]mpi.Link{{link("epic", "old"), link("cerner", "2")}}, nil, []string{"cerner.2 epic.new epic.old>new "}, 0},
		{"the survivor is known", [][]mpi.Link{{link("epic", "new"), link("cerner", "2")}}, nil, []string{"cerner.2 epic.new epic.old>new "}, 0},
		{"both are alone", [][]mpi.Link{{link("epic", "old")}, {link("epic", "new")}}, nil, []string{"epic.new epic.old>new "}, 0},
		{"the old one has others", [][]mpi.Link{{link("epic", "old"), link("cerner", "2")}, {link("epic", "new")}}, nil, []string{"cerner.2 epic.new epic.old>new "}, 0},
		{"the survivor has others", [][]mpi.Link{{link("epic", "old")}, {link("epic", "new"), link("athena", "3")}}, nil, []string{"athena.3 epic.new epic.old>new "}, 0},
		{"both have others", [][]mpi.Link{{link("epic", "old"), link("cerner", "2")}, {link("epic", "new"), link("athena", "3")}}, nil,
			[]string{"athena.3 epic.new epic.old>new ", "cerner.2 "}, 1},
		{"they were one already", [][]mpi.Link{{link("epic", "old"), link("epic", "new")}}, nil, []string{"epic.new epic.old>new "}, 0},
		{"somebody has said that they are not one", [][]mpi.Link{{link("epic", "old")}, {link("epic", "new")}},
			map[int]func(*mpi.Person){0: reject("epic", "new"), 1: reject("epic", "old")}, []string{"epic.new epic.old>new "}, 0},
		{"somebody has said that the survivor is not the other", [][]mpi.Link{{link("epic", "old"), link("cerner", "2")}, {link("epic", "new")}},
			map[int]func(*mpi.Person){1: reject("cerner", "2")}, []string{"cerner.2 ", "epic.new epic.old>new "}, 0},
		{"somebody has said that the old one is not the survivor's other", [][]mpi.Link{{link("epic", "old")}, {link("epic", "new"), link("athena", "3")}},
			map[int]func(*mpi.Person){0: reject("athena", "3")}, []string{"athena.3 epic.new epic.old>new "}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := memstore.New()
			x := mpi.NewIndex(s)
			for i, links := range tt.plant {
				p := plant(t, s, links...)
				if f := tt.decided[i]; f != nil {
					f(&p)
					if _, err := s.Put(ctx, p); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range 2 { // again changes nothing
				p, err := x.Replaced(ctx, ref("epic", "old"), ref("epic", "new"))
				if err != nil {
					t.Fatal(err)
				}
				want(t, s, tt.want...)
				if n := len(open(t, s)); n != tt.reviews {
					t.Errorf("%d reviews", n)
				}
				for _, id := range []string{"old", "new"} {
					if got, err := x.Lookup(ctx, ref("epic", id)); err != nil || got.ID != p.ID || !got.Has(ref("epic", id)) {
						t.Errorf("%s: %v, %q", id, err, got.ID)
					}
				}
				if slices.Contains(p.Refs(), ref("epic", "old")) || !slices.Contains(p.Refs(), ref("epic", "new")) {
					t.Errorf("the sources are asked for %d patients, among them the wrong ones", len(p.Refs()))
				}
			}
		})
	}
	t.Run("in a chain, in either order", func(t *testing.T) {
		for _, steps := range [][][2]string{{{"a", "b"}, {"b", "c"}}, {{"b", "c"}, {"a", "b"}}} {
			s := memstore.New()
			x := mpi.NewIndex(s)
			plant(t, s, link("epic", "a"), link("cerner", "2"))
			plant(t, s, link("epic", "b"))
			for _, step := range steps {
				if _, err := x.Replaced(ctx, ref("epic", step[0]), ref("epic", step[1])); err != nil {
					t.Fatal(err)
				}
			}
			want(t, s, "cerner.2 epic.a>c epic.b>c epic.c ")
		}
	})
	t.Run("and the merged one goes wherever the survivor goes", func(t *testing.T) {
		s := memstore.New()
		x := mpi.NewIndex(s)
		p := plant(t, s, link("epic", "old"), link("cerner", "2"))
		if _, err := x.Replaced(ctx, ref("epic", "old"), ref("epic", "new")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := x.Unlink(ctx, p.ID, ref("epic", "new")); err != nil {
			t.Fatal(err)
		}
		want(t, s, "cerner.2 ", "epic.new epic.old>new ")
	})
	x := mpi.NewIndex(memstore.New())
	for _, tt := range []struct {
		old, survivor concord.PatientRef
		want          concord.Kind
	}{{ref("epic", "1"), ref("cerner", "1"), concord.Invalid}, {ref("epic", "1"), ref("epic", "1"), concord.Invalid}, {ref("epic", "1"), concord.PatientRef{}, concord.Invalid},
		{ref("epic", "1"), ref("epic", "2"), concord.NotFound}} {
		if _, err := x.Replaced(ctx, tt.old, tt.survivor); concord.KindOf(err) != tt.want {
			t.Errorf("%v instead of %v", err, tt.want)
		}
	}
}

// A source that repeats its patients may have several of one person, if somebody says so.
func TestRepeats(t *testing.T) {
	ctx := context.Background()
	s := memstore.New()
	x := mpi.NewIndex(s).WithRepeats("epic")
	p := plant(t, s, link("epic", "1"), link("cerner", "2"))
	q := plant(t, s, link("epic", "3"))
	for _, r := range []concord.PatientRef{ref("epic", "3"), ref("epic", "4")} {
		if _, err := x.Link(ctx, p.ID, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.Link(ctx, p.ID, ref("cerner", "5")); concord.KindOf(err) != concord.Conflict {
		t.Errorf("one that does not repeat: %v", err)
	}
	want(t, s, "cerner.2 epic.1 epic.3 epic.4 ")
	if got, err := x.Person(ctx, q.ID); err != nil || got.ID != p.ID {
		t.Errorf("%v, %q", err, got.ID)
	}
	if a := attach(t, x, p.ID, candidate("epic", "6", mpi.Certain)); len(a.Left) != 1 || a.Left[0].Why != mpi.Taken {
		t.Errorf("matching on demand: left %v", a.Left)
	}
	apply := mpi.Change{Queue: []mpi.Review{{A: ref("epic", "1"), B: ref("epic", "7"), Reason: mpi.ReasonMatch}}}
	if _, err := s.Apply(ctx, apply); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Resolve(ctx, open(t, s)[len(open(t, s))-1], mpi.ReviewLinked); err != nil {
		t.Fatal(err)
	}
	want(t, s, "cerner.2 epic.1 epic.3 epic.4 epic.7 ")
}

// TestWaiting: what was decided about one pair is not asked again of another of the same two persons.
func TestWaiting(t *testing.T) {
	ctx := context.Background()
	for _, state := range []mpi.ReviewState{mpi.ReviewLinked, mpi.ReviewRejected} {
		t.Run(string(state), func(t *testing.T) {
			s := memstore.New()
			x := mpi.NewIndex(s)
			plant(t, s, link("epic", "1"), link("athena", "4"))
			plant(t, s, link("cerner", "2"))
			plant(t, s, link("other", "5"))
			for _, pair := range [][2]concord.PatientRef{{ref("epic", "1"), ref("cerner", "2")}, {ref("athena", "4"), ref("cerner", "2")}, {ref("athena", "4"), ref("other", "5")}} {
				if _, err := x.Queue(ctx, mpi.Review{A: pair[0], B: pair[1], Decision: mpi.Decision{Grade: mpi.Probable, Rule: "rule"}}); err != nil {
					t.Fatal(err)
				}
			}
			waiting := func() (out []int64) {
				for r, err := range x.Waiting(ctx, 0) {
					if err != nil {
						t.Fatal(err)
					}
					out = append(out, r.Number)
				}
				return out
			}
			all := waiting()
			if len(all) != 3 {
				t.Fatalf("%d wait", len(all))
			}
			if _, err := x.Resolve(ctx, all[0], state); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(all[2:], waiting()); diff != "" {
				t.Errorf("who still waits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQueue(t *testing.T) {
	ctx := context.Background()
	s := memstore.New()
	x := mpi.NewIndex(s)
	p := plant(t, s, link("epic", "1"), link("cerner", "2"))
	plant(t, s, link("epic", "3"))
	if err := x.Reject(ctx, ref("epic", "1"), ref("athena", "4")); err != nil {
		t.Fatal(err)
	}
	pair := func(a, b concord.PatientRef, score float64) mpi.Review {
		return mpi.Review{A: a, B: b, State: mpi.ReviewLinked, By: "nobody", Decision: mpi.Decision{Grade: mpi.Probable, Score: score, Rule: "rule"}}
	}
	tests := []struct {
		name string
		pair mpi.Review
		want int
	}{
		{"two persons", pair(ref("epic", "3"), ref("cerner", "2"), 0.7), 1},
		{"again", pair(ref("cerner", "2"), ref("epic", "3"), 0.7), 0},
		{"again, better", pair(ref("cerner", "2"), ref("epic", "3"), 0.8), 0},
		{"somebody who is nobody yet", pair(ref("epic", "1"), ref("other", "5"), 0.7), 1},
		{"one person", pair(ref("epic", "1"), ref("cerner", "2"), 0.7), 0},
		{"settled", pair(ref("epic", "1"), ref("athena", "4"), 0.7), 0},
		{"rejected with another of the person", pair(ref("cerner", "2"), ref("athena", "4"), 0.7), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n, err := x.Queue(ctx, tt.pair); err != nil || n != tt.want {
				t.Errorf("%v, %d are new", err, n)
			}
		})
	}
	if n := len(open(t, s)); n != 2 || first(t, s).Decision.Score != 0.8 {
		t.Errorf("%d reviews, the first with score %v", n, first(t, s).Decision.Score)
	}
	if _, err := x.Queue(ctx, pair(ref("epic", "1"), concord.PatientRef{}, 0.5)); concord.KindOf(err) != concord.Invalid {
		t.Errorf("no pair: %v", err)
	}
	if got, err := x.Person(ctx, p.ID); err != nil || got.Version != 2 { // the rejection
		t.Errorf("%v, version %d: the queue has changed a person", err, got.Version)
	}
}
