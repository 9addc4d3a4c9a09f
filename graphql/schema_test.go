package graphql_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	gql "github.com/graph-gophers/graphql-go"

	"concord/graphql"
	"concord/testharness"
)

// The generated code fits the generated schema.
func TestSchemaBinds(t *testing.T) {
	e, err := graphql.New()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(e.Schema(), "\ntype Observation{\n") {
		t.Error("no Observation")
	}
}

// introspectionQuery is what tools send, as far as it matters: deeper than a query for data may be.
const introspectionQuery = `query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name }
 types { ...FullType } directives { name description locations args { ...InputValue } } } }
fragment FullType on __Type { kind name description fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
 inputFields { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } }`

// What is told of the schema is what the executor would tell.
func TestIntrospection(t *testing.T) {
	s, err := gql.ParseSchema(newEngine(t).Schema(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var want any
	b, err := s.ToJSON()
	if err == nil {
		err = json.Unmarshal(b, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	b0 := &record{}
	r := ask(t, b0, "openid", introspectionQuery)
	if r.Status != 200 || len(r.Errors) > 0 || len(b0.reads)+len(b0.searches) > 0 {
		t.Fatalf("%d %.300s", r.Status, r.Body)
	}
	types, ok := dig(r.Data, "__schema", "types").([]any)
	all, ok2 := dig(want, "__schema", "types").([]any)
	if !ok || !ok2 || len(types) != len(all) || len(types) < 200 {
		t.Fatalf("%d types of %d", len(types), len(all))
	}
	for i := range types {
		if dig(types[i], "name") != dig(all[i], "name") || len(list(dig(types[i], "fields"))) != len(list(dig(all[i], "fields"))) || len(list(dig(types[i], "possibleTypes"))) != len(list(dig(all[i], "possibleTypes"))) {
			t.Errorf("%v", dig(types[i], "name"))
		}
	}
	t.Logf("%d types, %d bytes", len(types), len(r.Body))
	var directives []string
	for _, d := range list(dig(r.Data, "__schema", "directives")) {
		directives = append(directives, dig(d, "name").(string))
	}
	for _, d := range []string{"flatten", "first", "singleton", "slice", "skip", "include"} {
		if !strings.Contains(strings.Join(directives, " "), d) {
			t.Errorf("no @%s in %v", d, directives)
		}
	}
}

func list(v any) []any { l, _ := v.([]any); return l }

func TestIntrospectionPart(t *testing.T) {
	for _, x := range []struct{ name, query, want string }{
		{"a type", `{__type(name:"Period"){kind n:name ofType{name} fields{name type{kind name ofType{name}}}} __typename}`, `{"data":{"__type":{"kind":"OBJECT","n":"Period","ofType":null,"fields":[{"name":"id","type":{"kind":"SCALAR","name":"String","ofType":null}},{"name":"extension","type":{"kind":"LIST","name":null,"ofType":{"name":"Extension"}}},{"name":"start","type":{"kind":"SCALAR","name":"dateTime","ofType":null}},{"name":"_start","type":{"kind":"OBJECT","name":"Element","ofType":null}},{"name":"end","type":{"kind":"SCALAR","name":"dateTime","ofType":null}},{"name":"_end","type":{"kind":"OBJECT","name":"Element","ofType":null}}]},"__typename":"Query"}}`},
		{"no type", `{__type(name:"Nothing"){name}}`, `{"data":{"__type":null}}`},
		{"in a circle", `{__type(name:"Period"){fields{type{fields{type{name}}}}}}`, `{"data":{"__type":{"fields":[{"type":{"fields":null}},{"type":{"fields":null}},{"type":{"fields":null}},{"type":{"fields":[{"type":{"name":"String"}},{"type":{"name":null}}]}},{"type":{"fields":null}},{"type":{"fields":[{"type":{"name":"String"}},{"type":{"name":null}}]}}]}}}`},
		{"fields that merge", `{__type(name:"Period"){kind} __type(name:"Period"){name kind @skip(if:true)}}`, `{"data":{"__type":{"kind":"OBJECT","name":"Period"}}}`},
		{"mutations", `{__schema{mutationType{name} queryType{name __typename}}}`, `{"data":{"__schema":{"mutationType":null,"queryType":{"name":"Query","__typename":"__Type"}}}}`},
	} {
		t.Run(x.name, func(t *testing.T) {
			if r := ask(t, &record{}, "openid", x.query); string(r.Body) != x.want || r.Status != 200 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
}

func TestIntrospectionLimits(t *testing.T) {
	execute := func(query string, at graphql.Name, lim graphql.Limits) reply {
		t.Helper()
		return read(t, newEngine(t).Execute(t.Context(), graphql.Request{Query: query, Instance: at}, &record{}, grant("user/*.rs"), lim))
	}
	circle := `{__schema{types{fields{type{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}}}`
	if r := execute(circle, graphql.Name{}, graphql.Limits{Body: 100_000}); !tooCostly(r) {
		t.Errorf("%d %.300s", r.Status, r.Body)
	}
	deep := `{__type(name:"Period"){` + strings.Repeat("fields{type{", 10) + "name" + strings.Repeat("}}", 10) + `}}`
	if r := execute(deep, graphql.Name{}, graphql.Limits{}); !tooCostly(r) {
		t.Errorf("%d %.300s", r.Status, r.Body)
	}
	r := execute(`{__schema{queryType{name}}}`, graphql.Name{Type: "Patient", ID: "p1"}, graphql.Limits{})
	if r.Status != 400 {
		t.Errorf("at an instance: %d %s", r.Status, r.Body)
	}
}

// The worked queries of the documentation are valid, answer, and are fetched at once.
func TestWorkedQueries(t *testing.T) {
	all, err := testharness.Examples("../docs/graphql.md")
	if err != nil || len(all) != 10 {
		t.Fatalf("%d queries: %v", len(all), err)
	}
	for _, x := range all {
		t.Run(x.Name, func(t *testing.T) {
			req := graphql.Request{Query: x.Query, Variables: map[string]any{}}
			maps.Copy(req.Variables, x.Variables)
			req.Variables["patient"] = "p1"
			b := &record{all: chart(t, 10, 3), grant: grant("user/*.rs")}
			r := read(t, newEngine(t).Execute(t.Context(), req, b, b.grant, graphql.Limits{}))
			if r.Status != 200 || len(r.Errors) > 0 { // what they find is for the scenarios, over real sources
				t.Errorf("%d %s", r.Status, r.Body)
			}
			if fans, _ := b.calls(); fans > 1 {
				t.Errorf("%d fan-outs", fans)
			}
		})
	}
}
