package gateway

import (
	"errors"
	"net/http"
	"slices"
	"sync"

	"concord"
	"concord/compare"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// compare answers Patient/{id}/$compare: in what the sources' copies of the record differ. It takes the rights of
// $everything.
func (x *exchange) compare() (*answer, *problem) {
	all, bad := x.parameters()
	if bad != nil {
		return nil, bad
	}
	access := smart.Access{Type: fhir.TypePatient, Interaction: fhir.Everything}
	person, err := x.person(x.route.id)
	switch {
	case errors.Is(err, concord.NotFound):
		access.OtherPatient = true
		if p := x.check(access); p != nil {
			return nil, p
		}
		return nil, notFound("no such patient")
	case err != nil:
		if p := x.check(access); p != nil {
			return nil, p
		}
		return nil, x.sourceDown(err)
	}
	access.Patient = person.ID
	if p := x.check(access); p != nil {
		return nil, p
	}
	o, bad := x.compareOptions(all)
	if bad != nil {
		return nil, bad
	}
	granted, bad := x.comparable(o, person.ID)
	if bad != nil {
		return nil, bad
	}
	var u federation.Unified
	var both sync.WaitGroup
	both.Go(func() { u = x.session.Patients(person) })
	res, err := x.session.Fetch(federation.Request{
		Person: person, Types: slices.DeleteFunc(slices.Clone(granted), func(t fhir.ResourceType) bool { return t == fhir.TypePatient }),
		Keep: func(p mpi.Person) func(merge.Copy) bool {
			x.regrant(p)
			return func(c merge.Copy) bool { return slices.Contains(o.Sources, c.Source) && x.grant.Visible(c, x.access) }
		},
	})
	both.Wait()
	x.note(u.Outcomes)
	x.note(res.Outcomes)
	if err != nil {
		return nil, x.failedStrictly(err)
	}
	x.regrant(u.Person)
	outcomes := append(slices.Clone(u.Outcomes), res.Outcomes...)
	in := compare.Input{Patient: string(res.Person.ID), Options: o, Answers: x.compareAnswers(outcomes, granted, person.ID)}
	if refused := compare.Refusal(in.Answers, o); len(refused) > 0 {
		return nil, gaps(slices.DeleteFunc(outcomes, func(out federation.Outcome) bool {
			return !slices.ContainsFunc(refused, func(g compare.Gap) bool { return g.Source == out.Source && g.Type == out.Type })
		}))
	}
	if p := allFailed(outcomes); p != nil {
		return nil, p
	}
	var entries []merge.Entry
	if seen := x.visible(u); len(seen) > 0 {
		entries = append(entries, merge.Unify(seen))
	}
	for e := range x.grant.View(res.Record, x.access).Entries() {
		entries = append(entries, e)
	}
	in.Entries = entries
	r := x.g.newRenderer(u.Person)
	in.Name = r.id
	report := compare.Compare(in)
	if err := x.remember(r); err != nil {
		return nil, ofFault(err)
	}
	x.resource = string(res.Person.ID)
	for _, e := range report.Events { // a title tells of the event, whichever copy it is from
		for range e.Copies {
			x.disclose(e.Type)
		}
	}
	a := okay(compare.Encode(report))
	a.partial = slices.ContainsFunc(report.Gaps, func(g compare.Gap) bool { return g.Reason != compare.NotSupported && g.Reason != compare.Limited })
	return a, nil
}

// compareOptions are the operation's parameters.
func (x *exchange) compareOptions(all []pair) (o compare.Options, _ *problem) {
	for _, p := range all {
		if p.key == "_format" {
			continue
		}
		known, err := o.Set(p.key, p.value)
		switch {
		case err != nil:
			return o, invalidParam(p.key, err.Error())
		case !known: // a comparison of something else than was asked for would be believed
			bad := refuse(http.StatusBadRequest, "not-supported", "this parameter is not supported")
			bad.issues[0].param = shown(p.key)
			return o, bad
		}
	}
	var known []concord.SourceID
	for s := range x.g.bases {
		if x.may(s) {
			known = append(known, s)
		}
	}
	if err := o.Check(known); err != nil {
		return o, invalidParam("source", err.Error())
	}
	return o, nil
}

// comparable are the types that are asked for and granted; one that is named and not granted is a refusal.
func (x *exchange) comparable(o compare.Options, of mpi.PersonID) (granted []fhir.ResourceType, _ *problem) {
	for _, t := range o.Wanted() {
		a := smart.Access{Type: t, Interaction: fhir.Everything, Patient: of}
		switch err := x.grant.Check(a); {
		case err == nil:
			granted = append(granted, t)
		case len(o.Types) > 0:
			return nil, x.forbidden(err)
		}
	}
	return granted, nil
}

// compareAnswers say of each source and type whether what there is is all.
func (x *exchange) compareAnswers(outcomes []federation.Outcome, granted []fhir.ResourceType, of mpi.PersonID) (out []compare.Answer) {
	plain := slices.DeleteFunc(slices.Clone(x.scopes), smart.Scope.Granular)
	whole := smart.NewGrant(x.token, plain, smart.Context{Person: x.of.ID, Refs: meant(x.of), Bases: x.g.bases})
	limited := func(t fhir.ResourceType) bool {
		return whole.Check(smart.Access{Type: t, Interaction: fhir.Everything, Patient: of}) != nil
	}
	for _, o := range outcomes {
		if !slices.Contains(granted, o.Type) {
			continue
		}
		a := compare.Answer{Source: o.Source, Type: o.Type}
		switch {
		case o.Fault != nil:
			a.Reason = compare.Reason(issueCode(o.Fault.Kind))
		case !o.Complete():
			a.Reason = compare.Incomplete
		case limited(o.Type):
			a.Reason = compare.Limited
		}
		out = append(out, a)
	}
	return out
}
