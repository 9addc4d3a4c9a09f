package graphql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"concord/fhir"
	"concord/graphql"
)

// secrets are texts of the record that a grant of the patient alone does not cover.
func secrets() []string {
	return []string{"Condition 0", "Something measured", "containedpill", "hidden thing", "Secretson", "Healerman", "s.c0", "s.o0", "s.e1", `:"Condition"`, `:"Observation"`, `:"Medication"`, `:"MedicationRequest"`}
}

// With a token for the patient alone, nothing else comes: no content, no number, no type.
func TestBypasses(t *testing.T) {
	queries := map[string]string{
		"list":                         `{Patient(id:"p1"){id ConditionList(_reference:patient){id code{text}}}}`,
		"alias":                        `{Patient(id:"p1"){x:ConditionList(_reference:patient){code{text}}}}`,
		"alias of an allowed field":    `{Patient(id:"p1"){name:ConditionList(_reference:patient){code{text}}}}`,
		"named fragment":               `{Patient(id:"p1"){...F}} fragment F on Patient{ConditionList(_reference:patient){code{text}}}`,
		"inline fragment":              `{Patient(id:"p1"){...on Patient{...{ConditionList(_reference:patient){code{text}}}}}}`,
		"include by a variable":        `query($y:Boolean=true){Patient(id:"p1"){ConditionList(_reference:patient)@include(if:$y){code{text}}}}`,
		"skip":                         `query Q($s:Boolean=false){Patient(id:"p1"){...F @skip(if:$s)}} fragment F on Patient{ConditionList(_reference:patient){id}}`,
		"root list":                    `{ConditionList(patient:"p1"){id code{text}}}`,
		"root list without a patient":  `{ConditionList{id code{text}}}`,
		"root read":                    `{Condition(id:"s.c0"){id code{text}}}`,
		"root connection":              `{ConditionConnection(patient:"p1"){count edges{mode resource{id}} next}}`,
		"count alone":                  `{ConditionConnection(patient:"p1",_count:0){count}}`,
		"typenames":                    `{Patient(id:"p1"){ConditionList(_reference:patient){__typename}}}`,
		"typename of a read":           `{Condition(id:"s.c0"){__typename}}`,
		"and back to the patient":      `{ConditionList(patient:"p1"){subject{resource{...on Patient{name{family}}}}}}`,
		"reference":                    `{Patient(id:"p1"){generalPractitioner{resource{...on Practitioner{id name{family}}}}}}`,
		"reference, typename":          `{Patient(id:"p1"){generalPractitioner{resource{__typename}}}}`,
		"reference, optional":          `{Patient(id:"p1"){generalPractitioner{resource(optional:true){__typename ...on Practitioner{id name{family}}}}}}`,
		"reference, no fragment":       `{Patient(id:"p1"){generalPractitioner{resource(type:Practitioner){qualification{id} name{family}}}}}`,
		"contained":                    `{MedicationRequestList(patient:"p1"){contained{__typename ...on Medication{code{text}}}}}`,
		"contained, by reference":      `{MedicationRequestList(patient:"p1"){medicationReference{resource{...on Medication{code{text}}}}}}`,
		"second operation":             `query A{Patient(id:"p1"){id}} query B{ConditionList(patient:"p1"){code{text}}}`,
		"fields that merge":            `{Patient(id:"p1"){ConditionList(_reference:patient){id}} Patient(id:"p1"){ConditionList(_reference:patient){code{text}}}}`,
		"another patient":              `{Patient(id:"p2"){id name{family}}}`,
		"another patient in a list":    `{PatientList(_id:["p2"]){name{family}}}`,
		"another patient, by name":     `{PatientList(family:"Secretson"){name{family}}}`,
		"another patient, by and by":   `{Patient(id:"p1"){PatientList(_reference:link){name{family}}}}`,
		"flattened":                    `{Patient(id:"p1"){ConditionList(_reference:patient)@flatten{code@flatten{text}}}}`,
		"sliced":                       `{Patient(id:"p1"){ConditionList(_reference:patient)@flatten@slice(path:"id"){id}}}`,
		"searching what is not shown":  `{ConditionList(patient:"p1",code:"x"){id}}`,
		"sorted":                       `{Patient(id:"p1"){ConditionList(_reference:patient,_sort:"onset-date",_count:1){id}}}`,
		"two patients":                 `{Patient(id:"p1"){id} ConditionList(patient:"p2"){id subject{resource{...on Patient{id name{family}}}}}}`,
		"the schema, and data with it": `{__schema{queryType{name}} ConditionList(patient:"p1"){code{text}}}`,
		"encounters":                   `{Patient(id:"p1"){EncounterList(_reference:patient){id}}}`,
		"the other way round":          `{Encounter(id:"s.e1"){ObservationList(_reference:encounter){code{text}}}}`,
		"a cursor":                     `{ConditionConnection(_cursor:"MC4xLmg"){edges{resource{code{text}}}}}`,
	}
	all := chart(t, 5, 3)
	for name, q := range queries {
		for _, leaky := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, leaky %v", name, leaky), func(t *testing.T) {
				if leaky && strings.Contains(name, "another patient") {
					t.Skip("whose a resource is, the backend alone can tell")
				}
				b := &record{all: all, leaky: leaky}
				r := ask(t, b, "patient/Patient.rs", q)
				for _, s := range secrets() {
					if strings.Contains(string(r.Body), s) {
						t.Errorf("%q came out: %s", s, r.Body)
					}
				}
				if len(r.Errors) == 0 && !strings.Contains(q, "optional:true") && name != "another patient in a list" && name != "another patient, by name" && name != "another patient, by and by" {
					t.Errorf("no error: %s", r.Body)
				}
				for _, f := range r.Errors {
					if f.Extensions.Code == "FORBIDDEN" && len(f.Path) == 0 {
						t.Errorf("FORBIDDEN without a path: %s", r.Body)
					}
				}
				for ty := range r.Disclosed {
					if ty != fhir.TypePatient {
						t.Errorf("%s disclosed", ty)
					}
				}
				if _, n := b.calls(); n > 0 && !strings.Contains(q, "PatientList") {
					t.Errorf("searched: %v", b.searches)
				}
			})
		}
	}
}

// What a refusal looks like, and that the rest of the answer stands.
func TestForbidden(t *testing.T) {
	r := ask(t, &record{all: chart(t, 2, 2)}, "patient/Patient.rs", `{Patient(id:"p1"){name{family} x:ConditionList(_reference:patient){id} ObservationList(_reference:patient){id}}}`)
	if r.Status != 200 || dig(r.Data, "Patient", "name") == nil || dig(r.Data, "Patient", "x") != nil || len(r.Errors) != 2 || r.Denied != 2 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	for i, want := range []string{"Patient ObservationList patient/Observation.rs", "Patient x patient/Condition.rs"} {
		f := r.Errors[i]
		if got := fmt.Sprint(f.Path[0], " ", f.Path[1], " ", f.Extensions.Scope); got != want || f.Extensions.Code != "FORBIDDEN" || f.Extensions.Resource.Issue[0].Code != "forbidden" {
			t.Errorf("%s, want %s: %s", got, want, r.Body)
		}
	}
	if r.Scope == "" || r.Disclosed["Patient"] != 1 || len(r.Disclosed) != 1 {
		t.Errorf("%+v", r.Response)
	}
}

// What scopes let through: type by type, interaction by interaction, instance by instance.
func TestScopes(t *testing.T) {
	const labs = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
	for _, x := range []struct {
		name, scope, query string
		want               string   // in the body
		not                []string // not in it
		codes              []string
	}{
		{name: "all", scope: "user/*.rs", query: `{ConditionList(patient:"p1"){code{text}}}`, want: "Condition 2"},
		{name: "v1", scope: "patient/Condition.read", query: `{ConditionList(patient:"p1"){code{text}}}`, want: "Condition 2"},
		{name: "read alone does not list", scope: "patient/Condition.r", query: `{ConditionList(patient:"p1"){code{text}}}`, codes: []string{"FORBIDDEN"}, not: []string{"Condition 2"}},
		{name: "read alone reads", scope: "patient/Condition.r", query: `{Condition(id:"s.c2"){code{text}}}`, want: "Condition 2"},
		{name: "search alone does not read", scope: "patient/Condition.s", query: `{Condition(id:"s.c2"){code{text}}}`, codes: []string{"FORBIDDEN"}, not: []string{"Condition 2"}},
		{name: "search alone lists", scope: "patient/Condition.s", query: `{ConditionList(patient:"p1"){code{text}}}`, want: "Condition 2"},
		{name: "search alone follows no reference", scope: "user/Observation.rs user/Encounter.s", query: `{ObservationList(patient:"p1",_count:1){encounter{resource{...on Encounter{status}}}} EncounterList(patient:"p1"){id}}`, codes: []string{"FORBIDDEN"}, want: `"s.e1"`, not: []string{"finished"}},
		{name: "granular, list", scope: labs, query: `{ObservationList(patient:"p1"){category{coding{code}}}}`, want: "laboratory", not: []string{"vital-signs"}},
		{name: "granular, read of a hidden one", scope: labs, query: `{Observation(id:"s.o1"){id}}`, codes: []string{"FORBIDDEN"}},
		{name: "granular, read of none", scope: labs, query: `{Observation(id:"s.nothing"){id}}`, codes: []string{"FORBIDDEN"}},
		{name: "plain, read of none", scope: "user/*.rs", query: `{Observation(id:"s.nothing"){id}}`, codes: []string{"NOT_FOUND"}},
		{name: "another's, read", scope: "patient/Condition.rs", query: `{Condition(id:"s.other"){id}}`, codes: []string{"FORBIDDEN"}},
		{name: "none, read", scope: "patient/Condition.rs", query: `{Condition(id:"s.none"){id}}`, codes: []string{"FORBIDDEN"}},
		{name: "another's, list", scope: "patient/Condition.rs", query: `{ConditionList(patient:"p2"){id}}`, not: []string{"s.other"}},
		{name: "a name by way of a reference", scope: "patient/Condition.rs", query: `{ConditionList(patient:"p1"){id subject{resource{...on Patient{name{family}}}}}}`, codes: []string{"FORBIDDEN", "FORBIDDEN", "FORBIDDEN"}, want: "s.c0", not: []string{`"family"`}},
		{name: "optional, refused", scope: "patient/Condition.rs", query: `{ConditionList(patient:"p1"){id subject{resource(optional:true){...on Patient{name{family}}}}}}`, want: `"resource":null`},
		{name: "a practitioner, from what refers to it", scope: "patient/Patient.rs patient/Practitioner.rs", query: `{Patient(id:"p1"){generalPractitioner{resource{...on Practitioner{name{family}}}}}}`, want: "Healerman"},
		{name: "a practitioner by itself", scope: "patient/Patient.rs patient/Practitioner.rs", query: `{Practitioner(id:"s.d1"){name{family}}}`, codes: []string{"FORBIDDEN"}, not: []string{"Healerman"}},
		{name: "both, in one", scope: "patient/Patient.rs patient/Practitioner.rs", query: `{Practitioner(id:"s.d1"){name{family}} Patient(id:"p1"){generalPractitioner{resource{...on Practitioner{name{family}}}}}}`, codes: []string{"FORBIDDEN"}, want: "Healerman"},
		{name: "contained", scope: "patient/MedicationRequest.rs patient/Medication.rs", query: `{MedicationRequestList(patient:"p1"){contained{__typename ...on Medication{code{text}}} medicationReference{resource{...on Medication{id}}}}}`, want: "containedpill"},
		{name: "contained, not covered", scope: "patient/MedicationRequest.rs", query: `{MedicationRequestList(patient:"p1"){id contained{__typename}}}`, codes: []string{"FORBIDDEN"}, want: "s.m1", not: []string{`"Medication"`}},
		{name: "contained, by content", scope: "user/MedicationRequest.rs user/Medication.rs?code=1", query: `{MedicationRequestList(patient:"p1"){id contained{...on Medication{code{text}}}}}`, codes: []string{"FORBIDDEN"}, not: []string{"containedpill"}},
		{name: "a scope with a parameter that can't be evaluated", scope: "patient/Observation.rs?foo=bar", query: `{ObservationList(patient:"p1"){id}}`, codes: []string{"FORBIDDEN"}},
		{name: "none", scope: "openid fhirUser", query: `{ObservationList(patient:"p1"){id}}`, codes: []string{"FORBIDDEN"}},
		{name: "write", scope: "patient/Observation.cud", query: `{ObservationList(patient:"p1"){id}}`, codes: []string{"FORBIDDEN"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := ask(t, &record{all: chart(t, 5, 3)}, x.scope, x.query)
			if r.Status != 200 || !slices.Equal(r.codes(), x.codes) || !strings.Contains(string(r.Body), x.want) {
				t.Errorf("%d %v %s", r.Status, r.codes(), r.Body)
			}
			for _, s := range x.not {
				if strings.Contains(string(r.Body), s) {
					t.Errorf("%s in %s", s, r.Body)
				}
			}
		})
	}
}

// The number of refusals does not grow the answer without end.
func TestManyErrors(t *testing.T) {
	r := ask(t, &record{all: chart(t, 300, 0)}, "user/Observation.rs", `{ObservationList(patient:"p1"){id subject{resource{...on Patient{id}}}}}`)
	if len(r.Errors) != 100 || !strings.Contains(r.Errors[99].Message, "201 more") || r.Denied != 300 || len(dig(r.Data, "ObservationList").([]any)) != 300 {
		t.Errorf("%d errors, %d denied: %.300s", len(r.Errors), r.Denied, r.Body)
	}
}

// The zero grant is nobody's.
func TestZeroGrant(t *testing.T) {
	b := &record{all: chart(t, 1, 1), leaky: true}
	var none = b.grant
	r := read(t, newEngine(t).Execute(t.Context(), graphql.Request{Query: `{Patient(id:"p1"){id} ConditionList(patient:"p1"){id}}`}, b, none, graphql.Limits{}))
	if !slices.Equal(r.codes(), []string{"FORBIDDEN", "FORBIDDEN"}) || len(b.searches)+len(b.reads) > 0 {
		t.Errorf("%s", r.Body)
	}
}
