package issuer_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"concord"
	"concord/smart"
	"concord/testharness/issuer"
)

// TestOpaque: a gateway's verifier gets along with the issuer, as with any that is asked about tokens.
func TestOpaque(t *testing.T) {
	now := time.Now()
	i, _ := start(t, issuer.Options{Now: func() time.Time { return now }})
	id, secret := i.Gateway()
	open := func(secret string) *smart.Verifier {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := smart.NewVerifier(smart.Config{Audience: "aud", Issuers: []smart.Issuer{{Name: i.URL(), JWKSURL: i.JWKSURL(),
			Introspection: &smart.Introspection{URL: i.IntrospectionURL(), ClientID: id, SecretFile: path, Prefix: issuer.OpaquePrefix}}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(v.Close)
		return v
	}
	v := open(secret)
	want := func(v *smart.Verifier, token string, want smart.Refusal) {
		t.Helper()
		got, err := v.Verify(t.Context(), []string{"Bearer " + token})
		if r := smart.RefusalOf(err); r != want || r == 0 && got.Scope != "user/*.rs" {
			t.Errorf("refused for %v, want %v", r, want)
		}
	}
	claims := i.Claims("aud", "user/*.rs")
	good := i.Opaque(claims)
	want(v, good, 0)
	want(v, good, 0)
	if n := i.Introspections(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	signed, err := i.Token(claims)
	if err != nil {
		t.Fatal(err)
	}
	want(v, signed, 0)
	want(v, issuer.OpaquePrefix+"made-up", smart.Inactive)
	want(v, i.Opaque(claims.With("aud", "other")), smart.WrongAudience)
	want(open("wrong"), good, smart.IssuerUnreachable)
	i.SetDown(true)
	if _, err := v.Verify(t.Context(), []string{"Bearer " + i.Opaque(claims)}); !errors.Is(err, concord.Unavailable) {
		t.Errorf("while it is down: %v", err)
	}
	i.SetDown(false)
	i.Revoke(good)
	v.Purge()
	want(v, good, smart.Inactive)
	late := i.Opaque(claims)
	now = now.Add(time.Hour)
	want(v, late, smart.Inactive)
}
