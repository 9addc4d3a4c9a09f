package portal_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"concord/portal"
)

// fakeGateway serves the portal beside a FHIR API that says whatever a test wants, as a gateway with evil sources behind it
// might, and beside an issuer that may answer wrongly.
type fakeGateway struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	answers map[string]string             // FHIR JSON by resource type or path below the base; "503 …" is an error's
	asked   []string                      // paths and queries, in order
	authz   func(q url.Values) url.Values // the issuer's answer by its query; nil: a good one
	token   func(form url.Values) (int, map[string]any)
	nonce   string
}

func startFake(t testing.TB) *fakeGateway {
	t.Helper()
	f := &fakeGateway{t: t, answers: map[string]string{}}
	var page http.Handler
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/fhir/r4/"):
			f.fhir(w, r)
		case r.URL.Path == "/authorize":
			f.authorize(w, r)
		case r.URL.Path == "/token":
			f.redeem(w, r)
		default:
			page.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(f.Close)
	p, err := portal.New(portal.Options{PublicURL: f.URL, GraphiQL: true,
		SignIn: &portal.SignIn{ClientID: "concord-portal", AuthorizeURL: f.URL + "/authorize?tenant=a", TokenURL: f.URL + "/token", Scopes: []string{"openid", "user/*.rs"}}})
	if err != nil {
		t.Fatal(err)
	}
	page = p
	return f
}

// say sets answers, by resource type for searches and by path for the rest.
func (f *fakeGateway) say(answers map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.Copy(f.answers, answers)
}

func (f *fakeGateway) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

func (f *fakeGateway) fhir(w http.ResponseWriter, r *http.Request) {
	at := strings.TrimPrefix(r.URL.Path, "/fhir/r4/")
	if r.URL.RawQuery != "" {
		at += "?" + r.URL.RawQuery
	}
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+at)
	body, ok := f.answers[strings.TrimSuffix(at, "/_search")]
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/fhir+json")
	if r.Header.Get("Authorization") != "Bearer good" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch {
	case !ok && strings.HasSuffix(at, "/_search"):
		body = `{"resourceType":"Bundle","type":"searchset","total":0}`
	case !ok:
		body = `404 {"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-supported","details":{"text":"no such operation here"}}]}`
	}
	code := http.StatusOK
	if body[0] != '{' {
		if _, err := fmt.Sscanf(body, "%d", &code); err != nil {
			f.t.Error(err)
		}
		body = body[4:]
	}
	w.Header().Set("Server-Timing", `athena;dur=3;desc="ok", epic;dur=1;desc="ok"`)
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body))
}

// authorize is an issuer where nobody has to do anything.
func (f *fakeGateway) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": "concord-portal", "redirect_uri": f.URL + "/", "scope": "openid user/*.rs", "aud": f.URL + "/fhir/r4",
		"code_challenge_method": "S256", "tenant": "a"} {
		if q.Get(name) != want {
			f.t.Errorf("%s is %q", name, q.Get(name))
		}
	}
	if len(q.Get("code_challenge")) != 43 || len(q.Get("state")) != 43 || len(q.Get("nonce")) != 43 {
		f.t.Errorf("challenge, state or nonce is not as long as 32 random bytes")
	}
	f.mu.Lock()
	f.nonce = q.Get("nonce")
	answer := f.authz
	f.mu.Unlock()
	back := url.Values{"code": {q.Get("code_challenge")}, "state": {q.Get("state")}}
	if answer != nil {
		back = answer(q)
	}
	http.Redirect(w, r, f.URL+"/?"+back.Encode(), http.StatusSeeOther)
}

func (f *fakeGateway) redeem(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		f.t.Error(err)
	}
	if r.PostForm.Get("code") != challenge(r.PostForm.Get("code_verifier")) || r.PostForm.Get("redirect_uri") != f.URL+"/" || r.PostForm.Get("client_id") != "concord-portal" || r.PostForm.Get("grant_type") != "authorization_code" {
		f.t.Errorf("the code is redeemed wrongly")
	}
	f.mu.Lock()
	answer := f.token
	good := map[string]any{"access_token": "good", "token_type": "Bearer", "expires_in": 300, "id_token": idToken(map[string]any{"nonce": f.nonce, "name": "Dr. Ada"})}
	f.mu.Unlock()
	code := http.StatusOK
	if answer != nil {
		var more map[string]any
		code, more = answer(r.PostForm)
		maps.Copy(good, more)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(good)
}

// searchset is a Bundle of resources and, if it is not empty, the issues of its outcome.
func searchset(issues string, resources ...string) string {
	var entries []string
	for _, r := range resources {
		entries = append(entries, `{"resource":`+r+`,"search":{"mode":"match"}}`)
	}
	if issues != "" {
		entries = append(entries, `{"resource":{"resourceType":"OperationOutcome","issue":[`+issues+`]},"search":{"mode":"outcome"}}`)
	}
	return `{"resourceType":"Bundle","type":"searchset","entry":[` + strings.Join(entries, ",") + `]}`
}

// startBare serves a portal that nobody can sign in to.
func startBare(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(newPortal(t, portal.Options{PublicURL: "http://127.0.0.1:8080"}))
	t.Cleanup(s.Close)
	return s.URL
}
