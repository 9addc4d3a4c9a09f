package config

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"concord"
)

// Source is one EHR that the gateway asks.
type Source struct {
	Name    concord.SourceID // unique, and valid
	Vendor  Vendor
	BaseURL string        // FHIR base, without a trailing slash; plain http only to a loopback host
	Timeout time.Duration // the source's whole budget in one request, retries and pages included
	Auth    SourceAuth
	TLS     SourceTLS

	Practice   string              // athena: id of the practice's Organization; empty: the searches name none
	PageSize   int                 // entries asked for in a page; 0: what suits the vendor
	Headers    map[string]string   // sent with every request to BaseURL, by canonical name; never a credential
	Categories map[string][]string // by resource type: the categories that this site takes; absent type: the vendor's usual ones
	Creates    []string            // the resource types that may be filed here; empty: none
	Tenants    []string            // whose tokens reach this source; empty: all tenants'

	MaxConcurrent int  // requests to BaseURL under way at once
	Rate          Rate // of requests to BaseURL; zero: any
	Hedge         bool // a late search or read is asked a second time
}

// Vendor names a family of EHRs, which decides the source's quirks. The zero value is none.
type Vendor string

// The vendors.
const (
	Epic    Vendor = "epic"
	Cerner  Vendor = "cerner" // Oracle Health Millennium
	Athena  Vendor = "athena" // athenaOne
	Generic Vendor = "generic"
)

// SourceTLS is how the gateway and the EHR prove who they are. CertFile and KeyFile are both set or both empty.
type SourceTLS struct {
	CAFile   string // PEM roots for the EHR's certificate; empty: the system's
	CertFile string // PEM certificate that the gateway presents; empty: none
	KeyFile  string // PEM private key
}

// SourceAuth is how the gateway authenticates to one EHR. Fields that Type does not use are empty.
type SourceAuth struct {
	Type       AuthType
	TokenFile  string   // bearer_file: holds the token; read anew when it changes
	TokenURL   string   // client_secret, backend_services: the token endpoint
	ClientID   string   // client_secret, backend_services
	SecretFile string   // client_secret: holds the secret
	KeyFile    string   // backend_services: private key that signs the assertion
	KeyID      string   // backend_services: the assertion's "kid"; empty: none is sent
	Audience   string   // backend_services: the assertion's "aud"; empty: TokenURL
	Scopes     []string // client_secret, backend_services: empty: the scope parameter is left out
}

// AuthType names a way to authenticate to an EHR. The zero value is none of them.
type AuthType string

// The ways to authenticate to an EHR.
const (
	AuthNone            AuthType = "none"
	AuthBearerFile      AuthType = "bearer_file"      // a token that something else keeps fresh
	AuthClientSecret    AuthType = "client_secret"    // OAuth 2.0 client credentials with a secret
	AuthBackendServices AuthType = "backend_services" // SMART Backend Services: client credentials with a signed assertion
)

const (
	defaultTimeout = 5 * time.Second
	maxPageSize    = 10000
	// defaultConcurrent is as many as a transport keeps connections.
	defaultConcurrent = 64
)

var (
	vendors   = []Vendor{Epic, Cerner, Athena, Generic}
	typeName  = regexp.MustCompile(`^[A-Z][A-Za-z]{1,63}$`)
	fhirID    = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)
	tokenName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // RFC 9110 5.6.2
)

// credentials and managed are headers that an operator can't set: the first hold secrets, the second are the client's own.
var (
	credentials = []string{"Authorization", "Proxy-Authorization", "Cookie"}
	managed     = []string{"Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Host", "Transfer-Encoding"}
)

func readSources(f field) []Source {
	var all []Source
	seen := map[concord.SourceID]bool{}
	for _, item := range f.requiredList() {
		src, name := readSource(item.section())
		if src.Name != "" && seen[src.Name] {
			name.fail("is the name of an earlier source")
		}
		seen[src.Name] = true
		all = append(all, src)
	}
	return all
}

func readSource(s *section) (Source, field) {
	name := s.at("name")
	src := Source{
		Name:    concord.SourceID(name.required().text()),
		Vendor:  readVendor(s.at("vendor")),
		BaseURL: s.at("base_url").required().base(urlRule{}),
		Timeout: s.at("timeout").duration(defaultTimeout),
		Auth:    readSourceAuth(s.at("auth").section()),
		TLS:     readSourceTLS(s.at("tls").section()),

		PageSize:   s.at("page_size").whole(maxPageSize),
		Headers:    readHeaders(s.at("headers").section()),
		Categories: readCategories(s.at("categories").section()),
		Creates: words(s.at("creates").list(), func(item field, word string) {
			if !typeName.MatchString(word) {
				item.fail("must be a resource type, such as Observation")
			}
		}),
		Tenants: words(s.at("tenants").list(), nil),

		MaxConcurrent: s.at("max_concurrent").whole(maxConcurrent),
		Rate:          s.at("rate").rate(Rate{}),
		Hedge:         s.at("hedge").truth(false),
	}
	if src.MaxConcurrent == 0 {
		src.MaxConcurrent = defaultConcurrent
	}
	if src.Name != "" && !src.Name.Valid() {
		name.fail("must be a lower-case letter, then at most 15 lower-case letters or digits")
	}
	practice := s.at("practice")
	if src.Practice = practice.text(); src.Practice != "" {
		switch {
		case !fhirID.MatchString(src.Practice):
			practice.fail("must be the id of the practice's Organization, such as a-1.Practice-1")
		case src.Vendor != Athena && src.Vendor != "":
			practice.fail("is for vendor athena only")
		}
	}
	s.done()
	return src, name
}

func readVendor(f field) Vendor {
	v := Vendor(f.required().text())
	if v != "" && !slices.Contains(vendors, v) {
		f.fail("must be epic, cerner, athena or generic")
		return ""
	}
	return v
}

func readSourceTLS(s *section) SourceTLS {
	t := SourceTLS{CAFile: s.at("ca_file").file(), CertFile: s.at("cert_file").file(), KeyFile: s.at("key_file").file()}
	s.pair("cert_file", "key_file")
	s.done()
	return t
}

// authKeys says which keys a type must have and which it may have. No other is read, so no other is allowed.
var authKeys = map[AuthType]struct{ must, may []string }{
	AuthNone:            {},
	AuthBearerFile:      {must: []string{"token_file"}},
	AuthClientSecret:    {must: []string{"token_url", "client_id", "secret_file"}, may: []string{"scopes"}},
	AuthBackendServices: {must: []string{"token_url", "client_id", "key_file"}, may: []string{"key_id", "audience", "scopes"}},
}

func readSourceAuth(s *section) SourceAuth {
	kind := s.at("type")
	a := SourceAuth{
		Type:       AuthType(kind.required().text()),
		TokenFile:  s.at("token_file").file(),
		TokenURL:   s.at("token_url").url(urlRule{query: true}),
		ClientID:   s.at("client_id").text(),
		SecretFile: s.at("secret_file").file(),
		KeyFile:    s.at("key_file").file(),
		KeyID:      s.at("key_id").text(),
		Audience:   s.at("audience").word(),
		Scopes:     words(s.at("scopes").list(), nil),
	}
	s.done()
	keys, ok := authKeys[a.Type]
	if !ok {
		if a.Type != "" {
			kind.fail("must be none, bearer_file, client_secret or backend_services")
		}
		return SourceAuth{}
	}
	for _, name := range s.known[1:] { // all but type
		f := s.at(name)
		switch must := slices.Contains(keys.must, name); {
		case must && !f.present:
			f.fail("is required by type %s", a.Type)
		case f.present && !must && !slices.Contains(keys.may, name):
			f.fail("is not used by type %s", a.Type)
		}
	}
	return a
}

func readHeaders(s *section) map[string]string {
	var all map[string]string
	for _, f := range s.fields {
		name := http.CanonicalHeaderKey(f.name)
		_, twice := all[name]
		switch {
		case !tokenName.MatchString(f.name):
			f.fail("is not the name of a header")
		case slices.Contains(credentials, name):
			f.fail("would hold a credential: use auth, where a secret is given as a file")
		case slices.Contains(managed, name):
			f.fail("is set by the gateway itself")
		case twice:
			f.fail("is set twice, but for upper and lower case")
		default:
			if all == nil {
				all = map[string]string{}
			}
			all[name] = f.required().text()
		}
	}
	return all
}

func checkCategory(item field, category string) {
	if strings.Contains(category, ",") {
		item.fail("must be one category: give several as several items")
	}
}

func readCategories(s *section) map[string][]string {
	var all map[string][]string
	for _, f := range s.fields {
		if !typeName.MatchString(f.name) {
			f.fail("is not the name of a resource type")
			continue
		}
		if all == nil {
			all = map[string][]string{}
		}
		all[f.name] = words(f.requiredList(), checkCategory)
	}
	return all
}
