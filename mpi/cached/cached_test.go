package cached_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"concord"
	"concord/mpi"
	"concord/mpi/cached"
	"concord/mpi/memstore"
	"concord/mpi/mpitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStore(t testing.TB, inner mpi.Backend, o cached.Options) *cached.Store {
	t.Helper()
	s, err := cached.New(inner, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestSuite(t *testing.T) {
	mpitest.Run(t, func(t *testing.T) mpitest.Fixture {
		return mpitest.Fixture{Backend: newStore(t, memstore.New(), cached.Options{})}
	})
}

// The suite again with a cache that can hold next to nothing.
func TestSuiteTiny(t *testing.T) {
	mpitest.Run(t, func(t *testing.T) mpitest.Fixture {
		return mpitest.Fixture{Backend: newStore(t, memstore.New(), cached.Options{Entries: 2})}
	})
}

func TestOptions(t *testing.T) {
	for _, o := range []cached.Options{{Entries: -1}, {TTL: -1}} {
		if _, err := cached.New(memstore.New(), o); concord.KindOf(err) != concord.Invalid {
			t.Errorf("error %v for %+v", err, o)
		}
	}
}

// counting counts what gets through, and can stop a read between the store and the cache.
type counting struct {
	mpi.Backend
	mu    sync.Mutex
	reads int
	hold  func()
	fail  error // Put stores, and says this
}

func (c *counting) count() {
	c.mu.Lock()
	c.reads++
	hold := c.hold
	c.mu.Unlock()
	if hold != nil {
		hold()
	}
}

func (c *counting) ByRef(ctx context.Context, ref concord.PatientRef) (mpi.Person, error) {
	p, err := c.Backend.ByRef(ctx, ref)
	c.count()
	return p, err
}

func (c *counting) Person(ctx context.Context, id mpi.PersonID) (mpi.Person, error) {
	p, err := c.Backend.Person(ctx, id)
	c.count()
	return p, err
}

func (c *counting) Find(ctx context.Context, typ, alias string) (mpi.StandIn, error) {
	a, err := c.Backend.Find(ctx, typ, alias)
	c.count()
	return a, err
}

func (c *counting) Put(ctx context.Context, p mpi.Person) (mpi.Person, error) {
	p, err := c.Backend.Put(ctx, p)
	if c.fail != nil {
		return mpi.Person{}, c.fail
	}
	return p, err
}

func (c *counting) taken() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.reads
	c.reads = 0
	return n
}

func link(source, id string) mpi.Link {
	return mpi.Link{Ref: concord.NewPatientRef(concord.SourceID(source), id), Grade: mpi.Certain, Score: 1, Rule: mpi.RuleSeed}
}

func TestHitsAskNobody(t *testing.T) {
	ctx := context.Background()
	inner := &counting{Backend: memstore.New()}
	s := newStore(t, inner, cached.Options{})
	mpitest.Fill(t, s, 1)
	ref := mpitest.Refs(1)[0]
	alias := mpi.StandIn{Source: "epic", Type: "Observation", ID: "long", Alias: "epic.h"}
	if err := inner.Save(ctx, []mpi.StandIn{alias}); err != nil {
		t.Fatal(err)
	}
	ask := func() {
		t.Helper()
		p, err := s.ByRef(ctx, ref)
		if err != nil || !p.Has(ref) {
			t.Fatalf("ByRef: %v", err)
		}
		if _, err := s.Person(ctx, p.ID); err != nil {
			t.Fatalf("Person: %v", err)
		}
		if a, err := s.Find(ctx, alias.Type, alias.Alias); err != nil || a != alias {
			t.Fatalf("Find: %v", err)
		}
	}
	ask()
	s.Wait()
	ask()
	s.Wait()
	inner.taken()
	for range 10 {
		ask()
	}
	if n := inner.taken(); n != 0 {
		t.Errorf("%d of 30 were asked of the store", n)
	}
}

func TestChangeInvalidates(t *testing.T) {
	ctx := context.Background()
	both := []mpi.Link{link("cerner", "2"), link("epic", "1")}
	tests := []struct {
		name   string
		fail   error
		change func(s *cached.Store, p mpi.Person) error
	}{
		{"a link less", nil, func(s *cached.Store, p mpi.Person) error {
			p.Links = both[:1]
			_, err := s.Put(ctx, p)
			return err
		}},
		{"deleted", nil, func(s *cached.Store, p mpi.Person) error {
			p.Links = nil
			_, err := s.Put(ctx, p)
			return err
		}},
		{"moved", nil, func(s *cached.Store, p mpi.Person) error {
			p.Links = both[:1]
			_, err := s.PutAll(ctx, p, mpi.Person{ID: "q", Links: both[1:]})
			return err
		}},
		{"stored although an error came back", &concord.Fault{Op: "test", Kind: concord.Unavailable}, func(s *cached.Store, p mpi.Person) error {
			p.Links = both[:1]
			if _, err := s.Put(ctx, p); concord.KindOf(err) != concord.Unavailable {
				return err
			}
			return nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inner := &counting{Backend: memstore.New()}
			s := newStore(t, inner, cached.Options{})
			p, err := s.Put(ctx, mpi.Person{ID: "p", Links: both})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 { // into the cache
				for _, l := range both {
					if _, err := s.ByRef(ctx, l.Ref); err != nil {
						t.Fatal(err)
					}
				}
				s.Wait()
			}
			inner.fail = tt.fail
			if err := tt.change(s, p); err != nil {
				t.Fatal(err)
			}
			got, err := s.ByRef(ctx, both[1].Ref)
			if err == nil && got.ID == "p" || err != nil && concord.KindOf(err) != concord.NotFound {
				t.Errorf("the old link: person %q, %v", got.ID, err)
			}
			if got, err := s.Person(ctx, "p"); err == nil && got.Has(both[1].Ref) {
				t.Error("the person still has the link")
			}
		})
	}
}

// A read that began before a change and comes to the cache after it leaves nothing there.
func TestLateFill(t *testing.T) {
	ctx := context.Background()
	inner := &counting{Backend: memstore.New()}
	s := newStore(t, inner, cached.Options{})
	gone := link("epic", "1")
	p, err := s.Put(ctx, mpi.Person{ID: "p", Links: []mpi.Link{link("cerner", "2"), gone}})
	if err != nil {
		t.Fatal(err)
	}
	read, proceed := make(chan struct{}), make(chan struct{})
	inner.hold = func() { close(read); <-proceed }
	var wg sync.WaitGroup
	wg.Go(func() {
		if old, err := s.ByRef(ctx, gone.Ref); err != nil || !old.Has(gone.Ref) {
			t.Errorf("the early read: %v", err)
		}
	})
	<-read
	inner.mu.Lock()
	inner.hold = nil
	inner.mu.Unlock()
	p.Links = p.Links[:1]
	if _, err := s.Put(ctx, p); err != nil {
		t.Fatal(err)
	}
	close(proceed)
	wg.Wait()
	s.Wait() // what the early read brought is in the cache now, if it is ever
	if got, err := s.ByRef(ctx, gone.Ref); concord.KindOf(err) != concord.NotFound {
		t.Errorf("the link that was taken away: person %q, %v", got.ID, err)
	}
	if got, err := s.Person(ctx, "p"); err != nil || got.Has(gone.Ref) {
		t.Errorf("the person still has it, or is not there: %v", err)
	}
}

// Writers take links away and give them back while readers fill the cache. No writer may see its own change undone.
func TestRace(t *testing.T) {
	ctx := context.Background()
	s := newStore(t, memstore.New(), cached.Options{Entries: 64})
	const writers, changes = 4, 300
	done := make(chan struct{})
	var readers, wg sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
					w := strconv.Itoa(i % writers)
					_, _ = s.ByRef(ctx, link("epic", w).Ref)
					_, _ = s.ByRef(ctx, link("cerner", w).Ref)
					_, _ = s.Person(ctx, mpi.PersonID("p"+w))
				}
			}
		})
	}
	for w := range writers {
		wg.Go(func() {
			name := strconv.Itoa(w)
			p := mpi.Person{ID: mpi.PersonID("p" + name)}
			for i := range changes {
				p.Links = []mpi.Link{link("cerner", name)}
				with := i%2 == 0
				if with {
					p.Links = append(p.Links, link("epic", name))
				}
				var err error
				if p, err = s.Put(ctx, p); err != nil {
					t.Errorf("Put: %v", err)
					return
				}
				got, err := s.ByRef(ctx, link("epic", name).Ref)
				if with != (err == nil) || err == nil && got.Version != p.Version {
					t.Errorf("after change %d: %v, version %d, want link: %t, version %d", i, err, got.Version, with, p.Version)
					return
				}
				if got, err = s.ByRef(ctx, link("cerner", name).Ref); err != nil || got.Version != p.Version {
					t.Errorf("after change %d: %v, version %d instead of %d", i, err, got.Version, p.Version)
					return
				}
			}
		})
	}
	wg.Wait()
	close(done)
	readers.Wait()
}

// What another process changed is seen when the entry has run out, or at once after a conflict.
func TestOtherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		shared := memstore.New()
		s := newStore(t, shared, cached.Options{TTL: 10 * time.Second})
		p, err := s.Put(ctx, mpi.Person{ID: "p", Links: []mpi.Link{link("epic", "1")}})
		if err != nil {
			t.Fatal(err)
		}
		version := func() int64 {
			t.Helper()
			p, err := s.ByRef(ctx, link("epic", "1").Ref)
			if err != nil {
				t.Fatal(err)
			}
			s.Wait()
			return p.Version
		}
		version()
		theirs, err := shared.Put(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if v := version(); v != 1 {
			t.Errorf("version %d: the cache did not hold the entry, so the test shows nothing", v)
		}
		time.Sleep(11 * time.Second)
		if v := version(); v != 2 {
			t.Errorf("version %d after the time to live, want 2", v)
		}
		if theirs, err = shared.Put(ctx, theirs); err != nil {
			t.Fatal(err)
		}
		if v := version(); v != 2 {
			t.Errorf("version %d: the cache did not hold the entry, so the test shows nothing", v)
		}
		if _, err := s.Put(ctx, p); concord.KindOf(err) != concord.Conflict {
			t.Fatal(err)
		}
		if v := version(); v != theirs.Version {
			t.Errorf("version %d after a conflict, want %d", v, theirs.Version)
		}
	})
}

func BenchmarkByRef(b *testing.B) {
	s := newStore(b, memstore.New(), cached.Options{})
	mpitest.Fill(b, s, 10_000)
	ctx := context.Background()
	refs := mpitest.Refs(10_000)
	for range 3 {
		for _, r := range refs {
			if _, err := s.ByRef(ctx, r); err != nil {
				b.Fatal(err)
			}
		}
		s.Wait()
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := s.ByRef(ctx, refs[i%len(refs)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
