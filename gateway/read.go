package gateway

import (
	"errors"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// read answers GET {Type}/{id}: a person's unified Patient, or one source's copy as it is.
func (x *exchange) read() (*answer, *problem) {
	t, id := x.route.typ, x.route.id
	access := smart.Access{Type: t, Interaction: fhir.Read}
	a, err := x.g.resolveID(x.ctx, t, id)
	if err != nil {
		if p := x.check(access); p != nil {
			return nil, p
		}
		return nil, ofFault(err)
	}
	if a.person != "" {
		return x.readPerson(a.person, access)
	}
	if p := x.check(access); p != nil {
		return nil, p
	}
	c, person, err := x.readCopy(t, id)
	switch {
	case errors.Is(err, concord.NotFound) && x.grant.Confined(access):
		return nil, x.hidden() // the same as for one that is somebody else's
	case err != nil:
		return nil, x.sourceDown(err)
	case !x.grant.Visible(c, access):
		return nil, x.hidden()
	}
	r := x.g.newRenderer(person)
	e := merge.Entry{Survivor: c, Copies: []merge.Copy{c}}
	view := x.grant.View(merge.Record{Entries: []merge.Entry{e}}, access)
	return x.renderOne(r, view, id, person.ID)
}

// readPerson answers the unified Patient. What is missing is told in Server-Timing.
func (x *exchange) readPerson(id mpi.PersonID, access smart.Access) (*answer, *problem) {
	access.Patient = id
	if p := x.check(access); p != nil {
		return nil, p
	}
	p, err := x.session.Person(id)
	if err != nil {
		return nil, ofFault(err)
	}
	u := x.session.Patients(p)
	x.note(u.Outcomes)
	issues, partial := sourceIssues(u.Outcomes, false)
	if partial && x.strict() {
		return nil, &problem{status: 502, issues: issues, reason: "incomplete"}
	}
	var seen []merge.Copy
	for _, c := range u.Copies {
		if x.grant.Visible(c, access) {
			seen = append(seen, c)
		}
	}
	if len(seen) == 0 {
		if f := allFailed(failures(u)); f != nil && len(u.Copies) == 0 {
			return nil, f
		}
		return nil, x.hidden()
	}
	view := x.grant.View(merge.Record{Entries: []merge.Entry{merge.Unify(seen)}}, access)
	out, bad := x.renderOne(x.g.newRenderer(u.Person), view, string(u.Person.ID), "")
	if out != nil {
		out.partial = partial
	}
	return out, bad
}

// readCopy reads the copy that an id of the gateway means, and tells whose it is; the zero Person when that can't be told.
func (x *exchange) readCopy(t fhir.ResourceType, id string) (merge.Copy, mpi.Person, error) {
	a, err := x.g.resolveID(x.ctx, t, id)
	if err != nil {
		return merge.Copy{}, mpi.Person{}, err
	}
	if a.source == "" {
		return merge.Copy{}, mpi.Person{}, &concord.Fault{Op: "read", Kind: concord.NotFound}
	}
	c, err := x.session.ReadCopy(a.source, t, a.id)
	if err != nil {
		return merge.Copy{}, mpi.Person{}, err
	}
	return c, x.owner(c), nil
}

// owner is the person in whose chart a copy is: the patient that it says it is about, if the index knows one or its source
// tells of one.
func (x *exchange) owner(c merge.Copy) mpi.Person {
	id := ""
	if c.Type() == fhir.TypePatient {
		id = c.ID()
	}
	for _, n := range []string{"subject", "patient", "beneficiary", "for"} {
		if ref := fhir.ParseReference(c.Path(n, "reference").Text(), x.g.bases[c.Source]); ref.Kind == fhir.LocalReference && ref.Type == fhir.TypePatient {
			id = ref.ID
		}
	}
	if id == "" {
		return mpi.Person{}
	}
	p, err := x.session.Identify(concord.NewPatientRef(c.Source, id))
	if err != nil {
		return mpi.Person{} // then the reference names the source's patient, which is right too
	}
	return p
}

// renderOne answers the one resource of a view. refer is the person that a source's Patient points back to.
func (x *exchange) renderOne(r *renderer, view smart.View, id string, refer mpi.PersonID) (*answer, *problem) {
	for e := range view.Entries() {
		r.refer = refer
		all, bad := x.parameters()
		if bad != nil {
			return nil, bad
		}
		q, bad := parseQuery(e.Survivor.Type(), shaping(all), x.strict())
		if bad != nil {
			return nil, bad
		}
		body := r.subset(nil, e, id, q.elements)
		if err := x.remember(r); err != nil {
			return nil, ofFault(err)
		}
		x.resource = id
		x.disclose(e.Survivor.Type())
		a := okay(body)
		a.etag = `W/"` + version(e) + `"`
		return a, nil
	}
	return nil, x.hidden()
}

// shaping are the parameters that a read takes.
func shaping(all []pair) (out []pair) {
	for _, p := range all {
		switch p.key {
		case "_elements", "_summary", "_format":
			out = append(out, p)
		}
	}
	return out
}

// version is the version that an entry's ETag tells.
func version(e merge.Entry) string {
	if v := e.Survivor.Path("meta", "versionId"); len(e.Copies) == 1 && v.IsString() && fhir.LegalID(v.Text()) {
		return v.Text()
	}
	return derivedVersion(e)
}
