package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/pprof" // it registers on the default mux too, which nothing here serves
	"sync/atomic"
	"time"

	"concord/audit"
	"concord/internal/obs"
)

// readiness tells whether requests can be served.
type readiness struct {
	trail    *audit.Trail
	draining atomic.Bool
}

var (
	errDraining = errors.New("draining")
	errTrail    = errors.New("the audit trail can't be written")
)

// check is nil when they can: the trail can be written, and the gateway does not end. That an issuer can't be reached is not
// ours to be unready for: tokens whose keys are known still hold.
func (r *readiness) check(ctx context.Context) error {
	if r.draining.Load() {
		return errDraining
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if r.trail.Health(ctx) != nil {
		return errTrail
	}
	return nil
}

// adminHandler serves liveness, readiness, metrics and, where the configuration says so, profiles.
func (a *App) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := a.ready.check(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	mux.Handle("GET /metrics", obs.MetricsHandler(a.reg))
	mux.Handle("GET /debug/pprof/", a.profiles())
	return mux
}

// profiles are Go's own, as `go tool pprof` asks for them. They name functions of the program and hold none of its data, but
// a profile slows it down.
func (a *App) profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.config().Pprof {
			http.NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
