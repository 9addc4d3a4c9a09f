package cached

import (
	"context"
	"sync"
	"time"

	"concord"
	"concord/mpi"
)

// syncLimit bounds one read of what has changed: a store that does not answer within it can't be reached.
const syncLimit = 5 * time.Second

// syncing is the reads of what has changed in the store.
type syncing struct {
	mu    sync.Mutex
	now   *syncRead // under way; nil for none
	next  *syncRead // begins when now has ended; nil when nobody waits for one
	reads sync.WaitGroup
	seq   int64 // up to where all changes are known; only the read that is under way uses it
	begun bool  // whether seq means anything
}

// syncRead is one read, for whoever waits for it.
type syncRead struct {
	done chan struct{}
	err  error // once done is closed
}

// Sync makes invalid what any process has changed in the store, up to the moment at which Sync was called at the earliest.
// Call it at the start of whatever must obey all decisions that were made before, such as a gateway's request. Callers at
// the same time share one read of the store, which begins after the last of them has called. An error, which is a
// *concord.Fault, says that the store can't tell what has changed: then nothing that is remembered may be used.
func (s *Store) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return mpi.ContextFault("mpi sync", err)
	}
	r := s.join(ctx)
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return mpi.ContextFault("mpi sync", ctx.Err())
	}
}

// join is the first read that has not begun yet.
func (s *Store) join(ctx context.Context) *syncRead {
	y := &s.sync
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.now != nil {
		if y.next == nil {
			y.next = &syncRead{done: make(chan struct{})}
		}
		return y.next
	}
	y.now = &syncRead{done: make(chan struct{})}
	r := y.now
	ctx = context.WithoutCancel(ctx) // it is everybody's
	y.reads.Go(func() { s.readOn(ctx) })
	return r
}

// readOn reads for as long as somebody waits for a read.
func (s *Store) readOn(ctx context.Context) {
	y := &s.sync
	y.mu.Lock()
	r := y.now
	y.mu.Unlock()
	for r != nil {
		r.err = s.catchUp(ctx)
		y.mu.Lock()
		done := r.done
		r, y.next = y.next, nil
		y.now = r
		y.mu.Unlock()
		close(done)
	}
}

// catchUp reads what has changed since the last time. A panic of the store is an error like others.
func (s *Store) catchUp(ctx context.Context) (err error) {
	defer func() {
		if recover() != nil {
			err = &concord.Fault{Op: "mpi sync", Kind: concord.Internal}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, syncLimit)
	defer cancel()
	y := &s.sync
	since := y.seq
	if !y.begun {
		since = 1<<63 - 1 // whatever is remembered from before the first read may be old
	}
	c, err := s.inner.Changes(ctx, since)
	if err != nil {
		return err
	}
	if c.All || !y.begun {
		s.spoilAll()
	}
	for _, id := range c.Persons {
		s.spoil(id)
	}
	y.seq, y.begun = c.Seq, true
	return nil
}

// spoilAll makes invalid all that was read of persons before now.
func (s *Store) spoilAll() {
	now := s.clock.Add(1)
	for i := range s.ended {
		raise(&s.ended[i], now)
	}
}
