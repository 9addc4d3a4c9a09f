package main

import (
	"fmt"
	"log"
	"slices"
	"strings"
)

const usCore = "http://hl7.org/fhir/us/core/StructureDefinition/"

// node is what a profile and those that it builds on say of one element, or of one slice of it.
type node struct {
	name        string // as the path has it, without [x]
	slice       string
	only        []string // names of a choice that are allowed; nil for all
	min         int      // -1: not said
	max         string
	types       []elementType
	want        []byte // fixed or pattern, JSON
	set         string
	constraints []struct{ Key, Severity string }
	by          []discriminator
	children    []*node
	slices      []*node
}

// child finds or makes a child.
func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	c := &node{name: name, min: -1}
	n.children = append(n.children, c)
	return c
}

// part finds a slice. One that is new is made when it is being declared; otherwise an id that names none means the last.
func (n *node) part(name string, declared bool) *node {
	for _, s := range n.slices {
		if s.slice == name {
			return s
		}
	}
	if !declared && len(n.slices) > 0 {
		return n.slices[len(n.slices)-1]
	}
	s := &node{name: n.name, slice: name, min: -1}
	n.slices = append(n.slices, s)
	return s
}

// overlay puts what e says over what was said.
func (n *node) overlay(e element) error {
	if e.Min != nil {
		n.min = *e.Min
	}
	if e.Max != "" {
		n.max = e.Max
	}
	if len(e.Type) > 0 {
		n.types = e.Type
	}
	if e.fixed != nil {
		n.want = e.fixed
	}
	if e.pattern != nil {
		n.want = e.pattern
	}
	if e.Binding != nil {
		n.set = e.Binding.set()
	}
	for _, c := range e.Constraint {
		if !slices.Contains(n.constraints, c) {
			n.constraints = append(n.constraints, c)
		}
	}
	if e.Slicing != nil && len(e.Slicing.Discriminator) > 0 {
		n.by = e.Slicing.Discriminator
	}
	if e.Slicing != nil && e.Slicing.Rules != "open" {
		return fmt.Errorf("%s: slices that are not open can't be expressed", e.ID)
	}
	return nil
}

// tree is what a profile and its bases say. missing is a base that is not known.
func (t *tables) tree(m *model, d definition) (root *node, missing string, err error) {
	root = &node{name: d.Type, min: -1}
	if base, ok := m.profiles[d.BaseDefinition]; ok {
		if root, missing, err = t.tree(m, base); err != nil {
			return nil, "", err
		}
	} else if m.typeOf(d.BaseDefinition) == "" {
		missing = d.BaseDefinition
	}
	for _, e := range d.Differential.Element {
		n, shape := root, d.Type
		parts := strings.Split(e.ID, ".")[1:]
		for i, part := range parts {
			name, slice, _ := strings.Cut(part, ":")
			stem, typ, only := t.resolve(shape, name)
			if stem == "" {
				return nil, "", fmt.Errorf("%s: no element %s", d.URL, e.ID)
			}
			n, shape = n.child(stem), typ
			if only != "" {
				n.only = []string{only}
			}
			if slice != "" {
				n = n.part(slice, i == len(parts)-1)
				if _, of, one := t.resolve(shape, slice); one != "" && strings.HasSuffix(name, "[x]") {
					shape = of
				}
			}
		}
		if err := n.overlay(e); err != nil {
			return nil, "", err
		}
	}
	return root, missing, nil
}

// resolve finds an element of a shape by the name that a path has: the element's own name, its type's shape (the last,
// of a choice), and the one name that is meant when the path names a type.
func (t *tables) resolve(shape, name string) (stem, typ, only string) {
	stem, choice := strings.CutSuffix(name, "[x]")
	for _, x := range t.membersOf(shape) {
		switch {
		case choice && x.stem > 0 && x.element() == stem, !choice && x.stem == 0 && x.name == name:
			return stem, x.typ, ""
		case !choice && x.stem > 0 && x.name == name:
			return x.element(), x.typ, name
		}
	}
	return "", "", ""
}

// membersOf is all members of a shape, with those that it inherits. A primitive has an Element's.
func (t *tables) membersOf(name string) []member {
	i := t.shapeIndex(name)
	if i < 0 {
		name = "Element"
		i = t.shapeIndex(name)
	}
	s := t.shapes[i]
	if s.base == "" {
		return s.members
	}
	return slices.Concat(s.members, t.membersOf(s.base))
}

// profile is a row of the table.
type profile struct {
	url, version, typ, missing string
	constraints                []int
	rules                      []rule
}

// rule is what a profile says of one element beyond what R4 says.
type rule struct {
	at          string
	only        string
	min         int
	max         int // -1: not said
	want        *pattern
	set         int
	profile     string // URL of the extension's profile
	targets     int
	constraints []int
	rules       []rule
	slices      []slice
}

// slice is a rule for those items that match.
type slice struct {
	name  string
	match []match
	rule  rule
}

// match is one test of whether an item is of a slice.
type match struct {
	path string // "" for the item itself
	want *pattern
	set  int
	only string // names that the item may stand under
}

// addProfiles adds the guide's profiles, R4's vital signs, and the extensions of R4 that they use.
func (t *tables) addProfiles(m *model, version string) error {
	var urls []string
	for url := range m.profiles {
		if strings.HasPrefix(url, usCore) {
			urls = append(urls, url)
		}
	}
	slices.Sort(urls)
	urls = append(urls, vitalSignsURL)
	for i := 0; i < len(urls); i++ { // grows while it is read
		d, v := m.profiles[urls[i]], version
		if !strings.HasPrefix(d.URL, usCore) {
			v = "4.0.1"
		}
		if slices.ContainsFunc(t.profiles, func(p profile) bool { return p.url == d.URL && p.version == v }) {
			continue
		}
		root, missing, err := t.tree(m, d)
		if err != nil {
			return err
		}
		p := profile{url: d.URL, version: v, typ: d.Type, missing: missing}
		for _, c := range root.constraints {
			p.constraints = append(p.constraints, t.constraint(c.Key, c.Severity))
		}
		if p.rules, err = t.rules(m, root, d.Type); err != nil {
			return fmt.Errorf("%s: %w", d.URL, err)
		}
		t.profiles = append(t.profiles, p)
		for _, u := range uses(p.rules) {
			if _, known := m.profiles[u]; known && !slices.Contains(urls, u) {
				urls = append(urls, u)
			}
		}
	}
	return nil
}

// uses is the extension profiles that rules name.
func uses(rules []rule) []string {
	var out []string
	for _, r := range rules {
		if r.profile != "" {
			out = append(out, r.profile)
		}
		out = append(out, uses(r.rules)...)
		for _, s := range r.slices {
			out = append(out, uses([]rule{s.rule})...)
		}
	}
	return out
}

// rules is what the children of n say beyond R4; those that say nothing are left out.
func (t *tables) rules(m *model, n *node, shape string) ([]rule, error) {
	var out []rule
	for _, c := range n.children {
		r, err := t.rule(m, c, shape)
		if err != nil {
			return nil, err
		}
		if r.says() {
			out = append(out, r)
		}
	}
	return out, nil
}

func (r rule) says() bool {
	return r.only != "" || r.min > 0 || r.max >= 0 || r.want != nil || r.set > 0 || r.profile != "" || r.targets > 0 ||
		len(r.constraints)+len(r.rules)+len(r.slices) > 0
}

func (t *tables) rule(m *model, n *node, shape string) (rule, error) {
	var rows []member
	for _, x := range t.membersOf(shape) {
		if x.element() == n.name {
			rows = append(rows, x)
		}
	}
	if len(rows) == 0 {
		return rule{}, fmt.Errorf("no element %s of %s", n.name, shape)
	}
	r, typ, err := t.ownRule(m, n, rows)
	if err != nil {
		return rule{}, err
	}
	if r.rules, err = t.rules(m, n, typ); err != nil {
		return rule{}, err
	}
	by := n.by
	if len(by) == 0 && n.name == "extension" {
		by = []discriminator{{"value", "url"}}
	}
	for _, s := range n.slices {
		sr, typ, err := t.ownRule(m, s, rows)
		if err != nil {
			return rule{}, err
		}
		if sr.rules, err = t.rules(m, s, typ); err != nil {
			return rule{}, err
		}
		sr.min, sr.max = max(s.min, 0), maximum(s.max)
		x := slice{name: s.slice, rule: sr}
		for _, d := range by {
			y, err := t.match(m, s, rows, d)
			if err != nil {
				return rule{}, fmt.Errorf("slice %s by %s %s: %w", s.slice, d.Type, d.Path, err)
			}
			x.match = append(x.match, y)
		}
		if slices.ContainsFunc(x.match, func(y match) bool { return y.set > 0 && t.sets[y.set-1].codes == nil }) {
			log.Printf("left out: slice %s of %s.%s: its value set is not known", s.slice, shape, n.name)
			continue
		}
		if len(by) == 1 && by[0].Path == "$this" { // to match is to have it
			x.rule.want, x.rule.only = nil, ""
			if n.name != "extension" && x.match[0].set > 0 {
				x.rule.set = 0
			}
		}
		r.slices = append(r.slices, x)
	}
	return r, nil
}

func maximum(s string) int {
	n := -1
	if _, err := fmt.Sscan(s, &n); err != nil {
		return -1
	}
	return n
}

// ownRule is what n says of itself, and the shape of what is in it.
func (t *tables) ownRule(m *model, n *node, rows []member) (rule, string, error) {
	r, base, typ := rule{at: n.name, max: -1}, rows[0], rows[0].typ
	if n.min > base.min {
		r.min = n.min
	}
	if x := maximum(n.max); x >= 0 && (base.max < 0 || x < base.max) {
		r.max = x
	}
	var names []string
	for _, x := range rows {
		if len(n.only) > 0 && !slices.Contains(n.only, x.name) ||
			len(n.types) > 0 && x.stem > 0 && !slices.ContainsFunc(n.types, func(e elementType) bool { return strings.EqualFold(x.name[x.stem:], e.Code) }) {
			continue
		}
		names = append(names, x.name)
		typ = x.typ
	}
	if len(names) == 0 {
		return r, "", fmt.Errorf("%s: no type is left", n.name)
	}
	if len(names) < len(rows) {
		r.only = "|" + strings.Join(names, "|") + "|"
	}
	if n.want != nil {
		p, err := newPattern(n.want)
		if err != nil {
			return r, "", fmt.Errorf("%s: %w", n.name, err)
		}
		r.want = p
	}
	if set := t.set(m, n.set); set != base.set {
		r.set = set
	}
	for _, c := range n.constraints {
		r.constraints = append(r.constraints, t.constraint(c.Key, c.Severity))
	}
	for _, e := range n.types {
		switch {
		case e.Code == "Extension" && len(e.Profile) > 0:
			r.profile = e.Profile[0]
		case e.Code == "Reference":
			i := slices.IndexFunc(rows, func(x member) bool { return x.typ == "Reference" })
			if x := t.target(m, e.TargetProfile); i >= 0 && x != rows[i].targets {
				r.targets = x
			}
		}
	}
	return r, typ, nil
}

// match is how a discriminator tells the items of slice s.
func (t *tables) match(m *model, s *node, rows []member, d discriminator) (match, error) {
	if d.Type == "type" && d.Path == "$this" {
		r, _, err := t.ownRule(m, s, rows)
		return match{only: r.only}, err
	}
	if d.Type != "value" && d.Type != "pattern" {
		return match{}, fmt.Errorf("discriminator %s is not known", d.Type)
	}
	if d.Path == "url" && len(s.types) > 0 && len(s.types[0].Profile) > 0 {
		return match{path: "url", want: &pattern{is: s.types[0].Profile[0]}}, nil
	}
	n, out := s, match{}
	if d.Path != "$this" {
		out.path = d.Path
		for _, name := range strings.Split(d.Path, ".") {
			n = n.child(name)
		}
	}
	switch {
	case n.want != nil:
		p, err := newPattern(n.want)
		out.want = p
		return out, err
	case n.set != "":
		if d.Path != "$this" || rows[0].typ != "CodeableConcept" {
			return out, fmt.Errorf("a value set tells concepts apart, and nothing else")
		}
		out.set = t.set(m, n.set)
		return out, nil
	}
	return out, fmt.Errorf("nothing to tell it by")
}
