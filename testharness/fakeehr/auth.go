package fakeehr

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"concord/testharness/population"
)

// AuthMode is how a client proves who it is.
type AuthMode string

// The modes. The zero value lets everybody in.
const (
	AuthNone   AuthMode = ""
	AuthSecret AuthMode = "client_secret"   // client credentials with Basic or in the form
	AuthKey    AuthMode = "private_key_jwt" // SMART backend services
	AuthBearer AuthMode = "bearer"          // one fixed token, no token endpoint
)

// Auth says how clients are let in.
type Auth struct {
	Mode     AuthMode
	ClientID string
	// Secret is of AuthSecret.
	Secret string
	// Keys are the client's registered public keys, for AuthKey.
	Keys jose.JSONWebKeySet
	// Audience is a further aud that assertions may have; the token URL always is one.
	Audience string
	// Scopes are what the client is registered for; nil is whatever it asks for.
	Scopes []string
	// Lifetime of tokens; 0 is the vendor's: 570 s at Cerner, 3600 s otherwise.
	Lifetime time.Duration
	// Bearer is the token of AuthBearer.
	Bearer string
	// TokensPerMinute above 0 answers more token requests with 429, as athena does.
	TokensPerMinute int
}

type grant struct {
	expires time.Time
	scopes  []string
}

// authorizer is the EHR's token endpoint and the check of tokens.
type authorizer struct {
	e  *EHR
	mu sync.Mutex

	tokens map[string]grant
	jtis   map[string]time.Time
	minute time.Time // when the current minute of the limit began
	issued int       // in that minute
}

func newAuthorizer(e *EHR) (*authorizer, error) {
	a := e.o.Auth
	switch {
	case a.Mode == AuthKey && len(a.Keys.Keys) == 0:
		return nil, errors.New("fakeehr: private_key_jwt without keys")
	case a.Mode == AuthSecret && a.Secret == "", a.Mode == AuthBearer && a.Bearer == "":
		return nil, errors.New("fakeehr: no secret")
	case (a.Mode == AuthKey || a.Mode == AuthSecret) && a.ClientID == "":
		return nil, errors.New("fakeehr: no client id")
	}
	return &authorizer{e: e, tokens: map[string]grant{}, jtis: map[string]time.Time{}}, nil
}

// ExpireTokens ends the life of every token that was issued.
func (e *EHR) ExpireTokens() {
	e.auth.mu.Lock()
	defer e.auth.mu.Unlock()
	e.auth.tokens = map[string]grant{}
}

// Tokens is how many tokens were issued and are not expired by ExpireTokens.
func (e *EHR) Tokens() int {
	e.auth.mu.Lock()
	defer e.auth.mu.Unlock()
	return len(e.auth.tokens)
}

func (a *authorizer) lifetime() time.Duration {
	switch {
	case a.e.o.Auth.Lifetime > 0:
		return a.e.o.Auth.Lifetime
	case a.e.is(population.Cerner):
		return 570 * time.Second
	}
	return time.Hour
}

// token answers a request for a token.
func (a *authorizer) token(c *call) {
	refuse := func(status int, code string) {
		c.status(status)
		c.w.Header().Set("Content-Type", "application/json")
		c.put(status, []byte(`{"error":"`+code+`"}`))
	}
	if c.r.Method != http.MethodPost {
		refuse(http.StatusMethodNotAllowed, "invalid_request")
		return
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, 1<<20)
	if c.r.ParseForm() != nil || c.r.PostForm.Get("grant_type") != "client_credentials" {
		refuse(http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	form := c.r.PostForm
	auth := a.e.o.Auth
	switch auth.Mode {
	case AuthSecret:
		id, secret, basic := c.r.BasicAuth()
		if !basic {
			id, secret = form.Get("client_id"), form.Get("client_secret")
		}
		if id != auth.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(auth.Secret)) != 1 {
			refuse(http.StatusUnauthorized, "invalid_client")
			return
		}
	case AuthKey:
		if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || a.assertion(form.Get("client_assertion")) != nil {
			refuse(http.StatusBadRequest, "invalid_client")
			return
		}
	default:
		refuse(http.StatusBadRequest, "invalid_request")
		return
	}
	asked := strings.Fields(form.Get("scope"))
	if len(asked) == 0 {
		if a.e.is(population.Cerner) { // wants them listed
			refuse(http.StatusBadRequest, "invalid_scope")
			return
		}
		if asked = auth.Scopes; asked == nil {
			asked = []string{"system/*.cruds"}
		}
	}
	scopes := granted(asked, auth.Scopes)
	a.mu.Lock()
	now := a.e.now()
	if now.Sub(a.minute) >= time.Minute {
		a.minute, a.issued = now, 0
	}
	a.issued++
	over := auth.TokensPerMinute > 0 && a.issued > auth.TokensPerMinute
	var raw [24]byte
	_, _ = rand.Read(raw[:]) // never fails
	token := "tok." + hex.EncodeToString(raw[:])
	if !over {
		a.tokens[token] = grant{now.Add(a.lifetime()), scopes}
	}
	a.mu.Unlock()
	if over {
		c.w.Header().Set("Retry-After", "60")
		refuse(http.StatusTooManyRequests, "too_many_requests")
		return
	}
	b, err := json.Marshal(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(a.lifetime().Seconds()), "scope": strings.Join(scopes, " ")})
	if err != nil {
		refuse(http.StatusInternalServerError, "server_error")
		return
	}
	c.w.Header().Set("Cache-Control", "no-store")
	c.send(http.StatusOK, "application/json", b)
}

// granted are the scopes asked for that the client is registered for.
func granted(asked, registered []string) []string {
	if registered == nil {
		return asked
	}
	have := map[string]bool{}
	for _, s := range registered {
		have[s] = true
	}
	out := []string{}
	for _, s := range asked {
		if have[s] {
			out = append(out, s)
		}
	}
	return out
}

// assertion checks a client's JWT as the vendors do: a registered key, iss and sub the client, aud this token endpoint, a
// jti that was not used before, a life of five minutes at most.
func (a *authorizer) assertion(jwt string) error {
	algs := []jose.SignatureAlgorithm{jose.RS384, jose.ES384}
	if a.e.is(population.Epic) {
		algs = append(algs, jose.RS256, jose.RS512, jose.ES256)
	}
	sig, err := jose.ParseSignedCompact(jwt, algs)
	if err != nil {
		return err
	}
	if len(sig.Signatures) != 1 {
		return errors.New("not one signature")
	}
	keys := a.e.o.Auth.Keys.Key(sig.Signatures[0].Header.KeyID)
	if len(keys) == 0 {
		return errors.New("unknown kid")
	}
	body, err := sig.Verify(keys[0].Key)
	if err != nil {
		return err
	}
	var claims struct {
		Iss string  `json:"iss"`
		Sub string  `json:"sub"`
		Aud any     `json:"aud"`
		Jti string  `json:"jti"`
		Exp float64 `json:"exp"`
		Nbf float64 `json:"nbf"`
		Iat float64 `json:"iat"`
	}
	if err := json.Unmarshal(body, &claims); err != nil {
		return err
	}
	now := a.e.now()
	at := func(x float64) time.Time { return time.Unix(int64(x), 0) }
	client := a.e.o.Auth.ClientID
	switch {
	case claims.Iss != client || claims.Sub != client:
		return errors.New("iss or sub is not the client")
	case !a.audience(claims.Aud):
		return errors.New("aud is not the token endpoint")
	case claims.Exp == 0 || !now.Before(at(claims.Exp)) || at(claims.Exp).Sub(now) > 5*time.Minute+2*time.Second:
		return errors.New("exp")
	case claims.Nbf != 0 && at(claims.Nbf).After(now.Add(2*time.Second)), claims.Iat != 0 && at(claims.Iat).After(now.Add(2*time.Second)):
		return errors.New("not yet")
	case claims.Jti == "" || len(claims.Jti) > 151:
		return errors.New("jti")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if until, used := a.jtis[claims.Jti]; used && now.Before(until) {
		return errors.New("jti used before")
	}
	a.jtis[claims.Jti] = at(claims.Exp)
	return nil
}

func (a *authorizer) audience(aud any) bool {
	ok := func(s string) bool {
		return s == a.e.TokenURL() || a.e.o.Auth.Audience != "" && s == a.e.o.Auth.Audience
	}
	switch x := aud.(type) {
	case string:
		return ok(x)
	case []any:
		for _, v := range x {
			if s, isText := v.(string); isText && ok(s) {
				return true
			}
		}
	}
	return false
}

// admit lets a request to the API in, or answers 401 or 403.
func (a *authorizer) admit(c *call) bool {
	if a.e.o.Auth.Mode != AuthNone {
		token, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
		if !ok || !a.alive(token) {
			c.unauthorized()
			return false
		}
	}
	letter := byte('r')
	switch c.what {
	case "search":
		letter = 's'
	case "create":
		letter = 'c'
	case "update":
		letter = 'u'
	}
	if !a.grants(c, c.typ, letter) {
		c.refuse()
		return false
	}
	return true
}

func (a *authorizer) alive(token string) bool {
	if a.e.o.Auth.Mode == AuthBearer {
		return subtle.ConstantTimeCompare([]byte(token), []byte(a.e.o.Auth.Bearer)) == 1
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	g, ok := a.tokens[token]
	return ok && a.e.now().Before(g.expires)
}

// grants tells whether the request's token covers an interaction (one of the letters cruds) with a type.
func (a *authorizer) grants(c *call, typ string, letter byte) bool {
	for _, t := range a.e.o.Deny {
		if t == typ {
			return false
		}
	}
	if m := a.e.o.Auth.Mode; m == AuthNone || m == AuthBearer {
		return true
	}
	token, _ := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	g := a.tokens[token]
	a.mu.Unlock()
	for _, s := range g.scopes {
		if scopeCovers(s, typ, letter) {
			return true
		}
	}
	return false
}

func scopeCovers(scope, typ string, letter byte) bool {
	_, rest, ok := strings.Cut(scope, "/")
	if !ok {
		return false
	}
	rest, _, _ = strings.Cut(rest, "?")
	what, verbs, ok := strings.Cut(rest, ".")
	if !ok || what != "*" && what != typ {
		return false
	}
	switch verbs {
	case "*":
		return true
	case "read":
		return letter == 'r' || letter == 's'
	case "write":
		return letter == 'c' || letter == 'u' || letter == 'd'
	}
	return strings.IndexByte(verbs, letter) >= 0
}
