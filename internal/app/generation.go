package app

import (
	"context"
	"net/http"
	"sync"
	"time"

	"concord/audit"
	"concord/connectors"
	"concord/federation"
	"concord/gateway"
	"concord/internal/config"
)

// generation is the part of an App that is made of what can be configured while it runs. A request ends on the one that it
// began on.
type generation struct {
	cfg     *config.Config
	public  http.Handler
	gateway *gateway.Gateway
	tokens  tokens
	sources map[string]*source // by name
	limits  limits
	users   users
}

// users are the requests under way. The zero value is none.
type users struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when there is none any more; nil when nobody waits for that
}

func (u *users) enter() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n++
}

func (u *users) leave() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n--; u.n == 0 && u.none != nil {
		close(u.none)
		u.none = nil
	}
}

// gone is closed when nobody is left.
func (u *users) gone() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n > 0 {
		if u.none == nil {
			u.none = make(chan struct{})
		}
		return u.none
	}
	now := make(chan struct{})
	close(now)
	return now
}

// generation makes one, with what has not changed since before taken from there; nil for the first one. It answers nothing
// until take.
func (a *App) generation(cfg *config.Config, before *generation) (*generation, error) {
	g := &generation{cfg: cfg}
	var sources map[string]*source
	var handedOut *gateway.Gateway
	if before != nil {
		sources, handedOut = before.sources, before.gateway
	}
	var err error
	if g.sources, err = a.sources(cfg, sources); err != nil {
		return nil, err
	}
	if g.limits, err = a.limits(cfg.RateLimit); err != nil {
		return nil, err
	}
	all, creators := g.federated()
	index := a.index.WithRepeats(cfg.MPI.Repeats...)
	fed, err := federation.New(all, index, a.engine, federation.Options{Observe: a.metrics.Asked, Creators: creators})
	if err != nil {
		return nil, err
	}
	if g.tokens, err = a.tokens(cfg, before); err != nil {
		return nil, err
	}
	registry := gateway.Registry{Index: index, Store: a.store, Keys: BlockingKeys, Model: NewModelFile(cfg.MPI.ModelFile).Current}
	g.gateway = gateway.New(gateway.Config{
		PublicURL: cfg.PublicURL, Version: Version, Federator: fed, Sources: policies(cfg), Health: a.health.of, Engine: a.engine, GraphQL: a.queries,
		StandIns: a.store, Registry: registry, Sync: a.sync,
		Verifier: g.tokens.verifier, Trail: a.trail, Limits: g.limits.Limits, Admission: a.turns, AuthServer: authServer(cfg), Log: a.log, Metrics: a.metrics, Tracer: a.tracer, Before: handedOut,
		FreshFor: cfg.FreshFor,
	})
	if g.public, err = front(g.gateway, cfg); err != nil {
		g.close(before)
		return nil, err
	}
	return g, nil
}

// take has g answer from the next request on, once the trail has that. Requests under way end on the generation that they
// began on, which is then done with. Its error leaves everything as it was.
func (a *App) take(ctx context.Context, g *generation) error {
	if err := a.trail.Record(ctx, audit.Event{Type: audit.EventConfigChanged, Config: g.cfg.Digest}); err != nil {
		return err
	}
	before := a.gen // only a reload changes it, and they take turns
	if before != nil {
		for name, s := range before.sources {
			if g.sources[name] != s {
				s.retire()
			}
			if g.sources[name] == nil {
				a.forget(name)
			}
		}
	}
	for name, s := range g.sources {
		if before == nil || before.sources[name] != s {
			a.told(s, connectors.Closed)
		}
	}
	a.shown(g)
	a.mu.Lock()
	a.gen = g
	if before != nil {
		a.old[before] = true
	}
	a.mu.Unlock()
	g.limits.begin()
	a.turns.Set(g.cfg.Admission.MaxConcurrent, g.cfg.Admission.MaxWait)
	if before == nil {
		return nil
	}
	go func() {
		<-before.users.gone()
		before.close(g)
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.old, before)
	}()
	return nil
}

// close frees what g has and other, which may be nil, has not. It may be called twice.
func (g *generation) close(other *generation) {
	if other == nil || g.tokens.verifier != other.tokens.verifier {
		g.tokens.verifier.Close()
	}
}

// sync has what is owed to the trail recorded, and what others changed in the index known.
func (a *App) sync(ctx context.Context) error {
	if err := a.links.Settle(ctx); err != nil {
		return err
	}
	return a.store.Sync(ctx)
}

// answer is the public handler: that of the present generation.
func (a *App) answer(w http.ResponseWriter, r *http.Request) {
	a.mu.RLock()
	g := a.gen
	g.users.enter()
	a.mu.RUnlock()
	defer g.users.leave()
	g.public.ServeHTTP(w, r)
}

// idle waits until no request is under way any more, for so long at most.
func (a *App) idle(atMost time.Duration) {
	a.mu.RLock()
	all := []*generation{a.gen}
	for g := range a.old {
		all = append(all, g)
	}
	a.mu.RUnlock()
	t := time.NewTimer(atMost)
	defer t.Stop()
	for _, g := range all {
		select {
		case <-g.users.gone():
		case <-t.C:
			return
		}
	}
}
