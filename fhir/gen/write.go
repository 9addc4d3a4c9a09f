package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func writeTypes(b *bytes.Buffer, m *model) {
	b.WriteString("func knownType(t string) bool {\nswitch t {\ncase ")
	for i, t := range m.resources {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(b, "%q", t)
	}
	b.WriteString(":\nreturn true\n}\nreturn false\n}\n")
}

func writeParams(b *bytes.Buffer, params map[string][]param) {
	b.WriteString("// searchParams is the parameters of each type, sorted by type and name. Those of Resource are common to all.\n")
	b.WriteString("var searchParams = [...]typeParams{\n")
	for _, t := range slices.Sorted(maps.Keys(params)) {
		fmt.Fprintf(b, "{%q, []param{\n", t)
		for _, p := range params[t] {
			writeParam(b, p)
		}
		b.WriteString("}},\n")
	}
	b.WriteString("}\n")
}

func writeParam(b *bytes.Buffer, p param) {
	fmt.Fprintf(b, "{name: %q, kind: Kind%s", p.Name, kindName(p.Kind))
	if len(p.Targets) > 0 {
		fmt.Fprintf(b, ", targets: []ResourceType{%s}", quoted(p.Targets))
	}
	if p.Patient {
		b.WriteString(", patient: true")
	}
	b.WriteString(", paths: []path{")
	for i, q := range p.Paths {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, "{form: form%s, at: %q", q.Form, q.At)
		if q.List != "" {
			fmt.Fprintf(b, ", list: %q, member: %q, has: %q", q.List, q.Member, q.Has)
		}
		if len(q.Systems) > 0 {
			fmt.Fprintf(b, ", systems: []string{%s}", quoted(q.Systems))
		}
		b.WriteString("}")
	}
	b.WriteString("}},\n")
}

func kindName(k string) string {
	if k == "uri" {
		return "URI"
	}
	return upper(k)
}

func quoted(s []string) string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = fmt.Sprintf("%q", s[i])
	}
	return strings.Join(out, ", ")
}

func writeCompartment(b *bytes.Buffer, links []link) {
	b.WriteString("// patientLinks is where a resource of each type refers to the patients in whose compartment it is, sorted by type.\n")
	b.WriteString("var patientLinks = [...]typeLinks{\n")
	for _, l := range links {
		fmt.Fprintf(b, "{%q, []string{%s}},\n", l.typ, quoted(l.paths))
	}
	b.WriteString("}\n")
}
