package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The committed tables are what the definitions say.
func TestTablesAreCurrent(t *testing.T) {
	defs := filepath.Join("..", "..", "..", "shared", "data", "fhir")
	if _, err := os.Stat(defs); err != nil {
		t.Skip("the definitions of R4 and US Core are not here")
	}
	var guides []guide
	for _, v := range []string{"6.1.0", "7.0.0"} {
		guides = append(guides, guide{v, filepath.Join(defs, "us-core-"+v, "definitions")})
	}
	out := t.TempDir()
	if err := run(filepath.Join(defs, "r4"), guides, out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shapes_gen.go", "valuesets_gen.go", "profiles_gen.go"} {
		got, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the definitions give", name)
		}
	}
}

func TestExpand(t *testing.T) {
	m := &model{expansions: map[string]expansion{}, systems: map[string]codeSystem{
		"s":    {Content: "complete", Concept: []concept{{Code: "a", Concept: []concept{{Code: "b"}}}, {Code: "c"}}},
		"part": {Content: "fragment", Concept: []concept{{Code: "a"}}},
	}}
	whole := include{System: "s"}
	some := include{System: "t", Concept: []struct{ Code string }{{"x"}, {"y"}}}
	set := func(in ...include) valueSet { return valueSet{Compose: &compose{Include: in}} }
	m.sets = map[string]valueSet{
		"whole":   set(whole),
		"some":    set(some),
		"both":    set(whole, some),
		"by set":  set(include{ValueSet: []string{"both|1"}}),
		"meet":    set(include{System: "s", ValueSet: []string{"both"}}),
		"less":    {Compose: &compose{Include: []include{whole}, Exclude: []include{{System: "s", Concept: []struct{ Code string }{{"a"}}}}}},
		"part":    set(include{System: "part"}),
		"filter":  set(include{System: "s", Filter: []filter{{}}}),
		"nowhere": set(include{System: "u"}),
		"lost":    set(whole, include{ValueSet: []string{"none"}}),
		"round":   set(include{ValueSet: []string{"round"}}),
		"bare":    {},
	}
	for name, want := range map[string][]string{
		"whole": {"s a", "s b", "s c"}, "some": {"t x", "t y"}, "both": {"s a", "s b", "s c", "t x", "t y"}, "by set": {"s a", "s b", "s c", "t x", "t y"},
		"meet": {"s a", "s b", "s c"}, "less": {"s b", "s c"},
		"part": nil, "filter": nil, "nowhere": nil, "lost": nil, "round": nil, "bare": nil, "none": nil,
	} {
		var got []string
		for c := range m.expand(name) {
			got = append(got, c.system+" "+c.code)
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(name, d)
		}
	}
}

// An element of a profile overlays that of the one it builds on, slice by slice.
func TestTree(t *testing.T) {
	one := 1
	m := &model{expansions: map[string]expansion{}}
	many := func(name, typ string) member { return member{name: name, typ: typ, max: -1} }
	tb := &tables{shapes: []shape{
		{name: "Concept", members: []member{{name: "code", typ: "code", max: 1}}},
		{name: "Element", members: []member{many("extension", "Extension")}},
		{name: "Visit", members: []member{many("kind", "Concept"), {name: "whenDate", stem: 4, typ: "date", max: 1}, {name: "whenPeriod", stem: 4, typ: "Period", max: 1}}},
	}}
	parent := definition{URL: "parent", Type: "Visit", BaseDefinition: "gone"}
	parent.Differential.Element = []element{
		{ID: "Visit.kind", Min: &one, Slicing: &slicing{Rules: "open", Discriminator: []discriminator{{"value", "code"}}}},
		{ID: "Visit.kind:home", SliceName: "home", Min: &one, Max: "1"},
		{ID: "Visit.kind:home.code", fixed: []byte(`"home"`)},
	}
	child := definition{URL: "child", Type: "Visit", BaseDefinition: "parent"}
	child.Differential.Element = []element{
		{ID: "Visit.kind:home", Max: "2"},
		{ID: "Visit.kind:misnamed.code", Min: &one},
		{ID: "Visit.whenDate", Min: &one},
	}
	m.profiles = map[string]definition{"parent": parent, "child": child}
	root, missing, err := tb.tree(m, child)
	if err != nil || missing != "gone" {
		t.Fatal(missing, err)
	}
	rules, err := tb.rules(m, root, "Visit")
	if err != nil {
		t.Fatal(err)
	}
	home := &pattern{is: "home"}
	want := []rule{
		{at: "kind", min: 1, max: -1, slices: []slice{{name: "home", match: []match{{path: "code", want: home}},
			rule: rule{at: "kind", min: 1, max: 2, rules: []rule{{at: "code", min: 1, max: -1, want: home}}}}}},
		{at: "when", only: "|whenDate|", min: 1, max: -1},
	}
	if d := cmp.Diff(want, rules, cmp.AllowUnexported(rule{}, slice{}, match{}, pattern{})); d != "" {
		t.Error(d)
	}
	for name, e := range map[string]element{
		"no such element": {ID: "Visit.nothing"},
		"a number":        {ID: "Visit.kind", fixed: []byte(`1`)},
		"closed":          {ID: "Visit.kind", Slicing: &slicing{Rules: "closed"}},
		"no slicing":      {ID: "Visit.kind.code:x", SliceName: "x"},
	} {
		d := definition{URL: "bad", Type: "Visit"}
		d.Differential.Element = []element{e}
		root, _, err := tb.tree(m, d)
		if err == nil {
			_, err = tb.rules(m, root, "Visit")
		}
		if (err == nil) != (name == "no slicing") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPattern(t *testing.T) {
	p, err := newPattern([]byte(`{"coding":[{"system":"s","code":"a"},{"code":"b"}],"text":"t"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &pattern{all: []pattern{
		{at: "coding", all: []pattern{{at: "code", is: "a"}, {at: "system", is: "s"}}},
		{at: "coding", all: []pattern{{at: "code", is: "b"}}},
		{at: "text", is: "t"},
	}}
	if d := cmp.Diff(want, p, cmp.AllowUnexported(pattern{})); d != "" {
		t.Error(d)
	}
}
