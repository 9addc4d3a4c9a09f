package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// assetPath is what the parts of the portal's page are below.
const assetPath = "/portal/"

//go:embed web/*.html web/*.css web/*.js web/*.svg
var web embed.FS

// Options say what the portal offers. They hold no secret: all of them are told to every browser. The zero value shows a
// portal that nobody can sign in to.
type Options struct {
	// PublicURL is the gateway's, without a trailing slash. PublicURL and a slash is the redirect URI.
	PublicURL string
	// SignIn says where users sign in; nil: nowhere.
	SignIn *SignIn
	// GraphiQL tells that the editor is served. A user may then give a token instead of signing in.
	GraphiQL bool
}

// SignIn is the portal as a public client of an authorization server: authorization code with PKCE (RFC 7636, S256).
type SignIn struct {
	ClientID     string
	AuthorizeURL string
	TokenURL     string
	Scopes       []string
}

// settings is what the page is told of Options.
type settings struct {
	SignIn   *signInSettings `json:"signIn"`
	GraphiQL bool            `json:"graphiql"`
}

type signInSettings struct {
	ClientID     string `json:"clientId"`
	AuthorizeURL string `json:"authorizeUrl"`
	TokenURL     string `json:"tokenUrl"`
	RedirectURI  string `json:"redirectUri"`
	Scope        string `json:"scope"`
	Audience     string `json:"aud"`
}

// asset is one file as it is served.
type asset struct {
	body        []byte
	contentType string
	etag        string // "" for what is not kept
}

// Portal is a handler of / and of /portal/ and below.
type Portal struct {
	files  map[string]asset // by path
	policy string
}

// New makes the portal. Its error says that Options hold a URL that is none.
func New(o Options) (*Portal, error) {
	p := &Portal{files: map[string]asset{}}
	s := settings{GraphiQL: o.GraphiQL}
	connect := "'self'"
	if o.SignIn != nil {
		token, err := url.Parse(o.SignIn.TokenURL)
		if err != nil || token.Host == "" {
			return nil, fmt.Errorf("portal: the token URL is no URL with a host")
		}
		connect += " " + token.Scheme + "://" + token.Host
		s.SignIn = &signInSettings{ClientID: o.SignIn.ClientID, AuthorizeURL: o.SignIn.AuthorizeURL, TokenURL: o.SignIn.TokenURL,
			RedirectURI: o.PublicURL + "/", Scope: strings.Join(o.SignIn.Scopes, " "), Audience: o.PublicURL + "/fhir/r4"}
	}
	// Trusted types: no script of the page may hand a string to whatever would read it as HTML or as a script.
	p.policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src " + connect +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	p.files[assetPath+"settings.json"] = asset{body: body, contentType: "application/json"}
	return p, p.embedded()
}

// embedded takes up the files of web.
func (p *Portal) embedded() error {
	return fs.WalkDir(web, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := web.ReadFile(name)
		if err != nil {
			return err
		}
		if d.Name() == "index.html" {
			p.files["/"] = asset{body: body, contentType: "text/html; charset=utf-8"}
			return nil
		}
		sum := sha256.Sum256(body)
		p.files[assetPath+d.Name()] = asset{body: body, contentType: contentType(name), etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
		return nil
	})
}

// contentType is that of a file of web. The machine's own table may not know scripts, or know them as something else.
func contentType(name string) string {
	if path.Ext(name) == ".js" {
		return "text/javascript; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// ServeHTTP serves the page and its parts, and tells of nothing else.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	f, ok := p.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "GET only", http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", f.contentType)
	if f.etag != "" {
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", f.etag)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}
