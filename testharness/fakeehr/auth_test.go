package fakeehr_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

const form = "application/x-www-form-urlencoded"

func TestNewRefusesHalfAnAuthorization(t *testing.T) {
	for _, a := range []fakeehr.Auth{{Mode: fakeehr.AuthKey, ClientID: "c"}, {Mode: fakeehr.AuthSecret, ClientID: "c"}, {Mode: fakeehr.AuthSecret, Secret: "s"}, {Mode: fakeehr.AuthBearer}} {
		if _, err := fakeehr.New(fakeehr.Options{Auth: a}); err == nil {
			t.Errorf("%+v was taken", a)
		}
	}
}

func TestClientSecret(t *testing.T) {
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := start(t, fakeehr.Options{Vendor: population.Cerner, Auth: fakeehr.Auth{Mode: fakeehr.AuthSecret, ClientID: "app", Secret: "s3cret"}, Now: func() time.Time { return clock }}, chart(2)...)
	grant := url.Values{"grant_type": {"client_credentials"}, "scope": {"system/Observation.read system/Patient.crus"}}
	ask := func(id, secret string, v url.Values) reply {
		basic, _ := http.NewRequest(http.MethodGet, "http://x", nil)
		basic.SetBasicAuth(id, secret)
		return c.do(http.MethodPost, c.e.TokenURL(), v.Encode(), "Content-Type", form, "Authorization", basic.Header.Get("Authorization"))
	}
	if r := ask("app", "wrong", grant); r.status != http.StatusUnauthorized || r.json["error"] != "invalid_client" {
		t.Errorf("a wrong secret: HTTP %d %s", r.status, r.body)
	}
	if r := ask("app", "s3cret", url.Values{"grant_type": {"client_credentials"}}); r.json["error"] != "invalid_scope" {
		t.Errorf("no scope: %s", r.body)
	}
	if r := ask("app", "s3cret", url.Values{"grant_type": {"password"}}); r.json["error"] != "unsupported_grant_type" {
		t.Errorf("another grant: %s", r.body)
	}
	if r := c.do(http.MethodPost, c.e.TokenURL(), grant.Encode()+"&client_id=app&client_secret=s3cret", "Content-Type", form); r.status != http.StatusOK {
		t.Errorf("in the form: HTTP %d", r.status)
	}
	r := ask("app", "s3cret", grant)
	if r.status != http.StatusOK || r.json["expires_in"] != json.Number("570") {
		t.Fatalf("HTTP %d %s", r.status, r.body)
	}
	bearer := "Bearer " + r.json["access_token"].(string)
	for _, tt := range []struct {
		name, path, token string
		status            int
	}{
		{"without token", "Patient/p1", "", 401},
		{"another token", "Patient/p1", "Bearer x", 401},
		{"a v2 scope", "Patient/p1", bearer, 200},
		{"a v1 scope", "Observation?patient=p1", bearer, 200},
		{"a type without scope", "Condition?patient=p1", bearer, 403},
		{"metadata needs none", "metadata", "", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := c.get(tt.path, "Authorization", tt.token); r.status != tt.status {
				t.Errorf("HTTP %d", r.status)
			}
		})
	}
	if r := c.get("Observation?_id=o000&_revinclude=Provenance:target", "Authorization", bearer); r.status != http.StatusOK || len(r.ids("include")) != 0 {
		t.Errorf("Provenance without its scope: %s", r.body)
	}
	clock = clock.Add(571 * time.Second)
	if r := c.get("Patient/p1", "Authorization", bearer); r.status != http.StatusUnauthorized || !strings.Contains(r.header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("after its life: HTTP %d", r.status)
	}
}

func TestExpireTokens(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Athena, Auth: fakeehr.Auth{Mode: fakeehr.AuthSecret, ClientID: "a", Secret: "b", TokensPerMinute: 2}}, chart(1)...)
	body := "grant_type=client_credentials&client_id=a&client_secret=b&scope=system/*.rs"
	r := c.do(http.MethodPost, c.e.TokenURL(), body, "Content-Type", form)
	bearer := "Bearer " + r.json["access_token"].(string)
	if r := c.get("Patient/p1", "Authorization", bearer); r.status != http.StatusOK {
		t.Errorf("HTTP %d", r.status)
	}
	c.e.ExpireTokens()
	if r := c.get("Patient/p1", "Authorization", bearer); r.status != http.StatusUnauthorized || c.e.Tokens() != 0 {
		t.Errorf("HTTP %d", r.status)
	}
	c.do(http.MethodPost, c.e.TokenURL(), body, "Content-Type", form)
	if r := c.do(http.MethodPost, c.e.TokenURL(), body, "Content-Type", form); r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
		t.Errorf("the third in a minute: HTTP %d", r.status)
	}
}

func TestTokenFaults(t *testing.T) {
	c := start(t, fakeehr.Options{Auth: fakeehr.Auth{Mode: fakeehr.AuthSecret, ClientID: "a", Secret: "b"}})
	body := "grant_type=client_credentials&client_id=a&client_secret=b&scope=system/*.rs"
	for _, tt := range []struct {
		kind   fakeehr.Kind
		status int
	}{{fakeehr.TokenFails, 400}, {fakeehr.TokenDown, 503}, {fakeehr.TokenGarbage, 200}} {
		c.e.Set(fakeehr.Fault{Kind: tt.kind, Count: 1})
		if r := c.do(http.MethodPost, c.e.TokenURL(), body, "Content-Type", form); r.status != tt.status || r.json["access_token"] != nil {
			t.Errorf("%s: HTTP %d %s", tt.kind, r.status, r.body)
		}
		if r := c.do(http.MethodPost, c.e.TokenURL(), body, "Content-Type", form); r.json["access_token"] == nil {
			t.Errorf("after %s: %s", tt.kind, r.body)
		}
	}
	c.e.Set(fakeehr.Fault{Kind: fakeehr.TokenHangs, Count: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.try(ctx, http.MethodPost, c.e.TokenURL(), body, "Content-Type", form); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hanging: %v", err)
	}
	if c.e.Hits("", "token") != 7 || c.e.Hits("", "") != 0 {
		t.Errorf("%d token requests, %d others", c.e.Hits("", "token"), c.e.Hits("", ""))
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: ec.Public(), KeyID: "ec"}, {Key: rs.Public(), KeyID: "rs"}}}
	c := start(t, fakeehr.Options{Vendor: population.Epic, Auth: fakeehr.Auth{Mode: fakeehr.AuthKey, ClientID: "app", Keys: keys, Audience: "https://proxy/token", Scopes: []string{"system/Patient.rs"}}}, chart(1)...)
	now := time.Now()
	serial := 0
	claims := func(change map[string]any) map[string]any {
		serial++
		m := map[string]any{"iss": "app", "sub": "app", "aud": c.e.TokenURL(), "jti": fmt.Sprint("j", serial), "exp": now.Add(4 * time.Minute).Unix(), "iat": now.Unix(), "nbf": now.Add(-20 * time.Second).Unix()}
		for k, v := range change {
			m[k] = v
		}
		return m
	}
	sign := func(alg jose.SignatureAlgorithm, key any, kid string, m map[string]any) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", kid))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.Sign(b)
		if err != nil {
			t.Fatal(err)
		}
		out, err := o.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	ask := func(jwt string) reply {
		return c.do(http.MethodPost, c.e.TokenURL(), url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {jwt}}.Encode(), "Content-Type", form)
	}
	for _, tt := range []struct {
		name string
		jwt  string
		good bool
	}{
		{"ES384", sign(jose.ES384, ec, "ec", claims(nil)), true},
		{"RS384", sign(jose.RS384, rs, "rs", claims(nil)), true},
		{"aud of a proxy, in a list", sign(jose.ES384, ec, "ec", claims(map[string]any{"aud": []string{"https://proxy/token"}})), true},
		{"PS384", sign(jose.PS384, rs, "rs", claims(nil)), false},
		{"another key", sign(jose.RS384, rs, "ec", claims(nil)), false},
		{"unknown kid", sign(jose.ES384, ec, "old", claims(nil)), false},
		{"another iss", sign(jose.ES384, ec, "ec", claims(map[string]any{"iss": "x"})), false},
		{"another aud", sign(jose.ES384, ec, "ec", claims(map[string]any{"aud": "x"})), false},
		{"too long a life", sign(jose.ES384, ec, "ec", claims(map[string]any{"exp": now.Add(time.Hour).Unix()})), false},
		{"expired", sign(jose.ES384, ec, "ec", claims(map[string]any{"exp": now.Add(-time.Minute).Unix()})), false},
		{"not yet", sign(jose.ES384, ec, "ec", claims(map[string]any{"nbf": now.Add(time.Minute).Unix()})), false},
		{"no jti", sign(jose.ES384, ec, "ec", claims(map[string]any{"jti": ""})), false},
		{"too long a jti", sign(jose.ES384, ec, "ec", claims(map[string]any{"jti": strings.Repeat("j", 152)})), false},
		{"a jti used before", sign(jose.ES384, ec, "ec", claims(map[string]any{"jti": "j1"})), false},
		{"no JWT", "x.y.z", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := ask(tt.jwt); (r.status == http.StatusOK) != tt.good || !tt.good && r.json["error"] != "invalid_client" {
				t.Errorf("HTTP %d %s", r.status, r.body)
			}
		})
	}
	r := ask(sign(jose.ES384, ec, "ec", claims(nil)))
	if r.json["scope"] != "system/Patient.rs" || r.json["expires_in"] != json.Number("3600") {
		t.Errorf("%s", r.body)
	}
	if a := c.get("Immunization?patient=p1", "Authorization", "Bearer "+r.json["access_token"].(string)); a.status != http.StatusForbidden || len(a.body) != 0 {
		t.Errorf("beyond the scope: HTTP %d %s", a.status, a.body)
	}
}

func TestBearer(t *testing.T) {
	c := start(t, fakeehr.Options{Auth: fakeehr.Auth{Mode: fakeehr.AuthBearer, Bearer: "abc"}}, chart(1)...)
	if c.get("Patient/p1", "Authorization", "Bearer abc").status != http.StatusOK || c.get("Patient/p1", "Authorization", "Bearer abd").status != http.StatusUnauthorized {
		t.Error("the token makes no difference")
	}
}

func TestDiscovery(t *testing.T) {
	for _, tt := range []struct {
		vendor population.Vendor
		test   func(tree) bool
	}{
		{population.Epic, func(m tree) bool { return m["software"].(tree)["name"] == "Epic" }},
		{population.Cerner, func(m tree) bool { return m["publisher"] == "Oracle Health" }},
		{population.Athena, func(m tree) bool { return m["publisher"] == "athenahealth" }},
		{population.Generic, func(m tree) bool { return m["fhirVersion"] == "4.0.1" }},
	} {
		t.Run(string(tt.vendor), func(t *testing.T) {
			c := start(t, fakeehr.Options{Vendor: tt.vendor, Deny: []string{"Goal"}}, append(chart(1), `{"resourceType":"ImagingStudy","id":"i","subject":{"reference":"Patient/p1"}}`)...)
			m := c.get("metadata")
			types := map[any]tree{}
			for _, x := range m.json["rest"].([]any)[0].(tree)["resource"].([]any) {
				types[x.(tree)["type"]] = x.(tree)
			}
			if m.json["resourceType"] != "CapabilityStatement" || !tt.test(m.json) || types["Observation"] == nil || types["ImagingStudy"] == nil || types["Goal"] != nil {
				t.Errorf("%.300s", m.body)
			}
			if (types["Patient"]["operation"] != nil) != (tt.vendor == population.Epic) {
				t.Error("$match is Epic's")
			}
			s := c.get(".well-known/smart-configuration")
			if s.json["token_endpoint"] != c.e.TokenURL() {
				t.Errorf("%s", s.body)
			}
		})
	}
}
