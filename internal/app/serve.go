package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"concord/internal/tlsfiles"
)

// Serve listens and answers until ctx ends; then it is not ready any more, goes on for the configured delay, takes no new
// requests, lets those under way finish within the configured grace, and returns nil. Its error says what could not be
// listened on.
func (a *App) Serve(ctx context.Context) error {
	cfg := a.config()
	public, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return err
	}
	admin, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.AdminListen)
	if err != nil {
		_ = public.Close()
		return err
	}
	return a.ServeOn(ctx, public, admin)
}

// ServeOn is Serve on listeners that are open already; it closes them.
func (a *App) ServeOn(ctx context.Context, public, admin net.Listener) error {
	defer paceCollector()()
	front := server(a.Public)
	a.secure(front)
	back := server(a.Admin)
	failed := make(chan error, 2)
	go func() {
		if front.TLSConfig != nil {
			failed <- front.ServeTLS(public, "", "")
		} else {
			failed <- front.Serve(public)
		}
	}()
	go func() { failed <- back.Serve(admin) }()
	a.log.Info("serving")
	select {
	case err := <-failed:
		return errors.Join(err, front.Close(), back.Close())
	case <-ctx.Done():
	}
	a.drain(context.WithoutCancel(ctx), front, back, failed)
	return nil
}

const (
	// cutFor is how long requests that were cut off may take to find that out and to be recorded.
	cutFor = 2 * time.Second
	// adminFor is how long the admin listener waits for what it answers last.
	adminFor = time.Second
)

// drain ends both servers, the admin listener last: it tells until the end that the gateway is not ready.
func (a *App) drain(ctx context.Context, front, back *http.Server, failed <-chan error) {
	a.ready.draining.Store(true)
	cfg := a.config()
	a.log.Info("draining")
	front.SetKeepAlivesEnabled(false) // whoever is answered now finds another gateway for its next request
	if cfg.DrainDelay > 0 {
		t := time.NewTimer(cfg.DrainDelay)
		select {
		case <-t.C:
		case err := <-failed:
			a.log.Error("a listener ended", slog.Any("error", err))
		}
		t.Stop()
	}
	grace, cancel := context.WithTimeout(ctx, cfg.ShutdownGrace)
	defer cancel()
	if err := front.Shutdown(grace); err != nil {
		a.log.Warn("requests were still under way at the end of the grace", slog.Any("error", err))
		_ = front.Close()
		a.idle(cutFor)
	}
	last, cancel := context.WithTimeout(ctx, adminFor)
	defer cancel()
	if back.Shutdown(last) != nil {
		_ = back.Close()
	}
	a.log.Info("drained")
}

// server has the bounds that keep a slow or greedy client from holding the gateway.
func server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // it would log addresses and what clients sent
	}
}

// secure sets the gateway's certificate, if it has one.
func (a *App) secure(s *http.Server) {
	if a.own != nil {
		s.TLSConfig = tlsfiles.Server(a.own, a.clients)
	}
}
