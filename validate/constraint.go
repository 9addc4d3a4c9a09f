package validate

import (
	"strings"

	"concord/fhir"
)

// verdict is what came of an invariant.
type verdict uint8

const (
	unknown verdict = iota // it can't be evaluated here
	holds
	broken
)

// test is the verdict of a condition that must be true.
func test(ok bool) verdict {
	if ok {
		return holds
	}
	return broken
}

// constraints evaluates the invariants of v, an object of shape s.
func (x *run) constraints(v fhir.Value, s *shape, list []uint16) {
	for _, i := range list {
		x.constraint(v, s, i)
	}
}

// constraint evaluates the invariant with that index, from 1. s is the shape of v, nil for a primitive.
func (x *run) constraint(v fhir.Value, s *shape, index uint16) {
	c := &constraints[index-1]
	typ := ""
	if s != nil {
		typ = s.name
	}
	switch x.evaluate(c.key, typ, v) {
	case unknown:
		x.skippedKeys[(index-1)/64] |= 1 << ((index - 1) % 64)
	case broken:
		severity := SeverityError
		if c.warning {
			severity = SeverityWarning
		}
		x.report(severity, CodeInvariant, "", "invariant "+c.key+" is broken")
	}
}

// evaluate looks for the key in each of the families.
func (x *run) evaluate(key, typ string, v fhir.Value) verdict {
	for _, family := range [...]func(*run, string, string, fhir.Value) verdict{
		(*run).ofTypes, (*run).ofResources, (*run).ofRecords, (*run).ofDefinitions, (*run).ofProfiles,
	} {
		if r := family(x, key, typ, v); r != unknown {
			return r
		}
	}
	return unknown
}

// has tells whether v has any of the elements, by its value or its extensions.
func has(v fhir.Value, names ...string) bool {
	for _, n := range names {
		if v.Get(n).Exists() || v.Get("_"+n).Exists() {
			return true
		}
	}
	return false
}

// hasAll tells whether v has each of the elements.
func hasAll(v fhir.Value, names ...string) bool {
	for _, n := range names {
		if !has(v, n) {
			return false
		}
	}
	return true
}

// choice is the value of a choice element, under whatever name; absent when there is none.
func choice(v fhir.Value, stem string) fhir.Value {
	for m := range v.Members() {
		name := strings.TrimPrefix(m.Name(), "_")
		if len(name) > len(stem) && name[:len(stem)] == stem && name[len(stem)] >= 'A' && name[len(stem)] <= 'Z' {
			return m
		}
	}
	return fhir.Value{}
}

func hasChoice(v fhir.Value, stem string) bool { return choice(v, stem).Exists() }

// is tells whether the string name of v is one of the words.
func is(v fhir.Value, name string, words ...string) bool {
	s := v.Get(name)
	for _, w := range words {
		if s.Is(w) {
			return true
		}
	}
	return false
}

// coded tells whether a concept, or any of a list of them, has one of the codes of the system; "" is any system.
func coded(v fhir.Value, system string, codes ...string) bool {
	for concept := range v.Items() {
		for c := range concept.Get("coding").Items() {
			if (system == "" || c.Get("system").Is(system)) && is(c, "code", codes...) {
				return true
			}
		}
	}
	return false
}

// every tells whether ok holds for each item under name.
func every(v fhir.Value, name string, ok func(fhir.Value) bool) bool {
	for item := range v.Get(name).Items() {
		if !ok(item) {
			return false
		}
	}
	return true
}

// distinct tells whether no two items under name have the same text, as text gives it; "" is not compared.
func distinct(v fhir.Value, name string, text func(fhir.Value) string) bool {
	seen := map[string]bool{}
	return every(v, name, func(item fhir.Value) bool {
		s := text(item)
		ok := s == "" || !seen[s]
		seen[s] = true
		return ok
	})
}

// textOf is the text of the element called name.
func textOf(name string) func(fhir.Value) string {
	return func(v fhir.Value) string { return v.Get(name).Text() }
}

// count is how many of the elements v has, each item of a list for one.
func count(v fhir.Value, names ...string) int {
	n := 0
	for _, name := range names {
		n += max(v.Get(name).Len(), v.Get("_"+name).Len())
	}
	return n
}
