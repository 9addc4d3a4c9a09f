package smart_test

import (
	"errors"
	"testing"
	"time"

	"concord"
	"concord/smart"
)

// TestIssuerAlgorithms: an issuer may be held to fewer algorithms than hold, and its keys are not fetched for another.
func TestIssuerAlgorithms(t *testing.T) {
	s := newAuthServer()
	v, iss := listening(t, s, func(c *smart.Config) { c.Issuers[0].Algorithms = []string{"ES384", "PS256"} })
	k, claims := keys(), goodClaims("", time.Now())
	for _, c := range []struct {
		alg, kid string
		key      any
		want     smart.Refusal
	}{
		{"RS256", "rsa", k.rsa, smart.WrongAlgorithm}, {"RS384", "rsa", k.rsa, smart.WrongAlgorithm}, {"PS384", "rsa", k.rsa, smart.WrongAlgorithm},
		{"ES256", "p256", k.p256, smart.WrongAlgorithm}, {"PS256", "rsa", k.rsa, 0}, {"ES384", "p384", k.p384, 0},
	} {
		if n := s.fetched(); c.want != 0 && n != 0 {
			t.Errorf("%d fetches for algorithms that are not the issuer's", n)
		}
		try(t, v, sign(c.alg, c.key, members{"alg": c.alg, "kid": c.kid}, claims.with("iss", iss)), c.want)
	}
}

// TestIssuerTenants: an issuer speaks for its own tenants and for no other, and when it has one, it need not say so.
func TestIssuerTenants(t *testing.T) {
	for _, c := range []struct {
		name    string
		tenants []string
		claim   any
		want    string
		refusal smart.Refusal
	}{
		{"any", nil, "t-1", "t-1", 0},
		{"any, and none said", nil, nil, "", 0},
		{"one", []string{"t-1"}, "t-1", "t-1", 0},
		{"one, and none said", []string{"t-1"}, nil, "t-1", 0},
		{"one, and none said by an empty text", []string{"t-1"}, "", "t-1", 0},
		{"one, and another said", []string{"t-1"}, "t-2", "", smart.ForeignTenant},
		{"one, in capitals", []string{"t-1"}, "T-1", "", smart.ForeignTenant},
		{"two", []string{"t-1", "t-2"}, "t-2", "t-2", 0},
		{"two, and none said", []string{"t-1", "t-2"}, nil, "", smart.ForeignTenant},
		{"two, and another said", []string{"t-1", "t-2"}, "t-3", "", smart.ForeignTenant},
	} {
		t.Run(c.name, func(t *testing.T) {
			tenants := func(cfg *smart.Config) { cfg.Issuers[0].Tenants = c.tenants }
			check := func(t *testing.T, v *smart.Verifier, token string) {
				got, err := v.Verify(t.Context(), []string{"Bearer " + token})
				if r := smart.RefusalOf(err); r != c.refusal || got.Tenant != c.want {
					t.Errorf("tenant %q, refused for %v; want %q, %v", got.Tenant, r, c.want, c.refusal)
				}
			}
			v, iss := listening(t, newAuthServer(), tenants)
			check(t, v, sign("RS384", keys().rsa, goodHeader(), goodClaims(iss, time.Now()).with("tenant", c.claim)))
			knowing(t, tenants, func(t *testing.T, k *knower, v *smart.Verifier) {
				k.know(opaque, goodAnswer(time.Now()).with("tenant", c.claim))
				check(t, v, opaque)
			})
		})
	}
}

// TestLifetime: a signed token holds for an hour at most, or for as long as is configured. The issuer's own two times are
// by one clock; without iat, ours may be behind by the leeway.
func TestLifetime(t *testing.T) {
	for _, c := range []struct {
		name string
		most time.Duration
		iat  any // seconds from now
		exp  int64
		want smart.Refusal
	}{
		{name: "an hour", iat: 0, exp: 3600},
		{name: "more than an hour", iat: 0, exp: 3601, want: smart.WrongTimes},
		{name: "an hour, half of it over", iat: -1800, exp: 1800},
		{name: "more than an hour, and nearly over", iat: -7000, exp: 10, want: smart.WrongTimes},
		{name: "an hour, begun by a clock ahead", iat: 50, exp: 3650},
		{name: "no iat, an hour", iat: nil, exp: 3655},
		{name: "no iat, more than an hour", iat: nil, exp: 3665, want: smart.WrongTimes},
		{name: "iat of 0", iat: -int(time.Now().Unix()), exp: 300, want: smart.WrongTimes},
		{name: "five minutes configured", most: 5 * time.Minute, iat: 0, exp: 300},
		{name: "more than five minutes", most: 5 * time.Minute, iat: 0, exp: 301, want: smart.WrongTimes},
		{name: "a day configured", most: 24 * time.Hour, iat: 0, exp: 86400},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, iss := listening(t, newAuthServer(), func(cfg *smart.Config) { cfg.MaxLifetime = c.most })
			now := time.Now()
			claims := goodClaims(iss, now).with("exp", now.Unix()+c.exp)
			claims = claims.with("iat", nil)
			if iat, ok := c.iat.(int); ok {
				claims = claims.with("iat", now.Unix()+int64(iat))
			}
			try(t, v, sign("RS384", keys().rsa, goodHeader(), claims), c.want)
		})
	}
}

func TestNewVerifierRefusesAlgorithms(t *testing.T) {
	for _, alg := range []string{"none", "HS256", "RS512", "rs256", "", "EdDSA"} {
		_, err := smart.NewVerifier(smart.Config{Audience: audience, Issuers: []smart.Issuer{
			{Name: "https://idp.test", JWKSURL: "https://idp.test/keys", Algorithms: []string{"RS256", alg}}}})
		if !errors.Is(err, concord.Invalid) {
			t.Errorf("%q: %v, want Invalid", alg, err)
		}
	}
}
