package portal_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"concord/portal"
)

func signIn() *portal.SignIn {
	return &portal.SignIn{ClientID: "concord-portal", AuthorizeURL: "https://idp.example.org/authorize", TokenURL: "https://tokens.example.org:8443/token", Scopes: []string{"openid", "user/*.rs"}}
}

func newPortal(t testing.TB, o portal.Options) *portal.Portal {
	t.Helper()
	p, err := portal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestPortalServesItsFilesOnly(t *testing.T) {
	p := newPortal(t, portal.Options{PublicURL: "https://gateway.example.org", SignIn: signIn()})
	for _, tt := range []struct {
		method, path string
		code         int
		kind, cache  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", "no-store"},
		{"HEAD", "/", 200, "text/html; charset=utf-8", "no-store"},
		{"POST", "/", 405, "text/plain; charset=utf-8", "no-store"},
		{"GET", "/portal/main.js", 200, "text/javascript; charset=utf-8", "no-cache"},
		{"GET", "/portal/base.css", 200, "text/css; charset=utf-8", "no-cache"},
		{"GET", "/portal/icon.svg", 200, "image/svg+xml", "no-cache"},
		{"GET", "/portal/settings.json", 200, "application/json", "no-store"},
		{"GET", "/portal/index.html", 404, "text/plain; charset=utf-8", "no-store"},
		{"GET", "/portal/types.d.ts", 404, "text/plain; charset=utf-8", "no-store"},
		{"GET", "/portal/web/main.js", 404, "text/plain; charset=utf-8", "no-store"},
		{"GET", "/portal/../portal.go", 404, "text/plain; charset=utf-8", "no-store"},
		{"GET", "/portal/", 404, "text/plain; charset=utf-8", "no-store"},
	} {
		w := get(p, tt.method, tt.path)
		h := w.Header()
		if w.Code != tt.code || h.Get("Content-Type") != tt.kind || h.Get("Cache-Control") != tt.cache {
			t.Errorf("%s %s: HTTP %d, %s, %s", tt.method, tt.path, w.Code, h.Get("Content-Type"), h.Get("Cache-Control"))
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", tt.path, name, h.Get(name))
			}
		}
	}
	w := httptest.NewRecorder()
	again := httptest.NewRequest(http.MethodGet, "/portal/main.js", nil)
	again.Header.Set("If-None-Match", get(p, "GET", "/portal/main.js").Header().Get("ETag"))
	if p.ServeHTTP(w, again); w.Code != http.StatusNotModified {
		t.Errorf("a script that is known is sent again: HTTP %d", w.Code)
	}
}

// TestPolicy: nothing inline, nothing from elsewhere, and the only other origin that scripts may speak to is the token URL's.
func TestPolicy(t *testing.T) {
	policy := get(newPortal(t, portal.Options{PublicURL: "https://gateway.example.org", SignIn: signIn()}), "GET", "/").Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self' https://tokens.example.org:8443;", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy is without %s", want)
		}
	}
	for _, never := range []string{"unsafe", "*", "data:", "blob:", "http://"} {
		if strings.Contains(policy, never) {
			t.Errorf("the policy has %s", never)
		}
	}
	if alone := get(newPortal(t, portal.Options{}), "GET", "/").Header().Get("Content-Security-Policy"); !strings.Contains(alone, "connect-src 'self';") {
		t.Errorf("without sign-in: %s", alone)
	}
	if _, err := portal.New(portal.Options{SignIn: &portal.SignIn{TokenURL: "token"}}); err == nil {
		t.Error("a token URL without a host is taken")
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    portal.Options
		want string
	}{
		{"nothing set up", portal.Options{PublicURL: "https://gateway.example.org"}, `{"signIn":null,"graphiql":false}`},
		{"all", portal.Options{PublicURL: "https://gateway.example.org", SignIn: signIn(), GraphiQL: true},
			`{"signIn":{"clientId":"concord-portal","authorizeUrl":"https://idp.example.org/authorize","tokenUrl":"https://tokens.example.org:8443/token","redirectUri":"https://gateway.example.org/","scope":"openid user/*.rs","aud":"https://gateway.example.org/fhir/r4"},"graphiql":true}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := get(newPortal(t, tt.o), "GET", "/portal/settings.json").Body.String(); got != tt.want || !json.Valid([]byte(got)) {
				t.Errorf("%s", got)
			}
		})
	}
}

// TestSourcesStandAlone: what scripts import is served, the page loads nothing inline or from elsewhere, and no script reads a
// string as a page, runs one, or keeps anything but what signing in needs.
func TestSourcesStandAlone(t *testing.T) {
	p := newPortal(t, portal.Options{})
	scripts, err := filepath.Glob("web/*.js")
	if err != nil || len(scripts) < 10 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	imports := regexp.MustCompile(`(?m)(?:from|import) "([^"]+)"`)
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|localStorage|indexedDB|document\.cookie|caches\.|createContextualFragment|https?://[^w"]`)
	for _, name := range scripts {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imports.FindAllStringSubmatch(string(b), -1) {
			if w := get(p, "GET", "/portal/"+strings.TrimPrefix(m[1], "./")); w.Code != http.StatusOK || !strings.HasPrefix(m[1], "./") {
				t.Errorf("%s imports %s, which is not served", name, m[1])
			}
		}
		for n, line := range strings.Split(string(b), "\n") {
			if m := forbidden.FindString(line); m != "" && !strings.Contains(line, `"http://`) {
				t.Errorf("%s:%d: %s", name, n+1, m)
			}
			if strings.Contains(line, "sessionStorage") && filepath.Base(name) != "signin.js" {
				t.Errorf("%s:%d: storage", name, n+1)
			}
		}
		if n := strings.Count(string(b), "\n"); n > 400 {
			t.Errorf("%s: %d lines: one file, one thing", name, n)
		}
	}
	page, err := os.ReadFile("web/index.html")
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`<script(?: [^>]*)?>[^<]|<style|style=|\son\w+=|(?:src|href)="(?:[^/#]|//)`).Find(page); m != nil {
		t.Errorf("the page has %s", m)
	}
}

// TestTypes has the types of the scripts checked, where there is a TypeScript compiler: tsc on the path, or the one that
// CONCORD_TSC names.
func TestTypes(t *testing.T) {
	tsc := os.Getenv("CONCORD_TSC")
	if tsc == "" {
		found, err := exec.LookPath("tsc")
		if err != nil {
			t.Skip("no TypeScript compiler is installed, and CONCORD_TSC names none")
		}
		tsc = found
	}
	out, err := exec.CommandContext(t.Context(), tsc, "-p", "web").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
