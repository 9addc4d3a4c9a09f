package admission

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"concord"
)

// Options are how a Controller decides. Every zero value means its default.
type Options struct {
	// MaxConcurrent bounds the requests under way at once, however idle the machine is: they hold memory. Default 512.
	MaxConcurrent int
	// MinConcurrent is how far the limit may fall; requests wait for sources most of their time, so that few of them at once
	// would leave an overloaded machine idle. Default 8 for each processor, and never more than MaxConcurrent.
	MinConcurrent int
	// MaxWait is how long a request may wait for its turn. Default 500 ms.
	MaxWait time.Duration
	// Load is how much there was to do since the last call, as a share of what can be done in time: above 1 it is too much. It
	// is called by one goroutine at a time. Default Machine.
	Load func() float64
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Why a request is not let in, as causes of the Fault.
var (
	ErrFull   = errors.New("too many requests are waiting")
	ErrWaited = errors.New("no turn within the time that a request may wait")
)

const (
	window     = 100 * time.Millisecond // how often the limit is looked at
	startShare = 8                      // the limit begins at one in so many of MaxConcurrent
	spareShare = 8                      // one place in so many is kept from whoever has all the others
)

// Controller lets requests in. New makes it; it is safe for concurrent use.
type Controller struct {
	o     Options
	least int // the limit's lower bound

	mu      sync.Mutex
	limit   int
	running int
	waiting int
	peak    int // most under way since the limit was looked at
	short   bool
	steady  bool // the machine has been overloaded once: from then on the limit grows slowly
	looked  time.Time
	turn    uint64
	tenants map[string]*tenant // those that have a request under way or waiting
}

// tenant is whose requests share.
type tenant struct {
	running int
	last    uint64 // the turn in which one was let in last
	queue   []*waiter
}

// waiter is a request that waits.
type waiter struct {
	done chan struct{} // closed when it is decided
	in   bool          // let in
}

// Stats is what a Controller is doing now.
type Stats struct {
	Limit, Running, Waiting int
}

// New makes a Controller.
func New(o Options) *Controller {
	if o.Load == nil {
		o.Load = Machine()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Controller{o: o, tenants: map[string]*tenant{}, looked: o.Now()}
	c.bound(o.MaxConcurrent, o.MaxWait)
	c.limit = max(c.least, c.o.MaxConcurrent/startShare)
	return c
}

// bound takes the bounds; 0 is the default. c.mu is held, or nobody else has c.
func (c *Controller) bound(most int, wait time.Duration) {
	if most <= 0 {
		most = 512
	}
	if wait <= 0 {
		wait = 500 * time.Millisecond
	}
	least := c.o.MinConcurrent
	if least <= 0 {
		least = 8 * runtime.GOMAXPROCS(0)
	}
	c.o.MaxConcurrent, c.o.MaxWait, c.least = most, wait, min(least, most)
}

// Set has other bounds hold, as Options has them, from the next request on. Requests under way go on, however many they are.
func (c *Controller) Set(maxConcurrent int, maxWait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bound(maxConcurrent, maxWait)
	c.limit = min(max(c.limit, c.least), c.o.MaxConcurrent)
	c.dispatch()
}

// Enter lets a request of a tenant in, at once or when its turn has come; leave gives the place back, and may be called
// twice. The error is a *concord.Fault: RateLimited, with ErrFull or ErrWaited as its cause, or Canceled when ctx ended.
func (c *Controller) Enter(ctx context.Context, name string) (leave func(), err error) {
	c.mu.Lock()
	c.look()
	atMost := c.o.MaxWait
	t := c.tenants[name]
	if t == nil {
		t = &tenant{}
		c.tenants[name] = t
	}
	if len(t.queue) == 0 && c.running < c.limit && t.running < c.share() {
		c.admit(t)
		c.mu.Unlock()
		return c.leaver(name, t), nil
	}
	c.short = true
	if c.waiting >= c.limit && !c.makeRoom(t) {
		c.forget(name, t)
		c.mu.Unlock()
		return nil, refusal(ErrFull)
	}
	w := &waiter{done: make(chan struct{})}
	t.queue = append(t.queue, w)
	c.waiting++
	c.dispatch()
	c.mu.Unlock()
	if c.wait(ctx, atMost, name, t, w) {
		return c.leaver(name, t), nil
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, &concord.Fault{Op: opAdmit, Kind: concord.Canceled, Err: ctx.Err()}
	case w.dropped():
		return nil, refusal(ErrFull)
	}
	return nil, refusal(ErrWaited)
}

const opAdmit = "admit"

func refusal(why error) error {
	return &concord.Fault{Op: opAdmit, Kind: concord.RateLimited, Err: why}
}

// wait is until the waiter is decided, its time is up, or the caller goes away.
func (c *Controller) wait(ctx context.Context, atMost time.Duration, name string, t *tenant, w *waiter) (in bool) {
	enough := time.NewTimer(atMost)
	defer enough.Stop()
	select {
	case <-w.done:
	case <-enough.C:
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, x := range t.queue {
		if x == w { // not decided
			t.queue = append(t.queue[:i], t.queue[i+1:]...)
			c.waiting--
			break
		}
	}
	c.look()
	c.dispatch()
	if !w.in {
		c.forget(name, t)
	}
	return w.in
}

// dropped tells whether w lost its place in the queue.
func (w *waiter) dropped() bool {
	select {
	case <-w.done:
		return !w.in
	default:
		return false
	}
}

// makeRoom takes the newest waiter of the longest queue out, if that queue is longer than t's will be. c.mu is held.
func (c *Controller) makeRoom(t *tenant) bool {
	longest := t
	for _, x := range c.tenants {
		if len(x.queue) > len(longest.queue) {
			longest = x
		}
	}
	if len(longest.queue) <= len(t.queue)+1 {
		return false
	}
	n := len(longest.queue) - 1
	w := longest.queue[n]
	longest.queue[n] = nil
	longest.queue = longest.queue[:n]
	c.waiting--
	close(w.done)
	return true
}

// share is how many places one tenant may have: not all, so that whoever comes next need not wait for one of its requests to
// end. c.mu is held.
func (c *Controller) share() int { return max(1, c.limit-c.limit/spareShare) }

// dispatch lets in those whose turn it is: of the tenants that wait the one with the fewest under way, and of several the one
// that waits longest since its last turn. c.mu is held.
func (c *Controller) dispatch() {
	for c.running < c.limit && c.waiting > 0 {
		var next *tenant
		for _, t := range c.tenants {
			if len(t.queue) > 0 && t.running < c.share() &&
				(next == nil || t.running < next.running || t.running == next.running && t.last < next.last) {
				next = t
			}
		}
		if next == nil {
			return
		}
		w := next.queue[0]
		next.queue[0] = nil
		next.queue = next.queue[1:]
		c.waiting--
		w.in = true
		c.admit(next)
		close(w.done)
	}
}

// admit counts a request as under way. c.mu is held.
func (c *Controller) admit(t *tenant) {
	c.turn++
	t.last = c.turn
	t.running++
	c.running++
	c.peak = max(c.peak, c.running)
}

// leaver gives one place back.
func (c *Controller) leaver(name string, t *tenant) func() {
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		t.running--
		c.running--
		c.look()
		c.dispatch()
		c.forget(name, t)
	})
}

// forget drops a tenant that has nothing here. c.mu is held.
func (c *Controller) forget(name string, t *tenant) {
	if t.running == 0 && len(t.queue) == 0 && c.tenants[name] == t {
		delete(c.tenants, name)
	}
}

// look fits the limit to what can be done: it falls by a fifth while the load is too much, and grows while it is not and
// somebody had to wait. c.mu is held.
func (c *Controller) look() {
	now := c.o.Now()
	if now.Sub(c.looked) < window {
		return
	}
	c.looked = now
	switch load := c.o.Load(); {
	case load > 1:
		c.steady = true
		c.limit = max(c.least, min(c.limit, c.peak)*4/5)
	case c.short:
		grow := c.limit / 16
		if !c.steady {
			grow = c.limit / 2
		}
		c.limit = min(c.o.MaxConcurrent, c.limit+max(1, grow))
	}
	c.peak, c.short = c.running, c.waiting > 0
}

// Stats is what the Controller is doing now.
func (c *Controller) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{Limit: c.limit, Running: c.running, Waiting: c.waiting}
}
