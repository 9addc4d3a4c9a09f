package gateway

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"concord"
	"concord/audit"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// parameters are those of the URL, and for a form those of the body too (R4 search, 3.1.1.1.1). An operation may have
// them as a Parameters resource.
func (x *exchange) parameters() ([]pair, *problem) {
	all, bad := pairs(x.r.URL.RawQuery)
	if bad != nil || !x.route.form {
		return all, bad
	}
	t, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";")
	t = strings.ToLower(strings.TrimSpace(t))
	operation := (x.route.interaction == fhir.Everything || x.route.interaction == fhir.Pix || x.route.interaction == fhir.Review) && (t == "application/fhir+json" || t == "application/json")
	if !operation && t != "" && t != "application/x-www-form-urlencoded" {
		return nil, refuse(http.StatusUnsupportedMediaType, "not-supported", "the body of a search is a form")
	}
	body, err := io.ReadAll(x.r.Body)
	if err != nil {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too-long", "the body is too long")
	}
	var more []pair
	if operation && len(body) > 0 {
		more, bad = operationPairs(body)
	} else {
		more, bad = pairs(string(body))
	}
	return append(all, more...), bad
}

// operationPairs reads a Parameters resource whose values are all primitive.
func operationPairs(body []byte) ([]pair, *problem) {
	r, err := fhir.Parse(body, fhir.Limits{})
	if err != nil || r.Type() != fhir.TypeParameters {
		return nil, refuse(http.StatusBadRequest, "structure", "the body is no Parameters resource")
	}
	var out []pair
	for p := range r.Get("parameter").Items() {
		name := p.Get("name").Text()
		for m := range p.Members() {
			if strings.HasPrefix(m.Name(), "value") {
				out = append(out, pair{name, m.Text()})
			}
		}
	}
	return out, nil
}

// pageOf is the page that a link names; such a link stands alone.
func pageOf(all []pair) (token string, ok bool, bad *problem) {
	for _, p := range all {
		switch {
		case p.key == pageParam && !ok:
			token, ok = p.value, true
		case p.key == "_format" && jsonFormat(p.value):
		default:
			bad = invalidParam(p.key, "a page link stands alone")
		}
	}
	if !ok {
		bad = nil
	}
	return token, ok, bad
}

// search answers a search of a type.
func (x *exchange) search() (*answer, *problem) {
	all, bad := x.parameters()
	if bad != nil {
		return nil, bad
	}
	if token, ok, bad := pageOf(all); ok {
		return x.page(token, bad)
	}
	t := x.route.typ
	access := smart.Access{Type: t, Interaction: fhir.SearchType}
	q, bad := parseQuery(t, all, x.strict())
	if bad != nil {
		// what is not allowed at all is said first
		if p := x.check(access); p != nil {
			return nil, p
		}
		if p := x.checkChains(all); p != nil {
			return nil, p
		}
		return nil, bad
	}
	q.asked = all
	b, bad := x.find(q)
	switch {
	case bad != nil:
		return nil, bad
	case b == nil:
		return x.kept, nil
	}
	return x.finish(b)
}

// find finds what a search is after. The book is nil when its answer was kept, and is x.kept then.
func (x *exchange) find(q *query) (*book, *problem) {
	t := q.typ
	if t == fhir.TypePatient {
		return x.searchPeople(q)
	}
	access := smart.Access{Type: t, Interaction: fhir.SearchType}
	person, found, bad := x.whose(q)
	if bad != nil {
		return nil, bad
	}
	x.concerns(person.ID)
	access.Patient, access.OtherPatient = person.ID, len(q.patients) > 0 && !found
	if p := x.check(access); p != nil {
		return nil, p
	}
	switch {
	case !x.g.offered(t):
		return nil, refuse(http.StatusNotFound, "not-supported", "no source has resources of this type")
	case found:
		if asks, ok := x.repeatable(q, person); ok {
			x.asks, x.before = asks, x.g.repeats.count()
			if x.kept = x.again(asks); x.kept != nil {
				return nil, nil
			}
		}
		return x.searchChart(q, person)
	case len(q.patients) > 0:
		p := notFound("no such patient")
		p.issues[0].param = "patient"
		return nil, p
	case len(q.ids) > 0:
		return x.searchIDs(q)
	}
	p := refuse(http.StatusBadRequest, "required", "a search needs a patient, or _id")
	p.issues[0].param = "patient"
	return nil, p
}

// checkChains refuses parameters that look into resources of another type that the token does not cover: what they find
// would tell of those (SMART scopes hold for the types of chains and of _has).
func (x *exchange) checkChains(all []pair) *problem {
	for _, p := range all {
		var into []fhir.ResourceType
		parts := strings.Split(p.key, ":")
		if head, _, chained := strings.Cut(p.key, "."); parts[0] == "_has" && len(parts) > 1 {
			into = []fhir.ResourceType{fhir.ResourceType(parts[1])}
		} else if chained {
			name, typ, _ := strings.Cut(head, ":")
			into, _ = fhir.IncludeParam(x.route.typ, name)
			if typ != "" {
				into = []fhir.ResourceType{fhir.ResourceType(typ)}
			}
		}
		for _, t := range into {
			a := smart.Access{Type: t, Interaction: fhir.SearchType}
			if err := x.grant.Check(a); err != nil && fhir.KnownType(t) {
				return x.forbidden(err)
			}
		}
	}
	return nil
}

// whose is the person that a search is about: the one that it names, or that of the token's context when the token sees
// nobody else. found is false when it names nobody that there is, and under a patient's token somebody else.
func (x *exchange) whose(q *query) (p mpi.Person, found bool, bad *problem) {
	confined := x.grant.Confined(smart.Access{Type: q.typ, Interaction: fhir.SearchType})
	missing, several := false, false
	for _, n := range q.patients {
		next, ok, bad := x.named(n)
		switch {
		case bad != nil:
			return mpi.Person{}, false, bad
		case !ok:
			missing = true
		case found && next.ID != p.ID:
			several = true
		default:
			p, found = next, true
		}
	}
	switch {
	case several && !confined, missing && found && !confined:
		return mpi.Person{}, false, invalidParam("patient", "one patient at a time")
	case several || missing:
		return mpi.Person{}, false, nil
	case found || q.ids != nil || !confined || x.grant.Person() == "":
		return p, found, nil
	}
	p, err := x.session.Person(x.grant.Person())
	if err != nil {
		return mpi.Person{}, false, ofFault(err)
	}
	return p, true, nil
}

// named is the person whom a parameter names; ok is false when there is nobody.
func (x *exchange) named(n patientName) (p mpi.Person, ok bool, bad *problem) {
	if n.identifier {
		return x.identified(n.value)
	}
	p, err := x.person(strings.TrimPrefix(strings.TrimPrefix(n.value, x.g.base+"/"), "Patient/"))
	switch {
	case errors.Is(err, concord.NotFound):
		return mpi.Person{}, false, nil
	case err != nil:
		return mpi.Person{}, false, x.sourceDown(err)
	}
	return p, true, nil
}

// sourceDown is the problem when a source did not say what had to be known.
func (x *exchange) sourceDown(err error) *problem {
	if f := faultIn(err); f != nil && f.Source != "" {
		x.note([]federation.Outcome{failedOutcome(f)})
	}
	return ofFault(err)
}

// failedOutcome is what became of a source that did not say who its patient is.
func failedOutcome(f *concord.Fault) federation.Outcome {
	return federation.Outcome{Source: f.Source, Type: fhir.TypePatient, Status: federation.Failed, Fault: f}
}

func faultIn(err error) *concord.Fault {
	var f *concord.Fault
	errors.As(err, &f)
	return f
}

// searchChart searches one person's record.
func (x *exchange) searchChart(q *query, person mpi.Person) (*book, *problem) {
	types := append([]fhir.ResourceType{q.typ}, q.extra...)
	res, err := x.session.Fetch(federation.Request{
		Person: person, Types: types, Params: q.params, Provenance: q.history, Strategy: x.strategy(),
		Keep: func(p mpi.Person) func(merge.Copy) bool {
			x.regrant(p)
			r := x.g.newRenderer(p)
			return func(c merge.Copy) bool {
				return x.grant.Visible(c, x.access) && (c.Type() != q.typ || q.keeps(r, c))
			}
		},
	})
	x.note(res.Outcomes)
	if err != nil {
		return nil, x.failedStrictly(err)
	}
	if p := allFailed(outcomesOf(res.Outcomes, q.typ)); p != nil {
		return nil, p
	}
	b := x.newBook(q, res.Person)
	b.outcomes(res.Outcomes)
	all := res.Record.Entries // those of a type stand together
	from := slices.IndexFunc(all, func(e merge.Entry) bool { return e.Survivor.Type() == q.typ })
	if from < 0 {
		from = len(all)
	}
	to := from
	for to < len(all) && all[to].Survivor.Type() == q.typ {
		to++
	}
	b.matches, b.others = all[from:to:to], slices.Concat(all[:from], all[to:])
	for _, c := range res.Included {
		b.others = append(b.others, merge.Entry{Survivor: c, Copies: []merge.Copy{c}})
	}
	return b, nil
}

func outcomesOf(all []federation.Outcome, t fhir.ResourceType) (out []federation.Outcome) {
	for _, o := range all {
		if o.Type == t {
			out = append(out, o)
		}
	}
	return out
}

// failedStrictly is the problem of a request that a source's failure fails.
func (x *exchange) failedStrictly(err error) *problem {
	if p := gaps(x.outcomes); p != nil && !errors.Is(err, concord.Canceled) {
		return p
	}
	return ofFault(err)
}

// searchIDs reads copies by their ids. A source that fails is told of; an id that is not there is left out, but under a
// patient's token it is refused, as is one that is somebody else's.
func (x *exchange) searchIDs(q *query) (*book, *problem) {
	ids := slices.Sorted(maps.Keys(q.ids))
	copies := make([]ownCopy, len(ids))
	var g errgroup.Group
	for i, id := range ids { // all at once: a source that is slow must not use up the others' time
		g.Go(func() error {
			copies[i] = x.readCopy(q.typ, id)
			return nil
		})
	}
	_ = g.Wait()
	confined := x.grant.Confined(x.access)
	b := x.newBook(q)
	var read []federation.Outcome
	for _, c := range copies {
		if c.outcome.Source != "" && !errors.Is(c.err, concord.NotFound) {
			read = append(read, c.outcome)
		}
		x.regrant(c.person)
		switch seen := c.err == nil && x.grant.Visible(c.Copy, x.access); {
		case (errors.Is(c.err, concord.NotFound) || c.err == nil) && !seen && confined:
			return nil, x.hidden()
		case c.err != nil && c.outcome.Source == "" && !errors.Is(c.err, concord.NotFound):
			return nil, ofFault(c.err)
		case seen:
			x.concerns(c.person.ID)
			if b.people = append(b.people, c.person); q.keeps(x.g.newRenderer(c.person), c.Copy) {
				b.matches = append(b.matches, merge.Entry{Survivor: c.Copy, Copies: []merge.Copy{c.Copy}})
			}
		}
	}
	x.note(read)
	if p := allFailed(read); p != nil {
		return nil, p
	}
	b.outcomes(read)
	return b, nil
}

// hidden is the 403 for a resource that is there, or would be, and not for this caller.
func (x *exchange) hidden() *problem {
	x.denied = audit.OtherPatient
	a := x.access
	a.OtherPatient = true
	if err := x.grant.Check(a); err != nil {
		return x.forbidden(err)
	}
	x.denied = audit.InsufficientScope
	p := refuse(http.StatusForbidden, "forbidden", "the token does not cover this")
	letters := ".rs"
	if a.Interaction == fhir.Create {
		letters = ".c"
	}
	p.challenge = `Bearer realm="concord", error="insufficient_scope", scope="user/` + string(x.route.typ) + letters + `"`
	return p
}

// selfLink is the search as it was understood.
func (q *query) selfLink(base string) string {
	u := base + "/" + url.PathEscape(string(q.typ))
	if len(q.self) > 0 {
		u += "?" + strings.Join(q.self, "&")
	}
	return u
}
