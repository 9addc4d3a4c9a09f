package app

import (
	"bytes"
	"crypto/sha256"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"concord/gateway"
	"concord/gateway/ratelimit"
	"concord/gateway/ratelimit/redislimit"
	"concord/internal/config"
)

// counts are what a reload must not lose: what callers have used up, and which emergency headers were used.
type counts struct {
	memory *ratelimit.Memory
	redis  *redislimit.Store
	glass  map[stamp]*ratelimit.BreakGlass // by the key
}

// limits are a generation's.
type limits struct {
	gateway.Limits
	begin func() // has the rates hold
}

// limits makes the rate limits and the check of emergency headers.
func (a *App) limits(c config.RateLimit) (limits, error) {
	out := limits{begin: func() {}}
	if c.Enabled {
		rate := func(r config.Rate) ratelimit.Rate { return ratelimit.Rate{Limit: r.Count, Window: r.Per} }
		rates := map[ratelimit.Class]ratelimit.Rate{
			ratelimit.Read: rate(c.Read), ratelimit.Write: rate(c.Write), ratelimit.Bulk: rate(c.Bulk), ratelimit.Validation: rate(c.Validation), ratelimit.Hook: rate(c.Hook),
		}
		var limiter interface {
			ratelimit.Limiter
			SetRates(rates map[ratelimit.Class]ratelimit.Rate) error
		}
		var err error
		switch {
		case c.Store.RedisAddr == "" && a.counts.memory == nil:
			a.counts.memory, err = ratelimit.NewMemory(rates, ratelimit.Options{})
		case c.Store.RedisAddr != "" && a.counts.redis == nil:
			a.counts.redis, err = a.redis(c.Store, rates)
		}
		if err != nil {
			return out, err
		}
		if limiter = a.counts.memory; c.Store.RedisAddr != "" {
			limiter = a.counts.redis
		}
		out.Limiter = limiter
		out.begin = func() { _ = limiter.SetRates(rates) } // a configuration that was checked has no rate that is none
	}
	if f := c.BreakGlass.KeyFile; f != "" {
		key, err := os.ReadFile(f)
		if err != nil {
			return out, err
		}
		out.BreakGlass = a.breakGlass(bytes.TrimSpace(key))
	}
	return out, nil
}

// breakGlass checks emergency headers of a key. There is one for each key for as long as the process lives: a header that
// was used must not hold again because the configuration was read again.
func (a *App) breakGlass(key []byte) *ratelimit.BreakGlass {
	at := stamp(sha256.Sum256(key))
	if b := a.counts.glass[at]; b != nil {
		return b
	}
	b := ratelimit.NewBreakGlass(key, nil)
	if a.counts.redis != nil {
		b = ratelimit.NewSharedBreakGlass(key, nil, a.counts.redis)
	}
	if a.counts.glass == nil {
		a.counts.glass = map[stamp]*ratelimit.BreakGlass{}
	}
	a.counts.glass[at] = b
	return b
}

// redis counts in a Redis that gateways share. One that is gone is told, and counted without.
func (a *App) redis(c config.CounterStore, rates map[ratelimit.Class]ratelimit.Rate) (*redislimit.Store, error) {
	degraded := prometheus.NewGauge(prometheus.GaugeOpts{Name: "concord_rate_limit_degraded", Help: "1 while the Redis of the limits is gone and this gateway counts for itself."})
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
	a.reg.MustRegister(degraded)
	a.closers = append(a.closers, s.Close)
	return s, nil
}
