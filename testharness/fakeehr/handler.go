package fakeehr

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"concord/testharness/population"
)

// call is one request being answered.
type call struct {
	e     *EHR
	w     http.ResponseWriter
	r     *http.Request
	fault Fault
	entry *Request
	typ   string // resource type
	id    string
	what  string // interaction
	op    string // operation, such as $match
	query url.Values
	form  bool // the query came as a form
}

// Handler serves the EHR. It needs Options.BaseURL unless Start was called.
func (e *EHR) Handler() http.Handler { return http.HandlerFunc(e.handle) }

func (e *EHR) handle(w http.ResponseWriter, r *http.Request) {
	e.requests.Add(1)
	c := &call{e: e, w: w, r: r, query: r.URL.Query()}
	c.route()
	c.entry = &Request{Method: r.Method, Path: r.URL.Path, Query: c.query, Type: c.typ, Interaction: c.what, Header: r.Header.Clone()}
	c.fault = e.script.next(r.Method, c.what, c.typ, c.what == "token")
	c.entry.Fault = c.fault.Kind
	e.log.add(c.entry)
	if c.bite() {
		return
	}
	switch c.what {
	case "token":
		e.auth.token(c)
	case "metadata":
		c.metadata()
	case "smart":
		c.smartConfiguration()
	case "":
		c.unknownPath()
	default:
		c.api()
	}
}

// route finds out what is asked for; what stays empty for what is nothing.
func (c *call) route() {
	path := c.r.URL.EscapedPath()
	if path == c.e.tokenPath() {
		c.what = "token"
		return
	}
	rest, ok := strings.CutPrefix(path, c.e.path+"/")
	if !ok {
		return
	}
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	for i, p := range parts {
		if u, err := url.PathUnescape(p); err == nil {
			parts[i] = u
		}
	}
	switch {
	case len(parts) == 1 && parts[0] == "metadata":
		c.what = "metadata"
		return
	case rest == ".well-known/smart-configuration":
		c.what = "smart"
		return
	case parts[0] == "" || parts[0][0] < 'A' || parts[0][0] > 'Z':
		return
	}
	c.typ = parts[0]
	get, post := c.r.Method == http.MethodGet, c.r.Method == http.MethodPost
	switch {
	case len(parts) == 1 && get:
		c.what = "search"
	case len(parts) == 1 && post:
		c.what = "create"
	case len(parts) == 2 && parts[1] == "_search" && post:
		c.what = "search"
		c.readForm()
	case len(parts) == 2 && strings.HasPrefix(parts[1], "$"):
		c.what, c.op = "operation", parts[1]
	case len(parts) == 2 && get:
		c.what, c.id = "read", parts[1]
	case len(parts) == 2 && c.r.Method == http.MethodPut:
		c.what, c.id = "update", parts[1]
	}
}

// readForm takes the parameters from the body; Epic ignores those of the URL then, others take both.
func (c *call) readForm() {
	c.form = true
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, 1<<20)
	if c.r.ParseForm() != nil {
		return
	}
	if c.e.is(population.Epic) {
		format := c.query["_format"]
		c.query = c.r.PostForm
		if format != nil {
			c.query["_format"] = format
		}
		return
	}
	c.query = c.r.Form
}

// api answers a request to the FHIR base for a resource type.
func (c *call) api() {
	if c.e.is(population.Athena) && c.e.manners.RateHeaders {
		for k, v := range map[string]string{"Limit": "500", "Remaining": strconv.Itoa(499 - int(c.e.requests.Load()%499)), "Reset": "1"} {
			c.w.Header().Set("RateLimit-"+k, v)
			c.w.Header().Set("X-RateLimit-"+k, v)
		}
	}
	if c.e.is(population.Cerner) {
		c.w.Header().Set("X-Request-Id", strconv.FormatInt(c.e.requests.Load(), 16))
		if c.e.manners.JSONOnly && !acceptsJSON(c.r.Header.Get("Accept")) && c.typ != "Binary" {
			c.status(http.StatusNotAcceptable)
			c.w.Header().Set("Content-Length", "0")
			c.w.WriteHeader(http.StatusNotAcceptable)
			return
		}
	}
	if !c.e.auth.admit(c) {
		return
	}
	if !knownTypes[c.typ] {
		c.unknownPath()
		return
	}
	switch c.what {
	case "search":
		c.search()
	case "read":
		c.read()
	case "create", "update":
		c.write()
	case "operation":
		c.operation()
	}
}

func acceptsJSON(accept string) bool {
	if accept == "" {
		return true
	}
	for _, a := range strings.Split(accept, ",") {
		m, _, _ := strings.Cut(strings.TrimSpace(a), ";")
		if m == "*/*" || m == "application/*" || strings.Contains(m, "json") {
			return true
		}
	}
	return false
}

// status notes what is answered.
func (c *call) status(code int) { c.e.log.change(func() { c.entry.Status = code }) }

// bite does what a fault does before anything is looked at; true means that the request is done with.
func (c *call) bite() bool {
	f := c.fault
	switch f.Kind {
	case Slow:
		return !c.pause(f.Delay)
	case Hang, TokenHangs:
		if c.r.Body != nil { // only with the body read does the server notice that the client goes away
			_, _ = io.Copy(io.Discard, http.MaxBytesReader(c.w, c.r.Body, 8<<20))
		}
		c.pause(1000 * time.Hour)
		return true
	case ServerError:
		c.html(http.StatusInternalServerError, "Internal Server Error")
	case BadGateway:
		c.html(http.StatusBadGateway, "Bad Gateway")
	case Unavailable, TokenDown:
		c.retryAfter()
		c.problem(http.StatusServiceUnavailable, "error", "transient", "", "down for maintenance")
	case Throttled:
		c.retryAfter()
		c.problem(http.StatusTooManyRequests, "error", "throttled", "", "too many requests")
	case Forbidden:
		c.refuse()
	case NotFound:
		c.problem(http.StatusNotFound, "error", "not-found", "", "not found")
	case Unauthorized:
		c.unauthorized()
	case RequiredField:
		c.problem(http.StatusInternalServerError, "fatal", "required", "", "a required element could not be filled")
	case BadJSON, TokenGarbage:
		c.send(http.StatusOK, "application/fhir+json", []byte(`{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":,,`))
	case HTML:
		c.html(http.StatusOK, "Please sign in")
	case Empty:
		c.send(http.StatusOK, "application/fhir+json", nil)
	case Reset:
		c.reset()
	case Endless:
		c.endless()
	case Redirect:
		to := f.Location
		if to == "" {
			to = c.e.foreignURL() + c.r.URL.Path
		}
		c.w.Header().Set("Location", to)
		c.send(http.StatusFound, "text/html", []byte("<html><body>moved</body></html>"))
	case OutcomeAs200:
		c.outcomeAs200()
	case TokenFails:
		c.send(http.StatusBadRequest, "application/json", []byte(`{"error":"invalid_client"}`))
	default:
		return false
	}
	return true
}

func (c *call) retryAfter() {
	switch c.fault.RetryAfter {
	case "":
		c.w.Header().Set("Retry-After", "1")
	case "-":
	default:
		c.w.Header().Set("Retry-After", c.fault.RetryAfter)
	}
}

// pause lasts d, or a second for 0; false when the client or the server has gone meanwhile.
func (c *call) pause(d time.Duration) bool {
	if d <= 0 {
		d = time.Second
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.r.Context().Done():
	case <-stopped(c.r.Context()):
	}
	return false
}

// stopped is closed when the EHR is; nil, which blocks for ever, behind a foreign server.
func stopped(ctx context.Context) <-chan struct{} {
	s, _ := ctx.Value(stopKey{}).(chan struct{})
	return s
}

// reset breaks the connection so that the client sees a reset instead of an end.
func (c *call) reset() {
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil { // a server that can't: at least promise more than comes
		c.w.Header().Set("Content-Length", "1")
		return
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // only how it breaks
	}
	_ = conn.Close() // it is meant to break
}

// endless sends entries until the client has had enough.
func (c *call) endless() {
	c.status(http.StatusOK)
	c.w.Header().Set("Content-Type", "application/fhir+json")
	chunk := []byte(strings.Repeat(`{"resource":{"resourceType":"Basic","id":"x"},"search":{"mode":"match"}},`, 1000))
	if _, err := c.w.Write([]byte(`{"resourceType":"Bundle","type":"searchset","entry":[`)); err != nil {
		return
	}
	for {
		if _, err := c.w.Write(chunk); err != nil {
			return
		}
		select {
		case <-c.r.Context().Done():
			return
		case <-stopped(c.r.Context()):
			return
		default:
		}
	}
}
