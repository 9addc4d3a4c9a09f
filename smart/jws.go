package smart

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"math/big"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"concord/fhir"
)

const (
	maxHeader = 2 << 10 // bytes of a JOSE header; one without certificates is a tenth of that
	maxNested = 16      // depth of a header or of claims
)

// compact is a compact JWS (RFC 7515 §3.1) taken apart and not verified yet.
type compact struct {
	alg       jose.SignatureAlgorithm
	kid       string
	hasKid    bool
	typ       string // lower case, without "application/"
	payload   []byte
	signed    []byte // the first two parts, as they are
	signature []byte
}

// isJOSE tells whether raw has the form of a compact JWS or JWE, by the number of its parts alone: what is meant for one and
// is broken must not pass for something else.
func isJOSE(raw string) bool {
	dots := strings.Count(raw, ".")
	return dots == 2 || dots == 4
}

// isOpaque tells whether raw can be a bearer token that only its issuer understands (b64token, RFC 6750 §2.1).
func isOpaque(raw string) bool {
	body := strings.TrimRight(raw, "=")
	for _, c := range []byte(body) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return body != "" && !isJOSE(raw)
}

// parseCompact takes raw apart, as strictly as can be: no white space within base64, no bits left
// over, no member twice, no escaped names, so that no two readers can understand a token differently.
func parseCompact(raw string) (c compact, _ Refusal) {
	head, rest, ok := strings.Cut(raw, ".")
	body, sig, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || body == "" {
		return c, NotJWS
	}
	if base64.RawURLEncoding.DecodedLen(len(head)) > maxHeader {
		return c, TooLong
	}
	b, ok := decode(head)
	if !ok {
		return c, NotJWS
	}
	h, ok := object(b)
	if !ok {
		return c, NotJWS
	}
	if c.payload, ok = decode(body); !ok {
		return c, NotJWS
	}
	if c.signature, ok = decode(sig); !ok {
		return c, NotJWS
	}
	c.signed = []byte(raw[:len(head)+1+len(body)])
	return c, c.header(h)
}

// header reads the JOSE header.
func (c *compact) header(h fhir.Value) Refusal {
	for _, name := range [...]string{"crit", "b64", "zip", "jwk", "jku", "x5u", "x5c"} {
		if h.Get(name).Exists() {
			return WrongHeader
		}
	}
	alg, kid, typ := h.Get("alg"), h.Get("kid"), h.Get("typ")
	if kid.Exists() && !kid.IsString() || typ.Exists() && !typ.IsString() {
		return WrongHeader
	}
	if alg.IsString() {
		c.alg = jose.SignatureAlgorithm(alg.Text())
	}
	c.kid, c.hasKid = kid.Text(), kid.Exists()
	c.typ = strings.TrimPrefix(strings.ToLower(typ.Text()), "application/")
	return 0
}

// verify checks the signature with key, which must be of the family that alg needs. An RSA-PSS salt is as long as the hash
// (RFC 7518 §3.5), and an ECDSA signature is two numbers of the curve's length (§3.4); libraries take others too.
func (c *compact) verify(key any) bool {
	var hash crypto.Hash
	var sum []byte
	switch c.alg {
	case jose.RS256, jose.PS256, jose.ES256:
		h := sha256.Sum256(c.signed)
		hash, sum = crypto.SHA256, h[:]
	default:
		h := sha512.Sum384(c.signed)
		hash, sum = crypto.SHA384, h[:]
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		if c.alg == jose.PS256 || c.alg == jose.PS384 {
			return rsa.VerifyPSS(k, hash, sum, c.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(k, hash, sum, c.signature) == nil
	case *ecdsa.PublicKey:
		n := (k.Curve.Params().BitSize + 7) / 8
		if len(c.signature) != 2*n {
			return false
		}
		return ecdsa.Verify(k, sum, new(big.Int).SetBytes(c.signature[:n]), new(big.Int).SetBytes(c.signature[n:]))
	}
	return false
}

// claims is the payload as the JSON object that a JWT's must be (RFC 7519 §7.2).
func (c *compact) claims() (fhir.Value, Refusal) {
	v, ok := object(c.payload)
	if !ok {
		return v, NotJWS
	}
	return v, 0
}

// object reads what must be a JSON object.
func object(b []byte) (fhir.Value, bool) {
	v, err := fhir.ParseValue(b, fhir.Limits{Depth: maxNested})
	return v, err == nil && v.IsObject()
}

// decode reads base64url without padding, white space or stray bits.
func decode(part string) ([]byte, bool) {
	if strings.ContainsAny(part, "\r\n") { // the decoder skips them
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return b, err == nil
}
