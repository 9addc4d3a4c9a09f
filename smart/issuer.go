package smart

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"concord/fhir"
)

// Issuer is one authorization server. At most one of JWKSURL and JWKSFile is set, and at least one of the two and
// Introspection.
type Issuer struct {
	Name     string // iss, byte for byte
	JWKSURL  string // where its keys are; https, or http on loopback
	JWKSFile string // a JWK Set on disk, looked at again every minute
	// Introspection is how it is asked about tokens that it did not sign for us to read; nil: it issues none.
	Introspection *Introspection
	// Algorithms are those that its signatures may be of; none: RS256, RS384, PS256, PS384, ES256 and ES384. No other holds.
	Algorithms []string
	// Tenants are those that it may speak for; none: all. When there is one, a token that names no tenant is of that one.
	Tenants []string
	Claims  Claims
}

// issuer is an Issuer at work.
type issuer struct {
	name       string
	algorithms []jose.SignatureAlgorithm // nil: all that hold
	tenants    []string
	claims     Claims
	keys       *keyring      // nil: it publishes none
	asks       *introspector // nil: it can't be asked
}

// newIssuer makes an issuer whose fetches go over a transport, last as long as life, and count in wait.
func newIssuer(i Issuer, over http.RoundTripper, life context.Context, wait *sync.WaitGroup) (*issuer, error) { //nolint:revive // life is no request's
	out := &issuer{name: i.Name, tenants: i.Tenants, claims: i.Claims.withDefaults()}
	if i.Name == "" {
		return nil, errors.New("smart: an issuer without a name")
	}
	for _, a := range i.Algorithms {
		alg := jose.SignatureAlgorithm(a)
		if familyOf(alg) == familyNone {
			return nil, errors.New("smart: an algorithm that does not hold")
		}
		out.algorithms = append(out.algorithms, alg)
	}
	switch {
	case i.JWKSURL != "" && i.JWKSFile != "":
		return nil, errors.New("smart: an issuer has a key URL or a key file, not both")
	case i.JWKSURL != "":
		if err := checkURL(i.JWKSURL); err != nil {
			return nil, err
		}
		out.keys = &keyring{fetch: fetchURL(over, i.JWKSURL), life: life, wait: wait}
	case i.JWKSFile != "":
		out.keys = &keyring{fetch: fetchFile(i.JWKSFile), life: life, wait: wait}
	case i.Introspection == nil:
		return nil, errors.New("smart: an issuer needs keys or introspection")
	}
	if i.Introspection != nil {
		asks, err := newIntrospector(*i.Introspection, i.Name, over, life, wait)
		if err != nil {
			return nil, err
		}
		out.asks = asks
	}
	return out, nil
}

// takes tells whether alg may be used by the issuer. It is asked before keys are.
func (i *issuer) takes(alg jose.SignatureAlgorithm) bool {
	return familyOf(alg) != familyNone && (i.algorithms == nil || slices.Contains(i.algorithms, alg))
}

// still tells whether what was found out before is so. Asking for the keys also keeps them fresh when every token is a
// known one.
func (i *issuer) still(ctx context.Context, known *verified) bool {
	if known.set == nil {
		return true
	}
	set, err := i.keys.current(ctx)
	return err == nil && set == known.set
}

// keyFor finds the key for c, in a fresh set when the one at hand does not have it.
func (i *issuer) keyFor(ctx context.Context, c *compact) (*keySet, key, error) {
	began := time.Now()
	set, err := i.keys.current(ctx)
	if err != nil {
		return nil, key{}, err
	}
	if k, ok := set.find(c); ok {
		return set, k, nil
	}
	if !i.keys.newerThan(began) {
		if set, err = i.keys.another(ctx, set); err != nil {
			return nil, key{}, err
		}
		if k, ok := set.find(c); ok {
			return set, k, nil
		}
	}
	return nil, key{}, refuse(UnknownKey)
}

// token reads what the issuer says of a token, and holds it to the tenants that the issuer may speak for.
func (i *issuer) token(claims fhir.Value, exp time.Time) (Token, Refusal) {
	t, refusal := readToken(claims, i.claims, exp)
	if refusal != 0 {
		return Token{}, refusal
	}
	t.Issuer = i.name
	if t.Tenant == "" && len(i.tenants) == 1 {
		t.Tenant = i.tenants[0]
	}
	if len(i.tenants) > 0 && !slices.Contains(i.tenants, t.Tenant) {
		return Token{}, ForeignTenant
	}
	return t, 0
}
