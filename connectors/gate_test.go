package connectors_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"concord"
	"concord/connectors"
	"concord/federation"
)

// clocked is a source in a bubble of time: each request takes what takes says, and how many are under way is known.
type clocked struct {
	takes  func(n int64, r *http.Request) time.Duration
	asked  atomic.Int64
	under  atomic.Int64
	most   atomic.Int64
	closed atomic.Int64 // bodies
}

func (c *clocked) RoundTrip(r *http.Request) (*http.Response, error) {
	n := c.asked.Add(1)
	now := c.under.Add(1)
	for m := c.most.Load(); now > m && !c.most.CompareAndSwap(m, now); m = c.most.Load() {
	}
	t := time.NewTimer(c.takes(n, r))
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
		c.under.Add(-1)
		return nil, r.Context().Err()
	}
	body := searchset(goal)
	status := http.StatusOK
	switch {
	case r.Method == http.MethodPost:
		body, status = goal, http.StatusCreated
	case strings.Contains(r.URL.Path, "/Goal/"):
		body = goal
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/fhir+json"}}, ContentLength: int64(len(body)), Request: r,
		Body: &counted{strings.NewReader(body), sync.OnceFunc(func() { c.under.Add(-1); c.closed.Add(1) })}}, nil
}

type counted struct {
	io.Reader
	close func()
}

func (c *counted) Close() error { c.close(); return nil }

func searchset(entries ...string) string {
	var all []string
	for _, e := range entries {
		all = append(all, `{"resource":`+e+`,"search":{"mode":"match"}}`)
	}
	return `{"resourceType":"Bundle","type":"searchset","entry":[` + strings.Join(all, ",") + `]}`
}

func always(d time.Duration) func(int64, *http.Request) time.Duration {
	return func(int64, *http.Request) time.Duration { return d }
}

// ends counts how questions ended, by kind.
type ends struct {
	mu sync.Mutex
	n  map[string]int
}

func (e *ends) add(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.n == nil {
		e.n = map[string]int{}
	}
	e.n[concord.KindOf(err).String()]++
}

// TestMaxConcurrent: no more requests are under way than the source takes, retries and creates among them; those that wait are
// answered, and those whose turn can't come in time are refused before the budget is used up, and never sent.
func TestMaxConcurrent(t *testing.T) {
	for _, x := range []struct {
		name           string
		takes          time.Duration
		budget         time.Duration
		ask            int
		answered, busy int
		within         time.Duration // in which all have ended
	}{
		{"all wait for their turn", 100 * time.Millisecond, 5 * time.Second, 40, 40, 0, 1100 * time.Millisecond},
		{"more than can be asked in time", 100 * time.Millisecond, time.Second, 100, 36, 64, time.Second},
		{"a source that hangs", time.Hour, time.Second, 100, 0, 96, time.Second},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &clocked{takes: always(x.takes)}
				var sent atomic.Int64
				c := connect(t, "http://ehr.example.org/r4", func(cfg *connectors.Config) {
					cfg.Transport, cfg.Budget, cfg.Gate = s, x.budget, connectors.NewGate(4, 0)
					cfg.Observe = func(e connectors.Exchange) { sent.Add(int64(e.Attempts)) }
				})
				var all ends
				var wg sync.WaitGroup
				began := time.Now()
				for i := range x.ask {
					wg.Go(func() {
						var err error
						switch i % 3 {
						case 0:
							_, err = c.Search(t.Context(), goals())
						case 1:
							_, err = c.Read(t.Context(), "Goal", "g")
						default:
							_, err = c.Create(t.Context(), "Goal", []byte(goal))
							if errors.Is(err, concord.RateLimited) && errors.Is(err, federation.ErrUnsure) {
								t.Error("a create that was never sent is in doubt")
							}
						}
						all.add(err)
					})
				}
				wg.Wait()
				if took := time.Since(began); took > x.within {
					t.Errorf("took %v", took)
				}
				if s.most.Load() > 4 || s.under.Load() != 0 {
					t.Errorf("%d requests were under way at once, %d still are", s.most.Load(), s.under.Load())
				}
				if all.n["unknown"] < x.answered || all.n["rate-limited"] < x.busy-4 || all.n["unknown"]+all.n["rate-limited"]+all.n["timeout"] != x.ask {
					t.Errorf("%v, want %d answered", all.n, x.answered)
				}
				if got := s.asked.Load(); x.busy > 0 && got > int64(x.ask-all.n["rate-limited"]) {
					t.Errorf("%d were sent, %d of %d were refused", got, all.n["rate-limited"], x.ask)
				}
			})
		})
	}
}

// TestBusyAtOnce: once it is known how long a source takes, a request whose turn can't come in time is refused at once.
func TestBusyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &clocked{takes: always(400 * time.Millisecond)}
		c := connect(t, "http://ehr.example.org/r4", func(cfg *connectors.Config) {
			cfg.Transport, cfg.Budget, cfg.Gate = s, time.Second, connectors.NewGate(1, 0)
		})
		if _, err := c.Read(t.Context(), "Goal", "g"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 2 { // one under way, one that will be done in time
			wg.Go(func() {
				if _, err := c.Read(t.Context(), "Goal", "g"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		_, err := c.Read(t.Context(), "Goal", "g")
		if !errors.Is(err, concord.RateLimited) || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		wg.Wait()
	})
}

// TestBusyIsNoFailure: that we ask no more of a source opens no guard.
func TestBusyIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &clocked{takes: always(400 * time.Millisecond)}
		c := connectors.Guard(connect(t, "http://ehr.example.org/r4", func(cfg *connectors.Config) {
			cfg.Transport, cfg.Budget, cfg.Gate = s, time.Second, connectors.NewGate(1, 0)
		}),
			connectors.GuardConfig{OnState: func(_ concord.SourceID, to connectors.State) { t.Errorf("the guard is %s", to) }})
		if _, err := c.Read(t.Context(), "Goal", "g"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() { _, _ = c.Read(t.Context(), "Goal", "g") })
		}
		wg.Wait()
		if _, err := c.Read(t.Context(), "Goal", "g"); err != nil {
			t.Error(err)
		}
	})
}

// TestRate: no more requests begin in a second than the source takes, and those that can't be begun in time are refused at once.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &clocked{takes: always(10 * time.Millisecond)}
		c := connect(t, "http://ehr.example.org/r4", func(cfg *connectors.Config) {
			cfg.Transport, cfg.Budget, cfg.Gate = s, 2100*time.Millisecond, connectors.NewGate(0, 10)
		})
		var all ends
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				began := time.Now()
				_, err := c.Read(t.Context(), "Goal", "g")
				if err != nil && time.Since(began) > 0 {
					t.Errorf("refused after %v", time.Since(began))
				}
				all.add(err)
			})
		}
		time.Sleep(999 * time.Millisecond)
		if n := s.asked.Load(); n > 20 {
			t.Errorf("%d in the first second", n)
		}
		wg.Wait()
		if all.n["unknown"] < 28 || all.n["unknown"] > 30 || all.n["unknown"]+all.n["rate-limited"] != 50 {
			t.Errorf("%v", all.n)
		}
	})
}

// TestHedge: where a source's own times say that an answer is late, the request is sent a second time, for few of them; what is
// not safe to send twice never is.
func TestHedge(t *testing.T) {
	const usual, late = 20 * time.Millisecond, 3 * time.Second
	lateEvery := func(m int64) func(int64, *http.Request) time.Duration {
		return func(n int64, _ *http.Request) time.Duration {
			if n%m == 0 {
				return late
			}
			return usual
		}
	}
	for _, x := range []struct {
		name  string
		takes func(n int64, r *http.Request) time.Duration
		off   bool
		ask   func(context.Context, connectors.Source) error
		slow  int // of 1000 that take longer than a tenth of what the slow ones take
		least int64
		most  int64 // that are sent twice
	}{
		{"one in fifty is late", lateEvery(50), false, read, 5, 15, 50},
		{"searches", lateEvery(50), false, search, 5, 15, 50},
		{"one in fifty is late, and hedging is off", lateEvery(50), true, read, 20, 0, 0},
		{"one in two is late", lateEvery(2), false, read, 1000, 0, 53},
		{"creates", lateEvery(50), false, create, 20, 0, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &clocked{takes: x.takes}
				var won, lost atomic.Int64
				c := connect(t, "http://ehr.example.org/r4", func(cfg *connectors.Config) {
					cfg.Transport, cfg.Hedge = s, !x.off
					cfg.Observe = func(e connectors.Exchange) {
						switch e.Hedge {
						case connectors.HedgeWon:
							won.Add(1)
						case connectors.HedgeLost:
							lost.Add(1)
						}
					}
				})
				slow := 0
				for range 1000 {
					began := time.Now()
					if err := x.ask(t.Context(), c); err != nil {
						t.Fatal(err)
					}
					if time.Since(began) > late/10 {
						slow++
					}
				}
				synctest.Wait()
				twice := s.asked.Load() - 1000
				if slow > x.slow || twice < x.least || twice > x.most || won.Load()+lost.Load() != twice {
					t.Errorf("%d slow, %d sent twice, of which %d won and %d lost", slow, twice, won.Load(), lost.Load())
				}
				if s.under.Load() != 0 {
					t.Errorf("%d are still under way", s.under.Load())
				}
			})
		})
	}
}

func read(ctx context.Context, c connectors.Source) error {
	_, err := c.Read(ctx, "Goal", "g")
	return err
}

func search(ctx context.Context, c connectors.Source) error {
	page, err := c.Search(ctx, goals())
	if err == nil && len(page.Matches) != 1 {
		return fmt.Errorf("%d matches", len(page.Matches))
	}
	return err
}

func create(ctx context.Context, c connectors.Source) error {
	_, err := c.Create(ctx, "Goal", []byte(goal))
	return err
}

// TestHedgeHasNoPriority: a second request is never sent where the source's places are all taken.
func TestHedgeHasNoPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &clocked{takes: func(n int64, _ *http.Request) time.Duration {
			if n > 200 {
				return time.Second
			}
			return 20 * time.Millisecond
		}}
		c := connect(t, "http://ehr.example.org/r4", func(cfg *connectors.Config) { cfg.Transport, cfg.Hedge, cfg.Gate = s, true, connectors.NewGate(2, 0) })
		for range 200 {
			if err := read(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := read(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := s.asked.Load(); n != 202 {
			t.Errorf("%d were sent", n)
		}
		if err := read(t.Context(), c); err != nil || s.asked.Load() != 204 {
			t.Errorf("with a place free: %v, %d were sent", err, s.asked.Load())
		}
	})
}

// TestWait: a gate tells how long a turn takes.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &clocked{takes: always(100 * time.Millisecond)}
		places, pace := connectors.NewGate(2, 0), connectors.NewGate(0, 10)
		for _, x := range []struct {
			name string
			gate *connectors.Gate
			ask  int
			want time.Duration
		}{{"places", places, 8, 300 * time.Millisecond}, {"pace", pace, 15, 500 * time.Millisecond}, {"none", nil, 15, 0}} {
			c := connect(t, "http://ehr.example.org/r4", func(cfg *connectors.Config) { cfg.Transport, cfg.Gate = s, x.gate })
			if err := read(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if got := x.gate.Wait(); got != 0 {
				t.Errorf("%s: nobody waits, and a turn takes %v", x.name, got)
			}
			var wg sync.WaitGroup
			for range x.ask {
				wg.Go(func() { _ = read(t.Context(), c) })
			}
			synctest.Wait()
			if got := x.gate.Wait().Round(time.Millisecond); got != x.want {
				t.Errorf("%s: a turn takes %v", x.name, got)
			}
			wg.Wait()
		}
	})
}

// TestCrowding: what most sources wait is what counts.
func TestCrowding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gates := make([]*connectors.Gate, 4)
		var wg sync.WaitGroup
		for i := range gates {
			gates[i] = connectors.NewGate(1, 0)
			c := connect(t, "http://ehr.example.org/r4", func(cfg *connectors.Config) {
				cfg.Transport, cfg.Gate = &clocked{takes: always(100 * time.Millisecond)}, gates[i]
			})
			if err := read(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			for range 10 * i { // the first is idle
				wg.Go(func() { _ = read(t.Context(), c) })
			}
		}
		synctest.Wait()
		for _, x := range []struct {
			name  string
			gates []*connectors.Gate
			want  bool
		}{
			{"none", nil, false}, {"an idle one", gates[:1], false}, {"a crowded one", gates[3:], true}, {"one of two", gates[:2], false},
			{"two of two", gates[2:], true}, {"two of three", gates[:3], true}, {"one of three", []*connectors.Gate{nil, gates[0], gates[3]}, false},
			{"two of four", []*connectors.Gate{nil, gates[0], gates[2], gates[3]}, false}, {"three of four", gates, true},
		} {
			if got := connectors.Crowding(x.gates); (got > 500*time.Millisecond) != x.want {
				t.Errorf("%s: %v", x.name, got)
			}
		}
		wg.Wait()
	})
}
