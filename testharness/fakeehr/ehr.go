package fakeehr

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"concord"
	"concord/testharness/population"
)

// Options say what sort of EHR it is. The zero value is a generic server without authorization.
type Options struct {
	// Source names it.
	Source concord.SourceID
	// Vendor decides its manners; empty is population.Generic.
	Vendor population.Vendor
	// Site is the customer's number, tenant or practice; empty is the vendor's default.
	Site string
	// BaseURL is the FHIR base when Handler is served by somebody else; Start sets it otherwise.
	BaseURL string
	// PublishedBase is the base that loaded resources use in absolute references; it is replaced by the real one.
	PublishedBase string
	// Manners are the vendor's quirks; nil is all of them.
	Manners *Manners
	// Auth is how clients are let in; the zero value is without.
	Auth Auth
	// PageSize is the default number of matches on a page, MaxPageSize the most that _count can ask for; 0 is what the
	// vendor has for the type.
	PageSize, MaxPageSize int
	// Deny lists resource types that the client has not been granted, whatever its token says.
	Deny []string
	// Withheld lists, per type, what Epic says it leaves out of answers (code 59204).
	Withheld map[string][]string
	// TLS makes it speak HTTPS by that configuration; nil is plain HTTP.
	TLS *tls.Config
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Manners are a vendor's quirks that can be turned off one by one. The zero value is none.
type Manners struct {
	// RequiredParams: searches without the vendor's parameters are refused with the vendor's error.
	RequiredParams bool
	// Categories: Epic refuses some categories.
	Categories bool
	// Outcomes: Epic's entries 4119 and 4101 within searchsets.
	Outcomes bool
	// PostFilters: Epic filters pages after cutting them, so that one may be short or empty and have a next.
	PostFilters bool
	// Repeats: Cerner gives the last resource of a page again on the next.
	Repeats bool
	// SocialFirst: the first page of Cerner's Observations has all social history, whatever _count says.
	SocialFirst bool
	// OldMediaType: Epic says application/json+fhir at times.
	OldMediaType bool
	// StrongDemographics: a Patient search at Epic by little more than a name finds nobody.
	StrongDemographics bool
	// Practice: athena wants ah-practice on searches.
	Practice bool
	// RateHeaders: athena's RateLimit headers.
	RateHeaders bool
	// UnknownParams: Cerner refuses parameters that it does not know, Epic names them in an outcome.
	UnknownParams bool
	// JSONOnly: Cerner answers 406 to an Accept that is not JSON.
	JSONOnly bool
}

// AllManners is every quirk; those of other vendors do nothing.
func AllManners() Manners {
	return Manners{RequiredParams: true, Categories: true, Outcomes: true, PostFilters: true, Repeats: true, SocialFirst: true, OldMediaType: true,
		StrongDemographics: true, Practice: true, RateHeaders: true, UnknownParams: true, JSONOnly: true}
}

// EHR is one sandbox EHR. Its methods are safe for concurrent use.
type EHR struct {
	o       Options
	manners Manners
	src     population.Source
	path    string // of the FHIR base

	store    *store
	script   script
	log      requestLog
	auth     *authorizer
	sessions sessions
	fixed    fixedBodies
	requests atomic.Int64

	mu       sync.Mutex
	addr     string // host:port, kept over Stop and Restart
	base     string // FHIR base URL
	server   *http.Server
	foreign  *http.Server
	foreignU string
	strayed  atomic.Int64
	wg       sync.WaitGroup
	stop     chan struct{} // closed when the server is stopped, so that hanging answers end
}

// New is an EHR that holds nothing yet. An error means that the authorization options do not go together.
func New(o Options) (*EHR, error) {
	if o.Vendor == "" {
		o.Vendor = population.Generic
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &EHR{o: o, manners: AllManners(), src: population.Source{ID: o.Source, Vendor: o.Vendor, Site: o.Site}, store: newStore()}
	if o.Manners != nil {
		e.manners = *o.Manners
	}
	switch o.Vendor {
	case population.Epic:
		e.path = "/interconnect/api/FHIR/R4"
	case population.Cerner:
		e.path = "/r4/" + e.src.SiteCode()
	default:
		e.path = "/fhir/r4"
	}
	a, err := newAuthorizer(e)
	if err != nil {
		return nil, err
	}
	e.auth = a
	e.setBase(o.BaseURL)
	return e, nil
}

// Source is the EHR's name.
func (e *EHR) Source() concord.SourceID { return e.o.Source }

// Vendor is whose manners it has.
func (e *EHR) Vendor() population.Vendor { return e.o.Vendor }

// Practice is the value that athena's ah-practice must have, such as Organization/a-1.Practice-195900.
func (e *EHR) Practice() string { return "Organization/" + e.src.Practice() }

// MRNSystem is the system of its own patient identifiers.
func (e *EHR) MRNSystem() string { return e.src.MRNSystem() }

// URL is the FHIR base without a slash at the end; empty before Start without Options.BaseURL.
func (e *EHR) URL() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.base
}

// TokenURL is the token endpoint.
func (e *EHR) TokenURL() string { return e.root() + e.tokenPath() }

// root is scheme, host and port.
func (e *EHR) root() string {
	u := e.URL()
	if i := strings.Index(u, "://"); i >= 0 {
		if j := strings.IndexByte(u[i+3:], '/'); j >= 0 {
			return u[:i+3+j]
		}
	}
	return u
}

func (e *EHR) tokenPath() string {
	switch e.o.Vendor {
	case population.Epic:
		return "/interconnect/oauth2/token"
	case population.Cerner:
		return "/tenants/" + e.src.SiteCode() + "/protocols/oauth2/profiles/smart-v1/token"
	}
	return "/oauth2/v1/token"
}

func (e *EHR) setBase(base string) {
	base = strings.TrimSuffix(base, "/")
	e.mu.Lock()
	e.base = base
	e.mu.Unlock()
	if base != "" {
		if i := strings.Index(base, "://"); i >= 0 {
			if j := strings.IndexByte(base[i+3:], '/'); j >= 0 {
				e.path = base[i+3+j:]
			} else {
				e.path = ""
			}
		}
		e.store.publish(e.o.PublishedBase, base)
	}
}

// Load puts resources in, given as JSON with resourceType and id. One that is there already is replaced.
func (e *EHR) Load(bodies ...[]byte) error {
	for _, b := range bodies {
		if err := e.store.put(b, e.o.PublishedBase, e.URL()); err != nil {
			return err
		}
	}
	return nil
}

// LoadSite loads all that a source of a population holds.
func (e *EHR) LoadSite(s population.Site) error {
	for _, r := range s.Resources {
		if err := e.Load(r.Body); err != nil {
			return err
		}
	}
	return nil
}

// Count is how many resources of a type it holds.
func (e *EHR) Count(typ string) int { return e.store.count(typ) }

// Start serves on a free loopback port, and a second one for what links to foreign hosts lead to.
func (e *EHR) Start() error {
	e.mu.Lock()
	started := e.addr != ""
	e.mu.Unlock()
	if started {
		return errors.New("fakeehr: already started; after Stop comes Restart")
	}
	if err := e.listen("127.0.0.1:0"); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, e.Stop())
	}
	e.mu.Lock()
	e.foreignU = "http://" + l.Addr().String()
	e.foreign = &http.Server{Handler: http.HandlerFunc(e.stray), ReadHeaderTimeout: time.Minute}
	srv := e.foreign
	e.mu.Unlock()
	e.serve(srv, l)
	scheme := "http://"
	if e.o.TLS != nil {
		scheme = "https://"
	}
	e.setBase(scheme + e.addr + e.path)
	return nil
}

// listen opens the main port and serves it.
func (e *EHR) listen(addr string) error {
	var l net.Listener
	var err error
	for try := range 50 { // the port of a server that was just stopped may take a moment
		if l, err = net.Listen("tcp", addr); err == nil {
			break
		}
		wait := time.NewTimer(time.Duration(try+1) * 2 * time.Millisecond)
		<-wait.C
	}
	if err != nil {
		return fmt.Errorf("fakeehr: %w", err)
	}
	e.mu.Lock()
	e.addr = l.Addr().String()
	e.stop = make(chan struct{})
	stop := e.stop
	e.server = &http.Server{Handler: e.Handler(), ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context {
		return context.WithValue(context.Background(), stopKey{}, stop)
	}}
	srv := e.server
	e.mu.Unlock()
	if e.o.TLS != nil {
		srv.ErrorLog = log.New(io.Discard, "", 0) // clients without a certificate are what some tests are about
		l = tls.NewListener(l, e.o.TLS)
	}
	e.serve(srv, l)
	return nil
}

type stopKey struct{}

func (e *EHR) serve(s *http.Server, l net.Listener) {
	e.wg.Go(func() { _ = s.Serve(l) }) // ends with ErrServerClosed
}

// Stop pulls the plug: connections break, and new ones are refused until Restart. Stopping twice does nothing.
func (e *EHR) Stop() error {
	e.mu.Lock()
	srv := e.server
	e.server = nil
	if srv != nil {
		close(e.stop)
	}
	e.mu.Unlock()
	if srv == nil {
		return nil
	}
	return srv.Close()
}

// Restart serves again on the same port, with what it held before.
func (e *EHR) Restart() error {
	e.mu.Lock()
	addr, running := e.addr, e.server != nil
	e.mu.Unlock()
	if running || addr == "" {
		return errors.New("fakeehr: not stopped")
	}
	return e.listen(addr)
}

// Close ends all that Start began, and waits for it.
func (e *EHR) Close() error {
	err := e.Stop()
	e.mu.Lock()
	f := e.foreign
	e.foreign = nil
	e.mu.Unlock()
	if f != nil {
		err = errors.Join(err, f.Close())
	}
	e.wg.Wait()
	return err
}

// stray answers whoever followed a link to a foreign host, and counts it.
func (e *EHR) stray(w http.ResponseWriter, _ *http.Request) {
	e.strayed.Add(1)
	w.Header().Set("Content-Type", "application/fhir+json")
	_, _ = w.Write([]byte(`{"resourceType":"Bundle","type":"searchset","entry":[]}`)) // the client may be gone
}

// Strayed is how many requests reached the foreign host of a hostile link. It should stay 0.
func (e *EHR) Strayed() int { return int(e.strayed.Load()) }

func (e *EHR) foreignURL() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.foreignU == "" {
		return "http://127.0.0.1:9" // no Start, so no foreign host: nothing listens there
	}
	return e.foreignU
}

func (e *EHR) is(v population.Vendor) bool { return e.o.Vendor == v }
