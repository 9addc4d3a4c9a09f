package connectors

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"concord"
	"concord/federation"
	"concord/fhir"
)

const opCreate = "create"

var _ federation.Creator = (*Client)(nil)

// Create files a resource: one POST, never tried again, since no EHR tells a second one from the first. The one exception is
// a token that the source refuses, for then it has looked at nothing else.
func (c *Client) Create(ctx context.Context, t fhir.ResourceType, body []byte) (federation.Created, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Budget)
	defer cancel()
	start, rep, attempts := time.Now(), reply{}, 0
	done, fault := c.create(ctx, t, body, &rep, &attempts)
	if c.cfg.Observe != nil {
		x := Exchange{Source: c.cfg.Source, Op: opCreate, Type: t, Status: rep.status, Attempts: attempts, Bytes: len(rep.body), Elapsed: time.Since(start)}
		if fault != nil {
			x.Kind = fault.Kind
		}
		c.cfg.Observe(x)
	}
	if fault != nil {
		return federation.Created{}, fault
	}
	return done, nil
}

func (c *Client) create(ctx context.Context, t fhir.ResourceType, body []byte, rep *reply, attempts *int) (federation.Created, *concord.Fault) {
	token := ""
	if c.cfg.Tokens != nil {
		var err error
		if token, err = c.cfg.Tokens.Token(ctx); err != nil {
			return federation.Created{}, c.tokenFault(ctx, opCreate, err)
		}
	}
	*attempts++
	fault := c.post(ctx, t, body, token, rep)
	if rep.status == http.StatusUnauthorized && c.cfg.Tokens != nil {
		c.cfg.Tokens.Refused(token)
		if fresh, err := c.cfg.Tokens.Token(ctx); err == nil && fresh != token {
			*attempts++
			*rep = reply{}
			fault = c.post(ctx, t, body, fresh, rep)
		}
	}
	if fault != nil {
		return federation.Created{}, fault
	}
	return c.created(t, *rep)
}

// post sends once. A fault from before the request left says that nothing was filed; any later one that is not the source's
// own refusal leaves it open.
func (c *Client) post(ctx context.Context, t fhir.ResourceType, body []byte, token string, rep *reply) *concord.Fault {
	u := *c.at.base
	u.Path += "/" + string(t)
	u.RawPath = ""
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := http.NewRequestWithContext(traced, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return c.fault(opCreate, concord.Invalid, 0, nil)
	}
	req.GetBody = nil // or net/http would send it again on a connection that was closed meanwhile
	req.Header = http.Header{"Accept": {acceptFHIR}, "Content-Type": {"application/fhir+json"}, "User-Agent": {"concord"}, "Prefer": {"return=representation"}}
	for k, v := range c.cfg.Headers {
		req.Header.Set(k, v)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.once.Do(req)
	if err != nil {
		kind, why := kindOfError(ctx, err)
		if sent.Load() {
			why = federation.ErrUnsure
		}
		return c.fault(opCreate, kind, 0, why)
	}
	defer func() { _ = resp.Body.Close() }()
	*rep = reply{status: resp.StatusCode, location: resp.Header.Get("Location")}
	rep.media, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch rep.status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		rep.body, err = readBody(resp.Body, resp.ContentLength, c.cfg.Limits.PageBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			rep.body = nil // the resource is filed; only what it looks like there is not known
		}
		return nil
	}
	_, fault := c.refusal(call{op: opCreate, typ: t}, resp, *rep)
	switch {
	case rep.status >= http.StatusInternalServerError, rep.status == http.StatusRequestTimeout, rep.status < 400:
		fault.Err = federation.ErrUnsure
	case rep.status == http.StatusNotFound: // the type's own URL
		fault.Kind = concord.Unsupported
	}
	return fault
}

// created reads from a good answer what was filed under which id: from its Location (R4 http, 3.1.0.8), or from the resource
// that came back.
func (c *Client) created(t fhir.ResourceType, rep reply) (federation.Created, *concord.Fault) {
	var out federation.Created
	if r, err := fhir.Parse(rep.body, fhir.Limits{Bytes: c.cfg.Limits.PageBytes}); err == nil && r.Type() == t && r.ID() != "" {
		out.Resource, out.ID = r, r.ID()
	}
	if u, ok := c.at.resolve(rep.location); ok && rep.location != "" {
		if rest, ok := strings.CutPrefix(u.EscapedPath(), c.at.base.EscapedPath()+"/"+string(t)+"/"); ok {
			rest, _, _ = strings.Cut(rest, "/")
			if id, err := url.PathUnescape(rest); err == nil && id != "" {
				if out.ID != "" && out.ID != id {
					out.Resource = fhir.Resource{}
				}
				out.ID = id
			}
		}
	}
	if out.ID == "" {
		return out, c.fault(opCreate, concord.Malformed, rep.status, federation.ErrUnsure)
	}
	return out, nil
}
