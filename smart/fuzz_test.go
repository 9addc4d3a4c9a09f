package smart_test

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"concord"
	"concord/smart"
)

// FuzzVerify holds Verify to one rule: nothing holds but what was signed, byte for byte.
func FuzzVerify(f *testing.F) {
	v, iss := listening(f, newAuthServer(), nil)
	k := keys()
	now := time.Now()
	good := []string{
		goodToken(iss, now),
		sign("ES256", k.p256, members{"alg": "ES256", "kid": "p256"}, goodClaims(iss, now)),
		sign("PS384", k.rsa, goodHeader().with("alg", "PS384"), goodClaims(iss, now)),
	}
	for _, g := range good {
		f.Add("Bearer " + g)
		f.Add("Bearer " + g[:len(g)-1])
		head, rest, _ := strings.Cut(g, ".")
		f.Add("Bearer " + encode(members{"alg": "none"}) + "." + rest)
		f.Add("Bearer " + head + "." + encode(goodClaims(iss, now).with("scope", "user/*.cruds")) + "." + g[strings.LastIndexByte(g, '.')+1:])
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := v.Verify(t.Context(), []string{header})
		if err != nil {
			if got != (smart.Token{}) {
				t.Fatal("an error, and a token")
			}
			if k := concord.KindOf(err); k != concord.Unauthorized || smart.RefusalOf(err) == 0 {
				t.Fatalf("refused as %v for %v", k, smart.RefusalOf(err))
			}
			return
		}
		_, token, _ := strings.Cut(header, " ")
		token = strings.Trim(token, " ")
		for _, g := range good {
			if token == g {
				return
			}
		}
		t.Fatal("a token holds that nobody signed")
	})
}

// FuzzVerifyClaims signs whatever claims come with the right key: what holds must be what another JSON reader, too, finds
// to be for us, from the issuer, and not expired.
func FuzzVerifyClaims(f *testing.F) {
	v, iss := listening(f, newAuthServer(), nil)
	exp := time.Now().Add(30 * time.Minute).Unix()
	for _, s := range []string{
		`{"iss":"ISS","aud":"AUD","sub":"x","exp":EXP}`,
		`{"iss":"ISS","aud":["AUD","y"],"sub":"x","exp":EXP,"scope":"user/*.rs","patient":"P"}`,
		`{"iss":"ISS","aud":"AUD","sub":"x","exp":EXP,"aud":"z"}`,
		`{"iss":"ISS","aud":"AUD","sub":"x","exp":"EXP"}`,
		`{"iss":"ISS","aud":"AUD","sub":"x","exp":EXP.5e0}`,
		`{"\u0069ss":"ISS","aud":"AUD","client_id":"x","exp":EXP,"nbf":-1}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, claims string) {
		if len(claims) > 4000 {
			return
		}
		claims = strings.NewReplacer("ISS", iss, "AUD", audience, "EXP", json.Number(jsonInt(exp)).String()).Replace(claims)
		got, err := v.Verify(t.Context(), []string{"Bearer " + sign("ES256", keys().p256, members{"alg": "ES256", "kid": "p256"}, claims)})
		if err != nil {
			return
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(claims), &m); err != nil {
			t.Fatalf("holds, and is no JSON: %v", err)
		}
		if m["iss"] != iss || got.Issuer != iss {
			t.Fatal("holds, and is of another issuer")
		}
		forUs := m["aud"] == audience
		if list, ok := m["aud"].([]any); ok {
			for _, a := range list {
				forUs = forUs || a == audience
			}
		}
		if !forUs {
			t.Fatal("holds, and is for another audience")
		}
		if e, ok := m["exp"].(float64); !ok || math.IsInf(e, 0) || e < float64(exp-1800-60) {
			t.Fatal("holds, and has expired")
		}
		for name, field := range map[string]string{"sub": got.Subject, "tenant": got.Tenant, "patient": got.PatientClaim, "scope": got.Scope} {
			if s, _ := m[name].(string); s != field {
				t.Fatalf("%s is read in two ways", name)
			}
		}
	})
}

// FuzzIntrospect lets an issuer answer whatever comes: a token holds only when another JSON reader, too, finds that it is
// active, for us, of this issuer, and not expired.
func FuzzIntrospect(f *testing.F) {
	k := newKnower()
	srv := httptest.NewServer(k)
	f.Cleanup(srv.Close)
	v, err := smart.NewVerifier(smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: srv.URL,
		Introspection: &smart.Introspection{URL: srv.URL + "/introspect", ClientID: "gw", SecretFile: secretFile(f)}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(v.Close)
	exp := time.Now().Add(30 * time.Minute).Unix()
	for _, s := range []string{
		`{"active":true,"iss":"ISS","aud":"AUD","sub":"x","exp":EXP,"scope":"user/*.rs"}`,
		`{"active":false}`, `{"active":"true"}`, `{"active":true,"active":false}`, `{"\u0061ctive":true,"aud":["AUD"],"client_id":"x","exp":EXP}`,
		`{"active":true,"aud":"AUD","sub":"x","exp":"EXP"}`, `{"active":true,"aud":"AUD","sub":"x","exp":EXP,"token_type":"DPoP"}`, `[]`, ``,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		answer = strings.NewReplacer("ISS", srv.URL, "AUD", audience, "EXP", jsonInt(exp)).Replace(answer)
		k.answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) })
		v.Purge()
		got, err := v.Verify(t.Context(), []string{"Bearer opaque"})
		if err != nil {
			if k := concord.KindOf(err); got != (smart.Token{}) || k != concord.Unauthorized && k != concord.Unavailable {
				t.Fatalf("refused as %v, with a token: %v", k, got != (smart.Token{}))
			}
			return
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(answer), &m); err != nil {
			t.Fatalf("holds, and is no JSON: %v", err)
		}
		if m["active"] != true || got.Issuer != srv.URL || m["iss"] != nil && m["iss"] != srv.URL {
			t.Fatal("holds, and is not active, or of another issuer")
		}
		forUs := m["aud"] == audience
		if list, ok := m["aud"].([]any); ok {
			for _, a := range list {
				forUs = forUs || a == audience
			}
		}
		if e, ok := m["exp"].(float64); !forUs || !ok || e < float64(exp-1800-60) {
			t.Fatal("holds, and is for another, or has expired")
		}
	})
}

func jsonInt(n int64) string {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	return string(b)
}
