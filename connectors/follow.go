package connectors

import (
	"context"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"

	"concord"
	"concord/federation"
	"concord/fhir"
)

// run tries a plan's steps, and gives what the first one brought that the source did not refuse as a question.
func (c *Client) run(ctx context.Context, q federation.Query, steps []step) (federation.Page, *concord.Fault) {
	var left atomic.Int64
	left.Store(int64(c.cfg.Limits.TotalBytes))
	requests := 0
	for i, s := range steps {
		last := i == len(steps)-1
		if s.open && !last && c.learnt[q.Type].Load() {
			continue
		}
		got := make([]harvest, len(s.asks))
		faults := make([]*concord.Fault, len(s.asks))
		c.parallel(len(s.asks), func(i int) {
			faults[i] = c.fault(opSearch, concord.Malformed, 0, errPanic) // what stands if the next line panics
			faults[i] = c.follow(ctx, q, s.asks[i].params, &got[i], &left)
		})
		if s.open && got[0].whole == 0 && got[0].required {
			c.learnt[q.Type].Store(true)
		}
		if !last && refused(got, faults, s.open && c.rules.ForbidsGaps) {
			for _, h := range got {
				requests += h.requests
			}
			continue
		}
		page, fault := c.combine(got, faults, s.asks)
		if s.asks[0].guessed {
			page.Notes = append(page.Notes, federation.Note{Code: federation.NoteByCategory})
		}
		page.Requests += requests
		return page, fault
	}
	return federation.Page{}, unsupported(opSearch, c.cfg.Source) // no plan is empty
}

// refused tells whether the source took none of the asks as a question. With forbids, a 403 may be its way of saying so.
func refused(got []harvest, faults []*concord.Fault, forbids bool) bool {
	for i, f := range faults {
		if f == nil || f.Kind != concord.Invalid && (!forbids || f.Kind != concord.Forbidden) || got[i].whole > 0 {
			return false
		}
	}
	return true
}

// parallel calls f for 0 to n-1, at most Parallel at once, and waits. A panic in one ends that one only.
func (c *Client) parallel(n int, f func(i int)) {
	safe := func(i int) {
		defer func() { _ = recover() }() // f has left a fault in its place
		f(i)
	}
	if n == 1 {
		safe(0)
		return
	}
	var wg sync.WaitGroup
	var at atomic.Int64
	for range min(n, c.cfg.Parallel) {
		wg.Go(func() {
			for i := int(at.Add(1)) - 1; i < n; i = int(at.Add(1)) - 1 {
				safe(i)
			}
		})
	}
	wg.Wait()
}

// follow sends one search and follows its pages into h. What h holds stands whatever the fault.
func (c *Client) follow(ctx context.Context, q federation.Query, params url.Values, h *harvest, left *atomic.Int64) *concord.Fault {
	first := c.searchURL(q.Type, params)
	u, seen := first, map[string]bool{first.String(): true}
	restarted, smaller := false, false
	for page := 1; ; page++ {
		if page > c.cfg.Limits.Pages {
			return c.fault(opSearch, concord.Incomplete, 0, errPages)
		}
		limit := min(int64(c.cfg.Limits.PageBytes), left.Load())
		if limit <= 0 {
			return c.fault(opSearch, concord.Incomplete, 0, errTooLong)
		}
		h.requests++
		rep, fault := c.get(ctx, call{op: opSearch, typ: q.Type, url: u, accept: acceptFHIR, limit: int(limit), first: page == 1})
		left.Add(-int64(len(rep.body)))
		var next string
		if fault == nil {
			rep.verdict, next, fault = c.take(q, rep, h)
		}
		h.required = h.required || rep.verdict.required
		switch {
		case fault == nil && next == "":
			return nil
		case fault != nil && rep.verdict.lapsed && !restarted:
			restarted, u = true, first
			seen = map[string]bool{first.String(): true}
			continue
		case fault != nil && c.rules.SmallerPages && rep.status == 500 && rep.verdict.required && !smaller:
			smaller, first = true, c.searchURL(q.Type, fewer(params))
			u, seen = first, map[string]bool{first.String(): true}
			continue
		case fault != nil && h.whole > 0:
			return incomplete(fault)
		case fault != nil:
			return fault
		}
		to, ok := c.at.resolve(next)
		switch {
		case !ok:
			return c.fault(opSearch, concord.Incomplete, rep.status, errNext)
		case seen[to.String()]:
			return c.fault(opSearch, concord.Incomplete, rep.status, errLoop)
		}
		seen[to.String()], u = true, to
	}
}

// searchURL is base/type?params. Searches are GETs with every vendor, since not all have POST _search, and releases of
// Epic differ in what they read of one; whoever logs URLs between here and the source logs patients.
func (c *Client) searchURL(t fhir.ResourceType, params url.Values) *url.URL {
	u := *c.at.base
	u.Path += "/" + string(t)
	if u.RawPath != "" {
		u.RawPath += "/" + string(t)
	}
	u.RawQuery = params.Encode()
	return &u
}

// fewer asks for pages of a fifth.
func fewer(params url.Values) url.Values {
	out := clone(params)
	n, err := strconv.Atoi(params.Get(paramCount))
	if err != nil {
		n = 50
	}
	out.Set(paramCount, strconv.Itoa(max(1, n/5)))
	return out
}

// take puts a page's entries into h and gives the page's next link. Its fault is that of a page that is none, or that
// says that it failed.
func (c *Client) take(q federation.Query, rep reply, h *harvest) (v verdict, next string, fault *concord.Fault) {
	b, err := fhir.ParseBundle(rep.body, fhir.Limits{Bytes: c.cfg.Limits.PageBytes})
	if b.Type() == "OperationOutcome" {
		c.rules.judge(&v, b.Resource)
		if v.failed != concord.Unknown {
			return v, "", c.fault(opSearch, v.failed, rep.status, outcomeCause(v))
		}
		return v, "", c.fault(opSearch, concord.Malformed, rep.status, errNotSet)
	}
	switch {
	case err != nil:
		return v, "", c.fault(opSearch, concord.Malformed, rep.status, err)
	case b.Kind != "searchset":
		return v, "", c.fault(opSearch, concord.Malformed, rep.status, errNotSet)
	}
	matched := false
	h.matches.grow(len(b.Entries))
	for _, e := range b.Entries {
		switch r := e.Resource; {
		case r.Type() == "OperationOutcome": // whatever its search.mode
			c.rules.judge(&v, r)
		case e.Mode == fhir.ModeOutcome:
			v.note(federation.NoteOther)
		case r.Type() == "" || r.ID() == "":
			v.note(federation.NoteDropped)
		case e.Mode == fhir.ModeInclude || r.Type() == "Provenance" && q.Provenance && q.Type != "Provenance":
			h.included.put(r)
		case r.Type() != q.Type:
			v.note(federation.NoteDropped)
		default:
			h.matches.put(r)
			matched = true
		}
	}
	h.say(v)
	switch {
	case v.failed != concord.Unknown:
		fault = c.fault(opSearch, v.failed, rep.status, outcomeCause(v))
	case v.cut:
		fault = c.fault(opSearch, concord.Incomplete, rep.status, errMore)
	}
	if fault == nil {
		h.whole++
	} else if matched {
		fault = incomplete(fault)
	}
	return v, b.Next, fault
}
