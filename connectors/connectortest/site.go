package connectortest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"concord"
	"concord/connectors"
	"concord/federation"
	"concord/fhir"
)

// Factory makes the connector under test. It may fill in what its vendor needs, and leaves the rest of cfg as it is.
type Factory func(cfg connectors.Config) (connectors.Source, error)

// What no error may hold: what was asked for, and what the source said.
const (
	patientID = "pat-CANARY-1"
	secret    = "UPSTREAM-CANARY"
)

const source concord.SourceID = "suite"

// asked is the type that the suite asks for: one that every vendor has and none demands a category of.
const asked fhir.ResourceType = "Condition"

// Site is a small EHR for a test: a real HTTP server with one handler, under a base path, that remembers what it was asked.
type Site struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // request URIs, as they came
}

const basePath = "/api/FHIR/R4"

// NewSite serves handle on loopback until the test ends.
func NewSite(t *testing.T, handle func(s *Site, w http.ResponseWriter, r *http.Request)) *Site {
	t.Helper()
	s := &Site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.RequestURI)
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/fhir+json")
		handle(s, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// Base is the FHIR base.
func (s *Site) Base() string { return s.URL + basePath }

// Requests are the request URIs so far, in the order in which they came.
func (s *Site) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.seen...)
}

// Queries are the parameters of the searches so far, decoded and sorted by name, each as "Type?a=1&b=2".
func (s *Site) Queries() []string {
	var out []string
	for _, uri := range s.Requests() {
		path, query, _ := strings.Cut(strings.TrimPrefix(uri, basePath+"/"), "?")
		plain, err := url.QueryUnescape(query)
		if err != nil {
			plain = query
		}
		out = append(out, path+"?"+plain)
	}
	return out
}

// connect makes the connector for s.
func connect(t *testing.T, f Factory, s *Site, change ...func(*connectors.Config)) connectors.Source {
	t.Helper()
	cfg := connectors.Config{Source: source, Base: s.Base(), Budget: 10 * time.Second}
	for _, c := range change {
		c(&cfg)
	}
	c, err := f(cfg)
	if err != nil {
		t.Fatalf("factory: %v", err)
	}
	return c
}

func query() federation.Query {
	return federation.Query{Type: asked, Patient: concord.NewPatientRef(source, patientID)}
}

// condition is a resource of the type asked for.
func condition(id, version string) string {
	return fmt.Sprintf(`{"resourceType":"Condition","id":%q,"meta":{"versionId":%q},"subject":{"reference":"Patient/%s"}}`, id, version, patientID)
}

// Searchset is a Bundle of entries, and with a next link unless next is "".
func Searchset(next string, resources ...string) string {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"searchset"`)
	if next != "" {
		fmt.Fprintf(&b, `,"link":[{"relation":"next","url":%q},{"relation":"self","url":"x"}]`, next)
	}
	b.WriteString(`,"entry":[`)
	for i, r := range resources {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"resource":` + r + `}`)
	}
	b.WriteString(`]}`)
	return b.String()
}

// outcome is an OperationOutcome with one issue.
func outcome(severity, code string) string {
	return fmt.Sprintf(`{"resourceType":"OperationOutcome","issue":[{"severity":%q,"code":%q,"diagnostics":%q}]}`, severity, code, secret)
}

// Write writes body.
func Write(w http.ResponseWriter, body string) { _, _ = w.Write([]byte(body)) }

// ids are the matches of a page.
func ids(p federation.Page) []string {
	out := []string{}
	for _, r := range p.Matches {
		out = append(out, r.ID())
	}
	return out
}

// fault checks that err is a Fault of this source with the given kind, and that nothing in its tree says what it must not.
func fault(t *testing.T, err error, want concord.Kind) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v", want)
	}
	var f *concord.Fault
	if !errors.As(err, &f) {
		t.Fatalf("%T is no *concord.Fault", err)
	}
	if f.Kind != want {
		t.Errorf("kind %v, want %v (%v)", f.Kind, want, f.Err)
	}
	if f.Source != source || f.Op == "" {
		t.Errorf("fault of %q in %q, want one of %q", f.Source, f.Op, source)
	}
	quiet(t, err)
}

// quiet looks at every error of the tree, as text and as Go prints it.
func quiet(t *testing.T, err error) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	for _, bad := range []string{patientID, "CANARY", secret, "://", "127.0.0.1"} {
		if strings.Contains(text, bad) {
			t.Errorf("an error says %q: %s", bad, text)
		}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			quiet(t, e)
		}
	}
	if e := errors.Unwrap(err); e != nil {
		quiet(t, e)
	}
}

func search(t *testing.T, c federation.Connector) (federation.Page, error) {
	t.Helper()
	return c.Search(context.Background(), query())
}
