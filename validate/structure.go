package validate

import (
	"strconv"
	"strings"

	"concord/fhir"
)

// maxChoices is how many elements of one shape are choices at most.
const maxChoices = 8

// chosen remembers which alternative of each choice an object has.
type chosen struct {
	names [maxChoices]string
	n     int
}

// second tells whether m is another alternative of a choice that was made before.
func (c *chosen) second(m *member) bool {
	for _, name := range c.names[:c.n] {
		if name == m.name {
			return false
		}
		if len(name) > int(m.stem) && name[:m.stem] == m.name[:m.stem] && name[m.stem] <= 'Z' {
			return true
		}
	}
	if c.n < maxChoices {
		c.names[c.n] = m.name
		c.n++
	}
	return false
}

// object validates an object of a shape: its members, and what is missing.
func (x *run) object(v fhir.Value, s *shape) {
	var seen uint32
	var choices chosen
	var doubled string
	n := 0
	for m := range v.Members() {
		if x.full {
			return
		}
		n++
		name := m.Name()
		base, extra := strings.CutPrefix(name, "_")
		d := s.find(base)
		if d == nil || extra && !d.kind.extensible() {
			if !extra && s.resource && name == "resourceType" {
				continue
			}
			x.unknown(s, base, n)
			continue
		}
		seen |= 1 << d.order
		if d.stem > 0 && doubled != d.element() && choices.second(d) {
			doubled = d.element()
			x.report(SeverityError, CodeStructure, doubled, "only one of the types of a choice may be there")
		}
		if extra {
			x.extras(v, m, d)
		} else {
			x.member(v, m, d)
		}
	}
	if n == 0 {
		x.fault(CodeStructure, "an object may not be empty")
		return
	}
	own := s.own()
	for i := range own {
		if d := &own[i]; d.order > 0 && seen&(1<<d.order) == 0 {
			seen |= 1 << d.order
			x.report(SeverityError, CodeRequired, d.element(), "at least 1 is required, by R4")
		}
	}
	for t := s; t != nil; t = t.parent() {
		x.constraints(v, s, t.constraints)
	}
	if s.name == "Extension" {
		x.extension(v)
	}
}

// unknown reports a member that s does not have, without naming it.
func (x *run) unknown(s *shape, name string, at int) {
	text := "member " + strconv.Itoa(at) + " is no element of " + s.name + " in R4"
	if near := s.near(name); near != "" {
		text += "; it is close to " + near
	}
	x.fault(CodeStructure, text)
}

// member validates what stands under the name of d in v.
func (x *run) member(v, m fhir.Value, d *member) {
	el := d.element()
	switch {
	case d.many && !m.IsArray():
		x.report(SeverityError, CodeStructure, el, "this repeats, and so must be an array")
	case !d.many && m.IsArray():
		x.report(SeverityError, CodeStructure, el, "this does not repeat, and so may be no array")
	case !d.many:
		x.enter(el, -1)
		x.item(m, d)
		x.leave()
	case m.Len() == 0:
		x.report(SeverityError, CodeStructure, el, "an array may not be empty")
	default:
		i := 0
		for item := range m.Items() {
			if x.full {
				return
			}
			x.enter(el, i)
			if d.kind.extensible() && isNull(item) {
				x.nullItem(v, d, i)
			} else {
				x.item(item, d)
			}
			x.leave()
			i++
		}
	}
}

// nullItem validates a null in an array of primitives: there must be an extension, or an id, in its place.
func (x *run) nullItem(v fhir.Value, d *member, i int) {
	// finding the i-th item is linear, but the nulls of a long array that has no other are refused at the first
	extras := v.Get("_" + d.name)
	if !extras.IsArray() {
		x.fault(CodeStructure, "null must have an extension or an id in its place")
	}
}

// extras validates the ids and extensions of primitives, m, beside their values.
func (x *run) extras(v, m fhir.Value, d *member) {
	el := d.element()
	element := shapeNamed("Element")
	if !d.many {
		x.enter(el, -1)
		if m.IsObject() {
			x.object(m, element)
		} else {
			x.fault(CodeStructure, "the extensions of a primitive must be an object")
		}
		x.leave()
		return
	}
	if !m.IsArray() {
		x.report(SeverityError, CodeStructure, el, "the extensions of a primitive that repeats must be an array")
		return
	}
	values := v.Get(d.name)
	if values.Exists() && values.IsArray() && values.Len() != m.Len() {
		x.report(SeverityError, CodeStructure, el, "the array of values and that of their extensions differ in length")
		return
	}
	var without []bool // of a value, by place
	for value := range values.Items() {
		without = append(without, isNull(value))
	}
	i := 0
	for item := range m.Items() {
		if x.full {
			return
		}
		x.enter(el, i)
		switch {
		case item.IsObject():
			x.object(item, element)
		case !isNull(item):
			x.fault(CodeStructure, "the extensions of a primitive must be an object, or null")
		case i >= len(without) || without[i]:
			x.fault(CodeStructure, "null must have a value, an extension or an id in its place")
		}
		x.leave()
		i++
	}
}

// item validates one value of d.
func (x *run) item(v fhir.Value, d *member) {
	before := len(x.issues)
	switch {
	case d.kind.primitive():
		if !x.primitive(v, d.kind) {
			return
		}
	case !v.IsObject():
		x.fault(CodeStructure, "this must be an object")
		return
	case d.kind == kindResource:
		var outer *scope
		if d.name == "contained" {
			outer = x.in
		}
		x.resource(v, outer, "")
		return
	default:
		x.object(v, d.kind.shape())
	}
	if len(x.issues) > before {
		return // one fault is told once: what is within was to have made it right
	}
	if d.set > 0 {
		x.bound(v, d.kind, d.set, "R4")
	}
	if d.targets > 0 {
		x.target(v, d.targets)
	}
	if d.constraint > 0 {
		x.constraint(v, d.kind.shape(), d.constraint)
	}
}

// extension keeps ext-1: a value or extensions, and not both.
func (x *run) extension(v fhir.Value) {
	if has(v, "extension") == hasChoice(v, "value") {
		x.fault(CodeInvariant, "an extension must have either a value or extensions (ext-1)")
	}
}

func isNull(v fhir.Value) bool { return v.Exists() && string(v.Raw()) == "null" }
