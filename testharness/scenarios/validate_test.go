package scenarios_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"concord/testharness"
	"concord/testharness/population"
)

// told are an OperationOutcome's issues, "severity code expression".
func told(a reply) (out []string) {
	list, _ := a.json["issue"].([]any)
	for _, i := range list {
		m, _ := i.(resource)
		at, _ := m["expression"].([]any)
		out = append(out, strings.TrimSpace(fmt.Sprint(m["severity"], " ", m["code"], " ", strings.Trim(fmt.Sprint(at), "[]"))))
	}
	return out
}

// TestValidate: $validate says what is wrong with a resource and where, tells nothing of it, and takes any token that holds;
// a copy at a source is validated by whoever may read it.
func TestValidate(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 75, Persons: 1, Registered: 3}})
	p := w.Population.Persons[0]
	r := start(t, w, "5s")
	anyone := r.with(r.tokenOf(t, "openid"))
	const good = `{"resourceType":"Observation","status":"final","code":{"text":"x"}}`
	for _, c := range []struct {
		name, path, body string
		code             int
		want             string // one of the issues; "" is none that is an error
	}{
		{"sound", "Observation/$validate", good, 200, ""},
		{"without a status", "Observation/$validate", `{"resourceType":"Observation","code":{"text":"CANARY"}}`, 200, "error required Observation.status"},
		{"an element that there is not", "Observation/$validate", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"CANARY":1}`, 200, "error structure Observation"},
		{"a code that there is not", "Observation/$validate", `{"resourceType":"Observation","status":"CANARY","code":{"text":"x"}}`, 200, "error code-invalid Observation.status"},
		{"a day that there is not", "Patient/$validate", `{"resourceType":"Patient","birthDate":"1970-13-01"}`, 200, "error value Patient.birthDate"},
		{"as Parameters", "Observation/$validate", `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":{"resourceType":"Observation","code":{"text":"x"}}}]}`, 200, "error required Observation.status"},
		{"by US Core", "Patient/$validate?profile=http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient", `{"resourceType":"Patient","gender":"male"}`, 200, "error required Patient.name"},
		{"by a profile that there is not", "Patient/$validate?profile=http://example.org/none", `{"resourceType":"Patient"}`, 200, "error not-found"},
		{"another type", "Patient/$validate", good, 400, "error invalid"},
		{"no JSON", "Patient/$validate", "{", 400, "error structure"},
		{"nothing", "Patient/$validate", "", 400, "error required"},
		{"at the top", "$validate", good, 404, "error not-supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := anyone.do(t, http.MethodPost, c.path, c.body, "Content-Type", fhirType)
			all := told(a)
			found := c.want == ""
			for _, i := range all {
				found = found || strings.HasPrefix(i, c.want) && c.want != ""
				if c.want == "" && strings.HasPrefix(i, "error") {
					t.Errorf("it is sound, and %s", i)
				}
			}
			if a.code != c.code || a.json["resourceType"] != "OperationOutcome" || !found || len(all) == 0 {
				t.Errorf("HTTP %d %q", a.code, all)
			}
			if strings.Contains(string(a.body), "CANARY") {
				t.Error("what was sent comes back")
			}
		})
	}
	t.Run("a copy", func(t *testing.T) {
		path := "Patient/" + string(p.Copies[0].Source) + "." + p.Copies[0].ID + "/$validate"
		if a := r.do(t, http.MethodPost, path, ""); a.code != 200 || len(told(a)) == 0 {
			t.Errorf("HTTP %d", a.code)
		}
		if a := anyone.do(t, http.MethodPost, path, ""); a.code != 403 {
			t.Errorf("without a scope: HTTP %d", a.code)
		}
	})
	if a := r.with("").do(t, http.MethodPost, "Observation/$validate", good, "Content-Type", fhirType); a.code != 401 {
		t.Errorf("without a token: HTTP %d", a.code)
	}
	if a := r.get(t, "Observation/$validate"); a.code != http.StatusMethodNotAllowed {
		t.Errorf("GET: HTTP %d", a.code)
	}
}
