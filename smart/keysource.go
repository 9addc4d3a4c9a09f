package smart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	fetchTimeout = 5 * time.Second
	defaultTTL   = 15 * time.Minute // of a set fetched without max-age
	minTTL       = 5 * time.Minute
	maxTTL       = 24 * time.Hour
	fileTTL      = time.Minute
)

// errKeyFetch is an answer that can't be a key set.
var errKeyFetch = errors.New("smart: the issuer's key set was not answered with 200")

// fetcher gets a key set from where it is kept, and tells for how long it may be used without looking again.
type fetcher func(ctx context.Context) (*keySet, time.Duration, error)

// fetchURL asks an issuer, for as long as the context lasts. Redirects are not followed: keys come from the configured URL or not at all.
func fetchURL(over http.RoundTripper, from string) fetcher {
	own := http.Client{Transport: over, // no Timeout: the context has one
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context) (*keySet, time.Duration, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
		if err != nil {
			return nil, 0, err
		}
		req.Header.Set("Accept", "application/jwk-set+json, application/json")
		res, err := own.Do(req)
		if err != nil {
			return nil, 0, err
		}
		defer func() { _ = res.Body.Close() }() // nothing was written
		if res.StatusCode != http.StatusOK {
			return nil, 0, fmt.Errorf("%w but %d", errKeyFetch, res.StatusCode)
		}
		s, err := readKeySet(res.Body)
		return s, ttlOf(res.Header.Get("Cache-Control")), err
	}
}

// fetchFile reads a key set from disk.
func fetchFile(path string) fetcher {
	return func(context.Context) (*keySet, time.Duration, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, 0, err
		}
		defer func() { _ = f.Close() }() // only read
		s, err := readKeySet(f)
		return s, fileTTL, err
	}
}

func readKeySet(r io.Reader) (*keySet, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	return parseKeySet(body)
}

// ttlOf is max-age of a Cache-Control header (RFC 9111 §5.2.2) within our bounds.
func ttlOf(cacheControl string) time.Duration {
	ttl := defaultTTL
	for d := range strings.SplitSeq(cacheControl, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return minTTL
		case "max-age":
			if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				ttl = time.Duration(n) * time.Second
			}
		}
	}
	return min(max(ttl, minTTL), maxTTL)
}

// checkURL refuses a URL that what comes from an issuer could be tampered with on the way from.
func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("smart: not a URL of an issuer")
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	if u.Scheme != "https" && !(u.Scheme == "http" && (host == "localhost" || ip != nil && ip.IsLoopback())) {
		return errors.New("smart: an issuer needs https, or http on loopback")
	}
	return nil
}
