package connectors

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"concord"
	"concord/federation"
	"concord/fhir"
)

// GuardConfig is how a guard decides. Every zero value means its default.
type GuardConfig struct {
	Failures int           // how many in a row open it; default 5
	Open     time.Duration // how long it stays open before one request may try; default 10 s
	// OnState is told of every change, synchronously; it must not call the guarded connector. Default none.
	OnState func(source concord.SourceID, to State)
}

// State is a guard's state, from a closed set.
type State string

// The states.
const (
	Closed   State = "closed"    // the source is asked
	Open     State = "open"      // the source is not asked
	HalfOpen State = "half-open" // one request tries, the others are refused
)

// Source speaks to one EHR, in both directions.
type Source interface {
	federation.Connector
	federation.Creator
}

// guarded is a Source behind a circuit breaker.
type guarded struct {
	next    Source
	breaker *gobreaker.CircuitBreaker[struct{}]
}

// Guard keeps requests from a source that is down: after a number of failures in a row (no connection, no answer in time,
// 5xx, 429) it answers Unavailable at once for a while, and then lets one request try. That a source refuses a question,
// or that the caller goes away, is no failure.
func Guard(c Source, cfg GuardConfig) Source {
	if cfg.Failures <= 0 {
		cfg.Failures = 5
	}
	if cfg.Open <= 0 {
		cfg.Open = 10 * time.Second
	}
	source := c.About().Source
	settings := gobreaker.Settings{
		Name:         string(source),
		MaxRequests:  1,
		Timeout:      cfg.Open,
		ReadyToTrip:  func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= cfg.Failures },
		IsSuccessful: func(err error) bool { return !failure(err) },
		IsExcluded:   excluded,
	}
	if cfg.OnState != nil {
		settings.OnStateChange = func(_ string, _, to gobreaker.State) { cfg.OnState(source, stateOf(to)) }
	}
	return &guarded{next: c, breaker: gobreaker.NewCircuitBreaker[struct{}](settings)}
}

// judged is the fault that tells of the source: of a search that broke off, the one that broke it off.
func judged(err error) *concord.Fault {
	var f *concord.Fault
	if errors.As(err, &f) {
		return cause(f)
	}
	return &concord.Fault{Kind: concord.KindOf(err)}
}

// failure tells whether err speaks of a source that is down.
func failure(err error) bool {
	if err == nil {
		return false
	}
	switch f := judged(err); f.Kind {
	case concord.Unavailable, concord.Internal, concord.Timeout, concord.Unknown:
		return true
	case concord.RateLimited:
		return !errors.Is(f.Err, errQuota) && !errors.Is(f.Err, errBusy)
	}
	return false
}

// excluded tells whether err says nothing of the source either way: the caller went away, or the source was not asked.
func excluded(err error) bool {
	if err == nil {
		return false
	}
	f := judged(err)
	return f.Kind == concord.Canceled || f.Status == 0 && !failure(err)
}

func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateOpen:
		return Open
	case gobreaker.StateHalfOpen:
		return HalfOpen
	}
	return Closed
}

// About is that of the connector behind.
func (g *guarded) About() federation.About { return g.next.About() }

// Supports is that of the connector behind.
func (g *guarded) Supports(t fhir.ResourceType) bool { return g.next.Supports(t) }

// Search asks the connector behind, unless the guard is open.
func (g *guarded) Search(ctx context.Context, q federation.Query) (page federation.Page, err error) {
	err = g.do(opSearch, func() (err error) {
		page, err = g.next.Search(ctx, q)
		return err
	})
	return page, err
}

// Read asks the connector behind, unless the guard is open.
func (g *guarded) Read(ctx context.Context, t fhir.ResourceType, id string) (r fhir.Resource, err error) {
	err = g.do(opRead, func() (err error) {
		r, err = g.next.Read(ctx, t, id)
		return err
	})
	return r, err
}

// Create asks the connector behind, unless the guard is open.
func (g *guarded) Create(ctx context.Context, t fhir.ResourceType, body []byte) (done federation.Created, err error) {
	err = g.do(opCreate, func() (err error) {
		done, err = g.next.Create(ctx, t, body)
		return err
	})
	return done, err
}

func (g *guarded) do(op string, ask func() error) error {
	_, err := g.breaker.Execute(func() (struct{}, error) { return struct{}{}, ask() })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return &concord.Fault{Op: op, Kind: concord.Unavailable, Source: g.next.About().Source, Err: err}
	}
	return err
}
