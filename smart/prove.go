package smart

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Introspection is how an issuer is asked about tokens (RFC 7662). The gateway proves who it is with exactly one of
// SecretFile and Key.
type Introspection struct {
	URL      string // https, or http on loopback. Redirects are not followed
	ClientID string // the gateway's at this issuer
	// SecretFile holds the client's secret for HTTP Basic (client_secret_basic). It is read for each question, so that it
	// can be exchanged.
	SecretFile string
	Key        crypto.Signer // for private_key_jwt: RSA of at least 2048 bits signs RS384, ECDSA on P-384 signs ES384
	KeyID      string        // the assertion's kid; "": none is sent
	Audience   string        // the assertion's aud; "": the issuer's name
	// Prefix is what this issuer's opaque tokens begin with, and no other issuer's. Only when no other issuer has
	// introspection may it be "", which is all of them.
	Prefix string
	// Keep is for how long a token is taken to be active once the issuer said so, and never past its exp: at most, and by
	// default, a minute. That one does not hold is remembered for ten seconds, and a failure not at all.
	Keep time.Duration
	// AudienceOptional takes a response without aud, as SMART App Launch allows. Only for a server whose tokens are all for
	// this gateway: it can't be seen from such a response whom a token was meant for. One with aud must name us all the same.
	AudienceOptional bool
}

// assertionLife is how long an assertion holds. It is used at once.
const assertionLife = time.Minute

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// maxSecret bounds a secret's file, in bytes.
const maxSecret = 4 << 10

var (
	errSecret = errors.New("smart: the file of a client secret can't be read, is empty, or is none")
	errSigner = errors.New("smart: the key for introspection is neither RSA of 2048 bits or more, nor ECDSA on P-384")
)

func newIntrospector(c Introspection, issuer string, over http.RoundTripper, life context.Context, wait *sync.WaitGroup) (*introspector, error) { //nolint:revive // life is no request's
	if err := checkURL(c.URL); err != nil {
		return nil, err
	}
	if c.Keep == 0 {
		c.Keep = keepActive
	}
	if c.ClientID == "" || c.Keep < 0 || c.Keep > keepActive || (c.SecretFile == "") == (c.Key == nil) {
		return nil, errors.New("smart: introspection needs a client, one of secret and key, and is believed for a minute at most")
	}
	if c.Audience == "" {
		c.Audience = issuer
	}
	i := &introspector{url: c.URL, prefix: c.Prefix, keep: c.Keep, anyAud: c.AudienceOptional, life: life, wait: wait,
		asking: make(map[digest]*question), http: http.Client{Transport: over, // no Timeout: the context has one
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	var err error
	if c.Key != nil {
		i.prove, err = proveByKey(c)
	} else {
		i.prove, err = proveBySecret(c)
	}
	return i, err
}

// prover adds to a question who asks it.
type prover func(form url.Values, header http.Header) error

// proveBySecret is HTTP Basic with both halves form-encoded (RFC 6749 §2.3.1).
func proveBySecret(c Introspection) (prover, error) {
	_, err := readSecret(c.SecretFile)
	return func(_ url.Values, header http.Header) error {
		secret, err := readSecret(c.SecretFile)
		if err != nil {
			return err
		}
		req := http.Request{Header: header}
		req.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(secret))
		return nil
	}, err
}

func readSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if b = bytes.TrimSpace(b); err != nil || len(b) == 0 || len(b) > maxSecret {
		return "", errSecret
	}
	return string(b), nil
}

// proveByKey is a signed assertion (RFC 7523 §2.2, SMART App Launch 2.2 client-confidential-asymmetric), a new one for each
// question.
func proveByKey(c Introspection) (prover, error) {
	alg, ok := algorithmOf(c.Key)
	if !ok {
		return nil, errSigner
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if c.KeyID != "" {
		opts = opts.WithHeader(jose.HeaderKey("kid"), c.KeyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: cryptosigner.Opaque(c.Key)}, opts)
	if err != nil {
		return nil, errSigner
	}
	return func(form url.Values, _ http.Header) error {
		now := time.Now()
		assertion, err := jwt.Signed(signer).Claims(map[string]any{"iss": c.ClientID, "sub": c.ClientID, "aud": c.Audience,
			"jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix()}).Serialize()
		if err != nil {
			return err
		}
		form.Set("client_id", c.ClientID)
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
		return nil
	}, nil
}

// algorithmOf is what a private key signs with.
func algorithmOf(key crypto.Signer) (jose.SignatureAlgorithm, bool) {
	switch k := key.Public().(type) {
	case *rsa.PublicKey:
		return jose.RS384, k.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		return jose.ES384, k.Curve == elliptic.P384()
	}
	return "", false
}
