package graphql

import (
	"context"
	"slices"
	"strings"

	"concord"
	"concord/federation"
	"concord/fhir"
)

// cell is an answer of the backend, or the wait for one.
type cell struct {
	done chan struct{}
	ans  Answer
}

func newCell() *cell {
	return &cell{done: make(chan struct{}), ans: Answer{Err: &concord.Fault{Op: "graphql", Kind: concord.Internal}}}
}

// wait gives the answer when it is there.
func (c *cell) wait(ctx context.Context) Answer {
	select {
	case <-c.done:
		return c.ans
	case <-ctx.Done():
		return Answer{Err: &concord.Fault{Op: "graphql", Kind: concord.Canceled}}
	}
}

// key is the same for queries that are the same.
func (q Query) key() string {
	var b strings.Builder
	b.WriteString(string(q.Type))
	for _, p := range q.Params {
		b.WriteString("\x00" + p.Key + "\x01" + p.Value)
	}
	return b.String()
}

// newQuery puts parameters into their order.
func newQuery(t fhir.ResourceType, params []federation.Param) Query {
	params = slices.Clone(params)
	slices.SortFunc(params, func(a, b federation.Param) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return strings.Compare(a.Value, b.Value)
	})
	return Query{t, slices.Compact(params)}
}

// search gives the answer to a query, which is asked once in a request however often the answer holds it.
func (r *run) search(ctx context.Context, q Query) Answer {
	r.searchAll(ctx, []Query{q})
	r.mu.Lock()
	c := r.searches[q.key()]
	r.mu.Unlock()
	if c == nil {
		return Answer{Err: r.costly("the query needs too many searches")}
	}
	return c.wait(ctx)
}

// searchAll asks those of the queries that were not asked yet, in one fan-out, and comes back when they are answered.
func (r *run) searchAll(ctx context.Context, queries []Query) {
	var todo []Query
	var cells []*cell
	r.mu.Lock()
	for _, q := range queries {
		k := q.key()
		if r.searches[k] != nil || len(r.searches) >= r.lim.Searches {
			continue
		}
		c := newCell()
		r.searches[k] = c
		todo, cells = append(todo, q), append(cells, c)
	}
	r.mu.Unlock()
	if len(todo) == 0 {
		return
	}
	defer func() { // whatever the backend does, nobody waits for ever
		for _, c := range cells {
			close(c.done)
		}
	}()
	for i, a := range r.backend.Search(ctx, todo) {
		if i < len(cells) {
			cells[i].ans = a
			r.note(todo[i].Type, a)
			r.learn(a)
		}
	}
}

// learn remembers what a search found, for references to it.
func (r *run) learn(a Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, res := range a.Resources {
		r.known[Name{res.Type(), res.ID()}] = res
	}
}

// readKey is a read that is done once: what a reference leads to may be seen where the resource by itself may not.
type readKey struct {
	Name
	linked bool
}

// read gives one resource.
func (r *run) read(ctx context.Context, l Link) Answer {
	k := readKey{Name{l.Type, l.ID}, l.From != Name{}}
	r.mu.Lock()
	if c := r.reads[readKey{k.Name, false}]; c != nil && k.linked {
		r.mu.Unlock()
		if a := c.wait(ctx); a.Err == nil {
			return a // what may be seen by itself may be seen from anywhere
		}
		r.mu.Lock()
	}
	c := r.reads[k]
	mine := c == nil
	if mine {
		if len(r.reads) >= r.lim.References {
			r.mu.Unlock()
			return Answer{Err: r.costly("the query reads too many resources")}
		}
		c = newCell()
		r.reads[k] = c
	}
	r.mu.Unlock()
	if !mine {
		return c.wait(ctx)
	}
	defer close(c.done)
	a := r.backend.Read(ctx, l)
	if a.Err == nil && (len(a.Resources) != 1 || a.Resources[0].Type() != l.Type) {
		a = Answer{Err: &concord.Fault{Op: "graphql", Kind: concord.Internal}}
	}
	c.ans = a
	r.note(l.Type, a)
	return a
}

// knownResource is what a search of this request has found, for a reference: only where whoever may search a type may
// read the same of it.
func (r *run) knownResource(n Name) (fhir.Resource, bool) {
	r.mu.Lock()
	res, ok := r.known[n]
	r.mu.Unlock()
	if !ok || !r.plainly(n.Type, fhir.Read) || !r.plainly(n.Type, fhir.SearchType) {
		return fhir.Resource{}, false
	}
	return res, true
}
