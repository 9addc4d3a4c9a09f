package mpitest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"concord"
	"concord/mpi"
)

// atOnce runs do n times at once, and gives the errors.
func atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// oneWinner fails unless one is nil and the others are conflicts, and gives the one's index.
func oneWinner(t *testing.T, errs []error) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatal("two changes won")
		case err == nil:
			winner = i
		case !errors.Is(err, concord.Conflict):
			t.Fatalf("a change that lost: %v", err)
		}
	}
	if winner < 0 {
		t.Fatal("no change won")
	}
	return winner
}

const crowd = 8

func race(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	p := put(t, s, person("p", link("epic", "0")))
	for round := range 10 {
		winner := oneWinner(t, atOnce(crowd, func(i int) error {
			mine := p.Clone()
			mine.Links = []mpi.Link{link("epic", strconv.Itoa(round*crowd+i))}
			_, err := s.Put(ctx, mine)
			return err
		}))
		got, err := s.Person(ctx, "p")
		if err != nil || got.Version != p.Version+1 || got.Links[0].Ref != ref("epic", strconv.Itoa(round*crowd+winner)) {
			t.Fatalf("after the race: %v, version %d after %d", err, got.Version, p.Version)
		}
		p = got
	}
}

func ownerRace(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	for round := range 10 {
		contested := link("epic", "r"+strconv.Itoa(round))
		winner := oneWinner(t, atOnce(crowd, func(i int) error {
			id := strconv.Itoa(round*crowd + i)
			_, err := s.Put(ctx, person("p"+id, link("cerner", id), contested))
			return err
		}))
		got, err := s.ByRef(ctx, contested.Ref)
		if err != nil || got.ID != mpi.PersonID("p"+strconv.Itoa(round*crowd+winner)) {
			t.Fatalf("the owner: %v, %q", err, got.ID)
		}
	}
	n := 0
	for _, err := range s.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 10 {
		t.Errorf("%d persons are left of 10 races", n)
	}
}

// moving has a link go to and fro between two persons while readers ask for it.
func moving(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	moves := link("cerner", "2")
	p, q := put(t, s, person("p", link("epic", "1"), moves)), put(t, s, person("q", link("epic", "3")))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				got, err := s.ByRef(ctx, moves.Ref)
				if err != nil || !got.Has(moves.Ref) {
					t.Errorf("the link that moves: %v, at its person: %t", err, got.Has(moves.Ref))
					return
				}
			}
		})
	}
	for range 50 {
		p, q = p.Clone(), q.Clone()
		from, to := &p, &q
		if q.Has(moves.Ref) {
			from, to = &q, &p
		}
		var rest []mpi.Link
		for _, l := range from.Links {
			if l.Ref != moves.Ref {
				rest = append(rest, l)
			}
		}
		from.Links, to.Links = rest, append(to.Links, moves)
		both, err := s.PutAll(ctx, p, q)
		if err != nil {
			t.Errorf("PutAll: %v", err)
			break
		}
		p, q = both[0], both[1]
		owner := p.ID
		if q.Has(moves.Ref) {
			owner = q.ID
		}
		got, err := s.ByRef(ctx, moves.Ref)
		if err != nil || got.ID != owner {
			t.Errorf("right after the move: %v, person %q instead of %q", err, got.ID, owner)
		}
	}
	close(done)
	wg.Wait()
}
