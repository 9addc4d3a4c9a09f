package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"

	"concord"
	"concord/audit"
	"concord/federation"
	"concord/fhir"
	"concord/gateway/admission"
	"concord/gateway/ratelimit"
	"concord/gateway/shelf"
	"concord/graphql"
	"concord/internal/obs"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// Config is what a Gateway is made of. All fields but those said to be optional are needed.
type Config struct {
	// PublicURL is the base of every link that is handed out, without a slash at its end.
	PublicURL string
	Version   string // of the program, for the CapabilityStatement
	Federator *federation.Federator
	Sources   map[concord.SourceID]Policy // what is allowed at each source; one that is not here takes nothing, and answers everybody
	Engine    *merge.Engine
	GraphQL   *graphql.Engine
	StandIns  mpi.StandIns
	Registry  Registry // the index, for $match, $ihe-pix and $mpi-review
	// Sync has what other gateways changed in the index known here; nil when nobody else does.
	Sync      func(context.Context) error
	Verifier  *smart.Verifier
	Trail     *audit.Trail
	Limits    Limits                // optional: the zero Limits limit nothing
	Shared    Shared                // optional: the zero Shared is of a gateway alone
	Admission *admission.Controller // optional: without, every request is let in at once
	// Health tells how a source is doing; nil: nobody knows.
	Health func(concord.SourceID) Health
	// AuthServer is what the SMART configuration says of the authorization server; optional.
	AuthServer smart.AuthServer
	Log        *slog.Logger
	Metrics    *Metrics
	Tracer     *obs.Tracer // optional
	// FreshFor is how long a whole answer may be given again to its caller; 0: never.
	FreshFor time.Duration
	// Before is the Gateway that this one takes over from, with the same Shared: the page links that it handed out hold on,
	// where the caller still reaches the sources and they are where they were, and what became of creates is known. Optional.
	Before *Gateway
}

// Health is how a source is doing, as far as asking it has told.
type Health struct {
	State string    // asked; failing: it is not asked for a while; trying: one request tries whether it is back
	Since time.Time // when that began
}

// Policy says what is allowed at one source. The zero Policy lets every tenant read, and nobody write.
type Policy struct {
	Vendor  string              // as the configuration names it
	Creates []fhir.ResourceType // that may be filed there
	Tenants []string            // whose tokens reach it; nil: all
}

// Limits bound how often a caller may ask.
type Limits struct {
	Limiter    ratelimit.Limiter     // nil: no limits
	BreakGlass *ratelimit.BreakGlass // nil refuses every break-glass header
}

// Shared is where gateways find what another has put down for them: answers with further pages, and what became of a create.
type Shared struct {
	Shelf shelf.Shelf // nil: memory
	Keys  *shelf.Keys // that seal what is on Shelf; needed with it
}

// Gateway is the public HTTP handler. New makes it.
type Gateway struct {
	cfg     Config
	base    string                      // the FHIR base, as clients see it
	bases   map[concord.SourceID]string // the sources' own
	offers  func(concord.SourceID, fhir.ResourceType) bool
	budget  time.Duration // for one request
	pages   *pages
	repeats *repeats
	writers chan struct{} // of those who write large searchsets
	shelf   shelf.Shelf   // for what became of creates
	domains domains       // of identifiers, for $ihe-pix
	chain   []step
}

// step is one station of the chain: it lets the exchange pass, answers it, or refuses it.
type step func(*exchange) (*answer, *problem)

// New makes a Gateway.
func New(cfg Config) *Gateway {
	g := &Gateway{cfg: cfg, base: strings.TrimSuffix(cfg.PublicURL, "/") + basePath, bases: map[concord.SourceID]string{}, pages: newPages(cfg.Shared), repeats: newRepeats(cfg.FreshFor), writers: make(chan struct{}, runtime.GOMAXPROCS(0))}
	for _, s := range cfg.Federator.Sources() {
		g.bases[s.Source] = s.Base
		g.budget = max(g.budget, s.Budget)
	}
	if g.shelf = cfg.Shared.Shelf; g.shelf == nil {
		g.shelf = shelf.NewMemory(claimBytes, nil)
	}
	if cfg.Before != nil {
		g.pages, g.shelf, g.cfg.Before = cfg.Before.pages, cfg.Before.shelf, nil
	}
	g.offers = cfg.Federator.Supports
	g.budget += time.Second // of the two that the contract leaves, one is for what comes behind the sources
	// The order is the security: what a request is decides its limit, the token comes before everything that costs, and
	// nothing is asked of a source before limit, admission and grant.
	g.chain = []step{g.public, g.authenticate, g.limited, g.admitted, g.negotiate, g.context, g.interact}
	return g
}

// How large a request's body may be: that of a search, that of a query with its variables, and a resource.
const (
	maxForm     = 64 << 10
	maxQuery    = 256 << 10
	maxResource = 4 << 20
)

// ServeHTTP answers one request. Whatever happens, what leaves is recorded first.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{g: g, r: r, id: newID(), began: time.Now(), leave: func() {}}
	defer func() { x.leave() }()
	x.span = g.cfg.Tracer.Request(r, x.began)
	ctx, cancel := context.WithTimeout(r.Context(), g.budget)
	defer cancel()
	x.ctx = ctx
	rt, bad := classify(r.Method, r.URL.EscapedPath())
	x.route = rt
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, rt.maxBody())
	}
	x.deliver(w, x.run(bad))
}

// run takes the exchange through the chain; bad is what is wrong with its route. A panic is an answer like others: it says
// nothing of its cause.
func (x *exchange) run(bad *problem) (a *answer) {
	defer func() {
		if recover() != nil {
			x.g.cfg.Log.Error("panic", slog.String("route", x.route.template), slog.String("request_id", x.id))
			x.disclosed = nil
			a = refuse(http.StatusInternalServerError, "exception", "something went wrong here").answer()
		}
	}()
	if bad != nil {
		// a caller without a token learns nothing of what there is
		if x.route.template != "other" {
			if _, p := x.g.authenticate(x); p != nil {
				bad = p
			}
		}
		return bad.answer()
	}
	for _, s := range x.g.chain {
		a, bad := s(x)
		switch {
		case bad != nil:
			return bad.answer()
		case a != nil:
			return a
		}
	}
	return notFound("no such page").answer()
}

func newID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program first
	return hex.EncodeToString(b[:])
}

// public answers what needs no token.
func (g *Gateway) public(x *exchange) (*answer, *problem) {
	if !x.route.public {
		return nil, nil
	}
	if strings.HasSuffix(x.route.template, "smart-configuration") {
		return g.smartConfiguration()
	}
	if !accepts(x.r) {
		return nil, refuse(http.StatusNotAcceptable, "not-supported", "only JSON is offered")
	}
	return g.capabilities(), nil
}

// authenticate verifies the token.
func (g *Gateway) authenticate(x *exchange) (*answer, *problem) {
	if q, bad := pairs(x.r.URL.RawQuery); bad == nil && slices.ContainsFunc(q, isToken) {
		x.denied = audit.InvalidToken
		p := refuse(http.StatusBadRequest, "invalid", "a token belongs in the Authorization header")
		p.challenge = `Bearer realm="concord", error="invalid_request"`
		return nil, p
	}
	t, err := g.cfg.Verifier.Verify(x.ctx, x.r.Header.Values("Authorization"))
	if err == nil {
		x.token = t
		return nil, nil
	}
	g.cfg.Log.Info("token refused", slog.String("reason", smart.RefusalOf(err).String()), slog.String("request_id", x.id))
	switch smart.RefusalOf(err) {
	case smart.NoToken:
		x.denied = audit.NoToken
		p := unauthorized()
		p.challenge = `Bearer realm="concord"`
		return nil, p
	case smart.SeveralTokens:
		x.denied = audit.InvalidToken
		p := refuse(http.StatusBadRequest, "invalid", "one Authorization header, please")
		p.challenge = `Bearer realm="concord", error="invalid_request"`
		return nil, p
	case smart.KeysUnreachable, smart.IssuerUnreachable:
		p := refuse(http.StatusServiceUnavailable, "transient", "the issuer can't be asked about the token; try again")
		p.retryAfter = 5 * time.Second
		return nil, p
	}
	x.denied = audit.InvalidToken
	return nil, unauthorized()
}

// isToken tells of a parameter that would hand over a token (RFC 6750 2.3), where logs have it.
func isToken(p pair) bool { return p.key == "access_token" }

// negotiate refuses what is known and not built, and what only another format would do for.
func (g *Gateway) negotiate(x *exchange) (*answer, *problem) {
	if !x.route.built {
		return nil, refuse(http.StatusNotImplemented, "not-supported", "this interaction is not offered")
	}
	if !accepts(x.r) && !(x.route.interaction == fhir.GraphQL && acceptsGraphQL(x.r)) {
		return nil, refuse(http.StatusNotAcceptable, "not-supported", "only JSON is offered")
	}
	return nil, nil
}

// acceptsGraphQL tells whether the client takes GraphQL's own media type, which is JSON too.
func acceptsGraphQL(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "application/graphql-response+json")
}

// accepts tells whether the client takes JSON. _format wins over the header (R4 http, 3.1.0.1.11); that of a form is
// looked at when the form is read.
func accepts(r *http.Request) bool {
	if all, bad := pairs(r.URL.RawQuery); bad == nil {
		for _, p := range all {
			if p.key == "_format" {
				return jsonFormat(p.value)
			}
		}
	}
	values := r.Header.Values("Accept")
	for _, h := range values {
		for t := range strings.SplitSeq(h, ",") {
			if jsonFormat(t) {
				return true
			}
		}
	}
	return len(values) == 0
}

// context finds whom the token's patient scopes are about, and makes the grant.
func (g *Gateway) context(x *exchange) (*answer, *problem) {
	x.ctx = audit.WithCaller(x.ctx, x.caller())
	if g.cfg.Sync != nil {
		if err := g.cfg.Sync(x.ctx); err != nil { // links that may have been cut meanwhile are not to be answered by
			return nil, ofFault(err)
		}
	}
	x.session = g.cfg.Federator.Begin(x.ctx, x.may)
	x.scopes, _ = smart.ParseScopes(x.token.Scope)
	wanted := slices.ContainsFunc(x.scopes, func(s smart.Scope) bool { return s.Prefix() == smart.PatientScope })
	var of mpi.Person
	if claim := strings.TrimPrefix(x.token.PatientClaim, "Patient/"); wanted && claim != "" {
		p, err := x.person(claim)
		switch {
		case err == nil:
			of = p
		case !errors.Is(err, concord.NotFound):
			return nil, ofFault(err)
		}
	}
	x.give(of)
	return nil, nil
}

// may tells whether the caller's tenant reaches a source.
func (x *exchange) may(source concord.SourceID) bool {
	t := x.g.cfg.Sources[source].Tenants
	return t == nil || slices.Contains(t, x.token.Tenant)
}

// reaches tells whether a record of a source may be told of to the caller: the source is one of this gateway's, and the
// tenant's.
func (x *exchange) reaches(source concord.SourceID) bool {
	_, known := x.g.bases[source]
	return known && x.may(source)
}

// resolve finds what an id of the gateway means to the caller: what is at a source that the tenant does not reach is not
// there.
func (x *exchange) resolve(t fhir.ResourceType, id string) (address, error) {
	a, err := x.g.resolveID(x.ctx, t, id)
	if err == nil && a.source != "" && !x.may(a.source) {
		return address{}, &concord.Fault{Op: "resolve", Kind: concord.NotFound}
	}
	return a, err
}

// give makes the grant for the context's patient; the zero Person is nobody.
func (x *exchange) give(of mpi.Person) {
	x.of = of
	x.grant = smart.NewGrant(x.token, x.scopes, smart.Context{Person: of.ID, Refs: meant(of), Bases: x.g.bases})
}

// meant are the patients that mean a person: those that are asked, and those that their sources have merged into them.
func meant(p mpi.Person) (out []concord.PatientRef) {
	for _, l := range p.Links {
		if p.Has(l.Ref) {
			out = append(out, l.Ref)
		}
	}
	return out
}

// regrant makes the grant anew when more is known of the context's patient than before: a source's patient that was found
// meanwhile is that person's too.
func (x *exchange) regrant(p mpi.Person) {
	if !slices.ContainsFunc(x.of.Refs(), p.Has) || p.ID == x.of.ID && len(p.Refs()) == len(x.of.Refs()) {
		return
	}
	if x.access.Patient == x.of.ID {
		x.access.Patient = p.ID
	}
	x.give(p)
}

// offered tells whether some source has resources of a type.
func (g *Gateway) offered(t fhir.ResourceType) bool {
	for s := range g.bases {
		if g.offers(s, t) {
			return true
		}
	}
	return false
}

// person is whom an id of the gateway means: a person's, or that of a source's patient. NotFound when nobody.
func (x *exchange) person(id string) (mpi.Person, error) {
	a, err := x.resolve(fhir.TypePatient, id)
	if err != nil {
		return mpi.Person{}, err
	}
	if a.person != "" {
		return x.session.Person(a.person)
	}
	return x.session.Identify(concord.NewPatientRef(a.source, a.id))
}

// interact does what was asked.
func (g *Gateway) interact(x *exchange) (*answer, *problem) {
	switch x.route.interaction {
	case fhir.SearchType:
		return x.search()
	case fhir.Read:
		return x.read()
	case fhir.Everything:
		return x.everything()
	case fhir.Create:
		return x.create()
	case fhir.Validate:
		return x.validate()
	case fhir.Compare:
		return x.compare()
	case fhir.Explain:
		return x.explain()
	case fhir.Sources:
		return x.sources()
	case fhir.GraphQL:
		return x.graphQL()
	case fhir.Match:
		return x.match()
	case fhir.Pix:
		return x.pix()
	case fhir.Review:
		return x.review()
	}
	return nil, nil
}

// missing is the cause of a grant's refusal.
func missing(err error) *smart.Missing {
	var m *smart.Missing
	errors.As(err, &m)
	return m
}

// peer is the address of the connection's other end.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}
