package connectors

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"concord"
)

// What the tests of the package look at from outside.

// ReadBody is readBody.
func ReadBody(r io.Reader, length int64, limit int) ([]byte, error) {
	return readBody(r, length, limit)
}

// Resolve is origin.resolve.
func Resolve(base, link string) (*url.URL, bool) {
	b, ok := parseBase(base)
	if !ok {
		return nil, false
	}
	return newOrigin(b).resolve(link)
}

// RetryAfter is retryAfter.
func RetryAfter(header string, now time.Time) (time.Duration, bool) {
	return retryAfter(&http.Response{Header: http.Header{"Retry-After": {header}}}, now)
}

// Interval is intervalOf, as instants.
func Interval(values ...string) (from, to time.Time, ok bool) {
	iv, ok := intervalOf(values)
	return iv.from, iv.to, ok
}

// NewCache is a token cache that already holds token, of which used of life is over.
func NewCache(token string, life, used time.Duration, obtain func() (string, time.Duration, *concord.Fault)) TokenSource {
	return &cache{
		held: grant{token: token, life: life, got: time.Now().Add(-used)},
		obtain: func(context.Context) (grant, *concord.Fault) {
			t, l, f := obtain()
			return grant{token: t, life: l, got: time.Now()}, f
		},
	}
}
