package admission_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"concord"
	"concord/gateway/admission"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// calm is a machine that has nothing to do.
func calm() float64 { return 0 }

// fixed is a controller whose limit stays where it is.
func fixed(limit int) *admission.Controller {
	return admission.New(admission.Options{MaxConcurrent: limit, MinConcurrent: limit, Load: calm})
}

func enter(t *testing.T, c *admission.Controller, tenant string) func() {
	t.Helper()
	leave, err := c.Enter(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

// TestRefusals: what is not let in says why, and leaves nothing behind.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fixed(2)
		first, second := enter(t, c, "a"), enter(t, c, "b")
		began := time.Now()
		_, err := c.Enter(t.Context(), "a")
		if !errors.Is(err, concord.RateLimited) || !errors.Is(err, admission.ErrWaited) || time.Since(began) != 500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if _, err := c.Enter(gone, "a"); !errors.Is(err, concord.Canceled) {
			t.Errorf("a caller that went away: %v", err)
		}
		late, end := context.WithTimeout(t.Context(), time.Millisecond)
		defer end()
		if _, err := c.Enter(late, "a"); !errors.Is(err, admission.ErrWaited) {
			t.Errorf("a request whose time ran out: %v", err)
		}
		var full, waited atomic.Int64
		var wg sync.WaitGroup
		for range 5 { // two may wait
			wg.Go(func() {
				switch _, err := c.Enter(t.Context(), "a"); {
				case errors.Is(err, admission.ErrFull):
					full.Add(1)
				case errors.Is(err, admission.ErrWaited):
					waited.Add(1)
				}
			})
		}
		wg.Wait()
		if full.Load() != 3 || waited.Load() != 2 {
			t.Errorf("%d found the queue full, %d waited", full.Load(), waited.Load())
		}
		first()
		first() // twice is once
		second()
		if s := c.Stats(); s != (admission.Stats{Limit: 2}) {
			t.Errorf("left behind: %+v", s)
		}
	})
}

// TestFlood: a tenant that floods has what the other leaves; the other's every request is let in, and soon.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fixed(16)
		const work = 100 * time.Millisecond
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var flood atomic.Int64
		for range 200 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if leave, err := c.Enter(ctx, "flood"); err == nil {
						flood.Add(1)
						time.Sleep(work)
						leave()
					} else {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		time.Sleep(time.Second)
		worst, refused := time.Duration(0), 0
		var small sync.WaitGroup
		var mu sync.Mutex
		for i := range 40 { // forty a second, of the 160 that there is place for
			small.Go(func() {
				time.Sleep(time.Duration(i) * 25 * time.Millisecond)
				began := time.Now()
				leave, err := c.Enter(ctx, "small")
				mu.Lock()
				defer mu.Unlock()
				worst = max(worst, time.Since(began))
				if err != nil {
					refused++
					return
				}
				time.AfterFunc(work, leave)
			})
		}
		small.Wait()
		before := flood.Load()
		stop()
		wg.Wait()
		time.Sleep(time.Second)
		if refused > 0 || worst > work {
			t.Errorf("%d of the small tenant's requests were refused, one waited %v", refused, worst)
		}
		if before < 200 {
			t.Errorf("the large tenant had only %d turns in two seconds", before)
		}
		if s := c.Stats(); s.Running != 0 || s.Waiting != 0 {
			t.Errorf("left behind: %+v", s)
		}
	})
}

// TestMaxMin: of three tenants that all want more, each gets a third; one that wants less gets what it wants.
func TestMaxMin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fixed(12)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		turns := map[string]*atomic.Int64{"a": {}, "b": {}, "c": {}}
		for tenant, n := range turns {
			for range map[string]int{"a": 50, "b": 20, "c": 2}[tenant] {
				wg.Go(func() {
					for ctx.Err() == nil {
						if leave, err := c.Enter(ctx, tenant); err == nil {
							n.Add(1)
							time.Sleep(50 * time.Millisecond)
							leave()
						} else {
							time.Sleep(time.Millisecond)
						}
					}
				})
			}
		}
		time.Sleep(10 * time.Second)
		stop()
		wg.Wait()
		a, b, few := turns["a"].Load(), turns["b"].Load(), turns["c"].Load()
		if few < 330 || few > 402 || float64(a) > 1.1*float64(b) || float64(b) > 1.1*float64(a) {
			t.Errorf("turns: %d, %d and %d", a, b, few)
		}
	})
}

// TestSpare: one tenant never has all places, so that the next one is let in at once.
func TestSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fixed(16)
		var leaves []func()
		for range 14 {
			leaves = append(leaves, enter(t, c, "a"))
		}
		if _, err := c.Enter(t.Context(), "a"); !errors.Is(err, admission.ErrWaited) {
			t.Errorf("the fifteenth of sixteen: %v", err)
		}
		began := time.Now()
		leaves = append(leaves, enter(t, c, "b"))
		if time.Since(began) != 0 {
			t.Errorf("the other tenant waited %v", time.Since(began))
		}
		for _, leave := range leaves {
			leave()
		}
	})
}

// TestLimit: the limit grows while requests wait and the machine keeps up, falls while it does not, and stays between its bounds;
// without requests that wait it does not grow.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var load atomic.Int64
		c := admission.New(admission.Options{MaxConcurrent: 256, MinConcurrent: 4, Load: func() float64 { return float64(load.Load()) }})
		if s := c.Stats(); s.Limit != 32 {
			t.Fatalf("begins at %d", s.Limit)
		}
		for range 20 {
			leave := enter(t, c, "a")
			time.Sleep(110 * time.Millisecond)
			leave()
		}
		if s := c.Stats(); s.Limit != 32 {
			t.Errorf("without need it grew to %d", s.Limit)
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if leave, err := c.Enter(ctx, fmt.Sprint(i%3)); err == nil {
						time.Sleep(40 * time.Millisecond)
						leave()
					} else {
						time.Sleep(40 * time.Millisecond)
					}
				}
			})
		}
		time.Sleep(3 * time.Second)
		if s := c.Stats(); s.Limit != 256 {
			t.Errorf("while the machine keeps up: %+v", s)
		}
		load.Store(2)
		time.Sleep(3 * time.Second)
		if s := c.Stats(); s.Limit != 4 {
			t.Errorf("while it does not: %+v", s)
		}
		load.Store(0)
		time.Sleep(2 * time.Second)
		if s := c.Stats(); s.Limit < 8 || s.Limit > 64 {
			t.Errorf("two seconds after it was overloaded: %+v", s)
		}
		stop()
		wg.Wait()
	})
}

// TestAny: whatever comes and goes, no more are under way than the limit when the last was let in, each request is decided
// within its time, and at the end nothing is left.
func TestAny(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 12).Draw(rt, "limit")
		type visit struct {
			tenant            string
			after, work, stay time.Duration
		}
		visits := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) visit {
			return visit{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "tenant"), time.Duration(rapid.IntRange(0, 300).Draw(rt, "after")) * time.Millisecond,
				time.Duration(rapid.IntRange(0, 400).Draw(rt, "work")) * time.Millisecond, time.Duration(rapid.IntRange(1, 1000).Draw(rt, "stay")) * time.Millisecond}
		}), 1, 25).Draw(rt, "visits")
		bad := make(chan string, 3*len(visits))
		synctest.Test(t, func(t *testing.T) {
			c := fixed(limit)
			var wg sync.WaitGroup
			var under atomic.Int64
			for _, v := range visits {
				wg.Go(func() {
					time.Sleep(v.after)
					ctx, cancel := context.WithTimeout(t.Context(), v.stay)
					defer cancel()
					began := time.Now()
					leave, err := c.Enter(ctx, v.tenant)
					if took := time.Since(began); took > 500*time.Millisecond || took > v.stay {
						bad <- fmt.Sprint("decided after ", took)
					}
					if err != nil {
						if !errors.Is(err, concord.RateLimited) {
							bad <- err.Error()
						}
						return
					}
					if n := under.Add(1); n > int64(limit) {
						bad <- fmt.Sprint(n, " under way")
					}
					time.Sleep(v.work)
					under.Add(-1)
					leave()
				})
			}
			wg.Wait()
			if s := c.Stats(); s != (admission.Stats{Limit: limit}) {
				bad <- fmt.Sprintf("left behind: %+v", s)
			}
		})
		close(bad)
		for s := range bad {
			rt.Error(s)
		}
	})
}

// TestMachine: the real measure can be read, and a machine that idles is not overloaded.
func TestMachine(t *testing.T) {
	c := admission.New(admission.Options{MaxConcurrent: 8, MinConcurrent: 8})
	for range 3 {
		enter(t, c, "a")()
		wait := time.NewTimer(110 * time.Millisecond)
		<-wait.C
	}
	if s := c.Stats(); s != (admission.Stats{Limit: 8}) {
		t.Errorf("%+v", s)
	}
}

// TestSet: other bounds hold at once, for who waits too, and what is under way goes on.
func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := admission.New(admission.Options{MaxConcurrent: 1, MinConcurrent: 8, Load: calm})
		first := enter(t, c, "a")
		in := make(chan func())
		go func() { in <- enter(t, c, "b") }()
		synctest.Wait()
		c.Set(2, time.Second)
		second := <-in
		c.Set(1, 10*time.Millisecond)
		if s := c.Stats(); s != (admission.Stats{Limit: 1, Running: 2}) {
			t.Errorf("%+v", s)
		}
		first()
		began := time.Now()
		if _, err := c.Enter(t.Context(), "a"); !errors.Is(err, admission.ErrWaited) || time.Since(began) != 10*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		second()
		enter(t, c, "a")()
		c.Set(0, 0)
		if s := c.Stats(); s.Running != 0 || s.Limit != 8 {
			t.Errorf("by default: %+v", s)
		}
	})
}
