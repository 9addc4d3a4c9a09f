package graphql_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/graphql"
)

func TestParseHTTP(t *testing.T) {
	const q = `{Patient(id:"p1"){id}}`
	for _, x := range []struct {
		name, method, url, contentType, body string
		want                                 graphql.Request
		status                               int
	}{
		{name: "get", method: "GET", url: "/?query=" + url.QueryEscape(q) + `&variables={"a":1}&operationName=A`, want: graphql.Request{Query: q, Variables: map[string]any{"a": 1.0}, OperationName: "A", Get: true}},
		{name: "json", method: "POST", contentType: "application/json; charset=utf-8", body: `{"query":"{Patient(id:\"p1\"){id}}","variables":null,"operationName":null,"extensions":{}}`, want: graphql.Request{Query: q}},
		{name: "json with variables", method: "POST", contentType: "application/json", body: `{"query":"q","variables":{"a":"b"},"operationName":"O"}`, want: graphql.Request{Query: "q", Variables: map[string]any{"a": "b"}, OperationName: "O"}},
		{name: "graphql", method: "POST", contentType: "application/graphql", body: q, want: graphql.Request{Query: q}},
		{name: "plain text", method: "POST", contentType: "text/plain", body: `{"query":"q"}`, status: 415},
		{name: "a form", method: "POST", contentType: "application/x-www-form-urlencoded", body: "query=q", status: 415},
		{name: "parts", method: "POST", contentType: "multipart/form-data; boundary=x", body: "--x--", status: 415},
		{name: "no type", method: "POST", body: q, status: 415},
		{name: "a list", method: "POST", contentType: "application/json", body: ` [{"query":"q"}]`, status: 400},
		{name: "variables of another type", method: "POST", contentType: "application/json", body: `{"query":"q","variables":[1]}`, status: 400},
		{name: "a query of another type", method: "POST", contentType: "application/json", body: `{"query":{"a":1}}`, status: 400},
		{name: "cut off", method: "POST", contentType: "application/json", body: `{"query":"q"`, status: 400},
		{name: "two", method: "POST", contentType: "application/json", body: `{"query":"q"}{"query":"r"}`, status: 400},
		{name: "no query", method: "POST", contentType: "application/json", body: `{}`, status: 400},
		{name: "no query by get", method: "GET", url: "/", status: 400},
		{name: "two queries by get", method: "GET", url: "/?query=a&query=b", status: 400},
		{name: "variables that can't be read", method: "GET", url: "/?query=a&variables=x", status: 400},
		{name: "parameters that can't be read", method: "GET", url: "/?query=a&b=%25zz%zz", status: 400},
		{name: "a long query", method: "POST", contentType: "application/graphql", body: strings.Repeat("a", 70_000), status: 400},
		{name: "long variables", method: "POST", contentType: "application/json", body: `{"query":"q","variables":{"a":"` + strings.Repeat("a", 70_000) + `"}}`, status: 400},
		{name: "long variables by get", method: "GET", url: "/?query=a&variables={}" + strings.Repeat("%20", 70_000), status: 400},
		{name: "a long body", method: "POST", contentType: "application/json", body: strings.Repeat(" ", 300_000), status: 413},
		{name: "put", method: "PUT", status: 405},
		{name: "head", method: "HEAD", status: 405},
	} {
		t.Run(x.name, func(t *testing.T) {
			if x.url == "" {
				x.url = "/"
			}
			r := httptest.NewRequestWithContext(context.Background(), x.method, x.url, strings.NewReader(x.body))
			if x.contentType != "" {
				r.Header.Set("Content-Type", x.contentType)
			}
			got, err := graphql.ParseHTTP(r, graphql.Limits{})
			var refused *graphql.Refused
			if errors.As(err, &refused) != (x.status != 0) {
				t.Fatalf("%v", err)
			}
			if refused != nil {
				if refused.Response.Status != x.status || (refused.Response.Allow != "") != (x.status == 405) {
					t.Errorf("%d %s", refused.Response.Status, refused.Response.Body)
				}
				read(t, refused.Response)
				return
			}
			if diff := cmp.Diff(x.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Nothing is changed by GET.
func TestMutationByGet(t *testing.T) {
	b := &record{}
	r := read(t, newEngine(t).Execute(t.Context(), graphql.Request{Query: `mutation{PatientDelete(id:"p1"){id}}`, Get: true}, b, grant("user/*.rs"), graphql.Limits{}))
	if r.Status != 405 || r.Allow != "POST" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
