package graphql

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	gqlerrors "github.com/graph-gophers/graphql-go/errors"

	"concord"
	"concord/federation"
	"concord/fhir"
)

// work is one request that is executed.
type work struct {
	req  Request
	d    *document
	m    *measured
	w    *rewriter
	text string
	vars map[string]any
}

// execute fetches, resolves and makes the answer.
func (e *Engine) execute(ctx context.Context, w *work, r *run) Response {
	ctx, cancelTime := context.WithTimeout(ctx, r.lim.Time)
	defer cancelTime()
	ctx, r.cancel = context.WithCancelCause(ctx)
	defer r.cancel(nil)
	r.weights = w.m.weights
	s := &scope{ctx, r}
	p := &plan{run: r, types: e.types, args: arguments{w.d, w.m.op, w.vars}}
	p.prefetch(s, w.m.op.sels, w.req.Instance)
	res := e.schema.Exec(s, w.text, w.req.OperationName, w.vars)
	if f := r.why(ctx); f != nil {
		return r.stopped(f)
	}
	if slices.ContainsFunc(res.Errors, misfit) {
		// the executor leaves out what stands behind, and says nothing of it
		return r.stopped(fail(codeInput, "a variable or an argument is not of its type"))
	}
	errs := r.errors(res.Errors, w)
	data, err := fhir.ParseValue(res.Data, fhir.Limits{Depth: 256})
	if err != nil {
		return r.stopped(internal())
	}
	if w.req.Instance != (Name{}) {
		data = data.Get(instanceField)
	}
	if r.gaps && w.req.Strict {
		f := fail(codeIncomplete, "a source did not answer in full, and the request is strict")
		return r.finish(http.StatusBadGateway, nil, []*failure{f})
	}
	errs = append(errs, r.incompleteLists(w, data, len(errs))...)
	body := data.Raw()
	if w.m.shaped {
		shaped, f := w.shape(data)
		if f != nil {
			return r.stopped(f)
		}
		body = shaped
	}
	return r.finish(statusOf(w, data, errs), body, errs)
}

// why is what ended the request before its time; nil when nothing did.
func (r *run) why(ctx context.Context) *failure {
	if f := r.ended.Load(); f != nil {
		return f
	}
	switch err := ctx.Err(); {
	case errors.Is(err, context.DeadlineExceeded):
		return fail(codeCostly, "the answer took too long")
	case err != nil:
		return fail(codeCanceled, "the request was ended")
	}
	return nil
}

// stopped is the answer of a request that was ended: nothing of its data leaves.
func (r *run) stopped(f *failure) Response {
	status := http.StatusBadRequest
	switch f.code {
	case codeInternal:
		status = http.StatusInternalServerError
	case codeCanceled:
		status = http.StatusServiceUnavailable
	}
	out := refusal(status, f)
	out.Fields, out.Denied, out.Scope = int(r.fields.Load()), r.denied, r.scope
	return out
}

// misfit tells whether an error is of a value that does not fit its type, which is found when a field is prepared: those
// that come up when it is resolved have a path, or are ours.
func misfit(e *gqlerrors.QueryError) bool { return e.ResolverError == nil && len(e.Path) == 0 }

// errors are the executor's as they are told: those that are ours, and of all others that there was one.
func (r *run) errors(all []*gqlerrors.QueryError, w *work) (out []*failure) {
	for _, e := range all {
		var f *failure
		switch {
		case errors.As(e.ResolverError, &f):
			f = &failure{code: f.code, text: f.text, scope: f.scope, kind: f.kind}
		default:
			f = internal()
		}
		f.path = e.Path
		if w.req.Instance != (Name{}) && len(f.path) > 0 {
			f.path = f.path[1:]
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b *failure) int { return comparePaths(a.path, b.path) })
	if n := len(out); n > r.lim.Errors {
		out = append(out[:r.lim.Errors-1], fail(out[r.lim.Errors].code, "and "+strconv.Itoa(n-r.lim.Errors+1)+" more errors"))
	}
	return out
}

// comparePaths puts errors into the order of the answer's paths, since they come up in any.
func comparePaths(a, b []any) int {
	return slices.CompareFunc(a, b, func(x, y any) int {
		i, isInt := x.(int)
		j, isInt2 := y.(int)
		if isInt && isInt2 {
			return i - j
		}
		s, _ := x.(string)
		t, _ := y.(string)
		return strings.Compare(s, t)
	})
}

// incompleteLists are errors for the lists of which a source is missing, each with its path. have is how many errors
// there are already.
func (r *run) incompleteLists(w *work, data fhir.Value, have int) (out []*failure) {
	if len(r.incomplete) == 0 {
		return nil
	}
	var walk func(v fhir.Value, sels []*selection, path []any)
	walk = func(v fhir.Value, sels []*selection, path []any) {
		if have+len(out) >= r.lim.Errors {
			return
		}
		if v.IsArray() {
			i := 0
			for item := range v.Items() {
				walk(item, sels, append(slices.Clip(path), i))
				i++
			}
			return
		}
		if !v.IsObject() {
			return
		}
		fields := w.d.collect(sels)
		for m := range v.Members() {
			all := fields[m.Name()]
			if len(all) == 0 || !m.IsObject() && !m.IsArray() {
				continue
			}
			at := append(slices.Clip(path), m.Name())
			t := strings.TrimSuffix(strings.TrimSuffix(all[0].name, "List"), "Connection")
			if offered(t) && r.incomplete[fhir.ResourceType(t)] {
				f := fail(codeIncomplete, "a source is missing from this")
				f.path = at
				out = append(out, f)
			}
			walk(m, under(all), at)
		}
	}
	walk(data, w.m.op.sels, nil)
	if len(out) > r.lim.Errors-have {
		out = out[:max(r.lim.Errors-have, 0)]
	}
	return out
}

// statusOf is the status of an answer: 200 whenever there are data (FHIR GraphQL, errors), and otherwise what is in the
// way of them.
func statusOf(w *work, data fhir.Value, errs []*failure) int {
	if len(errs) == 0 || !empty(data) {
		return http.StatusOK
	}
	status := 0
	for _, f := range errs {
		s := f.status()
		if s == 0 {
			status = 0
			break
		}
		status = max(status, s)
	}
	if status != 0 {
		return status
	}
	if w.req.Instance != (Name{}) && !data.IsObject() {
		switch errs[0].code {
		case codeForbidden:
			return http.StatusForbidden
		case codeNotFound:
			return http.StatusNotFound
		}
	}
	return http.StatusOK
}

// empty tells whether nothing is in the data.
func empty(data fhir.Value) bool {
	for m := range data.Members() {
		if !isNull(m) {
			return false
		}
	}
	return true
}

// status is that of an answer in which nothing but such errors is; 0 for errors that leave it a good one.
func (f *failure) status() int {
	switch {
	case f.code == codeInternal:
		return http.StatusInternalServerError
	case f.code != codeUnavailable:
		return 0
	case f.kind == concord.Timeout:
		return http.StatusGatewayTimeout
	case f.kind == concord.Unavailable, f.kind == concord.RateLimited:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}

// finish puts an answer together. Without data there is no data member.
func (r *run) finish(status int, data []byte, errs []*failure) Response {
	out := Response{Status: status, Fields: int(r.fields.Load()), Denied: r.denied, Scope: r.scope, Incomplete: r.gaps, Broken: anyInternal(errs), Errors: len(errs)}
	body := make([]byte, 0, len(data)+1024)
	body = append(body, '{')
	if data != nil {
		body = append(append(append(body, `"data":`...), data...), ',')
		out.Disclosed = map[fhir.ResourceType]int{}
		for n := range r.disclosed {
			out.Disclosed[n.Type]++
		}
	}
	if len(errs) > 0 {
		body = append(appendErrors(body, errs), ',')
	}
	body = append(body, `"extensions":{"complete":`...)
	body = strconv.AppendBool(body, !r.gaps)
	body = append(body, `,"sources":[`...)
	body = append(r.appendSources(body), ']')
	if len(r.issues) > 0 {
		body = append(body, `,"outcome":`...)
		body = appendOutcome(body, sortedIssues(r.issues))
	}
	if out.Body = append(body, `}}`...); len(out.Body) > r.lim.Body+4096 {
		return r.stopped(fail(codeCostly, "the answer is too large"))
	}
	return out
}

func sortedIssues(all []Issue) []Issue {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Issue) int {
		for _, c := range []int{strings.Compare(string(a.Source), string(b.Source)), strings.Compare(string(a.Type), string(b.Type)), strings.Compare(a.Severity, b.Severity),
			strings.Compare(a.Code, b.Code), strings.Compare(a.Text, b.Text)} {
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return all
}

// source is what became of one source in a request.
type source struct {
	ok, all int
	status  federation.Status
	fault   *concord.Fault
	count   int
	elapsed time.Duration
}

// appendSources appends what became of each source.
func (r *run) appendSources(dst []byte) []byte {
	all := map[concord.SourceID]*source{}
	for _, o := range r.outcomes {
		s := all[o.Source]
		if s == nil {
			s = &source{}
			all[o.Source] = s
		}
		s.all++
		if o.Status == federation.OK {
			s.ok++
		}
		s.status = max(s.status, o.Status) // as far as it matters: ok, partial, failed, skipped
		if s.fault == nil {
			s.fault = o.Fault
		}
		s.count += o.Resources
		s.elapsed = max(s.elapsed, o.Elapsed)
	}
	for i, id := range slices.Sorted(maps.Keys(all)) {
		s := all[id]
		if i > 0 {
			dst = append(dst, ',')
		}
		status := s.status
		if status > federation.Partial && s.ok > 0 {
			status = federation.Partial
		}
		dst = append(dst, `{"name":`...)
		dst = fhir.AppendString(dst, string(id))
		dst = append(append(append(dst, `,"status":"`...), status.String()...), '"')
		if s.fault != nil {
			dst = append(append(append(dst, `,"reason":"`...), s.fault.Kind.String()...), '"')
		}
		dst = appendInt(append(dst, `,"count":`...), s.count)
		dst = appendInt(append(dst, `,"ms":`...), int(s.elapsed.Milliseconds()))
		dst = append(dst, '}')
	}
	return dst
}

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }
