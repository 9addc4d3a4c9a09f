package fakeehr_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

func TestEpicRefusals(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Epic}, chart(2)...)
	for _, tt := range []struct {
		name, path, code string
	}{
		{"no parameters", "Condition", "fatal 4110"},
		{"no patient", "Condition?category=problem-list-item", "fatal 4111"},
		{"two patients", "Condition?patient=p1&patient=p2", "fatal 4112"},
		{"a patient that is not", "Condition?patient=nobody", "fatal 59102"},
		{"Observation without category", "Observation?patient=p1&date=ge2020", "fatal 59108"},
		{"a category that it does not take", "Observation?patient=p1&category=therapy", "fatal 59111"},
		{"one such among good ones", "Observation?patient=p1&category=laboratory,procedure", "fatal 59111"},
		{"CarePlan without category", "CarePlan?patient=p1", "fatal 59159"},
		{"CarePlan of another category", "CarePlan?patient=p1&category=assess-plan", "fatal 59111"},
		{"EpisodeOfCare without type", "EpisodeOfCare?patient=p1", "fatal 59159"},
		{"a session that is not", "Observation?sessionID=12-ABC", "fatal 4113"},
		{"a date that is none", "Condition?patient=p1&onset-date=soon", "fatal 59111"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := c.get(tt.path); r.status != http.StatusBadRequest || !slices.Equal(r.codes(), []string{tt.code}) {
				t.Errorf("HTTP %d, %v", r.status, r.codes())
			}
		})
	}
	if r := c.get("Nonsense?patient=p1"); r.status != http.StatusNotFound || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		t.Errorf("a type that is not: HTTP %d %s", r.status, r.header.Get("Content-Type"))
	}
}

func TestEpicOutcomesInSearchsets(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Epic, Withheld: map[string][]string{"Condition": {"Genomics", "Infection"}}}, chart(2)...)
	for _, tt := range []struct {
		name, path string
		want       []string
	}{
		{"the disclaimer", "Immunization?patient=p1", []string{"warning 4119"}},
		{"nothing found", "Immunization?patient=p2", []string{"warning 4101"}},
		{"a parameter it does not know", "Immunization?patient=p1&color=red", []string{"warning 4119", "information 59100"}},
		{"_lastUpdated is one", "Immunization?patient=p1&_lastUpdated=ge2020", []string{"warning 4119", "information 59100"}},
		{"a prefix it does not know", "Immunization?patient=p1&date=sa2029", []string{"warning 4119", "information 59100"}},
		{"withheld", "Condition?patient=p1", []string{"warning 4119", "warning 59204", "warning 59204"}},
		{"none for a Patient", "Patient?_id=p1", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := c.get(tt.path)
			if d := cmp.Diff(tt.want, r.codes()); r.status != http.StatusOK || d != "" {
				t.Errorf("HTTP %d %s", r.status, d)
			}
		})
	}
}

// TestEpicPages: next is a session's and nothing else, the total is that of the page, pages may be empty.
func TestEpicPages(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Epic}, chart(28)...)
	r := c.get("Observation?patient=p1&category=laboratory&_count=10")
	next := r.link("next")
	if _, query, _ := strings.Cut(next, "?"); !strings.HasPrefix(query, "sessionID=12-") || strings.Contains(query, "&") {
		t.Errorf("next is %s", next)
	}
	if r.json["total"] != jsonNumber("10") {
		t.Errorf("total %v", r.json["total"])
	}
	first := r.json["link"].([]any)[0].(tree)
	if first["relation"] != "next" {
		t.Error("self comes before next, as careless clients hope")
	}
	a, b := c.get(next), c.get(next)
	if !slices.Equal(a.ids("match"), b.ids("match")) || len(a.ids("match")) != 10 {
		t.Errorf("a page asked for twice: %v %v", a.ids("match"), b.ids("match"))
	}
	c.e.ExpireSessions()
	if r := c.get(next); r.status != http.StatusBadRequest || !slices.Equal(r.codes(), []string{"fatal 4113"}) {
		t.Errorf("after the session: HTTP %d %v", r.status, r.codes())
	}
	// the dates of the chart go up, so that the late filter leaves the first pages empty
	pages, ids := c.follow("Observation?patient=p1&category=laboratory&_count=10&date=ge2024-01-25")
	if len(pages) != 3 || len(pages[0].ids("match")) != 0 || len(ids) != 4 {
		t.Errorf("%d pages, %d on the first, %d in all", len(pages), len(pages[0].ids("match")), len(ids))
	}
}

func TestEpicPatientSearch(t *testing.T) {
	bodies := chart(0)
	for i := range 101 {
		bodies = append(bodies, patient("many"+string(rune('a'+i/26))+string(rune('a'+i%26)), "Many", "Ann", "1990-01-01", "617-555-4000"))
	}
	c := start(t, fakeehr.Options{Vendor: population.Epic}, bodies...)
	c.e.Hide("p1", "http://hl7.org/fhir/sid/us-ssn", "123456780")
	for _, tt := range []struct{ name, path, want string }{
		{"by id", "Patient?_id=p1", "p1"},
		{"by identifier", "Patient?identifier=urn:mrn|m-p1", "p1"},
		{"by the SSN that is not shown", "Patient?identifier=http://hl7.org/fhir/sid/us-ssn|123456780", "p1"},
		{"by strong demographics", "Patient?family=o'brien&given=MARY&birthdate=1970-02-03", "p1"},
		{"by name and phone", "Patient?family=o'brien&given=mary&telecom=6175552000", "p1"},
		{"by a family name", "Patient?family=o'brien", ""},
		{"by a birth date", "Patient?birthdate=1970-02-03", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := c.get(tt.path); r.status != http.StatusOK || strings.Join(r.ids("match"), " ") != tt.want {
				t.Errorf("HTTP %d %v", r.status, r.ids("match"))
			}
		})
	}
	if r := c.get("Patient?family=many&given=ann&birthdate=1990-01-01"); !slices.Equal(r.codes(), []string{"fatal 4127"}) {
		t.Errorf("more than 100: HTTP %d %v", r.status, r.codes())
	}
}

func TestEpicMatch(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Epic}, chart(0)...)
	ask := func(p, more string) reply {
		return c.do(http.MethodPost, "Patient/$match", `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":`+p+`}`+more+`]}`)
	}
	grade := func(r reply) string {
		list, _ := r.json["entry"].([]any)
		if len(list) == 0 {
			return ""
		}
		return list[0].(tree)["search"].(tree)["extension"].([]any)[0].(tree)["valueCode"].(string)
	}
	same := patient("q", "O'Brien", "Mary", "1970-02-03", "(617) 555-2000")
	if r := ask(same, ""); grade(r) != "certain" || !slices.Equal(r.ids("match"), []string{"p1"}) {
		t.Errorf("%s", r.body)
	}
	unsure := `{"resourceType":"Patient","name":[{"family":"O'Brien","given":["Mary"]}],"gender":"female","birthDate":"1970-02-03"}`
	if r := ask(unsure, ""); grade(r) != "probable" {
		t.Errorf("%s", r.body)
	}
	if r := ask(unsure, `,{"name":"onlyCertainMatches","valueBoolean":true}`); len(r.ids("match")) != 0 {
		t.Errorf("%s", r.body)
	}
	if r := ask(patient("q", "O'Brien", "Mary", "1971-02-03", "617-555-2000"), ""); len(r.ids("match")) != 0 {
		t.Errorf("another birth date: %s", r.body)
	}
	if r := c.do(http.MethodPost, "Patient/$match", `{"resourceType":"Patient"}`); r.status != http.StatusBadRequest {
		t.Errorf("no Parameters: HTTP %d", r.status)
	}
	other := start(t, fakeehr.Options{Vendor: population.Cerner}, chart(0)...)
	if r := other.do(http.MethodPost, "Patient/$match", `{"resourceType":"Parameters"}`); r.status != http.StatusNotFound {
		t.Errorf("Cerner has it: HTTP %d", r.status)
	}
}

func TestEpicRest(t *testing.T) {
	long := strings.Repeat("eAb3.-", 20) + "3"
	c := start(t, fakeehr.Options{Vendor: population.Epic, Deny: []string{"Immunization"}},
		append(chart(2), observation(long, "p1", "laboratory", "2345-7", "2024-01-01"))...)
	t.Run("ids over 64 characters", func(t *testing.T) {
		if r := c.get("Observation/" + long); r.status != http.StatusOK || r.json["id"] != long {
			t.Errorf("HTTP %d", r.status)
		}
	})
	t.Run("a Binary comes raw whatever is accepted", func(t *testing.T) {
		if r := c.get("Binary/b1", "Accept", "application/fhir+json"); string(r.body) != "hello" || r.header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %s", r.header.Get("Content-Type"), r.body)
		}
	})
	t.Run("a sealed document", func(t *testing.T) {
		c.e.Seal("Binary", "b1")
		if r := c.get("Binary/b1"); r.status != http.StatusForbidden {
			t.Errorf("HTTP %d", r.status)
		}
	})
	t.Run("a type that is not granted", func(t *testing.T) {
		r := c.get("Immunization?patient=p1")
		if r.status != http.StatusForbidden || len(r.body) != 0 || !strings.Contains(r.header.Get("WWW-Authenticate"), "insufficient_scope") {
			t.Errorf("HTTP %d %q %q", r.status, r.body, r.header.Get("WWW-Authenticate"))
		}
	})
	t.Run("the old media type at times", func(t *testing.T) {
		seen := map[string]bool{}
		for range 2 {
			seen[strings.Split(c.get("Patient/p1").header.Get("Content-Type"), ";")[0]] = true
		}
		if !seen["application/json+fhir"] || !seen["application/fhir+json"] {
			t.Errorf("%v", seen)
		}
	})
	t.Run("a form's parameters only, on _search", func(t *testing.T) {
		r := c.do(http.MethodPost, "Condition/_search?patient=p2", "patient=p1", "Content-Type", "application/x-www-form-urlencoded")
		if !slices.Equal(r.ids("match"), []string{"c1"}) {
			t.Errorf("%s", r.body)
		}
	})
	t.Run("a patient that was merged", func(t *testing.T) {
		c.e.Merge("p2", "p1")
		r := c.get("Patient/p2")
		if r.status != http.StatusMovedPermanently || r.header.Get("Location") != c.e.URL()+"/Patient/p1" || !slices.Equal(r.codes(), []string{"fatal 4107"}) {
			t.Errorf("HTTP %d %q %v", r.status, r.header.Get("Location"), r.codes())
		}
		moved := c.get("Observation?patient=p1&category=laboratory")
		if !slices.Contains(moved.ids("match"), "other") || strings.Contains(string(moved.body), "Patient/p2") {
			t.Errorf("the survivor has %v", moved.ids("match"))
		}
	})
}
