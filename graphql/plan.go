package graphql

import (
	"context"
	"slices"
	"strings"
	"sync"

	"concord/federation"
	"concord/fhir"
)

// plan is what a query will need, as far as that can be told from its text. What it misses is fetched when it is met, and
// what it fetches is let in by the edges like everything else.
type plan struct {
	run     *run
	types   types
	args    arguments
	queries []Query
	reads   []Link
}

// prefetch asks for all that the query needs, in one fan-out.
func (p *plan) prefetch(ctx context.Context, sels []*selection, instance Name) {
	if instance != (Name{}) {
		p.read(instance.Type, instance.ID, sels)
	} else {
		p.set(sels, "Query", Name{}, "")
	}
	var wg sync.WaitGroup
	start := func(f func()) {
		wg.Go(func() {
			defer func() { _ = recover() }() // who waits for the answer finds the error that stands in its cell
			f()
		})
	}
	for _, l := range p.reads {
		start(func() { p.run.read(ctx, l) })
	}
	if len(p.queries) > 0 {
		start(func() { p.run.searchAll(ctx, p.queries) })
	}
	wg.Wait()
}

// set plans a selection set of a type. focus is the resource that it is of, when it is known; chart is the patient in
// whose record the resource is, as a search has it.
func (p *plan) set(sels []*selection, typ string, focus Name, chart string) {
	for _, s := range sels {
		if p.args.left(s.dirs) {
			continue
		}
		switch {
		case s.field != nil:
			if ft := p.types.field(typ, s.field.name); ft != nil {
				p.field(s.field, ft, typ, focus, chart)
			}
		case s.spread == "":
			p.within(s.sels, typ, s.on, focus, chart)
		default:
			if f := p.args.d.fragments[s.spread]; f != nil {
				p.within(f.sels, typ, f.on, focus, chart)
			}
		}
	}
}

// within plans a fragment. One on a resource that a reference leads to tells what will be needed.
func (p *plan) within(sels []*selection, typ, on string, focus Name, chart string) {
	if on == "" || on == typ {
		p.set(sels, typ, focus, chart)
		return
	}
	if typ != "Resource" {
		return
	}
	focus = Name{}
	t := fhir.ResourceType(on)
	switch {
	case chart == "":
	case t == fhir.TypePatient:
		focus = Name{t, strings.TrimPrefix(chart, "Patient/")}
	case ofChart(t) && p.run.plainly(t, fhir.Read) && p.run.plainly(t, fhir.SearchType):
		// one search instead of a read for every reference
		p.query(t, []federation.Param{{Key: fhir.PatientParam(t)[0], Value: chart}}, window{})
	}
	p.set(sels, on, focus, chart)
}

// ofChart tells whether resources of a type that others refer to are found by their patient, all at once.
func ofChart(t fhir.ResourceType) bool {
	switch t {
	case fhir.TypeCarePlan, fhir.TypeCondition, fhir.TypeDiagnosticReport, fhir.TypeDocumentReference, fhir.TypeEncounter, fhir.TypeGoal,
		fhir.TypeImmunization, fhir.TypeMedicationRequest, fhir.TypeObservation, fhir.TypeProcedure, fhir.TypeServiceRequest, fhir.TypeAllergyIntolerance:
		return offered(string(t)) && len(fhir.PatientParam(t)) > 0
	}
	return false
}

func (p *plan) field(f *field, ft *fieldType, typ string, focus Name, chart string) {
	switch {
	case ft.leaf:
	case typ == "Query" && offered(f.name):
		if id, ok := p.args.text(f, "id"); ok {
			p.read(fhir.ResourceType(ft.typ), id, f.sels)
		}
	case typ == "Query":
		t := fhir.ResourceType(strings.TrimSuffix(ft.typ, "Connection"))
		if params, w, ok := p.search(f, ft); ok {
			p.query(t, params, w)
			p.set(f.sels, ft.typ, Name{}, chartOf(t, params))
		}
	case ft.args["_reference"] != "":
		p.reverse(f, ft, focus)
		p.set(f.sels, ft.typ, Name{}, chart)
	default:
		p.set(f.sels, ft.typ, Name{}, chart)
	}
}

// read plans the read of one resource. Lists within a Patient can be fetched along with it.
func (p *plan) read(t fhir.ResourceType, id string, sels []*selection) {
	k := right{typ: t, how: fhir.Read}
	if t == fhir.TypePatient {
		k.person = person(id)
	}
	if p.run.allows(k) != nil {
		return // it is told where it is met
	}
	p.reads = append(p.reads, Link{Type: t, ID: id})
	if t == fhir.TypePatient {
		p.set(sels, string(t), Name{t, id}, "Patient/"+id)
	} else {
		p.set(sels, string(t), Name{}, "")
	}
}

// reverse plans a list of what refers to a resource.
func (p *plan) reverse(f *field, ft *fieldType, focus Name) {
	reference, ok := p.args.text(f, "_reference")
	if !ok || focus == (Name{}) {
		return
	}
	t := fhir.ResourceType(ft.typ)
	if params, w, ok := p.search(f, ft); ok {
		if all, err := reversed(focus, "", t, reference, params); err == nil {
			p.query(t, all, w)
		}
	}
}

// query plans a search, if the grant covers it.
func (p *plan) query(t fhir.ResourceType, all []federation.Param, w window) {
	q, err := newSearch(t, all, w)
	if err != nil || p.run.allows(right{typ: t, how: fhir.SearchType}) != nil {
		return // it is told where it is met
	}
	p.queries = append(p.queries, q)
}

// chartOf is the patient that a search names; "" when it names none.
func chartOf(t fhir.ResourceType, params []federation.Param) string {
	for _, x := range params {
		if t != fhir.TypePatient && slices.Contains(fhir.PatientParam(t), x.Key) {
			return "Patient/" + strings.TrimPrefix(x.Value, "Patient/")
		}
	}
	return ""
}

// search is the parameters of a list, as its resolver will have them; ok is false when they can't be told.
func (p *plan) search(f *field, ft *fieldType) (out []federation.Param, w window, ok bool) {
	for _, a := range f.args {
		switch a.name {
		case "_reference", "_count", "_offset":
			continue
		case "_cursor":
			return nil, w, false
		}
		values, ok := p.args.texts(a.val)
		switch {
		case !ok:
			return nil, w, false
		case values == nil:
		case a.name == "_sort":
			w.Sort = &values
		default:
			out = append(out, federation.Param{Key: paramOf(a.name), Value: alternatives(values)})
		}
	}
	return out, w, true
}

// paramOf is the search parameter of an argument.
func paramOf(name string) string {
	if strings.HasPrefix(name, "_") {
		return name
	}
	return strings.ReplaceAll(name, "_", "-")
}
