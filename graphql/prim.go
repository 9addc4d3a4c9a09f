package graphql

import "concord/fhir"

// prim is a primitive element in both of its views: its value, and the Element with id and extensions that stands beside
// it (_name). It is of the size of a pointer, so that it becomes an interface without a copy.
type prim struct{ p *primitive }

// primitive is what a prim points to.
type primitive struct {
	prim
	raw     []byte // the value as sent; nil without one
	element fhir.Value
	in      *instance // nil for what is no part of a resource
}

// prim is the primitive element of that name, or nil when it has neither value nor extensions.
func (n *node) prim(name string) *prim {
	// what stands beside it is rare, and its name has to be made: look for it only where there is something like it
	return newPrim(n.in, n.v.Get(name), beside(n.v, name))
}

// beside is the member that stands beside a primitive: "_" and its name.
func beside(v fhir.Value, name string) fhir.Value {
	var buf [64]byte
	b := append(append(buf[:0], '_'), name...)
	return v.Get(string(b))
}

func newPrim(in *instance, v, e fhir.Value) *prim {
	if v.IsObject() || v.IsArray() || isNull(v) {
		v = fhir.Value{}
	}
	if !e.IsObject() {
		e = fhir.Value{}
	}
	if !v.Exists() && !e.Exists() {
		return nil
	}
	x := &primitive{raw: v.Raw(), element: e, in: in}
	x.p = x
	return &x.prim
}

func isNull(v fhir.Value) bool { return !v.IsString() && string(v.Raw()) == "null" }

// prims is the primitive elements of a list, each with what stands beside it at the same place.
func (n *node) prims(name string) *[]*prim {
	v, e := n.v.Get(name), beside(n.v, name)
	if !v.IsArray() && !e.IsArray() || n.in.run.over() {
		return nil
	}
	out := make([]*prim, 0, v.Len())
	for item := range v.Items() {
		out = append(out, newPrim(n.in, item, fhir.Value{}))
	}
	i := 0
	for item := range e.Items() {
		switch {
		case i == len(out):
			out = append(out, newPrim(n.in, fhir.Value{}, item))
		case out[i] == nil:
			out[i] = newPrim(n.in, fhir.Value{}, item)
		case item.IsObject():
			out[i].p.element = item
		}
		i++
	}
	return &out
}

// resourceType is the type of a resource.
func (n *node) resourceType() prim {
	x := &primitive{raw: n.v.Get("resourceType").Raw(), in: n.in}
	x.p = x
	return x.prim
}

// matched is the search mode of what a search found.
func matched() *prim {
	x := &primitive{raw: []byte(`"match"`)}
	x.p = x
	return &x.prim
}

// MarshalJSON is the value as it was sent: a decimal keeps its digits. It never fails.
func (p prim) MarshalJSON() ([]byte, error) {
	if p.p == nil || p.p.raw == nil {
		return []byte("null"), nil
	}
	if p.p.in != nil {
		p.p.in.run.wrote(len(p.p.raw))
	}
	return p.p.raw, nil
}

// ImplementsGraphQLType lets a prim stand for every scalar.
func (prim) ImplementsGraphQLType(string) bool { return true }

// UnmarshalGraphQL refuses: a prim is never an argument.
func (prim) UnmarshalGraphQL(any) error { return fail(codeInput, "this value can't be taken") }

// Id is the element's id.
func (p *prim) Id() *prim { return p.sibling().prim("id") }

// Extension is the element's extensions.
func (p *prim) Extension(a pickExtension) *[]*tExtension {
	if p.p.in == nil {
		return nil
	}
	return picked[tExtension](p.sibling(), "extension", a.fields(), a.page)
}

func (p *prim) sibling() *node { return &node{p.p.element, p.p.in} }
