package smart_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"concord"
	"concord/smart"
)

// direct is HTTP without a network, so that a bubble's clock stands still meanwhile.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.h.ServeHTTP(w, r)
	}()
	select {
	case <-done:
		return w.Result(), nil
	case <-r.Context().Done():
		<-done // the handlers here look at the context too
		return nil, r.Context().Err()
	}
}

const remote = "https://idp.test"

// timed runs f in a bubble with an authServer that serves one key, rsa.
func timed(t *testing.T, f func(t *testing.T, s *authServer, v *smart.Verifier)) {
	t.Helper()
	k := keys() // outside: a bubble must not wait for what was begun elsewhere
	synctest.Test(t, func(t *testing.T) {
		s := &authServer{keys: []any{jwk("rsa", k.rsa)}}
		v, err := smart.NewVerifier(smart.Config{Audience: audience, Transport: direct{s},
			Issuers: []smart.Issuer{{Name: remote, JWKSURL: remote + "/keys"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		f(t, s, v)
	})
}

// token is signed with key under kid and holds for 5 minutes from now.
func token(kid string, key any) string {
	return sign("RS384", key, goodHeader().with("kid", kid), goodClaims(remote, time.Now()))
}

// try verifies token and wants the refusal, or none.
func try(t *testing.T, v *smart.Verifier, token string, want smart.Refusal) {
	t.Helper()
	_, err := v.Verify(t.Context(), []string{"Bearer " + token})
	if got := smart.RefusalOf(err); got != want {
		t.Errorf("at %v: refused for %v, want %v", time.Now().Format(time.TimeOnly), got, want)
	}
}

func down(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }

func TestKeysColdStart(t *testing.T) {
	timed(t, func(t *testing.T, s *authServer, v *smart.Verifier) {
		s.set(func(s *authServer) { s.serve = down })
		for range 10 {
			_, err := v.Verify(t.Context(), []string{"Bearer " + token("rsa", keys().rsa)})
			var f *concord.Fault
			if !errors.As(err, &f) || f.Kind != concord.Unavailable || f.RetryAfter <= 0 || smart.RefusalOf(err) != smart.KeysUnreachable {
				t.Fatalf("err = %#v, want Unavailable with RetryAfter", err)
			}
			if strings.Contains(err.Error(), "502") || strings.Contains(err.Error(), "idp") {
				t.Errorf("the error tells of the issuer: %v", err)
			}
		}
		if n := s.fetched(); n != 1 {
			t.Errorf("%d fetches in an instant, want 1", n)
		}
		s.set(func(s *authServer) { s.serve = nil })
		time.Sleep(time.Second)
		try(t, v, token("rsa", keys().rsa), 0)
	})
}

// TestKeysSlowIssuer is row 12 of the attack table.
func TestKeysSlowIssuer(t *testing.T) {
	timed(t, func(t *testing.T, s *authServer, v *smart.Verifier) {
		s.set(func(s *authServer) {
			s.serve = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		})
		begin := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { try(t, v, token("rsa", keys().rsa), smart.KeysUnreachable) })
		}
		all.Wait()
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("callers waited %v, want 2s at most", d)
		}
		if n := s.fetched(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

func TestKeysCallerGoesAway(t *testing.T) {
	timed(t, func(t *testing.T, s *authServer, v *smart.Verifier) {
		s.set(func(s *authServer) {
			s.serve = func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(time.Second)
				s.set(func(s *authServer) { s.serve = nil })
				s.ServeHTTP(w, nil)
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		good := token("rsa", keys().rsa)
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := v.Verify(ctx, []string{"Bearer " + good}); !errors.Is(err, concord.Unavailable) {
				t.Errorf("the one that left: %v", err)
			}
		})
		time.Sleep(time.Millisecond)
		all.Go(func() { try(t, v, good, 0) })
		cancel()
		all.Wait()
	})
}

func TestKeysOutlastAnOutage(t *testing.T) {
	timed(t, func(t *testing.T, s *authServer, v *smart.Verifier) {
		try(t, v, token("rsa", keys().rsa), 0)
		s.set(func(s *authServer) { s.serve = down })
		for range 23 {
			time.Sleep(time.Hour)
			try(t, v, token("rsa", keys().rsa), 0)
			try(t, v, token("new", keys().rsaOther), smart.KeysUnreachable)
		}
		time.Sleep(61 * time.Minute)
		try(t, v, token("rsa", keys().rsa), smart.KeysUnreachable)
		s.set(func(s *authServer) { s.serve = nil })
		time.Sleep(31 * time.Second)
		try(t, v, token("rsa", keys().rsa), 0)
	})
}

// TestKeysBadAnswersKeepTheLastGood is row 12 of the attack table.
func TestKeysBadAnswersKeepTheLastGood(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve http.HandlerFunc
	}{
		{"500", down},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/keys" {
				http.Redirect(w, r, "/other", http.StatusFound)
				return
			}
			_, _ = w.Write([]byte(`{"keys":[]}`))
		}},
		{"huge", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"keys":[],"x":"%s"}`, strings.Repeat("x", 300<<10))
		}},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[`)) }},
		{"no set", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"key":1}`)) }},
		{"named twice", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[],"keys":[]}`)) }},
		{"51 keys", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"keys":[{}%s]}`, strings.Repeat(",{}", 50))
		}},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>sign in</html>")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			timed(t, func(t *testing.T, s *authServer, v *smart.Verifier) {
				try(t, v, token("rsa", keys().rsa), 0)
				s.set(func(s *authServer) { s.serve = c.serve })
				before := s.fetched()
				time.Sleep(20 * time.Minute)
				try(t, v, token("rsa", keys().rsa), 0)
				if n := s.fetched() - before; n != 1 {
					t.Errorf("%d fetches, want 1", n)
				}
			})
		})
	}
}

// TestKeysUnknownKidFlood is row 11 of the attack table.
func TestKeysUnknownKidFlood(t *testing.T) {
	timed(t, func(t *testing.T, s *authServer, v *smart.Verifier) {
		try(t, v, token("rsa", keys().rsa), 0)
		for range 4 {
			before := s.fetched()
			var all sync.WaitGroup
			for i := range 50 {
				all.Go(func() { try(t, v, token(fmt.Sprint("kid-", i), keys().rsaOther), smart.UnknownKey) })
			}
			all.Wait()
			time.Sleep(29 * time.Second)
			try(t, v, token("kid-x", keys().rsaOther), smart.UnknownKey)
			if n := s.fetched() - before; n != 1 {
				t.Errorf("%d fetches within 30 s, want 1", n)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

func TestKeysRotate(t *testing.T) {
	timed(t, func(t *testing.T, s *authServer, v *smart.Verifier) {
		long := func(kid string, key any) string {
			c := goodClaims(remote, time.Now())
			return sign("RS384", key, goodHeader().with("kid", kid), c.with("exp", time.Now().Unix()+3600))
		}
		old := long("rsa", keys().rsa)
		try(t, v, old, 0)
		both := []any{jwk("rsa", keys().rsa), jwk("next", keys().rsaOther)}
		s.set(func(s *authServer) { s.keys = both })
		try(t, v, token("next", keys().rsaOther), 0) // at once: an unknown kid asks
		try(t, v, old, 0)
		s.set(func(s *authServer) { s.keys = both[1:] })
		time.Sleep(16 * time.Minute)
		try(t, v, old, smart.UnknownKey) // although it was verified before, and has not expired
	})
}

// TestKeysRefreshBehindKnownTokens: when every request is answered from the cache of verified tokens, keys are looked at
// all the same, and before they are too old.
func TestKeysRefreshBehindKnownTokens(t *testing.T) {
	timed(t, func(t *testing.T, s *authServer, v *smart.Verifier) {
		s.set(func(s *authServer) { s.cache = "public, max-age=600" })
		c := goodClaims(remote, time.Now())
		good := sign("RS384", keys().rsa, goodHeader(), c.with("exp", time.Now().Unix()+3600))
		try(t, v, good, 0)
		time.Sleep(7 * time.Minute)
		try(t, v, good, 0)
		synctest.Wait()
		if n := s.fetched(); n != 1 {
			t.Fatalf("%d fetches after 7 of 10 minutes, want 1", n)
		}
		time.Sleep(90 * time.Second)
		s.set(func(s *authServer) { s.keys = []any{} })
		try(t, v, good, 0) // refreshed behind this one
		synctest.Wait()
		if n := s.fetched(); n != 2 {
			t.Fatalf("%d fetches after 8.5 minutes, want 2", n)
		}
		try(t, v, good, smart.UnknownKey)
	})
}

func TestKeysTimeToLive(t *testing.T) {
	for _, c := range []struct {
		name, cache string
		fresh, old  time.Duration
	}{
		{"none", "", 11 * time.Minute, 16 * time.Minute},
		{"short", "max-age=1", 3 * time.Minute, 6 * time.Minute},
		{"no-store", "no-store, max-age=86400", 3 * time.Minute, 6 * time.Minute},
		{"long", "max-age=99999999", 19 * time.Hour, 24*time.Hour + time.Second},
		{"garbled", "max-age=-5", 11 * time.Minute, 16 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			timed(t, func(t *testing.T, s *authServer, v *smart.Verifier) {
				s.set(func(s *authServer) { s.cache = c.cache })
				try(t, v, token("rsa", keys().rsa), 0)
				time.Sleep(c.fresh)
				try(t, v, token("rsa", keys().rsa), 0)
				synctest.Wait()
				if n := s.fetched(); n != 1 {
					t.Errorf("%d fetches while fresh, want 1", n)
				}
				time.Sleep(c.old - c.fresh)
				try(t, v, token("rsa", keys().rsa), 0)
				if n := s.fetched(); n != 2 {
					t.Errorf("%d fetches when old, want 2", n)
				}
			})
		})
	}
}

func TestVerifiedTokenEndsWithItself(t *testing.T) {
	timed(t, func(t *testing.T, _ *authServer, v *smart.Verifier) {
		good := token("rsa", keys().rsa)
		for _, step := range []struct {
			wait time.Duration
			want smart.Refusal
		}{{0, 0}, {299 * time.Second, 0}, {60 * time.Second, 0}, {time.Second, smart.Expired}} {
			time.Sleep(step.wait)
			try(t, v, good, step.want)
		}
	})
}

func TestKeysPanicIsAFault(t *testing.T) {
	timed(t, func(t *testing.T, s *authServer, _ *smart.Verifier) {
		v, err := smart.NewVerifier(smart.Config{Audience: audience, Transport: panicking{},
			Issuers: []smart.Issuer{{Name: remote, JWKSURL: remote + "/keys"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		try(t, v, token("rsa", keys().rsa), smart.KeysUnreachable)
	})
}

type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("transport") }

func TestVerifyAfterClose(t *testing.T) {
	timed(t, func(t *testing.T, _ *authServer, v *smart.Verifier) {
		v.Close()
		try(t, v, token("rsa", keys().rsa), smart.KeysUnreachable)
	})
}

// TestVerifiedTokensAreBounded: what falls out of the cache is verified again, and holds.
func TestVerifiedTokensAreBounded(t *testing.T) {
	s := newAuthServer()
	v, iss := listening(t, s, func(c *smart.Config) { c.CacheSize = 2 })
	var all []string
	for i := range 5 {
		all = append(all, sign("ES256", keys().p256, members{"alg": "ES256", "kid": "p256"}, goodClaims(iss, time.Now()).with("jti", fmt.Sprint(i))))
	}
	for range 2 {
		for i, x := range all {
			got, err := v.Verify(t.Context(), []string{"Bearer " + x})
			if err != nil || got.ID != fmt.Sprint(i) {
				t.Fatalf("token %d: %q, %v", i, got.ID, err)
			}
		}
	}
}
