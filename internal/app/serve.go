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

// Serve listens and answers until ctx ends; then it takes no new requests, lets those under way finish within the
// configured grace, and returns nil. Its error says what could not be listened on.
func (a *App) Serve(ctx context.Context) error {
	public, err := new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		return err
	}
	admin, err := new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.AdminListen)
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
	a.log.Info("draining")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.ShutdownGrace)
	defer cancel()
	err := front.Shutdown(grace)
	if err != nil {
		a.log.Warn("requests were still under way at the end of the grace", slog.Any("error", err))
		_ = front.Close()
	}
	return back.Shutdown(grace)
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
