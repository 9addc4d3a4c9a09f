package smart

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"concord/fhir"
)

const (
	maxKeySet = 256 << 10 // bytes of a JWK Set
	maxKeys   = 50
	minRSA    = 2048 // bits (RFC 7518 §3.3)
	maxRSA    = 8192 // bits; verification takes the square of it
)

// errKeySet says that what the issuer gave is no JWK Set within bounds.
var errKeySet = errors.New("smart: not a JWK Set, or over a limit")

// family is what kind of key an algorithm needs.
type family uint8

const (
	familyNone family = iota
	familyRSA
	familyP256
	familyP384
)

// familyOf is what alg needs, or familyNone for one that does not hold. A token's alg is never used but by way of this table.
func familyOf(alg jose.SignatureAlgorithm) family {
	switch alg {
	case jose.RS256, jose.RS384, jose.PS256, jose.PS384:
		return familyRSA
	case jose.ES256:
		return familyP256
	case jose.ES384:
		return familyP384
	default:
		return familyNone
	}
}

// key is one public key that may verify tokens.
type key struct {
	kid    string
	alg    jose.SignatureAlgorithm // "" when the issuer did not bind it to one
	family family
	public any
}

// keySet is an issuer's keys as published at one time. It is immutable; a change is another *keySet, and whatever was
// verified with the former one is then void.
type keySet struct {
	keys []key
	sum  [sha256.Size]byte // of the document
}

// find is the one key that fits alg and kid. Without a kid, the set must hold no other key that fits alg: guessing by
// trial would let a token choose its key.
func (s *keySet) find(c *compact) (key, bool) {
	var found key
	n, want := 0, familyOf(c.alg)
	for _, k := range s.keys {
		if k.family == want && (k.alg == "" || k.alg == c.alg) && (!c.hasKid || k.kid == c.kid) {
			found, n = k, n+1
		}
	}
	return found, n == 1
}

// parseKeySet reads a JWK Set (RFC 7517 §5). Keys that can't verify a token here are left out: symmetric and private ones,
// those for encryption, weak or unknown ones. A set with none left is a set: the issuer may have withdrawn them all.
func parseKeySet(body []byte) (*keySet, error) {
	v, err := fhir.ParseValue(body, fhir.Limits{Bytes: maxKeySet, Depth: maxNested})
	if err != nil {
		return nil, err
	}
	list := v.Get("keys")
	if !list.IsArray() || list.Len() > maxKeys {
		return nil, errKeySet
	}
	s := &keySet{sum: sha256.Sum256(body)}
	for item := range list.Items() {
		if k, ok := parseKey(item); ok {
			s.keys = append(s.keys, k)
		}
	}
	return s, nil
}

func parseKey(v fhir.Value) (key, bool) {
	if kty := v.Get("kty"); !kty.Is("RSA") && !kty.Is("EC") || v.Get("d").Exists() {
		return key{}, false
	}
	if use := v.Get("use"); use.Exists() && !use.Is("sig") {
		return key{}, false
	}
	if ops := v.Get("key_ops"); ops.Exists() {
		verifies := false
		for op := range ops.Items() {
			verifies = verifies || op.Is("verify")
		}
		if !verifies {
			return key{}, false
		}
	}
	var j jose.JSONWebKey
	if j.UnmarshalJSON(v.Raw()) != nil {
		return key{}, false
	}
	k := key{kid: j.KeyID, alg: jose.SignatureAlgorithm(j.Algorithm), public: j.Key}
	switch p := j.Key.(type) {
	case *rsa.PublicKey:
		if bits := p.N.BitLen(); bits < minRSA || bits > maxRSA || isROCA(p.N) {
			return key{}, false
		}
		k.family = familyRSA
	case *ecdsa.PublicKey:
		switch p.Curve {
		case elliptic.P256():
			k.family = familyP256
		case elliptic.P384():
			k.family = familyP384
		}
	}
	return k, k.family != familyNone
}
