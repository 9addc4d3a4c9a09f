package smart_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/smart"
)

func TestIntrospectHolds(t *testing.T) {
	knowing(t, nil, func(t *testing.T, k *knower, v *smart.Verifier) {
		now := time.Now()
		k.know(opaque, goodAnswer(now))
		want := smart.Token{Caller: smart.Caller{Issuer: remote, Subject: "u-1", Client: "app-1", Tenant: "t-1"}, Role: "nurse",
			Scope: "patient/*.rs", PatientClaim: "P1", FHIRUser: "Practitioner/9", ID: "j-1", Expires: time.Unix(now.Unix()+300, 0)}
		for range 3 {
			got, err := v.Verify(t.Context(), []string{"Bearer " + opaque})
			if err != nil {
				t.Fatal(err, smart.RefusalOf(err))
			}
			if d := cmp.Diff(fields(want), fields(got)); d != "" {
				t.Error(d)
			}
		}
		if n := k.heard(); n != 1 || k.asked[0] != opaque {
			t.Errorf("asked %d times, for the first time about another token: %v", n, k.asked[0] != opaque)
		}
		if k.client[0] != "gate+way:s%25cret+%C3%A9" {
			t.Errorf("the client proved itself as %q", k.client[0])
		}
	})
}

// TestIntrospectAnswers: what an issuer may say of a token, and what becomes of it. Whatever is a refusal is so again from
// memory, and what is no answer is asked again.
func TestIntrospectAnswers(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when bubbles begin
	good := goodAnswer(now)
	for _, c := range []struct {
		name   string
		answer any
		want   smart.Refusal
	}{
		{"good", good, 0},
		{"no iss, which is the issuer's own", good.with("iss", nil), 0},
		{"no token type", good.with("token_type", nil), 0},
		{"token type in lower case", good.with("token_type", "bearer"), 0},
		{"an access token by its use", good.with("token_use", "access_token"), 0},
		{"ours among the audiences", good.with("aud", []string{"x", audience}), 0},
		{"longer than a signed token may", good.with("exp", now.Unix()+86400), 0},
		{"no scope, which grants nothing", good.with("scope", nil), 0},
		{"no client", good.with("client_id", nil), 0},
		{"inactive", members{"active": false}, smart.Inactive},
		{"inactive, whatever else it says", good.with("active", false), smart.Inactive},
		{"of another issuer", good.with("iss", "https://other.test"), smart.UnknownIssuer},
		{"iss with a slash", good.with("iss", remote+"/"), smart.UnknownIssuer},
		{"iss a list", good.with("iss", []string{remote}), smart.UnknownIssuer},
		{"for another", good.with("aud", "https://other.test"), smart.WrongAudience},
		{"for nobody", good.with("aud", nil), smart.WrongAudience},
		{"aud a number", good.with("aud", 1), smart.WrongAudience},
		{"expired", good.with("exp", now.Unix()-61), smart.Expired},
		{"no exp", good.with("exp", nil), smart.WrongTimes},
		{"exp a string", good.with("exp", "4102444800"), smart.WrongTimes},
		{"nbf ahead", good.with("nbf", now.Unix()+90), smart.NotYetValid},
		{"a refresh token by its use", good.with("token_use", "refresh_token"), smart.NotAccessToken},
		{"bound to a key", good.with("token_type", "DPoP"), smart.NotAccessToken},
		{"token type a number", good.with("token_type", 1), smart.NotAccessToken},
		{"nobody's", good.with("sub", nil).with("client_id", nil), smart.WrongClaims},
		{"patient a list", good.with("patient", []string{"P1", "P2"}), smart.WrongClaims},
		{"scope a list", good.with("scope", []string{"user/*.rs"}), smart.WrongClaims},
		{"encounter an object", good.with("encounter", members{}), smart.WrongClaims},
		{"active as text", good.with("active", "true"), smart.IssuerUnreachable},
		{"active as a number", good.with("active", 1), smart.IssuerUnreachable},
		{"nothing of active", good.with("active", nil), smart.IssuerUnreachable},
		{"active twice", json.RawMessage(`{"active":false,"active":true}`), smart.IssuerUnreachable},
		{"a list", []any{good}, smart.IssuerUnreachable},
		{"null", json.RawMessage("null"), smart.IssuerUnreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			knowing(t, nil, func(t *testing.T, k *knower, v *smart.Verifier) {
				k.know(opaque, c.answer)
				try(t, v, opaque, c.want)
				try(t, v, opaque, c.want)
				want := 1
				if c.want == smart.IssuerUnreachable {
					want = 2
				}
				if n := k.heard(); n != want {
					t.Errorf("asked %d times, want %d", n, want)
				}
			})
		})
	}
}

func TestIntrospectAudienceOptional(t *testing.T) {
	optional := func(c *smart.Config) { c.Issuers[0].Introspection.AudienceOptional = true }
	for name, c := range map[string]struct {
		aud  any
		want smart.Refusal
	}{
		"none": {nil, 0}, "ours": {audience, 0}, "another's": {"https://other.test", smart.WrongAudience}, "an empty list": {[]string{}, smart.WrongAudience},
	} {
		t.Run(name, func(t *testing.T) {
			knowing(t, optional, func(t *testing.T, k *knower, v *smart.Verifier) {
				k.know(opaque, goodAnswer(time.Now()).with("aud", c.aud))
				try(t, v, opaque, c.want)
			})
		})
	}
}

// TestIntrospectFails: an endpoint that does not answer as one never lets a token pass nor refuses it, is asked again, and
// shows nothing of token or answer in the error, however that is printed.
func TestIntrospectFails(t *testing.T) {
	const canary = "answer-canary"
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	active := `{"active":true,"sub":"` + canary + `","client_id":"x","scope":"user/*.rs","aud":"` + audience + `","exp":4102444800}`
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"400", say(400, active)}, {"401", say(401, active)}, {"403", say(403, active)}, {"404", say(404, active)}, {"429", say(429, active)},
		{"500", say(500, active)}, {"503", say(503, active)}, {"201", say(201, active)}, {"204", say(204, "")},
		{"not JSON", say(200, canary)}, {"HTML", say(200, "<html>"+canary)}, {"cut off", say(200, active[:len(active)-1])}, {"with a tail", say(200, active+"{}")},
		{"empty", say(200, "")}, {"huge", say(200, `{"active":true,"x":"`+strings.Repeat(canary, 10_000)+`"}`)},
		{"nested deep", say(200, `{"active":true,"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`)},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://thief.test/introspect?"+canary, http.StatusTemporaryRedirect)
		}},
		{"a panic", func(http.ResponseWriter, *http.Request) { panic(canary) }},
		{"silence", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			knowing(t, func(cfg *smart.Config) { cfg.Transport = catching{cfg.Transport} }, func(t *testing.T, k *knower, v *smart.Verifier) {
				k.answers(c.answer)
				begin := time.Now()
				_, err := v.Verify(t.Context(), []string{"Bearer " + opaque})
				if d := time.Since(begin); d > 2*time.Second {
					t.Errorf("waited %v", d)
				}
				var f *concord.Fault
				if !errors.As(err, &f) || f.Kind != concord.Unavailable || f.RetryAfter <= 0 || smart.RefusalOf(err) != smart.IssuerUnreachable {
					t.Fatalf("err = %v for %v, want Unavailable with RetryAfter", err, smart.RefusalOf(err))
				}
				if n := k.heard(); n != 1 {
					t.Errorf("the token was shown %d times", n)
				}
				for _, s := range printed(err) {
					if strings.Contains(s, "canary") || strings.Contains(s, "idp.test") || strings.Contains(s, "s%cret") {
						t.Errorf("the error shows what it must not: %.80s", s)
					}
				}
				time.Sleep(5 * time.Second)
				k.answers(nil)
				k.know(opaque, goodAnswer(time.Now()))
				try(t, v, opaque, 0)
			})
		})
	}
}

// catching makes a handler's panic one of the transport, in the goroutine that asks.
type catching struct{ over http.RoundTripper }

func (c catching) RoundTrip(r *http.Request) (*http.Response, error) {
	d, ok := c.over.(direct)
	if !ok {
		return nil, errors.New("no direct transport")
	}
	var caught any
	res, err := direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { caught = recover() }()
		d.h.ServeHTTP(w, r)
	})}.RoundTrip(r)
	if caught != nil {
		panic(caught)
	}
	return res, err
}

// printed is all that an error and its causes say of themselves.
func printed(err error) (out []string) {
	out = append(out, err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err))
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand
	case interface{ Unwrap() error }:
		out = append(out, printed(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, x := range e.Unwrap() {
			out = append(out, printed(x)...)
		}
	}
	return out
}
