package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"concord/testharness/issuer"
)

// base is the gateway's public URL, by which its tokens and links name it; it listens elsewhere.
const base = "http://127.0.0.1:8080"

// rig is a number of sources and all that is measured over them, each a process of its own.
type rig struct {
	dir       string
	size      int // bytes of a source's searchset
	ups       []*process
	sources   []string
	iss       *issuer.Issuer
	visitor   visitor
	gateway   *process
	all       []contender // the direct fetch and the floor first, Concord last
	left      []string    // which are not measured, and why
	closers   []func() error
	ownTokens map[string]string
}

// variant is how a rig departs from the usual one. The zero value is that.
type variant struct {
	alone  bool   // no direct fetch, no nginx, no naive merge: the floor and Concord are all
	places int    // how many requests a source works on at once, and that is all that the gateway sends it; 0: any number
	procs  int    // the gateway's processors; 0: all
	keys   string // further ones of its configuration
}

// newRig starts n sources of that size, and everything over them. Close ends it.
func newRig(ctx context.Context, s settings, n, size int, v variant) (_ *rig, err error) {
	r := &rig{size: size, visitor: visitor{newClient()}, ownTokens: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	dir, err := os.MkdirTemp("", "concord-bench-")
	if err != nil {
		return nil, err
	}
	r.dir = dir
	r.closers = append(r.closers, func() error { return os.RemoveAll(dir) })
	each := 1 // many sources share a process
	if n > 3 {
		each = n
	}
	for from := 0; from < n; from += each {
		p, err := r.start(ctx, s.program, role{Play: "upstreams", From: from, To: from + each, Size: size, Places: v.places})
		if err != nil {
			return nil, err
		}
		r.ups = append(r.ups, p)
		r.sources = append(r.sources, p.urls...)
	}
	if r.iss, err = issuer.Start(issuer.Options{}); err != nil {
		return nil, err
	}
	r.closers = append(r.closers, r.iss.Close)
	if !v.alone {
		r.all = append(r.all, contender{name: direct, ask: func(ctx context.Context, i int) error {
			return r.visitor.all(ctx, r.sources, fmt.Sprintf("/Observation?patient=p%d", i%people), size)
		}})
	}
	fl, err := r.start(ctx, s.program, role{Play: "floor", Sources: r.sources})
	if err != nil {
		return nil, err
	}
	r.all = append(r.all, contender{name: floorName, proc: fl, ask: r.plain(fl, n*size)})
	if !v.alone {
		switch ng, err := startNginx(ctx, filepath.Join(dir, "nginx"), r.sources); {
		case err == nil:
			r.closers = append(r.closers, ng.end)
			r.all = append(r.all, contender{name: "nginx, a plain proxy", proc: ng, ask: func(ctx context.Context, i int) error {
				return r.visitor.all(ctx, ng.urls, fmt.Sprintf("/Observation?patient=p%d", i%people), size)
			}})
		default:
			r.left = append(r.left, "nginx, a plain proxy: "+err.Error())
		}
	}
	if !v.alone {
		nv, err := r.start(ctx, s.program, role{Play: "naive", Sources: r.sources})
		if err != nil {
			return nil, err
		}
		r.all = append(r.all, contender{name: "a naive merge by encoding/json", proc: nv, ask: r.plain(nv, n*size/3)})
	}
	if s.other != "" {
		gw, err := r.startGateway(ctx, s.other, filepath.Join(dir, "other"), "other", v)
		if err != nil {
			return nil, err
		}
		r.all = append(r.all, contender{name: otherName, proc: gw, ask: r.whole(gw)})
	}
	if r.gateway, err = r.startGateway(ctx, s.program, filepath.Join(dir, "concord"), fmt.Sprintf("%dx%dKB", n, size>>10), v); err != nil {
		return nil, err
	}
	r.all = append(r.all, contender{name: concordName, proc: r.gateway, ask: r.whole(r.gateway)})
	return r, r.warm(ctx)
}

// The names of those that ratios are made of.
const (
	direct      = "the three, fetched directly"
	floorName   = "the floor: streaming in Go"
	concordName = "Concord, everything on"
	otherName   = "Concord, the other build"
	againName   = "Concord, giving it again"
)

func (r *rig) start(ctx context.Context, program string, what role) (*process, error) {
	p, err := start(ctx, program, what)
	if err == nil {
		r.closers = append(r.closers, p.end)
	}
	return p, err
}

// Close ends all processes, the last first.
func (r *rig) Close() error {
	var errs []error
	for i := len(r.closers) - 1; i >= 0; i-- {
		errs = append(errs, r.closers[i]())
	}
	r.closers = nil
	return errors.Join(errs...)
}

// startGateway starts a gateway with all that an operator would have on.
func (r *rig) startGateway(ctx context.Context, program, dir, name string, v variant) (*process, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(v.keys)
	fmt.Fprintf(&b, "listen: 127.0.0.1:8080\nadmin_listen: 127.0.0.1:8081\npublic_url: %[1]s\nauth:\n  audience: %[1]s/fhir/r4\n  issuers:\n    - issuer: %[2]s\n      jwks_url: %[3]s\nmpi:\n  store: sqlite:%[4]s/mpi.db\naudit:\n  dir: %[4]s/audit\nrate_limit:\n  read: 1000000/minute\nsources:\n",
		base, r.iss.URL(), r.iss.JWKSURL(), dir)
	for i, u := range r.sources {
		fmt.Fprintf(&b, "  - name: s%d\n    vendor: generic\n    base_url: %s\n    timeout: 30s\n    auth:\n      type: none\n", i, u)
		if v.places > 0 {
			fmt.Fprintf(&b, "    max_concurrent: %d\n", v.places)
		}
	}
	file := filepath.Join(dir, "concord.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	return r.start(ctx, program, role{Play: "concord", Config: file, Name: name, Procs: v.procs})
}

// token holds an hour; patient is the launch context, "" for none.
func (r *rig) token(scope, patient string) (string, error) {
	key := scope + " " + patient
	if t := r.ownTokens[key]; t != "" {
		return t, nil
	}
	c := r.iss.Claims(base+"/fhir/r4", scope).With("exp", time.Now().Add(time.Hour).Unix())
	if patient != "" {
		c = c.With("patient", patient)
	}
	t, err := r.iss.Token(c)
	r.ownTokens[key] = t
	return t, err
}

// plain asks the floor or the naive merge.
func (r *rig) plain(p *process, least int) func(context.Context, int) error {
	return func(ctx context.Context, i int) error {
		return r.visitor.get(ctx, fmt.Sprintf("%s/?patient=p%d", p.urls[0], i%people), "", least)
	}
}

// whole asks a gateway for all results of a patient, with a user's token.
func (r *rig) whole(p *process) func(context.Context, int) error {
	return func(ctx context.Context, i int) error {
		t, err := r.token("user/*.rs", "")
		if err != nil {
			return err
		}
		return r.visitor.get(ctx, r.wholeURL(p, i), t, len(r.sources)*r.size*2/3)
	}
}

func (r *rig) wholeURL(p *process, i int) string {
	return fmt.Sprintf("%s/fhir/r4/Observation?patient=s0.p%d&_count=100000", p.urls[0], i%people)
}

// warm asks everybody for everyone, so that the gateways know the people and connections are open.
func (r *rig) warm(ctx context.Context) error {
	for range 2 {
		for _, c := range r.all {
			for i := range people {
				if err := c.ask(ctx, i); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
			}
		}
	}
	return nil
}

// wait lets every source wait that long before it answers.
func (r *rig) wait(ctx context.Context, d time.Duration) error {
	for _, u := range r.ups {
		q, err := http.NewRequestWithContext(ctx, http.MethodPut, fmt.Sprintf("%s/delay?ms=%d", u.urls[0], d.Milliseconds()), nil)
		if err != nil {
			return err
		}
		a, err := r.visitor.client.Do(q)
		if err != nil {
			return err
		}
		if err := a.Body.Close(); err != nil || a.StatusCode != http.StatusOK {
			return errors.Join(err, fmt.Errorf("the delay was not taken: HTTP %d", a.StatusCode))
		}
	}
	return nil
}
