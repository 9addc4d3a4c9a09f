package gateway

import (
	"errors"
	"slices"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// found is one resource as the caller may see it. PHI.
type found struct {
	merge.Entry
	id      string       // public
	person  mpi.Person   // whose it is; zero when that can't be told
	refer   mpi.PersonID // the person that a source's own Patient points back to
	partial bool         // some source is missing from it
}

// read answers GET {Type}/{id}.
func (x *exchange) read() (*answer, *problem) {
	f, bad := x.get(x.route.typ, x.route.id)
	if bad != nil {
		return nil, bad
	}
	x.concerns(f.person.ID)
	return x.renderOne(f)
}

// get finds one resource: a person's unified Patient, or one source's copy as it is. from are copies that may lead to it.
func (x *exchange) get(t fhir.ResourceType, id string, from ...merge.Copy) (found, *problem) {
	access := smart.Access{Type: t, Interaction: fhir.Read}
	a, err := x.resolve(t, id)
	if err != nil {
		if p := x.check(access); p != nil {
			return found{}, p
		}
		return found{}, ofFault(err)
	}
	if a.person != "" {
		return x.readPerson(a.person, access)
	}
	if p := x.check(access); p != nil {
		return found{}, p
	}
	c := x.readCopy(t, id)
	x.regrant(c.person)
	if c.outcome.Source != "" {
		x.note([]federation.Outcome{c.outcome})
	}
	switch {
	case errors.Is(c.err, concord.NotFound) && x.grant.Confined(access):
		return found{}, x.hidden() // the same as for one that is somebody else's
	case c.err != nil:
		return found{}, ofFault(c.err)
	}
	e := merge.Entry{Survivor: c.Copy, Copies: []merge.Copy{c.Copy}}
	seen, ok := x.see(e)
	if !ok && len(from) > 0 && x.grant.Reached(c.Copy, access, from...) {
		seen, ok = e, true
	}
	if !ok {
		seen, ok = x.see(e, x.holders(c.Copy)...)
	}
	if !ok {
		return found{}, x.hidden()
	}
	return found{Entry: seen, id: id, person: c.person, refer: c.person.ID}, nil
}

// see is an entry as the caller may see it, beside others that may lead to it; ok is false when it is hidden.
func (x *exchange) see(e merge.Entry, from ...merge.Entry) (seen merge.Entry, ok bool) {
	for v := range x.grant.View(merge.Record{Entries: append([]merge.Entry{e}, from...)}, x.access).Entries() {
		if v.Survivor == e.Survivor {
			return v, true
		}
	}
	return merge.Entry{}, false
}

// holders are the records of the context's patient that may have a document as their attachment: without one of them the
// document is nobody's.
func (x *exchange) holders(c merge.Copy) []merge.Entry {
	if c.Type() != fhir.TypeBinary || x.of.ID == "" {
		return nil
	}
	res, err := x.session.Fetch(federation.Request{
		Person: x.of, Types: []fhir.ResourceType{fhir.TypeDocumentReference, fhir.TypeDiagnosticReport}, Optional: true,
		Keep: func(mpi.Person) func(merge.Copy) bool {
			return func(h merge.Copy) bool { return h.Source == c.Source }
		},
	})
	if err != nil {
		return nil
	}
	x.note(res.Outcomes)
	return res.Record.Entries
}

// readPerson finds the unified Patient. What is missing is told in Server-Timing.
func (x *exchange) readPerson(id mpi.PersonID, access smart.Access) (found, *problem) {
	p, err := x.session.Person(id)
	if access.Patient = id; err == nil {
		access.Patient = p.ID // an id that was another person's before leads to who that is now
	}
	if p := x.check(access); p != nil {
		return found{}, p
	}
	if err != nil {
		return found{}, ofFault(err)
	}
	u := x.session.Patients(p)
	x.note(u.Outcomes)
	x.regrant(u.Person)
	missing := gaps(u.Outcomes)
	if missing != nil && x.strict() {
		return found{}, missing
	}
	seen := x.visible(u)
	switch {
	case len(seen) == 0 && len(u.Copies) > 0:
		return found{}, x.hidden()
	case len(seen) == 0 && missing != nil && !onlyGone(u.Outcomes):
		return found{}, missing
	case len(seen) == 0:
		return found{}, notFound("no source has this patient any more")
	}
	e, ok := x.see(merge.Unify(seen))
	if !ok {
		return found{}, x.hidden()
	}
	return found{Entry: e, id: string(u.Person.ID), person: u.Person, partial: missing != nil}, nil
}

// onlyGone tells whether all that is missing is what its source does not have any more.
func onlyGone(all []federation.Outcome) bool {
	return !slices.ContainsFunc(all, func(o federation.Outcome) bool {
		return !o.Complete() && (o.Fault == nil || o.Fault.Kind != concord.NotFound)
	})
}

// ownCopy is a copy that was read, and whose it is.
type ownCopy struct {
	merge.Copy
	person  mpi.Person         // zero when that can't be told
	outcome federation.Outcome // zero when no source was asked
	err     error
}

// readCopy reads the copy that an id of the gateway means. It is safe for concurrent use.
func (x *exchange) readCopy(t fhir.ResourceType, id string) (c ownCopy) {
	a, err := x.resolve(t, id)
	if err == nil && a.source == "" {
		err = &concord.Fault{Op: "read", Kind: concord.NotFound}
	}
	if c.err = err; err != nil {
		return c
	}
	if c.Copy, c.outcome, c.err = x.session.ReadCopy(a.source, t, a.id); c.err == nil {
		c.person = x.owner(c.Copy)
	}
	return c
}

// owner is the person in whose chart a copy is, if the index knows one or its source tells of one.
func (x *exchange) owner(c merge.Copy) mpi.Person {
	ref := x.g.subject(c)
	if c.Type() == fhir.TypePatient {
		ref = concord.NewPatientRef(c.Source, c.ID())
	}
	if ref.IsZero() {
		return mpi.Person{}
	}
	p, err := x.session.Identify(ref)
	if err != nil {
		return mpi.Person{} // then the reference names the source's patient, which is right too
	}
	return p
}

// subject is the patient at its source whom a copy says it is about; the zero PatientRef when it names none.
func (g *Gateway) subject(c merge.Copy) concord.PatientRef {
	for _, n := range []string{"subject", "patient", "beneficiary", "for"} {
		if p, ok := g.refersTo(c.Source, c.Path(n, "reference")); ok && p.typ == fhir.TypePatient {
			return concord.NewPatientRef(c.Source, p.id)
		}
	}
	return concord.PatientRef{}
}

// renderOne answers one resource.
func (x *exchange) renderOne(f found) (*answer, *problem) {
	all, bad := x.parameters()
	if bad != nil {
		return nil, bad
	}
	if !x.strict() {
		all = shaping(all)
	}
	q, bad := parseQuery(f.Survivor.Type(), all, x.strict())
	if bad != nil {
		return nil, bad
	}
	r := x.g.newRenderer(f.person)
	r.refer = f.refer
	body := r.subset(nil, &f.Entry, f.id, q.elements)
	if err := x.remember(r); err != nil {
		return nil, ofFault(err)
	}
	x.resource = f.id
	x.disclose(f.Survivor.Type())
	a := okay(body)
	a.etag, a.partial = `W/"`+version(f.Entry)+`"`, f.partial
	return a, nil
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
	return derivedVersion(&e)
}
