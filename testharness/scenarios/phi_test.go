package scenarios_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// canaries are the strings of a person that must not be anywhere but in answers with data.
func canaries(t *testing.T, w *testharness.World, p population.Person) map[string]string {
	t.Helper()
	out := map[string]string{p.Family: "family name", p.SSN: "social security number", p.Phone: "phone", p.Email: "email", p.Birth.Format("2006-01-02"): "birth date",
		p.Address.Line: "street", p.Former: "former name", p.Nickname: "nickname"}
	for _, g := range p.Given {
		out[g] = "given name"
	}
	for _, c := range p.Copies {
		out[c.ID] = "a record's id"
		for _, res := range w.Population.Site(c.Source).Resources {
			if res.Type != "Patient" || res.ID != c.ID {
				continue
			}
			var patient struct {
				Identifier []struct{ Value string }
				Telecom    []struct{ Value string }
				Address    []struct{ Line []string }
			}
			if err := json.Unmarshal(res.Body, &patient); err != nil {
				t.Fatal(err)
			}
			for _, i := range patient.Identifier {
				out[i.Value] = "an identifier"
			}
			for _, i := range patient.Telecom {
				out[i.Value] = "telecom"
			}
			for _, a := range patient.Address {
				for _, l := range a.Line {
					out[l] = "street"
				}
			}
		}
	}
	for _, c := range held(t, w, p, "Observation") {
		_, id, _ := strings.Cut(c.name, ".")
		out[id] = "an observation's id"
	}
	for s := range out {
		if len(s) < 5 { // would be found by accident
			delete(out, s)
		}
	}
	return out
}

// TestNothingLeaks: no string of a fixture, no token and no query is in log, metrics, trail or errors, in health and under
// every fault.
func TestNothingLeaks(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 51, Persons: 2, Registered: 3, Noise: population.AllNoise()}})
	p := w.Population.Persons[0]
	secret := canaries(t, w, p)
	open := map[string]bool{} // the trail tells which record was read
	for _, c := range p.Copies {
		for s := range secret {
			open[s] = open[s] || strings.Contains(c.ID, s)
		}
	}
	secret["UPSTREAM-CANARY"] = "text of a source"
	secret["query-canary"] = "a query's value"
	look := func(t *testing.T, where, text string) {
		t.Helper()
		for s, what := range secret {
			if where == "the trail" && open[s] {
				continue
			}
			if strings.Contains(text, s) || strings.Contains(text, url.QueryEscape(s)) {
				t.Errorf("%s is in %s", what, where)
			}
		}
	}
	r := startKeyed(t, w, "400ms", t.TempDir(), map[string]string{"epic": "creates: [Condition]"})
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	record := string(p.Copies[0].Source) + "." + p.Copies[0].ID
	secret[r.token], secret[id], open[id] = "a token", "a person's id", true
	paths := []string{
		"Observation?patient=" + id, "Observation?patient=" + record, "Patient/" + id, "Patient/" + record, "Patient/" + id + "/$everything",
		"Patient?family=" + url.QueryEscape(p.Family) + "&given=" + url.QueryEscape(p.Given[0]) + "&birthdate=" + p.Birth.Format("2006-01-02"),
		"Patient?identifier=http://hl7.org/fhir/sid/us-ssn|" + p.SSN, "Condition?patient.identifier=http://hl7.org/fhir/sid/us-ssn|" + p.SSN,
		"Observation?patient=" + id + "&flavour=query-canary" + p.SSN, "Observation?patient=" + id + "&date=" + url.QueryEscape(p.Family), "Observation?patient=" + p.SSN,
		"Patient/" + url.PathEscape(p.Family), url.PathEscape(p.Family) + "/" + p.SSN, "Observation/epic." + p.SSN, "Patient?_id=" + record,
		"Observation?patient=" + id + "&code:" + url.QueryEscape(p.Family) + "=1", "Observation?_page=" + p.SSN, "Patient/" + id + "/$" + url.PathEscape(p.Family),
		"Patient?family=" + url.QueryEscape(p.Family) + "&access_token=" + r.token,
	}
	queries := []string{
		`{ConditionList(patient:"` + record + `"){id} PatientList(family:"` + p.Family + `",birthdate:"` + p.Birth.Format("2006-01-02") + `"){id}}`,
		`{Patient(id:"` + p.SSN + `"){id}}`, `{ObservationList(patient:"` + id + `",date:"` + p.Family + `"){id}}`, `{ObservationList(patient:"` + id + `",flavour:"` + p.SSN + `"){id}}`,
		`{` + p.Family + `}`, `query($a:Int=` + p.SSN + `x){Patient(id:"query-canary"){id}}`,
	}
	ask := func(t *testing.T) {
		t.Helper()
		for _, text := range queries {
			for _, q := range []*rig{r, r.with("query-canary." + p.SSN), r.with(r.tokenOf(t, "patient/Condition.rs", "patient", record))} {
				a := q.ask(t, text, map[string]any{"x": p.SSN}, "X-Request-Id", p.SSN, "User-Agent", p.Family)
				errs, err := json.Marshal(a.json["errors"])
				ext, err2 := json.Marshal(a.json["extensions"])
				if err != nil || err2 != nil {
					t.Fatal(err, err2)
				}
				look(t, "an error", string(errs)+string(ext)+a.header.Get("WWW-Authenticate"))
			}
		}
		for _, q := range []*rig{r, r.with("query-canary." + p.SSN), r.with(r.tokenOf(t, "patient/Condition.cruds", "patient", record))} {
			body := `{"resourceType":"Condition","` + p.SSN + `":"` + p.Family + `","clinicalStatus":"` + p.Phone + `","code":{"text":"` + p.Family + `"},"subject":{"reference":"Patient/` + record + `"},"onsetDateTime":"` + p.SSN + `"}`
			for _, path := range []string{"Condition/$validate", "Condition/$validate?profile=" + p.SSN, "Condition?_source=" + p.SSN, "Condition?_source=epic", "Condition?" + url.QueryEscape(p.Family) + "=x", "Observation"} {
				a := q.do(t, http.MethodPost, path, body, "Content-Type", "application/fhir+json", "X-Request-Id", p.SSN, "User-Agent", p.Family)
				look(t, "an error", string(a.body)+a.header.Get("WWW-Authenticate")+a.header.Get("Location"))
			}
		}
		for _, path := range paths {
			for _, q := range []*rig{r, r.with("query-canary." + p.SSN), r.with(r.tokenOf(t, "patient/Condition.rs", "patient", record))} {
				if a := q.get(t, path, "X-Request-Id", p.SSN, "User-Agent", p.Family); a.code >= 400 {
					look(t, "an error", string(a.body)+a.header.Get("WWW-Authenticate"))
				} else if outcomes, err := json.Marshal(a.entries("outcome")); err != nil || a.json["resourceType"] == "Bundle" {
					look(t, "an outcome", string(outcomes)+a.header.Get("Server-Timing"))
				}
			}
		}
	}
	everywhere := func(t *testing.T) {
		t.Helper()
		look(t, "the log", r.log.String())
		look(t, "the trail", r.trail(t))
		m := httptest.NewRecorder()
		r.admin.ServeHTTP(m, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if m.Code != http.StatusOK || !strings.Contains(m.Body.String(), "concord_requests_total") {
			t.Errorf("metrics: HTTP %d", m.Code)
		}
		look(t, "the metrics", m.Body.String())
	}
	t.Run("healthy", func(t *testing.T) {
		ask(t)
		everywhere(t)
	})
	for i, kind := range []fakeehr.Kind{fakeehr.ServerError, fakeehr.Forbidden, fakeehr.HTML, fakeehr.BadJSON, fakeehr.Truncated, fakeehr.Reset, fakeehr.WrongPatient, fakeehr.Redirect,
		fakeehr.OutcomeAs200, fakeehr.FatalInside, fakeehr.ForeignNext, fakeehr.Throttled} {
		t.Run(string(kind), func(t *testing.T) {
			bad := w.EHRs[i%len(w.EHRs)]
			bad.Set(fakeehr.Fault{Kind: kind})
			defer bad.Clear()
			ask(t)
			everywhere(t)
		})
	}
	t.Run("all down", func(t *testing.T) {
		for _, e := range w.EHRs {
			e.Set(fakeehr.Fault{Kind: fakeehr.ServerError})
		}
		defer w.Heal()
		ask(t)
		everywhere(t)
	})
}
