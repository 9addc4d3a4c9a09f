package graphql

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"concord/federation"
	"concord/fhir"
	"concord/smart"
)

// run is one request at work. PHI.
type run struct {
	grant   smart.Grant
	backend Backend
	lim     Limits
	cancel  context.CancelCauseFunc
	weights map[string]int // how many fields of the answer an item of a list makes, by the list's field

	ended    atomic.Pointer[failure] // why it was ended before its time
	fields   atomic.Int64
	promised atomic.Int64 // fields that the lists so far will make
	bytes    atomic.Int64

	rights sync.Map // right → *failure, nil for one that is given

	mu         sync.Mutex
	searches   map[string]*cell
	reads      map[readKey]*cell
	known      map[Name]fhir.Resource // found by searches, for references
	resources  int
	disclosed  map[Name]struct{}
	outcomes   []federation.Outcome
	issues     []Issue
	incomplete map[fhir.ResourceType]bool // types of which a source is missing
	gaps       bool                       // some source is missing from something
	denied     int
	scope      string
}

func newRun(grant smart.Grant, b Backend, lim Limits) *run {
	return &run{grant: grant, backend: b, lim: lim, searches: map[string]*cell{}, reads: map[readKey]*cell{},
		known: map[Name]fhir.Resource{}, disclosed: map[Name]struct{}{}, incomplete: map[fhir.ResourceType]bool{}}
}

// scope is the context of a request under execution. The executor hands on what the guard returns, so that it is found
// without looking through a chain.
type scope struct {
	context.Context
	run *run
}

// runOf is the request that a resolver works for. Without one nothing is resolved.
func runOf(ctx context.Context) (*run, error) {
	if s, ok := ctx.(*scope); ok {
		return s.run, nil
	}
	return nil, internal()
}

// end ends the request with f, unless it has ended before.
func (r *run) end(f *failure) *failure {
	if r.ended.CompareAndSwap(nil, f) {
		r.cancel(f)
	}
	return f
}

// over tells whether the request has been ended.
func (r *run) over() bool { return r.ended.Load() != nil }

func (r *run) costly(text string) *failure { return r.end(fail(codeCostly, text)) }

// executes counts a field that is about to be resolved.
func (r *run) executes(name string) {
	r.bytes.Add(int64(len(name)) + 4)
	if r.fields.Add(1) > int64(r.lim.Fields) {
		_ = r.costly("the answer has too many fields")
	}
}

// promises counts the fields that n items of a list will make, before any of them is: once a list is under way, the
// executor goes to its end whatever happens. Nil when they may be.
func (r *run) promises(n int, field string) error {
	if f := r.ended.Load(); f != nil {
		return f
	}
	if r.promised.Add(int64(n)*int64(max(r.weights[field], 1))) > int64(r.lim.Fields) {
		return r.costly("the answer has too many fields")
	}
	return nil
}

// wrote counts bytes of the answer.
func (r *run) wrote(n int) {
	if r.bytes.Add(int64(n)) > int64(r.lim.Body) {
		_ = r.costly("the answer is too large")
	}
}

// refused remembers a place that the grant does not cover.
func (r *run) refused(f *failure) *failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied++
	if r.scope == "" {
		r.scope = f.scope
	}
	return f
}

// note remembers what became of the sources, once for each answer of the backend.
func (r *run) note(t fhir.ResourceType, a Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes = append(r.outcomes, a.Outcomes...)
	for _, i := range a.Issues {
		if !slices.Contains(r.issues, i) {
			r.issues = append(r.issues, i)
		}
	}
	if a.Partial {
		r.gaps, r.incomplete[t] = true, true
	}
	if a.Err != nil && ofBackend(a).code == codeUnavailable {
		r.gaps = true
	}
}
