package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"concord"
	"concord/audit"
	"concord/fhir"
	"concord/graphql"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// graphQL answers a GraphQL request.
func (x *exchange) graphQL() (*answer, *problem) {
	var limits graphql.Limits // the engine's own; the exchange's context has the deadline
	req, err := graphql.ParseHTTP(x.r, limits)
	var refused *graphql.Refused
	switch {
	case errors.As(err, &refused):
		return graphQLAnswer(refused.Response), nil
	case err != nil:
		return nil, ofFault(err)
	}
	req.Strict = x.strict()
	if x.route.typ != "" {
		req.Instance = graphql.Name{Type: x.route.typ, ID: x.route.id}
	}
	chart := &chartOfRequest{x: x, renderer: x.g.newRenderer(), searches: map[string]*book{}, given: map[graphql.Name][]merge.Copy{}}
	res := x.g.cfg.GraphQL.Execute(x.ctx, req, chart, x.grant, limits)
	if res.Broken {
		x.g.cfg.Log.Error("graphql: what must not happen did", slog.String("request_id", x.id))
	}
	if err := x.remember(chart.renderer); err != nil {
		return nil, ofFault(err)
	}
	x.disclosed = res.Disclosed
	if res.Denied > 0 {
		x.denied, x.missing = audit.InsufficientScope, res.Scope
	}
	if res.Status == http.StatusOK && x.route.typ != "" && len(res.Disclosed) > 0 {
		x.resource = x.route.id
	}
	a := graphQLAnswer(res)
	a.partial, a.errors = res.Incomplete, res.Errors > 0
	return a, nil
}

func graphQLAnswer(res graphql.Response) *answer {
	a := &answer{status: res.Status, contentType: "application/json; charset=utf-8", body: res.Body, header: map[string]string{}}
	if res.Allow != "" {
		a.header["Allow"] = res.Allow
	}
	return a
}

// chartOfRequest is what GraphQL takes its resources from: the searches and reads of REST, for one exchange. Each runs as
// an exchange of its own beside the others, so that what is found out of sources and rights meanwhile meets nowhere but
// here. PHI.
type chartOfRequest struct {
	x *exchange

	mu       sync.Mutex
	renderer *renderer                     // one for all: references go to the survivors of the whole answer
	searches map[string]*book              // by query
	given    map[graphql.Name][]merge.Copy // what each resource that was given stands for
}

var _ graphql.Backend = (*chartOfRequest)(nil)

// beside is an exchange for a part of this one.
func (x *exchange) beside(ctx context.Context, t fhir.ResourceType, id string) *exchange {
	return &exchange{g: x.g, r: x.r, ctx: ctx, id: x.id, began: x.began, token: x.token, scopes: x.scopes, session: x.session,
		of: x.of, grant: x.grant, route: route{interaction: fhir.GraphQL, typ: t, id: id, template: x.route.template}}
}

// joined takes over what a part found out of sources and of the context's patient.
func (c *chartOfRequest) joined(part *exchange) {
	c.x.concerns(part.about)
	c.x.several = c.x.several || part.several
	c.x.note(part.outcomes)
	c.x.regrant(part.of)
}

// part begins a part of the exchange.
func (c *chartOfRequest) part(ctx context.Context, t fhir.ResourceType, id string) *exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.x.beside(ctx, t, id)
}

// Search answers all of queries at once.
func (c *chartOfRequest) Search(ctx context.Context, queries []graphql.Query) []graphql.Answer {
	parts := make([]*exchange, len(queries))
	books := make([]*book, len(queries))
	bad := make([]*problem, len(queries))
	var all sync.WaitGroup
	for i, q := range queries {
		parts[i] = c.part(ctx, q.Type, "")
		all.Go(func() { books[i], bad[i] = parts[i].searchFor(q) })
	}
	all.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	views := make([]smart.View, len(queries))
	for i, b := range books {
		c.joined(parts[i])
		if bad[i] != nil {
			continue
		}
		if views[i], bad[i] = parts[i].lookAgain(b); bad[i] == nil {
			c.searches[queryKey(queries[i])] = b
			c.place(b.people, views[i])
		}
	}
	out := make([]graphql.Answer, len(queries))
	for i, b := range books {
		if bad[i] != nil {
			out[i] = refusedAnswer(bad[i])
		} else {
			out[i] = c.answer(b, views[i])
		}
		out[i].Outcomes = parts[i].outcomes
	}
	return out
}

// searchFor is one search. A panic is this search's failure: it runs beside others.
func (x *exchange) searchFor(q graphql.Query) (b *book, bad *problem) {
	defer func() {
		if recover() != nil {
			b, bad = nil, ofFault(&concord.Fault{Op: "graphql", Kind: concord.Internal})
		}
	}()
	all := make([]pair, 0, len(q.Params))
	for _, p := range q.Params {
		all = append(all, pair{p.Key, p.Value})
	}
	parsed, bad := parseQuery(q.Type, all, true)
	if bad != nil {
		return nil, bad
	}
	if b, bad = x.find(parsed); bad != nil {
		return nil, bad
	}
	return b, x.settle(b)
}

// lookAgain is the book as the caller may see it, all of it.
func (x *exchange) lookAgain(b *book) (smart.View, *problem) {
	v, ok := x.look(b)
	if !ok {
		x.g.cfg.Log.Error("the view hides what was let through", slog.String("request_id", x.id))
		return smart.View{}, ofFault(&concord.Fault{Op: "view", Kind: concord.Internal})
	}
	return v, nil
}

// place lets the renderer know whom and which survivors the answer is about.
func (c *chartOfRequest) place(people []mpi.Person, v smart.View) {
	c.renderer.know(people...)
	for e := range v.All() {
		c.renderer.place(e)
	}
}

// answer renders a book.
func (c *chartOfRequest) answer(b *book, v smart.View) graphql.Answer {
	out := graphql.Answer{Issues: graphQLIssues(b.issues), Partial: b.partial}
	for e := range v.All() {
		r, err := c.render(e, c.renderer.entryID(e))
		if err != nil {
			return graphql.Answer{Err: err}
		}
		out.Resources = append(out.Resources, r)
	}
	return out
}

// render makes the gateway's own resource of an entry, and remembers what it stands for.
func (c *chartOfRequest) render(e *merge.Entry, id string) (fhir.Resource, error) {
	r, err := fhir.Parse(c.renderer.entry(nil, e, id), fhir.Limits{})
	if err != nil { // it was spliced from what was parsed
		return fhir.Resource{}, &concord.Fault{Op: "graphql render", Kind: concord.Internal, Err: err}
	}
	c.given[graphql.Name{Type: r.Type(), ID: id}] = e.Copies
	return r, nil
}

// Read reads one resource.
func (c *chartOfRequest) Read(ctx context.Context, l graphql.Link) graphql.Answer {
	part := c.part(ctx, l.Type, l.ID)
	c.mu.Lock()
	from := c.given[l.From]
	c.mu.Unlock()
	f, bad := part.get(l.Type, l.ID, from...)
	issues, partial := sourceIssues(part.outcomes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joined(part)
	out := graphql.Answer{Issues: graphQLIssues(issues), Partial: f.partial || partial && bad == nil}
	switch {
	case bad != nil:
		out = refusedAnswer(bad)
	default:
		c.x.concerns(f.person.ID)
		c.renderer.know(f.person)
		c.renderer.refer = f.refer
		var r fhir.Resource
		if r, out.Err = c.render(&f.Entry, f.id); out.Err == nil {
			out.Resources = []fhir.Resource{r}
		}
		c.renderer.refer = ""
	}
	out.Outcomes = part.outcomes
	return out
}

// Hold keeps a search of this request for its further pages.
func (c *chartOfRequest) Hold(_ context.Context, q graphql.Query) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.searches[queryKey(q)]
	if b == nil {
		return "", &concord.Fault{Op: "graphql hold", Kind: concord.NotFound}
	}
	if b.handle == "" {
		b.compact()
		b.shown, b.params = false, q.Params // its view is of what it was before
		b.handle = c.x.g.pages.put(b)
	}
	return b.handle, nil
}

// Held is what was kept, for whom it was kept and as far as the token covers it now.
func (c *chartOfRequest) Held(ctx context.Context, handle string) (graphql.Query, graphql.Answer) {
	b, _, _ := c.x.g.pages.get(handle + ".0")
	if b == nil || b.route.interaction != fhir.GraphQL || b.caller != c.x.token.Caller || !c.x.reachesAll(b) {
		return graphql.Query{}, graphql.Answer{Err: &concord.Fault{Op: "graphql held", Kind: concord.NotFound}}
	}
	q := graphql.Query{Type: b.q.typ, Params: b.params}
	part := c.part(ctx, b.q.typ, "")
	if bad := part.check(b.access); bad != nil {
		return q, refusedAnswer(bad)
	}
	v, ok := part.look(b)
	if !ok {
		return q, refusedAnswer(part.hidden())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.searches[queryKey(q)] = b
	c.place(b.people, v)
	return q, c.answer(b, v)
}

// queryKey is the same for queries that are the same.
func queryKey(q graphql.Query) string {
	var b strings.Builder
	b.WriteString(string(q.Type))
	for _, p := range q.Params {
		b.WriteString("\x00" + p.Key + "\x01" + p.Value)
	}
	return b.String()
}

func refusedAnswer(p *problem) graphql.Answer {
	return graphql.Answer{Err: p.fault(), Issues: graphQLIssues(p.issues), Partial: p.status >= http.StatusInternalServerError}
}

func graphQLIssues(all []issue) (out []graphql.Issue) {
	for _, i := range all {
		out = append(out, graphql.Issue{Severity: i.severity, Code: i.code, Source: i.source, Type: i.on, Text: i.text})
	}
	return out
}

// scopesOf are the scopes by which resources of the types could be seen, for the trail.
func (x *exchange) scopesOf(disclosed map[fhir.ResourceType]int) (out []string) {
	for t := range disclosed {
		for _, i := range []fhir.Interaction{fhir.Read, fhir.SearchType} {
			out = append(out, x.grant.UsedScopes(smart.Access{Type: t, Interaction: i, Patient: x.of.ID})...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
