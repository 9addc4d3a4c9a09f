package gateway

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"concord"
	"concord/audit"
	"concord/federation"
	"concord/fhir"
	"concord/gateway/ratelimit"
	"concord/internal/obs"
	"concord/mpi"
	"concord/smart"
)

// exchange is one request on its way through the chain. It holds PHI.
type exchange struct {
	g       *Gateway
	r       *http.Request
	ctx     context.Context //nolint:containedctx // an exchange is the request
	id      string          // the gateway's own id of the request
	began   time.Time
	span    obs.Span
	route   route
	token   smart.Token
	scopes  []smart.Scope
	of      mpi.Person // whom patient/ scopes are about; zero for nobody
	grant   smart.Grant
	session *federation.Session
	limit   *ratelimit.Decision // nil when no limit applied
	leave   func()              // gives back the place among the requests under way; never nil

	// what the trail and the headers tell
	access    smart.Access
	outcomes  []federation.Outcome
	disclosed map[fhir.ResourceType]int
	asks      question // that its answer is kept by; zero for none
	before    int      // the count of repeats when it began
	kept      *answer  // its answer, if that was kept
	resource  string   // the id that the answer is about, once it is known to be one
	about     mpi.PersonID
	several   bool // it is about more than one person, and a record names one
	denied    audit.Denial
	missing   string // the scope that would have sufficed
	glass     bool   // limits were lifted in an emergency
}

// answer is what leaves, once it is recorded.
type answer struct {
	status      int
	contentType string
	body        []byte
	etag        string
	header      map[string]string // further headers
	partial     bool              // some source is missing from it
	errors      bool              // it tells of errors, whatever its status
	lent        bool              // body is of bodies, and goes back there once it is written
}

const fhirJSON = "application/fhir+json; charset=utf-8"

func okay(body []byte) *answer {
	return &answer{status: http.StatusOK, contentType: fhirJSON, body: body}
}

// answer makes a problem what it looks like to the client.
func (p *problem) answer() *answer {
	a := &answer{status: p.status, contentType: fhirJSON, body: appendOutcome(nil, p.issues), header: map[string]string{}}
	if p.challenge != "" {
		a.header["WWW-Authenticate"] = p.challenge
	}
	if p.retryAfter > 0 {
		a.header["Retry-After"] = retryAfter(p.retryAfter)
	}
	return a
}

// strict tells whether the client asked for Prefer: handling=strict.
func (x *exchange) strict() bool { return x.prefers("handling=strict") }

// prefers tells whether the client's Prefer header says so (RFC 7240).
func (x *exchange) prefers(what string) bool {
	for _, h := range x.r.Header.Values("Prefer") {
		for p := range strings.SplitSeq(h, ",") {
			if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(p), " ", ""), what) {
				return true
			}
		}
	}
	return false
}

// strategy is what one source's failure does to this request.
func (x *exchange) strategy() federation.Strategy {
	if x.strict() {
		return federation.Abort
	}
	return federation.Warn
}

// note remembers what became of the sources.
func (x *exchange) note(all []federation.Outcome) { x.outcomes = append(x.outcomes, all...) }

// concerns remembers whose record the request is about.
func (x *exchange) concerns(id mpi.PersonID) {
	x.several = x.several || x.about != "" && id != "" && id != x.about
	if x.about == "" {
		x.about = id
	}
}

// disclose counts a resource that leaves.
func (x *exchange) disclose(t fhir.ResourceType) {
	if x.disclosed == nil {
		x.disclosed = map[fhir.ResourceType]int{}
	}
	x.disclosed[t]++
}

// check asks the grant, and makes its refusal a problem.
func (x *exchange) check(a smart.Access) *problem {
	x.access = a
	err := x.grant.Check(a)
	if err == nil {
		return nil
	}
	return x.forbidden(err)
}

// forbidden is the 403 of a grant that does not cover the request, naming the scope that would.
func (x *exchange) forbidden(err error) *problem {
	p := refuse(http.StatusForbidden, "forbidden", "the token does not cover this")
	p.lacks = err
	x.denied = audit.InsufficientScope
	if m := missing(err); m != nil {
		x.missing = m.Scope
		if m.Lack == smart.OtherPatient {
			x.denied = audit.OtherPatient
		}
		if m.Scope != "" {
			p.challenge = `Bearer realm="concord", error="insufficient_scope", scope="` + m.Scope + `"`
		}
	}
	return p
}

// sourceIssues are the issues that tell what is missing, and what the sources said of their answers, each once.
func sourceIssues(all []federation.Outcome) (out []issue, partial bool) {
	add := func(x issue) {
		for _, y := range out {
			if x == y {
				return
			}
		}
		out = append(out, x)
	}
	for _, o := range all {
		for _, n := range o.Notes {
			switch n {
			case federation.NoteDisclaimer:
				add(issue{severity: "information", code: "informational", source: o.Source, text: "the source says that its answer may not be its whole record"})
			case federation.NoteWithheld:
				add(issue{severity: "warning", code: "incomplete", source: o.Source, text: "the source says that it withholds data", on: o.Type})
			case federation.NoteDropped:
				add(issue{severity: "warning", code: "incomplete", source: o.Source, text: "the source sent what does not belong to the answer; it was dropped", on: o.Type})
			case federation.NoteOther:
				add(issue{severity: "warning", code: "incomplete", source: o.Source, text: "the source gave a warning about its answer", on: o.Type})
			case federation.NoteByCategory:
				add(issue{severity: "information", code: "incomplete", source: o.Source, text: "the source can be searched by category only; what it keeps under others than it is known to take is not in its answer", on: o.Type})
			case federation.NoteIgnored:
			}
		}
		if o.Fault == nil {
			partial = partial || !o.Complete()
			continue
		}
		partial = true
		add(issue{severity: "warning", code: issueCode(o.Fault.Kind), source: o.Source, text: kindText(o.Fault.Kind), on: o.Type})
	}
	return out, partial
}

// allFailed is the problem of an answer to which no source gave anything; nil when one did.
func allFailed(all []federation.Outcome) *problem {
	if slices.ContainsFunc(all, func(o federation.Outcome) bool { return o.Status == federation.OK || o.Status == federation.Partial }) {
		return nil
	}
	return gaps(all)
}

// gaps is the problem of a request that is refused for what sources did not give; nil when they gave all.
func gaps(all []federation.Outcome) *problem {
	p := &problem{retryAfter: time.Second}
	for _, o := range all {
		if o.Complete() {
			continue
		}
		status := http.StatusBadGateway
		if o.Fault != nil {
			switch o.Fault.Kind {
			case concord.Unavailable, concord.RateLimited:
				status = http.StatusServiceUnavailable
			case concord.Timeout, concord.Canceled:
				status = http.StatusGatewayTimeout
			}
			p.retryAfter = max(p.retryAfter, o.Fault.RetryAfter)
		}
		p.status = max(p.status, status)
	}
	if p.status == 0 {
		return nil
	}
	p.issues, _ = sourceIssues(all)
	for i := range p.issues {
		if p.issues[i].severity == "warning" {
			p.issues[i].severity = "error"
		}
	}
	return p
}
