package graphql

import (
	"context"
	"slices"
	"strings"

	gql "github.com/graph-gophers/graphql-go"

	"concord/federation"
	"concord/fhir"
	"concord/mpi"
)

// roots resolves the fields of Query. It is the same for every request.
type roots struct{}

// root is what the schema is bound to. Its one method keeps the binding from taking a resource type called Subscription
// for an operation.
type root struct{}

// Query is the resolver of queries.
func (root) Query() *roots { return &roots{} }

// identified are the arguments of a read.
type identified struct{ ID gql.ID }

// window is what all searches take beside their parameters.
type window struct {
	Sort *[]string
	page
}

// params are search parameters.
type params []federation.Param

// add adds an argument. Its values are alternatives (FHIR GraphQL: an array); a comma in one of them is a part of it.
func (p *params) add(name string, values *[]string) {
	if values != nil {
		*p = append(*p, federation.Param{Key: name, Value: alternatives(*values)})
	}
}

// alternatives joins values as a search parameter has them.
func alternatives(values []string) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		for j := 0; j < len(v); j++ {
			switch {
			case v[j] == '\\' && j+1 < len(v):
				b.WriteByte(v[j])
				j++
			case v[j] == ',':
				b.WriteByte('\\')
			}
			b.WriteByte(v[j])
		}
	}
	return b.String()
}

// newSearch checks what was asked and makes a query of it. Its error is a *failure.
func newSearch(t fhir.ResourceType, all []federation.Param, w window) (Query, error) {
	if w.Count != nil && *w.Count < 0 || w.Offset != nil && *w.Offset < 0 {
		return Query{}, fail(codeInput, "_count and _offset are not negative")
	}
	for _, p := range all {
		if p.Value == "" {
			return Query{}, fail(codeInput, "a search argument is empty")
		}
		if p.Key == "_id" || slices.Contains(fhir.PatientParam(t), p.Key) {
			continue // the backend knows what they mean
		}
		if _, err := fhir.ParseFilter(t, p.Key, p.Value); err != nil {
			return Query{}, fail(codeInput, "a search argument is not of its parameter's type")
		}
	}
	if w.Sort != nil && len(*w.Sort) > 0 {
		for _, s := range *w.Sort {
			if name := strings.TrimPrefix(s, "-"); !fhir.Sortable(t, name) || name == "_lastUpdated" {
				return Query{}, fail(codeInput, "the list can't be sorted by that")
			}
		}
		all = append(slices.Clone(all), federation.Param{Key: "_sort", Value: strings.Join(*w.Sort, ",")})
	}
	return newQuery(t, all), nil
}

// failed makes an error of the backend one of the answer.
func (r *run) failed(a Answer) *failure {
	f := ofBackend(a)
	if f.code == codeForbidden {
		return r.refused(f)
	}
	return f
}

// rootRead is {Type}(id:).
func rootRead(ctx context.Context, typ, id string) (*node, error) {
	r, err := runOf(ctx)
	if err != nil {
		return nil, err
	}
	return r.readOne(ctx, Link{Type: fhir.ResourceType(typ), ID: id})
}

// readOne reads a resource and lets it in. What is hidden by its content or by whose it is, and what is not there, are
// told the same where the grant looks at content.
func (r *run) readOne(ctx context.Context, l Link) (*node, error) {
	k := right{typ: l.Type, how: fhir.Read}
	if l.Type == fhir.TypePatient {
		k.person = person(l.ID)
	}
	if err := r.covers(k); err != nil {
		return nil, err
	}
	a := r.read(ctx, l)
	if a.Err != nil {
		f := r.failed(a)
		if f.code == codeNotFound && r.looksInside(l.Type) {
			f = r.refused(ofGrant(nil))
		}
		return nil, f
	}
	nodes, err := r.admit(l.Type, fhir.Read, a.Resources)
	if err != nil {
		return nil, err
	}
	return &nodes[0], nil
}

// rootList is {Type}List.
func rootList(ctx context.Context, typ string, all []federation.Param, w window) ([]node, error) {
	r, err := runOf(ctx)
	if err != nil {
		return nil, err
	}
	return r.list(ctx, fhir.ResourceType(typ), all, w, "")
}

// list searches, and lets in what was found.
func (r *run) list(ctx context.Context, t fhir.ResourceType, all []federation.Param, w window, who mpi.PersonID) ([]node, error) {
	if err := r.covers(right{t, fhir.SearchType, who}); err != nil {
		return nil, err
	}
	q, err := newSearch(t, all, w)
	if err != nil {
		return nil, err
	}
	a := r.search(ctx, q)
	if a.Err != nil {
		return nil, r.failed(a)
	}
	from, to := w.bounds(len(a.Resources))
	if err := r.promises(to-from, string(t)+"List"); err != nil {
		return nil, err
	}
	return r.admit(t, fhir.SearchType, a.Resources[from:to])
}
