package scenarios_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"concord/testharness"
	"concord/testharness/population"
)

// searched are US Core's search parameters, and where their values are.
var searched = []struct {
	typ, param string
	date       bool
	at         []string
}{
	{"AllergyIntolerance", "clinical-status", false, []string{"clinicalStatus"}},
	{"CarePlan", "category", false, []string{"category"}},
	{"CareTeam", "status", false, []string{"status"}},
	{"Condition", "category", false, []string{"category"}},
	{"Condition", "clinical-status", false, []string{"clinicalStatus"}},
	{"Condition", "code", false, []string{"code"}},
	{"Condition", "onset-date", true, []string{"onsetDateTime", "onsetPeriod"}},
	{"DiagnosticReport", "category", false, []string{"category"}},
	{"DiagnosticReport", "code", false, []string{"code"}},
	{"DiagnosticReport", "date", true, []string{"effectiveDateTime", "effectivePeriod"}},
	{"DocumentReference", "category", false, []string{"category"}},
	{"DocumentReference", "type", false, []string{"type"}},
	{"DocumentReference", "date", true, []string{"date"}},
	{"Encounter", "class", false, []string{"class"}},
	{"Encounter", "status", false, []string{"status"}},
	{"Encounter", "type", false, []string{"type"}},
	{"Encounter", "date", true, []string{"period"}},
	{"Goal", "lifecycle-status", false, []string{"lifecycleStatus"}},
	{"Immunization", "status", false, []string{"status"}},
	{"Immunization", "date", true, []string{"occurrenceDateTime"}},
	{"MedicationRequest", "intent", false, []string{"intent"}},
	{"MedicationRequest", "status", false, []string{"status"}},
	{"MedicationRequest", "authoredon", true, []string{"authoredOn"}},
	{"Observation", "category", false, []string{"category"}},
	{"Observation", "code", false, []string{"code"}},
	{"Observation", "status", false, []string{"status"}},
	{"Observation", "date", true, []string{"effectiveDateTime", "effectivePeriod"}},
	{"Procedure", "code", false, []string{"code"}},
	{"Procedure", "status", false, []string{"status"}},
	{"Procedure", "date", true, []string{"performedDateTime", "performedPeriod"}},
}

// copyOf is a copy of a person's at a source, read by encoding/json.
type copyOf struct {
	name string // as the gateway's contributors name it
	json resource
}

// held are all copies of a person's, of a type.
func held(t *testing.T, w *testharness.World, p population.Person, typ string) (out []copyOf) {
	t.Helper()
	for _, site := range w.Population.Sites {
		for _, res := range site.Resources {
			if res.Type != typ || w.Truth.Event[population.Copy{Source: site.Source.ID, Type: typ, ID: res.ID}].Person() != p.Key {
				continue
			}
			c := copyOf{name: typ + "/" + string(site.Source.ID) + "." + res.ID}
			if err := json.Unmarshal(res.Body, &c.json); err != nil {
				t.Fatal(err)
			}
			out = append(out, c)
		}
	}
	return out
}

// tokens are what a token parameter finds at an element, with and without the system.
func tokens(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v {
			out = append(out, tokens(x)...)
		}
	case resource:
		if c, ok := v["coding"]; ok {
			return tokens(c)
		}
		if code, ok := v["code"].(string); ok {
			out = append(out, code)
			if system, ok := v["system"].(string); ok {
				out = append(out, system+"|"+code)
			}
		}
	}
	return out
}

// days are the first and the last moment of a date or a Period on the wall clock of its own zone, as texts that sort.
func days(v any) (from, to string) {
	switch v := v.(type) {
	case string:
		return pad(v, false), pad(v, true)
	case resource:
		from, to = "0000", "9999"
		if s, ok := v["start"].(string); ok {
			from = pad(s, false)
		}
		if s, ok := v["end"].(string); ok {
			to = pad(s, true)
		}
	}
	return from, to
}

// pad makes a date of any precision a moment of it: its first, or its last.
func pad(s string, last bool) string {
	if i := strings.IndexByte(s, 'T'); i > 0 { // the zone goes
		clock, _, _ := strings.Cut(strings.TrimSuffix(s[i:], "Z"), "+")
		clock, _, _ = strings.Cut(clock, "-")
		s = s[:i] + clock
		if !strings.Contains(s, ".") {
			s += ".000"
		}
	}
	full := "0000-01-01T00:00:00.000"
	if last {
		full = "9999-12-31T23:59:59.999"
	}
	return s + full[min(len(s), len(full)):]
}

func dateHolds(from, to, prefix, day string) bool {
	a, z := pad(day, false), pad(day, true)
	inside := from >= a && to <= z
	switch prefix {
	case "ge":
		return inside || to > z
	case "le":
		return inside || from < a
	case "gt":
		return to > z
	case "lt":
		return from < a
	case "ne":
		return !inside
	}
	return inside
}

// TestParameters: each of US Core's parameters finds what a reader without any of the gateway's code finds.
func TestParameters(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 31, Persons: 1, Registered: 3}})
	r := start(t, w, "20s")
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	asked, found := 0, 0
	check := func(t *testing.T, query string, copies []copyOf, want func(copyOf) bool) {
		t.Helper()
		typ, _, _ := strings.Cut(query, "?")
		a := r.get(t, query+"&_count=10000&patient="+id)
		if a.code != 200 {
			t.Errorf("%s: HTTP %d", query, a.code)
			return
		}
		var got, expected []string
		for _, e := range a.entries("match") {
			got = append(got, contributors(e)...)
		}
		for _, c := range copies {
			if want(c) {
				expected = append(expected, c.name)
			}
		}
		slices.Sort(got)
		slices.Sort(expected)
		asked, found = asked+1, found+len(expected)
		if !slices.Equal(got, expected) {
			t.Errorf("%s: %d copies of %s, want %d", query, len(got), typ, len(expected))
		}
	}
	for _, s := range searched {
		t.Run(s.typ+" "+s.param, func(t *testing.T) {
			copies := held(t, w, p, s.typ)
			if len(copies) == 0 {
				t.Skip("the population has none")
			}
			values := func(c copyOf) (out []any) {
				for _, at := range s.at {
					if v, ok := c.json[at]; ok {
						out = append(out, v)
					}
				}
				return out
			}
			check(t, s.typ+"?"+s.param+":missing=true", copies, func(c copyOf) bool { return len(values(c)) == 0 })
			check(t, s.typ+"?"+s.param+":missing=false", copies, func(c copyOf) bool { return len(values(c)) > 0 })
			known := map[string]bool{}
			for _, c := range copies {
				for _, v := range values(c) {
					if s.date {
						from, _ := days(v)
						known[from[:10]] = true
						continue
					}
					for _, x := range tokens(v) {
						known[x] = true
					}
				}
			}
			all := slices.Sorted(maps.Keys(known))
			for i := 0; i < len(all); i += max(1, len(all)/2) {
				v := all[i]
				if !s.date {
					has := func(c copyOf) bool {
						return slices.ContainsFunc(values(c), func(x any) bool { return slices.Contains(tokens(x), v) })
					}
					check(t, s.typ+"?"+s.param+"="+url.QueryEscape(v), copies, has)
					check(t, s.typ+"?"+s.param+"=nothing-like-it,"+url.QueryEscape(v), copies, has)
					check(t, s.typ+"?"+s.param+":not="+url.QueryEscape(v), copies, func(c copyOf) bool { return !has(c) })
					continue
				}
				for _, prefix := range []string{"", "eq", "ne", "ge", "le", "gt", "lt"} {
					for _, d := range []string{v, v[:4]} {
						check(t, s.typ+"?"+s.param+"="+prefix+d, copies, func(c copyOf) bool {
							return slices.ContainsFunc(values(c), func(x any) bool {
								from, to := days(x)
								return dateHolds(from, to, prefix, d)
							})
						})
					}
				}
			}
		})
	}
	t.Run("category and dates", func(t *testing.T) {
		check(t, "Observation?category=laboratory&date=ge2023&date=lt2026-01", held(t, w, p, "Observation"), func(c copyOf) bool {
			from, to := days(c.json["effectiveDateTime"])
			return slices.Contains(tokens(c.json["category"]), "laboratory") && dateHolds(from, to, "ge", "2023") && dateHolds(from, to, "lt", "2026-01")
		})
	})
	t.Logf("%d searches, %d copies expected", asked, found)
	if found < 100 {
		t.Error("hardly anything was looked for")
	}
}

// TestPatientForms: a search names its patient in every way that there is.
func TestPatientForms(t *testing.T) {
	x := startTwo(t)
	record := string(x.mine.Copies[0].Source) + "." + x.mine.Copies[0].ID
	ssn := url.QueryEscape("http://hl7.org/fhir/sid/us-ssn|" + x.mine.SSN)
	want := string(x.get(t, "Condition?patient="+x.me+"&_count=10000").body)
	if !strings.Contains(want, `"match"`) {
		t.Fatal("there is nothing to find")
	}
	entries := func(b string) string { return b[strings.Index(b, `"entry"`):] }
	for _, c := range []struct {
		name, query string
		code        int
	}{
		{"the person", "patient={me}", 200},
		{"with the type", "patient=Patient/{me}", 200},
		{"by URL", "patient={base}/Patient/{me}", 200},
		{"by subject", "subject=Patient/{me}", 200},
		{"by subject and modifier", "subject:Patient={me}", 200},
		{"a record", "patient=" + record, 200},
		{"a record with its type", "patient=Patient/" + record, 200},
		{"a record by URL", "subject={base}/Patient/" + record, 200},
		{"twice", "patient={me}&subject=Patient/" + record, 200},
		{"an identifier", "patient.identifier=" + ssn, 200},
		{"an identifier by modifier", "patient:identifier=" + ssn, 200},
		{"an identifier of the subject", "subject:Patient.identifier=" + ssn, 200},
		{"an empty one beside it", "patient={me}&subject=", 200},
		{"an identifier of nobody", "patient.identifier=http://hl7.org/fhir/sid/us-ssn|000000000", 404},
		{"two", "patient={me},{other}", 400},
		{"two by two", "patient={me}&patient={other}", 400},
		{"nobody", "patient=nobody", 404},
		{"nobody's record", "patient=epic.nothing", 404},
		{"a source that is none", "patient=meditech.1", 404},
		{"another server's", "patient=https://elsewhere.example.org/Patient/{me}", 404},
		{"another type", "subject=Group/1", 404},
		{"another type by modifier", "subject:Group=1", 400},
		{"missing", "patient:missing=true", 400},
		{"a chain", "patient.family=x", 400},
		{"a reverse chain", "_has:Observation:patient:code=x", 400},
		{"none", "code=1", 400},
		{"an empty one alone", "patient=", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := x.get(t, "Condition?_count=10000&"+x.fill(c.query, ""))
			if a.code != c.code {
				t.Fatalf("HTTP %d, want %d", a.code, c.code)
			}
			if c.code == 200 && entries(string(a.body)) != entries(want) {
				t.Error("another answer")
			}
			if c.code != 200 && a.json["resourceType"] != "OperationOutcome" {
				t.Errorf("%v", a.json["resourceType"])
			}
		})
	}
	t.Run("by form", func(t *testing.T) {
		a := x.do(t, http.MethodPost, "Condition/_search", "patient="+x.me+"&_count=10000", "Content-Type", "application/x-www-form-urlencoded")
		if a.code != 200 || entries(string(a.body)) != entries(want) {
			t.Errorf("HTTP %d", a.code)
		}
	})
	t.Run("everything by Parameters", func(t *testing.T) {
		a := x.do(t, http.MethodPost, "Patient/"+x.me+"/$everything", `{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Condition"},{"name":"_count","valueInteger":10000}]}`, "Content-Type", "application/fhir+json")
		if a.code != 200 || len(a.entries("match")) == 0 {
			t.Fatalf("HTTP %d", a.code)
		}
		for _, e := range a.entries("match") {
			if e["resourceType"] != "Condition" {
				t.Errorf("a %v", e["resourceType"])
			}
		}
	})
}

// TestShapes: what says how an answer shall look.
func TestShapes(t *testing.T) {
	x := startTwo(t)
	find := func(query string, headers ...string) reply { return x.get(t, x.fill(query, ""), headers...) }
	all := find("Observation?patient={me}&_count=10000")
	n := len(all.entries("match"))
	if total := fmt.Sprint(all.json["total"]); total != fmt.Sprint(n) {
		t.Errorf("total %s of %d", total, n)
	}
	t.Run("count", func(t *testing.T) {
		for _, q := range []string{"_summary=count", "_count=0"} {
			a := find("Observation?patient={me}&" + q)
			if a.code != 200 || fmt.Sprint(a.json["total"]) != fmt.Sprint(n) || a.json["entry"] != nil {
				t.Errorf("%s: HTTP %d, total %v, entries %v", q, a.code, a.json["total"], a.json["entry"] != nil)
			}
		}
	})
	t.Run("elements", func(t *testing.T) {
		for _, e := range find("Observation?patient={me}&_elements=code").entries("match") {
			if e["code"] == nil || e["status"] == nil || e["valueQuantity"] != nil || !strings.Contains(fmt.Sprint(e["meta"]), "SUBSETTED") || len(contributors(e)) == 0 {
				t.Fatal("not the elements that were asked for")
			}
		}
	})
	t.Run("an element of a choice", func(t *testing.T) {
		values := 0
		for _, e := range find("Observation?patient={me}&_count=10000&_elements=value").entries("match") {
			if e["valueQuantity"] != nil {
				values++
			}
			if e["effectiveDateTime"] != nil || e["category"] != nil {
				t.Fatal("more than was asked for")
			}
		}
		if values == 0 {
			t.Error("no value")
		}
	})
	t.Run("text", func(t *testing.T) {
		for _, e := range find("Observation?patient={me}&_summary=text").entries("match") {
			if e["valueQuantity"] != nil || e["code"] == nil || !strings.Contains(fmt.Sprint(e["meta"]), "SUBSETTED") {
				t.Fatal("not a text")
			}
		}
	})
	t.Run("data", func(t *testing.T) {
		for _, e := range find("Observation?patient={me}&_summary=data").entries("match") {
			if e["text"] != nil || e["subject"] == nil {
				t.Fatal("not the data")
			}
		}
	})
	for _, s := range []struct {
		by   string
		down bool
	}{{"date", false}, {"date", true}} {
		t.Run(fmt.Sprint("sort ", s.by, s.down), func(t *testing.T) {
			by := s.by
			if s.down {
				by = "-" + by
			}
			last := time.Time{}
			for _, e := range find("Observation?patient={me}&_count=10000&_sort=" + by).entries("match") {
				at, err := time.Parse(time.RFC3339, fmt.Sprint(e["effectiveDateTime"]))
				if err != nil {
					continue
				}
				if !last.IsZero() && (at.Before(last) != s.down) && !at.Equal(last) {
					t.Fatal("out of order")
				}
				last = at
			}
		})
	}
	t.Run("include", func(t *testing.T) {
		a := find("Observation?patient={me}&_count=10000&_include=Observation:encounter&_include=Observation:subject&_include=Observation:performer")
		want := map[string]bool{}
		for _, e := range a.entries("match") {
			for _, k := range []string{"encounter", "subject"} {
				if m, ok := e[k].(resource); ok && m["reference"] != nil {
					want[fmt.Sprint(m["reference"])] = true
				}
			}
			performers, _ := e["performer"].([]any)
			for _, p := range performers {
				if m, ok := p.(resource); ok && m["reference"] != nil {
					want[fmt.Sprint(m["reference"])] = true
				}
			}
		}
		for _, e := range a.entries("include") {
			ref := fmt.Sprint(e["resourceType"], "/", e["id"])
			if !want[ref] {
				t.Errorf("a %v that nothing refers to, or twice", e["resourceType"])
			}
			delete(want, ref)
		}
		if len(want) > 0 {
			t.Errorf("%d of what is referred to are missing", len(want))
		}
	})
	t.Run("provenance", func(t *testing.T) {
		a := find("Condition?patient={me}&_count=10000&_revinclude=Provenance:target")
		made := map[string]resource{}
		for _, e := range a.entries("include") {
			if e["resourceType"] != "Provenance" || !strings.Contains(fmt.Sprint(e["agent"]), "Concord") {
				continue
			}
			targets, _ := e["target"].([]any)
			target, _ := targets[0].(resource)
			made[fmt.Sprint(target["reference"])] = e
		}
		for _, e := range a.entries("match") {
			p := made[fmt.Sprint("Condition/", e["id"])]
			entities, _ := p["entity"].([]any)
			agents, _ := p["agent"].([]any)
			if p == nil || len(entities) != len(contributors(e)) || len(agents) < 2 {
				t.Fatalf("%d entities for %d copies, %d agents", len(entities), len(contributors(e)), len(agents))
			}
		}
	})
	for _, c := range []struct {
		name, query string
		strict      bool
		code        int
	}{
		{"unknown", "Observation?patient={me}&flavour=sweet", false, 200},
		{"unknown, strictly", "Observation?patient={me}&flavour=sweet", true, 400},
		{"known, strictly", "Observation?patient={me}&_sort=-date", true, 200},
		{"a bad date", "Observation?patient={me}&date=yesterday", false, 400},
		{"a bad count", "Observation?patient={me}&_count=-1", false, 400},
		{"a bad modifier", "Observation?patient={me}&code:in=x", false, 400},
		{"a bad total", "Observation?patient={me}&_total=maybe", false, 400},
		{"a type that is none", "Nonsense?patient={me}", false, 404},
		{"everything of a type that is none", "Patient/{me}/$everything?_type=Nonsense", false, 400},
		{"everything, unknown parameter", "Patient/{me}/$everything?flavour=sweet", false, 200},
		{"everything, strictly", "Patient/{me}/$everything?flavour=sweet", true, 400},
		{"nobody", "Patient/nobody", false, 404},
		{"no such copy", "Observation/epic.nothing", false, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.strict {
				headers = []string{"Prefer", "handling=strict"}
			}
			a := find(c.query, headers...)
			if a.code != c.code {
				t.Fatalf("HTTP %d, want %d", a.code, c.code)
			}
			if c.name == "unknown" && (strings.Contains(a.link("self"), "flavour") || !strings.Contains(string(a.body), "http.flavour") || strings.Contains(string(a.body), "sweet")) {
				t.Error("the parameter is not named as ignored")
			}
		})
	}
	t.Run("read, HEAD and conditional", func(t *testing.T) {
		id := one(t, x.myCopies, "Observation")
		a := x.get(t, "Observation/"+id)
		if a.code != 200 || a.json["id"] != id || len(contributors(a.json)) != 1 || a.header.Get("ETag") == "" || a.header.Get("Server-Timing") == "" {
			t.Fatalf("HTTP %d, %d contributors, timing %q", a.code, len(contributors(a.json)), a.header.Get("Server-Timing"))
		}
		if h := x.do(t, http.MethodHead, "Observation/"+id, ""); h.code != 200 || len(h.body) > 0 || h.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			t.Errorf("HEAD: HTTP %d, %d bytes", h.code, len(h.body))
		}
		if c := x.get(t, "Observation/"+id, "If-None-Match", a.header.Get("ETag")); c.code != http.StatusNotModified || len(c.body) > 0 {
			t.Errorf("conditional: HTTP %d, %d bytes", c.code, len(c.body))
		}
		if c := x.get(t, "Observation/"+id, "If-None-Match", `W/"another"`); c.code != 200 {
			t.Errorf("another version: HTTP %d", c.code)
		}
	})
}
