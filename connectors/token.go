package connectors

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"concord"
)

// TokenSource gives the bearer token for one source. It is safe for concurrent use. Its errors are *concord.Fault of
// Kind Unauthorized, RateLimited, Unavailable, Timeout, Canceled or Malformed, and hold no token.
type TokenSource interface {
	// Token is a token that should hold, from a cache where there is one. ctx bounds the wait.
	Token(ctx context.Context) (string, error)
	// Refused says that the source refused token (401): if another can be had, it is not given out again.
	Refused(token string)
}

// errPanicToken is the cause when obtaining a token panicked.
var errPanicToken = errors.New("a panic while obtaining a token")

const (
	tokenTimeout = 10 * time.Second // of one refresh, whoever waits for it
	lifeUnknown  = 5 * time.Minute  // of a token that came without expires_in
	youth        = 10 * time.Second // of a token, in which a refusal does not replace it
	pauseShort   = time.Second      // after a failed refresh, before the next
	pauseLong    = time.Minute      // at most, when the endpoint asked for a pause
)

// grant is one token.
type grant struct {
	token string
	life  time.Duration
	got   time.Time
}

// fresh tells whether g needs no refresh: less than 80 % of its life is over.
func (g grant) fresh(now time.Time) bool { return g.token != "" && now.Sub(g.got) < g.life*8/10 }

// valid tells whether g still holds, with a margin for the way to the source.
func (g grant) valid(now time.Time) bool {
	return g.token != "" && now.Sub(g.got) < g.life-min(g.life/10, 10*time.Second)
}

// cache keeps one token, and refreshes it before it ends; however many ask, one refresh is under way at once.
type cache struct {
	source concord.SourceID
	obtain func(ctx context.Context) (grant, *concord.Fault)
	flight singleflight.Group

	mu      sync.Mutex
	held    grant
	failed  *concord.Fault // the last refresh's
	resting time.Time      // no refresh before then
}

var _ TokenSource = (*cache)(nil)

// Token is that of TokenSource.
func (c *cache) Token(ctx context.Context) (string, error) {
	now := time.Now()
	c.mu.Lock()
	held, failed, resting := c.held, c.failed, now.Before(c.resting)
	c.mu.Unlock()
	switch {
	case held.fresh(now), resting && held.valid(now):
		return held.token, nil
	case resting && failed != nil:
		return "", copyOf(failed)
	}
	// the refresh is for all who wait, so it does not end with the one who began it
	done := c.flight.DoChan("", func() (any, error) { return c.refresh(context.WithoutCancel(ctx)) })
	select {
	case r := <-done:
		if g, ok := r.Val.(grant); ok && r.Err == nil {
			return g.token, nil
		}
		if held.valid(now) {
			return held.token, nil
		}
		var f *concord.Fault
		if errors.As(r.Err, &f) {
			return "", copyOf(f)
		}
		return "", &concord.Fault{Op: opToken, Kind: concord.Malformed, Source: c.source}
	case <-ctx.Done():
		kind, why := kindOfError(ctx, ctx.Err())
		return "", &concord.Fault{Op: opToken, Kind: kind, Source: c.source, Err: why}
	}
}

func (c *cache) refresh(ctx context.Context) (g grant, err error) {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	var fault *concord.Fault
	defer func() {
		if recover() != nil {
			fault = &concord.Fault{Op: opToken, Kind: concord.Malformed, Source: c.source, Err: errPanicToken}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.failed = fault; fault != nil {
			c.resting = time.Now().Add(min(max(fault.RetryAfter, pauseShort), pauseLong))
			err = fault
			return
		}
		c.held, c.resting = g, time.Time{}
	}()
	g, fault = c.obtain(ctx)
	return g, nil
}

// Refused is that of TokenSource. A source that refuses a token as young as this refuses us, and would refuse the next:
// endpoints allow few requests a minute.
func (c *cache) Refused(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held.token == token && time.Since(c.held.got) > youth {
		c.held = grant{}
	}
}

// copyOf keeps the faults of several callers apart.
func copyOf(f *concord.Fault) *concord.Fault {
	g := *f
	return &g
}
