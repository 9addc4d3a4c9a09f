package connectors

import (
	"context"
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"concord"
	"concord/fhir"
)

// call is one GET to a source.
type call struct {
	op     string
	typ    fhir.ResourceType
	url    *url.URL
	accept string
	limit  int  // bytes of a good answer's body
	first  bool // not a later page, of which a source may keep where it is
}

// reply is what came back. Beside a fault it has what is known of the answer, if there was one.
type reply struct {
	status   int
	media    string // media type, without parameters
	location string // of a redirect; PHI
	body     []byte // of a 200; never changed
	verdict  verdict
}

// isJSON tells whether the answer says that it is JSON of any kind.
func (r reply) isJSON() bool { return strings.Contains(r.media, "json") }

// maxErrorBody bounds what is read of an answer that is not 200.
const maxErrorBody = 64 << 10

// get asks once, and once more with a new token when the source refuses the one that it was given.
func (c *Client) get(ctx context.Context, q call) (rep reply, fault *concord.Fault) {
	var n tally
	start := time.Now()
	if c.cfg.Observe != nil {
		defer func() {
			x := Exchange{Source: c.cfg.Source, Op: q.op, Type: q.typ, Status: rep.status, Attempts: n.attempts, Waited: n.waited, Hedge: n.hedge, Bytes: len(rep.body), Elapsed: time.Since(start)}
			if fault != nil {
				x.Kind = fault.Kind
			}
			c.cfg.Observe(x)
		}()
	}
	if c.cfg.Tokens == nil {
		return c.sendHedged(ctx, q, "", &n)
	}
	token, err := c.cfg.Tokens.Token(ctx)
	if err != nil {
		return reply{}, c.tokenFault(ctx, q.op, err)
	}
	rep, fault = c.sendHedged(ctx, q, token, &n)
	if rep.status != http.StatusUnauthorized {
		return rep, fault
	}
	c.cfg.Tokens.Refused(token)
	fresh, err := c.cfg.Tokens.Token(ctx)
	if err != nil || fresh == token {
		return rep, fault // the source's own refusal says more
	}
	return c.send(ctx, q, fresh, &n)
}

// tally is what a call came to, for whoever observes.
type tally struct {
	attempts int
	waited   time.Duration
	hedge    Hedge
}

// tokenFault is the fault of a token that can't be had, as this source's.
func (c *Client) tokenFault(ctx context.Context, op string, err error) *concord.Fault {
	kind, _ := kindOfError(ctx, err)
	if k := concord.KindOf(err); k != concord.Unknown {
		kind = k
	}
	return c.fault(op, kind, 0, err)
}

// send asks, and again where that may help.
func (c *Client) send(ctx context.Context, q call, token string, n *tally) (reply, *concord.Fault) {
	ctx = withWait(withCount(ctx, &n.attempts), &n.waited)
	wrapped, err := retryablehttp.FromRequest(c.request(ctx, q, token))
	if err != nil {
		return reply{}, c.fault(q.op, concord.Invalid, 0, nil)
	}
	resp, err := c.http.Do(wrapped) //nolint:bodyclose // receive does
	return c.receive(ctx, q, resp, err)
}

// request is the HTTP request of a call.
func (c *Client) request(ctx context.Context, q call, token string) *http.Request {
	h := http.Header{"Accept": {q.accept}, "User-Agent": {"concord"}}
	for k, v := range c.cfg.Headers {
		h.Set(k, v)
	}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	req := &http.Request{Method: http.MethodGet, URL: q.url, Host: q.url.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return req.WithContext(ctx)
}

// receive reads the answer.
func (c *Client) receive(ctx context.Context, q call, resp *http.Response, err error) (reply, *concord.Fault) {
	if err != nil {
		kind, why := kindOfError(ctx, err)
		return reply{}, c.fault(q.op, kind, 0, why)
	}
	defer func() { _ = resp.Body.Close() }()
	rep := reply{status: resp.StatusCode, location: resp.Header.Get("Location")}
	rep.media, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK {
		return c.refusal(q, resp, rep)
	}
	rep.body, err = readBody(resp.Body, resp.ContentLength, q.limit)
	if err != nil {
		kind, why := kindOfError(ctx, err)
		return rep, c.fault(q.op, kind, rep.status, why)
	}
	return rep, nil
}

// refusal reads an answer other than 200. Its body may be anything; only an OperationOutcome is looked at.
func (c *Client) refusal(q call, resp *http.Response, rep reply) (reply, *concord.Fault) {
	kind := kindOfStatus(rep.status, q.op == opSearch)
	var why error
	if rep.status >= 300 && rep.status < 400 {
		why = errRedirect
	}
	if body, err := readBody(resp.Body, resp.ContentLength, maxErrorBody); err == nil {
		if r, err := fhir.Parse(body, fhir.Limits{Bytes: maxErrorBody}); err == nil && r.Type() == "OperationOutcome" {
			c.rules.judge(&rep.verdict, r)
			why = outcomeCause(rep.verdict)
			switch v := &rep.verdict; {
			case v.own, v.failed == concord.RateLimited: // an over-quota answer may come as 403
				kind = v.failed
			case c.rules.SmallerPages && rep.status == http.StatusInternalServerError && v.required:
				kind = concord.Malformed // one bad record, not a source that is down
			}
		}
	}
	f := c.fault(q.op, kind, rep.status, why)
	f.RetryAfter, _ = retryAfter(resp, time.Now())
	return rep, f
}

// wrapBinary makes a Binary of content that came as it is.
func (c *Client) wrapBinary(rep reply, id string) (fhir.Resource, *concord.Fault) {
	media := rep.media
	if media == "" {
		media = "application/octet-stream"
	}
	b := make([]byte, 0, base64.StdEncoding.EncodedLen(len(rep.body))+len(id)+len(media)+64)
	b = fhir.AppendString(append(b, `{"resourceType":"Binary","id":`...), id)
	b = fhir.AppendString(append(b, `,"contentType":`...), media)
	b = append(b, `,"data":"`...)
	b = base64.StdEncoding.AppendEncode(b, rep.body)
	r, err := fhir.Parse(append(b, `"}`...), fhir.Limits{Bytes: cap(b) + 2})
	if err != nil {
		return fhir.Resource{}, c.fault(opRead, concord.Malformed, rep.status, err)
	}
	return r, nil
}
