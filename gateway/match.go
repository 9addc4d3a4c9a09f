package gateway

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/mpi/match"
	"concord/smart"
)

// Registry is the patient index for the operations that ask it who may be whom.
type Registry struct {
	Index *mpi.Index
	Store mpi.Backend
	Keys  func(mpi.Demographics) []uint64 // under which records are kept
	Model func() *match.Model             // what weighs them now
}

const (
	urlMatchGrade = "http://hl7.org/fhir/StructureDefinition/match-grade"
	mostMatches   = 100 // people that are given at most
	mostBlocked   = 500 // records that may share a key before it tells nobody apart
)

// hit is somebody who may be whom $match is about.
type hit struct {
	entry    merge.Entry
	person   mpi.Person
	decision mpi.Decision
}

// match answers POST Patient/$match (R4 Patient-match, IHE PDQm ITI-119): who may be the patient that is described, as
// persons, the likeliest first. It looks through the index and asks the sources.
func (x *exchange) match() (*answer, *problem) {
	if p := x.check(smart.Access{Type: fhir.TypePatient, Interaction: fhir.Match}); p != nil {
		return nil, p
	}
	q, bad := x.matchQuery()
	if bad != nil {
		return nil, bad
	}
	target := match.Prepare(q.target)
	people, bad := x.suspects(q.target, &target)
	if bad != nil {
		return nil, bad
	}
	var hits []hit
	for _, u := range x.unified(people) {
		x.regrant(u.Person)
		seen := x.visible(u)
		best := mpi.Decision{}
		for _, c := range seen {
			r := match.Prepare(mpi.FromPatient(c.Source, c.Resource))
			if d := x.g.cfg.Registry.Model().Explain(&target, &r); d.Grade > best.Grade || d.Grade == best.Grade && d.Score > best.Score {
				best = d
			}
		}
		if best.Grade == 0 {
			continue
		}
		if e, ok := x.see(merge.Unify(seen)); ok {
			hits = append(hits, hit{e, u.Person, best})
		}
	}
	if len(hits) == 0 {
		if p := allFailed(x.outcomes); p != nil {
			return nil, p
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.decision.Grade, a.decision.Grade), cmp.Compare(b.decision.Score, a.decision.Score), cmp.Compare(a.person.ID, b.person.ID))
	})
	if q.certain {
		hits = slices.DeleteFunc(hits, func(h hit) bool { return h.decision.Grade < mpi.Certain })
		if len(hits) > 1 { // which of them can't be told
			hits = nil
		}
	}
	if x.strict() {
		if p := gaps(x.outcomes); p != nil {
			return nil, p
		}
	}
	return x.renderHits(hits[:min(len(hits), q.count)])
}

// matchQuery is what $match was asked.
type matchQuery struct {
	target  mpi.Demographics // PHI
	certain bool
	count   int
}

func (x *exchange) matchQuery() (q matchQuery, _ *problem) {
	q.count = mostMatches
	all, bad := pairs(x.r.URL.RawQuery)
	if bad != nil {
		return q, bad
	}
	for _, p := range all {
		if p.key != "_format" {
			return q, invalidParam(p.key, "what is asked is in the body")
		}
	}
	if !isJSON(x.r.Header.Get("Content-Type")) {
		return q, refuse(http.StatusUnsupportedMediaType, "not-supported", "the body is application/fhir+json")
	}
	body, err := io.ReadAll(x.r.Body)
	if err != nil {
		return q, refuse(http.StatusRequestEntityTooLarge, "too-long", "the body is too long")
	}
	r, err := fhir.Parse(body, fhir.Limits{})
	if err != nil {
		return q, refuse(http.StatusBadRequest, "structure", "the body is no resource")
	}
	patient := r
	if r.Type() == fhir.TypeParameters {
		if patient, bad = q.parameters(r); bad != nil {
			return q, bad
		}
	}
	if patient.Type() != fhir.TypePatient {
		return q, refuse(http.StatusBadRequest, "required", "the resource parameter is a Patient")
	}
	q.target = mpi.FromPatient("", patient)
	q.target.Ref = concord.PatientRef{} // whoever asks names nobody by an id of ours
	if len(q.target.Names) == 0 && len(q.target.Identifiers) == 0 && q.target.BirthDate == "" {
		return q, refuse(http.StatusUnprocessableEntity, "processing", "the Patient says too little to be looked for")
	}
	return q, nil
}

// parameters reads the operation's own, and is the resource among them.
func (q *matchQuery) parameters(r fhir.Resource) (patient fhir.Resource, bad *problem) {
	seen := map[string]bool{}
	for p := range r.Get("parameter").Items() {
		name := p.Get("name").Text()
		if seen[name] {
			return patient, refuse(http.StatusBadRequest, "invalid", "a parameter comes twice")
		}
		seen[name] = true
		switch name {
		case "resource":
			patient = fhir.Resource{Value: p.Get("resource")}
		case "onlyCertainMatches":
			v := p.Get("valueBoolean")
			if v.IsString() || v.Text() != "true" && v.Text() != "false" {
				return patient, invalidParam(name, "this is true or false")
			}
			q.certain = v.Text() == "true"
		case "count":
			n, err := strconv.Atoi(p.Get("valueInteger").Text())
			if err != nil || n < 1 {
				return patient, invalidParam(name, "this is a number of matches")
			}
			q.count = min(n, mostMatches)
		default:
			return patient, invalidParam(name, "this parameter is not one of $match")
		}
	}
	return patient, nil
}

// suspects are the people whose records somewhere may be the target.
func (x *exchange) suspects(d mpi.Demographics, target *match.Record) ([]mpi.Person, *problem) {
	model := x.g.cfg.Registry.Model()
	maybe := func(d mpi.Demographics) mpi.Grade {
		r := match.Prepare(d)
		return model.Compare(target, &r).Grade
	}
	byID := map[mpi.PersonID]mpi.Person{}
	if x.g.cfg.Registry.Store.Keeps() {
		found, _, err := x.g.cfg.Registry.Store.Blocked(x.ctx, x.g.cfg.Registry.Keys(d), mostBlocked)
		if err != nil {
			return nil, ofFault(err)
		}
		for _, r := range found {
			ref := r.Demographics.Ref
			if !x.reaches(ref.Source) || maybe(r.Demographics) == 0 {
				continue
			}
			p, err := x.g.cfg.Registry.Index.Lookup(x.ctx, ref)
			switch {
			case errors.Is(err, concord.NotFound):
			case err != nil:
				return nil, ofFault(err)
			case p.Has(ref):
				byID[p.ID] = p
			}
		}
	}
	for _, form := range match.SearchForms(d) {
		f := federation.Find{Most: mostMatches, Keep: func(c merge.Copy) bool { return maybe(mpi.FromPatient(c.Source, c.Resource)) > 0 }}
		for _, p := range form {
			f.Params = append(f.Params, federation.Param{Key: p.Key, Value: p.Value})
		}
		people, outcomes, err := x.session.Find(f)
		x.note(outcomes)
		switch {
		case errors.Is(err, concord.Invalid):
			return nil, refuse(http.StatusUnprocessableEntity, "too-costly", "too many people are like that; say more of the patient")
		case err != nil:
			return nil, x.sourceDown(err)
		}
		for _, p := range people {
			byID[p.ID] = p
		}
	}
	if len(byID) > mostMatches {
		return nil, refuse(http.StatusUnprocessableEntity, "too-costly", "too many people are like that; say more of the patient")
	}
	out := make([]mpi.Person, 0, len(byID))
	for _, p := range byID {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b mpi.Person) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// renderHits answers with a searchset, each match with its score and grade.
func (x *exchange) renderHits(hits []hit) (*answer, *problem) {
	people := make([]mpi.Person, len(hits))
	for i, h := range hits {
		people[i] = h.person
		x.concerns(h.person.ID)
	}
	issues, partial := sourceIssues(x.outcomes)
	r := x.g.newRenderer(people...)
	out := []byte(`{"resourceType":"Bundle","type":"searchset"`)
	if !partial {
		out = append(out, `,"total":`+strconv.Itoa(len(hits))...)
	}
	count := 0
	for _, h := range hits {
		id := r.entryID(&h.entry)
		out = entrySeparator(out, count)
		out = append(out, `{"fullUrl":"`+r.base+"/Patient/"+id+`","resource":`...)
		out = r.entry(out, &h.entry, id)
		out = append(out, `,"search":{"extension":[{"url":"`+urlMatchGrade+`","valueCode":"`+h.decision.Grade.String()+`"}],"mode":"match","score":`...)
		out = strconv.AppendFloat(out, h.decision.Score, 'f', 2, 64)
		out = append(out, `}}`...)
		x.disclose(fhir.TypePatient)
		count++
	}
	if len(issues) > 0 {
		out = entrySeparator(out, count)
		out = append(appendOutcome(append(out, `{"resource":`...), issues), `,"search":{"mode":"outcome"}}`...)
		count++
	}
	if count > 0 {
		out = append(out, ']')
	}
	if err := x.remember(r); err != nil {
		return nil, ofFault(err)
	}
	a := okay(append(out, '}'))
	a.partial = partial
	return a, nil
}
