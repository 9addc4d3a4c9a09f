package app

import (
	"bytes"
	"os"

	"concord/gateway"
	"concord/gateway/ratelimit"
	"concord/internal/config"
)

// limits makes the rate limits and the check of emergency headers.
func (a *App) limits() (gateway.Limits, error) {
	var out gateway.Limits
	c := a.cfg.RateLimit
	if f := c.BreakGlass.KeyFile; f != "" {
		key, err := os.ReadFile(f)
		if err != nil {
			return out, err
		}
		out.BreakGlass = ratelimit.NewBreakGlass(bytes.TrimSpace(key), nil)
	}
	if !c.Enabled {
		return out, nil
	}
	if c.Store.RedisAddr != "" {
		return out, unsupported("rate_limit.store", "this version counts in memory")
	}
	rate := func(r config.Rate) ratelimit.Rate { return ratelimit.Rate{Limit: r.Count, Window: r.Per} }
	m, err := ratelimit.NewMemory(map[ratelimit.Class]ratelimit.Rate{
		ratelimit.Read: rate(c.Read), ratelimit.Write: rate(c.Write), ratelimit.Bulk: rate(c.Bulk),
	}, ratelimit.Options{})
	if err != nil {
		return out, err
	}
	out.Limiter = m
	return out, nil
}
