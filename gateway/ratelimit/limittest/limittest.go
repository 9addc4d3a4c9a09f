// Package limittest is the suite that every ratelimit.Limiter passes. It is for tests only, and will not test how a store
// elsewhere fails.
package limittest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/gateway/ratelimit"
)

// Factory makes a limiter without counts, of the given rates, and a function that lets time pass for it.
type Factory func(t *testing.T, rates map[ratelimit.Class]ratelimit.Rate) (l ratelimit.Limiter, pass func(time.Duration))

// Run holds the limiters of f to ratelimit.Limiter's contract.
func Run(t *testing.T, f Factory) {
	rates := map[ratelimit.Class]ratelimit.Rate{
		ratelimit.Read:  {Limit: 5, Window: time.Minute},
		ratelimit.Write: {Limit: 2, Window: time.Minute},
		ratelimit.Bulk:  {Limit: 1, Window: time.Hour},
	}
	ann := ratelimit.Key{Tenant: "t-1", User: "u-1"}
	ask := func(t *testing.T, l ratelimit.Limiter, c ratelimit.Class, k ratelimit.Key) ratelimit.Decision {
		t.Helper()
		d, err := l.Allow(t.Context(), c, k)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	useUp := func(t *testing.T, l ratelimit.Limiter, c ratelimit.Class, k ratelimit.Key) (last ratelimit.Decision) {
		t.Helper()
		for i := range rates[c].Limit {
			last = ask(t, l, c, k)
			if want := rates[c].Limit - i - 1; !last.Allowed || last.Remaining != want || last.Limit != rates[c].Limit || last.RetryAfter != 0 {
				t.Fatalf("request %d: %+v, want %d remaining", i+1, last, want)
			}
		}
		return last
	}

	t.Run("a burst of the whole limit passes, and no more", func(t *testing.T) {
		l, _ := f(t, rates)
		last := useUp(t, l, ratelimit.Read, ann)
		for range 3 {
			d := ask(t, l, ratelimit.Read, ann)
			if d.RetryAfter <= 0 || d.RetryAfter > time.Minute {
				t.Errorf("retry after %v", d.RetryAfter)
			}
			d.RetryAfter = 0
			if diff := cmp.Diff(ratelimit.Decision{Limit: 5, Reset: last.Reset}, d); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
	t.Run("refused requests do not put the window's end off", func(t *testing.T) {
		l, pass := f(t, rates)
		useUp(t, l, ratelimit.Read, ann)
		for range 6 {
			pass(9 * time.Second)
			if d := ask(t, l, ratelimit.Read, ann); d.Allowed {
				t.Fatalf("allowed within the window: %+v", d)
			}
		}
		pass(7 * time.Second)
		useUp(t, l, ratelimit.Read, ann)
	})
	t.Run("a window's rest is not carried over", func(t *testing.T) {
		l, pass := f(t, rates)
		ask(t, l, ratelimit.Read, ann)
		pass(61 * time.Second)
		useUp(t, l, ratelimit.Read, ann)
		if d := ask(t, l, ratelimit.Read, ann); d.Allowed {
			t.Errorf("%+v", d)
		}
	})
	t.Run("callers and classes do not share", func(t *testing.T) {
		l, _ := f(t, rates)
		for _, k := range []ratelimit.Key{ann, {Tenant: "t-1", User: "u-2"}, {Tenant: "t-2", User: "u-1"}, {Tenant: "t-1", Client: "u-1"},
			{Tenant: "t-1"}, {Tenant: "t-1u", User: "-1"}, {Tenant: "t-1:u", User: "1"}, {Tenant: "t-1", User: "u:1"}, {}} {
			for c := range rates {
				useUp(t, l, c, k)
			}
		}
	})
	t.Run("each class has its own window", func(t *testing.T) {
		l, pass := f(t, rates)
		useUp(t, l, ratelimit.Bulk, ratelimit.Key{Tenant: "t-1"})
		pass(59 * time.Minute)
		if d := ask(t, l, ratelimit.Bulk, ratelimit.Key{Tenant: "t-1"}); d.Allowed {
			t.Errorf("after 59 minutes: %+v", d)
		}
		pass(2 * time.Minute)
		useUp(t, l, ratelimit.Bulk, ratelimit.Key{Tenant: "t-1"})
	})
	t.Run("a class without a rate is an error", func(t *testing.T) {
		l, _ := f(t, map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: rates[ratelimit.Read]})
		for _, c := range []ratelimit.Class{ratelimit.NoClass, ratelimit.Write, 99} {
			if d, err := l.Allow(t.Context(), c, ann); !errors.Is(err, concord.Invalid) || d.Allowed {
				t.Errorf("%v: %+v, %v", c, d, err)
			}
		}
	})
	t.Run("concurrent requests get exactly the limit", func(t *testing.T) {
		l, _ := f(t, map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 100, Window: time.Minute}})
		var allowed atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					d, err := l.Allow(context.Background(), ratelimit.Read, ann)
					if err != nil {
						t.Error(err)
					}
					if d.Allowed {
						allowed.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if n := allowed.Load(); n != 100 {
			t.Errorf("%d allowed, want 100", n)
		}
	})
}
