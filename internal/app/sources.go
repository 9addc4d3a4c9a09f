package app

import (
	"crypto/x509"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"concord"
	"concord/connectors"
	"concord/connectors/athena"
	"concord/connectors/cerner"
	"concord/connectors/epic"
	"concord/connectors/generic"
	"concord/federation"
	"concord/fhir"
	"concord/gateway"
	"concord/internal/config"
	"concord/internal/tlsfiles"
)

// vendors makes the connector of each vendor.
var vendors = map[config.Vendor]func(connectors.Config) (connectors.Source, error){
	config.Epic: epic.New, config.Cerner: cerner.New, config.Athena: athena.New, config.Generic: generic.New,
}

// sourceMetrics tell of what is asked of sources, and whether they are.
type sourceMetrics struct {
	open     *prometheus.GaugeVec
	requests *prometheus.CounterVec
	waits    *prometheus.HistogramVec
	hedges   *prometheus.CounterVec
}

func newSourceMetrics(reg prometheus.Registerer) sourceMetrics {
	m := sourceMetrics{
		open:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "concord_source_guard_open", Help: "1 while a source is not asked because it has failed."}, []string{"source"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_source_http_requests_total", Help: "HTTP requests to sources."}, []string{"source", "op", "kind"}),
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "concord_source_wait_seconds", Help: "Time that requests waited for their turn at a source, by its max_concurrent and rate.",
			Buckets: []float64{.001, .01, .05, .1, .25, .5, 1, 2.5, 5}}, []string{"source"}),
		hedges: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_source_hedges_total", Help: "Requests sent a second time because a source was late, by whether the second answer was taken."}, []string{"source", "result"}),
	}
	reg.MustRegister(m.open, m.requests, m.waits, m.hedges)
	return m
}

// asked counts one request.
func (m sourceMetrics) asked(x connectors.Exchange) {
	source := string(x.Source)
	m.requests.WithLabelValues(source, x.Op, x.Kind.String()).Inc()
	m.waits.WithLabelValues(source).Observe(x.Waited.Seconds())
	if x.Hedge != connectors.NotHedged {
		m.hedges.WithLabelValues(source, string(x.Hedge)).Inc()
	}
}

// source is a configured source: its connector behind its guard.
type source struct {
	connectors.Source
	cfg   config.Source
	gate  *connectors.Gate // the way to it
	stamp stamp            // of the files that it was made of
	own   *tlsfiles.Pair   // the certificate that is shown to it; nil: none

	mu      sync.Mutex
	retired bool // another one has taken its place: what becomes of this one is told nobody
}

// retire takes s out of what health and metrics tell of.
func (s *source) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
}

// sources makes the connectors, each behind its guard. One whose configuration and files are what they were before stays,
// with its connections, its token and what its guard knows.
func (a *App) sources(cfg *config.Config, before map[string]*source) (map[string]*source, error) {
	out := map[string]*source{}
	for _, c := range cfg.Sources {
		old := before[string(c.Name)]
		if old != nil && reflect.DeepEqual(old.cfg, c) && old.stamp == stampOf(c.Auth.KeyFile, c.Auth.SecretFile) {
			out[string(c.Name)] = old
			continue
		}
		s, err := a.source(c)
		if err != nil {
			return nil, err
		}
		out[string(c.Name)] = s
	}
	return out, nil
}

// source makes one. It is told of once it is begun.
func (a *App) source(c config.Source) (*source, error) {
	s := &source{cfg: c, gate: connectors.NewGate(c.MaxConcurrent, perSecond(c.Rate)), stamp: stampOf(c.Auth.KeyFile, c.Auth.SecretFile)}
	transport, err := s.transport()
	if err != nil {
		return nil, fileFault(c.Name, err)
	}
	tokens, err := sourceTokens(c, transport)
	if err != nil {
		return nil, fileFault(c.Name, err)
	}
	categories := map[fhir.ResourceType][]string{}
	for t, names := range c.Categories {
		categories[fhir.ResourceType(t)] = names
	}
	inner, err := vendors[c.Vendor](connectors.Config{
		Source: c.Name, Base: c.BaseURL, Budget: c.Timeout, Transport: transport, Tokens: tokens, Headers: c.Headers,
		PageSize: c.PageSize, Practice: c.Practice, Categories: categories, Gate: s.gate, Hedge: c.Hedge,
		Observe: a.asked.asked,
	})
	if err != nil {
		return nil, err
	}
	s.Source = connectors.Guard(inner, connectors.GuardConfig{OnState: func(_ concord.SourceID, to connectors.State) { a.told(s, to) }})
	return s, nil
}

// told has health and metrics tell what a source's guard does, unless another source has taken its place.
func (a *App) told(s *source, to connectors.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return
	}
	open := 0.0
	if to != connectors.Closed {
		open = 1
	}
	a.asked.open.WithLabelValues(string(s.cfg.Name)).Set(open)
	a.health.set(s.cfg.Name, to)
}

// forget has nothing tell of a source that is none any more.
func (a *App) forget(name string) {
	a.asked.open.DeleteLabelValues(name)
	a.health.forget(concord.SourceID(name))
}

// federated are the sources as they are asked, in the order of the file, and those at which new resources may be filed.
func (g *generation) federated() ([]federation.Connector, map[concord.SourceID]federation.Creator) {
	var all []federation.Connector
	creators := map[concord.SourceID]federation.Creator{}
	for _, c := range g.cfg.Sources {
		s := g.sources[string(c.Name)]
		all = append(all, s)
		if len(c.Creates) > 0 {
			creators[c.Name] = s
		}
	}
	return all, creators
}

// perSecond is a rate as requests in a second; 0 for any.
func perSecond(r config.Rate) float64 {
	if r.Count == 0 {
		return 0
	}
	return float64(r.Count) / r.Per.Seconds()
}

// policies are what the configuration allows at each source.
func policies(cfg *config.Config) map[concord.SourceID]gateway.Policy {
	all := map[concord.SourceID]gateway.Policy{}
	for _, s := range cfg.Sources {
		p := gateway.Policy{Vendor: string(s.Vendor), Tenants: s.Tenants}
		for _, t := range s.Creates {
			p.Creates = append(p.Creates, fhir.ResourceType(t))
		}
		all[s.Name] = p
	}
	return all
}

// fileFault is the error for a source that can't be set up. What it wraps names a file at most.
func fileFault(source concord.SourceID, err error) error {
	return &concord.Fault{Op: "configure", Kind: concord.Invalid, Source: source, Err: err}
}

// transport is the way to the source, with its roots and our certificate.
func (s *source) transport() (http.RoundTripper, error) {
	t := s.cfg.TLS
	var roots *tlsfiles.Roots
	var err error
	if t.CAFile != "" {
		if roots, err = tlsfiles.LoadRoots(t.CAFile); err != nil {
			return nil, err
		}
	}
	if t.CertFile != "" {
		if s.own, err = tlsfiles.LoadPair(t.CertFile, t.KeyFile); err != nil {
			return nil, err
		}
	}
	return tlsfiles.Transport(roots, func(pool *x509.CertPool) http.RoundTripper {
		return connectors.NewTransport(tlsfiles.Client(pool, s.own))
	}), nil
}

// sourceTokens is how the gateway proves itself to one source; nil for none.
func sourceTokens(s config.Source, transport http.RoundTripper) (connectors.TokenSource, error) {
	at := connectors.Endpoint{Source: s.Name, TokenURL: s.Auth.TokenURL, ClientID: s.Auth.ClientID, Scopes: s.Auth.Scopes, Transport: transport}
	switch s.Auth.Type {
	case config.AuthBearerFile:
		return connectors.NewBearerFile(s.Name, s.Auth.TokenFile), nil
	case config.AuthClientSecret:
		secret, err := os.ReadFile(s.Auth.SecretFile)
		if err != nil {
			return nil, err
		}
		return connectors.NewClientSecret(at, strings.TrimSpace(string(secret)))
	case config.AuthBackendServices:
		file, err := os.ReadFile(s.Auth.KeyFile)
		if err != nil {
			return nil, err
		}
		key, kid, err := connectors.ParsePrivateKey(file)
		if err != nil {
			return nil, err
		}
		if s.Auth.KeyID != "" {
			kid = s.Auth.KeyID
		}
		return connectors.NewBackendServices(at, connectors.Signing{Key: key, KeyID: kid, Audience: s.Auth.Audience})
	}
	return nil, nil //nolint:nilnil // no token is a way to authenticate too
}
