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
	MaxLifetime time.Duration     // exp − iat of a signed token at most, or exp − now without iat; default 1 h
	CacheSize   int               // verified tokens remembered, and as many refused ones of those that issuers are asked about; default 10,000
	Transport   http.RoundTripper // fetches keys and asks issuers; default http.DefaultTransport. Redirects are never followed
}

// Verifier verifies access tokens of the configured issuers. It is safe for concurrent use.
//
// Which issuer judges a token is decided by its form, and never by trial. A JWT (three parts) is verified with the keys of
// the issuer that it names; only one that names an issuer without keys is sent to that issuer's introspection endpoint. Any
// other bearer token is opaque, and goes to the one issuer whose Introspection.Prefix it begins with. So no issuer is shown
// another's token, none can vouch for it, and a JWT that was refused is not asked about anywhere.
type Verifier struct {
	cfg     Config
	issuers map[string]*issuer
	askable []*issuer   // those with introspection
	cache   *tokenCache // tokens that hold
	refused *tokenCache // tokens of which an issuer said that they do not
	end     context.CancelFunc
	wait    sync.WaitGroup
}

// NewVerifier makes a Verifier and fetches nothing yet. Its error is a Fault, Invalid, that names what is wrong in its
// cause. Close ends it.
func NewVerifier(cfg Config) (*Verifier, error) {
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 8 << 10
	}
	if cfg.MaxLifetime <= 0 {
		cfg.MaxLifetime = time.Hour
	}
	if cfg.CacheSize <= 0 {
		cfg.CacheSize = 10_000
	}
	life, end := context.WithCancel(context.Background())
	v := &Verifier{cfg: cfg, issuers: make(map[string]*issuer, len(cfg.Issuers)), end: end}
	if err := v.open(life); err != nil {
		end()
		return nil, &concord.Fault{Op: "configure tokens", Kind: concord.Invalid, Err: err}
	}
	return v, nil
}

// open makes caches and issuers.
func (v *Verifier) open(life context.Context) (err error) {
	if v.cfg.Audience == "" || len(v.cfg.Issuers) == 0 {
		return errors.New("smart: an audience and an issuer are needed")
	}
	if v.cache, err = newTokenCache(v.cfg.CacheSize); err != nil {
		return err
	}
	if v.refused, err = newTokenCache(v.cfg.CacheSize); err != nil {
		return err
	}
	for _, i := range v.cfg.Issuers {
		made, err := newIssuer(i, v.cfg.Transport, life, &v.wait)
		if err != nil {
			return err
		}
		if v.issuers[i.Name] != nil {
			return errors.New("smart: an issuer named twice")
		}
		v.issuers[i.Name] = made
		if made.asks == nil {
			continue
		}
		for _, other := range v.askable {
			if strings.HasPrefix(made.asks.prefix, other.asks.prefix) || strings.HasPrefix(other.asks.prefix, made.asks.prefix) {
				return errors.New("smart: opaque tokens of two issuers can't be told apart: each needs a prefix that the other does not begin with")
			}
		}
		v.askable = append(v.askable, made)
		made.asks.judge = func(d digest, answer fhir.Value, asked time.Time) *verified { return v.judge(made, d, answer, asked) }
	}
	return nil
}

// Close ends fetches that are under way and waits for them. Tokens are verified no more: Unavailable.
func (v *Verifier) Close() {
	for _, i := range v.issuers {
		if i.keys != nil {
			i.keys.stop(v.end)
		}
		if i.asks != nil {
			i.asks.stop(v.end)
		}
	}
	v.wait.Wait()
}

// Warm fetches the keys of every issuer that has none yet. Its error is the first Fault, Unavailable; the others were
// tried all the same.
func (v *Verifier) Warm(ctx context.Context) error {
	var first error
	for _, i := range v.cfg.Issuers {
		keys := v.issuers[i.Name].keys
		if keys == nil {
			continue
		}
		if _, err := keys.current(ctx); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Purge forgets keys and what was found out about tokens, so that a key or a token that an issuer has withdrawn stops
// working at once.
func (v *Verifier) Purge() {
	for _, i := range v.issuers {
		if i.keys != nil {
			i.keys.purge()
		}
		if i.asks != nil {
			i.asks.purge()
		}
	}
	v.cache.clear()
	v.refused.clear()
}

// Verify takes the values of the Authorization header, and tells whose token it is and what it says. Its error is a
// Fault with a Refusal as its cause: Unauthorized (401), Invalid (400: more than one header) or Unavailable (503: the
// issuer's keys or its word can't be had; RetryAfter is set). Neither error holds any of the token.
func (v *Verifier) Verify(ctx context.Context, authorization []string) (Token, error) {
	raw, refusal := bearer(authorization)
	if refusal != 0 {
		return Token{}, refuse(refusal)
	}
	if len(raw) > v.cfg.MaxBytes {
		return Token{}, refuse(TooLong)
	}
	d := v.cache.digest(raw)
	now := time.Now()
	if known, ok := v.cache.get(d, now); ok {
		if known.from.still(ctx, known) {
			return known.token, nil
		}
		v.cache.drop(d)
	}
	if known, ok := v.refused.get(d, now); ok {
		return Token{}, refuse(known.refusal)
	}
	known, err := v.find(ctx, raw, d)
	if err != nil {
		return Token{}, err
	}
	if known.refusal != 0 {
		return Token{}, refuse(known.refusal)
	}
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

// find finds out about a token that is not known: by its issuer's keys, or by asking the one issuer that it can be of.
func (v *Verifier) find(ctx context.Context, raw string, d digest) (*verified, error) {
	if isJOSE(raw) || len(v.askable) == 0 {
		return v.verify(ctx, raw, d)
	}
	if !isOpaque(raw) {
		return nil, refuse(NotJWS)
	}
	for _, i := range v.askable {
		if strings.HasPrefix(raw, i.asks.prefix) {
			return i.asks.ask(ctx, d, raw)
		}
	}
	return nil, refuse(UnknownIssuer)
}

// verify does the whole of it, in the order that gives an attacker the least: nothing is fetched for a token whose
// issuer or algorithm is not ours, and no claim but iss is read before the signature holds.
func (v *Verifier) verify(ctx context.Context, raw string, d digest) (*verified, error) {
	c, refusal := parseCompact(raw)
	if refusal != 0 {
		return nil, refuse(refusal)
	}
	claims, refusal := c.claims()
	if refusal != 0 {
		return nil, refuse(refusal)
	}
	var from *issuer
	if iss := claims.Get("iss"); iss.IsString() {
		from = v.issuers[iss.Text()]
	}
	if from == nil {
		return nil, refuse(UnknownIssuer)
	}
	if from.keys == nil {
		return from.asks.ask(ctx, d, raw)
	}
	if !from.takes(c.alg) {
		return nil, refuse(WrongAlgorithm)
	}
	set, key, err := from.keyFor(ctx, &c)
	if err != nil {
		return nil, err
	}
	if !c.verify(key.public) {
		return nil, refuse(BadSignature)
	}
	token, refusal := v.read(c.typ, claims, from)
	if refusal != 0 {
		return nil, refuse(refusal)
	}
	known := &verified{digest: d, token: token, from: from, set: set, until: token.Expires}
	v.cache.put(known)
	return known, nil
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
	return from.token(claims, exp)
}
