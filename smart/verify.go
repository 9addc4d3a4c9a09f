package smart

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"concord"
	"concord/fhir"
)

// Config says whose tokens hold. All but Audience and Issuers may be zero.
type Config struct {
	Audience    string            // what aud must name, byte for byte
	Issuers     []Issuer          // at least one, no two of the same name
	MaxBytes    int               // length of a token; default 8 KiB
	MaxLifetime time.Duration     // exp − iat at most, or exp − now without iat; default 1 h
	CacheSize   int               // verified tokens remembered; default 10,000
	Transport   http.RoundTripper // fetches keys; default http.DefaultTransport. Redirects are never followed
}

// Issuer is one authorization server. Exactly one of JWKSURL and JWKSFile is set.
type Issuer struct {
	Name     string // iss, byte for byte
	JWKSURL  string // where its keys are; https, or http on loopback
	JWKSFile string // a JWK Set on disk, looked at again every minute
	Claims   Claims
}

// issuer is an Issuer at work.
type issuer struct {
	claims Claims
	keys   keyring
}

// Verifier verifies access tokens of the configured issuers. It is safe for concurrent use.
type Verifier struct {
	cfg     Config
	issuers map[string]*issuer
	cache   *tokenCache
	end     context.CancelFunc
	wait    sync.WaitGroup
}

// NewVerifier makes a Verifier and fetches nothing yet. Its error is a Fault, Invalid, that names what is wrong in its
// cause. Close ends it.
func NewVerifier(cfg Config) (*Verifier, error) {
	invalid := func(err error) (*Verifier, error) {
		return nil, &concord.Fault{Op: "configure tokens", Kind: concord.Invalid, Err: err}
	}
	if cfg.Audience == "" || len(cfg.Issuers) == 0 {
		return invalid(errors.New("smart: an audience and an issuer are needed"))
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 8 << 10
	}
	if cfg.MaxLifetime <= 0 {
		cfg.MaxLifetime = time.Hour
	}
	if cfg.CacheSize <= 0 {
		cfg.CacheSize = 10_000
	}
	cache, err := newTokenCache(cfg.CacheSize)
	if err != nil {
		return invalid(err)
	}
	life, end := context.WithCancel(context.Background())
	v := &Verifier{cfg: cfg, issuers: make(map[string]*issuer, len(cfg.Issuers)), cache: cache, end: end}
	for _, i := range cfg.Issuers {
		fetch, err := fetcherOf(cfg.Transport, i)
		if err == nil && (i.Name == "" || v.issuers[i.Name] != nil) {
			err = errors.New("smart: an issuer without a name, or named twice")
		}
		if err != nil {
			end()
			return invalid(err)
		}
		v.issuers[i.Name] = &issuer{claims: i.Claims.withDefaults(), keys: keyring{fetch: fetch, life: life, wait: &v.wait}}
	}
	return v, nil
}

func fetcherOf(over http.RoundTripper, i Issuer) (fetcher, error) {
	if (i.JWKSURL == "") == (i.JWKSFile == "") {
		return nil, errors.New("smart: an issuer needs exactly one of a key URL and a key file")
	}
	if i.JWKSFile != "" {
		return fetchFile(i.JWKSFile), nil
	}
	return fetchURL(over, i.JWKSURL), checkKeyURL(i.JWKSURL)
}

// Close ends fetches that are under way and waits for them. Tokens are verified no more: Unavailable.
func (v *Verifier) Close() {
	for _, i := range v.issuers {
		i.keys.stop(v.end)
	}
	v.wait.Wait()
}

// Warm fetches the keys of every issuer that has none yet. Its error is the first Fault, Unavailable; the others were
// tried all the same.
func (v *Verifier) Warm(ctx context.Context) error {
	var first error
	for _, i := range v.cfg.Issuers {
		if _, err := v.issuers[i.Name].keys.current(ctx); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Purge forgets keys and verified tokens, so that a key which an issuer has withdrawn stops working at once.
func (v *Verifier) Purge() {
	for _, i := range v.issuers {
		i.keys.purge()
	}
	v.cache.clear()
}

// Verify takes the values of the Authorization header, and tells whose token it is and what it says. Its error is a
// Fault with a Refusal as its cause: Unauthorized (401), Invalid (400: more than one header) or Unavailable (503: the
// issuer's keys can't be had; RetryAfter is set). Neither error holds any of the token.
func (v *Verifier) Verify(ctx context.Context, authorization []string) (Token, error) {
	raw, refusal := bearer(authorization)
	if refusal != 0 {
		return Token{}, refuse(refusal)
	}
	if len(raw) > v.cfg.MaxBytes {
		return Token{}, refuse(TooLong)
	}
	d := v.cache.digest(raw)
	if known, ok := v.cache.get(d, time.Now()); ok {
		// asking for the set also keeps it fresh when every token is a known one
		if set, err := known.from.keys.current(ctx); err == nil && set == known.set {
			return known.token, nil
		}
		v.cache.drop(d)
	}
	known, err := v.verify(ctx, raw)
	if err != nil {
		return Token{}, err
	}
	known.digest = d
	v.cache.put(known)
	return known.token, nil
}

// bearer is the token within the header (RFC 6750 §2.1).
func bearer(authorization []string) (string, Refusal) {
	switch len(authorization) {
	case 0:
		return "", NoToken
	case 1:
	default:
		return "", SeveralTokens
	}
	scheme, token, _ := strings.Cut(authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", NoToken
	}
	return strings.Trim(token, " "), 0
}

// verify does the whole of it, in the order that gives an attacker the least: nothing is fetched for a token whose
// issuer or algorithm is not ours, and no claim but iss is read before the signature holds.
func (v *Verifier) verify(ctx context.Context, raw string) (*verified, error) {
	c, refusal := parseCompact(raw)
	if refusal != 0 {
		return nil, refuse(refusal)
	}
	var from *issuer
	if iss := c.claims.Get("iss"); iss.IsString() {
		from = v.issuers[iss.Text()]
	}
	if from == nil {
		return nil, refuse(UnknownIssuer)
	}
	if familyOf(c.alg) == familyNone {
		return nil, refuse(WrongAlgorithm)
	}
	set, key, err := from.keyFor(ctx, &c)
	if err != nil {
		return nil, err
	}
	if !c.verify(key.public) {
		return nil, refuse(BadSignature)
	}
	token, refusal := v.read(c.typ, c.claims, from)
	if refusal != 0 {
		return nil, refuse(refusal)
	}
	return &verified{token: token, from: from, set: set}, nil
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

// read checks the claims of a token whose signature holds.
func (v *Verifier) read(typ string, claims fhir.Value, from *issuer) (Token, Refusal) {
	exp, refusal := checkTimes(claims, time.Now(), v.cfg.MaxLifetime)
	if refusal == 0 {
		refusal = checkAudience(claims, v.cfg.Audience)
	}
	if refusal == 0 {
		refusal = checkUse(typ, claims)
	}
	if refusal != 0 {
		return Token{}, refusal
	}
	return readToken(claims, from.claims, exp)
}
