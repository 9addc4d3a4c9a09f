package fhir

import (
	"iter"
	"log/slog"
	"sort"
)

// ResourceType is the name of an R4 resource type, such as "Observation". It holds no PHI.
type ResourceType string

// Resource is one R4 resource as it was sent, and an index into its bytes. It is PHI and prints as nothing but its type.
// The zero Resource has no type, no id and no elements. Resources of one document share its bytes and never change them.
type Resource struct{ Value }

// Parse indexes one resource, which must be an object with a string resourceType. Its error is a *ParseError.
// The resource keeps b, which must not change any more.
func Parse(b []byte, lim Limits) (Resource, error) {
	v, err := ParseValue(b, lim)
	if err != nil {
		return Resource{}, err
	}
	r := Resource{v}
	if n := len(v.d.heads) - 1; n > 0 && v.d.heads[n-1].node == 0 { // it ends last
		r.head = uint32(n)
	}
	if r.Type() == "" {
		return Resource{}, &ParseError{Reason: NotAResource}
	}
	return r, nil
}

// Type is resourceType, or "" when it is not there.
func (r Resource) Type() ResourceType {
	if r.head != 0 {
		return r.d.types[r.d.heads[r.head-1].typ]
	}
	if !r.IsObject() {
		return ""
	}
	nodes := r.d.nodes
	for j, end := r.n+1, nodes[r.n].next; j < end; j = nodes[j].next {
		if nodes[j].tag&typeName != 0 {
			return ResourceType(Value{d: r.d, n: j}.Text())
		}
	}
	return ""
}

// ID is the logical id, byte for byte, or "" when it is not there. It is PHI.
func (r Resource) ID() string {
	if v := r.Get("id"); v.IsString() {
		return v.Text()
	}
	return ""
}

// References is every string named "reference" within the resource, contained resources and extensions included: each
// Reference.reference. In R4 no other string element has that name.
func (r Resource) References() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if r.d == nil {
			return
		}
		refs, end := r.d.refs, r.d.nodes[r.n].next
		for i := sort.Search(len(refs), func(i int) bool { return refs[i] > r.n }); i < len(refs) && refs[i] < end; i++ {
			if !yield(Value{d: r.d, n: refs[i]}) {
				return
			}
		}
	}
}

// String is the type, and nothing of the content.
func (r Resource) String() string { return string(r.Type()) + redacted }

// LogValue is the type, and nothing of the content.
func (r Resource) LogValue() slog.Value { return slog.StringValue(r.String()) }
