package gateway

import (
	"errors"
	"maps"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// maxPeople bounds a search of people.
const maxPeople = 50

// searchPeople searches Patients: each person once, in the unified view.
func (x *exchange) searchPeople(q *query) (*book, *problem) {
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
		people, bad = x.peopleByID(q, b, confined)
	case confined:
		var p mpi.Person
		var err error
		if p, err = x.session.Person(x.grant.Person()); err != nil {
			return nil, ofFault(err)
		}
		people = []mpi.Person{p}
	case len(q.params) == 0:
		return nil, refuse(http.StatusBadRequest, "required", "a search of patients needs an identifier, a name with a birth date, or _id")
	default:
		people, bad = x.findPeople(q, b)
	}
	if bad != nil {
		return nil, bad
	}
	for _, u := range x.unified(people) {
		x.regrant(u.Person)
		b.outcomes(u.Outcomes)
		seen := x.visible(u)
		if len(u.Copies) == 0 {
			if p := allFailed(u.Outcomes); p != nil && len(people) == 1 {
				return nil, p
			}
		}
		r := x.g.newRenderer(u.Person)
		if slices.ContainsFunc(seen, func(c merge.Copy) bool { return q.keepsPatient(r, c) }) {
			b.people = append(b.people, u.Person)
			b.matches = append(b.matches, merge.Unify(seen))
		}
	}
	if len(b.matches) == 0 {
		if p := allFailed(x.outcomes); p != nil {
			return nil, p
		}
	}
	return b, nil
}

// unified puts people together from their sources' Patients, each human once: two may turn out to be one meanwhile.
func (x *exchange) unified(people []mpi.Person) (out []federation.Unified) {
	all := make([]federation.Unified, len(people))
	var g errgroup.Group
	for i, p := range people { // all at once: one that a slow source holds up must not use up the others' time
		g.Go(func() error {
			all[i] = x.session.Patients(p)
			return nil
		})
	}
	_ = g.Wait()
	for _, u := range all {
		x.note(u.Outcomes)
		known := func(o federation.Unified) bool {
			return o.Person.ID == u.Person.ID || slices.ContainsFunc(u.Person.Refs(), o.Person.Has)
		}
		if i := slices.IndexFunc(out, known); i < 0 {
			out = append(out, u)
		} else if len(u.Person.Refs()) > len(out[i].Person.Refs()) {
			out[i] = u
		}
	}
	return out
}

// visible are those of a person's Patients that the caller may see.
func (x *exchange) visible(u federation.Unified) (out []merge.Copy) {
	for _, c := range u.Copies {
		if x.grant.Visible(c, x.access) {
			out = append(out, c)
		}
	}
	return out
}

// keepsPatient is keeps for a Patient, whose _id was a person's.
func (q *query) keepsPatient(r *renderer, c merge.Copy) bool {
	whoever := *q
	whoever.ids = nil
	return whoever.keeps(r, c)
}

// peopleByID are the people that _id names. A patient's token sees its own patient only, and asking for another is
// refused. A source that does not say who its patient is is told of.
func (x *exchange) peopleByID(q *query, b *book, confined bool) ([]mpi.Person, *problem) {
	ids := slices.Sorted(maps.Keys(q.ids))
	people := make([]mpi.Person, len(ids))
	faults := make([]error, len(ids))
	var g errgroup.Group
	for i, id := range ids {
		g.Go(func() error {
			people[i], faults[i] = x.person(id)
			return nil
		})
	}
	_ = g.Wait()
	var out []mpi.Person
	var failed []federation.Outcome
	for i, err := range faults {
		switch {
		case errors.Is(err, concord.NotFound) && confined, err == nil && confined && people[i].ID != x.grant.Person():
			return nil, x.hidden()
		case errors.Is(err, concord.NotFound):
		case err == nil:
			if !slices.ContainsFunc(out, func(o mpi.Person) bool { return o.ID == people[i].ID }) {
				out = append(out, people[i])
			}
		case faultIn(err) != nil && faultIn(err).Source != "":
			failed = append(failed, failedOutcome(faultIn(err)))
		default:
			return nil, ofFault(err)
		}
	}
	x.note(failed)
	b.outcomes(failed)
	if len(out) == 0 {
		return nil, allFailed(failed)
	}
	return out, nil
}

// findPeople asks the sources who matches.
func (x *exchange) findPeople(q *query, b *book) ([]mpi.Person, *problem) {
	people, outcomes, err := x.findMatching(q)
	if err != nil {
		return nil, err
	}
	b.outcomes(outcomes)
	return people, nil
}

// findMatching asks the sources who matches, and is a problem when none of them says.
func (x *exchange) findMatching(q *query) ([]mpi.Person, []federation.Outcome, *problem) {
	r := x.g.newRenderer()
	people, outcomes, err := x.session.Find(federation.Find{
		Params: q.params, Most: maxPeople,
		Keep: func(c merge.Copy) bool { return q.keeps(r, c) },
	})
	x.note(outcomes)
	switch {
	case errors.Is(err, concord.Invalid):
		return nil, nil, refuse(http.StatusBadRequest, "too-costly", "more people match than are shown; narrow the search")
	case err != nil:
		return nil, nil, x.sourceDown(err)
	}
	return people, outcomes, allFailed(outcomes)
}

// identified is the person who has an identifier. It is a search of Patients, and the token must cover one. A patient's
// token learns of nobody but its own patient.
func (x *exchange) identified(value string) (p mpi.Person, ok bool, bad *problem) {
	access := smart.Access{Type: fhir.TypePatient, Interaction: fhir.SearchType}
	if err := x.grant.Check(access); err != nil {
		return mpi.Person{}, false, x.forbidden(err)
	}
	q, bad := parseQuery(fhir.TypePatient, []pair{{"identifier", value}}, true)
	if bad != nil {
		return mpi.Person{}, false, bad
	}
	if x.grant.Confined(access) {
		p, err := x.session.Person(x.grant.Person())
		if err != nil {
			return mpi.Person{}, false, ofFault(err)
		}
		u := x.session.Patients(p)
		r := x.g.newRenderer()
		return u.Person, slices.ContainsFunc(u.Copies, func(c merge.Copy) bool { return q.keeps(r, c) }), nil
	}
	people, outcomes, bad := x.findMatching(q)
	switch {
	case bad != nil:
		return mpi.Person{}, false, bad
	case len(people) > 1:
		return mpi.Person{}, false, invalidParam("patient", "the identifier is that of several people")
	case len(people) == 0:
		return mpi.Person{}, false, gaps(outcomes) // who did not answer may know the person
	}
	return people[0], true, nil
}
