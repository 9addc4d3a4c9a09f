package connectors

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
	"github.com/go-jose/go-jose/v4/jwt"

	"concord"
)

// Endpoint is where and how a client asks for its token.
type Endpoint struct {
	Source    concord.SourceID
	TokenURL  string
	ClientID  string
	Scopes    []string          // empty: the scope parameter is left out, and the registration decides
	Transport http.RoundTripper // default NewTransport(nil)
}

func (e Endpoint) open(prove func(url.Values, http.Header) error) (TokenSource, error) {
	if u, err := url.Parse(e.TokenURL); err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, &concord.Fault{Op: "configure: token URL", Kind: concord.Invalid, Source: e.Source}
	}
	if e.ClientID == "" {
		return nil, &concord.Fault{Op: "configure: client id", Kind: concord.Invalid, Source: e.Source}
	}
	if e.Transport == nil {
		e.Transport = NewTransport(nil)
	}
	at := &endpoint{source: e.Source, url: e.TokenURL, http: plainClient(e.Transport), scopes: e.Scopes, prove: prove}
	return &cache{source: e.Source, obtain: at.obtain}, nil
}

// NewClientSecret is the TokenSource of OAuth 2.0 client credentials with HTTP Basic (RFC 6749 2.3.1). Its error is a
// *concord.Fault of Kind Invalid.
func NewClientSecret(e Endpoint, secret string) (TokenSource, error) {
	if secret == "" {
		return nil, &concord.Fault{Op: "configure: client secret", Kind: concord.Invalid, Source: e.Source}
	}
	pair := url.QueryEscape(e.ClientID) + ":" + url.QueryEscape(secret)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	return e.open(func(_ url.Values, h http.Header) error {
		h.Set("Authorization", basic)
		return nil
	})
}

// Signing is what a backend service signs its assertions with.
type Signing struct {
	Key      crypto.Signer // RSA of at least 2048 bits signs RS384, ECDSA on P-384 signs ES384
	KeyID    string        // the assertion's kid; empty: none is sent
	Audience string        // the assertion's aud; empty: the token URL
}

// assertionLife is how long an assertion holds. Epic takes five minutes at most, by its own clock.
const assertionLife = 4*time.Minute + 30*time.Second

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// NewBackendServices is the TokenSource of SMART Backend Services with private_key_jwt
// (http://hl7.org/fhir/smart-app-launch/backend-services.html): a new assertion for each request, used once. Its error is
// a *concord.Fault of Kind Invalid.
func NewBackendServices(e Endpoint, s Signing) (TokenSource, error) {
	alg, ok := algorithm(s.Key)
	if !ok {
		return nil, &concord.Fault{Op: "configure: private key", Kind: concord.Invalid, Source: e.Source}
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if s.KeyID != "" {
		opts = opts.WithHeader(jose.HeaderKey("kid"), s.KeyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: cryptosigner.Opaque(s.Key)}, opts)
	if err != nil {
		return nil, &concord.Fault{Op: "configure: private key", Kind: concord.Invalid, Source: e.Source, Err: err}
	}
	audience := s.Audience
	if audience == "" {
		audience = e.TokenURL
	}
	return e.open(func(form url.Values, _ http.Header) error {
		now := time.Now()
		// aud is one string: some endpoints take no array
		assertion, err := jwt.Signed(signer).Claims(map[string]any{
			"iss": e.ClientID, "sub": e.ClientID, "aud": audience, "jti": rand.Text(),
			"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
		}).Serialize()
		if err != nil {
			return err
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
		return nil
	})
}

// algorithm is what a key signs with.
func algorithm(key crypto.Signer) (jose.SignatureAlgorithm, bool) {
	if key == nil {
		return "", false
	}
	switch k := key.Public().(type) {
	case *rsa.PublicKey:
		return jose.RS384, k.Size() >= 256
	case *ecdsa.PublicKey:
		return jose.ES384, k.Curve == elliptic.P384()
	}
	return "", false
}
