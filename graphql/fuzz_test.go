package graphql_test

import (
	"encoding/json"
	"strings"
	"testing"

	"concord/graphql"
	"concord/testharness"
)

// Whatever is asked, by whomever it is asked: an answer in JSON, nothing that is not the caller's, and no panic.
func FuzzExecute(f *testing.F) {
	for _, q := range []string{
		`{Patient(id:p1){name(use:official)@flatten@slice(path:"use"){given@first family@singleton} _birthDate{extension{url}}}}`,
		`query A($a:String="p1",$b:[Int]=[1]){ConditionList(patient:[$a]){subject{resource(type:Patient){gender}}}} fragment F on Patient{id ...F}`,
		`{__schema{types{name fields{type{ofType{name}}}}} __type(name:"Patient"){name}}`,
		`{ObservationConnection(patient:"p1",_count:2){next edges{resource{contained{__typename}}}}} # comment`,
		`mutation{x(a:{b:"c\u0041"})}`, `{a(b:"""c""")}`, "{", `{Patient(id:"\"}){id`,
	} {
		f.Add(q, "", false)
	}
	examples, err := testharness.Examples("../docs/graphql.md")
	if err != nil {
		f.Fatal(err)
	}
	for _, x := range examples {
		f.Add(x.Query, "", true)
	}
	all := chart(f, 3, 2)
	f.Fuzz(func(t *testing.T, query, operation string, instance bool) {
		b := &record{all: all, grant: grant("patient/Patient.rs")}
		req := graphql.Request{Query: query, OperationName: operation, Variables: map[string]any{"patient": "p1", "a": "p1", "codes": []any{"x"}}}
		if instance {
			req.Instance = graphql.Name{Type: "Patient", ID: "p1"}
		}
		r := newEngine(t).Execute(t.Context(), req, b, b.grant, graphql.Limits{})
		if !json.Valid(r.Body) || r.Broken || r.Status < 200 || r.Status >= 500 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		for _, s := range []string{"Condition 0", "Something measured", "containedpill", "hidden thing", "Secretson", "Healerman", "s.c0"} {
			if strings.Contains(string(r.Body), s) && !strings.Contains(query, s) {
				t.Errorf("%q came out: %s", s, r.Body)
			}
		}
	})
}
