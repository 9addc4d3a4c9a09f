package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"concord"
	"concord/audit"
	"concord/federation"
	"concord/fhir"
	"concord/internal/obs"
	"concord/mpi"
)

// deliver records the answer and lets it out, in this order: what can't be recorded does not leave.
func (x *exchange) deliver(w http.ResponseWriter, a *answer) {
	if a.status == http.StatusOK && a.etag != "" && matchesETag(x.r, a.etag) {
		a = &answer{status: http.StatusNotModified, etag: a.etag, header: a.header, partial: a.partial}
		x.disclosed = nil
	}
	if !x.route.public {
		if err := x.g.cfg.Trail.Record(x.ctx, x.event(a)); err != nil {
			x.g.cfg.Log.Error("audit record", slog.Any("error", err), slog.String("request_id", x.id))
			x.g.cfg.Metrics.auditFailures.Inc()
			p := refuse(http.StatusServiceUnavailable, "transient", "the answer can't be recorded, so it is not given; try again")
			p.retryAfter = time.Second
			a = p.answer()
			x.outcomes = nil
		}
	}
	h := w.Header()
	if a.contentType != "" {
		h.Set("Content-Type", a.contentType)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if x.route.public {
		h.Set("Cache-Control", "public, max-age=300")
	}
	h.Set("X-Request-Id", x.id)
	if id := x.r.Header.Get("X-Request-Id"); id != "" && len(id) <= 128 && printable(id) {
		h.Set("X-Correlation-Id", id)
	}
	for k, v := range a.header {
		h.Set(k, v)
	}
	if t := serverTiming(x.outcomes); t != "" {
		h.Set("Server-Timing", t)
	}
	if x.strict() && a.status == http.StatusOK {
		h.Set("Preference-Applied", "handling=strict")
	}
	x.limitHeaders(h)
	if a.etag != "" {
		h.Set("ETag", a.etag)
	}
	if a.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	x.send(w, a)
	x.observe(a)
}

// send writes the body, and takes its room back once it has all left. A room of which something may not have left is the
// collector's: the Write of a stream that HTTP/2 resets comes back while the connection still reads what it was given.
func (x *exchange) send(w http.ResponseWriter, a *answer) {
	sent := x.r.Method == http.MethodHead
	if !sent {
		n, err := w.Write(a.body) //nolint:gosec // JSON, and said to be; whoever is gone can't be told
		sent = err == nil && n == len(a.body)
	}
	if a.lent && sent {
		giveBack(a.body)
	}
	a.body, a.lent = nil, false
}

func (x *exchange) observe(a *answer) {
	status := a.status
	x.traced(a)
	x.g.cfg.Metrics.answered(x, a, time.Since(x.began))
	x.g.cfg.Log.Info("request", slog.String("request_id", x.id), slog.String("route", x.route.template), slog.String("method", audit.MethodOf(x.r.Method).String()),
		slog.Int("status", status), slog.Int64("ms", time.Since(x.began).Milliseconds()))
}

// traced ends the request's span.
func (x *exchange) traced(a *answer) {
	asks := make([]obs.Ask, 0, len(x.outcomes))
	for _, o := range x.outcomes {
		ask := obs.Ask{Source: string(o.Source), Type: string(o.Type), Outcome: o.Status.String(), Requests: o.Requests, Resources: o.Resources, Began: o.Began, Elapsed: o.Elapsed}
		if o.Fault != nil {
			ask.Kind = o.Fault.Kind.String()
		}
		asks = append(asks, ask)
	}
	x.span.End(obs.Answer{Route: x.route.template, Interaction: auditInteraction(x.route.interaction).String(), Outcome: outcomeOf(a.status, a.partial).String(),
		Denial: x.denied.String(), RequestID: x.id, Status: a.status}, asks)
}

func matchesETag(r *http.Request, etag string) bool {
	for t := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if t = strings.TrimSpace(t); t == etag || t == "*" {
			return true
		}
	}
	return false
}

// serverTiming tells of each source how long it took, in milliseconds, and what became of it.
func serverTiming(all []federation.Outcome) string {
	type sum struct {
		source  concord.SourceID
		elapsed time.Duration
		status  federation.Status
		kind    string
	}
	var sums []sum
	for _, o := range all {
		i := slices.IndexFunc(sums, func(s sum) bool { return s.source == o.Source })
		if i < 0 {
			i = len(sums)
			sums = append(sums, sum{source: o.Source, status: federation.OK})
		}
		s := &sums[i]
		s.elapsed = max(s.elapsed, o.Elapsed)
		if o.Status != federation.OK && (s.status == federation.OK || o.Status == federation.Failed) {
			s.status, s.kind = o.Status, ""
			if o.Fault != nil {
				s.kind = " " + issueCode(o.Fault.Kind)
			}
		}
	}
	slices.SortFunc(sums, func(a, b sum) int { return cmp.Compare(a.source, b.source) })
	var b strings.Builder
	for i, s := range sums {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(s.source) + ";dur=" + strconv.FormatInt(s.elapsed.Milliseconds(), 10) + `;desc="` + s.status.String() + s.kind + `"`)
	}
	return b.String()
}

// event is the record of the exchange.
func (x *exchange) event(a *answer) audit.Event {
	c := x.caller()
	e := audit.Event{
		Type: audit.EventAccess, Time: time.Now(), RequestID: c.RequestID,
		PrincipalID: c.PrincipalID, PrincipalRole: c.PrincipalRole, TenantID: c.TenantID, ClientID: c.ClientID,
		ResourceType: string(x.route.typ), ResourceID: x.resource, Interaction: auditInteraction(x.route.interaction),
		Method: audit.MethodOf(x.r.Method), Route: x.route.template, SourceIP: peer(x.r), UserAgent: audit.DigestOf(x.r.UserAgent()),
		Status: a.status, Elapsed: time.Since(x.began), BreakGlass: x.glass, Denied: x.denied, MissingScope: x.missing,
	}
	if e.Outcome = outcomeOf(a.status, a.partial); e.Outcome == audit.Refused || x.denied == audit.Overloaded {
		e.Outcome = audit.Refused
		e.Type = audit.EventDenied
	}
	if e.Type == audit.EventAccess && a.status < 400 {
		e.Scopes = x.grant.UsedScopes(x.access)
		if x.route.interaction == fhir.GraphQL {
			e.Scopes = x.scopesOf(x.disclosed)
		}
	}
	for t, n := range x.disclosed {
		e.Disclosed = append(e.Disclosed, audit.Disclosure{Type: string(t), Count: n})
	}
	slices.SortFunc(e.Disclosed, func(a, b audit.Disclosure) int { return strings.Compare(a.Type, b.Type) })
	if !x.several {
		e.Person = string(x.about)
	}
	e.Sources = sourceAccesses(x.outcomes)
	return e
}

// outcomeOf is how a request ended.
func outcomeOf(status int, partial bool) audit.Outcome {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests:
		return audit.Refused
	case status >= http.StatusBadRequest:
		return audit.Failure
	case partial:
		return audit.Partial
	}
	return audit.Success
}

// caller is who asks, as the trail names it.
func (x *exchange) caller() audit.Caller {
	return audit.Caller{RequestID: x.id, PrincipalID: cmp.Or(x.token.Subject, x.token.Client), PrincipalRole: x.token.Role, TenantID: x.token.Tenant, ClientID: x.token.Client}
}

// sourceAccesses sums the outcomes by source.
func sourceAccesses(all []federation.Outcome) (out []audit.SourceAccess) {
	for _, o := range all {
		i := slices.IndexFunc(out, func(s audit.SourceAccess) bool { return s.Source == o.Source })
		if i < 0 {
			i = len(out)
			out = append(out, audit.SourceAccess{Source: o.Source, Outcome: audit.SourceOK})
		}
		out[i].Resources += o.Resources
		out[i].Elapsed = max(out[i].Elapsed, o.Elapsed)
		if !o.Complete() && out[i].Outcome == audit.SourceOK {
			out[i].Outcome = audit.SourceIncomplete
			if o.Fault != nil {
				out[i].Outcome = sourceOutcomes[issueCode(o.Fault.Kind)]
			}
		}
	}
	return out
}

var sourceOutcomes = map[string]audit.SourceOutcome{"timeout": audit.SourceTimeout, "transient": audit.SourceTransient, "throttled": audit.SourceThrottled,
	"forbidden": audit.SourceForbidden, "exception": audit.SourceException, "incomplete": audit.SourceIncomplete, "not-supported": audit.SourceNotSupported}

var auditInteractions = map[fhir.Interaction]audit.Interaction{fhir.Read: audit.Read, fhir.VRead: audit.VRead, fhir.SearchType: audit.SearchType, fhir.Page: audit.SearchType,
	fhir.Create: audit.Create, fhir.Update: audit.Update, fhir.Patch: audit.Patch, fhir.Delete: audit.Delete, fhir.History: audit.History,
	fhir.Capabilities: audit.Capabilities, fhir.Everything: audit.Operation, fhir.Compare: audit.Operation, fhir.Explain: audit.Operation, fhir.Sources: audit.Operation, fhir.CDSHook: audit.Operation, fhir.Match: audit.Operation, fhir.Pix: audit.Operation, fhir.Review: audit.Operation,
	fhir.Validate: audit.Operation, fhir.GraphQL: audit.GraphQL, fhir.Export: audit.Export}

func auditInteraction(i fhir.Interaction) audit.Interaction { return auditInteractions[i] }

// remember keeps the stand-ins that an answer holds, before it leaves: an id that can't be read again would be a lie.
func (x *exchange) remember(r *renderer) error {
	if len(r.standIns) == 0 {
		return nil
	}
	slices.SortFunc(r.standIns, func(a, b mpi.StandIn) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Alias, b.Alias)) })
	return x.g.cfg.StandIns.Save(context.WithoutCancel(x.ctx), slices.Compact(r.standIns))
}
