package commit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"concord"
	"concord/audit"
	"concord/audit/commit"
	"concord/audit/sinktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBatches: no batch is larger than allowed, every record is in one, and a panic refuses its own batch only.
func TestBatches(t *testing.T) {
	var mu sync.Mutex
	written, panicked := 0, 0
	g := commit.New(commit.Options{Object: 2000, Batch: 3000, Overhead: 10, Write: func(batch []*commit.Item) error {
		mu.Lock()
		defer mu.Unlock()
		size := 0
		for _, w := range batch {
			size += len(w.Object) + 10
		}
		if len(batch) > 1 && size > 3000 {
			t.Errorf("%d bytes in a batch", size)
		}
		if panicked == 0 {
			panicked = len(batch)
			panic("disk driver")
		}
		written += len(batch)
		return nil
	}})
	var wg sync.WaitGroup
	refused := 0
	for range 50 {
		wg.Go(func() {
			for range 10 {
				if err := g.Append(context.Background(), sinktest.Event("r")); errors.Is(err, concord.Unavailable) {
					mu.Lock()
					refused++
					mu.Unlock()
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if written+refused != 500 || refused != panicked {
		t.Errorf("%d written, %d refused, %d in the batch that panicked", written, refused, panicked)
	}
}

// TestHealth: a group that has written nothing may have to prove itself, and one that failed must.
func TestHealth(t *testing.T) {
	var fail error
	probes := 0
	g := commit.New(commit.Options{Object: 2000, Batch: 3000, Unproven: true, Write: func(batch []*commit.Item) error {
		for _, w := range batch {
			if w.Checkpoint {
				probes++
			}
		}
		return fail
	}})
	defer func() { _ = g.Close() }()
	for i, c := range []struct {
		fail   error
		append bool
		want   concord.Kind
		probes int
	}{
		{nil, false, concord.Unknown, 1}, // unproven
		{nil, false, concord.Unknown, 1}, // proven
		{errors.New("x"), true, concord.Unavailable, 2},
		{errors.New("x"), false, concord.Unavailable, 3},
		{nil, true, concord.Unknown, 3}, // an Append that succeeds is proof enough
		{nil, false, concord.Unknown, 3},
	} {
		fail = c.fail
		if c.append {
			if err := g.Append(t.Context(), sinktest.Event("r")); concord.KindOf(err) != c.want {
				t.Errorf("step %d: append: %v", i, err)
			}
		}
		if err := g.Health(t.Context()); concord.KindOf(err) != c.want || probes != c.probes {
			t.Errorf("step %d: %v after %d probes, want %v after %d", i, err, probes, c.want, c.probes)
		}
	}
	if err := g.Append(t.Context(), audit.Event{Type: audit.EventSealed}); !errors.Is(err, concord.Invalid) {
		t.Errorf("a sink's own event: %v", err)
	}
}

// TestOwed: a checkpoint that is owed comes in time, and at the end.
func TestOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		owed := false
		var at []time.Duration
		began := time.Now()
		g := commit.New(commit.Options{Object: 2000, Batch: 3000, Interval: time.Minute, Owed: func() bool { return owed },
			Write: func(batch []*commit.Item) error {
				owed = !batch[len(batch)-1].Checkpoint
				if !owed {
					at = append(at, time.Since(began))
				}
				return nil
			}})
		if err := g.Append(t.Context(), sinktest.Event("r")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(150 * time.Second)
		if err := g.Append(t.Context(), sinktest.Event("r")); err != nil {
			t.Fatal(err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		if len(at) != 2 || at[0] != time.Minute || at[1] != 150*time.Second {
			t.Errorf("checkpoints at %v", at)
		}
	})
}
