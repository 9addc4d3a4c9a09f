package gateway

import (
	"errors"
	"net/http"
	"strings"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// explain answers Patient/{id}/$explain?resource={Type}/{source}.{id}: why the entry in which that copy is in a search of
// its type is what it is. It tells what was compared, and no value.
func (x *exchange) explain() (*answer, *problem) {
	all, bad := x.parameters()
	if bad != nil {
		return nil, bad
	}
	t, id, bad := resourceParam(all, x.g.base)
	if bad != nil {
		return nil, bad
	}
	access := smart.Access{Type: t, Interaction: fhir.SearchType}
	person, err := x.person(x.route.id)
	access.OtherPatient = errors.Is(err, concord.NotFound)
	x.concerns(person.ID)
	access.Patient = person.ID
	if p := x.check(access); p != nil {
		return nil, p
	}
	switch {
	case access.OtherPatient:
		return nil, notFound("no such patient")
	case err != nil:
		return nil, x.sourceDown(err)
	}
	a, err := x.resolve(t, id)
	if err != nil {
		return nil, ofFault(err)
	}
	entries, r, bad := x.explained(t, person)
	if bad != nil {
		return nil, bad
	}
	for _, e := range entries {
		if !holds(e, a, r, id) {
			continue
		}
		told := e.Explain(func(s concord.SourceID, t fhir.ResourceType, id string) string {
			return string(t) + "/" + r.name(s, t, id)
		})
		body, err := fhir.Parse(told.Parameters(), fhir.Limits{})
		if err != nil {
			return nil, ofFault(&concord.Fault{Op: "explain", Kind: concord.Internal, Err: err})
		}
		if err := x.remember(r); err != nil {
			return nil, ofFault(err)
		}
		issues, partial := sourceIssues(x.outcomes)
		out := okay(body.Raw())
		if len(issues) > 0 { // an entry of which a source is missing may look otherwise when it is back
			missing := append(appendOutcome([]byte(`{"name":"outcome","resource":`), issues), '}')
			out = okay(fhir.Splice(nil, body.Value, []fhir.Edit{fhir.Append(body.Get("parameter"), missing)}))
		}
		out.partial = partial
		x.resource = id
		return out, nil
	}
	if p := gaps(x.outcomes); p != nil { // it may be at the source that did not answer
		return nil, p
	}
	return nil, notFound("this resource is not in the patient's record")
}

// resourceParam is the one resource that is asked about.
func resourceParam(all []pair, base string) (t fhir.ResourceType, id string, bad *problem) {
	for _, p := range all {
		switch {
		case p.key == "_format":
		case p.key != "resource" || id != "":
			return "", "", invalidParam(p.key, "one resource is explained, and there is no other parameter")
		default:
			name, local, ok := strings.Cut(strings.TrimPrefix(p.value, base+"/"), "/")
			if t, id = fhir.ResourceType(name), local; !ok || !fhir.KnownType(t) || !fhir.LegalID(id) {
				return "", "", invalidParam(p.key, "a resource is named as {Type}/{id}")
			}
		}
	}
	if id == "" {
		bad = refuse(http.StatusBadRequest, "required", "which resource?")
		bad.issues[0].param = "resource"
	}
	return t, id, bad
}

// explained are the entries of a type in a person's record, as a search without parameters has them.
func (x *exchange) explained(t fhir.ResourceType, person mpi.Person) ([]merge.Entry, *renderer, *problem) {
	if t == fhir.TypePatient {
		u := x.session.Patients(person)
		x.note(u.Outcomes)
		x.regrant(u.Person)
		seen := x.visible(u)
		if len(seen) == 0 {
			return nil, x.g.newRenderer(u.Person), nil
		}
		return []merge.Entry{merge.Unify(seen)}, x.g.newRenderer(u.Person), nil
	}
	res, err := x.session.Fetch(federation.Request{
		Person: person, Types: []fhir.ResourceType{t}, Strategy: x.strategy(),
		Keep: func(p mpi.Person) func(merge.Copy) bool {
			x.regrant(p)
			return func(c merge.Copy) bool { return x.grant.Visible(c, x.access) }
		},
	})
	x.note(res.Outcomes)
	if err != nil {
		return nil, nil, x.failedStrictly(err)
	}
	if p := allFailed(res.Outcomes); p != nil {
		return nil, nil, p
	}
	var entries []merge.Entry
	for e := range x.grant.View(res.Record, x.access).Entries() {
		entries = append(entries, e)
	}
	return entries, x.g.newRenderer(res.Person), nil
}

// holds tells whether an entry stands for what is asked about: a copy, or a person.
func holds(e merge.Entry, a address, r *renderer, id string) bool {
	if a.person != "" {
		return r.entryID(&e) == id
	}
	for _, c := range e.Copies {
		if c.Source == a.source && c.ID() == a.id {
			return true
		}
	}
	return false
}
