package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"concord/fhir"
)

// schema is what is written.
type schema struct {
	resources []string
	objects   []object // sorted by name
}

// object is one GraphQL object type.
type object struct {
	name   string
	owner  string // the resource type whose content it is; "" for a data type
	fields []field
	lists  []reverse
}

// kind is how a field's value is made.
type kind uint8

const (
	primitive kind = iota
	complexType
	resource // any resource: an edge
)

type field struct {
	name   string
	typ    string // GraphQL type
	kind   kind
	many   bool
	suffix bool // a primitive that can have extensions: _name is offered too
}

// reverse is a list of the resources of a type that refer to the one it stands in.
type reverse struct{ typ string }

// scalars are the GraphQL scalars of FHIR's primitive types.
func scalars() map[string]string {
	m := map[string]string{"boolean": "Boolean", "integer": "Int", "positiveInt": "Int", "unsignedInt": "Int", "string": "String", "id": "ID"}
	for _, n := range customScalars() {
		m[n] = n
	}
	return m
}

func customScalars() []string {
	return []string{"base64Binary", "canonical", "code", "date", "dateTime", "decimal", "instant", "markdown", "oid", "time", "uri", "url", "uuid", "xhtml"}
}

// focuses are the types that have reverse lists. On every type they would be most of the schema, and hardly ever used.
func focuses() []string { return []string{"Encounter", "Organization", "Patient", "Practitioner"} }

// schema collects the types that the resources need.
func (m *model) schema(resources []string) (*schema, error) {
	s := &schema{resources: slices.Clone(resources)}
	slices.Sort(s.resources)
	b := builder{m: m, done: map[string]bool{}, objects: map[string]object{}}
	for _, r := range s.resources {
		if m.types[r] == nil {
			return nil, fmt.Errorf("no definition of %s", r)
		}
		if err := b.object(r, r); err != nil {
			return nil, err
		}
	}
	if err := b.object("Element", ""); err != nil {
		return nil, err
	}
	for _, f := range focuses() {
		o, ok := b.objects[f]
		if !ok {
			continue
		}
		for _, t := range s.resources {
			if refersTo(t, f) {
				o.lists = append(o.lists, reverse{t})
			}
		}
		b.objects[f] = o
	}
	for _, n := range slices.Sorted(maps.Keys(b.objects)) {
		s.objects = append(s.objects, b.objects[n])
	}
	return s, b.collisions()
}

// refersTo tells whether some search parameter of type t may go to resources of type focus.
func refersTo(t, focus string) bool {
	for _, p := range fhir.Params(fhir.ResourceType(t)) {
		targets, ok := fhir.IncludeParam(fhir.ResourceType(t), p.Name)
		if ok && (len(targets) == 0 || slices.Contains(targets, fhir.ResourceType(focus))) {
			return true
		}
	}
	return false
}

type builder struct {
	m       *model
	done    map[string]bool
	objects map[string]object
}

// typeName is the GraphQL type of a path: "Observation.component" is ObservationComponent.
func typeName(path string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(path, ".") {
		b.WriteString(upper(part))
	}
	return b.String()
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// object makes the type of a path, and those of its children. owner is the resource that the path is in, if any.
func (b *builder) object(path, owner string) error {
	if b.done[path] {
		return nil
	}
	b.done[path] = true
	o := object{name: typeName(path), owner: owner}
	for _, e := range b.m.types[path] {
		fields, err := b.fields(path, owner, e)
		if err != nil {
			return err
		}
		o.fields = append(o.fields, fields...)
	}
	if _, ok := b.objects[o.name]; ok {
		return fmt.Errorf("two types called %s", o.name)
	}
	b.objects[o.name] = o
	return nil
}

func (b *builder) fields(path, owner string, e element) ([]field, error) {
	if e.refers != "" {
		return []field{{name: e.name, typ: typeName(e.refers), kind: complexType, many: e.many}}, b.object(e.refers, owner)
	}
	base, choice := strings.CutSuffix(e.name, "[x]")
	var out []field
	for _, t := range e.types {
		f := field{name: base, many: e.many}
		if choice {
			f.name += upper(t)
		}
		scalar, isScalar := scalars()[t]
		switch {
		case isScalar:
			f.typ, f.suffix = scalar, e.name != "id" && t != "xhtml"
			if e.name == "id" && path == owner {
				f.typ = "ID"
			}
		case t == "Resource":
			f.typ, f.kind = t, resource
		case b.m.types[path+"."+base] != nil:
			f.typ, f.kind = typeName(path+"."+base), complexType
			if err := b.object(path+"."+base, owner); err != nil {
				return nil, err
			}
		case b.m.types[t] != nil:
			f.typ, f.kind = t, complexType
			if err := b.object(t, ""); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%s.%s: no type %s", path, e.name, t)
		}
		out = append(out, f)
	}
	return out, nil
}

// collisions reports fields of one type that the binding could not tell apart: it takes no notice of case and underscores.
func (b *builder) collisions() error {
	for _, o := range b.objects {
		seen := map[string]string{}
		var names []string
		if o.owner == o.name {
			names = append(names, "resourceType")
		}
		for _, f := range o.fields {
			names = append(names, f.name)
		}
		for _, l := range o.lists {
			names = append(names, l.typ+"List")
		}
		for _, n := range names {
			k := folded(n)
			if seen[k] != "" {
				return fmt.Errorf("%s: %s and %s look alike", o.name, seen[k], n)
			}
			seen[k] = n
		}
	}
	return nil
}

func folded(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }

// argument is a search argument: the GraphQL name, and the parameter.
type argument struct{ name, param string }

// arguments are the search arguments of a type. _lastUpdated is none: not every source fills it, and who filters by it
// loses what those have.
func arguments(t string) []argument {
	seen := map[string]bool{}
	for _, n := range []string{"_sort", "_count", "_offset", "_cursor", "_reference"} {
		seen[folded(n)] = true
	}
	var out []argument
	for _, p := range fhir.Params(fhir.ResourceType(t)) {
		name := strings.ReplaceAll(p.Name, "-", "_")
		if p.Name == "_lastUpdated" || seen[folded(name)] {
			continue
		}
		seen[folded(name)] = true
		out = append(out, argument{name, p.Name})
	}
	return out
}

// filters are the elements by which items of a list are chosen, for the data types where people do.
func filters(t string) []string {
	switch t {
	case "HumanName":
		return []string{"use", "family", "text"}
	case "Identifier":
		return []string{"use", "system", "value"}
	case "ContactPoint":
		return []string{"system", "use", "value"}
	case "Address":
		return []string{"use", "type", "city", "state", "postalCode", "country"}
	case "Extension":
		return []string{"url"}
	}
	return nil
}
