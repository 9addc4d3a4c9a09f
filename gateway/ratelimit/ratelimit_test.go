package ratelimit_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/gateway/ratelimit"
	"concord/gateway/ratelimit/limittest"
)

// clock is a wall clock without a monotonic reading, which can be set back.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_700_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func memory(t interface{ Fatal(...any) }, rates map[ratelimit.Class]ratelimit.Rate, o ratelimit.Options) *ratelimit.Memory {
	m, err := ratelimit.NewMemory(rates, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMemory(t *testing.T) {
	limittest.Run(t, func(t *testing.T, rates map[ratelimit.Class]ratelimit.Rate) (ratelimit.Limiter, func(time.Duration)) {
		c := newClock()
		return memory(t, rates, ratelimit.Options{Clock: c.now}), c.pass
	})
}

// TestMemoryOwnClock: without a clock given, time passes as it does.
func TestMemoryOwnClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory(t, map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 1, Window: time.Minute}}, ratelimit.Options{})
		for i, want := range []bool{true, false, true, false} {
			if i == 2 {
				time.Sleep(time.Minute)
			}
			if d, err := m.Allow(t.Context(), ratelimit.Read, ratelimit.Key{}); err != nil || d.Allowed != want {
				t.Errorf("request %d: %+v, %v", i+1, d, err)
			}
		}
	})
}

func TestNewMemoryRefuses(t *testing.T) {
	for name, rates := range map[string]map[ratelimit.Class]ratelimit.Rate{
		"no class":      {ratelimit.NoClass: {Limit: 1, Window: 1}},
		"unknown class": {99: {Limit: 1, Window: 1}},
		"no limit":      {ratelimit.Read: {Window: 1}},
		"no window":     {ratelimit.Read: {Limit: 1}},
		"negative":      {ratelimit.Read: {Limit: -1, Window: time.Minute}},
	} {
		if _, err := ratelimit.NewMemory(rates, ratelimit.Options{}); !errors.Is(err, concord.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMemoryAgainstModel is a property: whatever the clock does, no caller gets more than its limit in any window's length of
// true time, and none is refused while it has some left.
func TestMemoryAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit, span = 3, time.Minute
		c := newClock()
		m := memory(t, map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: limit, Window: span}}, ratelimit.Options{Clock: c.now})
		type state struct {
			ends time.Time
			used int
		}
		model := map[string]*state{}
		high := c.now() // what a clock that never goes back would show
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "moves") {
				c.pass(time.Duration(rapid.IntRange(-90, 90).Draw(t, "seconds")) * time.Second)
			}
			if c.now().After(high) {
				high = c.now()
			}
			user := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "user")
			s := model[user]
			if s == nil || !high.Before(s.ends) {
				s = &state{ends: high.Add(span)}
				model[user] = s
			}
			want := ratelimit.Decision{Limit: limit, Reset: s.ends, Allowed: s.used < limit}
			if want.Allowed {
				s.used++
				want.Remaining = limit - s.used
			} else {
				want.RetryAfter = s.ends.Sub(high)
			}
			got, err := m.Allow(t.Context(), ratelimit.Read, ratelimit.Key{User: user})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		}
	})
}

// TestMemoryIsBounded: more callers than there is room for are refused rather than granted a second window, and room comes
// back when windows end.
func TestMemoryIsBounded(t *testing.T) {
	c := newClock()
	m := memory(t, map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 1, Window: time.Minute}}, ratelimit.Options{Clock: c.now, MaxKeys: 10})
	for round := range 3 {
		for i := range 20 {
			d, err := m.Allow(t.Context(), ratelimit.Read, ratelimit.Key{User: fmt.Sprint(round, "-", i)})
			if err != nil || d.Allowed != (i < 10) || !d.Allowed && d.RetryAfter <= 0 {
				t.Errorf("round %d, caller %d: %+v, %v", round, i, d, err)
			}
		}
		if d, _ := m.Allow(t.Context(), ratelimit.Read, ratelimit.Key{User: fmt.Sprint(round, "-0")}); d.Allowed {
			t.Errorf("round %d: a caller was forgotten", round)
		}
		if n := ratelimit.Held(m); n > 10 {
			t.Errorf("round %d: %d held", round, n)
		}
		c.pass(time.Duration(round+1) * time.Minute)
	}
}

func TestParseRate(t *testing.T) {
	for _, c := range []struct {
		text string
		want ratelimit.Rate
	}{
		{"600/minute", ratelimit.Rate{Limit: 600, Window: time.Minute}},
		{"2/hour", ratelimit.Rate{Limit: 2, Window: time.Hour}},
		{"1/second", ratelimit.Rate{Limit: 1, Window: time.Second}},
		{"1000000000/day", ratelimit.Rate{Limit: 1e9, Window: 24 * time.Hour}},
		{"", ratelimit.Rate{}}, {"600", ratelimit.Rate{}}, {"600/", ratelimit.Rate{}}, {"/minute", ratelimit.Rate{}}, {"0/minute", ratelimit.Rate{}},
		{"-1/minute", ratelimit.Rate{}}, {"+1/minute", ratelimit.Rate{}}, {"01/minute", ratelimit.Rate{}}, {"1.5/minute", ratelimit.Rate{}},
		{"1 /minute", ratelimit.Rate{}}, {"1/Minute", ratelimit.Rate{}}, {"1/minutes", ratelimit.Rate{}}, {"1/60s", ratelimit.Rate{}},
		{"1/minute/hour", ratelimit.Rate{}}, {"1000000001/minute", ratelimit.Rate{}}, {"99999999999999999999/minute", ratelimit.Rate{}}, {"1_0/minute", ratelimit.Rate{}},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, err := ratelimit.ParseRate(c.text)
			if got != c.want || (err == nil) != (c.want.Limit > 0) || err != nil && !errors.Is(err, concord.Invalid) {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
			if err == nil && got.String() != c.text {
				t.Errorf("String is %q", got)
			}
		})
	}
}

func FuzzParseRate(f *testing.F) {
	f.Add("600/minute")
	f.Add("0/hour")
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ratelimit.ParseRate(s); err == nil && r.String() != s {
			t.Errorf("%q is read as %q", s, r)
		}
	})
}

func TestHeaders(t *testing.T) {
	at := time.Unix(1_700_000_060, 1)
	for _, c := range []struct {
		name string
		d    ratelimit.Decision
		want map[string]string
	}{
		{"allowed", ratelimit.Decision{Allowed: true, Limit: 600, Remaining: 599, Reset: at},
			map[string]string{"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "599", "X-RateLimit-Reset": "1700000061"}},
		{"refused", ratelimit.Decision{Limit: 2, Reset: at.Add(-1), RetryAfter: 1500 * time.Millisecond},
			map[string]string{"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000060", "Retry-After": "2"}},
		{"refused at the very end", ratelimit.Decision{Limit: 2, Reset: at.Add(-1), RetryAfter: 0},
			map[string]string{"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000060", "Retry-After": "1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := http.Header{}
			for k, v := range c.want {
				want.Set(k, v)
			}
			if d := cmp.Diff(want, ratelimit.Headers(c.d)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestClassNames(t *testing.T) {
	for c, want := range map[ratelimit.Class]string{ratelimit.Read: "read", ratelimit.Write: "write", ratelimit.Bulk: "bulk",
		ratelimit.Hook: "hook", ratelimit.Validation: "validation", 0: "none", 99: "none"} {
		if c.String() != want {
			t.Errorf("%d: %q, want %q", c, c, want)
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	m := memory(b, map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 600, Window: time.Minute}}, ratelimit.Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := m.Allow(b.Context(), ratelimit.Read, ratelimit.Key{Tenant: "t", User: "u"}); err != nil {
				b.Error(err)
			}
		}
	})
}

// TestSetRates: a rate that is changed holds from the next request on, and what was counted in a window of the same length
// stays counted; rates of which one is none change nothing.
func TestSetRates(t *testing.T) {
	c := newClock()
	rates := map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 5, Window: time.Minute}, ratelimit.Write: {Limit: 1, Window: time.Minute}}
	m := memory(t, rates, ratelimit.Options{Clock: c.now})
	k := ratelimit.Key{Tenant: "t", User: "u"}
	ask := func(class ratelimit.Class) (d ratelimit.Decision) {
		t.Helper()
		d, err := m.Allow(t.Context(), class, k)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for range 3 {
		ask(ratelimit.Read)
	}
	if err := m.SetRates(map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 2, Window: time.Minute}, ratelimit.Write: {}}); !errors.Is(err, concord.Invalid) {
		t.Errorf("a rate that is none: %v", err)
	}
	if d := ask(ratelimit.Read); d.Limit != 5 || d.Remaining != 1 {
		t.Errorf("after rates that were refused: %+v", d)
	}
	if err := m.SetRates(map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 2, Window: time.Minute}}); err != nil {
		t.Fatal(err)
	}
	if d := ask(ratelimit.Read); d.Allowed || d.Limit != 2 || d.Remaining != 0 {
		t.Errorf("below what is used up: %+v", d)
	}
	if _, err := m.Allow(t.Context(), ratelimit.Write, k); !errors.Is(err, concord.Invalid) {
		t.Errorf("a class without a rate: %v", err)
	}
	if err := m.SetRates(map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 6, Window: time.Minute}}); err != nil {
		t.Fatal(err)
	}
	if d := ask(ratelimit.Read); !d.Allowed || d.Limit != 6 || d.Remaining != 1 {
		t.Errorf("above it: %+v", d)
	}
	c.pass(time.Minute)
	if d := ask(ratelimit.Read); d.Remaining != 5 {
		t.Errorf("in the next window: %+v", d)
	}
	if err := m.SetRates(map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 6, Window: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	if d := ask(ratelimit.Read); d.Remaining != 5 || !d.Reset.Equal(c.now().Add(time.Hour)) {
		t.Errorf("in a window of another length: %+v", d)
	}
}
