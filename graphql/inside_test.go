package graphql

import (
	"context"
	"errors"
	"strings"
	"testing"

	"concord/fhir"
	"concord/smart"
)

func grantOf(scope string) smart.Grant {
	scopes, _ := smart.ParseScopes(scope)
	return smart.NewGrant(smart.Token{Caller: smart.Caller{Subject: "u"}, Scope: scope}, scopes, smart.Context{})
}

// The guard holds without the edges: what the grant does not cover in any way is not resolved, and ends the request.
func TestGuardAlone(t *testing.T) {
	for _, x := range []struct {
		name, typ, field string
		without          bool // a request
		open             bool
	}{
		{name: "covered", typ: "Patient", field: "name", open: true},
		{name: "a part of what is covered", typ: "PatientContact", field: "name", open: true},
		{name: "a data type", typ: "HumanName", field: "family", open: true},
		{name: "the root", typ: "Query", field: "ConditionList", open: true},
		{name: "not covered", typ: "Condition", field: "code"},
		{name: "a part of what is not covered", typ: "ObservationComponent", field: "code"},
		{name: "its connection", typ: "ConditionConnection", field: "count"},
		{name: "its edge", typ: "ConditionEdge", field: "mode"},
		{name: "its type's name", typ: "Condition", field: "__typename"},
		{name: "of no known type", typ: "Nothing", field: "x"},
		{name: "of no type", typ: "", field: "__typename"},
		{name: "without a request", typ: "Patient", field: "name", without: true},
	} {
		t.Run(x.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			r := newRun(grantOf("user/Patient.rs"), nil, Limits{}.orDefault())
			r.cancel = cancel
			var in context.Context = &scope{ctx, r}
			if x.without {
				in = ctx
			}
			out, finish := guard{}.TraceField(in, "", x.typ, x.field, false, nil)
			finish(nil)
			if (out.Err() == nil) != x.open || !x.without && r.over() == x.open {
				t.Errorf("%v, over: %v", out.Err(), r.over())
			}
		})
	}
}

// The edges hold without the fetch and the guard: a resource of another type than was asked for, or than the grant
// covers, becomes no part of the answer.
func TestEdgeAlone(t *testing.T) {
	condition, err := fhir.Parse([]byte(`{"resourceType":"Condition","id":"c","contained":[{"resourceType":"Patient","id":"p"}]}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	newOne := func(scope string) *run {
		r := newRun(grantOf(scope), nil, Limits{}.orDefault())
		r.cancel = func(error) {}
		return r
	}
	if n, err := newOne("user/Patient.rs").admit("Condition", fhir.SearchType, []fhir.Resource{condition}); err == nil || n != nil {
		t.Error("not covered, and let in")
	}
	if n, err := newOne("user/*.rs").admit("Patient", fhir.SearchType, []fhir.Resource{condition}); err == nil || n != nil {
		t.Error("of another type, and let in")
	}
	if n, err := newOne("user/Condition.s").admit("Condition", fhir.Read, []fhir.Resource{condition}); err == nil || n != nil {
		t.Error("covered for searches, and read")
	}
	r := newOne("user/Condition.rs")
	nodes, err := r.admit("Condition", fhir.SearchType, []fhir.Resource{condition})
	if err != nil || len(nodes) != 1 {
		t.Fatal(err)
	}
	for c := range condition.Get("contained").Items() {
		if _, err := r.admitContained(nodes[0].in, c); err == nil {
			t.Error("contained, not covered, and let in")
		}
	}
	if out, err := contained(&scope{t.Context(), r}, &nodes[0], "contained"); err == nil || out != nil {
		t.Error("contained, and listed")
	}
	if _, err := contained(t.Context(), &nodes[0], "contained"); err == nil {
		t.Error("without a request")
	}
	if _, err := follow(t.Context(), &nodes[0], followed{}); err == nil {
		t.Error("without a request")
	}
}

// Errors of the executor itself are not told: they repeat what was asked, and what was found.
func TestPanicsAreQuiet(t *testing.T) {
	quiet{}.LogPanic(t.Context(), "Secretson")
	e := quiet{}.MakePanicError(t.Context(), "Secretson")
	var f *failure
	if strings.Contains(e.Error(), "Secretson") || !errors.As(e.ResolverError, &f) || f.code != codeInternal {
		t.Error(e)
	}
}

// Places in the client's text are found again behind what was inserted.
func TestOriginal(t *testing.T) {
	e, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name, query string
		at          Name
		want        location
	}{
		{"nothing inserted", "{Patient(id:\"a\"){nothing}}", Name{}, location{1, 18}},
		{"behind a quoted word", "{\n Patient(id:a) {\n  name(use:official){given} nothing}}", Name{}, location{3, 29}},
		{"at an instance", "{nothing}", Name{"Patient", "x"}, location{1, 2}},
		{"at an instance, later", "{id\n  nothing}", Name{"Patient", "x"}, location{2, 3}},
	} {
		t.Run(x.name, func(t *testing.T) {
			d, err := parse(x.query)
			if err != nil {
				t.Fatal(err)
			}
			w, text, err := d.rewrite(e.types, x.at)
			if err != nil {
				t.Fatal(err)
			}
			all := w.invalid(text, e.schema.Validate(text), 10)
			if len(all) != 1 || all[0].at != x.want {
				t.Errorf("%+v in %s", all[0], text)
			}
		})
	}
}
