package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// User is somebody who can sign in. Nobody has a password here: the page lets one pick.
type User struct {
	// Subject is the sub of this user's tokens, Name what the page and the ID token call the user.
	Subject, Name string
	// About is what the page says beside the name.
	About string
	// Scopes are what this user may be granted; what is asked for beyond them is left out.
	Scopes []string
	// Patient is the launch context of a user who is a patient; "" for none.
	Patient string
}

// App is a public client that may send its users to sign in.
type App struct {
	ClientID string
	// RedirectURI is compared byte for byte. Scripts of its origin may read the token endpoint's answers.
	RedirectURI string
	Users       []User
}

// codeLife is how long an authorization code holds.
const codeLife = time.Minute

// signIns is the state of the authorization code flow.
type signIns struct {
	mu    sync.Mutex
	app   App
	codes map[string]pendingCode
}

// pendingCode is what a code was given for.
type pendingCode struct {
	user                    User
	challenge, nonce, scope string
	until                   time.Time
}

// AllowSignIn lets the users of an app sign in at AuthorizeURL. There is one app; another call replaces it.
func (i *Issuer) AllowSignIn(a App) {
	i.signIns.mu.Lock()
	defer i.signIns.mu.Unlock()
	i.signIns.app, i.signIns.codes = a, map[string]pendingCode{}
}

// AuthorizeURL is its authorization endpoint.
func (i *Issuer) AuthorizeURL() string { return i.url + "/authorize" }

//go:embed authorize.html
var authorizePage string

// authorize shows who may sign in, and sends the one who was picked back with a code (RFC 6749, 4.1; RFC 7636 with S256 only).
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the request can't be read", http.StatusBadRequest)
		return
	}
	i.signIns.mu.Lock()
	app := i.signIns.app
	i.signIns.mu.Unlock()
	ask := r.Form
	back, err := url.Parse(app.RedirectURI)
	if app.ClientID == "" || ask.Get("client_id") != app.ClientID || ask.Get("redirect_uri") != app.RedirectURI || err != nil {
		http.Error(w, "no such client, or not its redirect URI", http.StatusBadRequest) // and nobody is sent anywhere
		return
	}
	with := url.Values{"iss": {i.url}}
	if s := ask.Get("state"); s != "" {
		with.Set("state", s)
	}
	send := func(name, value string) {
		with.Set(name, value)
		back.RawQuery = with.Encode()
		http.Redirect(w, r, back.String(), http.StatusSeeOther)
	}
	switch {
	case ask.Get("response_type") != "code":
		send("error", "unsupported_response_type")
	case ask.Get("code_challenge_method") != "S256" || len(ask.Get("code_challenge")) != 43:
		send("error", "invalid_request")
	case r.Method == http.MethodGet:
		i.choose(w, app, back, ask)
	case r.Method != http.MethodPost:
		http.Error(w, "GET or POST", http.StatusMethodNotAllowed)
	case ask.Get("user") == "":
		send("error", "access_denied")
	default:
		n := slices.IndexFunc(app.Users, func(u User) bool { return u.Subject == ask.Get("user") })
		if n < 0 {
			send("error", "access_denied")
			return
		}
		send("code", i.newCode(app.Users[n], ask))
	}
}

// choose writes the page on which a user is picked.
func (i *Issuer) choose(w http.ResponseWriter, app App, back *url.URL, ask url.Values) {
	page, err := template.New("authorize").Parse(authorizePage)
	if err != nil {
		http.Error(w, "the page is broken", http.StatusInternalServerError)
		return
	}
	var style [16]byte
	_, _ = rand.Read(style[:]) // never fails
	nonce := hex.EncodeToString(style[:])
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	// the browser holds form-action against where the form's answer leads, too
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'nonce-"+nonce+"'; form-action 'self' "+back.Scheme+"://"+back.Host+"; frame-ancestors 'none'; base-uri 'none'")
	_ = page.Execute(w, map[string]any{"Style": nonce, "Client": app.ClientID, "Users": app.Users, "Ask": ask}) // the browser may be gone
}

// newCode is a code for a user with what was asked for.
func (i *Issuer) newCode(u User, ask url.Values) string {
	var granted []string
	for s := range strings.FieldsSeq(ask.Get("scope")) {
		if s == "openid" || slices.Contains(u.Scopes, s) {
			granted = append(granted, s)
		}
	}
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	code := base64.RawURLEncoding.EncodeToString(b[:])
	i.signIns.mu.Lock()
	defer i.signIns.mu.Unlock()
	i.signIns.codes[code] = pendingCode{user: u, challenge: ask.Get("code_challenge"), nonce: ask.Get("nonce"), scope: strings.Join(granted, " "), until: i.o.Now().Add(codeLife)}
	return code
}

// takeCode is what a code was given for. A code holds once, whatever comes of it.
func (i *Issuer) takeCode(form url.Values) (pendingCode, bool) {
	i.signIns.mu.Lock()
	defer i.signIns.mu.Unlock()
	p, ok := i.signIns.codes[form.Get("code")]
	delete(i.signIns.codes, form.Get("code"))
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	return p, ok && !i.o.Now().After(p.until) && form.Get("client_id") == i.signIns.app.ClientID && form.Get("redirect_uri") == i.signIns.app.RedirectURI &&
		base64.RawURLEncoding.EncodeToString(sum[:]) == p.challenge
}

// redeem gives tokens for a code (RFC 6749, 4.1.3), with the patient beside them as SMART has it.
func (i *Issuer) redeem(w http.ResponseWriter, r *http.Request) {
	i.signIns.mu.Lock()
	back, _ := url.Parse(i.signIns.app.RedirectURI)
	i.signIns.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	if back != nil && back.Host != "" {
		w.Header().Set("Access-Control-Allow-Origin", back.Scheme+"://"+back.Host)
		w.Header().Set("Vary", "Origin")
	}
	p, ok := i.takeCode(r.PostForm)
	if !ok {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	i.mu.Lock()
	aud := i.audience
	i.mu.Unlock()
	client := r.PostForm.Get("client_id")
	c := i.Claims(aud, p.scope)
	c["sub"], c["client_id"] = p.user.Subject, client
	out := map[string]any{"token_type": "Bearer", "expires_in": int(i.o.Lifetime.Seconds()), "scope": p.scope}
	if p.user.Patient != "" {
		c["patient"], c["role"], out["patient"] = p.user.Patient, "patient", p.user.Patient
	}
	access, err := i.Token(c)
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	out["access_token"] = access
	if slices.Contains(strings.Fields(p.scope), "openid") {
		id := i.Claims(client, "").With("scope", nil).With("client_id", nil).With("tenant", nil).With("role", nil)
		id["sub"], id["name"] = p.user.Subject, p.user.Name
		if p.nonce != "" {
			id["nonce"] = p.nonce
		}
		if out["id_token"], err = i.Token(id); err != nil {
			answer(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
			return
		}
	}
	answer(w, http.StatusOK, out)
}
