package fakeehr_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

func jsonNumber(s string) json.Number { return json.Number(s) }

func TestCernerRefusals(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Cerner, Deny: []string{"Coverage"}}, chart(2)...)
	for _, tt := range []struct {
		name, path string
		status     int
		code       string
	}{
		{"no patient", "Condition?category=problem-list-item", 400, "error required"},
		{"Patient by gender alone", "Patient?gender=female", 400, "error required"},
		{"birth date with a time", "Patient?birthdate=1970-02-03T00:00:00Z", 400, "error invalid"},
		{"Observation by _id and more", "Observation?_id=o000&patient=p1", 400, "error invalid"},
		{"CarePlan without its category", "CarePlan?patient=p1", 400, "error required"},
		{"date and _lastUpdated", "Observation?patient=p1&date=ge2024&_lastUpdated=ge2024", 400, "error invalid"},
		{"an open range of two dates", "Observation?patient=p1&date=ge2024&date=gt2023", 400, "error invalid"},
		{"Procedure date without time", "Procedure?patient=p1&date=ge2024-01-01", 400, "error invalid"},
		{"Encounter date without prefix", "Encounter?patient=p1&date=2024-01-01", 400, "error invalid"},
		{"Immunization date without prefix", "Immunization?patient=p1&date=2024-01-01", 400, "error invalid"},
		{"DiagnosticReport dates without time", "DiagnosticReport?patient=p1&date=ge2024-01-01&date=le2024-02-01", 400, "error invalid"},
		{"Provenance by nothing", "Provenance?recorded=ge2024", 400, "error required"},
		{"a parameter that it does not know", "Condition?patient=p1&color=red", 400, "error not-supported"},
		{"a parameter given three times", "Condition?patient=p1&category=a&category=b&category=c", 400, "error invalid"},
		{"a page that is not", "Condition?patient=p1&-pageContext=nonsense", 400, "error invalid"},
		{"a type that is not granted", "Coverage?patient=p1", 403, "error forbidden"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := c.get(tt.path); r.status != tt.status || !slices.Equal(r.codes(), []string{tt.code}) {
				t.Errorf("HTTP %d %v", r.status, r.codes())
			}
		})
	}
	for _, tt := range []struct{ name, path string }{
		{"a closed range", "Observation?patient=p1&date=ge2024-01-01&date=le2024-02-01"},
		{"CarePlan with its category", "CarePlan?patient=p1&category=assess-plan"},
		{"CareTeam by encounter", "CareTeam?encounter=e1"},
		{"Procedure with a time", "Procedure?patient=p1&date=ge2024-01-01T00:00:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := c.get(tt.path); r.status != http.StatusOK {
				t.Errorf("HTTP %d %s", r.status, r.body)
			}
		})
	}
	t.Run("another tenant", func(t *testing.T) {
		if r := c.get(strings.Replace(c.e.URL(), "/r4/", "/r4/0000", 1) + "/Patient/p1"); r.status != http.StatusForbidden || string(r.body) != "Tenant not valid or accessible" {
			t.Errorf("HTTP %d %s", r.status, r.body)
		}
	})
	t.Run("XML", func(t *testing.T) {
		if r := c.get("Patient/p1", "Accept", "application/fhir+xml"); r.status != http.StatusNotAcceptable || len(r.body) != 0 {
			t.Errorf("HTTP %d %s", r.status, r.body)
		}
	})
}

// TestCernerPages: an opaque context, no total, a resource on two pages, social history first.
func TestCernerPages(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Cerner}, chart(25)...)
	first := c.get("Observation?patient=p1&_count=10")
	if ids := first.ids("match"); ids[0] != "social" {
		t.Errorf("the first is %s", ids[0])
	}
	if next := first.link("next"); !strings.Contains(next, "-pageContext=") || !strings.HasSuffix(next, "-pageDirection=NEXT") || !strings.Contains(next, "patient=p1") {
		t.Errorf("next is %s", next)
	}
	if first.json["total"] != nil {
		t.Error("has a total")
	}
	pages, ids := c.follow("Observation?patient=p1&_count=10")
	seen := map[string]int{}
	for _, id := range ids {
		seen[id]++
	}
	twice := 0
	for _, n := range seen {
		if n > 1 {
			twice++
		}
	}
	if len(pages) != 3 || len(seen) != 26 || twice == 0 {
		t.Errorf("%d pages, %d resources, %d of them twice", len(pages), len(seen), twice)
	}
	bodies := chart(0)
	for i := range 60 {
		bodies = append(bodies, observation("s"+strings.Repeat("x", i), "p1", "social-history", "72166-2", "2024-01-01"))
	}
	c = start(t, fakeehr.Options{Vendor: population.Cerner}, bodies...)
	if r := c.get("Observation?patient=p1&_count=5"); len(r.ids("match")) != 61 {
		t.Errorf("page 1 has %d of the social history", len(r.ids("match")))
	}
}

func TestCernerRest(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Cerner}, chart(12)...)
	t.Run("includes Provenance", func(t *testing.T) {
		if r := c.get("Observation?_id=o000&_revinclude=Provenance:target"); !slices.Equal(r.ids("include"), []string{"pv1"}) {
			t.Errorf("%s", r.body)
		}
	})
	t.Run("has no _include", func(t *testing.T) {
		if r := c.get("MedicationRequest?patient=p1&_include=MedicationRequest:medication"); len(r.ids("include")) != 0 {
			t.Errorf("%s", r.body)
		}
	})
	t.Run("a Binary as resource or raw", func(t *testing.T) {
		if r := c.get("Binary/b1", "Accept", "application/fhir+json"); r.json["resourceType"] != "Binary" {
			t.Errorf("%s", r.body)
		}
		if r := c.get("Binary/b1", "Accept", "text/plain"); string(r.body) != "hello" {
			t.Errorf("%s", r.body)
		}
	})
	t.Run("writes", func(t *testing.T) {
		body := `{"resourceType":"Condition","subject":{"reference":"Patient/p2"}}`
		r := c.do(http.MethodPost, "Condition", body)
		if r.status != http.StatusCreated || c.get(r.header.Get("Location")).status != http.StatusOK {
			t.Fatalf("HTTP %d %q", r.status, r.header.Get("Location"))
		}
		if n := len(c.get("Condition?patient=p2").ids("match")); n != 1 {
			t.Errorf("%d found", n)
		}
		if r := c.do(http.MethodPut, "Condition/c1", body, "If-Match", `W/"7"`); r.status != http.StatusConflict {
			t.Errorf("an old version: HTTP %d", r.status)
		}
		if r := c.do(http.MethodPut, "Condition/c1", body, "If-Match", `W/"1"`); r.status != http.StatusOK {
			t.Errorf("update: HTTP %d", r.status)
		}
		if n := len(c.get("Condition?patient=p2").ids("match")); n != 2 {
			t.Errorf("%d found after the update", n)
		}
		if r := c.do(http.MethodPost, "CarePlan", `{"resourceType":"CarePlan"}`); r.status != http.StatusMethodNotAllowed {
			t.Errorf("a type that it does not take: HTTP %d", r.status)
		}
		if r := c.do(http.MethodPost, "Condition", `{"resourceType":"Patient"}`); r.status != http.StatusBadRequest {
			t.Errorf("another type: HTTP %d", r.status)
		}
	})
	t.Run("a merged patient is replaced", func(t *testing.T) {
		c.e.Merge("p2", "p1")
		r := c.get("Patient/p2")
		if r.status != http.StatusOK || r.json["active"] != false || !strings.Contains(string(r.body), `"replaced-by"`) {
			t.Errorf("HTTP %d %s", r.status, r.body)
		}
	})
}

func TestAthenaRefusals(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Athena, Deny: []string{"Coverage"}}, chart(2)...)
	for _, tt := range []struct{ name, path, text string }{
		{"without practice", "Condition?patient=p1", "[[ah-practice]]"},
		{"another practice", "Condition?patient=p1&ah-practice=Organization/a-1.Practice-9", "no access"},
		{"without patient", athenaQuery("Condition?category=problem-list-item"), "[[patient],[_id]]"},
		{"MedicationRequest without intent", athenaQuery("MedicationRequest?patient=p1"), "[[patient,intent],[_id]]"},
		{"CarePlan without category", athenaQuery("CarePlan?patient=p1"), "[[patient,category],[_id]]"},
		{"Provenance without target", athenaQuery("Provenance?recorded=ge2020"), "[[target],[_id]]"},
		{"Patient by gender", athenaQuery("Patient?gender=female"), "[family,birthdate]"},
		{"a type that is not granted", athenaQuery("Coverage?patient=p1"), "Invalid Token Scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := c.get(tt.path)
			if r.status != http.StatusForbidden || !slices.Equal(r.codes(), []string{"fatal forbidden"}) || !strings.Contains(string(r.body), tt.text) || !strings.Contains(string(r.body), `"expression"`) {
				t.Errorf("HTTP %d %s", r.status, r.body)
			}
		})
	}
	for _, path := range []string{athenaQuery("MedicationRequest?patient=p1&intent=order,plan"), athenaQuery("MedicationRequest?_id=m1"), "Condition?patient=p1&ah-practice:Organization=a-1.Practice-195900"} {
		if r := c.get(path); r.status != http.StatusOK || len(r.ids("match")) != 1 {
			t.Errorf("%s: HTTP %d %s", path, r.status, r.body)
		}
	}
	if r := c.get("Nonsense/1"); r.status != http.StatusNotFound || string(r.body) != `"Service not registered with API gateway"` {
		t.Errorf("a type that is not: HTTP %d %s", r.status, r.body)
	}
}

func TestAthenaPages(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Athena}, chart(25)...)
	r := c.get(athenaQuery("Observation?patient=p1&category=laboratory&_count=10"))
	ids := r.ids("match")
	if next := r.link("next"); !strings.Contains(next, "cursor="+ids[len(ids)-1]) || !strings.Contains(next, "ah-practice=") {
		t.Errorf("next is %s", next)
	}
	if r.json["total"] != nil || r.json["timestamp"] == nil || r.json["id"] != nil {
		t.Errorf("total %v, timestamp %v, id %v", r.json["total"], r.json["timestamp"], r.json["id"])
	}
	if r.header.Get("RateLimit-Limit") != "500" || r.header.Get("X-RateLimit-Remaining") == "" {
		t.Errorf("%v", r.header)
	}
	if r := c.get(athenaQuery("Observation?patient=p1&cursor=gone")); r.status != http.StatusBadRequest {
		t.Errorf("a cursor that is not: HTTP %d", r.status)
	}
}

// TestPlainServersHaveNoQuirks: with manners off every vendor answers what a plain server does.
func TestPlainServersHaveNoQuirks(t *testing.T) {
	for _, v := range []population.Vendor{population.Epic, population.Cerner, population.Athena} {
		t.Run(string(v), func(t *testing.T) {
			c := start(t, fakeehr.Options{Vendor: v, Manners: plain()}, chart(30)...)
			for _, path := range []string{"Observation?patient=p1", "CarePlan?patient=p1", "MedicationRequest?patient=p1", "Patient?family=o'brien", "Condition?patient=p1&color=red"} {
				if r := c.get(path); r.status != http.StatusOK || len(r.ids("match")) == 0 || len(r.entries("outcome")) != 0 {
					t.Errorf("%s: HTTP %d, %d found, %v", path, r.status, len(r.ids("match")), r.codes())
				}
			}
			_, ids := c.follow("Observation?patient=p1&_count=7&date=ge2024-01-10")
			if n := len(ids); n != 20 {
				t.Errorf("%d found", n)
			}
		})
	}
}
