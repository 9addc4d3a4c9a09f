package connectors

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"concord"
)

const (
	maxTokenBody  = 256 << 10
	tokenAttempts = 3 // Epic's endpoint is known to answer 400 to good credentials now and then
)

var (
	errNoToken   = errors.New("the token endpoint's answer holds no usable bearer token")
	errGrant     = errors.New("the token endpoint refused the client")
	errAssertion = errors.New("the assertion can't be signed")
)

// endpoint is an OAuth 2.0 token endpoint (RFC 6749 4.4).
type endpoint struct {
	source concord.SourceID
	url    string
	http   *http.Client
	scopes []string
	// prove adds the client's proof to a request's form or header; it is called anew for each attempt.
	prove func(form url.Values, h http.Header) error
}

// obtain asks for a token, a few times where that may help.
func (e *endpoint) obtain(ctx context.Context) (grant, *concord.Fault) {
	for attempt := 0; ; attempt++ {
		g, fault, again := e.try(ctx)
		if fault == nil || !again || attempt == tokenAttempts-1 || fault.RetryAfter > 0 {
			return g, fault
		}
		pause := time.NewTimer(ceiling(attempt))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return g, fault
		}
	}
}

// try asks once. again tells whether asking again may help.
func (e *endpoint) try(ctx context.Context) (g grant, fault *concord.Fault, again bool) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(e.scopes) > 0 {
		form.Set("scope", strings.Join(e.scopes, " "))
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}, "User-Agent": {"concord"}}
	if err := e.prove(form, header); err != nil {
		return grant{}, e.fault(concord.Unauthorized, 0, errAssertion), false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(form.Encode()))
	if err != nil {
		return grant{}, e.fault(concord.Unauthorized, 0, errNetwork), false
	}
	req.Header = header
	asked := time.Now() // a token lives from when it was made, and that may have been at once
	resp, err := e.http.Do(req)
	if err != nil {
		kind, why := kindOfError(ctx, err)
		return grant{}, e.fault(kind, 0, why), kind == concord.Unavailable && !isTLS(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := readBody(resp.Body, resp.ContentLength, maxTokenBody)
	if resp.StatusCode != http.StatusOK {
		kind := kindOfStatus(resp.StatusCode, false)
		switch kind {
		case concord.RateLimited, concord.Timeout, concord.Unavailable:
		case concord.Internal:
			kind = concord.Unavailable
		default:
			kind = concord.Unauthorized
		}
		f := e.fault(kind, resp.StatusCode, errGrant)
		f.RetryAfter, _ = retryAfter(resp, time.Now())
		return grant{}, f, resp.StatusCode == http.StatusBadRequest || worthRetry(resp, nil) && kind != concord.RateLimited
	}
	if err != nil {
		kind, why := kindOfError(ctx, err)
		return grant{}, e.fault(kind, resp.StatusCode, why), false
	}
	if g = readGrant(body, asked); g.token == "" {
		return grant{}, e.fault(concord.Malformed, resp.StatusCode, errNoToken), false
	}
	return g, nil, false
}

func (e *endpoint) fault(kind concord.Kind, status int, err error) *concord.Fault {
	return &concord.Fault{Op: opToken, Kind: kind, Source: e.source, Status: status, Err: err}
}

// readGrant reads an access token response (RFC 6749 5.1). The zero grant means that it holds none that can be used.
func readGrant(body []byte, got time.Time) grant {
	var r struct {
		Token   string          `json:"access_token"`
		Type    string          `json:"token_type"`
		Expires json.RawMessage `json:"expires_in"`
	}
	if json.Unmarshal(body, &r) != nil || !bearer(r.Token) || r.Type != "" && !strings.EqualFold(r.Type, "bearer") {
		return grant{}
	}
	g := grant{token: r.Token, life: lifeUnknown, got: got}
	if n, err := strconv.ParseFloat(strings.Trim(string(r.Expires), `"`), 64); err == nil { // some send it as a string
		g.life = time.Duration(min(max(n, 0), 365*24*3600)) * time.Second
	}
	return g
}

// bearer tells whether s can stand in an Authorization header: visible ASCII.
func bearer(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
