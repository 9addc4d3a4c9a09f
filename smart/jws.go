package smart

import (
	"encoding/base64"
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
	raw    string
	alg    jose.SignatureAlgorithm
	kid    string
	hasKid bool
	typ    string // lower case, without "application/"
	claims fhir.Value
}

// parseCompact takes raw apart. It is stricter than the library that verifies: no white space within base64, no bits left
// over, no member twice, no escaped names, so that no two readers can understand a token differently.
func parseCompact(raw string) (compact, Refusal) {
	c := compact{raw: raw}
	head, rest, ok := strings.Cut(raw, ".")
	body, sig, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || body == "" {
		return c, NotJWS
	}
	if base64.RawURLEncoding.DecodedLen(len(head)) > maxHeader {
		return c, TooLong
	}
	h, ok := object(head)
	if !ok {
		return c, NotJWS
	}
	if c.claims, ok = object(body); !ok {
		return c, NotJWS
	}
	if _, ok = decode(sig); !ok {
		return c, NotJWS
	}
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

// verify checks the signature with key.
func (c *compact) verify(key any) bool {
	s, err := jose.ParseSignedCompact(c.raw, []jose.SignatureAlgorithm{c.alg})
	if err != nil {
		return false
	}
	_, err = s.Verify(key)
	return err == nil
}

// object decodes a part that must be a JSON object.
func object(part string) (fhir.Value, bool) {
	b, ok := decode(part)
	if !ok {
		return fhir.Value{}, false
	}
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
