package federation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
)

// Federator asks sources. It is safe for concurrent use; New makes it.
type Federator struct {
	sources []Connector // by SourceID
	index   *mpi.Index
	engine  *merge.Engine
	opts    Options
	seen    seen
}

// Options are what a Federator may be given beside its parts. The zero value is usable.
type Options struct {
	// Reserve is how much of a request's time is kept for merging and answering; default 100 ms, but never more than a
	// tenth of a source's budget.
	Reserve time.Duration
	// AbsentFor is how long a source that answered that it has nobody like a person is believed; default 60 s.
	AbsentFor time.Duration
	// Creators are the sources that take new resources; nil for none.
	Creators map[concord.SourceID]Creator
	// Observe is told of each outcome, for metrics; may be nil.
	Observe func(Outcome)
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// New makes a Federator over sources, whose SourceIDs must differ.
func New(sources []Connector, index *mpi.Index, engine *merge.Engine, opts Options) (*Federator, error) {
	if opts.Reserve <= 0 {
		opts.Reserve = 100 * time.Millisecond
	}
	if opts.AbsentFor <= 0 {
		opts.AbsentFor = time.Minute
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Observe == nil {
		opts.Observe = func(Outcome) {}
	}
	sources = slices.Clone(sources)
	slices.SortFunc(sources, func(a, b Connector) int { return strings.Compare(string(a.About().Source), string(b.About().Source)) })
	for i := 1; i < len(sources); i++ {
		if sources[i].About().Source == sources[i-1].About().Source {
			return nil, &concord.Fault{Op: "federate", Kind: concord.Invalid, Source: sources[i].About().Source}
		}
	}
	return &Federator{sources: sources, index: index, engine: engine, opts: opts}, nil
}

// Sources is what is known of each source, sorted by name.
func (f *Federator) Sources() []About {
	out := make([]About, len(f.sources))
	for i, c := range f.sources {
		out[i] = c.About()
	}
	return out
}

// Supports tells whether a source has resources of type t that can be asked for.
func (f *Federator) Supports(source concord.SourceID, t fhir.ResourceType) bool {
	c := find(f.sources, source)
	return c != nil && c.Supports(t)
}

// find is the connector of that name, or nil.
func find(all []Connector, id concord.SourceID) Connector {
	for _, c := range all {
		if c.About().Source == id {
			return c
		}
	}
	return nil
}

// Session is one request's work with the sources: each source's budget runs from its Begin, whatever is asked of it, and
// a patient that was read, or looked for, once is not again. It is safe for concurrent use, and not used after its request.
type Session struct {
	f       *Federator
	sources []Connector     // those that the request may ask, by SourceID
	ctx     context.Context //nolint:containedctx // a Session is the request; its methods share one deadline
	began   time.Time

	mu       sync.Mutex
	patients map[concord.PatientRef]fhir.Resource // the sources' Patients read so far
	locators map[mpi.PersonID]*locator

	prepared sync.WaitGroup // what a search of people has begun beforehand
}

// Begin starts a request's work with the sources that may be asked for it; nil may says all. The context ends it.
func (f *Federator) Begin(ctx context.Context, may func(concord.SourceID) bool) *Session {
	s := &Session{f: f, sources: f.sources, ctx: ctx, began: time.Now(), patients: map[concord.PatientRef]fhir.Resource{}, locators: map[mpi.PersonID]*locator{}}
	if may != nil {
		s.sources = slices.DeleteFunc(slices.Clone(f.sources), func(c Connector) bool { return !may(c.About().Source) })
	}
	return s
}

// source is the connector of that name, or nil when the request may not ask it.
func (s *Session) source(id concord.SourceID) Connector { return find(s.sources, id) }

// within is the request's context, ended when the source's budget is used up.
func (s *Session) within(c Connector) (context.Context, context.CancelFunc) {
	budget := c.About().Budget
	end := s.began.Add(budget)
	if d, ok := s.ctx.Deadline(); ok {
		if d = d.Add(-min(s.f.opts.Reserve, budget/10)); d.Before(end) {
			end = d
		}
	}
	return context.WithDeadline(s.ctx, end)
}

// ask runs one call to a source and comes back no later than the source's budget, even if the connector does not. A
// panic of the connector is that source's failure, and no other's. Once the budget is used up nothing is asked. Its error
// is a *concord.Fault of the source.
func ask[T any](s *Session, c Connector, op string, call func(context.Context) (T, error)) (T, error) {
	type answer struct {
		val T
		err error
	}
	var none T
	source := c.About().Source
	ctx, cancel := s.within(c)
	defer cancel()
	if ctx.Err() != nil {
		return none, &concord.Fault{Op: op, Kind: endedBy(s.ctx), Source: source}
	}
	done := make(chan answer, 1)
	go func() {
		defer func() {
			if recover() != nil {
				done <- answer{err: &concord.Fault{Op: op, Kind: concord.Internal, Source: source}}
			}
		}()
		v, err := call(ctx)
		if err != nil {
			err = faultOf(source, err)
		}
		done <- answer{v, err}
	}()
	select {
	case a := <-done:
		return a.val, a.err
	case <-ctx.Done():
	}
	// the connector has its own context ended: give it a moment to hand over what it has read
	grace := time.NewTimer(50 * time.Millisecond)
	defer grace.Stop()
	select {
	case a := <-done:
		return a.val, a.err
	case <-grace.C:
		return none, &concord.Fault{Op: op, Kind: endedBy(s.ctx), Source: source}
	}
}

// endedBy tells a caller that went away from time that ran out.
func endedBy(request context.Context) concord.Kind {
	if errors.Is(request.Err(), context.Canceled) {
		return concord.Canceled
	}
	return concord.Timeout
}

// faultOf is err as a Fault of the source.
func faultOf(source concord.SourceID, err error) *concord.Fault {
	var f *concord.Fault
	if errors.As(err, &f) {
		if f.Source != source {
			f = &concord.Fault{Op: f.Op, Kind: f.Kind, Source: source, Status: f.Status, RetryAfter: f.RetryAfter, Err: f.Err}
		}
		return f
	}
	kind := concord.Internal
	switch {
	case errors.Is(err, context.Canceled):
		kind = concord.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		kind = concord.Timeout
	}
	return &concord.Fault{Op: "ask", Kind: kind, Source: source, Err: err}
}
