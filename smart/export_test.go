package smart

import (
	"encoding/json"
	"time"
)

// CheckJWS verifies a compact JWS whose payload need not be claims: all that Verify does of it before it reads these. keys is
// a JWK Set, or one key.
func CheckJWS(keys []byte, raw string) (payload []byte, _ Refusal) {
	var list struct{ Keys json.RawMessage }
	if json.Unmarshal(keys, &list) == nil && list.Keys == nil {
		keys = []byte(`{"keys":[` + string(keys) + `]}`)
	}
	set, err := parseKeySet(keys)
	if err != nil {
		return nil, KeysUnreachable
	}
	c, refusal := parseCompact(raw)
	if refusal != 0 {
		return nil, refusal
	}
	if !(&issuer{}).takes(c.alg) {
		return nil, WrongAlgorithm
	}
	k, ok := set.find(&c)
	if !ok {
		return nil, UnknownKey
	}
	if !c.verify(k.public) {
		return nil, BadSignature
	}
	return c.payload, 0
}

// CheckKeySet is CheckJWS with a JWK Set as an issuer publishes it.
func CheckKeySet(set []byte, raw string) (payload []byte, _ Refusal) {
	if _, err := parseKeySet(set); err != nil {
		return nil, KeysUnreachable
	}
	return CheckJWS(set, raw)
}

// TTLOf is ttlOf.
func TTLOf(cacheControl string) time.Duration { return ttlOf(cacheControl) }
