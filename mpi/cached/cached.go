// Package cached keeps persons and stand-ins that were asked for in memory, in front of a store. It never gives a link that
// a change made through it has taken away, nor one that any process had taken away before the last Sync, and remembers
// nobody's absence.
package cached

import (
	"context"
	"hash/maphash"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"concord"
	"concord/mpi"
)

// Options bound the cache. Zero fields mean the defaults.
type Options struct {
	// Entries is how many persons, links and stand-ins are kept, each counting as one; default 200,000, some 100 MB.
	Entries int64
	// TTL is how long a person is kept, which bounds how long a change by another process goes unseen by who never calls
	// Sync; default 1 minute.
	TTL time.Duration
}

// shards is over how many counters persons are spread: a change spoils what is being read of one in as many.
const shards = 1024

// Store is an mpi.Backend in front of another. Close it when done; the other is the caller's to close.
//
// A person is valid as long as no change to a person of its shard has ended since before the person was read. The cache
// itself may apply what it is told late or never, so nothing rests on it: an entry that comes too late is invalid. A
// patient's entry says only which person to look at, and that person then has to have the link.
type Store struct {
	past

	inner mpi.Backend
	cache *ristretto.Cache[uint64, entry]
	ttl   time.Duration
	seed  maphash.Seed
	clock atomic.Uint64         // counts changes
	ended [shards]atomic.Uint64 // the clock at the last change's end, for each shard
	sync  syncing
}

// past is what goes past the cache.
type past interface {
	mpi.Journal
	mpi.Reviews
	mpi.Records
}

// entry is one of the three.
type entry struct {
	person  *mpi.Person // never changed
	readAt  uint64      // the clock before the person was read
	id      mpi.PersonID
	standIn *mpi.StandIn
}

var _ mpi.Backend = (*Store)(nil)

// New is a cache in front of inner. Its error is a *concord.Fault of Kind Invalid, for options that no cache can have.
func New(inner mpi.Backend, o Options) (*Store, error) {
	if o.Entries == 0 {
		o.Entries = 200_000
	}
	if o.TTL == 0 {
		o.TTL = time.Minute
	}
	if o.Entries < 0 || o.TTL < 0 {
		return nil, &concord.Fault{Op: "mpi cache", Kind: concord.Invalid}
	}
	c, err := ristretto.NewCache(&ristretto.Config[uint64, entry]{NumCounters: 10 * o.Entries, MaxCost: o.Entries, BufferItems: 64, IgnoreInternalCost: true})
	if err != nil {
		return nil, &concord.Fault{Op: "mpi cache", Kind: concord.Invalid, Err: err}
	}
	return &Store{past: inner, inner: inner, cache: c, ttl: o.TTL, seed: maphash.MakeSeed()}, nil
}

// Close ends the cache's goroutines. Only what is not under way any more may have used the store.
func (s *Store) Close() {
	s.sync.reads.Wait()
	s.cache.Close()
}

// Keys are hashes, so that nothing is kept of what they are made of. Two things of one key are told apart by their entries.
func (s *Store) personKey(id mpi.PersonID) uint64     { return maphash.String(s.seed, string(id)) }
func (s *Store) refKey(ref concord.PatientRef) uint64 { return maphash.Comparable(s.seed, ref) }
func (s *Store) standInKey(typ, alias string) uint64 {
	return maphash.Comparable(s.seed, [2]string{typ, alias})
}
func (s *Store) shard(id mpi.PersonID) int { return int(s.personKey(id) % shards) }
func (s *Store) valid(e entry) bool        { return e.readAt >= s.ended[s.shard(e.person.ID)].Load() }
func has(p *mpi.Person, ref concord.PatientRef) bool {
	return slices.ContainsFunc(p.Links, func(l mpi.Link) bool { return l.Ref == ref })
}

// known is the person, if it is in the cache and valid.
func (s *Store) known(id mpi.PersonID) *mpi.Person {
	if e, ok := s.cache.Get(s.personKey(id)); ok && e.person != nil && e.person.ID == id && s.valid(e) {
		return e.person
	}
	return nil
}

// remember keeps a person that was read when the clock stood at readAt or later.
func (s *Store) remember(p mpi.Person, readAt uint64) {
	own := p.Clone()
	s.cache.SetWithTTL(s.personKey(p.ID), entry{person: &own, readAt: readAt}, 1, s.ttl)
}

// Person implements mpi.Store.
func (s *Store) Person(ctx context.Context, id mpi.PersonID) (mpi.Person, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Person{}, mpi.ContextFault("mpi person", err)
	}
	if p := s.known(id); p != nil {
		return p.Clone(), nil
	}
	readAt := s.clock.Load()
	p, err := s.inner.Person(ctx, id)
	if err == nil {
		s.remember(p, readAt)
	}
	return p, err
}

// ByRef implements mpi.Store.
func (s *Store) ByRef(ctx context.Context, ref concord.PatientRef) (mpi.Person, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Person{}, mpi.ContextFault("mpi by ref", err)
	}
	if !mpi.IsPatient(ref) {
		return mpi.Person{}, &concord.Fault{Op: "mpi by ref", Kind: concord.NotFound}
	}
	key := s.refKey(ref)
	e, pointed := s.cache.Get(key)
	if pointed {
		if p := s.known(e.id); p != nil && has(p, ref) {
			return p.Clone(), nil
		}
	}
	readAt := s.clock.Load()
	p, err := s.inner.ByRef(ctx, ref)
	if err == nil {
		s.remember(p, readAt)
		if !pointed || e.id != p.ID {
			s.cache.SetWithTTL(key, entry{id: p.ID}, 1, 0)
		}
	}
	return p, err
}

// Put implements mpi.Store.
func (s *Store) Put(ctx context.Context, p mpi.Person) (mpi.Person, error) {
	defer s.forget(p)
	return s.inner.Put(ctx, p)
}

// PutAll implements mpi.Store.
func (s *Store) PutAll(ctx context.Context, all ...mpi.Person) ([]mpi.Person, error) {
	defer s.forget(all...)
	return s.inner.PutAll(ctx, all...)
}

// Apply implements mpi.Store.
func (s *Store) Apply(ctx context.Context, c mpi.Change) ([]mpi.Person, error) {
	defer s.forget(c.Persons...)
	return s.inner.Apply(ctx, c)
}

// Retired implements mpi.Store, past the cache.
func (s *Store) Retired(ctx context.Context, id mpi.PersonID) (mpi.Retired, error) {
	return s.inner.Retired(ctx, id)
}

// forget makes invalid what was read of the persons before now. It runs after each change, also after one that failed: it
// may be in the store for all that, and a conflict says that another process has changed what is here.
func (s *Store) forget(all ...mpi.Person) {
	for _, p := range all {
		s.spoil(p.ID)
		for _, l := range p.Links { // the owner by what is known here; in a conflict that may be what is wrong
			if !mpi.IsPatient(l.Ref) {
				continue
			}
			if e, ok := s.cache.Get(s.refKey(l.Ref)); ok && e.id != p.ID {
				s.spoil(e.id)
			}
		}
	}
}

func (s *Store) spoil(id mpi.PersonID) {
	raise(&s.ended[s.shard(id)], s.clock.Add(1))
	s.cache.Del(s.personKey(id))
}

// raise makes at least now of it.
func raise(at *atomic.Uint64, now uint64) {
	for old := at.Load(); old < now && !at.CompareAndSwap(old, now); old = at.Load() {
	}
}

// All implements mpi.Store, past the cache.
func (s *Store) All(ctx context.Context) iter.Seq2[mpi.Person, error] { return s.inner.All(ctx) }

// Save implements mpi.StandIns. What is known to be saved is not saved again.
func (s *Store) Save(ctx context.Context, all []mpi.StandIn) error {
	if err := ctx.Err(); err != nil {
		return mpi.ContextFault("mpi save", err)
	}
	fresh := slices.DeleteFunc(slices.Clone(all), func(a mpi.StandIn) bool {
		e, ok := s.cache.Get(s.standInKey(a.Type, a.Alias))
		return ok && e.standIn != nil && *e.standIn == a
	})
	if len(fresh) == 0 {
		return nil
	}
	if err := s.inner.Save(ctx, fresh); err != nil {
		return err
	}
	for _, a := range fresh {
		s.cache.Set(s.standInKey(a.Type, a.Alias), entry{standIn: &a}, 1)
	}
	return nil
}

// Find implements mpi.StandIns.
func (s *Store) Find(ctx context.Context, resourceType, alias string) (mpi.StandIn, error) {
	if err := ctx.Err(); err != nil {
		return mpi.StandIn{}, mpi.ContextFault("mpi find", err)
	}
	key := s.standInKey(resourceType, alias)
	if e, ok := s.cache.Get(key); ok && e.standIn != nil && e.standIn.Type == resourceType && e.standIn.Alias == alias {
		return *e.standIn, nil
	}
	a, err := s.inner.Find(ctx, resourceType, alias)
	if err == nil {
		s.cache.Set(key, entry{standIn: &a}, 1)
	}
	return a, err
}
