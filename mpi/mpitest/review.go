package mpitest

import (
	"context"
	"strconv"
	"testing"
	"time"

	"concord"
	"concord/mpi"
)

// pairing is a review of an epic and a cerner patient, settled as linked if it is to be settled.
func pairing(epic, cerner string) mpi.Review {
	return mpi.Review{A: ref("epic", epic), B: ref("cerner", cerner), Reason: mpi.ReasonMatch, State: mpi.ReviewLinked, Queued: someTime(0), Settled: someTime(1), By: "somebody",
		Decision: mpi.Decision{Grade: mpi.Probable, Score: 0.75, Rule: "name+birthdate", Fields: []mpi.FieldLevel{{Field: mpi.FieldFamily, Level: mpi.Equal}, {Field: mpi.FieldSSN, Level: mpi.Missing}}}}
}

// queued is r as it comes back while it is open.
func queued(r mpi.Review) mpi.Review {
	r.A, r.B = r.B, r.A // cerner comes first
	r.State, r.Settled, r.By = mpi.ReviewOpen, time.Time{}, ""
	return r
}

func reviews(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	_, err := s.Review(ctx, 1)
	wantKind(t, "a review that is not there", err, concord.NotFound)
	_, err = s.Pair(ctx, ref("epic", "1"), ref("cerner", "2"))
	wantKind(t, "a pair that is not there", err, concord.NotFound)

	first, second := pairing("1", "2"), pairing("1", "3")
	first.Settled, second.Settled = time.Time{}, time.Time{}
	apply(t, s, mpi.Change{Queue: []mpi.Review{first, second, first}})
	var numbers []int64
	for i, r := range []mpi.Review{first, second} {
		want := queued(r)
		for _, ask := range []func() (mpi.Review, error){
			func() (mpi.Review, error) { return s.Pair(ctx, r.A, r.B) },
			func() (mpi.Review, error) { return s.Pair(ctx, r.B, r.A) },
			func() (mpi.Review, error) { return s.Review(ctx, numbers[i]) },
		} {
			got, err := ask()
			if len(numbers) == i {
				numbers = append(numbers, got.Number)
			}
			want.Number = numbers[i]
			if diff := diffOf(want, got); err != nil || diff != "" || got.Number == 0 {
				t.Fatalf("review %d: %v, number %d (-want +got):\n%s", i, err, got.Number, diff)
			}
		}
	}
	list := func(state mpi.ReviewState, after int64, want ...int64) {
		t.Helper()
		var got []int64
		for _, r := range collect(t, s.Reviews(ctx, state, after)) {
			got = append(got, r.Number)
		}
		if diff := diffOf(want, got); diff != "" {
			t.Errorf("those that are %q (-want +got):\n%s", state, diff)
		}
	}
	list(mpi.ReviewOpen, 0, numbers...)
	list("", numbers[0], numbers[1])
	list(mpi.ReviewLinked, 0)

	better := pairing("1", "2")
	better.Decision.Score, better.Queued = 0.8, someTime(5)
	apply(t, s, mpi.Change{Queue: []mpi.Review{better}})
	got, err := s.Review(ctx, numbers[0])
	if err != nil || got.Decision.Score != 0.8 || !got.Queued.Equal(someTime(0)) {
		t.Errorf("queued again: %v, %+v", err, got.Decision)
	}

	settled := got
	settled.State, settled.Settled, settled.By = mpi.ReviewRejected, someTime(6), "somebody"
	apply(t, s, mpi.Change{Settle: []mpi.Review{settled}})
	for range 2 { // and it never comes back
		got, err = s.Review(ctx, numbers[0])
		if diff := diffOf(settled, got); err != nil || diff != "" {
			t.Errorf("settled: %v (-want +got):\n%s", err, diff)
		}
		list(mpi.ReviewOpen, 0, numbers[1])
		list(mpi.ReviewRejected, 0, numbers[0])
		apply(t, s, mpi.Change{Queue: []mpi.Review{better}})
	}
	_, err = s.Apply(ctx, mpi.Change{Settle: []mpi.Review{settled}})
	wantKind(t, "settled twice by its number", err, concord.Conflict)

	unasked := pairing("1", "3") // by the pair, whatever it was
	apply(t, s, mpi.Change{Settle: []mpi.Review{unasked}})
	got, err = s.Review(ctx, numbers[1])
	if err != nil || got.State != mpi.ReviewLinked || !got.Settled.Equal(someTime(1)) || got.Decision.Score != 0.75 {
		t.Errorf("settled by the pair: %v, %+v", err, got)
	}
	unasked.State = mpi.ReviewRejected
	apply(t, s, mpi.Change{Settle: []mpi.Review{unasked, pairing("7", "8")}})
	list(mpi.ReviewRejected, 0, numbers...)
	got, err = s.Pair(ctx, ref("epic", "7"), ref("cerner", "8"))
	if err != nil || got.State != mpi.ReviewLinked || got.By != "somebody" {
		t.Errorf("settled without being queued: %v, %+v", err, got)
	}
	overlays(t, s)

	var many []mpi.Review
	for i := range 600 {
		many = append(many, pairing("m"+strconv.Itoa(i), "m"))
	}
	apply(t, s, mpi.Change{Queue: many})
	if n := len(collect(t, s.Reviews(ctx, mpi.ReviewOpen, 0))); n != len(many)+1 { // and an overlay
		t.Errorf("%d of %d reviews", n, len(many)+1)
	}
	for i, err := range atOnce(crowd, func(int) error {
		r := pairing("m0", "m")
		p, err := s.Pair(ctx, r.A, r.B)
		if err != nil {
			return err
		}
		p.State = mpi.ReviewLinked
		_, err = s.Apply(ctx, mpi.Change{Settle: []mpi.Review{p}})
		return err
	}) {
		if err != nil && concord.KindOf(err) != concord.Conflict {
			t.Errorf("one of many who settle, %d: %v", i, err)
		}
	}
}

// overlays are told apart by their mark, which does not come back. One stays open.
func overlays(t *testing.T, s mpi.Backend) {
	ctx := context.Background()
	r := mpi.Review{A: ref("epic", "o"), Reason: mpi.ReasonOverlay, Mark: "smith|1970", Queued: someTime(0)}
	apply(t, s, mpi.Change{Queue: []mpi.Review{r}})
	got, err := s.Overlay(ctx, r.A, r.Mark)
	if err != nil || got.Mark != "" || got.State != mpi.ReviewOpen || got.A != r.A || !got.B.IsZero() {
		t.Fatalf("Overlay: %v, %+v", err, got)
	}
	got.State, got.Settled = mpi.ReviewLinked, someTime(1)
	apply(t, s, mpi.Change{Settle: []mpi.Review{got}})
	apply(t, s, mpi.Change{Queue: []mpi.Review{r}})
	if got, err = s.Overlay(ctx, r.A, r.Mark); err != nil || got.State != mpi.ReviewLinked {
		t.Errorf("the overlay came back: %v, %q", err, got.State)
	}
	r.Mark = "jones|1980"
	_, err = s.Overlay(ctx, r.A, r.Mark)
	wantKind(t, "another overlay", err, concord.NotFound)
	apply(t, s, mpi.Change{Queue: []mpi.Review{r}})
	if got, err = s.Overlay(ctx, r.A, r.Mark); err != nil || got.State != mpi.ReviewOpen {
		t.Errorf("the next overlay: %v, %q", err, got.State)
	}
	_, err = s.Apply(ctx, mpi.Change{Queue: []mpi.Review{{A: ref("epic", "o"), B: ref("cerner", "o"), Reason: mpi.ReasonOverlay}}})
	wantKind(t, "an overlay of two", err, concord.Invalid)
}
