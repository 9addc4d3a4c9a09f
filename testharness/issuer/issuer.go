// Package issuer is a small OAuth authorization server on loopback, with which tests and the demo get tokens that are good
// and tokens that are bad in every way. It authenticates nobody: whoever asks its token endpoint gets a token.
package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Options say what the issuer puts into tokens that leave it open. The zero value works.
type Options struct {
	// Audience of the token endpoint's tokens; SetAudience changes it.
	Audience string
	// Subject, ClientID, Tenant and Role are defaults of claims; each empty one has a made-up value.
	Subject, ClientID, Tenant, Role string
	// GatewayID and GatewaySecret are who may ask about tokens; each empty one has a made-up value.
	GatewayID, GatewaySecret string
	// Lifetime of tokens; 0 is five minutes.
	Lifetime time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Claims are a token's claims. They are the caller's to change before signing.
type Claims map[string]any

// With is a copy of c with one claim set; a nil value takes it away.
func (c Claims) With(name string, value any) Claims {
	out := maps.Clone(c)
	if value == nil {
		delete(out, name)
	} else {
		out[name] = value
	}
	return out
}

// Issuer is a running authorization server. Its methods are safe for concurrent use.
type Issuer struct {
	o   Options
	url string
	srv *http.Server
	wg  sync.WaitGroup

	mu       sync.Mutex
	audience string
	rsa      *rsa.PrivateKey
	ec       *ecdsa.PrivateKey // P-384
	ec256    *ecdsa.PrivateKey // P-256
	turn     int               // of the keys
	old      []jose.JSONWebKey // public keys of earlier turns that are still published

	opaque map[string]Claims // by token, of those that hold

	down    atomic.Bool
	jwks    atomic.Int64
	asked   atomic.Int64
	serials atomic.Int64
	signIns signIns
}

// Start makes keys and serves on a free loopback port.
func Start(o Options) (*Issuer, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lifetime <= 0 {
		o.Lifetime = 5 * time.Minute
	}
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&o.Subject, "usr-4d1c77")
	set(&o.ClientID, "harness-app")
	set(&o.Tenant, "lakeside")
	set(&o.Role, "physician")
	set(&o.GatewayID, "concord-gateway")
	set(&o.GatewaySecret, "harness-secret")
	i := &Issuer{o: o, audience: o.Audience, opaque: map[string]Claims{}}
	if err := i.newKeys(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	i.url = "http://" + l.Addr().String()
	i.srv = &http.Server{Handler: i, ReadHeaderTimeout: time.Minute}
	i.wg.Go(func() { _ = i.srv.Serve(l) }) // ends with ErrServerClosed
	return i, nil
}

func (i *Issuer) newKeys() error {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	e256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.turn++
	i.rsa, i.ec, i.ec256 = r, e, e256
	return nil
}

// Close ends the server and waits for it.
func (i *Issuer) Close() error {
	err := i.srv.Close()
	i.wg.Wait()
	return err
}

// URL is the issuer's identifier, the iss of its tokens.
func (i *Issuer) URL() string { return i.url }

// JWKSURL is where its public keys are.
func (i *Issuer) JWKSURL() string { return i.url + "/jwks" }

// TokenURL is its token endpoint.
func (i *Issuer) TokenURL() string { return i.url + "/token" }

// SetAudience changes the aud of the token endpoint's tokens.
func (i *Issuer) SetAudience(aud string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.audience = aud
}

// SetDown makes every endpoint answer 503, or well again.
func (i *Issuer) SetDown(down bool) { i.down.Store(down) }

// JWKSHits is how often the public keys were fetched.
func (i *Issuer) JWKSHits() int { return int(i.jwks.Load()) }

// Rotate makes new keys. With keep the old public keys stay published, so that tokens signed before stay good.
func (i *Issuer) Rotate(keep bool) error {
	i.mu.Lock()
	old := i.current()
	i.mu.Unlock()
	if err := i.newKeys(); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if keep {
		i.old = append(i.old, old...)
	} else {
		i.old = nil
	}
	return nil
}

// current are the public keys of this turn; i.mu is held.
func (i *Issuer) current() []jose.JSONWebKey {
	kid := func(alg string) string { return fmt.Sprintf("%s-%d", strings.ToLower(alg), i.turn) }
	return []jose.JSONWebKey{
		{Key: i.rsa.Public(), KeyID: kid("rsa"), Use: "sig"},
		{Key: i.ec.Public(), KeyID: kid("es384"), Use: "sig", Algorithm: "ES384"},
		{Key: i.ec256.Public(), KeyID: kid("es256"), Use: "sig", Algorithm: "ES256"},
	}
}

// Keys are the public keys as published.
func (i *Issuer) Keys() jose.JSONWebKeySet {
	i.mu.Lock()
	defer i.mu.Unlock()
	return jose.JSONWebKeySet{Keys: append(i.current(), i.old...)}
}

// Claims are good claims for an audience with scopes: this issuer, valid now, with the defaults of Options.
func (i *Issuer) Claims(aud, scope string) Claims {
	now := i.o.Now()
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return Claims{"iss": i.url, "aud": aud, "sub": i.o.Subject, "client_id": i.o.ClientID, "scope": scope, "iat": now.Unix(), "nbf": now.Add(-5 * time.Second).Unix(),
		"exp": now.Add(i.o.Lifetime).Unix(), "jti": hex.EncodeToString(b[:]) + fmt.Sprint(i.serials.Add(1)), "tenant": i.o.Tenant, "role": i.o.Role}
}

// Token signs claims with RS384.
func (i *Issuer) Token(c Claims) (string, error) { return i.TokenAlg("RS384", c) }

// TokenAlg signs claims with one of RS256, RS384, RS512, PS256, PS384, ES256, ES384, and the kid that fits.
func (i *Issuer) TokenAlg(alg string, c Claims) (string, error) {
	return i.Sign(map[string]any{"alg": alg, "typ": "JWT", "kid": i.kid(alg)}, c)
}

// kid is the id of the key that an algorithm uses.
func (i *Issuer) kid(alg string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	keys := i.current()
	switch alg {
	case "ES384":
		return keys[1].KeyID
	case "ES256":
		return keys[2].KeyID
	}
	return keys[0].KeyID
}

// Sign makes a token with whatever header it is given, good or bad. By alg: an RS, PS or ES algorithm signs with the
// issuer's key, "none" leaves the signature empty, "HS256" uses the public RSA key's modulus as the secret, as an attacker
// would.
func (i *Issuer) Sign(header map[string]any, c Claims) (string, error) {
	alg, _ := header["alg"].(string)
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("issuer: %w", err)
	}
	i.mu.Lock()
	rsaKey, ec, ec256 := i.rsa, i.ec, i.ec256
	i.mu.Unlock()
	switch alg {
	case "none", "HS256":
		h, err := json.Marshal(header)
		if err != nil {
			return "", fmt.Errorf("issuer: %w", err)
		}
		in := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(payload)
		if alg == "none" {
			return in + ".", nil
		}
		mac := hmac.New(sha256.New, rsaKey.N.Bytes())
		_, _ = mac.Write([]byte(in)) // a hash never fails
		return in + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
	}
	var key crypto.Signer = rsaKey
	switch alg {
	case "ES384":
		key = ec
	case "ES256":
		key = ec256
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
	default:
		return "", errors.New("issuer: unknown alg " + alg)
	}
	return sign(key, alg, header, payload)
}

// Forge signs as Sign does, but with a key of nobody's.
func (i *Issuer) Forge(header map[string]any, c Claims) (string, error) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("issuer: %w", err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("issuer: %w", err)
	}
	alg, _ := header["alg"].(string)
	return sign(other, alg, header, payload)
}

func sign(key crypto.Signer, alg string, header map[string]any, payload []byte) (string, error) {
	o := &jose.SignerOptions{}
	for k, v := range header {
		if k != "alg" {
			o = o.WithHeader(jose.HeaderKey(k), v)
		}
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, o)
	if err != nil {
		return "", fmt.Errorf("issuer: %w", err)
	}
	sig, err := s.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("issuer: %w", err)
	}
	return sig.CompactSerialize()
}

// ServeHTTP serves jwks, the two discovery documents, and the authorization, token and introspection endpoints.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if i.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	switch r.URL.Path {
	case "/jwks":
		i.jwks.Add(1)
		w.Header().Set("Cache-Control", "max-age=300")
		answer(w, http.StatusOK, i.Keys())
	case "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server":
		answer(w, http.StatusOK, map[string]any{"issuer": i.url, "jwks_uri": i.JWKSURL(), "authorization_endpoint": i.AuthorizeURL(), "token_endpoint": i.TokenURL(), "introspection_endpoint": i.IntrospectionURL(),
			"grant_types_supported": []string{"client_credentials", "authorization_code"}, "response_types_supported": []string{"code", "token"}, "code_challenge_methods_supported": []string{"S256"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS384", "ES384"}})
	case "/authorize":
		i.authorize(w, r)
	case "/token":
		i.token(w, r)
	case "/introspect":
		i.introspect(w, r)
	default:
		http.NotFound(w, r)
	}
}

// token gives whoever asks a token with the scope, and with sub, patient, tenant and role if the form has them.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if r.Method == http.MethodPost && r.ParseForm() == nil && r.PostForm.Get("grant_type") == "authorization_code" {
		i.redeem(w, r)
		return
	}
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.PostForm.Get("grant_type") != "client_credentials" {
		answer(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	aud := r.PostForm.Get("audience")
	if aud == "" {
		i.mu.Lock()
		aud = i.audience
		i.mu.Unlock()
	}
	c := i.Claims(aud, r.PostForm.Get("scope"))
	for _, k := range []string{"sub", "patient", "tenant", "role", "client_id"} {
		if v := r.PostForm.Get(k); v != "" {
			c[k] = v
		}
	}
	t, err := i.Token(c)
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, map[string]any{"access_token": t, "token_type": "Bearer", "expires_in": int(i.o.Lifetime.Seconds()), "scope": r.PostForm.Get("scope")})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
