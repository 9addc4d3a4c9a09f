package main

import (
	"cmp"
	"fmt"
	"log"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// param is one search parameter of one resource type.
type param struct {
	Name, Kind string
	Targets    []string // of a reference; empty for any
	Patient    bool
	Paths      []path
}

// path is one way to the values of a parameter, by the names of members as JSON has them.
type path struct {
	Form              string
	At                string
	List, Member, Has string // at List, only the items whose Member is Has count; At goes on from there
	Systems           []string
}

type searchParameter struct {
	Code, Type, Expression string
	Base, Target           []string
}

const common = "Resource"

// readParams is the parameters of each type, by type. Those under "Resource" are common to all.
func readParams(m *model, search, extra string) (map[string][]param, error) {
	all, err := readBundle[searchParameter](search, "SearchParameter")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(extra, "searchparameter-*.json"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		var s searchParameter
		if err := load(f, &s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	out := map[string][]param{}
	for _, s := range all {
		for _, base := range s.Base {
			known := func(p param) bool { return p.Name == s.Code }
			if base == "DomainResource" || slices.ContainsFunc(out[base], known) || s.Code[0] == '_' && base != common {
				continue
			}
			if p, ok := m.param(base, s); ok {
				out[base] = append(out[base], p)
			}
		}
	}
	for t := range out {
		slices.SortFunc(out[t], func(a, b param) int { return cmp.Compare(a.Name, b.Name) })
	}
	return out, nil
}

func (m *model) param(base string, s searchParameter) (param, bool) {
	p := param{Name: s.Code, Kind: s.Type}
	if s.Type == "reference" {
		p.Targets = slices.Clone(s.Target)
	}
	if base == "Patient" && s.Code == "deceased" {
		p.Paths = []path{{Form: "Deceased"}} // FHIRPath that is no path: an absent element is a value too
		return p, true
	}
	if s.Type == "composite" || s.Type == "special" || s.Code == "phonetic" { // sounds are no path either
		return p, false
	}
	for _, x := range strings.Split(s.Expression, "|") {
		paths, err := m.paths(base, s.Type, &p, strings.TrimSpace(x))
		if err != nil {
			log.Printf("left out: %s %s: %v", base, s.Code, err)
			return p, false
		}
		for _, q := range paths {
			if !slices.ContainsFunc(p.Paths, func(o path) bool { return o.At == q.At && o.Has == q.Has && o.List == q.List }) {
				p.Paths = append(p.Paths, q)
			}
		}
	}
	if len(p.Paths) == 0 {
		if s.Expression != "" {
			log.Printf("left out: %s %s: no path", base, s.Code)
		}
		return p, false
	}
	if s.Type == "reference" {
		if len(p.Targets) > 100 {
			p.Targets = nil
		}
		slices.Sort(p.Targets)
		patients := len(p.Targets) == 0 || slices.Contains(p.Targets, "Patient")
		p.Patient = patients && (s.Code == "patient" || s.Code == "subject" || len(p.Targets) == 1 && base != "Patient")
	}
	return p, true
}

var (
	asType    = regexp.MustCompile(`^\(?([\w.]+?)(?:\.ofType\((\w+)\)|\.as\((\w+)\)|\s+as\s+(\w+))\)?$`)
	resolveIs = regexp.MustCompile(`\.where\(resolve\(\) is (\w+)\)`)
	whereIs   = regexp.MustCompile(`^([\w.]+)\.where\((\w+)\s*=\s*'([^']*)'\)(?:\.([\w.]+))?$`)
)

// paths reads one alternative of an expression: nothing when it is of another type.
func (m *model) paths(base, kind string, p *param, x string) (out []path, err error) {
	x = strings.TrimSpace(x)
	if r := resolveIs.FindStringSubmatch(x); r != nil {
		x, p.Targets = strings.Replace(x, r[0], "", 1), []string{r[1]}
	}
	var only string
	if g := asType.FindStringSubmatch(x); g != nil {
		x, only = g[1], g[2]+g[3]+g[4]
	}
	var q path
	rest := x
	if g := whereIs.FindStringSubmatch(x); g != nil {
		q.List, q.Member, q.Has, rest = g[1], g[2], g[3], g[4]
		if q.List, rest, err = unbase(base, q.List, rest); err != nil || q.List == "" {
			return nil, err
		}
	} else {
		at, ok := strings.CutPrefix(x, base+".")
		switch {
		case ok:
			rest = at
		case strings.Contains(x, "."):
			return nil, nil // of another base
		}
	}
	steps := strings.Split(rest, ".")
	if q.List != "" {
		steps = append(strings.Split(q.List, "."), steps...)
		if rest == "" {
			steps = strings.Split(q.List, ".")
		}
	}
	leaves, err := m.resolve(base, steps, only)
	if err != nil {
		return nil, err
	}
	for _, l := range leaves {
		form := formOf(kind, l.typ)
		if form == "" {
			continue
		}
		o := q
		o.Form, o.At, o.Systems = form, l.at, nil
		if q.List != "" {
			o.At = strings.TrimPrefix(strings.TrimPrefix(l.at, q.List), ".")
		}
		if form == "Code" {
			o.Systems = l.systems
		}
		out = append(out, o)
	}
	return out, nil
}

// unbase takes base off a list's path; "" when it is of another base.
func unbase(base, list, rest string) (string, string, error) {
	at, ok := strings.CutPrefix(list, base+".")
	if !ok {
		return "", rest, nil
	}
	if strings.ContainsAny(rest, "()'") {
		return "", rest, fmt.Errorf("no simple path")
	}
	return at, rest, nil
}

type leaf struct {
	at, typ string
	systems []string
}

// resolve follows steps from base and gives each concrete element that they end at.
func (m *model) resolve(base string, steps []string, only string) ([]leaf, error) {
	cur, at := base, ""
	for i, s := range steps {
		if s == "" || strings.ContainsAny(s, "()[]'= ") {
			return nil, fmt.Errorf("no simple path")
		}
		e, name, err := m.step(cur, s)
		if err != nil {
			return nil, err
		}
		if name == "" { // a choice
			if i < len(steps)-1 {
				return nil, fmt.Errorf("%s is a choice on the way", s)
			}
			return choice(at, s, e, only), nil
		}
		at = strings.TrimPrefix(at+"."+name, ".")
		if i == len(steps)-1 {
			out := make([]leaf, 0, 1)
			for _, t := range e.Types {
				if only == "" || only == t {
					out = append(out, leaf{at, t, e.Systems})
				}
			}
			return out, nil
		}
		switch {
		case e.Refers != "":
			cur = e.Refers
		case len(e.Types) == 1 && (e.Types[0] == "BackboneElement" || e.Types[0] == "Element"):
			cur += "." + s
		case len(e.Types) == 1:
			cur = e.Types[0]
		default:
			return nil, fmt.Errorf("%s has no one type", s)
		}
	}
	return nil, nil
}

// step is the element called s within cur. Its name is "" when it is a choice of types that s does not settle.
func (m *model) step(cur, s string) (element, string, error) {
	if e, ok := m.elements[cur+"."+s]; ok {
		return e, s, nil
	}
	if e, ok := m.elements[cur+"."+s+"[x]"]; ok {
		return e, "", nil
	}
	for i := 1; i < len(s); i++ { // valueDateTime is value[x] of type dateTime
		if e, ok := m.elements[cur+"."+s[:i]+"[x]"]; ok {
			for _, t := range e.Types {
				if upper(t) == s[i:] {
					return element{Types: []string{t}, Targets: e.Targets, Systems: e.Systems}, s, nil
				}
			}
		}
	}
	return element{}, "", fmt.Errorf("no element %s.%s", cur, s)
}

func choice(at, s string, e element, only string) []leaf {
	var out []leaf
	for _, t := range e.Types {
		if only == "" || only == t {
			out = append(out, leaf{strings.TrimPrefix(at+"."+s+upper(t), "."), t, e.Systems})
		}
	}
	return out
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// formOf is how a parameter of the kind reads an element of the type; "" when it can't.
func formOf(kind, typ string) string {
	forms := map[string]map[string]string{
		"token": {"CodeableConcept": "Concept", "Coding": "Coding", "Identifier": "Identifier", "ContactPoint": "Contact", "boolean": "Boolean",
			"code": "Code", "string": "Code", "id": "Code", "uri": "Code", "url": "Code", "canonical": "Code", "oid": "Code",
			"integer": "Code", "positiveInt": "Code", "unsignedInt": "Code", "dateTime": "", "Period": ""},
		"string": {"string": "String", "markdown": "String", "HumanName": "Name", "Address": "Address", "CodeableConcept": "Text"},
		"date":   {"date": "Date", "dateTime": "Date", "instant": "Date", "Period": "Period", "Timing": "Timing"},
		"quantity": {"Quantity": "Quantity", "Age": "Quantity", "Duration": "Quantity", "Count": "Quantity", "Distance": "Quantity", "Money": "Money",
			"Range": "Range"},
		"number":    {"integer": "Number", "decimal": "Number", "positiveInt": "Number", "unsignedInt": "Number", "Range": "Range"},
		"reference": {"Reference": "Reference", "canonical": "Canonical", "uri": "Canonical"},
		"uri":       {"uri": "URI", "url": "URI", "canonical": "URI", "oid": "URI"},
	}
	return forms[kind][typ]
}
