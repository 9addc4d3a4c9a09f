package app

import (
	"crypto/x509"
	"net/http"
	"os"
	"strings"

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

// sources makes the connectors, each behind its guard, and of them those at which new resources may be filed.
func (a *App) sources(reg prometheus.Registerer) ([]federation.Connector, map[concord.SourceID]federation.Creator, error) {
	state := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "concord_source_guard_open", Help: "1 while a source is not asked because it has failed."}, []string{"source"})
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_source_http_requests_total", Help: "HTTP requests to sources."}, []string{"source", "op", "kind"})
	waits := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "concord_source_wait_seconds", Help: "Time that requests waited for their turn at a source, by its max_concurrent and rate.", Buckets: []float64{.001, .01, .05, .1, .25, .5, 1, 2.5, 5}}, []string{"source"})
	hedges := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_source_hedges_total", Help: "Requests sent a second time because a source was late, by whether the second answer was taken."}, []string{"source", "result"})
	reg.MustRegister(state, requests, waits, hedges)
	var out []federation.Connector
	creators := map[concord.SourceID]federation.Creator{}
	for _, s := range a.cfg.Sources {
		transport, err := a.sourceTransport(s.Name, s.TLS)
		if err != nil {
			return nil, nil, fileFault(s.Name, err)
		}
		tokens, err := sourceTokens(s, transport)
		if err != nil {
			return nil, nil, fileFault(s.Name, err)
		}
		categories := map[fhir.ResourceType][]string{}
		for t, c := range s.Categories {
			categories[fhir.ResourceType(t)] = c
		}
		gate := connectors.NewGate(s.MaxConcurrent, perSecond(s.Rate))
		a.gates = append(a.gates, gate)
		c, err := vendors[s.Vendor](connectors.Config{
			Source: s.Name, Base: s.BaseURL, Budget: s.Timeout, Transport: transport, Tokens: tokens, Headers: s.Headers,
			PageSize: s.PageSize, Practice: s.Practice, Categories: categories, Gate: gate, Hedge: s.Hedge,
			Observe: func(x connectors.Exchange) {
				requests.WithLabelValues(string(x.Source), x.Op, x.Kind.String()).Inc()
				waits.WithLabelValues(string(x.Source)).Observe(x.Waited.Seconds())
				if x.Hedge != connectors.NotHedged {
					hedges.WithLabelValues(string(x.Source), string(x.Hedge)).Inc()
				}
			},
		})
		if err != nil {
			return nil, nil, err
		}
		source := connectors.Guard(c, connectors.GuardConfig{OnState: func(source concord.SourceID, to connectors.State) {
			open := 0.0
			if to != connectors.Closed {
				open = 1
			}
			state.WithLabelValues(string(source)).Set(open)
		}})
		out = append(out, source)
		if len(s.Creates) > 0 {
			creators[s.Name] = source
		}
	}
	return out, creators, nil
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
		p := gateway.Policy{Tenants: s.Tenants}
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

// sourceTransport is the transport to one source, with its roots and our certificate.
func (a *App) sourceTransport(name concord.SourceID, t config.SourceTLS) (http.RoundTripper, error) {
	var roots *tlsfiles.Roots
	var own *tlsfiles.Pair
	var err error
	if t.CAFile != "" {
		if roots, err = tlsfiles.LoadRoots(t.CAFile); err != nil {
			return nil, err
		}
	}
	if t.CertFile != "" {
		if own, err = tlsfiles.LoadPair(t.CertFile, t.KeyFile); err != nil {
			return nil, err
		}
		a.expiry.watch(string(name), own)
	}
	return tlsfiles.Transport(roots, func(pool *x509.CertPool) http.RoundTripper {
		return connectors.NewTransport(tlsfiles.Client(pool, own))
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
