package scenarios_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// ask sends a GraphQL query.
func (r *rig) ask(t *testing.T, query string, variables map[string]any, headers ...string) reply {
	t.Helper()
	return r.askAt(t, "$graphql", query, variables, headers...)
}

func (r *rig) askAt(t *testing.T, path, query string, variables map[string]any, headers ...string) reply {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return r.do(t, http.MethodPost, path, string(body), append([]string{"Content-Type", "application/json"}, headers...)...)
}

// data is a list of the answer's data.
func (a reply) list(name string) (out []resource) {
	data, _ := a.json["data"].(resource)
	all, _ := data[name].([]any)
	for _, x := range all {
		m, _ := x.(resource)
		out = append(out, m)
	}
	return out
}

// faults are the errors' codes, each once.
func (a reply) faults() []string {
	all := map[string]bool{}
	list, _ := a.json["errors"].([]any)
	for _, x := range list {
		m, _ := x.(resource)
		e, _ := m["extensions"].(resource)
		all[fmt.Sprint(e["code"])] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func ids(all []resource) (out []string) {
	for _, r := range all {
		out = append(out, fmt.Sprint(r["id"]))
	}
	slices.Sort(out)
	return out
}

// TestWorkedQueries: the ten queries of the documentation, as it has them, against three EHRs with every vendor's noise.
func TestWorkedQueries(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 61, Persons: 2, Registered: 3, Conflicts: 2, Noise: population.AllNoise()}})
	r := start(t, w, "5s")
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	all, err := testharness.Examples(filepath.Join("..", "..", "docs", "graphql.md"))
	if err != nil || len(all) != 10 {
		t.Fatalf("%d queries: %v", len(all), err)
	}
	for _, x := range all {
		t.Run(x.Name, func(t *testing.T) {
			vars := maps.Clone(x.Variables)
			if vars == nil {
				vars = map[string]any{}
			}
			vars["patient"] = id
			a := r.ask(t, x.Query, vars)
			ext, _ := a.json["extensions"].(resource)
			if a.code != 200 || a.json["errors"] != nil || ext["complete"] != true {
				t.Fatalf("HTTP %d, complete %v, errors %v", a.code, ext["complete"], a.faults())
			}
			data, _ := a.json["data"].(resource)
			for name, v := range data {
				if s, ok := v.([]any); v == nil || ok && len(s) == 0 {
					t.Errorf("%s is empty", name)
				}
			}
			if len(data) == 0 {
				t.Error("there are no data")
			}
			if again := r.ask(t, x.Query, vars); !strings.Contains(x.Query, "next") && !sameData(again, a) { // a cursor is a new one each time
				t.Error("asked again, the answer is another")
			}
		})
	}
}

// sameData tells whether two answers have the same data: how long a source took is not part of them.
func sameData(a, b reply) bool {
	x, err := json.Marshal(a.json["data"])
	y, err2 := json.Marshal(b.json["data"])
	return err == nil && err2 == nil && string(x) == string(y)
}

// TestGraphQLIsREST: a list holds what a search of the same holds, references lead to survivors, and pages hold each entry
// once.
func TestGraphQLIsREST(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 62, Persons: 2, Registered: 3, Conflicts: 2, Noise: population.AllNoise()}})
	r := start(t, w, "5s")
	p := w.Population.Persons[0]
	id, records := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	vars := map[string]any{"p": id}
	for _, typ := range []string{"Condition", "Observation", "MedicationRequest", "AllergyIntolerance", "Encounter", "Procedure", "DiagnosticReport", "DocumentReference", "CarePlan"} {
		t.Run(typ, func(t *testing.T) {
			a := r.ask(t, "query($p:String!){"+typ+"List(patient:[$p]){id}}", vars)
			want := ids(r.get(t, typ+"?patient="+id+"&_count=10000").entries("match"))
			if got := ids(a.list(typ + "List")); len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%d, by REST %d: %v", len(got), len(want), a.faults())
			}
		})
	}
	t.Run("references lead to survivors", func(t *testing.T) {
		a := r.ask(t, `query($p:String!){EncounterList(patient:[$p]){id} ObservationList(patient:[$p]){encounter{reference}}}`, vars)
		known := map[string]bool{}
		for _, e := range a.list("EncounterList") {
			known["Encounter/"+fmt.Sprint(e["id"])] = true
		}
		seen := 0
		for _, o := range a.list("ObservationList") {
			if e, ok := o["encounter"].(resource); ok && e["reference"] != nil {
				if seen++; !known[fmt.Sprint(e["reference"])] {
					t.Error("a reference leads to a copy that was merged")
				}
			}
		}
		if seen == 0 {
			t.Error("no Observation has an Encounter")
		}
	})
	t.Run("pages", func(t *testing.T) {
		want := ids(r.get(t, "Observation?patient="+id+"&_count=10000").entries("match"))
		var got []string
		a := r.ask(t, `query($p:String!){ObservationConnection(patient:[$p],_count:7){count next edges{resource{id}}}}`, vars)
		for range 1000 {
			data, _ := a.json["data"].(resource)
			c, _ := data["ObservationConnection"].(resource)
			edges, _ := c["edges"].([]any)
			for _, e := range edges {
				m, _ := e.(resource)
				res, _ := m["resource"].(resource)
				got = append(got, fmt.Sprint(res["id"]))
			}
			next, _ := c["next"].(string)
			if next == "" {
				break
			}
			other := r.with(r.tokenOf(t, "user/*.rs", "sub", "somebody-else"))
			if b := other.ask(t, `query($c:String!){ObservationConnection(_cursor:$c){edges{resource{id}}}}`, map[string]any{"c": next}); len(b.faults()) == 0 {
				t.Error("another caller follows the cursor")
			}
			if b := r.with(r.tokenOf(t, "user/Condition.rs")).ask(t, `query($c:String!){ObservationConnection(_cursor:$c){edges{resource{id}}}}`, map[string]any{"c": next}); len(b.faults()) == 0 {
				t.Error("a token that does not cover it follows the cursor")
			}
			a = r.ask(t, `query($c:String!){ObservationConnection(_cursor:$c){count next edges{resource{id}}}}`, map[string]any{"c": next})
			if len(a.faults()) > 0 {
				t.Fatalf("a page: HTTP %d %v", a.code, a.faults())
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%d entries in pages, %d by REST", len(got), len(want))
		}
	})
	t.Run("an instance", func(t *testing.T) {
		a := r.askAt(t, "Patient/"+id+"/$graphql", `{id gender ConditionList(_reference:"patient"){id}}`, nil)
		want := ids(r.get(t, "Condition?patient="+id+"&_count=10000").entries("match"))
		data, _ := a.json["data"].(resource)
		if got := ids(a.list("ConditionList")); data["id"] != id || !slices.Equal(got, want) {
			t.Errorf("HTTP %d: %d conditions of %d, %v", a.code, len(got), len(want), a.faults())
		}
	})
	t.Run("a source's own record", func(t *testing.T) {
		a := r.ask(t, `query($p:ID!){Patient(id:$p){id link{type other{reference}}}}`, map[string]any{"p": strings.TrimPrefix(records[0], "Patient/")})
		if !strings.Contains(string(a.body), `"refer"`) || !strings.Contains(string(a.body), "Patient/"+id) {
			t.Errorf("HTTP %d: it does not point to its person", a.code)
		}
	})
	t.Run("by GET, and at /graphql", func(t *testing.T) {
		if a := r.get(t, "$graphql?query="+url.QueryEscape(`{Patient(id:"`+id+`"){id}}`)); a.code != 200 || len(a.faults()) > 0 {
			t.Errorf("HTTP %d", a.code)
		}
		if a := r.askAt(t, public+"/graphql", `query($p:ID!){Patient(id:$p){id}}`, vars); a.code != 200 || len(a.faults()) > 0 {
			t.Errorf("HTTP %d", a.code)
		}
		if a := r.do(t, http.MethodPut, public+"/graphql", "{}"); a.code != http.StatusMethodNotAllowed || a.header.Get("Allow") == "" {
			t.Errorf("PUT: HTTP %d", a.code)
		}
	})
	t.Run("the trail", func(t *testing.T) {
		r.ask(t, `query($p:String!){ConditionList(patient:[$p]){id} AllergyIntoleranceList(patient:[$p]){id}}`, vars)
		var last map[string]any
		for line := range strings.Lines(r.trail(t)) {
			if strings.Contains(line, "graphql") {
				last = nil
				if err := json.Unmarshal([]byte(line), &last); err != nil {
					t.Fatal(err)
				}
			}
		}
		text := fmt.Sprint(last)
		for _, want := range []string{"Condition", "AllergyIntolerance", "fhir.api.access", "user/*.rs", "epic", "cerner"} {
			if !strings.Contains(text, want) {
				t.Errorf("the record does not tell of %s", want)
			}
		}
	})
}

// TestGraphQLAttacks: what a patient's token must not open, by any way through the graph.
func TestGraphQLAttacks(t *testing.T) {
	x := startTwo(t)
	theirObs, theirCondition := one(t, x.theirOnes, "Observation"), one(t, x.theirOnes, "Condition")
	const lab = "patient/Patient.rs patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
	vital := ""
	for _, e := range x.get(t, "Observation?patient="+x.me+"&category=vital-signs&_count=1").entries("match") {
		vital = fmt.Sprint(e["id"])
	}
	for _, c := range []struct{ name, scope, query, forbids string }{
		{"another patient's list", "patient/*.rs", `{ConditionList(patient:"{other}"){id code{text}}}`, ""},
		{"another's record", "patient/*.rs", `{ConditionList(patient:"{othersRecord}"){id}}`, ""},
		{"mine, and another's", "patient/*.rs", `{ConditionList(patient:["{me}","{other}"]){id}}`, ""},
		{"by subject", "patient/*.rs", `{ObservationList(subject:"Patient/{other}"){id}}`, ""},
		{"by alias", "patient/*.rs", `{mine:ConditionList(patient:"{me}"){id} theirs:ConditionList(patient:"{other}"){id}}`, ""},
		{"the other person", "patient/*.rs", `{Patient(id:"{other}"){name{family} birthDate}}`, ""},
		{"the other's record by id", "patient/*.rs", `{Patient(id:"{othersRecord}"){name{family}}}`, ""},
		{"the other by link", "patient/*.rs", `{Patient(id:"{me}"){link{other{resource(optional:true){...on Patient{id link{other{reference}}}}}}}}`, ""},
		{"read of another's", "patient/*.rs", `{Observation(id:"{theirs}"){id status}}`, ""},
		{"list by id", "patient/*.rs", `{ObservationList(_id:"{theirs}"){id}}`, ""},
		{"list by id of another type", "patient/*.rs", `{ConditionList(_id:"{theirCondition}"){id}}`, ""},
		{"people by name", "patient/*.rs", `{PatientList(family:"{theirName}"){id name{family}}}`, ""},
		{"a type that is not covered", "patient/Patient.rs", `{ConditionList(patient:"{me}"){id}}`, "Condition"},
		{"by reverse reference", "patient/Patient.rs", `{Patient(id:"{me}"){ConditionList(_reference:"patient"){id}}}`, "Condition"},
		{"by reference", "patient/Observation.rs", `{ObservationList(patient:"{me}"){subject{resource(optional:true){...on Patient{id name{family}}}}}}`, "Patient"},
		{"by fragment", "patient/Observation.rs", `{ObservationList(patient:"{me}"){encounter{resource(optional:true){...F}}}} fragment F on Encounter{id status}`, "Encounter"},
		{"by __typename", "patient/Observation.rs", `{ObservationList(patient:"{me}"){encounter{resource(optional:true){__typename}}}}`, "Encounter"},
		{"what does not search", "patient/Observation.r", `{ObservationList(patient:"{me}"){id}}`, "Observation"},
		{"what does not read", "patient/Observation.s", `{Observation(id:"{vital}"){id}}`, "Observation"},
		{"granular, by id", lab, `{Observation(id:"{vital}"){id}}`, "vital-signs"},
		{"granular, in a list", lab, `{ObservationList(patient:"{me}"){id category{coding{code}}}}`, "vital-signs"},
		{"granular, asked for", lab, `{ObservationList(patient:"{me}",category:"vital-signs"){id category{coding{code}}}}`, "vital-signs"},
		{"granular, by a report", lab + " patient/DiagnosticReport.rs", `{DiagnosticReportList(patient:"{me}"){result{resource(optional:true){...on Observation{id category{coding{code}}}}}}}`, "vital-signs"},
		{"granular, by hasMember", lab, `{ObservationList(patient:"{me}"){hasMember{resource(optional:true){...on Observation{category{coding{code}}}}}}}`, "vital-signs"},
		{"granular, by count", lab, `{ObservationConnection(patient:"{me}",category:"vital-signs"){count edges{resource{id}}}}`, ""},
		{"by sort", "patient/Observation.rs", `{ObservationList(patient:"{me}",_sort:"subject"){id subject{resource(optional:true){...on Patient{birthDate}}}}}`, "birthDate\":\""},
		{"practitioners at large", "patient/*.rs", `{PractitionerList(name:"a"){id}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := x.with(x.tokenOf(t, c.scope, "patient", x.me))
			q := strings.NewReplacer("{theirCondition}", theirCondition, "{theirName}", x.theirs.Family, "{vital}", vital).Replace(x.fill(c.query, theirObs))
			a := r.ask(t, q, nil)
			if a.code == 500 {
				t.Fatalf("HTTP %d", a.code)
			}
			data, err := json.Marshal(a.json["data"])
			if err != nil {
				t.Fatal(err)
			}
			for secret, what := range map[string]string{x.other: "the other person", x.theirs.Phone: "the other's phone", x.theirs.Family + "\"": "the other's name"} {
				if strings.Contains(string(data), secret) {
					t.Errorf("%s came back", what)
				}
			}
			for copied := range x.theirOnes {
				if _, id, _ := strings.Cut(copied, "/"); strings.Contains(string(data), `"`+id+`"`) {
					t.Error("another patient's copy came back")
				}
			}
			switch c.forbids {
			case "vital-signs", "birthDate\":\"":
				if strings.Contains(string(data), c.forbids) {
					t.Error("what the token does not cover came back")
				}
			case "":
				if strings.Contains(c.name, "count") && !strings.Contains(string(data), `"count":0`) && len(a.faults()) == 0 {
					t.Error("the count tells of what is hidden")
				}
			default:
				if len(a.faults()) == 0 && !strings.Contains(c.query, "optional") {
					t.Error("nothing says that it is forbidden")
				}
				if strings.Contains(string(data), `"__typename":"`+c.forbids) || strings.Contains(string(data), `"status"`) {
					t.Error("a hidden type came back")
				}
			}
			for secret := range map[string]bool{x.theirs.Phone: true, x.theirs.Family: true, x.mine.Family: true} {
				if errs, err := json.Marshal(a.json["errors"]); err != nil || strings.Contains(string(errs), secret) {
					t.Error("an error tells of somebody")
				}
			}
		})
	}
	t.Run("my own is all there", func(t *testing.T) {
		r := x.with(x.tokenOf(t, "patient/*.rs", "patient", x.me))
		want := ids(r.get(t, "Observation?patient="+x.me+"&_count=10000").entries("match"))
		if got := ids(r.ask(t, `{ObservationList{id}}`, nil).list("ObservationList")); len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%d, by REST %d", len(got), len(want))
		}
		if a := r.ask(t, `query($p:ID!){Patient(id:$p){name{family} generalPractitioner{resource(optional:true){...on Practitioner{id}}}}}`, map[string]any{"p": x.me}); len(a.faults()) > 0 {
			t.Errorf("%v", a.faults())
		}
	})
	t.Run("a token that is none", func(t *testing.T) {
		for _, r := range []*rig{x.with(""), x.with("a.b.c")} {
			if a := r.ask(t, `{Patient(id:"a"){id}}`, nil); a.code != 401 {
				t.Errorf("HTTP %d", a.code)
			}
		}
	})
	t.Run("29 bombs", func(t *testing.T) {
		aliases, deep := strings.Builder{}, strings.Builder{}
		for i := range 400 {
			fmt.Fprintf(&aliases, "a%d:ConditionList(patient:%q){id}", i, x.me)
		}
		for range 60 {
			deep.WriteString("extension{")
		}
		for name, q := range map[string]string{
			"aliases": "{" + aliases.String() + "}", "depth": `{Patient(id:"` + x.me + `"){` + deep.String() + "url" + strings.Repeat("}", 60) + "}}",
			"a cycle":       `{Patient(id:"` + x.me + `"){...A}} fragment A on Patient{...B} fragment B on Patient{...A}`,
			"10,000 fields": `{Patient(id:"` + x.me + `"){` + strings.Repeat("id ", 10_000) + "}}",
		} {
			a := x.ask(t, q, nil)
			if a.code != 400 || len(a.faults()) == 0 || a.json["data"] != nil {
				t.Errorf("%s: HTTP %d %v", name, a.code, a.faults())
			}
		}
		if a := x.do(t, http.MethodPost, "$graphql", `[{"query":"{Patient(id:\"a\"){id}}"},{"query":"{Patient(id:\"a\"){id}}"}]`, "Content-Type", "application/json"); a.code != 400 {
			t.Errorf("a list of queries: HTTP %d", a.code)
		}
		if a := x.do(t, http.MethodPost, "$graphql", "query="+url.QueryEscape("{Patient(id:\"a\"){id}}"), "Content-Type", "application/x-www-form-urlencoded"); a.code != 415 {
			t.Errorf("a form: HTTP %d", a.code)
		}
	})
}

// TestGraphQLFaults: a source that fails is said, with the places that it is missing from; with all of them gone there is no
// answer.
func TestGraphQLFaults(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 63, Persons: 2, Registered: 3}})
	p := w.Population.Persons[0]
	const query = `query($p:String!){ConditionList(patient:[$p]){id} AllergyIntoleranceList(patient:[$p]){id}}`
	for _, kind := range []fakeehr.Kind{fakeehr.ServerError, fakeehr.Hang, fakeehr.Truncated, fakeehr.Forbidden, fakeehr.Throttled, fakeehr.WrongPatient, fakeehr.OutcomeAs200} {
		t.Run(string(kind), func(t *testing.T) {
			r := start(t, w, "700ms")
			id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
			vars := map[string]any{"p": id}
			whole := r.ask(t, query, vars)
			w.EHRs[1].Set(fakeehr.Fault{Kind: kind, Type: "Condition"})
			defer w.Heal()
			a := r.ask(t, query, vars)
			ext, _ := a.json["extensions"].(resource)
			outcome, _ := ext["outcome"].(resource)
			named := reply{json: outcome}.issues(w.EHRs[1].Source())
			if a.code != 200 || ext["complete"] != false || len(named) == 0 || !slices.Equal(a.faults(), []string{"INCOMPLETE"}) {
				t.Errorf("HTTP %d, complete %v, issues %v, errors %v", a.code, ext["complete"], named, a.faults())
			}
			if len(a.list("AllergyIntoleranceList")) != len(whole.list("AllergyIntoleranceList")) || len(a.list("ConditionList")) == 0 {
				t.Error("what the others gave is not all there")
			}
			if strict := r.ask(t, query, vars, "Prefer", "handling=strict"); strict.code < 500 || strict.json["data"] != nil {
				t.Errorf("strict: HTTP %d", strict.code)
			}
			r.leaks(t, p)
		})
	}
	t.Run("all down", func(t *testing.T) {
		r := start(t, w, "700ms")
		id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
		for _, e := range w.EHRs {
			e.Set(fakeehr.Fault{Kind: fakeehr.ServerError})
		}
		defer w.Heal()
		a := r.ask(t, query, map[string]any{"p": id})
		if a.code < 502 || a.code > 504 || !slices.Equal(a.faults(), []string{"UNAVAILABLE"}) {
			t.Errorf("HTTP %d %v", a.code, a.faults())
		}
	})
}
