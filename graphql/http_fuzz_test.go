package graphql_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"concord/graphql"
)

// FuzzHTTP: whatever comes over HTTP is refused with an error in JSON, or is the request that another JSON reader finds, and
// its answer, with whatever variables, is JSON that has nothing that is not the caller's.
func FuzzHTTP(f *testing.F) {
	for _, s := range []string{
		`{"query":"query($p:String){ConditionList(patient:$p){id} Patient(id:p1){name{family}}}","variables":{"p":"p1"},"operationName":null}`,
		`{"query":"query A($n:Int=2){ObservationConnection(patient:\"p1\",_count:$n){next edges{resource{status}}}}","variables":{"n":1e3}}`,
		`{"query":"query($i:Boolean!){Patient(id:\"p1\"){id @include(if:$i) gender @skip(if:$i)}}","variables":{"i":[true]}}`,
		`{"query":"query($c:[String]){ObservationList(patient:p1,code:$c){id}}","variables":{"c":[null,{"a":[]},"x"]}}`,
		`{"query":7}`, `[{"query":"{a}"}]`, `{"query":"{a}"}{}`, `{"query":"{Patient(id:p2){name{family}}}","QUERY":"{a}"}`, `{}`, ``, `{"query":"{a}","variables":[]}`,
	} {
		f.Add(false, "application/json", s)
	}
	f.Add(false, "application/graphql; charset=utf-8", `{Patient(id:"p1"){id}}`)
	f.Add(false, "multipart/form-data", `{"query":"{a}"}`)
	f.Add(true, "", "query="+url.QueryEscape(`query($p:String){Patient(id:$p){id}}`)+`&variables={"p":"p1"}&operationName=`)
	f.Add(true, "", "query={a}&query={b}")
	f.Add(true, "", "variables=%zz&query=%7B")
	all := chart(f, 3, 2)
	f.Fuzz(func(t *testing.T, get bool, contentType, text string) {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(text))
		r.Header.Set("Content-Type", contentType)
		if get {
			r.Method, r.Body, r.URL.RawQuery = http.MethodGet, http.NoBody, text
		}
		req, err := graphql.ParseHTTP(r, graphql.Limits{})
		if err != nil {
			var refused *graphql.Refused
			if !errors.As(err, &refused) || refused.Response.Status < 400 || refused.Response.Status > 499 || !json.Valid(refused.Response.Body) {
				t.Fatalf("refused as %v", err)
			}
			return
		}
		if strings.TrimSpace(req.Query) == "" || len(req.Query) > 64<<10 || req.Get != get {
			t.Fatalf("taken: %+v", req)
		}
		if strings.HasPrefix(contentType, "application/json") && !get {
			agrees(t, text, req)
		}
		b := &record{all: all, grant: grant("patient/Patient.rs")}
		a := newEngine(t).Execute(t.Context(), req, b, b.grant, graphql.Limits{})
		if !json.Valid(a.Body) || a.Broken || a.Status < 200 || a.Status >= 500 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		for _, s := range []string{"Condition 0", "Something measured", "containedpill", "hidden thing", "Secretson", "Healerman", "s.c0"} {
			if strings.Contains(string(a.Body), s) && !strings.Contains(req.Query+text, s) {
				t.Errorf("%q came out: %s", s, a.Body)
			}
		}
	})
}

// agrees holds a request against another reading of its body; names that differ by case alone are read in more than one way.
func agrees(t *testing.T, text string, req graphql.Request) {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("taken, and the oracle says: %v", err)
	}
	for name := range m {
		if name != "query" && strings.EqualFold(name, "query") || name != "operationName" && strings.EqualFold(name, "operationName") {
			return
		}
	}
	var query string
	if json.Unmarshal(m["query"], &query) != nil || query != req.Query {
		t.Fatalf("the query is %q, and was read as %q", query, req.Query)
	}
	var name *string
	if raw, ok := m["operationName"]; ok && (json.Unmarshal(raw, &name) != nil || name == nil && req.OperationName != "" || name != nil && *name != req.OperationName) {
		t.Fatalf("the operation is read as %q", req.OperationName)
	}
}
