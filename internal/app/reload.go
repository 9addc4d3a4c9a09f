package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"reflect"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"concord"
	"concord/internal/config"
)

// reloadMetrics tell how the last attempt to change the configuration ended.
type reloadMetrics struct {
	success prometheus.Gauge
	last    prometheus.Gauge
}

func newReloadMetrics(reg prometheus.Registerer) reloadMetrics {
	m := reloadMetrics{
		success: prometheus.NewGauge(prometheus.GaugeOpts{Name: "concord_config_reload_success", Help: "1 when the configuration that was read last is in force; 0 when it was refused, and the one before is."}),
		last:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "concord_config_reload_success_timestamp_seconds", Help: "When the configuration in force was taken."}),
	}
	reg.MustRegister(m.success, m.last)
	m.taken()
	return m
}

func (m reloadMetrics) taken() {
	m.success.Set(1)
	m.last.SetToCurrentTime()
}

// fixedKey is a part of the configuration that lasts as long as the process.
type fixedKey struct {
	name string
	of   func(*config.Config) any
}

// fixedKeys are all of them: listeners, and what a trail, an index, a store of counts or one of pages, or a stream was opened
// with.
func fixedKeys() []fixedKey {
	return []fixedKey{
		{"listen", func(c *config.Config) any { return c.Listen }},
		{"admin_listen", func(c *config.Config) any { return c.AdminListen }},
		{"public_url", func(c *config.Config) any { return c.PublicURL }},
		{"tls", func(c *config.Config) any { return c.TLS }},
		{"mpi.store", func(c *config.Config) any { return c.MPI.Store }},
		{"mpi.key_file", func(c *config.Config) any { return c.MPI.KeyFile }},
		{"audit", func(c *config.Config) any { return c.Audit }},
		{"traces", func(c *config.Config) any { return c.Traces }},
		{"rate_limit.store", func(c *config.Config) any { return [2]any{c.RateLimit.Store.RedisAddr, c.RateLimit.Store.RedisDB} }},
		{"rate_limit.redis", func(c *config.Config) any {
			s := c.RateLimit.Store
			s.RedisAddr, s.RedisDB = "", 0
			return s
		}},
		{"shared", func(c *config.Config) any { return c.Shared }},
		{"events", func(c *config.Config) any { return c.Events }},
	}
}

// errRestart is the cause of a reload that would change what lasts as long as the process.
var errRestart = errors.New("a change that needs a restart")

// ReloadFile is Reload with what the file at path says now. What is wrong in the file is logged, a line for each error with
// file, line and key.
func (a *App) ReloadFile(ctx context.Context, path string) error {
	cfg, err := config.Load(path)
	if err == nil {
		return a.Reload(ctx, cfg)
	}
	var all config.Errors
	errors.As(err, &all)
	for _, e := range all { // which quotes no value
		a.log.Error("the configuration is refused", slog.String("config", e.File+":"+strconv.Itoa(e.Line)+": "+e.Key), slog.String("reason", e.Msg))
	}
	return a.kept(&concord.Fault{Op: "reload", Kind: concord.Invalid, Err: err})
}

// Reload has another configuration answer from the next request on; requests under way end as they began. It is all or
// nothing: its error, which is logged, leaves everything as it was, down to the metrics but the one that tells so. A change
// of what lasts as long as the process is an error too.
func (a *App) Reload(ctx context.Context, cfg *config.Config) error {
	a.turn.Lock()
	defer a.turn.Unlock()
	if a.ready.draining.Load() {
		return &concord.Fault{Op: "reload", Kind: concord.Canceled, Err: errDraining}
	}
	var err error
	for _, k := range fixedKeys() {
		if !reflect.DeepEqual(k.of(a.gen.cfg), k.of(cfg)) {
			a.log.Error("the configuration is refused", slog.String("config", k.name), slog.String("reason", errRestart.Error()))
			err = &concord.Fault{Op: "reload", Kind: concord.Unsupported, Err: errRestart}
		}
	}
	if err != nil {
		return a.kept(err)
	}
	g, err := a.generation(cfg, a.gen)
	if err != nil {
		return a.kept(err)
	}
	if err := a.take(ctx, g); err != nil {
		g.close(a.gen)
		return a.kept(err)
	}
	a.reloads.taken()
	a.log.Info("the configuration is taken", slog.Int("sources", len(cfg.Sources)))
	return nil
}

// kept tells that the configuration in force stays so.
func (a *App) kept(err error) error {
	a.reloads.success.Set(0)
	a.log.Error("the configuration before stays in force", slog.Any("error", err))
	return err
}

// stamp tells one state of some files from another.
type stamp [sha256.Size]byte

// stampOf is that of the files with these names, the empty ones aside.
func stampOf(names ...string) stamp {
	all := sha256.New()
	for _, n := range names {
		if n == "" {
			continue
		}
		text, err := os.ReadFile(n)
		one := sha256.Sum256(text)
		if err != nil {
			one = stamp{}
		}
		_, _ = all.Write(one[:]) // a hash never fails
	}
	return stamp(all.Sum(nil))
}
