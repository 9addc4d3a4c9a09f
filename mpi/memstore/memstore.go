// Package memstore keeps a master patient index in memory, for tests and trials. It keeps nothing across a restart.
package memstore

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"concord"
	"concord/mpi"
)

// Store is an mpi.Backend in memory. Its zero value is not usable; New makes one.
type Store struct {
	mu       sync.RWMutex
	persons  map[mpi.PersonID]mpi.Person
	refs     map[concord.PatientRef]mpi.PersonID
	retired  map[mpi.PersonID]mpi.Retired
	standIns map[standInKey]mpi.StandIn

	seq     int64
	changed map[mpi.PersonID]int64 // the seq of a person's last change
	events  []mpi.Event
	reviews map[int64]mpi.Review
	numbers map[pair]int64
	records map[concord.PatientRef]mpi.Record
	blocks  map[uint64]map[concord.PatientRef]bool
}

type standInKey struct{ resourceType, alias string }

// pair is what there is one review of.
type pair struct {
	a, b concord.PatientRef
	mark string
}

func pairOf(r mpi.Review) pair { return pair{r.A, r.B, r.Mark} }

var _ mpi.Backend = (*Store)(nil)

// New is an empty store.
func New() *Store {
	return &Store{persons: map[mpi.PersonID]mpi.Person{}, refs: map[concord.PatientRef]mpi.PersonID{}, retired: map[mpi.PersonID]mpi.Retired{},
		standIns: map[standInKey]mpi.StandIn{}, changed: map[mpi.PersonID]int64{}, reviews: map[int64]mpi.Review{}, numbers: map[pair]int64{},
		records: map[concord.PatientRef]mpi.Record{}, blocks: map[uint64]map[concord.PatientRef]bool{}}
}

func fault(op string, k concord.Kind) error { return &concord.Fault{Op: op, Kind: k} }

// Person implements mpi.Store.
func (s *Store) Person(ctx context.Context, id mpi.PersonID) (mpi.Person, error) {
	return look(ctx, s, "mpi person", func() (mpi.Person, bool) {
		p, ok := s.persons[id]
		return p.Clone(), ok
	})
}

// ByRef implements mpi.Store.
func (s *Store) ByRef(ctx context.Context, ref concord.PatientRef) (mpi.Person, error) {
	return look(ctx, s, "mpi by ref", func() (mpi.Person, bool) {
		p, ok := s.persons[s.refs[ref]]
		return p.Clone(), ok
	})
}

// Retired implements mpi.Store.
func (s *Store) Retired(ctx context.Context, id mpi.PersonID) (mpi.Retired, error) {
	return look(ctx, s, "mpi retired", func() (mpi.Retired, bool) {
		r, ok := s.retired[id]
		r.Into = slices.Clone(r.Into)
		_, again := s.persons[id]
		return r, ok && !again
	})
}

// look finds one thing; NotFound without it.
func look[T any](ctx context.Context, s *Store, op string, find func() (T, bool)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, mpi.ContextFault(op, err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := find()
	if !ok {
		return zero, fault(op, concord.NotFound)
	}
	return v, nil
}

// Put implements mpi.Store.
func (s *Store) Put(ctx context.Context, p mpi.Person) (mpi.Person, error) {
	all, err := s.PutAll(ctx, p)
	if err != nil {
		return mpi.Person{}, err
	}
	return all[0], nil
}

// PutAll implements mpi.Store.
func (s *Store) PutAll(ctx context.Context, all ...mpi.Person) ([]mpi.Person, error) {
	return s.Apply(ctx, mpi.Change{Persons: all})
}

// Apply implements mpi.Store.
func (s *Store) Apply(ctx context.Context, c mpi.Change) ([]mpi.Person, error) {
	if err := ctx.Err(); err != nil {
		return nil, mpi.ContextFault("mpi put", err)
	}
	c, err := c.Canonical()
	if err != nil || c.Empty() {
		return c.Persons, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(c); err != nil {
		return nil, err
	}
	s.seq++
	s.put(c.Persons)
	for _, r := range c.Retired {
		r.Into = slices.Clone(r.Into)
		s.retired[r.ID], s.changed[r.ID] = r, s.seq
	}
	for i, e := range c.Events {
		if i > 0 {
			s.seq++
		}
		e.Seq = s.seq
		s.events = append(s.events, e)
	}
	for _, r := range c.Queue {
		s.queue(r)
	}
	for _, r := range c.Settle {
		s.settle(r)
	}
	for _, r := range c.Records {
		s.keep(r)
	}
	return c.Persons, nil
}

// check tells whether c can be applied as a whole.
func (s *Store) check(c mpi.Change) error {
	ours := map[mpi.PersonID]bool{}
	for _, p := range c.Persons {
		if s.persons[p.ID].Version != p.Version {
			return fault("mpi put", concord.Conflict)
		}
		ours[p.ID] = true
	}
	for _, p := range c.Persons {
		for _, l := range p.Links {
			if owner, linked := s.refs[l.Ref]; linked && !ours[owner] {
				return fault("mpi put", concord.Conflict)
			}
		}
	}
	for _, r := range c.Settle {
		if r.Number != 0 && s.reviews[r.Number].State != mpi.ReviewOpen {
			return fault("mpi put", concord.Conflict)
		}
	}
	return nil
}

func (s *Store) put(all []mpi.Person) {
	for _, p := range all {
		for _, l := range s.persons[p.ID].Links {
			delete(s.refs, l.Ref)
		}
	}
	for i := range all {
		p := &all[i]
		s.changed[p.ID] = s.seq
		if len(p.Links) == 0 {
			if _, was := s.persons[p.ID]; was {
				s.retired[p.ID] = mpi.Retired{ID: p.ID}
			}
			p.Version = 0
			delete(s.persons, p.ID)
			continue
		}
		p.Version++
		s.persons[p.ID] = p.Clone()
		for _, l := range p.Links {
			s.refs[l.Ref] = p.ID
		}
	}
}

// All implements mpi.Store. Persons made while it runs may be missing.
func (s *Store) All(ctx context.Context) iter.Seq2[mpi.Person, error] {
	return walk(ctx, s, "mpi all", func() []mpi.PersonID { return slices.Sorted(maps.Keys(s.persons)) },
		func(id mpi.PersonID) (mpi.Person, bool) {
			p, ok := s.persons[id]
			return p.Clone(), ok
		})
}

// walk is everything that keys names and is there when its turn comes.
func walk[K, V any](ctx context.Context, s *Store, op string, keys func() []K, get func(K) (V, bool)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		s.mu.RLock()
		all := keys()
		s.mu.RUnlock()
		for i := 0; ; i++ {
			var zero V
			if err := ctx.Err(); err != nil {
				yield(zero, mpi.ContextFault(op, err))
				return
			}
			if i == len(all) {
				return
			}
			s.mu.RLock()
			v, ok := get(all[i])
			s.mu.RUnlock()
			if ok && !yield(v, nil) {
				return
			}
		}
	}
}

// Save implements mpi.StandIns.
func (s *Store) Save(ctx context.Context, all []mpi.StandIn) error {
	if err := ctx.Err(); err != nil {
		return mpi.ContextFault("mpi save", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := map[standInKey]mpi.StandIn{}
	for _, a := range all {
		k := standInKey{a.Type, a.Alias}
		had, ok := s.standIns[k]
		if !ok {
			had, ok = fresh[k]
		}
		if ok && had != a {
			return fault("mpi save", concord.Conflict)
		}
		fresh[k] = a
	}
	maps.Copy(s.standIns, fresh)
	return nil
}

// Find implements mpi.StandIns.
func (s *Store) Find(ctx context.Context, resourceType, alias string) (mpi.StandIn, error) {
	return look(ctx, s, "mpi find", func() (mpi.StandIn, bool) {
		a, ok := s.standIns[standInKey{resourceType, alias}]
		return a, ok
	})
}
