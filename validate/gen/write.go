package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// pattern is a value, or parts of one, that an element must have. All leaves are strings.
type pattern struct {
	at  string
	is  string
	all []pattern
}

func newPattern(b []byte) (*pattern, error) {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	if s, ok := v.(string); ok {
		return &pattern{is: s}, nil
	}
	all, err := patterns(v)
	return &pattern{all: all}, err
}

func patterns(v any) ([]pattern, error) {
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a pattern of %T", v)
	}
	var out []pattern
	for _, name := range slices.Sorted(maps.Keys(o)) {
		items, many := o[name].([]any)
		if !many {
			items = []any{o[name]}
		}
		for _, x := range items {
			if s, ok := x.(string); ok {
				out = append(out, pattern{at: name, is: s})
				continue
			}
			all, err := patterns(x)
			if err != nil {
				return nil, err
			}
			out = append(out, pattern{at: name, all: all})
		}
	}
	return out, nil
}

func (p pattern) write(b *bytes.Buffer) {
	b.WriteString("{")
	sep := ""
	for _, f := range [][2]string{{"at", p.at}, {"is", p.is}} {
		if f[1] != "" {
			fmt.Fprintf(b, "%s%s: %q", sep, f[0], f[1])
			sep = ", "
		}
	}
	if len(p.all) > 0 {
		fmt.Fprintf(b, "%sall: []pattern{", sep)
		for _, x := range p.all {
			x.write(b)
			b.WriteString(", ")
		}
		b.WriteString("}")
	}
	b.WriteString("}")
}

func (t *tables) writeProfiles(b *bytes.Buffer) {
	b.WriteString("var profiles = [...]profile{\n")
	for _, p := range t.profiles {
		fmt.Fprintf(b, "{url: %q, version: %q, typ: %q", p.url, p.version, p.typ)
		if p.missing != "" {
			fmt.Fprintf(b, ", missing: %q", p.missing)
		}
		if len(p.constraints) > 0 {
			fmt.Fprintf(b, ", constraints: []uint16{%s}", numbers(p.constraints))
		}
		t.writeRules(b, p.rules, p.version)
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
}

func (t *tables) writeRules(b *bytes.Buffer, rules []rule, version string) {
	if len(rules) == 0 {
		return
	}
	b.WriteString(", rules: []rule{\n")
	for _, r := range rules {
		t.writeRule(b, r, version)
		b.WriteString(",\n")
	}
	b.WriteString("}")
}

func (t *tables) writeRule(b *bytes.Buffer, r rule, version string) {
	fmt.Fprintf(b, "{at: %q", r.at)
	if r.only != "" {
		fmt.Fprintf(b, ", only: %q", r.only)
	}
	for _, f := range []struct {
		name string
		n    int
	}{{"min", r.min}, {"max", r.max + 1}, {"set", r.set}, {"targets", r.targets}, {"profile", t.profileIndex(r.profile, version)}} {
		if f.n > 0 {
			fmt.Fprintf(b, ", %s: %d", f.name, f.n)
		}
	}
	if r.want != nil {
		b.WriteString(", want: &pattern")
		r.want.write(b)
	}
	if len(r.constraints) > 0 {
		fmt.Fprintf(b, ", constraints: []uint16{%s}", numbers(r.constraints))
	}
	t.writeRules(b, r.rules, version)
	if len(r.slices) > 0 {
		b.WriteString(", slices: []slice{\n")
		for _, s := range r.slices {
			t.writeSlice(b, s, version)
		}
		b.WriteString("}")
	}
	b.WriteString("}")
}

func (t *tables) writeSlice(b *bytes.Buffer, s slice, version string) {
	fmt.Fprintf(b, "{name: %q, match: []match{", s.name)
	for _, x := range s.match {
		b.WriteString("{")
		sep := ""
		for _, f := range [][2]string{{"path", x.path}, {"only", x.only}} {
			if f[1] != "" {
				fmt.Fprintf(b, "%s%s: %q", sep, f[0], f[1])
				sep = ", "
			}
		}
		if x.want != nil {
			fmt.Fprintf(b, "%swant: &pattern", sep)
			x.want.write(b)
		} else if x.set > 0 {
			fmt.Fprintf(b, "%sset: %d", sep, x.set)
		}
		b.WriteString("}, ")
	}
	b.WriteString("}, rule: rule")
	t.writeRule(b, s.rule, version)
	b.WriteString("},\n")
}

// profileIndex is the index of a profile in the table, from 1; 0 when it is not there.
func (t *tables) profileIndex(url, version string) int {
	for _, v := range []string{version, "4.0.1"} {
		if i := slices.IndexFunc(t.profiles, func(p profile) bool { return p.url == url && p.version == v }); i >= 0 {
			return i + 1
		}
	}
	return 0
}
