package cached_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"concord"
	"concord/mpi"
	"concord/mpi/cached"
	"concord/mpi/memstore"
)

// journal counts the reads of what has changed, and can hold one up or fail.
type journal struct {
	mpi.Backend
	reads atomic.Int64
	hold  func(ctx context.Context) error
}

func (j *journal) Changes(ctx context.Context, since int64) (mpi.Changes, error) {
	j.reads.Add(1)
	if j.hold != nil {
		if err := j.hold(ctx); err != nil {
			return mpi.Changes{}, err
		}
	}
	return j.Backend.Changes(ctx, since)
}

// What any process has changed is seen by whoever asks after the next Sync, and all else is still remembered.
func TestSyncSeesOthers(t *testing.T) {
	ctx := context.Background()
	shared := memstore.New()
	inner := &counting{Backend: shared}
	s := newStore(t, inner, cached.Options{TTL: time.Hour})
	theirs := mpi.NewIndex(shared).By("them")
	both := []mpi.Link{link("cerner", "2"), link("epic", "1")}
	p, err := shared.Put(ctx, mpi.Person{ID: "p", Links: both})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Put(ctx, mpi.Person{ID: "far", Links: []mpi.Link{link("epic", "9")}}); err != nil {
		t.Fatal(err)
	}
	ask := func(l mpi.Link) (mpi.Person, error) {
		t.Helper()
		defer s.Wait()
		return s.ByRef(ctx, l.Ref)
	}
	fill := func() {
		t.Helper()
		if err := s.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			for _, l := range append(both, link("epic", "9")) {
				if _, err := ask(l); err != nil {
					t.Fatal(err)
				}
			}
		}
		inner.taken()
	}
	changes := []struct {
		name   string
		change func() error
	}{
		{"unlinked", func() error { _, _, err := theirs.Unlink(ctx, p.ID, both[0].Ref); return err }},
		{"linked again", func() error {
			p, err := shared.ByRef(ctx, both[1].Ref)
			if err == nil {
				_, err = theirs.Link(ctx, p.ID, both[0].Ref)
			}
			return err
		}},
		{"deleted", func() error {
			p, err := shared.ByRef(ctx, both[1].Ref)
			if err == nil {
				p.Links = p.Links[:0]
				_, err = shared.Put(ctx, p)
			}
			return err
		}},
	}
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			fill()
			old, err := ask(both[0])
			if err != nil || inner.taken() != 0 {
				t.Fatalf("%v: the cache does not hold it, so the test shows nothing", err)
			}
			if err := tt.change(); err != nil {
				t.Fatal(err)
			}
			if err := s.Sync(ctx); err != nil {
				t.Fatal(err)
			}
			for _, l := range both {
				want, missing := shared.ByRef(ctx, l.Ref)
				got, err := ask(l)
				if got.ID != want.ID || got.Version != want.Version || concord.KindOf(err) != concord.KindOf(missing) {
					t.Errorf("%q version %d, %v, instead of %q version %d, %v", got.ID, got.Version, err, want.ID, want.Version, missing)
				}
			}
			if _, err := s.Person(ctx, old.ID); err == nil && old.ID != "p" {
				t.Error("the old id still names somebody")
			}
			inner.taken()
			if _, err := ask(link("epic", "9")); err != nil || inner.taken() != 0 {
				t.Errorf("%v: somebody who did not change was forgotten", err)
			}
		})
	}
}

// The first Sync trusts nothing that is remembered from before it.
func TestFirstSync(t *testing.T) {
	ctx := context.Background()
	shared := memstore.New()
	p, err := shared.Put(ctx, mpi.Person{ID: "p", Links: []mpi.Link{link("epic", "1")}})
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t, shared, cached.Options{})
	for range 3 {
		if _, err := s.Person(ctx, "p"); err != nil {
			t.Fatal(err)
		}
		s.Wait()
	}
	if _, err := shared.Put(ctx, p); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Person(ctx, "p"); err != nil || got.Version != 2 {
		t.Errorf("%v, version %d", err, got.Version)
	}
}

// All who call while a read is under way share the one after it, whose result holds for them: it begins after they called.
func TestSyncIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		proceed := make(chan struct{})
		j := &journal{Backend: memstore.New(), hold: func(context.Context) error { <-proceed; return nil }}
		s := newStore(t, j, cached.Options{})
		defer s.Close()
		var wg sync.WaitGroup
		var early, late atomic.Int64
		wg.Go(func() {
			if err := s.Sync(ctx); err != nil {
				t.Error(err)
			}
			early.Add(1)
		})
		synctest.Wait()
		for range 50 {
			wg.Go(func() {
				if err := s.Sync(ctx); err != nil {
					t.Error(err)
				}
				late.Add(1)
			})
		}
		synctest.Wait()
		proceed <- struct{}{}
		synctest.Wait()
		if early.Load() != 1 || late.Load() != 0 || j.reads.Load() != 2 {
			t.Errorf("%d early and %d late ones are done, after %d reads", early.Load(), late.Load(), j.reads.Load())
		}
		proceed <- struct{}{}
		wg.Wait()
		if j.reads.Load() != 2 {
			t.Errorf("%d reads for 51 callers", j.reads.Load())
		}
	})
}

func TestSyncFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		j := &journal{Backend: memstore.New()}
		s := newStore(t, j, cached.Options{})
		defer s.Close()
		p, err := s.Put(ctx, mpi.Person{ID: "p", Links: []mpi.Link{link("epic", "1")}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		failures := map[string]struct {
			hold func(context.Context) error
			want concord.Kind
		}{
			"the store is away":   {func(context.Context) error { return &concord.Fault{Op: "test", Kind: concord.Unavailable} }, concord.Unavailable},
			"the store hangs":     {func(ctx context.Context) error { <-ctx.Done(); return mpi.ContextFault("test", ctx.Err()) }, concord.Timeout},
			"the store goes wild": {func(context.Context) error { panic("wild") }, concord.Internal},
		}
		for name, f := range failures {
			j.hold = f.hold
			if err := s.Sync(ctx); concord.KindOf(err) != f.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := j.Put(ctx, p); err != nil { // what was missed meanwhile comes with the next
			t.Fatal(err)
		}
		if _, err := s.Person(ctx, "p"); err != nil {
			t.Fatal(err)
		}
		j.hold = nil
		if err := s.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Person(ctx, "p"); err != nil || got.Version != 2 {
			t.Errorf("%v, version %d", err, got.Version)
		}
		j.hold = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		canceled, cancel := context.WithCancel(ctx)
		go func() { time.Sleep(time.Second); cancel() }()
		if err := s.Sync(canceled); concord.KindOf(err) != concord.Canceled {
			t.Errorf("a caller that goes away: %v", err)
		}
		if err := s.Sync(canceled); concord.KindOf(err) != concord.Canceled {
			t.Errorf("a caller that is gone: %v", err)
		}
	})
}

// Many change persons behind the cache's back, and each finds its change right after a Sync.
func TestSyncRace(t *testing.T) {
	ctx := context.Background()
	shared := memstore.New()
	s := newStore(t, shared, cached.Options{Entries: 1000, TTL: time.Hour})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			name := strconv.Itoa(w)
			p := mpi.Person{ID: mpi.PersonID("p" + name), Links: []mpi.Link{link("epic", name)}}
			for range 200 {
				var err error
				if p, err = shared.Put(ctx, p); err != nil {
					t.Errorf("Put: %v", err)
					return
				}
				if err := s.Sync(ctx); err != nil {
					t.Errorf("Sync: %v", err)
					return
				}
				for range 3 {
					if got, err := s.ByRef(ctx, link("epic", name).Ref); err != nil || got.Version != p.Version {
						t.Errorf("%v, version %d instead of %d", err, got.Version, p.Version)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkSync(b *testing.B) {
	s := newStore(b, memstore.New(), cached.Options{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Sync(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
