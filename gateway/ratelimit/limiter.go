package ratelimit

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Key says whose requests are counted together. It is never an address: a clinic has one. Token claims are not PHI, but are
// kept in memory only. For Bulk, only Tenant is set.
type Key struct {
	Tenant string
	User   string // for a user's token
	Client string // for a backend's token
}

// Limiter counts requests. It is safe for concurrent use and passes limittest.Run. A caller's window begins with its first
// request and is fixed; a refused request is not counted. Its errors are *concord.Fault: Invalid for a class that has no
// rate, and, for a store elsewhere, Unavailable or Timeout; what to do without a count is for the caller to decide.
type Limiter interface {
	Allow(ctx context.Context, c Class, k Key) (Decision, error)
}

// Decision is what a Limiter says of one request. The zero value refuses.
type Decision struct {
	Allowed    bool
	Limit      int           // of the window
	Remaining  int           // in this window, after this request
	Reset      time.Time     // when the window ends
	RetryAfter time.Duration // from now until then; 0 when allowed
}

// Headers are the response's headers that tell of d: X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset, which
// is Unix seconds, and Retry-After, in whole seconds and at least one, when d refuses.
func Headers(d Decision) http.Header {
	h := make(http.Header, 4)
	h.Set("X-RateLimit-Limit", strconv.Itoa(d.Limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(d.Remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(ceil(d.Reset), 10))
	if !d.Allowed {
		h.Set("Retry-After", strconv.FormatInt(max(1, int64((d.RetryAfter+time.Second-1)/time.Second)), 10))
	}
	return h
}

// ceil is t in Unix seconds, rounded up, so that who waits until then has waited long enough.
func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
