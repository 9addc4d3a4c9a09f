package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// primitives are the kinds that are no objects, in the order of the product's constants.
func primitives() []string {
	return []string{"", "boolean", "integer", "unsignedInt", "positiveInt", "decimal", "string", "markdown", "code", "id", "uri", "url",
		"canonical", "oid", "uuid", "base64Binary", "date", "dateTime", "instant", "time", "xhtml", elementID, extensionURL, "Resource"}
}

// Types of our own: strings that can't be extended.
const (
	elementID    = "element id"
	extensionURL = "extension url"
)

// member is a name that an object may have.
type member struct {
	name       string // as JSON has it
	typ        string // a primitive's name, or that of a shape
	stem       int    // of a choice: how much of name is the element's name
	min, max   int    // max -1: any number
	set        int    // index of the value set, from 1
	targets    int    // index of the reference's targets, from 1
	constraint int    // index of a constraint on the element, from 1
	order      int    // place among the required ones of its shape, from 1
}

// element is the name of the element as FHIRPath has it.
func (m member) element() string {
	if m.stem > 0 {
		return m.name[:m.stem]
	}
	return m.name
}

// shape is a type, or a part of one that has elements of its own.
type shape struct {
	name, base  string
	resource    bool
	members     []member
	constraints []int
}

type constraint struct{ key, severity string }

// tables is all that is written.
type tables struct {
	shapes      []shape
	sets        []setRow
	targets     []string
	constraints []constraint
	profiles    []profile
}

// inherited are the members that shapes take from what they build on.
func inherited(base, name string) bool {
	switch name {
	case "id":
		return base != ""
	case "extension":
		return base != "" && base != "Resource"
	case "modifierExtension":
		return base == "BackboneElement" || base == "DomainResource"
	case "meta", "implicitRules", "language":
		return base == "Resource" || base == "DomainResource"
	case "text", "contained":
		return base == "DomainResource"
	}
	return false
}

// tables are those of R4 itself.
func (m *model) tables() *tables {
	t := &tables{}
	for _, d := range m.base {
		if d.Kind == "primitive-type" || d.Kind == "logical" {
			continue
		}
		t.add(m, d)
	}
	// Quantity as most elements have it, without a comparator
	t.shapes = append(t.shapes, shape{name: "SimpleQuantity", base: "Quantity", constraints: []int{t.constraint("sqt-1", "error")}})
	slices.SortFunc(t.shapes, func(a, b shape) int { return cmp.Compare(a.name, b.name) })
	return t
}

// add adds a definition's shapes: itself, and each element that has children.
func (t *tables) add(m *model, d definition) {
	byPath := map[string]*shape{}
	for i, e := range d.Snapshot.Element {
		if i == 0 || i+1 < len(d.Snapshot.Element) && strings.HasPrefix(d.Snapshot.Element[i+1].Path, e.Path+".") { // children follow
			s := &shape{name: e.Path, resource: i == 0 && d.Kind == "resource" && !d.Abstract}
			switch {
			case i > 0:
				s.base = e.Type[0].Code
			case d.BaseDefinition != "":
				s.base = strings.TrimPrefix(d.BaseDefinition, "http://hl7.org/fhir/StructureDefinition/")
			}
			switch s.base {
			case "MetadataResource":
				s.base = "DomainResource"
			case "Quantity", "Resource", "DomainResource", "BackboneElement", "Element":
			default:
				s.base = ""
			}
			for _, c := range e.Constraint {
				if generalConstraint(c.Key) && !(s.name == "DomainResource" && strings.HasPrefix(c.Key, "dom-")) {
					continue
				}
				s.constraints = append(s.constraints, t.constraint(c.Key, c.Severity))
			}
			byPath[e.Path] = s
		}
		if i > 0 {
			t.addMember(m, byPath, e)
		}
	}
	for _, s := range byPath {
		s.number()
		t.shapes = append(t.shapes, *s)
	}
}

// generalConstraint tells of invariants that are kept by the engine itself or stated once for all resources.
func generalConstraint(key string) bool {
	return key == "ele-1" || key == "ext-1" || strings.HasPrefix(key, "dom-")
}

func (t *tables) addMember(m *model, byPath map[string]*shape, e element) {
	dot := strings.LastIndexByte(e.Path, '.')
	s, name := byPath[e.Path[:dot]], e.Path[dot+1:]
	if e.Max == "0" || inherited(s.base, name) {
		return
	}
	if s.base == "Quantity" {
		return // Age and its kin have Quantity's elements
	}
	x := member{name: name, max: 1, min: *e.Min, set: t.set(m, e.Binding.set())}
	if e.Max == "*" {
		x.max = -1
	}
	if byPath[e.Path] == nil {
		for _, c := range e.Constraint {
			if !generalConstraint(c.Key) {
				x.constraint = t.constraint(c.Key, c.Severity)
			}
		}
	}
	if e.ContentReference != "" {
		x.typ = strings.TrimPrefix(e.ContentReference, "#")
		s.members = append(s.members, x)
		return
	}
	stem, choice := strings.CutSuffix(name, "[x]")
	for _, ty := range e.Type {
		y := x
		y.typ = ty.typeCode()
		switch {
		case name == "id" && (s.name == "Resource" || s.base == "Resource" || s.base == "DomainResource"):
			y.typ = "id"
		case name == "id":
			y.typ = elementID
		case s.name == "Extension" && name == "url":
			y.typ = extensionURL
		case byPath[e.Path] != nil:
			y.typ = e.Path
		case slices.ContainsFunc(ty.Profile, func(p string) bool { return strings.HasSuffix(p, "/SimpleQuantity") }):
			y.typ = "SimpleQuantity"
		}
		if y.typ == "Reference" {
			y.targets = t.target(m, ty.TargetProfile)
		}
		if choice {
			y.name, y.stem = stem+strings.ToUpper(ty.Code[:1])+ty.Code[1:], len(stem)
		}
		if !codeLike(y.typ) {
			y.set = 0
		}
		s.members = append(s.members, y)
	}
}

// codeLike tells of types that a binding can be to.
func codeLike(typ string) bool {
	return slices.Contains([]string{"code", "Coding", "CodeableConcept", "Quantity", "SimpleQuantity", "string", "uri"}, typ)
}

// number orders the members, and numbers those that are required; alternatives of a choice share a number.
func (s *shape) number() {
	slices.SortStableFunc(s.members, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	n := 0
	numbers := map[string]int{}
	for i := range s.members {
		x := &s.members[i]
		if x.min == 0 {
			continue
		}
		if numbers[x.element()] == 0 {
			n++
			numbers[x.element()] = n
		}
		x.order = numbers[x.element()]
	}
}

// target is the index of a list of resource types, from 1; 0 for any.
func (t *tables) target(m *model, profiles []string) int {
	var types []string
	for _, p := range profiles {
		typ := m.typeOf(p)
		if typ == "" || typ == "Resource" {
			return 0
		}
		types = append(types, typ)
	}
	if len(types) == 0 {
		return 0
	}
	slices.Sort(types)
	list := "|" + strings.Join(slices.Compact(types), "|") + "|"
	i := slices.Index(t.targets, list)
	if i < 0 {
		i = len(t.targets)
		t.targets = append(t.targets, list)
	}
	return i + 1
}

// typeOf is the resource type that a profile constrains; "" when it is not known.
func (m *model) typeOf(profile string) string {
	profile = unversioned(profile)
	if d, ok := m.profiles[profile]; ok {
		return d.Type
	}
	for _, d := range m.base {
		if d.URL == profile {
			return d.Type
		}
	}
	return ""
}

func (t *tables) constraint(key, severity string) int {
	c := constraint{key, severity}
	i := slices.Index(t.constraints, c)
	if i < 0 {
		i = len(t.constraints)
		t.constraints = append(t.constraints, c)
	}
	return i + 1
}

func (t *tables) shapeIndex(name string) int {
	return slices.IndexFunc(t.shapes, func(s shape) bool { return s.name == name })
}

// kind is how the product's table names a type.
func (t *tables) kind(typ string) (string, error) {
	if i := slices.Index(primitives(), typ); i > 0 {
		return fmt.Sprint(i), nil
	}
	if i := t.shapeIndex(typ); i >= 0 {
		return fmt.Sprint(len(primitives()) + i), nil
	}
	return "", fmt.Errorf("no type %s", typ)
}

func (t *tables) writeShapes(b *bytes.Buffer) {
	from := 0
	b.WriteString("var shapes = [...]shape{\n")
	for _, s := range t.shapes {
		fmt.Fprintf(b, "{name: %q", s.name)
		if s.base != "" {
			fmt.Fprintf(b, ", base: %d", t.shapeIndex(s.base)+1)
		}
		if s.resource {
			b.WriteString(", resource: true")
		}
		if len(s.members) > 0 {
			fmt.Fprintf(b, ", from: %d, to: %d", from, from+len(s.members))
		}
		if len(s.constraints) > 0 {
			fmt.Fprintf(b, ", constraints: []uint16{%s}", numbers(s.constraints))
		}
		b.WriteString("},\n")
		from += len(s.members)
	}
	b.WriteString("}\n\nvar members = [...]member{\n")
	for _, s := range t.shapes {
		for _, x := range s.members {
			kind, err := t.kind(x.typ)
			if err != nil {
				fmt.Fprintf(b, "%q\n", err) // which is no Go, and so fails
			}
			fmt.Fprintf(b, "{%q, %s, %d, %d, %d, %d, %d, %t},\n", x.name, kind, x.stem, x.order, x.set, x.targets, x.constraint, x.max < 0)
		}
	}
	b.WriteString("}\n\nvar targets = [...]string{\n")
	for _, x := range t.targets {
		fmt.Fprintf(b, "%q,\n", x)
	}
	b.WriteString("}\n\nvar constraints = [...]constraint{\n")
	for _, c := range t.constraints {
		fmt.Fprintf(b, "{%q, %t},\n", c.key, c.severity == "warning")
	}
	b.WriteString("}\n")
}

func numbers(list []int) string {
	s := make([]string, len(list))
	for i, n := range list {
		s[i] = fmt.Sprint(n)
	}
	return strings.Join(s, ", ")
}

func (t *tables) writeSets(b *bytes.Buffer) {
	b.WriteString("var valueSets = [...]valueSet{\n")
	for _, r := range t.sets {
		fmt.Fprintf(b, "{%q, []systemCodes{", r.url)
		for _, s := range r.systemCodes() {
			fmt.Fprintf(b, "{%q, %q}, ", s[0], s[1])
		}
		b.WriteString("}},\n")
	}
	b.WriteString("}\n")
}
