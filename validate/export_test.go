package validate

import (
	"strings"

	"concord/fhir"
)

// What tests need of the tables.

// Member is a member of a shape.
type Member struct {
	Name, Element, Type   string // Type is a primitive's name or a shape's
	Primitive             bool
	Many, Required, Bound bool
	System, Code          string // one of the value set that it is bound to, if its codes are known
}

var kindNames = [...]string{"", "boolean", "integer", "unsignedInt", "positiveInt", "decimal", "string", "markdown", "code", "id", "uri", "url",
	"canonical", "oid", "uuid", "base64Binary", "date", "dateTime", "instant", "time", "xhtml", "string", "uri", "Resource"}

// ResourceTypes are the resource types that are known.
func ResourceTypes() []string {
	var out []string
	for i := range shapes {
		if shapes[i].resource {
			out = append(out, shapes[i].name)
		}
	}
	return out
}

// Members are those of a shape, inherited ones too.
func Members(name string) []Member {
	var out []Member
	for s := shapeNamed(name); s != nil; s = s.parent() {
		for _, m := range s.own() {
			x := Member{Name: m.name, Element: m.element(), Many: m.many, Required: m.order > 0, Primitive: m.kind < firstShape}
			if x.Primitive {
				x.Type = kindNames[m.kind]
			} else {
				x.Type = m.kind.shape().name
			}
			if m.set > 0 {
				x.Bound = true
				if list := valueSets[m.set-1].systems; len(list) > 0 {
					x.System = list[0].system
					x.Code, _, _ = strings.Cut(list[0].codes[1:], "|")
				}
			}
			out = append(out, x)
		}
	}
	return out
}

// EvaluatedKeys are the keys of the invariants that can be evaluated, and the rest.
func EvaluatedKeys() (evaluated, rest []string) {
	x := &run{in: &scope{}}
	for _, c := range constraints {
		if x.evaluate(c.key, "", fhir.Value{}) != unknown {
			evaluated = append(evaluated, c.key)
		} else {
			rest = append(rest, c.key)
		}
	}
	return evaluated, rest
}

// Faults are what is wrong with the tables themselves.
func Faults() []string {
	var out []string
	for i := range shapes {
		s := &shapes[i]
		var stems []string
		for j, m := range s.own() {
			if m.order > 31 {
				out = append(out, s.name+" requires more than fit")
			}
			if j > 0 && s.own()[j-1].name >= m.name {
				out = append(out, s.name+"."+m.name+" is out of order")
			}
			if m.stem > 0 && (len(stems) == 0 || stems[len(stems)-1] != m.element()) {
				stems = append(stems, m.element())
			}
			if s.base == 0 && len(s.name) > 0 && m.order > 0 && (s.name == "Element" || s.name == "Resource") {
				out = append(out, s.name+" requires what its heirs do not look for")
			}
		}
		if len(stems) > maxChoices {
			out = append(out, s.name+" has too many choices")
		}
		if i > 0 && shapes[i-1].name >= s.name {
			out = append(out, s.name+" is out of order")
		}
		if p := s.parent(); p != nil {
			for _, m := range p.own() {
				if m.order > 0 {
					out = append(out, p.name+" requires what its heirs do not look for")
				}
			}
		}
	}
	return out
}
