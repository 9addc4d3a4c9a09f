package app

import (
	"bytes"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"concord/gateway"
	"concord/gateway/ratelimit"
	"concord/gateway/ratelimit/redislimit"
	"concord/internal/config"
)

// limits makes the rate limits and the check of emergency headers.
func (a *App) limits(reg prometheus.Registerer) (gateway.Limits, error) {
	var out gateway.Limits
	c := a.cfg.RateLimit
	var nonces ratelimit.Nonces
	if c.Enabled {
		rate := func(r config.Rate) ratelimit.Rate { return ratelimit.Rate{Limit: r.Count, Window: r.Per} }
		rates := map[ratelimit.Class]ratelimit.Rate{
			ratelimit.Read: rate(c.Read), ratelimit.Write: rate(c.Write), ratelimit.Bulk: rate(c.Bulk), ratelimit.Validation: rate(c.Validation), ratelimit.Hook: rate(c.Hook),
		}
		if c.Store.RedisAddr == "" {
			m, err := ratelimit.NewMemory(rates, ratelimit.Options{})
			if err != nil {
				return out, err
			}
			out.Limiter = m
		} else {
			r, err := a.redis(c.Store, rates, reg)
			if err != nil {
				return out, err
			}
			out.Limiter, nonces = r, r
		}
	}
	if f := c.BreakGlass.KeyFile; f != "" {
		key, err := os.ReadFile(f)
		if err != nil {
			return out, err
		}
		if key = bytes.TrimSpace(key); nonces != nil {
			out.BreakGlass = ratelimit.NewSharedBreakGlass(key, nil, nonces)
		} else {
			out.BreakGlass = ratelimit.NewBreakGlass(key, nil)
		}
	}
	return out, nil
}

// redis counts in a Redis that gateways share. One that is gone is told, and counted without.
func (a *App) redis(c config.CounterStore, rates map[ratelimit.Class]ratelimit.Rate, reg prometheus.Registerer) (*redislimit.Store, error) {
	degraded := prometheus.NewGauge(prometheus.GaugeOpts{Name: "concord_rate_limit_degraded", Help: "1 while the Redis of the limits is gone and this gateway counts for itself."})
	reg.MustRegister(degraded)
	o := redislimit.Options{Addr: c.RedisAddr, DB: c.RedisDB, User: c.User, PasswordFile: c.PasswordFile, Changed: func(s redislimit.State) {
		if s.Degraded {
			degraded.Set(1)
			a.log.Warn("the rate limits' Redis is gone: this gateway counts for itself", slog.String("kind", s.Cause.String()))
			return
		}
		degraded.Set(0)
		a.log.Info("the rate limits' Redis is back")
	}}
	if c.SecretFile != "" {
		secret, err := os.ReadFile(c.SecretFile)
		if err != nil {
			return nil, err
		}
		o.Secret = bytes.TrimSpace(secret)
	}
	var err error
	if o.TLS, err = clientTLS(c.TLS); err != nil {
		return nil, err
	}
	s, err := redislimit.New(rates, o)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, s.Close)
	return s, nil
}
