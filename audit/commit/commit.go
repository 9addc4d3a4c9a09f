// Package commit lets many callers share one durable write: what waits while one write is under way is the next. It will
// not answer anybody before the write that holds its record is done.
package commit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"concord"
	"concord/audit"
)

// Item is one record to be written, or the wish for a checkpoint.
type Item struct {
	Object     []byte // the record as one JSON object; empty for a checkpoint
	Checkpoint bool   // prove that the sink can write, and state where it stands

	done chan error // holds one answer, so that answering never blocks
}

// Options say how a Group writes. Write is required.
type Options struct {
	Write    func(batch []*Item) error             // keeps the whole batch or nothing of it; never called twice at once; a panic is a failure
	Encode   func(b []byte, e *audit.Event) []byte // appends the record to b, or nothing for an event that this sink does not keep; nil: Event.AppendJSON
	Object   int                                   // bytes of the largest object
	Batch    int                                   // bytes of the largest batch, Overhead included
	Overhead int                                   // bytes that Write adds to an object at most
	Interval time.Duration                         // how long a checkpoint may be owed; 0: for ever
	Owed     func() bool                           // whether one is, asked between writes only; nil: never
	Unproven bool                                  // Health tries before it trusts, even if nothing was written yet
}

// Group is a queue and the one goroutine that writes what is in it. Its methods are safe for concurrent use.
type Group struct {
	opts Options
	pool sync.Pool // of *Item

	mu      sync.Mutex // guards the next three
	queue   []*Item
	closing bool
	bad     error // why the last attempt failed; nil when it did not

	wake  chan struct{} // a token says that the queue is not empty
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once
	err   error // of the last checkpoint
	batch []*Item
}

// New starts a Group. Whoever calls it calls Close.
func New(o Options) *Group {
	if o.Encode == nil {
		o.Encode = func(b []byte, e *audit.Event) []byte { return e.AppendJSON(b) }
	}
	if o.Owed == nil {
		o.Owed = func() bool { return false }
	}
	g := &Group{opts: o, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	g.pool.New = func() any { return &Item{done: make(chan error, 1)} }
	if o.Unproven {
		g.bad = fault(concord.Unavailable, errors.New("nothing was written yet"))
	}
	go g.run()
	return g
}

// Append makes e durable by way of Write. See audit.Sink for what its errors mean.
func (g *Group) Append(ctx context.Context, e audit.Event) error {
	if e.Type == audit.EventNone || e.Type.OfSink() {
		return fault(concord.Invalid, errors.New("event type"))
	}
	w, _ := g.pool.Get().(*Item)
	w.Object = g.opts.Encode(w.Object[:0], &e)
	if len(w.Object) > g.opts.Object {
		return fault(concord.Invalid, errors.New("record too long"))
	}
	err := g.submit(ctx, w)
	if err == nil { // after an error the writer may still hold it
		g.pool.Put(w)
	}
	return err
}

// Health is nil when the last attempt to write succeeded; otherwise it tries again, with a checkpoint, and tells how that
// went. So a sink that recovers becomes healthy even when no request is let through to find out.
func (g *Group) Health(ctx context.Context) error {
	g.mu.Lock()
	bad := g.bad
	g.mu.Unlock()
	if bad == nil {
		return nil
	}
	return g.Prove(ctx)
}

// Prove writes a checkpoint, whatever the last attempt was.
func (g *Group) Prove(ctx context.Context) error {
	return g.submit(ctx, &Item{Checkpoint: true, done: make(chan error, 1)})
}

// Waiting is how many records the writer has not taken yet.
func (g *Group) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.queue)
}

// Close writes what waits, and a last checkpoint if one is owed, whose error it returns. Later Appends are Unavailable.
func (g *Group) Close() error {
	g.once.Do(func() {
		g.mu.Lock()
		g.closing = true
		g.mu.Unlock()
		close(g.quit)
	})
	<-g.done
	return g.err
}

// submit queues w and waits until it is durable, has failed, or ctx ends. A waiter whose ctx ends while it still waits is
// taken back; once the writer has it, its record may be there although submit fails.
func (g *Group) submit(ctx context.Context, w *Item) error {
	if ctx.Err() != nil {
		return Ended(ctx)
	}
	g.mu.Lock()
	if g.closing {
		g.mu.Unlock()
		return fault(concord.Unavailable, errors.New("closed"))
	}
	if len(w.Object) == 0 && !w.Checkpoint {
		g.mu.Unlock()
		return nil
	}
	g.queue = append(g.queue, w)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	err := Ended(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.queue, w); i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
	} else {
		select {
		case err := <-w.done: // it was answered at the same moment
			return err
		default:
		}
	}
	g.bad = err // the sink hangs, so readiness should know
	return err
}

// Ended is the fault for a context that ended: Timeout or Canceled.
func Ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault(concord.Timeout, ctx.Err())
	}
	return fault(concord.Canceled, ctx.Err())
}

// run is the writer. It ends when Close asks it to, after what waits has been written.
func (g *Group) run() {
	defer close(g.done)
	var tick <-chan time.Time
	if g.opts.Interval > 0 {
		t := time.NewTicker(g.opts.Interval)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-g.wake:
			g.drain()
		case <-tick:
			if g.opts.Owed() {
				g.commit([]*Item{{Checkpoint: true, done: make(chan error, 1)}})
			}
		case <-g.quit:
			g.drain()
			if g.opts.Owed() {
				w := &Item{Checkpoint: true, done: make(chan error, 1)}
				g.commit([]*Item{w})
				g.err = <-w.done
			}
			return
		}
	}
}

// drain writes until nothing waits.
func (g *Group) drain() {
	for {
		g.mu.Lock()
		n, bytes := 0, 0
		for n < len(g.queue) && (n == 0 || bytes+len(g.queue[n].Object)+g.opts.Overhead <= g.opts.Batch) {
			bytes += len(g.queue[n].Object) + g.opts.Overhead
			n++
		}
		g.batch = append(g.batch[:0], g.queue[:n]...)
		g.queue = slices.Delete(g.queue, 0, n)
		g.mu.Unlock()
		if n == 0 {
			return
		}
		g.commit(g.batch)
		clear(g.batch)
	}
}

// commit writes a batch and answers all of it.
func (g *Group) commit(batch []*Item) {
	err := g.write(batch)
	if err != nil {
		err = fault(concord.Unavailable, err)
	}
	g.mu.Lock()
	g.bad = err
	g.mu.Unlock()
	for _, w := range batch {
		w.done <- err
	}
}

func (g *Group) write(batch []*Item) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("panic while writing")
		}
	}()
	return g.opts.Write(batch)
}

func fault(kind concord.Kind, err error) error {
	return &concord.Fault{Op: "audit sink", Kind: kind, Err: err}
}
