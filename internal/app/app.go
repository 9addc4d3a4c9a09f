package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"concord/audit"
	"concord/connectors"
	"concord/federation"
	"concord/gateway"
	"concord/graphql"
	"concord/internal/config"
	"concord/internal/obs"
	"concord/internal/tlsfiles"
	"concord/merge"
	"concord/smart"
)

// Version is what the program calls itself.
const Version = "0.1.0"

// App is a gateway with all that belongs to it. Close ends it.
type App struct {
	// Public is the gateway's handler; Admin is health and metrics, which never share its listener.
	Public, Admin http.Handler

	cfg     *config.Config
	ready   *readiness
	own     *tlsfiles.Pair  // the gateway's own certificate; nil for plain HTTP
	clients *tlsfiles.Roots // whose certificates clients must present; nil: none
	expiry  *expiry
	health  health
	closers []func() error
	log     *slog.Logger
}

// New makes an App of a configuration. log is where log lines go.
func New(ctx context.Context, cfg *config.Config, log io.Writer) (_ *App, err error) {
	a := &App{cfg: cfg, log: obs.NewLogger(log)}
	defer func() {
		if err != nil {
			_ = a.Close()
		}
	}()
	reg := obs.NewRegistry()
	metrics := gateway.NewMetrics(reg)

	a.expiry = newExpiry(reg)
	if err := a.certificates(); err != nil {
		return nil, err
	}
	index, backend, err := a.index(ctx)
	if err != nil {
		return nil, err
	}
	trail, err := a.trail(ctx, reg)
	if err != nil {
		return nil, err
	}
	verifier, err := a.verifier()
	if err != nil {
		return nil, err
	}
	sources, creators, err := a.sources(reg)
	if err != nil {
		return nil, err
	}
	engine := merge.NewEngine(merge.Default())
	fed, err := federation.New(sources, index, engine, federation.Options{Observe: metrics.Asked, Creators: creators})
	if err != nil {
		return nil, err
	}
	tracer, err := a.tracer(ctx)
	if err != nil {
		return nil, err
	}
	queries, err := graphql.New()
	if err != nil {
		return nil, err
	}
	limits, err := a.limits(reg)
	if err != nil {
		return nil, err
	}
	shared, err := a.shared(reg)
	if err != nil {
		return nil, err
	}
	fhirAPI := gateway.New(gateway.Config{
		PublicURL: cfg.PublicURL, Version: Version, Federator: fed, Sources: policies(cfg), Health: a.health.of, Engine: engine, GraphQL: queries, StandIns: backend, Sync: backend.Sync, Verifier: verifier, Trail: trail,
		Limits: limits, Shared: shared, AuthServer: authServer(cfg), Log: a.log, Metrics: metrics, Tracer: tracer,
	})
	if a.Public, err = front(fhirAPI, cfg); err != nil {
		return nil, err
	}
	if err := a.events(backend, reg); err != nil {
		return nil, err
	}
	a.ready = &readiness{trail: trail}
	a.Admin = adminHandler(reg, a.ready)
	return a, nil
}

// verifier verifies the tokens of the configured issuers.
func (a *App) verifier() (*smart.Verifier, error) {
	c := smart.Config{Audience: a.cfg.Auth.Audience, MaxLifetime: a.cfg.Auth.MaxTokenLifetime}
	for _, i := range a.cfg.Auth.Issuers {
		asked, err := introspection(i.Introspection)
		if err != nil {
			return nil, err
		}
		c.Issuers = append(c.Issuers, smart.Issuer{Name: i.Issuer, JWKSURL: i.JWKSURL, JWKSFile: i.JWKSFile, Introspection: asked, Algorithms: i.Algorithms, Tenants: i.Tenants,
			Claims: smart.Claims{Tenant: i.Claims.Tenant, Role: i.Claims.Role, Patient: i.Claims.Patient, Scope: i.Claims.Scope}})
	}
	v, err := smart.NewVerifier(c)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() error { v.Close(); return nil })
	return v, nil
}

// introspection is how an issuer is asked about opaque tokens; nil for not at all.
func introspection(c config.Introspection) (*smart.Introspection, error) {
	if c.URL == "" {
		return nil, nil //nolint:nilnil // it issues none
	}
	i := &smart.Introspection{URL: c.URL, ClientID: c.ClientID, SecretFile: c.SecretFile, KeyID: c.KeyID, Audience: c.Audience, Prefix: c.Prefix, Keep: c.Keep,
		AudienceOptional: c.AudienceOptional}
	if c.KeyFile == "" {
		return i, nil
	}
	text, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return nil, err
	}
	key, kid, err := connectors.ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	if i.Key = key; i.KeyID == "" {
		i.KeyID = kid
	}
	return i, nil
}

// authServer is what the SMART configuration can say of the first issuer.
func authServer(cfg *config.Config) smart.AuthServer {
	i := cfg.Auth.Issuers[0]
	return smart.AuthServer{Issuer: i.Issuer, JWKSURL: i.JWKSURL, AuthorizationEndpoint: cfg.Portal.AuthorizeURL, TokenEndpoint: cfg.Portal.TokenURL,
		IntrospectionEndpoint: i.Introspection.URL}
}

// Close frees everything, in the reverse of the order in which it was opened.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

// readiness tells whether requests can be served.
type readiness struct {
	trail *audit.Trail
}

// check is nil when they can: the trail can be written. That an issuer can't be reached is not ours to be unready for:
// tokens whose keys are known still hold.
func (r *readiness) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return r.trail.Health(ctx)
}

// adminHandler serves liveness, readiness and metrics.
func adminHandler(reg *prometheus.Registry, ready *readiness) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready.check(r.Context()); err != nil {
			http.Error(w, "the audit trail can't be written", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	mux.Handle("GET /metrics", obs.MetricsHandler(reg))
	return mux
}
