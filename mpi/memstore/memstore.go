// Package memstore keeps persons and stand-ins in memory, for tests and trials. It keeps nothing across a restart.
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
	standIns map[standInKey]mpi.StandIn
}

type standInKey struct{ resourceType, alias string }

var _ mpi.Backend = (*Store)(nil)

// New is an empty store.
func New() *Store {
	return &Store{persons: map[mpi.PersonID]mpi.Person{}, refs: map[concord.PatientRef]mpi.PersonID{}, standIns: map[standInKey]mpi.StandIn{}}
}

func fault(op string, k concord.Kind) error { return &concord.Fault{Op: op, Kind: k} }

// Person implements mpi.Store.
func (s *Store) Person(ctx context.Context, id mpi.PersonID) (mpi.Person, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Person{}, mpi.ContextFault("mpi person", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.persons[id]
	if !ok {
		return mpi.Person{}, fault("mpi person", concord.NotFound)
	}
	return p.Clone(), nil
}

// ByRef implements mpi.Store.
func (s *Store) ByRef(ctx context.Context, ref concord.PatientRef) (mpi.Person, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Person{}, mpi.ContextFault("mpi by ref", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.persons[s.refs[ref]]
	if !ok {
		return mpi.Person{}, fault("mpi by ref", concord.NotFound)
	}
	return p.Clone(), nil
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
	if err := ctx.Err(); err != nil {
		return nil, mpi.ContextFault("mpi put", err)
	}
	put, err := mpi.CanonicalAll(all)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ours := map[mpi.PersonID]bool{}
	for _, p := range put {
		if s.persons[p.ID].Version != p.Version {
			return nil, fault("mpi put", concord.Conflict)
		}
		ours[p.ID] = true
	}
	for _, p := range put {
		for _, l := range p.Links {
			if owner, linked := s.refs[l.Ref]; linked && !ours[owner] {
				return nil, fault("mpi put", concord.Conflict)
			}
		}
	}
	for _, p := range put {
		for _, l := range s.persons[p.ID].Links {
			delete(s.refs, l.Ref)
		}
	}
	for i := range put {
		p := &put[i]
		if len(p.Links) == 0 {
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
	return put, nil
}

// All implements mpi.Store. Persons made while it runs may be missing.
func (s *Store) All(ctx context.Context) iter.Seq2[mpi.Person, error] {
	return func(yield func(mpi.Person, error) bool) {
		s.mu.RLock()
		ids := slices.Sorted(maps.Keys(s.persons))
		s.mu.RUnlock()
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				yield(mpi.Person{}, mpi.ContextFault("mpi all", err))
				return
			}
			s.mu.RLock()
			p, ok := s.persons[id]
			p = p.Clone()
			s.mu.RUnlock()
			if ok && !yield(p, nil) {
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
	if err := ctx.Err(); err != nil {
		return mpi.StandIn{}, mpi.ContextFault("mpi find", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.standIns[standInKey{resourceType, alias}]
	if !ok {
		return mpi.StandIn{}, fault("mpi find", concord.NotFound)
	}
	return a, nil
}
