package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"concord/audit"
	"concord/gateway"
	"concord/gateway/admission"
	"concord/graphql"
	"concord/internal/config"
	"concord/internal/obs"
	"concord/internal/tlsfiles"
	"concord/merge"
	"concord/mpi"
	"concord/mpi/cached"
)

// Version is what the program calls itself.
const Version = "0.1.0"

// App is a gateway with all that belongs to it: what lasts as long as the process, and the generation that answers, which
// Reload replaces. Close ends it.
type App struct {
	// Public is the gateway's handler; Admin is health and metrics, which never share its listener.
	Public, Admin http.Handler

	log     *slog.Logger
	reg     *prometheus.Registry
	closers []func() error
	ready   *readiness

	// what a reload leaves alone
	own     *tlsfiles.Pair  // the gateway's own certificate; nil for plain HTTP
	clients *tlsfiles.Roots // whose certificates clients must present; nil: none
	expiry  *expiry
	health  health
	metrics *gateway.Metrics
	asked   sourceMetrics
	index   *mpi.Index
	store   *cached.Store
	trail   *audit.Trail
	links   *LinkTrail
	engine  *merge.Engine
	queries *graphql.Engine
	tracer  *obs.Tracer
	counts  counts
	turns   *admission.Controller
	reloads reloadMetrics

	turn sync.Mutex // one reload at a time
	mu   sync.RWMutex
	gen  *generation
	old  map[*generation]bool // those that still answer what they began
}

// New makes an App of a configuration. log is where log lines go.
func New(ctx context.Context, cfg *config.Config, log io.Writer) (_ *App, err error) {
	a := &App{log: obs.NewLogger(log), reg: obs.NewRegistry(), old: map[*generation]bool{}}
	defer func() {
		if err != nil {
			_ = a.Close()
		}
	}()
	a.metrics = gateway.NewMetrics(a.reg)
	a.asked = newSourceMetrics(a.reg)
	a.reloads = newReloadMetrics(a.reg)
	a.turns = a.admission(cfg.Admission)
	a.expiry = newExpiry(a.reg)
	if err := a.certificates(cfg.TLS); err != nil {
		return nil, err
	}
	if a.index, a.store, err = a.openIndex(ctx, cfg.MPI); err != nil {
		return nil, err
	}
	if a.trail, err = a.openTrail(ctx, cfg); err != nil {
		return nil, err
	}
	a.links = NewLinkTrail(a.trail)
	a.index = a.index.WithTold(a.links.Told)
	a.engine = merge.NewEngine(merge.Default())
	if a.tracer, err = a.openTracer(ctx, cfg.Traces); err != nil {
		return nil, err
	}
	if a.queries, err = graphql.New(); err != nil {
		return nil, err
	}
	g, err := a.generation(cfg, nil)
	if err != nil {
		return nil, err
	}
	if err := a.take(ctx, g); err != nil {
		g.close(nil)
		return nil, err
	}
	a.Public = http.HandlerFunc(a.answer)
	a.ready = &readiness{trail: a.trail}
	a.Admin = a.adminHandler()
	return a, nil
}

// config is the configuration in force.
func (a *App) config() *config.Config {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.gen.cfg
}

// Close frees everything, in the reverse of the order in which it was opened.
func (a *App) Close() error {
	a.mu.RLock()
	all := slices.Collect(maps.Keys(a.old))
	if a.gen != nil {
		all = append(all, a.gen)
	}
	a.mu.RUnlock()
	for _, g := range all {
		g.close(nil)
	}
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(errs...)
}
