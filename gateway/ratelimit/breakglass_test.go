package ratelimit_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"concord"
	"concord/gateway/ratelimit"
)

// glass is a header as a client makes it.
func glass(key, nonce, sub, method, path string, at time.Time) string {
	m := hmac.New(sha256.New, []byte(key))
	if _, err := fmt.Fprintf(m, "%d.%s.%s.%s.%s", at.Unix(), nonce, sub, method, path); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("t=%d,n=%s,sig=%s", at.Unix(), nonce, hex.EncodeToString(m.Sum(nil)))
}

func TestBreakGlass(t *testing.T) {
	c := newClock()
	now := c.now()
	good := glass("key", "n1", "usr-1", "GET", "/fhir/r4/Condition", now)
	sig := good[strings.Index(good, "sig="):]
	for _, tc := range []struct {
		name, key, header string
		want              bool
	}{
		{"good", "key", good, true},
		{"good, blanks after commas", "key", strings.ReplaceAll(good, ",", ", "), true},
		{"good, signature in capitals", "key", good[:len(good)-64] + strings.ToUpper(good[len(good)-64:]), true},
		{"60 s old", "key", glass("key", "n", "usr-1", "GET", "/fhir/r4/Condition", now.Add(-60*time.Second)), true},
		{"5 s ahead", "key", glass("key", "n", "usr-1", "GET", "/fhir/r4/Condition", now.Add(5*time.Second)), true},
		{"61 s old", "key", glass("key", "n", "usr-1", "GET", "/fhir/r4/Condition", now.Add(-61*time.Second)), false},
		{"6 s ahead", "key", glass("key", "n", "usr-1", "GET", "/fhir/r4/Condition", now.Add(6*time.Second)), false},
		{"no key", "", glass("", "n1", "usr-1", "GET", "/fhir/r4/Condition", now), false},
		{"another key", "key", glass("other", "n1", "usr-1", "GET", "/fhir/r4/Condition", now), false},
		{"another subject", "key", glass("key", "n1", "usr-2", "GET", "/fhir/r4/Condition", now), false},
		{"another method", "key", glass("key", "n1", "usr-1", "POST", "/fhir/r4/Condition", now), false},
		{"another path", "key", glass("key", "n1", "usr-1", "GET", "/fhir/r4/Patient", now), false},
		{"no nonce", "key", glass("key", "", "usr-1", "GET", "/fhir/r4/Condition", now), false},
		{"a nonce with a dot", "key", glass("key", "n.1", "usr-1", "GET", "/fhir/r4/Condition", now), false},
		{"a nonce too long", "key", glass("key", strings.Repeat("n", 129), "usr-1", "GET", "/fhir/r4/Condition", now), false},
		{"another nonce", "key", strings.Replace(good, "n=n1", "n=n2", 1), false},
		{"a time that is signed and spelt otherwise", "key", strings.Replace(good, "t=", "t=0", 1), false},
		{"empty", "key", "", false},
		{"no time", "key", "n=n1," + sig, false},
		{"no signature", "key", good[:len(good)-len(sig)-1], false},
		{"a signature cut off", "key", good[:len(good)-2], false},
		{"a signature that is no hex", "key", good[:len(good)-2] + "zz", false},
		{"more behind it", "key", good + ",x=1", false},
		{"forged", "key", "t=1,n=x,sig=00", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := ratelimit.NewBreakGlass([]byte(tc.key), c.now)
			err := b.Verify(tc.header, "usr-1", "GET", "/fhir/r4/Condition")
			if (err == nil) != tc.want || err != nil && !errors.Is(err, concord.Forbidden) {
				t.Errorf("%v, want accepted: %v", err, tc.want)
			}
			if err = b.Verify(tc.header, "usr-1", "GET", "/fhir/r4/Condition"); !errors.Is(err, concord.Forbidden) {
				t.Errorf("accepted a second time: %v", err)
			}
		})
	}
}

func TestBreakGlassZero(t *testing.T) {
	h := glass("", "n", "s", "GET", "/", time.Now())
	var none *ratelimit.BreakGlass
	for name, b := range map[string]*ratelimit.BreakGlass{"nil": none, "zero": {}, "nil key": ratelimit.NewBreakGlass(nil, nil)} {
		if err := b.Verify(h, "s", "GET", "/"); !errors.Is(err, concord.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBreakGlassClockBack: a used header stays used when the clock is set back to a time in which it would hold, even after
// its nonce was forgotten.
func TestBreakGlassClockBack(t *testing.T) {
	c := newClock()
	b := ratelimit.NewBreakGlass([]byte("key"), c.now)
	verify := func(h string) error { return b.Verify(h, "s", "GET", "/") }
	first := c.now()
	old := glass("key", "old", "s", "GET", "/", first)
	if err := verify(old); err != nil {
		t.Fatal(err)
	}
	c.pass(2 * time.Minute)
	accepted := 0
	for i := range 5000 { // more than are remembered, so that the old one is forgotten
		if verify(glass("key", fmt.Sprint("n", i), "s", "GET", "/", c.now())) == nil {
			accepted++
		}
	}
	if accepted != 4096 {
		t.Errorf("%d accepted within one life, want 4096", accepted)
	}
	c.pass(-2 * time.Minute)
	if err := verify(old); !errors.Is(err, concord.Forbidden) {
		t.Errorf("a repeat after the clock was set back: %v", err)
	}
	c.pass(4 * time.Minute)
	if err := verify(glass("key", "new", "s", "GET", "/", c.now())); err != nil {
		t.Errorf("a new one, later: %v", err)
	}
}

func TestBreakGlassOnceUnderRace(t *testing.T) {
	b := ratelimit.NewBreakGlass([]byte("key"), nil)
	h := glass("key", "n", "s", "GET", "/", time.Now())
	var accepted atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if b.Verify(h, "s", "GET", "/") == nil {
				accepted.Add(1)
			}
		})
	}
	wg.Wait()
	if n := accepted.Load(); n != 1 {
		t.Errorf("accepted %d times", n)
	}
}

// shelf is a store of nonces that several gateways share.
type shelf struct {
	mu   sync.Mutex
	used map[string]time.Duration
	down bool
}

func (s *shelf) Use(nonce string, life time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return false, &concord.Fault{Op: "shelf", Kind: concord.Unavailable}
	}
	_, again := s.used[nonce]
	s.used[nonce] = life
	return !again, nil
}

// TestBreakGlassShared: what one gateway accepted no other does, what is refused for another reason is not put on the
// shelf, and while that can't be asked no header is accepted, nor lost.
func TestBreakGlassShared(t *testing.T) {
	c := newClock()
	s := &shelf{used: map[string]time.Duration{}}
	one, two := ratelimit.NewSharedBreakGlass([]byte("key"), c.now, s), ratelimit.NewSharedBreakGlass([]byte("key"), c.now, s)
	verify := func(b *ratelimit.BreakGlass, h string, want error) {
		t.Helper()
		if err := b.Verify(h, "s", "GET", "/"); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	header := func(nonce string) string { return glass("key", nonce, "s", "GET", "/", c.now()) }
	first := header("n1")
	verify(one, glass("other", "n1", "s", "GET", "/", c.now()), concord.Forbidden)
	verify(one, glass("key", "n1", "s", "GET", "/", c.now().Add(-time.Hour)), concord.Forbidden)
	if len(s.used) != 0 {
		t.Error("a header that does not hold used up a nonce")
	}
	verify(one, first, nil)
	verify(two, first, concord.Forbidden)
	verify(one, first, concord.Forbidden)
	if s.used["n1"] < 2*time.Minute {
		t.Errorf("remembered for %v, which a header may outlive", s.used["n1"])
	}
	s.down = true
	second := header("n2")
	verify(one, second, concord.Unavailable)
	verify(one, first, concord.Forbidden)
	s.down = false
	verify(one, second, nil)
	verify(one, second, concord.Forbidden)
}

func FuzzBreakGlass(f *testing.F) {
	c := newClock()
	f.Add(glass("key", "n", "s", "GET", "/", c.now()))
	f.Add("t=1,n=x,sig=00")
	f.Add(",,")
	f.Fuzz(func(t *testing.T, h string) {
		b := ratelimit.NewBreakGlass([]byte("another"), c.now)
		if b.Verify(h, "s", "GET", "/") == nil {
			t.Errorf("accepted %q", h)
		}
	})
}
