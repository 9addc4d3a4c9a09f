package graphql

import "concord/fhir"

// instance is a resource that is in the answer: one that the edges let through. What stands in it may be shown with it.
type instance struct {
	run   *run
	res   fhir.Resource
	outer *instance // the resource that it is contained in; nil for one of its own
}

// name is the public name of the resource that can be asked for: that of the outer one, for one that is contained.
func (in *instance) name() Name {
	for in.outer != nil {
		in = in.outer
	}
	return Name{in.res.Type(), in.res.ID()}
}

// node is an element of a resource, or a resource: what each generated type is.
type node struct {
	v  fhir.Value
	in *instance
}

// is tells whether a resource is of the type.
func (n *node) is(typ string) bool { return n.v.Get("resourceType").Is(typ) }

// whole tells whether n is the resource itself.
func (n *node) whole() bool { return n.v == n.in.res.Value }

// child is the complex element of that name, or nil.
func (n *node) child(name string) *node {
	v := n.v.Get(name)
	if !v.IsObject() {
		return nil
	}
	return &node{v, n.in}
}

// elements is what every generated type has at its base.
type elements interface {
	~struct {
		v  fhir.Value
		in *instance
	}
}

// list is the complex elements of a list, or nil where there is none. After the request has ended it is empty: nobody
// will see it.
func list[T elements](n *node, name string) *[]*T {
	v := n.v.Get(name)
	if !v.IsArray() && !v.IsObject() || n.in.run.over() {
		return nil
	}
	k := v.Len()
	all := make([]T, 0, k)
	out := make([]*T, 0, k)
	for item := range v.Items() {
		if !item.IsObject() {
			out = append(out, nil)
			continue
		}
		all = append(all, T(node{item, n.in}))
		out = append(out, &all[len(all)-1])
	}
	return &out
}

// page is which items of a list are wanted, after they were chosen.
type page struct {
	Count  *int32
	Offset *int32
}

// bounds are the first item and the one behind the last, of n.
func (p page) bounds(n int) (from, to int) {
	from, to = 0, n
	if p.Offset != nil {
		from = min(max(int(*p.Offset), 0), n)
	}
	if p.Count != nil {
		to = min(from+max(int(*p.Count), 0), n)
	}
	return from, to
}

// wanted is an argument that chooses items: those whose member of that name has the value. nil chooses all.
type wanted struct {
	member string
	value  *string
}

// picked is list with the items that the arguments choose (FHIR GraphQL, list navigation).
func picked[T elements](n *node, name string, want []wanted, p page) *[]*T {
	v := n.v.Get(name)
	if !v.IsArray() && !v.IsObject() || n.in.run.over() {
		return nil
	}
	out := []*T{}
next:
	for item := range v.Items() {
		for _, w := range want {
			if w.value != nil && item.Get(w.member).Text() != *w.value {
				continue next
			}
		}
		if item.IsObject() {
			x := T(node{item, n.in})
			out = append(out, &x)
		}
	}
	from, to := p.bounds(len(out))
	out = out[from:to]
	return &out
}

// edges makes nodes of a generated type.
func edges[T elements](nodes []node, err error) (*[]*T, error) {
	if err != nil {
		return nil, err
	}
	all := make([]T, len(nodes))
	out := make([]*T, len(nodes))
	for i, n := range nodes {
		all[i] = T(n)
		out[i] = &all[i]
	}
	return &out, nil
}
