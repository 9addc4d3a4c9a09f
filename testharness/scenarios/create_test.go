package scenarios_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

const fhirType = "application/fhir+json"

// startCreating is two people, at gateways where Conditions may be filed at Epic and at Cerner, and Observations at Epic.
func startCreating(t *testing.T) twoPeople {
	t.Helper()
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 21, Persons: 2, Registered: 3}})
	x := twoPeople{rig: startKeyed(t, w, "700ms", t.TempDir(), map[string]string{"epic": "creates: [Condition, Observation]", "cerner": "creates: [Condition]"}),
		mine: w.Population.Persons[0], theirs: w.Population.Persons[1]}
	x.me, _ = x.person(t, x.mine.Copies[0].Source, x.mine.Copies[0].ID)
	x.other, _ = x.person(t, x.theirs.Copies[0].Source, x.theirs.Copies[0].ID)
	x.rig = x.with(x.tokenOf(t, "user/*.cruds"))
	return x
}

func (x twoPeople) post(t *testing.T, path, body string, headers ...string) reply {
	t.Helper()
	return x.do(t, http.MethodPost, path, strings.NewReplacer("{me}", x.me, "{other}", x.other).Replace(body), append([]string{"Content-Type", fhirType}, headers...)...)
}

// created counts what was filed at all sources.
func (x twoPeople) filed() (n int) {
	for _, e := range x.world.EHRs {
		for _, r := range e.Requests() {
			if r.Interaction == "create" {
				n++
			}
		}
	}
	return n
}

const problem = `{"resourceType":"Condition","id":"mine","meta":{"versionId":"7","source":"made-up","tag":[{"system":"urn:concord:source","code":"cerner"},{"system":"urn:x","code":"kept"}]},` +
	`"clinicalStatus":{"coding":[{"code":"active"}]},"code":{"text":"Filed here"},"subject":{"reference":"Patient/{me}"},"onsetAge":{"value":41.50,"unit":"a"}}`

// TestCreate: a resource is filed at the source that is named, with that source's own references, is found by a search, and
// stands in the trail before and after.
func TestCreate(t *testing.T) {
	x := startCreating(t)
	a := x.post(t, "Condition?_source=cerner", problem)
	at := a.header.Get("Location")
	if a.code != http.StatusCreated || !strings.HasPrefix(at, public+"/fhir/r4/Condition/cerner.") {
		t.Fatalf("HTTP %d, Location %t", a.code, strings.HasPrefix(at, public))
	}
	one := x.get(t, at)
	text := string(one.body)
	if one.code != 200 || !strings.Contains(text, `"Filed here"`) || !strings.Contains(text, "41.5") || !strings.Contains(text, "Patient/"+x.me) ||
		!strings.Contains(text, "kept") || strings.Contains(text, `"mine"`) || strings.Contains(text, "made-up") {
		t.Errorf("HTTP %d: it is not what was sent", one.code)
	}
	found := 0
	for _, e := range x.get(t, "Condition?patient="+x.me+"&_count=1000").entries("match") {
		if strings.Contains(fmt.Sprint(e["code"]), "Filed here") {
			found++
		}
	}
	if found != 1 {
		t.Errorf("a search finds it %d times", found)
	}
	order := ""
	for line := range strings.Lines(x.trail(t)) {
		var e struct {
			Type        string `json:"event_type"`
			Interaction string `json:"fhir_interaction"`
			Status      int    `json:"response_status"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Interaction == "create" {
			order += e.Type + " "
		}
	}
	if order != "fhir.api.intended fhir.api.access " {
		t.Errorf("the trail has %q", order)
	}
	if a := x.with(x.tokenOf(t, "patient/Condition.c", "patient", x.me)); true {
		b := a.do(t, http.MethodPost, "Condition?_source=epic", strings.ReplaceAll(problem, "{me}", x.me), "Content-Type", fhirType)
		if b.code != 201 || len(b.body) > 0 {
			t.Errorf("by a patient's token: HTTP %d, %d bytes", b.code, len(b.body))
		}
		if c := a.get(t, b.header.Get("Location")); c.code != 403 {
			t.Errorf("40 a token that only creates reads it: HTTP %d", c.code)
		}
	}
}

// TestCreateIsRefused: nothing reaches a source that the token, the configuration or the resource itself speaks against.
func TestCreateIsRefused(t *testing.T) {
	x := startCreating(t)
	with := func(from, to string) string { return strings.Replace(problem, from, to, 1) }
	for _, c := range []struct {
		name, scope, path, body string
		code                    int
		headers                 []string
	}{
		{name: "no scope", scope: "user/Condition.rs", path: "Condition?_source=epic", body: problem, code: 403},
		{name: "v1 read", scope: "user/Condition.read", path: "Condition?_source=epic", body: problem, code: 403},
		{name: "24 another type's scope", scope: "user/Observation.c", path: "Condition?_source=epic", body: problem, code: 403},
		{name: "another patient", scope: "patient/Condition.c", path: "Condition?_source=epic", body: with("Patient/{me}", "Patient/{other}"), code: 403},
		{name: "38 another patient in an extension", scope: "patient/Condition.c", path: "Condition?_source=epic",
			body: with(`"clinicalStatus"`, `"extension":[{"url":"urn:x","valueReference":{"reference":"Patient/{other}"}}],"clinicalStatus"`), code: 403},
		{name: "38 another patient contained", scope: "patient/Condition.c", path: "Condition?_source=epic",
			body: with(`"clinicalStatus"`, `"contained":[{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/{other}"}}],"clinicalStatus"`), code: 403},
		{name: "38 a contained patient", scope: "patient/Condition.c", path: "Condition?_source=epic",
			body: with(`"clinicalStatus"`, `"contained":[{"resourceType":"Patient","id":"p"}],"clinicalStatus"`), code: 422},
		{name: "38 a Bundle", scope: "patient/*.c", path: "Condition?_source=epic", body: `{"resourceType":"Bundle","type":"transaction","entry":[]}`, code: 400},
		{name: "nobody", scope: "user/*.c", path: "Condition?_source=epic", body: with("Patient/{me}", "Patient/nobody"), code: 422},
		{name: "no patient", scope: "user/*.c", path: "Condition?_source=epic", body: with(`"subject":{"reference":"Patient/{me}"},`, ""), code: 422},
		{name: "by the source's own name", scope: "user/*.c", path: "Condition?_source=epic", body: with("Patient/{me}", x.world.EHRs[0].URL()+"/Patient/1"), code: 422},
		{name: "a reference to another source", scope: "user/*.c", path: "Condition?_source=epic",
			body: with(`"onsetAge"`, `"encounter":{"reference":"Encounter/cerner.1"},"onsetAge"`), code: 422},
		{name: "granular, and not what it covers", scope: "user/Condition.c?category=encounter-diagnosis", path: "Condition?_source=epic", body: problem, code: 403},
		{name: "two homes", scope: "user/*.c", path: "Condition", body: with(`"source":"made-up",`, ""), code: 422},
		{name: "a source that takes none", scope: "user/*.c", path: "Condition?_source=athena", body: problem, code: 422},
		{name: "a source that there is not", scope: "user/*.c", path: "Condition?_source=nowhere", body: problem, code: 422},
		{name: "a type that nobody takes", scope: "user/*.c", path: "Procedure", body: `{"resourceType":"Procedure","subject":{"reference":"Patient/{me}"}}`, code: 501},
		{name: "another type in the body", scope: "user/*.c", path: "Observation", body: problem, code: 400},
		{name: "no JSON", scope: "user/*.c", path: "Condition?_source=epic", body: problem + "}", code: 400},
		{name: "a member twice", scope: "user/*.c", path: "Condition?_source=epic", body: with(`"subject"`, `"subject":{"reference":"Patient/{other}"},"subject"`), code: 400},
		{name: "XML", scope: "user/*.c", path: "Condition?_source=epic", body: "<Condition/>", code: 415, headers: []string{"Content-Type", "application/fhir+xml"}},
		{name: "conditional", scope: "user/*.c", path: "Condition?_source=epic", body: problem, code: 501, headers: []string{"If-None-Exist", "code=1"}},
		{name: "too large", scope: "user/*.c", path: "Condition?_source=epic", body: with("Filed here", strings.Repeat("x", 5<<20)), code: 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := x.filed()
			y := x
			y.rig = x.with(x.tokenOf(t, c.scope, "patient", x.me))
			a := y.post(t, c.path, c.body, c.headers...)
			if a.code != c.code || a.json["resourceType"] != "OperationOutcome" {
				t.Errorf("HTTP %d, want %d", a.code, c.code)
			}
			if x.filed() != before {
				t.Error("it reached a source")
			}
			if strings.Contains(string(a.body), x.theirs.Family) || strings.Contains(string(a.body), x.other) {
				t.Error("the refusal tells of somebody")
			}
		})
	}
}

// TestCreateOnce: a source that fails is not asked again, and what may have been done is said.
func TestCreateOnce(t *testing.T) {
	for _, c := range []struct {
		kind    fakeehr.Kind
		code    int
		unsure  bool
		retried bool
	}{{fakeehr.Hang, 504, true, false}, {fakeehr.ServerError, 502, true, false}, {fakeehr.Unavailable, 503, true, false}, {fakeehr.Reset, 503, true, false},
		{fakeehr.Throttled, 503, false, false}, {fakeehr.Forbidden, 502, false, false}} {
		t.Run(string(c.kind), func(t *testing.T) {
			x := startCreating(t)
			e := x.world.EHR("epic")
			e.Set(fakeehr.Fault{Kind: c.kind, Interaction: "create"})
			defer e.Clear()
			a := x.post(t, "Condition?_source=epic", problem)
			if a.code != c.code || strings.Contains(string(a.body), "not known") != c.unsure || c.unsure && a.header.Get("Retry-After") != "" {
				t.Errorf("HTTP %d, unsure %t", a.code, !c.unsure)
			}
			if n := x.filed(); n != 1 {
				t.Errorf("it was sent %d times", n)
			}
			x.leaks(t, x.mine)
		})
	}
}

// TestTenants: a source that is another tenant's is not there: not in answers, not in ids, not in who somebody is.
func TestTenants(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 22, Persons: 1, Registered: 3}})
	r := startKeyed(t, w, "5s", t.TempDir(), map[string]string{"cerner": "tenants: [riverside]"})
	p := w.Population.Persons[0]
	river := r.with(r.tokenOf(t, "user/*.rs", "tenant", "riverside"))
	id, all := river.person(t, p.Copies[0].Source, p.Copies[0].ID)
	if len(all) != 3 {
		t.Fatalf("%d records", len(all))
	}
	theirs := ""
	for _, e := range river.get(t, "Condition?patient="+id+"&_count=1000").entries("match") {
		for _, c := range contributors(e) {
			if strings.Contains(c, "/cerner.") {
				theirs = c
			}
		}
	}
	for _, path := range []string{"Condition?patient=" + id + "&_count=1000", "Patient/" + id, "Patient/" + id + "/$everything?_count=10000", "Patient?_id=" + id} {
		a := r.get(t, path)
		if a.code != 200 || strings.Contains(string(a.body), "cerner") || strings.Contains(a.header.Get("Server-Timing"), "cerner") {
			t.Errorf("HTTP %d: another tenant's source is in it", a.code)
		}
	}
	a := r.ask(t, `query($p:ID!){Patient(id:$p){id link{other{reference}} ConditionList(_reference:"patient"){id}}}`, map[string]any{"p": id})
	if a.code != 200 || strings.Contains(string(a.body), "cerner") {
		t.Errorf("GraphQL: HTTP %d", a.code)
	}
	for _, c := range p.Copies {
		if c.Source != "cerner" {
			continue
		}
		for path, code := range map[string]int{"Patient/cerner." + c.ID: 404, "Condition?patient=cerner." + c.ID: 404, "Patient/cerner." + c.ID + "/$everything": 404, theirs: 404} {
			if a := r.get(t, path); a.code != code {
				t.Errorf("HTTP %d for what is another tenant's", a.code)
			}
		}
		if a := r.with(r.tokenOf(t, "patient/*.rs", "patient", "cerner."+c.ID)).get(t, "Condition?patient="+id); a.code != 403 {
			t.Errorf("a patient that the tenant does not know: HTTP %d", a.code)
		}
	}
}
