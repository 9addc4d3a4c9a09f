package redislimit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/rueidis"

	"concord"
	"concord/gateway/ratelimit"
	"concord/gateway/ratelimit/limittest"
	"concord/gateway/ratelimit/redislimit"
	"concord/testharness/servers"
)

var (
	five = map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 5, Window: time.Minute}}
	ann  = ratelimit.Key{Tenant: "t-1", User: "u-1"}
)

// patient are options for a machine that is busy with other tests: only what hangs takes so long.
func patient(r *servers.Redis) redislimit.Options {
	return redislimit.Options{Addr: r.Addr, Timeout: 2 * time.Second, Rest: 20 * time.Millisecond}
}

func open(t testing.TB, rates map[ratelimit.Class]ratelimit.Rate, o redislimit.Options) *redislimit.Store {
	t.Helper()
	s, err := redislimit.New(rates, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// admin is a client of the test's own.
func admin(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func do(t testing.TB, c rueidis.Client, words ...string) rueidis.RedisResult {
	t.Helper()
	r := c.Do(context.Background(), c.B().Arbitrary(words...).Build())
	if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) {
		t.Fatalf("%s: %v", words[0], err)
	}
	return r
}

// keys are the names of all that is kept of callers and nonces, sorted.
func keys(t testing.TB, c rueidis.Client) []string {
	t.Helper()
	all, err := do(t, c, "KEYS", "*").AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(k string) bool { return strings.HasPrefix(k, "concord:probe:") })
	slices.Sort(all)
	return all
}

// ask counts one request.
func ask(t testing.TB, s *redislimit.Store, k ratelimit.Key) ratelimit.Decision {
	t.Helper()
	d, err := s.Allow(t.Context(), ratelimit.Read, k)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// until waits for a store to be degraded, or not.
func until(t testing.TB, s *redislimit.Store, degraded bool) {
	t.Helper()
	for range 1000 {
		if s.State().Degraded == degraded {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("still not degraded=%v", degraded)
}

// TestStore lets time pass by taking it from what is left of each window.
func TestStore(t *testing.T) {
	r := servers.StartRedis(t)
	c := admin(t, r.Addr)
	limittest.Run(t, func(t *testing.T, rates map[ratelimit.Class]ratelimit.Rate) (ratelimit.Limiter, func(time.Duration)) {
		do(t, c, "FLUSHALL")
		s := open(t, rates, patient(r))
		t.Cleanup(func() {
			if s.State().Degraded {
				t.Error("it was the memory that was tested")
			}
		})
		return s, func(d time.Duration) {
			for _, k := range keys(t, c) {
				left, err := do(t, c, "PTTL", k).AsInt64()
				if err != nil {
					t.Fatal(err)
				}
				if left -= d.Milliseconds(); left > 0 {
					do(t, c, "PEXPIRE", k, fmt.Sprint(left))
				} else {
					do(t, c, "DEL", k)
				}
			}
		}
	})
}

// TestBeforeRedis7: a Redis without PEXPIRETIME counts as well.
func TestBeforeRedis7(t *testing.T) {
	r := servers.StartRedis(t, "--rename-command", "PEXPIRETIME", "")
	s := open(t, five, patient(r))
	began := time.Now()
	for i := range 7 {
		d := ask(t, s, ann)
		if d.Allowed != (i < 5) || d.Reset.Before(began.Add(50*time.Second)) || d.Reset.After(time.Now().Add(61*time.Second)) {
			t.Errorf("request %d: %+v", i+1, d)
		}
	}
	if s.State().Degraded {
		t.Error("it was the memory that counted")
	}
}

// TestSeveralGateways: what several gateways allow together is the limit, exactly, and an emergency header is accepted by
// one of them, once.
func TestSeveralGateways(t *testing.T) {
	r := servers.StartRedis(t)
	const gateways, each, limit = 4, 200, 300
	rates := map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: limit, Window: time.Hour}}
	var allowed, accepted atomic.Int64
	ends := sync.Map{}
	var wg sync.WaitGroup
	for range gateways {
		s := open(t, rates, patient(r))
		for range 4 {
			wg.Go(func() {
				for i := range each / 4 {
					d, err := s.Allow(context.Background(), ratelimit.Read, ann)
					if err != nil {
						t.Error(err)
					}
					if d.Allowed {
						allowed.Add(1)
					}
					ends.Store(d.Reset, true)
					first, err := s.Use(fmt.Sprint("nonce-", i%10), time.Hour)
					if err != nil {
						t.Error(err)
					}
					if first {
						accepted.Add(1)
					}
				}
			})
		}
		t.Cleanup(func() {
			if s.State().Degraded {
				t.Error("a gateway counted for itself")
			}
		})
	}
	wg.Wait()
	if n := allowed.Load(); n != limit {
		t.Errorf("%d of %d allowed, want %d", n, gateways*each, limit)
	}
	if n := accepted.Load(); n != 10 {
		t.Errorf("%d of 10 nonces were new", n)
	}
	n := 0
	ends.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("one window has %d ends", n)
	}
}

// changes collects what Options.Changed is told.
type changes struct {
	mu  sync.Mutex
	all []redislimit.State
}

func (c *changes) add(s redislimit.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Since = time.Time{}
	c.all = append(c.all, s)
}

func (c *changes) want(t *testing.T, want ...redislimit.State) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := cmp.Diff(want, c.all); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

var (
	gone = redislimit.State{Degraded: true, Cause: concord.Unavailable}
	hung = redislimit.State{Degraded: true, Cause: concord.Timeout}
	back = redislimit.State{}
)

// TestGone: when the Redis goes, the gateway goes on with what it has counted itself, says so, and comes back.
func TestGone(t *testing.T) {
	r := servers.StartRedis(t)
	var told changes
	o := patient(r)
	o.Changed = told.add
	s := open(t, five, o)
	other := open(t, five, patient(r))
	for range 2 {
		ask(t, s, ann)
		ask(t, other, ann)
	}
	r.Stop()
	d := ask(t, s, ann)
	if !d.Allowed || d.Remaining != 2 {
		t.Errorf("the first without Redis: %+v, want the third of this gateway's own count", d)
	}
	if st := s.State(); !st.Degraded || st.Cause != concord.Unavailable || time.Since(st.Since) > time.Minute {
		t.Errorf("%+v", st)
	}
	for i := range 4 {
		if d := ask(t, s, ann); d.Allowed != (i < 2) || d.Limit != 5 || !d.Allowed && d.RetryAfter <= 0 {
			t.Errorf("request %d without Redis: %+v", i+2, d)
		}
	}
	if first, err := s.Use("n", time.Minute); first || !errors.Is(err, concord.Unavailable) {
		t.Errorf("a nonce without Redis: %v, %v", first, err)
	}
	r.Start()
	until(t, s, false)
	if d := ask(t, s, ann); !d.Allowed || d.Remaining != 4 {
		t.Errorf("back at an empty Redis: %+v", d)
	}
	if first, err := s.Use("n", time.Minute); !first || err != nil {
		t.Errorf("the nonce, once it can be asked about: %v, %v", first, err)
	}
	told.want(t, gone, back)
}

// TestHangs: a Redis that keeps its connections and answers nothing costs one question's patience, once.
func TestHangs(t *testing.T) {
	r := servers.StartRedis(t)
	var told changes
	o := patient(r)
	o.Changed = told.add
	o.Timeout = 300 * time.Millisecond
	s := open(t, five, o)
	ask(t, s, ann)
	r.Pause()
	if d := ask(t, s, ann); !d.Allowed || d.Remaining != 3 {
		t.Errorf("%+v", d)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10_000 { // which would take 50 minutes, if each waited
			if _, err := s.Allow(context.Background(), ratelimit.Read, ann); err != nil {
				t.Error(err)
			}
			if _, err := s.Use("n", time.Minute); !errors.Is(err, concord.Unavailable) {
				t.Error(err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("requests wait for a Redis that hangs")
	}
	r.Resume()
	until(t, s, false)
	told.want(t, hung, back)
}

// TestHangsAtNonce: the question about an emergency header finds out as well.
func TestHangsAtNonce(t *testing.T) {
	r := servers.StartRedis(t)
	o := patient(r)
	o.Timeout = 100 * time.Millisecond
	s := open(t, five, o)
	r.Pause()
	defer r.Resume()
	if first, err := s.Use("n", time.Minute); first || !errors.Is(err, concord.Unavailable) {
		t.Errorf("%v, %v", first, err)
	}
	if !s.State().Degraded {
		t.Error("nobody noticed")
	}
}

// TestNotThereAtFirst: a gateway starts without its Redis.
func TestNotThereAtFirst(t *testing.T) {
	r := servers.StartRedis(t)
	r.Stop()
	var told changes
	o := patient(r)
	o.Changed = told.add
	s := open(t, five, o)
	if d := ask(t, s, ann); !d.Allowed || !s.State().Degraded {
		t.Errorf("%+v", d)
	}
	r.Start()
	until(t, s, false)
	if d := ask(t, s, ann); d.Remaining != 4 {
		t.Errorf("%+v", d)
	}
	told.want(t, gone, back)
}

// TestAnswersAndDoesNotCount: one that answers a PING and takes no writes is gone, and not back before it takes them.
func TestAnswersAndDoesNotCount(t *testing.T) {
	r := servers.StartRedis(t)
	c := admin(t, r.Addr)
	var told changes
	o := patient(r)
	o.Changed = told.add
	s := open(t, five, o)
	do(t, c, "CONFIG", "SET", "min-replicas-to-write", "1")
	ask(t, s, ann)
	time.Sleep(200 * time.Millisecond) // ten attempts
	if !s.State().Degraded {
		t.Error("it is taken for well")
	}
	do(t, c, "CONFIG", "SET", "min-replicas-to-write", "0")
	until(t, s, false)
	told.want(t, gone, back)
}

// TestCallerGoesAway: a request that is given up says nothing of the Redis.
func TestCallerGoesAway(t *testing.T) {
	r := servers.StartRedis(t)
	s := open(t, five, patient(r))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := s.Allow(ctx, ratelimit.Read, ann); err != nil || !d.Allowed {
		t.Errorf("%+v, %v", d, err)
	}
	if s.State().Degraded {
		t.Error("degraded")
	}
}

// TestCounterWithoutEnd: a counter that something took its end from does not shut a caller out for ever.
func TestCounterWithoutEnd(t *testing.T) {
	r := servers.StartRedis(t)
	c := admin(t, r.Addr)
	s := open(t, five, patient(r))
	for range 6 {
		ask(t, s, ann)
	}
	for _, k := range keys(t, c) {
		do(t, c, "PERSIST", k)
	}
	if d := ask(t, s, ann); d.Allowed || d.RetryAfter <= 0 || d.RetryAfter > time.Minute {
		t.Errorf("%+v", d)
	}
	for _, k := range keys(t, c) {
		if left, err := do(t, c, "PTTL", k).AsInt64(); err != nil || left <= 0 {
			t.Errorf("%s still has no end", k)
		}
	}
}

// TestNamesHoldNothing: nothing that a token says is in Redis, and without the secret nobody can tell whom a name stands for.
func TestNamesHoldNothing(t *testing.T) {
	r := servers.StartRedis(t)
	c := admin(t, r.Addr)
	names := func(secret string) []string {
		do(t, c, "FLUSHALL")
		o := patient(r)
		o.Secret = []byte(secret)
		s := open(t, five, o)
		for _, k := range []ratelimit.Key{{Tenant: "canary-t", User: "canary-u"}, {Tenant: "canary-t", Client: "canary-c"}, {Tenant: "canary-tcanary-u"}} {
			ask(t, s, k)
		}
		if _, err := s.Use("canary-n", time.Minute); err != nil {
			t.Fatal(err)
		}
		all := keys(t, c)
		for _, k := range all {
			v, err := do(t, c, "GET", k).ToString()
			if err != nil || strings.Contains(k+v, "canary") || v != "1" {
				t.Errorf("%s: %q, %v", k, v, err)
			}
			if left, err := do(t, c, "PTTL", k).AsInt64(); err != nil || left <= 0 || left > 60_000 {
				t.Errorf("%s ends in %d ms", k, left)
			}
		}
		return all
	}
	one, again, other := names("secret"), names("secret"), names("another")
	if len(one) != 4 || !slices.Equal(one, again) {
		t.Errorf("two gateways with one secret do not name alike: %v, %v", one, again)
	}
	for _, k := range other {
		if slices.Contains(one, k) {
			t.Errorf("%s is named without the secret", k)
		}
	}
}

// TestPassword: the password is in a file, and can be exchanged while the gateway runs.
func TestPassword(t *testing.T) {
	r := servers.StartRedis(t, "--requirepass", "right")
	path := filepath.Join(t.TempDir(), "password")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("wrong\n")
	o := patient(r)
	o.PasswordFile = path
	s := open(t, five, o)
	if d := ask(t, s, ann); !d.Allowed || !s.State().Degraded {
		t.Errorf("with the wrong password: %+v, %+v", d, s.State())
	}
	write("right\n")
	until(t, s, false)
	ask(t, s, ann)
	if s.State().Degraded {
		t.Error("degraded with the right password")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		rates map[ratelimit.Class]ratelimit.Rate
		o     redislimit.Options
	}{
		"no address":       {five, redislimit.Options{}},
		"no port":          {five, redislimit.Options{Addr: "redis"}},
		"no host":          {five, redislimit.Options{Addr: ":6379"}},
		"no such database": {five, redislimit.Options{Addr: "127.0.0.1:1", DB: -1}},
		"no password file": {five, redislimit.Options{Addr: "127.0.0.1:1", PasswordFile: "/does/not/exist"}},
		"no rate":          {map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {}}, redislimit.Options{Addr: "127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := redislimit.New(c.rates, c.o); !errors.Is(err, concord.Invalid) {
				t.Errorf("%v, want Invalid", err)
			}
		})
	}
}

// TestClosed: a store that was closed counts in memory, and tells nobody that anything is wrong.
func TestClosed(t *testing.T) {
	r := servers.StartRedis(t)
	var told changes
	o := patient(r)
	o.Changed = told.add
	s := open(t, five, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d := ask(t, s, ann); !d.Allowed {
		t.Errorf("%+v", d)
	}
	if first, err := s.Use("n", time.Minute); first || !errors.Is(err, concord.Unavailable) {
		t.Errorf("%v, %v", first, err)
	}
	told.want(t)
}

// TestChangedPanics: what is told may fail, and the gateway does not.
func TestChangedPanics(t *testing.T) {
	r := servers.StartRedis(t)
	o := patient(r)
	o.Changed = func(redislimit.State) { panic("told") }
	s := open(t, five, o)
	r.Stop()
	ask(t, s, ann)
	r.Start()
	until(t, s, false)
}

func BenchmarkAllow(b *testing.B) {
	r := servers.StartRedis(b)
	s := open(b, map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 1 << 30, Window: time.Hour}}, patient(r))
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Allow(context.Background(), ratelimit.Read, ann); err != nil {
				b.Error(err)
			}
		}
	})
	if s.State().Degraded {
		b.Error("the memory was measured")
	}
}

// TestSetRates: another rate holds from the next request on, for what is counted already too; one that is none changes
// nothing.
func TestSetRates(t *testing.T) {
	r := servers.StartRedis(t)
	s := open(t, map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: 5, Window: time.Minute}}, patient(r))
	ask := func() ratelimit.Decision {
		t.Helper()
		d, err := s.Allow(t.Context(), ratelimit.Read, ratelimit.Key{Tenant: "t", User: "u"})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for range 3 {
		ask()
	}
	if err := s.SetRates(map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {}}); !errors.Is(err, concord.Invalid) {
		t.Errorf("a rate that is none: %v", err)
	}
	for _, tt := range []struct {
		limit int
		want  bool
	}{{2, false}, {60, true}} {
		if err := s.SetRates(map[ratelimit.Class]ratelimit.Rate{ratelimit.Read: {Limit: tt.limit, Window: time.Minute}}); err != nil {
			t.Fatal(err)
		}
		if d := ask(); d.Allowed != tt.want || d.Limit != tt.limit || d.Remaining > tt.limit-4 && tt.want {
			t.Errorf("of %d: %+v", tt.limit, d)
		}
	}
}
