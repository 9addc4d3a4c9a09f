package issuer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"concord/testharness/issuer"
)

const verifier = "a-verifier-of-the-length-that-rfc-7636-asks-for"

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// signInAt starts an issuer with an app and two users, one of them a patient.
func signInAt(t *testing.T, o issuer.Options) (*issuer.Issuer, *http.Client) {
	t.Helper()
	i, c := start(t, o)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	i.AllowSignIn(issuer.App{ClientID: "app", RedirectURI: "https://app.example.org/", Users: []issuer.User{
		{Subject: "staff", Name: "Nurse <b>", Scopes: []string{"user/*.rs"}},
		{Subject: "patient", Name: "Jane Roe", Scopes: []string{"patient/*.rs"}, Patient: "p1"},
	}})
	return i, c
}

func ask(change map[string]string) url.Values {
	v := url.Values{"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {"https://app.example.org/"}, "scope": {"openid user/*.rs patient/*.rs"},
		"state": {"s&1"}, "nonce": {"n1"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"}}
	for k, x := range change {
		v.Set(k, x)
	}
	return v
}

// pick is what the browser is told when somebody was picked: the status, and where it is sent.
func pick(t *testing.T, i *issuer.Issuer, c *http.Client, form url.Values) (int, *url.URL) {
	t.Helper()
	r, err := c.PostForm(i.AuthorizeURL(), form)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Body.Close(); err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, to
}

func redeem(t *testing.T, i *issuer.Issuer, c *http.Client, form url.Values) (int, map[string]any) {
	t.Helper()
	r, err := c.PostForm(i.TokenURL(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if r.Header.Get("Access-Control-Allow-Origin") != "https://app.example.org" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", r.Header)
	}
	var m map[string]any
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, m
}

func grant(code string, change map[string]string) url.Values {
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"app"}, "redirect_uri": {"https://app.example.org/"}, "code_verifier": {verifier}}
	for k, x := range change {
		v.Set(k, x)
	}
	return v
}

func TestSignInRefused(t *testing.T) {
	i, c := signInAt(t, issuer.Options{})
	for _, tt := range []struct {
		name   string
		change map[string]string
		status int
		err    string
	}{
		{"another client", map[string]string{"client_id": "other"}, 400, ""},
		{"another redirect URI", map[string]string{"redirect_uri": "https://app.example.org/x"}, 400, ""},
		{"no code", map[string]string{"response_type": "token"}, 303, "unsupported_response_type"},
		{"a plain challenge", map[string]string{"code_challenge_method": "plain"}, 303, "invalid_request"},
		{"no challenge", map[string]string{"code_challenge": ""}, 303, "invalid_request"},
		{"nobody", nil, 303, "access_denied"},
		{"somebody else", map[string]string{"user": "root"}, 303, "access_denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, to := pick(t, i, c, ask(tt.change))
			if status != tt.status || to.Query().Get("error") != tt.err || to.Query().Has("code") || status == 303 && to.Query().Get("state") != "s&1" {
				t.Errorf("HTTP %d to %s", status, to)
			}
		})
	}
}

func TestSignIn(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	i, c := signInAt(t, issuer.Options{Audience: "api", Now: func() time.Time { return now }})
	r, err := c.Get(i.AuthorizeURL() + "?" + ask(nil).Encode())
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(r.Body)
	if err != nil || r.Body.Close() != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "Nurse &lt;b&gt;") || !strings.Contains(r.Header.Get("Content-Security-Policy"), "form-action 'self' https://app.example.org;") {
		t.Errorf("the page: %s", page)
	}
	code := func(user string) string {
		status, to := pick(t, i, c, ask(map[string]string{"user": user}))
		if status != 303 || to.Host != "app.example.org" || to.Query().Get("state") != "s&1" || to.Query().Get("iss") != i.URL() {
			t.Fatalf("HTTP %d to %s", status, to)
		}
		return to.Query().Get("code")
	}
	for name, change := range map[string]map[string]string{"another verifier": {"code_verifier": "x"}, "another redirect URI": {"redirect_uri": "https://app.example.org"}, "another client": {"client_id": "x"}, "another code": {"code": "x"}} {
		if status, m := redeem(t, i, c, grant(code("staff"), change)); status != 400 || m["error"] != "invalid_grant" {
			t.Errorf("%s: HTTP %d %v", name, status, m)
		}
	}
	used := code("patient")
	status, m := redeem(t, i, c, grant(used, nil))
	access, _ := m["access_token"].(string)
	id, _ := m["id_token"].(string)
	claims, ok := verify(i.Keys(), access)
	who, okID := verify(i.Keys(), id)
	if status != 200 || !ok || !okID || m["patient"] != "p1" || m["scope"] != "openid patient/*.rs" || claims["patient"] != "p1" || claims["sub"] != "patient" || claims["aud"] != "api" || claims["scope"] != "openid patient/*.rs" ||
		who["nonce"] != "n1" || who["name"] != "Jane Roe" || who["aud"] != "app" || who["scope"] != nil {
		t.Errorf("HTTP %d %v: %v %v", status, m, claims, who)
	}
	if status, _ := redeem(t, i, c, grant(used, nil)); status != 400 {
		t.Error("a code holds twice")
	}
	late := code("staff")
	now = now.Add(2 * time.Minute)
	if status, _ := redeem(t, i, c, grant(late, nil)); status != 400 {
		t.Error("a code holds for two minutes")
	}
}
