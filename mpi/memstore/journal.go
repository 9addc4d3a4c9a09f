package memstore

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"concord"
	"concord/mpi"
)

// most is how many changes are listed before all is said to have changed.
const most = 1000

// Changes implements mpi.Journal.
func (s *Store) Changes(ctx context.Context, since int64) (mpi.Changes, error) {
	return look(ctx, s, "mpi changes", func() (mpi.Changes, bool) {
		c := mpi.Changes{Seq: s.seq}
		if since >= s.seq {
			return c, true
		}
		for id, at := range s.changed {
			if at > since {
				c.Persons = append(c.Persons, id)
			}
		}
		if len(c.Persons) > most {
			c.Persons, c.All = nil, true
		}
		slices.Sort(c.Persons)
		return c, true
	})
}

// Events implements mpi.Journal.
func (s *Store) Events(ctx context.Context, since int64) iter.Seq2[mpi.Event, error] {
	return walk(ctx, s, "mpi events", func() []int {
		i, _ := slices.BinarySearchFunc(s.events, since+1, func(e mpi.Event, seq int64) int { return cmp.Compare(e.Seq, seq) })
		all := make([]int, 0, len(s.events)-i)
		for ; i < len(s.events); i++ {
			all = append(all, i)
		}
		return all
	}, func(i int) (mpi.Event, bool) {
		e := s.events[i]
		e.Refs = slices.Clone(e.Refs)
		return e, true
	})
}

func (s *Store) queue(r mpi.Review) {
	n, known := s.numbers[pairOf(r)]
	if !known {
		s.add(r)
		return
	}
	if had := s.reviews[n]; had.State == mpi.ReviewOpen {
		had.Decision, had.Reason = r.Decision, r.Reason
		had.Decision.Fields = slices.Clone(r.Decision.Fields)
		s.reviews[n] = had
	}
}

func (s *Store) settle(r mpi.Review) {
	n := r.Number
	if n == 0 {
		known := s.numbers[pairOf(r)]
		if known == 0 {
			s.add(r)
			return
		}
		n = known
	}
	had := s.reviews[n]
	had.State, had.Settled, had.By = r.State, r.Settled, r.By
	s.reviews[n] = had
}

func (s *Store) add(r mpi.Review) {
	s.seq++
	p := pairOf(r)
	r.Number, r.Mark = s.seq, ""
	r.Decision.Fields = slices.Clone(r.Decision.Fields)
	s.numbers[p], s.reviews[r.Number] = r.Number, r
}

func cloned(r mpi.Review) mpi.Review {
	r.Decision.Fields = slices.Clone(r.Decision.Fields)
	return r
}

// Review implements mpi.Reviews.
func (s *Store) Review(ctx context.Context, number int64) (mpi.Review, error) {
	return look(ctx, s, "mpi review", func() (mpi.Review, bool) {
		r, ok := s.reviews[number]
		return cloned(r), ok
	})
}

// Pair implements mpi.Reviews.
func (s *Store) Pair(ctx context.Context, a, b concord.PatientRef) (mpi.Review, error) {
	if mpi.CompareRefs(a, b) > 0 {
		a, b = b, a
	}
	return s.reviewOf(ctx, pair{a: a, b: b})
}

// Overlay implements mpi.Reviews.
func (s *Store) Overlay(ctx context.Context, ref concord.PatientRef, mark string) (mpi.Review, error) {
	return s.reviewOf(ctx, pair{a: ref, mark: mark})
}

func (s *Store) reviewOf(ctx context.Context, p pair) (mpi.Review, error) {
	return look(ctx, s, "mpi review", func() (mpi.Review, bool) {
		n, ok := s.numbers[p]
		return cloned(s.reviews[n]), ok
	})
}

// Reviews implements mpi.Reviews.
func (s *Store) Reviews(ctx context.Context, state mpi.ReviewState, after int64) iter.Seq2[mpi.Review, error] {
	return walk(ctx, s, "mpi reviews", func() []int64 { return slices.Sorted(maps.Keys(s.reviews)) }, func(n int64) (mpi.Review, bool) {
		r := s.reviews[n]
		return cloned(r), n > after && (state == "" || r.State == state)
	})
}

// Keeps implements mpi.Records: what is in memory is at rest nowhere.
func (s *Store) Keeps() bool { return true }

func (s *Store) keep(r mpi.Record) {
	ref := r.Demographics.Ref
	for _, k := range s.records[ref].Keys {
		delete(s.blocks[k], ref)
	}
	for _, k := range r.Keys {
		if s.blocks[k] == nil {
			s.blocks[k] = map[concord.PatientRef]bool{}
		}
		s.blocks[k][ref] = true
	}
	s.records[ref] = r
}

// Record implements mpi.Records.
func (s *Store) Record(ctx context.Context, ref concord.PatientRef) (mpi.Record, error) {
	return look(ctx, s, "mpi record", func() (mpi.Record, bool) {
		r, ok := s.records[ref]
		return r.Clone(), ok
	})
}

// Blocked implements mpi.Records.
func (s *Store) Blocked(ctx context.Context, keys []uint64, most int) (found []mpi.Record, over int, err error) {
	_, err = look(ctx, s, "mpi blocked", func() (struct{}, bool) {
		seen := map[concord.PatientRef]bool{}
		for _, k := range slices.Compact(slices.Sorted(slices.Values(keys))) {
			if most > 0 && len(s.blocks[k]) > most {
				over++
				continue
			}
			for ref := range s.blocks[k] {
				if !seen[ref] {
					seen[ref] = true
					found = append(found, s.records[ref].Clone())
				}
			}
		}
		return struct{}{}, true
	})
	slices.SortFunc(found, func(a, b mpi.Record) int { return mpi.CompareRefs(a.Demographics.Ref, b.Demographics.Ref) })
	return found, over, err
}

// Records implements mpi.Records.
func (s *Store) Records(ctx context.Context, after concord.PatientRef) iter.Seq2[mpi.Record, error] {
	return walk(ctx, s, "mpi records", func() []concord.PatientRef {
		return slices.SortedFunc(maps.Keys(s.records), mpi.CompareRefs)
	}, func(ref concord.PatientRef) (mpi.Record, bool) {
		return s.records[ref].Clone(), mpi.CompareRefs(ref, after) > 0
	})
}
