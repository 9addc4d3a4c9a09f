package connectors

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// errBusy is the cause of a fault of a request that was not sent: the source has all that it may be asked for now.
var errBusy = errors.New("no turn at the source within the budget")

// Gate is the way to one source: so many requests at once, and so many a second. A request waits for its turn within its own
// deadline; one whose turn can't come in time is refused at once, and never sent. NewGate makes it; nil lets everything pass. It
// is safe for concurrent use.
type Gate struct {
	places  *semaphore.Weighted // nil: any number at once
	most    int64
	pace    *rate.Limiter // nil: at any rate
	waiting atomic.Int64
	usual   atomic.Int64 // ns that a request takes lately
}

// NewGate is the gate for so many requests at once, and so many that begin in a second, of which a second's worth may begin at
// once; 0 is any number.
func NewGate(most int, pace float64) *Gate {
	g := &Gate{most: int64(most)}
	if most > 0 {
		g.places = semaphore.NewWeighted(g.most)
	}
	if pace > 0 {
		g.pace = rate.NewLimiter(rate.Limit(pace), max(1, int(pace)))
	}
	return g
}

// Wait is about how long a request would wait for its turn now.
func (g *Gate) Wait() time.Duration {
	if g == nil {
		return 0
	}
	var wait time.Duration
	if n := g.waiting.Load(); n > 0 {
		wait = g.rounds(n)
	}
	if g.pace != nil {
		if behind := -g.pace.Tokens(); behind > 0 {
			wait = max(wait, time.Duration(behind/float64(g.pace.Limit())*float64(time.Second)))
		}
	}
	return wait
}

// Crowding is the wait that more than half of the gates have, or a longer one. One source that is crowded alone is none.
func Crowding(gates []*Gate) time.Duration {
	waits := make([]time.Duration, len(gates))
	for i, g := range gates {
		waits[i] = g.Wait()
	}
	if len(waits) == 0 {
		return 0
	}
	slices.Sort(waits)
	return waits[len(waits)-1-len(waits)/2]
}

// pass waits for the turn. done gives the place back, and may be called twice. The error is errBusy, or ctx's.
func (g *Gate) pass(ctx context.Context) (done func(), err error) {
	if g == nil {
		return func() {}, nil
	}
	if err := g.paced(ctx); err != nil {
		return nil, err
	}
	if g.places == nil {
		return func() {}, nil
	}
	if !g.places.TryAcquire(1) {
		if err := g.queue(ctx); err != nil {
			return nil, err
		}
	}
	return g.leave(), nil
}

// tryPass is pass for a request that is not worth waiting for.
func (g *Gate) tryPass() (done func(), ok bool) {
	if g == nil {
		return func() {}, true
	}
	if g.places != nil && (g.waiting.Load() > 0 || !g.places.TryAcquire(1)) {
		return nil, false
	}
	if g.pace != nil && !g.pace.Allow() {
		if g.places != nil {
			g.places.Release(1)
		}
		return nil, false
	}
	if g.places == nil {
		return func() {}, true
	}
	return g.leave(), true
}

// paced waits until the rate allows the request.
func (g *Gate) paced(ctx context.Context) error {
	if g.pace == nil {
		return nil
	}
	turn := g.pace.Reserve()
	wait := turn.Delay()
	if wait == 0 {
		return nil
	}
	if left, bounded := remaining(ctx); bounded && wait+g.took() > left {
		turn.Cancel()
		return errBusy
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		turn.Cancel()
		return ctx.Err()
	}
}

// queue waits for a place, unless those before it will not be done in time.
func (g *Gate) queue(ctx context.Context) error {
	before := g.waiting.Add(1)
	defer g.waiting.Add(-1)
	left, bounded := remaining(ctx)
	if bounded {
		if g.rounds(before)+g.took() > left {
			return errBusy
		}
		turn, cancel := context.WithTimeout(ctx, left-min(g.took(), left/2))
		defer cancel()
		if g.places.Acquire(turn, 1) == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errBusy // it would have been too late to ask
	}
	return g.places.Acquire(ctx, 1)
}

// remaining is what is left of the time in which an answer is of use.
func remaining(ctx context.Context) (time.Duration, bool) {
	end, ok := ctx.Deadline()
	return time.Until(end) - reserve, ok
}

// rounds is how long it takes until so many that wait have each had a place.
func (g *Gate) rounds(n int64) time.Duration {
	return time.Duration((n + g.most - 1) / g.most * g.usual.Load())
}

func (g *Gate) took() time.Duration { return time.Duration(g.usual.Load()) }

// leave gives a place back, and learns how long it was taken.
func (g *Gate) leave() func() {
	began := time.Now()
	return sync.OnceFunc(func() {
		took := int64(time.Since(began))
		if old := g.usual.Load(); old != 0 {
			took = old + (took-old)/16
		}
		g.usual.Store(took) // two at once may lose one of them: it is an estimate
		g.places.Release(1)
	})
}

// gated sends requests through a gate; a place is taken until the answer's body is closed.
type gated struct {
	next http.RoundTripper
	gate *Gate
}

// RoundTrip is that of the transport, when the request's turn has come.
func (t gated) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.gate == nil {
		return t.next.RoundTrip(r)
	}
	pass := t.gate.pass
	if h, ok := r.Context().Value(heldKey{}).(*held); ok {
		pass = h.pass
	}
	began := time.Now()
	done, err := pass(r.Context())
	if w, ok := r.Context().Value(waitedKey{}).(*time.Duration); ok {
		*w += time.Since(began)
	}
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as a RoundTripper must
		}
		return nil, err
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		done()
		return nil, err
	}
	resp.Body = &gatedBody{resp.Body, done}
	return resp, nil
}

// gatedBody gives the place back when it is closed.
type gatedBody struct {
	io.ReadCloser
	done func()
}

// Close closes the body.
func (b *gatedBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

type waitedKey struct{}

// withWait has the time that a request waited for its turns added to d.
func withWait(ctx context.Context, d *time.Duration) context.Context {
	return context.WithValue(ctx, waitedKey{}, d)
}
