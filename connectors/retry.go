package connectors

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	maxRetries  = 2
	backoffBase = 100 * time.Millisecond
	backoffCap  = 2 * time.Second
	maxWait     = 10 * time.Second       // a Retry-After beyond this is told, not waited for
	reserve     = 100 * time.Millisecond // what must be left of the time after a wait for asking again to make sense
)

// newRetrier is an HTTP client that asks again, within the deadline of the request's context, what is safe to ask again.
// It follows no redirect and logs nothing.
func newRetrier(transport http.RoundTripper) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: plainClient(transport),
		Logger:     nil, // it would write the URL
		RetryMax:   maxRetries,
		CheckRetry: func(ctx context.Context, resp *http.Response, err error) (bool, error) {
			if ctx.Err() != nil || !worthRetry(resp, err) {
				return false, nil //nolint:nilerr // the answer as it is tells more than that it was not tried again
			}
			// which attempt this is can't be seen here: the longest wait must fit
			wait, asked := retryAfter(resp, time.Now())
			if !asked {
				wait = ceiling(maxRetries - 1)
			}
			if asked && wait > maxWait {
				return false, nil
			}
			deadline, ok := ctx.Deadline()
			return !ok || time.Until(deadline) > wait+reserve, nil
		},
		Backoff: func(_, _ time.Duration, attempt int, resp *http.Response) time.Duration {
			if wait, asked := retryAfter(resp, time.Now()); asked {
				return min(wait, maxWait)
			}
			return rand.N(ceiling(attempt)) // #nosec G404 -- full jitter, no secret
		},
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// plainClient is an HTTP client that follows no redirect: one may lead to another patient, or carry the token away.
func plainClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     keepIdle{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// keepIdle hides CloseIdleConnections, which go-retryablehttp calls after every failure: the connections that the
// searches of other requests use are not to blame.
type keepIdle struct{ next http.RoundTripper }

// RoundTrip is that of the transport, counted.
func (k keepIdle) RoundTrip(r *http.Request) (*http.Response, error) {
	if n, ok := r.Context().Value(attemptsKey{}).(*int); ok {
		*n++
	}
	return k.next.RoundTrip(r)
}

type attemptsKey struct{}

// withCount has the attempts of a request counted in n.
func withCount(ctx context.Context, n *int) context.Context {
	return context.WithValue(ctx, attemptsKey{}, n)
}

// worthRetry tells whether asking the same again can help.
func worthRetry(resp *http.Response, err error) bool {
	if err != nil {
		return !isTLS(err) && !errors.Is(err, errBusy)
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// ceiling is the longest wait before retry number attempt, from 0.
func ceiling(attempt int) time.Duration { return min(backoffCap, backoffBase<<min(attempt, 10)) }

// retryAfter reads Retry-After (RFC 9110 10.2.3), seconds or a date.
func retryAfter(resp *http.Response, now time.Time) (time.Duration, bool) {
	if resp == nil {
		return 0, false
	}
	v := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if n, err := strconv.ParseInt(v, 10, 32); (err == nil || errors.Is(err, strconv.ErrRange)) && n >= 0 {
		return time.Duration(n) * time.Second, true // out of range: the largest
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now)), true
	}
	return 0, false
}
