package gateway

import (
	"errors"
	"log/slog"
	"net/http"

	"concord"
	"concord/audit"
	"concord/fhir"
	"concord/gateway/ratelimit"
)

// class is what the request counts as.
func (x *exchange) class() ratelimit.Class {
	switch x.route.interaction {
	case fhir.Review:
		if x.r.Method == http.MethodPost { // a decision
			return ratelimit.Write
		}
	case fhir.Create, fhir.Update, fhir.Patch, fhir.Delete:
		return ratelimit.Write
	case fhir.Export:
		return ratelimit.Bulk
	case fhir.Validate:
		return ratelimit.Validation
	case fhir.CDSHook:
		return ratelimit.Hook
	}
	return ratelimit.Read
}

// callerKey says whose requests count together: a user's within the tenant, or a backend's.
func (x *exchange) callerKey(c ratelimit.Class) ratelimit.Key {
	k := ratelimit.Key{Tenant: x.token.Tenant}
	if k.Tenant == "" { // without tenants, each issuer's users are a world of their own
		k.Tenant = "issuer:" + x.token.Issuer
	}
	switch {
	case c == ratelimit.Bulk:
	case c != ratelimit.Hook && x.token.Subject != "" && x.token.Subject != x.token.Client:
		k.User = x.token.Subject
	default:
		k.Client = x.token.Client
	}
	return k
}

// limited counts the request, and refuses one too many. An emergency header lifts the read and write limits.
func (g *Gateway) limited(x *exchange) (*answer, *problem) {
	class := x.class()
	if h := x.r.Header.Get(ratelimit.BreakGlassHeader); h != "" {
		if bad := x.breakGlass(h); bad != nil {
			return nil, bad
		}
		if class != ratelimit.Bulk {
			return nil, nil
		}
	}
	if g.cfg.Limits.Limiter == nil {
		return nil, nil
	}
	d, err := g.cfg.Limits.Limiter.Allow(x.ctx, class, x.callerKey(class))
	if err != nil {
		return nil, ofFault(err)
	}
	x.limit = &d
	if d.Allowed {
		return nil, nil
	}
	x.denied = audit.RateLimited
	g.cfg.Metrics.overLimit(x.token.Tenant, class.String())
	return nil, refuse(http.StatusTooManyRequests, "throttled", "too many requests; wait")
}

// breakGlass checks an emergency header. One that does not hold refuses the request: whoever sends it is mistaken or worse.
func (x *exchange) breakGlass(header string) *problem {
	subject := x.token.Subject
	if subject == "" {
		subject = x.token.Client
	}
	if err := x.g.cfg.Limits.BreakGlass.Verify(header, subject, x.r.Method, x.r.URL.EscapedPath()); err != nil {
		if errors.Is(err, concord.Unavailable) {
			return ofFault(err) // it may hold, and nobody can say so: not a matter of the caller's
		}
		x.denied = audit.BadBreakGlass
		return refuse(http.StatusForbidden, "forbidden", "the emergency header does not hold")
	}
	x.glass = true
	// the emergency is a record of its own, down before anything is done in its name
	e := x.event(&answer{status: http.StatusOK})
	e.Type = audit.EventBreakGlass
	if err := x.g.cfg.Trail.Record(x.ctx, e); err != nil {
		return ofFault(err)
	}
	x.g.cfg.Metrics.breakGlass.Inc()
	x.g.cfg.Log.Warn("break glass", slog.String("request_id", x.id), slog.String("route", x.route.template))
	return nil
}

// limitHeaders tells the caller how much is left.
func (x *exchange) limitHeaders(h http.Header) {
	if x.limit == nil {
		return
	}
	for k, v := range ratelimit.Headers(*x.limit) {
		h[k] = v
	}
}
