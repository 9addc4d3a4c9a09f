package smart_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"concord/smart"
)

const audience = "https://gw.test/fhir/r4"

// members is a JSON object that tests change at will.
type members map[string]any

func (m members) with(name string, v any) members {
	out := members{}
	for k, x := range m {
		out[k] = x
	}
	if out[name] = v; v == nil {
		delete(out, name)
	}
	return out
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encode(v any) string {
	if s, ok := v.(string); ok { // JSON as it is
		return b64([]byte(s))
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b64(b)
}

// keys are made once: an RSA key takes a while.
var keys = sync.OnceValue(func() (k struct {
	rsa, rsaOther, rsaWeak *rsa.PrivateKey
	p256, p384             *ecdsa.PrivateKey
}) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var err error
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.rsaOther, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.rsaWeak, err = rsa.GenerateKey(rand.Reader, 1024) // weak on purpose
	must(err)
	k.p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	k.p384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	return k
})

// sign makes a compact JWS with whatever header and claims, as alg says; header may claim another.
func sign(alg string, key any, header, claims any) string {
	in := encode(header) + "." + encode(claims)
	return in + "." + b64(signature(alg, key, in))
}

func signature(alg string, key any, in string) []byte {
	h := crypto.SHA256
	if len(alg) == 5 && alg[2:] == "384" {
		h = crypto.SHA384
	}
	digest := h.New()
	digest.Write([]byte(in))
	sum := digest.Sum(nil)
	var out []byte
	var err error
	switch alg[:2] {
	case "HS":
		m := hmac.New(sha256.New, key.([]byte))
		m.Write([]byte(in))
		out = m.Sum(nil)
	case "RS":
		out, err = rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), h, sum)
	case "PS":
		out, err = rsa.SignPSS(rand.Reader, key.(*rsa.PrivateKey), h, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case "ES":
		k := key.(*ecdsa.PrivateKey)
		var r, s *big.Int
		r, s, err = ecdsa.Sign(rand.Reader, k, sum)
		if err == nil {
			n := (k.Params().BitSize + 7) / 8
			out = append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...)
		}
	}
	if err != nil {
		panic(err)
	}
	return out
}

// jwk is the public part of key as a JWK Set has it.
func jwk(kid string, key any) members {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return members{"kty": "RSA", "kid": kid, "use": "sig", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PrivateKey:
		n := (k.Params().BitSize + 7) / 8
		return members{"kty": "EC", "kid": kid, "crv": k.Params().Name,
			"x": b64(k.X.FillBytes(make([]byte, n))), "y": b64(k.Y.FillBytes(make([]byte, n)))}
	}
	panic("no such key")
}

// authServer is an authorization server's key endpoint.
type authServer struct {
	mu    sync.Mutex
	keys  []any
	serve http.HandlerFunc // in place of the key set, when set
	cache string           // Cache-Control
	hits  int
}

func (s *authServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.hits++
	serve, set, cache := s.serve, members{"keys": s.keys}, s.cache
	s.mu.Unlock()
	if serve != nil {
		serve(w, r)
		return
	}
	if cache != "" {
		w.Header().Set("Cache-Control", cache)
	}
	_ = json.NewEncoder(w).Encode(set)
}

// set changes what is served.
func (s *authServer) set(f func(*authServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *authServer) fetched() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

// newAuthServer serves one key of each kind.
func newAuthServer() *authServer {
	k := keys()
	return &authServer{keys: []any{jwk("rsa", k.rsa), jwk("p256", k.p256), jwk("p384", k.p384)}}
}

// listening is an authServer on loopback and a Verifier that trusts it under the name returned.
func listening(t testing.TB, s *authServer, change func(*smart.Config)) (*smart.Verifier, string) {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	cfg := smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: srv.URL, JWKSURL: srv.URL + "/keys"}}}
	if change != nil {
		change(&cfg)
	}
	v, err := smart.NewVerifier(cfg)
	if err != nil {
		t.Fatalf("NewVerifier: %v", err)
	}
	t.Cleanup(v.Close)
	return v, srv.URL
}

// goodClaims hold at time now.
func goodClaims(issuer string, now time.Time) members {
	return members{"iss": issuer, "aud": audience, "sub": "u-1", "client_id": "app-1", "scope": "patient/*.rs", "patient": "P1",
		"tenant": "t-1", "role": "nurse", "jti": "j-1", "fhirUser": "Practitioner/9", "iat": now.Unix(), "exp": now.Unix() + 300}
}

func goodHeader() members { return members{"alg": "RS384", "kid": "rsa", "typ": "at+jwt"} }

func goodToken(issuer string, now time.Time) string {
	return sign("RS384", keys().rsa, goodHeader(), goodClaims(issuer, now))
}
