package connectors_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"concord"
	"concord/connectors"
	ct "concord/connectors/connectortest"
	"concord/connectors/generic"
	"concord/federation"
)

const source concord.SourceID = "s"

func connect(t testing.TB, base string, change ...func(*connectors.Config)) connectors.Source {
	t.Helper()
	cfg := connectors.Config{Source: source, Base: base, Budget: 10 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	c, err := generic.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func goals() federation.Query {
	return federation.Query{Type: "Goal", Patient: concord.NewPatientRef(source, "p")}
}

const goal = `{"resourceType":"Goal","id":"g"}`

func TestRetries(t *testing.T) {
	for _, x := range []struct {
		name   string
		fail   func(w http.ResponseWriter)
		times  int
		budget time.Duration
		asked  int
		kind   concord.Kind
	}{
		{"503 once", status(503), 1, 0, 2, concord.Unknown},
		{"504 twice", status(504), 2, 0, 3, concord.Unknown},
		{"502 for ever", status(502), 99, 0, 3, concord.Unavailable},
		{"408 for ever", status(408), 99, 0, 3, concord.Timeout},
		{"429 with a date gone by", status(429, "Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"), 1, 0, 2, concord.Unknown},
		{"429 with no time for it", status(429, "Retry-After", "1"), 1, 500 * time.Millisecond, 1, concord.RateLimited},
		{"503 with no time to wait at all", status(503), 1, 150 * time.Millisecond, 1, concord.Unavailable},
		{"connection closed", hangUp, 2, 0, 3, concord.Unknown},
		{"connection closed for ever", hangUp, 99, 0, 3, concord.Unavailable},
		{"500 is not asked again", status(500), 1, 0, 1, concord.Internal},
		{"400 is not asked again", status(400), 1, 0, 1, concord.Invalid},
		{"404 is not asked again", status(404), 1, 0, 1, concord.Unsupported},
	} {
		t.Run(x.name, func(t *testing.T) {
			var asked atomic.Int64
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) {
				if int(asked.Add(1)) <= x.times {
					x.fail(w)
					return
				}
				ct.Write(w, ct.Searchset("", goal))
			})
			var seen []connectors.Exchange
			c := connect(t, s.Base(), func(c *connectors.Config) {
				if x.budget > 0 {
					c.Budget = x.budget
				}
				// connections of their own: net/http would ask again by itself on one that it kept
				c.Transport = &http.Transport{DisableKeepAlives: true}
				c.Observe = func(e connectors.Exchange) { seen = append(seen, e) }
			})
			page, err := c.Search(t.Context(), goals())
			if k := concord.KindOf(err); k != x.kind {
				t.Errorf("kind %v, want %v", k, x.kind)
			}
			if n := int(asked.Load()); n != x.asked || page.Requests != 1 {
				t.Errorf("asked %d times, want %d; %d requests told", n, x.asked, page.Requests)
			}
			want := []connectors.Exchange{{Source: source, Op: "search", Type: "Goal", Kind: x.kind, Attempts: x.asked}}
			if d := cmp.Diff(want, seen, cmpopts.IgnoreFields(connectors.Exchange{}, "Elapsed", "Bytes", "Status")); d != "" {
				t.Error(d)
			}
		})
	}
}

func status(code int, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func hangUp(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

func TestObserve(t *testing.T) {
	s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/Goal/") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		ct.Write(w, ct.Searchset("", goal))
	})
	var seen []connectors.Exchange
	c := connect(t, s.Base(), func(c *connectors.Config) { c.Observe = func(e connectors.Exchange) { seen = append(seen, e) } })
	if _, err := c.Search(t.Context(), goals()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(t.Context(), "Goal", "x"); err == nil {
		t.Fatal("no error")
	}
	want := []connectors.Exchange{
		{Source: source, Op: "search", Type: "Goal", Status: 200, Attempts: 1, Bytes: len(ct.Searchset("", goal))},
		{Source: source, Op: "read", Type: "Goal", Status: 404, Kind: concord.NotFound, Attempts: 1},
	}
	if d := cmp.Diff(want, seen, cmpopts.IgnoreFields(connectors.Exchange{}, "Elapsed")); d != "" {
		t.Error(d)
	}
}

// purse gives tokens one after the other, the next when one was refused.
type purse struct {
	mu     sync.Mutex
	tokens []string
	err    error
}

func (p *purse) Token(context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokens[0], p.err
}

func (p *purse) Refused(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tokens) > 1 && p.tokens[0] == token {
		p.tokens = p.tokens[1:]
	}
}

func TestTokens(t *testing.T) {
	for _, x := range []struct {
		name  string
		purse *purse
		asked int
		kind  concord.Kind
	}{
		{"good", &purse{tokens: []string{"good"}}, 1, concord.Unknown},
		{"refused once", &purse{tokens: []string{"old", "good"}}, 2, concord.Unknown},
		{"refused twice", &purse{tokens: []string{"old", "older", "good"}}, 2, concord.Unauthorized},
		{"refused, and there is no other", &purse{tokens: []string{"old"}}, 1, concord.Unauthorized},
		{"none to be had", &purse{tokens: []string{""}, err: &concord.Fault{Op: "token", Kind: concord.Unavailable}}, 0, concord.Unavailable},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer good" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				ct.Write(w, ct.Searchset("", goal))
			})
			_, err := connect(t, s.Base(), func(c *connectors.Config) { c.Tokens = x.purse }).Search(t.Context(), goals())
			if k := concord.KindOf(err); k != x.kind {
				t.Errorf("kind %v, want %v", k, x.kind)
			}
			if n := len(s.Requests()); n != x.asked {
				t.Errorf("asked %d times, want %d", n, x.asked)
			}
			var f *concord.Fault
			if errors.As(err, &f) && (f.Source != source || f.Op != "search") {
				t.Errorf("the fault is of %q in %q", f.Source, f.Op)
			}
		})
	}
}

func TestCompressed(t *testing.T) {
	s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		ct.Write(w, "") // the header first
		_, _ = z.Write([]byte(ct.Searchset("", goal) + strings.Repeat(" ", 1<<20)))
		_ = z.Close()
	})
	page, err := connect(t, s.Base()).Search(t.Context(), goals())
	if err != nil || len(page.Matches) != 1 {
		t.Errorf("%d matches, error %v", len(page.Matches), err)
	}
	_, err = connect(t, s.Base(), func(c *connectors.Config) { c.Limits.PageBytes = 64 << 10 }).Search(t.Context(), goals())
	if concord.KindOf(err) != concord.Malformed {
		t.Errorf("a small body that grows: %v", err)
	}
}

// TestTLS: a certificate that is not trusted is not asked twice, and one that is trusted holds.
func TestTLS(t *testing.T) {
	var asked atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { ct.Write(w, ct.Searchset("", goal)) }))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			asked.Add(1)
		}
	}
	s.Config.ErrorLog = quietLog()
	s.StartTLS()
	defer s.Close()
	_, err := connect(t, s.URL+"/r4").Search(t.Context(), goals())
	if concord.KindOf(err) != concord.Unavailable || asked.Load() != 1 {
		t.Errorf("not trusted: %v, %d connections", err, asked.Load())
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := connect(t, s.URL+"/r4", func(c *connectors.Config) { c.Transport = connectors.NewTransport(&tls.Config{RootCAs: roots}) }) // #nosec G402 -- NewTransport sets the version
	if _, err := c.Search(t.Context(), goals()); err != nil {
		t.Errorf("trusted: %v", err)
	}
}

// TestPanicIsAFault: what panics under a split search ends that search only.
func TestPanicIsAFault(t *testing.T) {
	c := connect(t, "http://localhost/r4", func(c *connectors.Config) {
		c.Transport = roundTrip(func(*http.Request) (*http.Response, error) { panic("at the disco") })
	})
	_, err := c.Search(t.Context(), goals())
	if concord.KindOf(err) != concord.Malformed {
		t.Errorf("error %v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// BenchmarkSearch is a searchset of 2 MB over loopback.
func BenchmarkSearch(b *testing.B) {
	var entries []string
	for i := range 800 {
		entries = append(entries, fmt.Sprintf(`{"resourceType":"Goal","id":"g%d","meta":{"versionId":"1"},"note":[{"text":%q}],"subject":{"reference":"Patient/p"}}`, i, strings.Repeat("lorem ipsum ", 200)))
	}
	body := ct.Searchset("", entries...)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { ct.Write(w, body) }))
	defer s.Close()
	c := connect(b, s.URL+"/r4")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if page, err := c.Search(b.Context(), goals()); err != nil || len(page.Matches) != len(entries) {
			b.Fatalf("%d matches, error %v", len(page.Matches), err)
		}
	}
}
