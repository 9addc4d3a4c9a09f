package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a client waits: an answer that comes later is of no use to anybody.
const patience = 5 * time.Second

// crowd is a way to be asked for more than can be done.
type crowd struct {
	where string // what is short
	size  int
	delay time.Duration
	how   variant
}

// crowds are those that are measured. The gateway has one processor, so that sources and clients have the rest.
func crowds() []crowd {
	return []crowd{
		{"the processor", small, 0, variant{alone: true, procs: 1}},
		{"the sources", 20 << 10, 100 * time.Millisecond, variant{alone: true, procs: 1, places: 4}},
	}
}

// overload is what came of it.
type overload struct {
	where string
	peak  float64 // the most complete answers a second
	loads []crowding
}

// at is the load of so many times the peak.
func (o overload) at(times float64) crowding {
	return o.loads[slices.IndexFunc(o.loads, func(c crowding) bool { return c.times == times })]
}

// share is a load's goodput in the peak.
func (o overload) share(c crowding) float64 { return c.goodput() / o.peak }

// crowding is what came back of a time under load.
type crowding struct {
	times, rate                      float64 // of the peak known then; a second
	good, shed, partial, other, sent int
	took, cpu                        time.Duration
	latency                          []time.Duration // of the good ones, sorted
}

// goodput is how many complete answers came in a second.
func (c crowding) goodput() float64 { return float64(c.good) / c.took.Seconds() }

// worth is how many complete answers a second of the gateway's processor gave: what others on the machine take from it does
// not count.
func (c crowding) worth() float64 { return float64(c.good) / c.cpu.Seconds() }

func (c crowding) quantile(q float64) time.Duration {
	if len(c.latency) == 0 {
		return 0
	}
	return c.latency[min(int(q*float64(len(c.latency))), len(c.latency)-1)]
}

// asker counts answers.
type asker struct {
	r      *rig
	client *http.Client
	token  string

	mu sync.Mutex
	c  crowding
}

// ask asks once. Good is an answer that is whole, with every source in it, in time.
func (a *asker) ask(ctx context.Context, i int) {
	began := time.Now()
	status, whole := a.get(ctx, i)
	took := time.Since(began)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.c.sent++
	switch {
	case status == http.StatusOK && whole:
		a.c.good++
		a.c.latency = append(a.c.latency, took)
	case status == http.StatusOK:
		a.c.partial++
	case status == http.StatusServiceUnavailable:
		a.c.shed++
	default:
		a.c.other++
	}
}

func (a *asker) get(ctx context.Context, i int) (status int, whole bool) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, a.r.wholeURL(a.r.gateway, i), nil)
	if err != nil {
		return 0, false
	}
	q.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := a.client.Do(q)
	if err != nil {
		return 0, false
	}
	defer func() { _ = resp.Body.Close() }()
	n, err := io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err == nil && int(n) >= 2*a.r.size && strings.Count(resp.Header.Get("Server-Timing"), `desc="ok"`) == len(a.r.sources)
}

// loaded is what comes back while run asks.
func (r *rig) loaded(ctx context.Context, run func(a *asker, began time.Time) (took time.Duration)) (crowding, error) {
	token, err := r.token("user/*.rs", "")
	if err != nil {
		return crowding{}, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 4096, MaxIdleConns: 4096}
	defer transport.CloseIdleConnections()
	a := &asker{r: r, token: token, client: &http.Client{Timeout: patience, Transport: transport}}
	before, err := r.gateway.cpu()
	if err != nil {
		return crowding{}, err
	}
	a.c.took = run(a, time.Now())
	after, err := r.gateway.cpu()
	a.c.cpu = after - before
	slices.Sort(a.c.latency)
	return a.c, cmp.Or(err, ctx.Err())
}

// kept keeps n requests under way for so long: what comes of it is what can be done.
func (r *rig) kept(ctx context.Context, n int, length time.Duration) (crowding, error) {
	return r.loaded(ctx, func(a *asker, began time.Time) time.Duration {
		var wg sync.WaitGroup
		var at atomic.Int64
		for range n {
			wg.Go(func() {
				for time.Since(began) < length && ctx.Err() == nil {
					a.ask(ctx, int(at.Add(1)))
				}
			})
		}
		wg.Wait()
		return time.Since(began)
	})
}

// sent sends so many requests a second for so long, whatever comes back. Its time is that of sending, whenever the answers came.
func (r *rig) sent(ctx context.Context, rate float64, length time.Duration) (crowding, error) {
	return r.loaded(ctx, func(a *asker, began time.Time) time.Duration {
		var wg sync.WaitGroup
		for i := 0; ; i++ {
			due := time.Duration(float64(i) / rate * float64(time.Second))
			if due > length || !pause(ctx, time.Until(began.Add(due))) {
				break
			}
			wg.Go(func() { a.ask(ctx, i) })
		}
		took := time.Since(began)
		wg.Wait()
		return took
	})
}

// measureOverload looks for the peak anew before each load, since others may use the machine too.
func measureOverload(ctx context.Context, s settings, c crowd, rep *report) (err error) {
	progress("more than can be answered: %s", c.where)
	r, err := newRig(ctx, s, 3, c.size, c.how)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.wait(ctx, c.delay); err != nil {
		return err
	}
	o := overload{where: c.where}
	for _, times := range []float64{1, 2, 4} {
		peak := 0.0
		for _, n := range []int{4, 8} {
			l, err := r.kept(ctx, n, s.crowd/3)
			if err != nil {
				return fmt.Errorf("%d at once: %w", n, err)
			}
			peak = max(peak, l.goodput())
		}
		l, err := r.sent(ctx, times*peak, s.crowd)
		if err != nil {
			return fmt.Errorf("%v times: %w", times, err)
		}
		l.times, l.rate = times, times*peak
		o.loads, o.peak = append(o.loads, l), max(o.peak, peak, l.goodput())
	}
	rep.crowded = append(rep.crowded, o)
	return nil
}
