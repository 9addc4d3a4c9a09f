package smart_test

import (
	"crypto"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"concord/smart"
)

// TestIntrospectByKey: each question is proved with an assertion of its own, made as the SMART backend profile has it.
func TestIntrospectByKey(t *testing.T) {
	k := keys()
	for _, c := range []struct {
		name, alg, kid, audience, want string
		key                            crypto.Signer
	}{
		{"RSA", "RS384", "", "", remote, k.rsa},
		{"P-384", "ES384", "gw-1", remote + "/token", remote + "/token", k.p384},
	} {
		t.Run(c.name, func(t *testing.T) {
			knowing(t, func(cfg *smart.Config) {
				i := cfg.Issuers[0].Introspection
				i.SecretFile, i.Key, i.KeyID, i.Audience = "", c.key, c.kid, c.audience
			}, func(t *testing.T, s *knower, v *smart.Verifier) {
				var forms []url.Values
				s.answers(func(w http.ResponseWriter, r *http.Request) {
					forms = append(forms, r.PostForm)
					if r.Header.Get("Authorization") != "" {
						t.Error("two proofs")
					}
					_, _ = w.Write([]byte(`{"active":false}`))
				})
				try(t, v, "one", smart.Inactive)
				try(t, v, "two", smart.Inactive)
				ids := map[any]bool{}
				for _, f := range forms {
					if f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || f.Get("client_id") != "gate way" {
						t.Error("not a proof by assertion")
					}
					sig, err := jose.ParseSignedCompact(f.Get("client_assertion"), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(c.alg)})
					if err != nil {
						t.Fatal(err)
					}
					body, err := sig.Verify(c.key.Public())
					if err != nil {
						t.Fatal(err)
					}
					h := sig.Signatures[0].Header
					if h.KeyID != c.kid || h.ExtraHeaders["typ"] != "JWT" {
						t.Errorf("kid %q, typ %v", h.KeyID, h.ExtraHeaders["typ"])
					}
					var claims map[string]any
					if err := json.Unmarshal(body, &claims); err != nil {
						t.Fatal(err)
					}
					ids[claims["jti"]] = true
					delete(claims, "jti")
					now := float64(time.Now().Unix())
					if d := cmp.Diff(map[string]any{"iss": "gate way", "sub": "gate way", "aud": c.want, "iat": now, "exp": now + 60}, claims); d != "" {
						t.Error(d)
					}
				}
				if len(ids) != 2 {
					t.Errorf("%d different assertions for two questions", len(ids))
				}
			})
		})
	}
}

// TestIntrospectSecretIsExchanged: a new secret in the file is used for the next question, and none is asked without one.
func TestIntrospectSecretIsExchanged(t *testing.T) {
	var path string
	knowing(t, func(c *smart.Config) { path = c.Issuers[0].Introspection.SecretFile }, func(t *testing.T, k *knower, v *smart.Verifier) {
		write := func(s string) {
			if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		try(t, v, "one", smart.Inactive)
		write("next")
		try(t, v, "two", smart.Inactive)
		write("")
		try(t, v, "three", smart.IssuerUnreachable)
		if d := cmp.Diff([]string{"gate+way:s%25cret+%C3%A9", "gate+way:next"}, k.client); d != "" {
			t.Error(d)
		}
	})
}
