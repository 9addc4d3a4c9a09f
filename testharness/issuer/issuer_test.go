package issuer_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"concord/testharness/issuer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o issuer.Options) (*issuer.Issuer, *http.Client) {
	t.Helper()
	i, err := issuer.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i, &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func get(t *testing.T, c *http.Client, u string, into any) int {
	t.Helper()
	r, err := c.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode == http.StatusOK {
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatal(err)
		}
	}
	return r.StatusCode
}

var algs = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.ES256, jose.ES384}

// verify checks a token with published keys, and gives its claims.
func verify(keys jose.JSONWebKeySet, token string) (map[string]any, bool) {
	s, err := jose.ParseSignedCompact(token, algs)
	if err != nil {
		return nil, false
	}
	for _, k := range keys.Key(s.Signatures[0].Header.KeyID) {
		if b, err := s.Verify(k.Key); err == nil {
			var m map[string]any
			return m, json.Unmarshal(b, &m) == nil && m != nil
		}
	}
	return nil, false
}

func TestTokens(t *testing.T) {
	i, c := start(t, issuer.Options{Tenant: "acme"})
	var keys jose.JSONWebKeySet
	if get(t, c, i.JWKSURL(), &keys) != http.StatusOK || i.JWKSHits() != 1 {
		t.Fatal("no keys")
	}
	for _, k := range keys.Keys {
		if !k.IsPublic() {
			t.Errorf("key %s is not public", k.KeyID)
		}
	}
	good := i.Claims("aud", "user/*.rs")
	for _, alg := range algs {
		token, err := i.TokenAlg(string(alg), good)
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := verify(keys, token); !ok || m["iss"] != i.URL() || m["aud"] != "aud" || m["scope"] != "user/*.rs" || m["tenant"] != "acme" {
			t.Errorf("%s: %v %v", alg, ok, m)
		}
	}
	header := map[string]any{"alg": "RS384", "kid": keys.Keys[0].KeyID}
	none := map[string]any{"alg": "none", "kid": keys.Keys[0].KeyID}
	hs := map[string]any{"alg": "HS256", "kid": keys.Keys[0].KeyID}
	for _, tt := range []struct {
		name string
		make func() (string, error)
	}{
		{"alg none", func() (string, error) { return i.Sign(none, good) }},
		{"the public key as secret", func() (string, error) { return i.Sign(hs, good) }},
		{"a key of nobody's", func() (string, error) { return i.Forge(header, good) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			token, err := tt.make()
			if err != nil || strings.Count(token, ".") != 2 {
				t.Fatalf("%q %v", token, err)
			}
			body, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			if err != nil || !json.Valid(body) {
				t.Errorf("no claims in it: %v", err)
			}
			if _, ok := verify(keys, token); ok {
				t.Error("holds")
			}
		})
	}
	if _, err := i.Sign(map[string]any{"alg": "XX1"}, good); err == nil {
		t.Error("signed with an algorithm that is none")
	}
	bad := good.With("exp", int64(1)).With("sub", nil)
	if _, has := bad["sub"]; has || good["exp"] == bad["exp"] {
		t.Error("With changed the claims that it was given, or did not change its own")
	}
	if i.Claims("a", "")["jti"] == i.Claims("a", "")["jti"] {
		t.Error("the same jti twice")
	}
}

func TestRotate(t *testing.T) {
	i, _ := start(t, issuer.Options{})
	old, err := i.Token(i.Claims("a", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ keep, good bool }{{true, true}, {false, false}} {
		if err := i.Rotate(tt.keep); err != nil {
			t.Fatal(err)
		}
		if _, ok := verify(i.Keys(), old); ok != tt.good {
			t.Errorf("keep %v: an old token holds %v", tt.keep, ok)
		}
		now, err := i.Token(i.Claims("a", ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := verify(i.Keys(), now); !ok {
			t.Error("a new one does not hold")
		}
	}
}

func TestEndpoints(t *testing.T) {
	clock := time.Unix(1_800_000_000, 0)
	i, c := start(t, issuer.Options{Audience: "first", Lifetime: time.Minute, Now: func() time.Time { return clock }})
	var d map[string]any
	if get(t, c, i.URL()+"/.well-known/openid-configuration", &d); d["issuer"] != i.URL() || d["jwks_uri"] != i.JWKSURL() || d["token_endpoint"] != i.TokenURL() {
		t.Errorf("%v", d)
	}
	if get(t, c, i.URL()+"/nothing", &d) != http.StatusNotFound {
		t.Error("a page that is not")
	}
	ask := func(v url.Values) (int, map[string]any) {
		r, err := c.PostForm(i.TokenURL(), v)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		var m map[string]any
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, m
	}
	if code, m := ask(url.Values{"grant_type": {"password"}}); code != http.StatusBadRequest || m["error"] == nil {
		t.Errorf("HTTP %d %v", code, m)
	}
	i.SetAudience("second")
	_, m := ask(url.Values{"grant_type": {"client_credentials"}, "scope": {"patient/*.rs"}, "patient": {"p1"}})
	token, _ := m["access_token"].(string)
	claims, ok := verify(i.Keys(), token)
	if !ok || claims["aud"] != "second" || claims["patient"] != "p1" || claims["scope"] != "patient/*.rs" || claims["exp"] != float64(clock.Unix()+60) || m["expires_in"] != float64(60) {
		t.Errorf("%v %v", m, claims)
	}
	i.SetDown(true)
	if get(t, c, i.JWKSURL(), &d) != http.StatusServiceUnavailable {
		t.Error("not down")
	}
	i.SetDown(false)
	if get(t, c, i.JWKSURL(), &d) != http.StatusOK {
		t.Error("not up again")
	}
}
