package scenarios_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

const jsonBody = "application/fhir+json"

// describe is a person as somebody at a desk would enter it.
func describe(p population.Person) string {
	b, _ := json.Marshal(resource{"resourceType": "Patient", "birthDate": p.Birth.Format("2006-01-02"),
		"name":    []any{resource{"family": p.Family, "given": []string{p.Given[0]}}},
		"telecom": []any{resource{"system": "phone", "value": p.Phone}}})
	return string(b)
}

// asks is the Parameters of $match.
func asks(patient, more string) string {
	return `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":` + patient + `}` + more + `]}`
}

// matches are the ids, grades and scores of $match's entries, in order.
func matches(a reply) (ids, grades []string, scores []float64) {
	list, _ := a.json["entry"].([]any)
	for _, e := range list {
		m, _ := e.(resource)
		s, _ := m["search"].(resource)
		if s["mode"] != "match" {
			continue
		}
		r, _ := m["resource"].(resource)
		ids = append(ids, fmt.Sprint(r["id"]))
		n, _ := s["score"].(json.Number)
		f, _ := n.Float64()
		scores = append(scores, f)
		for _, x := range s["extension"].([]any) {
			if g, _ := x.(resource); g["url"] == "http://hl7.org/fhir/StructureDefinition/match-grade" {
				grades = append(grades, fmt.Sprint(g["valueCode"]))
			}
		}
	}
	return ids, grades, scores
}

// TestMatch: a person who is described is found at the sources and in the index, as a person with all its records.
func TestMatch(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 91, Persons: 6, Decoys: 1, Registered: 3, NoHistory: true}})
	r := start(t, w, "5s")
	found := 0
	for _, p := range w.Population.Persons {
		if len(p.Copies) == 0 {
			continue
		}
		a := r.do(t, "POST", "Patient/$match", asks(describe(p), ""), "Content-Type", jsonBody)
		ids, grades, scores := matches(a)
		if a.code != 200 || a.json["type"] != "searchset" || len(ids) != len(grades) || len(ids) != len(scores) || !slices.IsSortedFunc(scores, func(a, b float64) int { return int(1000 * (b - a)) }) {
			t.Fatalf("HTTP %d: %d matches, %v %v", a.code, len(ids), grades, scores)
		}
		if len(ids) == 0 {
			continue
		}
		if want, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID); ids[0] == want {
			found++
		}
		bare := r.do(t, "POST", "Patient/$match", describe(p), "Content-Type", jsonBody)
		if again, _, _ := matches(bare); !slices.Equal(ids, again) {
			t.Error("a bare Patient finds others")
		}
		sure := r.do(t, "POST", "Patient/$match", asks(describe(p), `,{"name":"onlyCertainMatches","valueBoolean":true}`), "Content-Type", jsonBody)
		if ids, grades, _ := matches(sure); sure.code != 200 || len(ids) > 1 || slices.ContainsFunc(grades, func(g string) bool { return g != "certain" }) {
			t.Errorf("only certain ones: HTTP %d, %v", sure.code, grades)
		}
		one := r.do(t, "POST", "Patient/$match", asks(describe(p), `,{"name":"count","valueInteger":1}`), "Content-Type", jsonBody)
		if ids, _, _ := matches(one); len(ids) != 1 {
			t.Errorf("one was asked for: %d", len(ids))
		}
	}
	if found < len(w.Population.Persons)*2/3 {
		t.Errorf("%d of %d are found first", found, len(w.Population.Persons))
	}
	nobody := `{"resourceType":"Patient","name":[{"family":"Nobodyatall","given":["Quintus"]}],"birthDate":"1911-02-03"}`
	if a := r.do(t, "POST", "Patient/$match", nobody, "Content-Type", jsonBody); a.code != 200 || a.json["entry"] != nil {
		t.Errorf("nobody: HTTP %d, %v", a.code, a.json["entry"])
	}
}

func TestMatchRefusals(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 92, Persons: 2, Registered: 3, NoHistory: true}})
	r := start(t, w, "5s")
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	good := asks(describe(p), "")
	for _, c := range []struct {
		name, token, method, body, kind string
		code                            int
	}{
		{"the person's own token", r.tokenOf(t, "patient/*.cruds", "patient", id), "POST", good, jsonBody, 403},
		{"a scope that reads", r.tokenOf(t, "user/Patient.r"), "POST", good, jsonBody, 403},
		{"another type", r.tokenOf(t, "user/Observation.rs"), "POST", good, jsonBody, 403},
		{"a system", r.tokenOf(t, "system/Patient.s"), "POST", good, jsonBody, 200},
		{"no token", "none", "POST", good, jsonBody, 401},
		{"by GET", r.token, "GET", "", "", 405},
		{"a form", r.token, "POST", "resource=x", "application/x-www-form-urlencoded", 415},
		{"no JSON", r.token, "POST", "{", jsonBody, 400},
		{"another resource", r.token, "POST", `{"resourceType":"Observation"}`, jsonBody, 400},
		{"no resource", r.token, "POST", `{"resourceType":"Parameters"}`, jsonBody, 400},
		{"two resources", r.token, "POST", asks(describe(p), `,{"name":"resource","resource":`+describe(p)+`}`), jsonBody, 400},
		{"a parameter that is none", r.token, "POST", asks(describe(p), `,{"name":"colour","valueString":"red"}`), jsonBody, 400},
		{"a count that is none", r.token, "POST", asks(describe(p), `,{"name":"count","valueInteger":0}`), jsonBody, 400},
		{"a flag that is none", r.token, "POST", asks(describe(p), `,{"name":"onlyCertainMatches","valueBoolean":"true"}`), jsonBody, 400},
		{"who says nothing", r.token, "POST", `{"resourceType":"Patient","gender":"female"}`, jsonBody, 422},
	} {
		g := r.with(c.token)
		if c.token == "none" {
			g = r.with("")
		}
		a := g.do(t, c.method, "Patient/$match", c.body, "Content-Type", c.kind)
		if a.code != c.code {
			t.Errorf("%s: HTTP %d, want %d", c.name, a.code, c.code)
		}
		if a.code != 200 && strings.Contains(string(a.body), p.Family) {
			t.Errorf("%s: a refusal tells the name back", c.name)
		}
	}
	w.EHRs[1].Set(fakeehr.Fault{Kind: fakeehr.ServerError, Type: "Patient"})
	defer w.Heal()
	if a := r.do(t, "POST", "Patient/$match", good, "Content-Type", jsonBody); a.code != 200 || len(a.issues(w.EHRs[1].Source())) == 0 || a.json["total"] != nil {
		t.Errorf("a source that failed: HTTP %d, %v", a.code, a.issues(w.EHRs[1].Source()))
	}
	if a := r.do(t, "POST", "Patient/$match", good, "Content-Type", jsonBody, "Prefer", "handling=strict"); a.code < 500 {
		t.Errorf("strictly: HTTP %d", a.code)
	}
}

// number is the record number of a person at a source.
func number(t *testing.T, w *testharness.World, c population.Copy) (system, value string) {
	t.Helper()
	var patient struct {
		Identifier []struct{ System, Value string }
	}
	for _, res := range w.Population.Site(c.Source).Resources {
		if res.Type == "Patient" && res.ID == c.ID {
			if err := json.Unmarshal(res.Body, &patient); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, i := range patient.Identifier {
		if i.System == w.EHR(c.Source).MRNSystem() {
			return i.System, i.Value
		}
	}
	t.Fatal("no record number")
	return "", ""
}

// identifiers are the values of $ihe-pix's targetIdentifier, by system.
func identifiers(a reply) map[string]string {
	out := map[string]string{}
	all, _ := a.json["parameter"].([]any)
	for _, x := range all {
		p, _ := x.(resource)
		if i, ok := p["valueIdentifier"].(resource); ok && p["name"] == "targetIdentifier" {
			out[fmt.Sprint(i["system"])] = fmt.Sprint(i["value"])
		}
	}
	return out
}

// TestPix: whoever is known by one number is known by the others, and each way to ask in vain has its own refusal (IHE PIXm,
// ITI-83).
func TestPix(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 93, Persons: 2, Registered: 3, NoHistory: true}})
	r := start(t, w, "5s")
	p, q := w.Population.Persons[0], w.Population.Persons[1]
	mine, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	r.person(t, q.Copies[0].Source, q.Copies[0].ID)
	system, value := number(t, w, p.Copies[0])
	other, otherValue := number(t, w, p.Copies[1])
	at := func(query ...string) string {
		v := url.Values{}
		for i := 0; i+1 < len(query); i += 2 {
			v.Add(query[i], query[i+1])
		}
		return "Patient/$ihe-pix?" + v.Encode()
	}
	a := r.get(t, at("sourceIdentifier", system+"|"+value))
	got := identifiers(a)
	if a.code != 200 || a.json["resourceType"] != "Parameters" || got[other] != otherValue || got[system] != "" {
		t.Errorf("HTTP %d, the other number: %t, its own: %t", a.code, got[other] == otherValue, got[system] != "")
	}
	if refs := a.parts("targetId"); !slices.Contains(refs, "Patient/"+mine) || len(refs) != 1+len(p.Copies) {
		t.Errorf("%d references", len(refs))
	}
	a = r.get(t, at("sourceIdentifier", system+"|"+value, "targetSystem", other))
	if got := identifiers(a); a.code != 200 || len(got) != 1 || got[other] != otherValue || len(a.parts("targetId")) != 0 {
		t.Errorf("one system: HTTP %d, %d identifiers", a.code, len(got))
	}
	base := w.EHR(p.Copies[1].Source).URL()
	a = r.get(t, at("sourceIdentifier", base+"|Patient/"+p.Copies[1].ID, "targetSystem", system))
	if got := identifiers(a); a.code != 200 || got[system] != value {
		t.Errorf("by a reference: HTTP %d", a.code)
	}
	body := `{"resourceType":"Parameters","parameter":[{"name":"sourceIdentifier","valueString":"` + system + "|" + value + `"}]}`
	if a := r.do(t, "POST", "Patient/$ihe-pix", body, "Content-Type", jsonBody); a.code != 200 || identifiers(a)[other] != otherValue {
		t.Errorf("by POST: HTTP %d", a.code)
	}
	for _, c := range []struct {
		name, token, path, issue string
		code                     int
	}{
		{"an unknown number", r.token, at("sourceIdentifier", system+"|no-such-number"), "not-found", 404},
		{"an unknown authority", r.token, at("sourceIdentifier", "urn:oid:1.2.3.4|1"), "code-invalid", 400},
		{"an unknown target", r.token, at("sourceIdentifier", system+"|"+value, "targetSystem", "urn:oid:1.2.3.4"), "code-invalid", 403},
		{"no identifier", r.token, "Patient/$ihe-pix", "required", 400},
		{"no system", r.token, at("sourceIdentifier", value), "invalid", 400},
		{"two identifiers", r.token, at("sourceIdentifier", system+"|"+value, "sourceIdentifier", other+"|"+otherValue), "invalid", 400},
		{"another parameter", r.token, at("sourceIdentifier", system+"|"+value, "colour", "red"), "invalid", 400},
		{"the patient's own token", r.tokenOf(t, "patient/*.cruds", "patient", mine), at("sourceIdentifier", system+"|"+value), "forbidden", 403},
		{"a scope that reads", r.tokenOf(t, "user/Patient.r"), at("sourceIdentifier", system+"|"+value), "forbidden", 403},
		{"on a patient", r.token, "Patient/" + mine + "/$ihe-pix?sourceIdentifier=a|b", "not-supported", 404},
	} {
		a := r.with(c.token).get(t, c.path)
		if a.code != c.code || !strings.Contains(string(a.body), `"code":"`+c.issue+`"`) {
			t.Errorf("%s: HTTP %d, want %d %s", c.name, a.code, c.code, c.issue)
		}
	}
}

// TestOtherTenantsIndex: what the index knows from sources that the caller's tenant does not reach is not told of by any of
// the three.
func TestOtherTenantsIndex(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 94, Persons: 2, Registered: 3, NoHistory: true}})
	hidden := w.Population.Persons[0].Copies[1].Source
	r := startKeyed(t, w, "5s", t.TempDir(), map[string]string{string(hidden): "tenants: [inside]"})
	p := w.Population.Persons[0]
	inside := r.with(r.tokenOf(t, "user/*.cruds", "tenant", "inside"))
	outside := r.with(r.tokenOf(t, "user/*.cruds", "tenant", "outside"))
	inside.person(t, p.Copies[0].Source, p.Copies[0].ID) // the index knows all of it now
	system, value := number(t, w, p.Copies[1])
	at := func(system, value string, more string) string {
		return "Patient/$ihe-pix?sourceIdentifier=" + url.QueryEscape(system+"|"+value) + more
	}
	if a := inside.get(t, at(system, value, "")); a.code != 200 {
		t.Fatalf("inside: HTTP %d", a.code)
	}
	if a := outside.get(t, at(system, value, "")); a.code != 400 {
		t.Errorf("by a number of a source that is not reached: HTTP %d", a.code)
	}
	mySystem, myValue := number(t, w, p.Copies[0])
	if a := outside.get(t, at(mySystem, myValue, "&targetSystem="+url.QueryEscape(system))); a.code != 403 {
		t.Errorf("into a source that is not reached: HTTP %d", a.code)
	}
	if a := outside.get(t, at(mySystem, myValue, "")); a.code != 200 || strings.Contains(string(a.body), string(hidden)+".") || strings.Contains(string(a.body), value) {
		t.Errorf("HTTP %d, or a record that is not reached is in it", a.code)
	}
	if a := outside.do(t, "POST", "Patient/$match", describe(p), "Content-Type", jsonBody); a.code != 200 || strings.Contains(string(a.body), string(hidden)+".") {
		t.Errorf("$match: HTTP %d, or a record that is not reached is in it", a.code)
	}
	if a := outside.get(t, "$mpi-review"); a.code != 200 || strings.Contains(string(a.body), string(hidden)+".") {
		t.Errorf("$mpi-review: HTTP %d", a.code)
	}
}
