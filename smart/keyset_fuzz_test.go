package smart_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"concord/smart"
)

// FuzzKeySet: whatever an issuer publishes, a token holds by it only when another reader, too, finds exactly the key that
// signed it, public, for signatures, and for that algorithm; and how long the set is kept is within our bounds.
func FuzzKeySet(f *testing.F) {
	k := keys()
	good, err := json.Marshal(jwk("p256", k.p256))
	if err != nil {
		f.Fatal(err)
	}
	private, err := json.Marshal(jose.JSONWebKey{Key: k.p256, KeyID: "p256"})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		`{"keys":[GOOD]}`, `{"keys":[GOOD,GOOD]}`, `{"keys":[PRIVATE]}`, `{"keys":GOOD}`, `{"keys":[]}`, `{}`, `[]`, ``, `{"keys":[null,1,{"kty":"oct","k":"AA"},GOOD]}`,
		`{"keys":[GOOD],"keys":[]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"p256"}]}`,
	} {
		f.Add(s, "max-age=600, private")
	}
	f.Add(`{"keys":[GOOD]}`, `no-cache`)
	f.Add(`{"keys":[GOOD]}`, `max-age="99999999999999999999",max-age=-1`)
	token := sign("ES256", k.p256, members{"alg": "ES256", "kid": "p256"}, `{"x":1}`)
	f.Fuzz(func(t *testing.T, set, cacheControl string) {
		if ttl := smart.TTLOf(cacheControl); ttl < 5*time.Minute || ttl > 24*time.Hour {
			t.Fatalf("kept for %v", ttl)
		}
		set = strings.NewReplacer("GOOD", string(good), "PRIVATE", string(private)).Replace(set)
		if _, refusal := smart.CheckKeySet([]byte(set), token); refusal != 0 {
			return
		}
		var list struct {
			Keys []json.RawMessage `json:"keys"`
		}
		if err := json.Unmarshal([]byte(set), &list); err != nil {
			t.Fatalf("holds, and is no JSON: %v", err)
		}
		fits := 0
		for _, raw := range list.Keys {
			var m map[string]any
			var j jose.JSONWebKey
			if json.Unmarshal(raw, &m) != nil || j.UnmarshalJSON(raw) != nil || !j.Valid() || !j.IsPublic() || m["d"] != nil {
				continue
			}
			if use, ok := m["use"]; ok && use != "sig" || j.KeyID != "p256" || j.Algorithm != "" && j.Algorithm != "ES256" {
				continue
			}
			if k.p256.PublicKey.Equal(j.Key) {
				fits++
			}
		}
		if fits != 1 {
			t.Fatalf("holds by a set in which %d keys fit", fits)
		}
	})
}
