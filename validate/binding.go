package validate

import (
	"strings"

	"concord/fhir"
)

// valueSet is a set of codes. Without systems its codes are not known here.
type valueSet struct {
	url     string
	systems []systemCodes
}

// systemCodes are the codes of one code system, each between two bars.
type systemCodes struct{ system, codes string }

// has tells whether the code is of the set, of whatever system when system is "" and one need not be told.
func (s *valueSet) has(system, code string, needed bool) bool {
	for _, c := range s.systems {
		if (c.system == system || system == "" && !needed) && listed(c.codes, code) {
			return true
		}
	}
	return false
}

// bound keeps a required binding: v, of kind k, must be of the value set with that index, from 1. by is who says so.
func (x *run) bound(v fhir.Value, k kind, set uint16, by string) {
	s := &valueSets[set-1]
	if len(s.systems) == 0 {
		x.skippedSets[(set-1)/64] |= 1 << ((set - 1) % 64)
		return
	}
	var in bool
	child := ""
	switch name := shapeName(k); {
	case k.primitive():
		in = s.has("", v.Text(), false)
	case name == "Coding":
		in = !v.Get("code").Exists() && onlyExtended(v) || s.has(v.Get("system").Text(), v.Get("code").Text(), true)
	case name == "CodeableConcept":
		in = onlyExtended(v)
		for c := range v.Get("coding").Items() {
			in = in || s.has(c.Get("system").Text(), c.Get("code").Text(), true)
		}
		child = "coding"
	default: // a Quantity, whose unit is a code
		if v.Get("value").Exists() || v.Get("code").Exists() {
			in = s.has(v.Get("system").Text(), v.Get("code").Text(), true)
			child = "code"
		} else {
			in = true
		}
	}
	if !in {
		x.report(SeverityError, CodeCodeInvalid, child, "there is no code of the value set "+s.url+", which "+by+" requires")
	}
}

func shapeName(k kind) string {
	if s := k.shape(); s != nil {
		return s.name
	}
	return ""
}

// onlyExtended tells whether v has extensions and nothing else: a value that is said to be absent, and why.
func onlyExtended(v fhir.Value) bool {
	found := false
	for m := range v.Members() {
		switch m.Name() {
		case "extension":
			found = true
		case "id":
		default:
			return false
		}
	}
	return found
}

// target keeps the types that a reference may go to, as far as its text or its type tell.
func (x *run) target(v fhir.Value, list uint16) {
	typ := x.referred(v)
	if typ == "" || listed(targets[list-1], typ) {
		return
	}
	x.fault(CodeValue, "this may refer to "+strings.ReplaceAll(strings.Trim(targets[list-1], "|"), "|", ", ")+", and to nothing else")
}

// referred is the resource type that a reference goes to; "" when it can't be told.
func (x *run) referred(v fhir.Value) string {
	if t := v.Get("type"); t.IsString() {
		if s := shapeNamed(t.Text()); s != nil && s.resource {
			return s.name
		}
	}
	ref := v.Get("reference").Text()
	if id, local := strings.CutPrefix(ref, "#"); local {
		if s := x.containedShape(id); s != nil {
			return s.name
		}
		return ""
	}
	ref, _, _ = strings.Cut(ref, "/_history/")
	i := strings.LastIndexByte(ref, '/')
	if i <= 0 || !isID(ref[i+1:]) {
		return ""
	}
	if s := shapeNamed(ref[strings.LastIndexByte(ref[:i], '/')+1 : i]); s != nil && s.resource {
		return s.name
	}
	return ""
}

// containedShape is the shape of the contained resource with an id; nil when there is none.
func (x *run) containedShape(id string) *shape {
	if x.in.contained == nil {
		x.in.contained = map[string]*shape{}
		for c := range x.in.v.Get("contained").Items() {
			if s := shapeNamed(c.Get("resourceType").Text()); s != nil && c.Get("id").IsString() {
				x.in.contained[c.Get("id").Text()] = s
			}
		}
	}
	if id == "" {
		return x.in.shape // the resource itself
	}
	return x.in.contained[id]
}
