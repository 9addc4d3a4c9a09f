package smart_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"concord"
	"concord/smart"
)

// TestIntrospectRouting: each token has one issuer that may judge it, found by its form; nobody else sees it.
func TestIntrospectRouting(t *testing.T) {
	secret := secretFile(t)
	ask := func(base, prefix string) *smart.Introspection {
		return &smart.Introspection{URL: base + "/introspect", ClientID: "gw", SecretFile: secret, Prefix: prefix, AudienceOptional: true}
	}
	servers := map[string]*knower{"both": newKnower(), "asks": newKnower(), "keys": newKnower()}
	url := map[string]string{}
	for name, k := range servers {
		srv := httptest.NewServer(k)
		defer srv.Close()
		url[name] = srv.URL
	}
	v, err := smart.NewVerifier(smart.Config{Audience: audience, Issuers: []smart.Issuer{
		{Name: url["both"], JWKSURL: url["both"] + "/keys", Introspection: ask(url["both"], "a_")},
		{Name: url["asks"], Introspection: ask(url["asks"], "b_")},
		{Name: url["keys"], JWKSURL: url["keys"] + "/keys"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	now := time.Now()
	jwt := func(of string, key any) string { return sign("RS384", key, goodHeader(), goodClaims(url[of], now)) }
	// whatever a server is asked about, it claims it
	for name, k := range servers {
		k.answers(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(members{"active": true, "sub": name, "client_id": "c", "scope": "user/*.rs", "exp": now.Unix() + 300})
		})
	}
	for _, c := range []struct {
		name, token string
		want        smart.Refusal
		asks        string // who is asked
		of          string // whose it is
	}{
		{"opaque, of the first", "a_token", 0, "both", "both"},
		{"opaque, of the second", "b_token", 0, "asks", "asks"},
		{"opaque, of nobody", "c_token", smart.UnknownIssuer, "", ""},
		{"opaque, of the first by another case", "A_token", smart.UnknownIssuer, "", ""},
		{"two parts", "b_head.body", 0, "asks", "asks"},
		{"four parts", "b_a.b.c.d", 0, "asks", "asks"},
		{"three parts that are no JWT", "a_a.b.c", smart.NotJWS, "", ""},
		{"five parts", "b_a.b.c.d.e", smart.NotJWS, "", ""},
		{"not of a token's letters", "b_t oken", smart.NotJWS, "", ""},
		{"a letter that is none", "b_\u00e9", smart.NotJWS, "", ""},
		{"signs of filling only", "==", smart.NotJWS, "", ""},
		{"nothing", "", smart.NotJWS, "", ""},
		{"JWT of one with keys and introspection", jwt("both", keys().rsa), 0, "", "both"},
		{"JWT of one with keys and introspection, forged", jwt("both", keys().rsaOther), smart.BadSignature, "", ""},
		{"JWT of one with keys and introspection, alg none", encode(goodHeader().with("alg", "none")) + "." + encode(goodClaims(url["both"], now)) + ".", smart.WrongAlgorithm, "", ""},
		{"JWT of one with keys", jwt("keys", keys().rsa), 0, "", "keys"},
		{"JWT of one with keys, forged", jwt("keys", keys().rsaOther), smart.BadSignature, "", ""},
		{"JWT of one without keys", jwt("asks", keys().rsaOther), 0, "asks", "asks"},
		{"JWT of one without keys, that brings a key", sign("RS384", keys().rsa, goodHeader().with("jwk", jwk("rsa", keys().rsa)), goodClaims(url["asks"], now)), smart.WrongHeader, "", ""},
		{"JWT of nobody", sign("RS384", keys().rsa, goodHeader(), goodClaims("https://other.test", now)), smart.UnknownIssuer, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := map[string]int{}
			for name, k := range servers {
				before[name] = k.heard()
			}
			got, err := v.Verify(t.Context(), []string{"Bearer " + c.token})
			if r := smart.RefusalOf(err); r != c.want {
				t.Errorf("refused for %v, want %v", r, c.want)
			}
			if got.Issuer != url[c.of] {
				t.Errorf("it is %q's", got.Issuer)
			}
			for name, k := range servers {
				n := k.heard() - before[name]
				if want := name == c.asks; want != (n == 1) || n > 1 {
					t.Errorf("%s was asked %d times", name, n)
				}
			}
		})
	}
}

func TestNewVerifierRefusesIntrospection(t *testing.T) {
	secret := secretFile(t)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k := keys()
	for _, c := range []struct {
		name   string
		change func(*smart.Introspection)
		other  string // prefix of another issuer's tokens; "-": there is none
		ok     bool
	}{
		{"good", func(*smart.Introspection) {}, "-", true},
		{"good, RSA", func(i *smart.Introspection) { i.SecretFile, i.Key = "", k.rsa }, "-", true},
		{"good, P-384", func(i *smart.Introspection) { i.SecretFile, i.Key = "", k.p384 }, "-", true},
		{"good, two", func(i *smart.Introspection) { i.Prefix = "a_" }, "b_", true},
		{"two, one without a prefix", func(i *smart.Introspection) { i.Prefix = "a_" }, "", false},
		{"two, one prefix", func(i *smart.Introspection) { i.Prefix = "a_" }, "a_", false},
		{"two, one prefix within the other", func(i *smart.Introspection) { i.Prefix = "a_b" }, "a_", false},
		{"no URL", func(i *smart.Introspection) { i.URL = "" }, "-", false},
		{"http", func(i *smart.Introspection) { i.URL = "http://idp.test/introspect" }, "-", false},
		{"no client", func(i *smart.Introspection) { i.ClientID = "" }, "-", false},
		{"no proof", func(i *smart.Introspection) { i.SecretFile = "" }, "-", false},
		{"two proofs", func(i *smart.Introspection) { i.Key = k.rsa }, "-", false},
		{"no such file", func(i *smart.Introspection) { i.SecretFile += "x" }, "-", false},
		{"an empty file", func(i *smart.Introspection) { i.SecretFile = empty }, "-", false},
		{"a weak key", func(i *smart.Introspection) { i.SecretFile, i.Key = "", k.rsaWeak }, "-", false},
		{"P-256", func(i *smart.Introspection) { i.SecretFile, i.Key = "", k.p256 }, "-", false},
		{"kept for long", func(i *smart.Introspection) { i.Keep = 61 * time.Second }, "-", false},
		{"kept for less than nothing", func(i *smart.Introspection) { i.Keep = -1 }, "-", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := smart.Introspection{URL: "https://idp.test/introspect", ClientID: "gw", SecretFile: secret}
			c.change(&i)
			cfg := smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: "https://idp.test", Introspection: &i}}}
			if c.other != "-" {
				cfg.Issuers = append(cfg.Issuers, smart.Issuer{Name: "https://b.test", Introspection: &smart.Introspection{
					URL: "https://b.test/introspect", ClientID: "gw", SecretFile: secret, Prefix: c.other}})
			}
			v, err := smart.NewVerifier(cfg)
			if (err == nil) != c.ok || err != nil && !errors.Is(err, concord.Invalid) {
				t.Errorf("err = %v, want accepted: %v", err, c.ok)
			}
			if v != nil {
				v.Close()
			}
		})
	}
}
