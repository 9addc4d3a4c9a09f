package smart_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/fhir"
	"concord/smart"
)

func TestConfiguration(t *testing.T) {
	for _, c := range []struct {
		name string
		s    smart.AuthServer
		want map[string]any
	}{
		{"nothing known", smart.AuthServer{Issuer: "https://idp.test"}, map[string]any{
			"grant_types_supported":            []any{},
			"capabilities":                     []any{"permission-patient", "permission-user", "permission-v1", "permission-v2"},
			"code_challenge_methods_supported": []any{"S256"},
		}},
		{"all", smart.AuthServer{Issuer: "https://idp.test", JWKSURL: "https://idp.test/keys", TokenEndpoint: "https://idp.test/token",
			AuthorizationEndpoint: "https://idp.test/auth", IntrospectionEndpoint: "https://idp.test/introspect", RevocationEndpoint: "https://idp.test/revoke",
			Capabilities: []string{"launch-standalone", "permission-v2"}, ClientCredentials: true}, map[string]any{
			"issuer": "https://idp.test", "jwks_uri": "https://idp.test/keys", "token_endpoint": "https://idp.test/token",
			"authorization_endpoint": "https://idp.test/auth", "introspection_endpoint": "https://idp.test/introspect",
			"revocation_endpoint": "https://idp.test/revoke", "response_types_supported": []any{"code"},
			"grant_types_supported":                            []any{"authorization_code", "client_credentials"},
			"token_endpoint_auth_methods_supported":            []any{"private_key_jwt"},
			"token_endpoint_auth_signing_alg_values_supported": []any{"RS384", "ES384"},
			"capabilities":                     []any{"client-confidential-asymmetric", "launch-standalone", "permission-patient", "permission-user", "permission-v1", "permission-v2"},
			"code_challenge_methods_supported": []any{"S256"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := smart.Configuration(c.s, []fhir.ResourceType{"Patient"})
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			c.want["scopes_supported"] = []any{"patient/*.rs", "patient/Patient.rs", "user/*.rs", "user/Patient.rs", "system/*.rs", "system/Patient.rs"}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestScopesSupportedAreSupported: each scope that is advertised is one that we take, granular ones included.
func TestScopesSupportedAreSupported(t *testing.T) {
	all := smart.ScopesSupported([]fhir.ResourceType{"Observation", "Condition", "DocumentReference", "Observation"})
	if len(all) != 3*(1+6+4+2) {
		t.Errorf("%d scopes: %q", len(all), all)
	}
	for _, s := range all {
		got, invalid := smart.ParseScopes(s)
		if invalid != 0 || len(got) != 1 || got[0].String() != s {
			t.Errorf("%q is not taken", s)
		}
	}
}
