package gateway

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"concord"
	"concord/audit"
	"concord/gateway/admission"
	"concord/gateway/ratelimit"
)

// A client that was shed is told to come back after so many seconds, drawn anew each time, lest all come back at once.
const (
	shedLeast = time.Second
	shedMost  = 3 * time.Second
)

// admitted waits for the request's turn, by tenant; the place is given back when the answer has been written. What is over is
// shed before anything is asked of a source.
func (g *Gateway) admitted(x *exchange) (*answer, *problem) {
	if g.cfg.Admission == nil {
		return nil, nil
	}
	began := time.Now()
	leave, err := g.cfg.Admission.Enter(x.ctx, x.callerKey(ratelimit.Bulk).Tenant)
	g.cfg.Metrics.waited(time.Since(began))
	switch {
	case err == nil:
		x.leave = leave
		return nil, nil
	case !errors.Is(err, concord.RateLimited):
		return nil, ofFault(err)
	}
	reason := "waited"
	if errors.Is(err, admission.ErrFull) {
		reason = "full"
	}
	g.cfg.Metrics.shed.WithLabelValues(reason).Inc()
	x.denied = audit.Overloaded
	p := refuse(http.StatusServiceUnavailable, "throttled", "more is asked than can be answered in time; try again later")
	p.retryAfter = shedLeast + rand.N(shedMost-shedLeast) // #nosec G404 -- spreads clients, no secret
	return nil, p
}
