package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"io"

	"concord"
	"concord/audit"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// parameters are those of the URL, and for a form those of the body too (R4 search, 3.1.1.1.1).
func (x *exchange) parameters() ([]pair, *problem) {
	all, bad := pairs(x.r.URL.RawQuery)
	if bad != nil || !x.route.form || x.r.Method != http.MethodPost {
		return all, bad
	}
	t, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";")
	if t = strings.TrimSpace(t); t != "" && t != "application/x-www-form-urlencoded" {
		return nil, refuse(http.StatusUnsupportedMediaType, "not-supported", "the body of a search is a form")
	}
	body, err := io.ReadAll(x.r.Body)
	if err != nil {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too-long", "the body is too long")
	}
	more, bad := pairs(string(body))
	return append(all, more...), bad
}

// search answers a search of a type.
func (x *exchange) search() (*answer, *problem) {
	all, bad := x.parameters()
	if bad != nil {
		return nil, bad
	}
	if i := slices.IndexFunc(all, func(p pair) bool { return p.key == pageParam }); i >= 0 {
		return x.page(all[i].value)
	}
	t := x.route.typ
	access := smart.Access{Type: t, Interaction: fhir.SearchType}
	q, bad := parseQuery(t, all, x.strict())
	if bad != nil {
		// what is not allowed at all is said first
		if p := x.check(access); p != nil {
			return nil, p
		}
		return nil, bad
	}
	if t == fhir.TypePatient {
		return x.searchPeople(q)
	}
	person, found, bad := x.whose(q)
	if bad != nil {
		return nil, bad
	}
	access.Patient, access.OtherPatient = person.ID, len(q.patients) > 0 && !found
	if p := x.check(access); p != nil {
		return nil, p
	}
	switch {
	case found:
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

// whose is the person that a search is about: the one that it names, or that of the token's context when the token sees
// nobody else. found is false when it names nobody that there is.
func (x *exchange) whose(q *query) (p mpi.Person, found bool, bad *problem) {
	for _, v := range q.patients {
		id := strings.TrimPrefix(strings.TrimPrefix(v, x.g.base+"/"), "Patient/")
		next, err := x.person(id)
		switch {
		case errors.Is(err, concord.NotFound):
			return mpi.Person{}, false, nil
		case err != nil:
			return mpi.Person{}, false, x.sourceDown(err)
		case found && next.ID != p.ID:
			if x.grant.Confined(smart.Access{Type: q.typ, Interaction: fhir.SearchType}) {
				return mpi.Person{}, false, nil // one of the two is not the context's: refused below
			}
			return mpi.Person{}, false, invalidParam("patient", "one patient at a time")
		}
		p, found = next, true
	}
	a := smart.Access{Type: q.typ, Interaction: fhir.SearchType}
	if found || len(q.patients) > 0 || q.ids != nil || !x.grant.Confined(a) || x.grant.Person() == "" {
		return p, found, nil
	}
	p, err := x.session.Person(x.grant.Person())
	if err != nil {
		return mpi.Person{}, false, ofFault(err)
	}
	return p, true, nil
}

// sourceDown is the problem when a source did not say who a patient is.
func (x *exchange) sourceDown(err error) *problem {
	if f := faultIn(err); f != nil && f.Source != "" {
		x.note([]federation.Outcome{{Source: f.Source, Type: fhir.TypePatient, Status: federation.Failed, Fault: f}})
	}
	return ofFault(err)
}

func faultIn(err error) *concord.Fault {
	var f *concord.Fault
	errors.As(err, &f)
	return f
}

// searchChart searches one person's record.
func (x *exchange) searchChart(q *query, person mpi.Person) (*answer, *problem) {
	r := x.g.newRenderer(person)
	types := append([]fhir.ResourceType{q.typ}, q.extra...)
	access := x.access
	res, err := x.session.Fetch(federation.Request{
		Person: person, Types: types, Params: q.params, Provenance: q.history, Strategy: x.strategy(),
		Keep: func(c merge.Copy) bool {
			return x.grant.Visible(c, access) && (c.Type() != q.typ || q.keeps(r, c))
		},
	})
	x.note(res.Outcomes)
	if err != nil {
		return nil, x.failedStrictly(res.Outcomes, err)
	}
	if p := allFailed(outcomesOf(res.Outcomes, q.typ)); p != nil {
		return nil, p
	}
	b := x.newBook(q, res.Person)
	b.outcomes(res.Outcomes, false)
	for _, e := range res.Record.Entries {
		if e.Survivor.Type() == q.typ {
			b.matches = append(b.matches, e)
		} else {
			b.others = append(b.others, e)
		}
	}
	for _, c := range res.Included {
		if x.grant.Reached(c, smart.Access{Type: c.Type(), Interaction: fhir.SearchType}, copiesOf(b.matches)...) {
			b.included = append(b.included, merge.Entry{Survivor: c, Copies: []merge.Copy{c}})
		}
	}
	return x.finish(b)
}

// copiesOf are all copies of entries.
func copiesOf(entries []merge.Entry) (out []merge.Copy) {
	for _, e := range entries {
		out = append(out, e.Copies...)
	}
	return out
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
func (x *exchange) failedStrictly(all []federation.Outcome, err error) *problem {
	p := ofFault(err)
	if issues, _ := sourceIssues(all, false); len(issues) > 0 {
		for i := range issues {
			if issues[i].severity == "warning" {
				issues[i].severity = "error"
			}
		}
		p.issues = issues
	}
	if p.status < 500 {
		p.status = http.StatusBadGateway
	}
	return p
}

// searchIDs reads copies by their ids.
func (x *exchange) searchIDs(q *query) (*answer, *problem) {
	ids := make([]string, 0, len(q.ids))
	for id := range q.ids {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var people []mpi.Person
	var copies []merge.Copy
	for _, id := range ids {
		c, person, err := x.readCopy(q.typ, id)
		switch {
		case errors.Is(err, concord.NotFound):
			continue
		case err != nil:
			return nil, x.sourceDown(err)
		}
		if !x.grant.Visible(c, x.access) {
			if x.grant.Confined(x.access) {
				return nil, x.hidden()
			}
			continue
		}
		copies = append(copies, c)
		people = append(people, person)
	}
	b := x.newBook(q, people...)
	r := x.g.newRenderer(people...)
	for _, c := range copies {
		if q.keeps(r, c) {
			b.matches = append(b.matches, merge.Entry{Survivor: c, Copies: []merge.Copy{c}})
		}
	}
	return x.finish(b)
}

// hidden is the 403 for a resource that is there, and not for this caller.
func (x *exchange) hidden() *problem {
	x.denied = audit.OtherPatient
	a := x.access
	a.OtherPatient = true
	if err := x.grant.Check(a); err != nil {
		return x.forbidden(err)
	}
	x.denied = audit.InsufficientScope
	p := refuse(http.StatusForbidden, "forbidden", "the token does not cover this")
	p.challenge = `Bearer realm="concord", error="insufficient_scope", scope="user/` + string(x.route.typ) + `.rs"`
	return p
}

// maxPeople bounds a search of people.
const maxPeople = 50

// searchPeople searches Patients: each person once, in the unified view.
func (x *exchange) searchPeople(q *query) (*answer, *problem) {
	access := smart.Access{Type: fhir.TypePatient, Interaction: fhir.SearchType}
	confined := x.grant.Confined(access)
	if p := x.check(access); p != nil {
		return nil, p
	}
	var people []mpi.Person
	var bad *problem
	b := x.newBook(q)
	switch {
	case len(q.ids) > 0:
		people, bad = x.peopleByID(q, confined)
	case confined:
		var p mpi.Person
		var err error
		if p, err = x.session.Person(x.grant.Person()); err != nil {
			return nil, ofFault(err)
		}
		people = []mpi.Person{p}
	case len(q.params) == 0:
		p := refuse(http.StatusBadRequest, "required", "a search of patients needs an identifier, a name with a birth date, or _id")
		return nil, p
	default:
		people, bad = x.findPeople(q, b)
	}
	if bad != nil {
		return nil, bad
	}
	r := x.g.newRenderer(people...)
	b.people = people
	for _, p := range people {
		u := x.session.Patients(p)
		x.note(u.Outcomes)
		b.outcomes(u.Outcomes, false)
		if x.strict() {
			if issues, partial := sourceIssues(u.Outcomes, false); partial {
				return nil, &problem{status: http.StatusBadGateway, issues: issues, reason: "incomplete"}
			}
		}
		var seen []merge.Copy
		matched := false
		for _, c := range u.Copies {
			if !x.grant.Visible(c, access) {
				continue
			}
			seen = append(seen, c)
			matched = matched || q.keepsPatient(r, c)
		}
		if len(u.Copies) == 0 {
			if p := allFailed(u.Outcomes); p != nil && len(people) == 1 {
				return nil, p
			}
		}
		if matched {
			b.people = append(b.people, u.Person)
			b.matches = append(b.matches, merge.Unify(seen))
		}
	}
	if len(b.matches) == 0 {
		if p := allFailed(x.outcomes); p != nil {
			return nil, p
		}
	}
	return x.finish(b)
}

// keepsPatient is keeps for a Patient, whose _id was a person's.
func (q *query) keepsPatient(r *renderer, c merge.Copy) bool {
	ids := q.ids
	q.ids = nil
	defer func() { q.ids = ids }()
	return q.keeps(r, c)
}

// peopleByID are the people that _id names. A patient's token sees its own patient only, and asking for another is
// refused.
func (x *exchange) peopleByID(q *query, confined bool) ([]mpi.Person, *problem) {
	var out []mpi.Person
	ids := make([]string, 0, len(q.ids))
	for id := range q.ids {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		p, err := x.person(id)
		switch {
		case errors.Is(err, concord.NotFound):
			if confined {
				return nil, x.hidden()
			}
			continue
		case err != nil:
			return nil, x.sourceDown(err)
		}
		if confined && p.ID != x.grant.Person() {
			return nil, x.hidden()
		}
		if !slices.ContainsFunc(out, func(o mpi.Person) bool { return o.ID == p.ID }) {
			out = append(out, p)
		}
	}
	return out, nil
}

// findPeople asks the sources who matches.
func (x *exchange) findPeople(q *query, b *book) ([]mpi.Person, *problem) {
	r := x.g.newRenderer()
	people, outcomes, err := x.session.Find(federation.Find{
		Params: q.params, Most: maxPeople,
		Keep: func(c merge.Copy) bool { return q.keeps(r, c) },
	})
	x.note(outcomes)
	b.outcomes(outcomes, false)
	switch {
	case errors.Is(err, concord.Invalid):
		return nil, refuse(http.StatusBadRequest, "too-costly", "more people match than are shown; narrow the search")
	case err != nil:
		return nil, x.sourceDown(err)
	}
	if p := allFailed(outcomes); p != nil {
		return nil, p
	}
	if x.strict() {
		if issues, partial := sourceIssues(outcomes, false); partial {
			return nil, &problem{status: http.StatusBadGateway, issues: issues, reason: "incomplete"}
		}
	}
	return people, nil
}

// selfLink is the search as it was understood.
func (q *query) selfLink(base string) string {
	u := base + "/" + url.PathEscape(string(q.typ))
	if len(q.self) > 0 {
		u += "?" + strings.Join(q.self, "&")
	}
	return u
}
