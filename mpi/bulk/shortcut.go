package bulk

import (
	"context"
	"errors"
	"sync/atomic"

	"concord"
	"concord/mpi"
)

// shortcut is a store that need not be asked for what an import knows not to be there: persons of patients that had none when
// it looked through all, and reviews of pairs that had none. Somebody else may make them meanwhile. Persons that are made of
// what was known are then a Conflict, since a patient has one person; from then on the store is asked. A pair that somebody
// has settled stays settled, whoever queues it.
type shortcut struct {
	mpi.Backend

	persons map[concord.PatientRef]bool // those that have one; nil: not known
	pairs   map[pair]bool               // those that have a review; nil: not known
	stale   atomic.Bool
}

// learnPairs looks through all reviews.
func (s *shortcut) learnPairs(ctx context.Context) error {
	pairs := map[pair]bool{}
	for r, err := range s.Reviews(ctx, "", 0) {
		if err != nil {
			return err
		}
		if !r.B.IsZero() {
			pairs[pairOf(r.A, r.B)] = true
		}
	}
	s.pairs = pairs
	return nil
}

// ByRef implements mpi.Store.
func (s *shortcut) ByRef(ctx context.Context, ref concord.PatientRef) (mpi.Person, error) {
	if s.persons != nil && !s.persons[ref] && !s.stale.Load() {
		return mpi.Person{}, &concord.Fault{Op: "mpi by ref", Kind: concord.NotFound}
	}
	return s.Backend.ByRef(ctx, ref)
}

// Pair implements mpi.Reviews.
func (s *shortcut) Pair(ctx context.Context, a, b concord.PatientRef) (mpi.Review, error) {
	if s.pairs != nil && !s.pairs[pairOf(a, b)] {
		return mpi.Review{}, &concord.Fault{Op: "mpi review", Kind: concord.NotFound}
	}
	return s.Backend.Pair(ctx, a, b)
}

// Apply implements mpi.Store.
func (s *shortcut) Apply(ctx context.Context, c mpi.Change) ([]mpi.Person, error) {
	done, err := s.Backend.Apply(ctx, c)
	if errors.Is(err, concord.Conflict) {
		s.stale.Store(true)
	}
	return done, err
}
