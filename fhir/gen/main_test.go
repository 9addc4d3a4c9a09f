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
	r4 := func(name string) string { return filepath.Join(defs, "r4", name+".json.gz") }
	if _, err := os.Stat(r4("search-parameters")); err != nil {
		t.Skip("the definitions of R4 are not here")
	}
	out := t.TempDir()
	err := run(r4("search-parameters"), r4("profiles-resources"), r4("profiles-types"), r4("valuesets"), r4("compartmentdefinition-patient"),
		filepath.Join(defs, "us-core-6.1.0", "definitions"), out)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"types_gen.go", "searchparams_gen.go", "compartment_gen.go"} {
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

// visit is a small type with an element of each shape.
func visit() *model {
	return &model{resources: []string{"Visit"}, elements: map[string]element{
		"Visit.status":          {Types: []string{"code"}, Systems: []string{"urn:status"}},
		"Visit.when[x]":         {Types: []string{"dateTime", "Period", "string"}},
		"Visit.subject":         {Types: []string{"Reference"}},
		"Visit.leg":             {Types: []string{"BackboneElement"}},
		"Visit.leg.code":        {Types: []string{"CodeableConcept"}},
		"Visit.leg.leg":         {Refers: "Visit.leg"},
		"Visit.telecom":         {Types: []string{"ContactPoint"}},
		"Visit.extension":       {Types: []string{"Extension"}},
		"Extension.url":         {Types: []string{"uri"}},
		"Extension.value[x]":    {Types: []string{"dateTime", "Coding"}},
		"CodeableConcept.text":  {Types: []string{"string"}},
		"CodeableConcept.extra": {Types: []string{"a", "b"}},
	}}
}

func TestParam(t *testing.T) {
	for _, x := range []struct {
		name, kind, expression string
		want                   []path
	}{
		{"code", "token", "Visit.status", []path{{Form: "Code", At: "status", Systems: []string{"urn:status"}}}},
		{"a choice", "date", "Other.date | Visit.when", []path{{Form: "Date", At: "whenDateTime"}, {Form: "Period", At: "whenPeriod"}}},
		{"one of a choice", "date", "(Visit.when as Period)", []path{{Form: "Period", At: "whenPeriod"}}},
		{"one of a choice, as a function", "date", "Visit.when.ofType(dateTime)", []path{{Form: "Date", At: "whenDateTime"}}},
		{"backbone", "token", "Visit.leg.code", []path{{Form: "Concept", At: "leg.code"}}},
		{"content that is shared", "token", "Visit.leg.leg.code", []path{{Form: "Concept", At: "leg.leg.code"}}},
		{"without a type", "token", "status", []path{{Form: "Code", At: "status", Systems: []string{"urn:status"}}}},
		{"into a data type", "string", "Visit.leg.code.text", []path{{Form: "String", At: "leg.code.text"}}},
		{"some of a list", "token", "Visit.telecom.where(system='email')", []path{{Form: "Contact", List: "telecom", Member: "system", Has: "email"}}},
		{"extension", "date", "Visit.extension.where(url = 'http://x/y').valueDateTime", []path{{Form: "Date", At: "valueDateTime", List: "extension", Member: "url", Has: "http://x/y"}}},
		{"only patients", "reference", "Visit.subject.where(resolve() is Patient)", []path{{Form: "Reference", At: "subject"}}},
		{"of no form", "date", "Visit.status", nil},
		{"beyond a choice", "token", "Visit.extension.value.code", nil},
		{"no such element", "token", "Visit.nothing", nil},
		{"no path", "token", "Visit.leg.exists()", nil},
		{"special", "special", "Visit.status", nil},
		{"of another type", "token", "Other.status", nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			p, ok := visit().param("Visit", searchParameter{Code: "p", Type: x.kind, Expression: x.expression})
			if ok != (x.want != nil) {
				t.Fatalf("taken: %v", ok)
			}
			if ok && !cmp.Equal(p.Paths, x.want) {
				t.Error(cmp.Diff(x.want, p.Paths))
			}
			if x.name == "only patients" && !slices.Equal(p.Targets, []string{"Patient"}) {
				t.Errorf("targets %q", p.Targets)
			}
		})
	}
}
