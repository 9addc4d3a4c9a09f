package gateway

import (
	"net/http"
	"strings"
	"testing"

	"concord/fhir"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		method, path string
		interaction  fhir.Interaction
		typ          fhir.ResourceType
		template     string
		status       int // 0: no problem
	}{
		{"GET", "/fhir/r4/metadata", fhir.Capabilities, "", "/fhir/r4/metadata", 0},
		{"GET", "/fhir/r4/.well-known/smart-configuration", fhir.Capabilities, "", "/fhir/r4/.well-known/smart-configuration", 0},
		{"GET", "/fhir/r4/Observation", fhir.SearchType, "Observation", "/fhir/r4/Observation", 0},
		{"HEAD", "/fhir/r4/Observation", fhir.SearchType, "Observation", "/fhir/r4/Observation", 0},
		{"POST", "/fhir/r4/Observation/_search", fhir.SearchType, "Observation", "/fhir/r4/Observation/_search", 0},
		{"POST", "/fhir/r4/Observation", fhir.Create, "Observation", "/fhir/r4/Observation", 0},
		{"GET", "/fhir/r4/Patient/epic.secret", fhir.Read, "Patient", "/fhir/r4/Patient/{id}", 0},
		{"PUT", "/fhir/r4/Patient/epic.secret", fhir.Update, "Patient", "/fhir/r4/Patient/{id}", 0},
		{"GET", "/fhir/r4/Patient/p/$everything", fhir.Everything, "Patient", "/fhir/r4/Patient/{id}/$everything", 0},
		{"POST", "/fhir/r4/Patient/$match", fhir.Match, "Patient", "/fhir/r4/Patient/$match", 0},
		{"POST", "/graphql", fhir.GraphQL, "", "/graphql", 0},
		{"GET", "/fhir/r4/Patient/p/_history/2", fhir.VRead, "Patient", "/fhir/r4/Patient/{id}/_history", 0},
		{"GET", "/fhir/r4/Observation/o/$everything", "", "", "", http.StatusNotFound},
		{"GET", "/fhir/r4/Patient/$everything", "", "", "", http.StatusNotFound},
		{"GET", "/fhir/r4/Nonsense", "", "", "", http.StatusNotFound},
		{"GET", "/fhir/r4/patient/p", "", "", "", http.StatusNotFound},
		{"GET", "/fhir/r4", "", "", "", http.StatusNotFound},
		{"GET", "/fhir/r4x/Patient", "", "", "", http.StatusNotFound},
		{"GET", "/metrics", "", "", "", http.StatusNotFound},
		{"TRACE", "/fhir/r4/Patient/p", "", "", "", http.StatusMethodNotAllowed},
		{"DELETE", "/fhir/r4/metadata", "", "", "", http.StatusMethodNotAllowed},
		{"GET", "/fhir/r4//Patient", "", "", "", http.StatusBadRequest},
		{"GET", "/fhir/r4/Observation/../Patient/p", "", "", "", http.StatusBadRequest},
		{"GET", "/fhir/r4/Observation/%2e%2e/Patient/p", "", "", "", http.StatusBadRequest},
		{"GET", "/fhir/r4/Observation/a%2fb", "", "", "", http.StatusBadRequest},
		{"GET", "/fhir/r4/Patient/p;x", "", "", "", http.StatusBadRequest},
		{"GET", "/fhir/r4/Patient/p%00", "", "", "", http.StatusBadRequest},
		{"GET", "/fhir/r4/Patient/%c0%af", "", "", "", http.StatusBadRequest},
		{"GET", "/fhir/r4/Patient/" + strings.Repeat("a", 3000), "", "", "", http.StatusBadRequest},
	} {
		t.Run(c.method+" "+c.path[:min(len(c.path), 50)], func(t *testing.T) {
			r, p := classify(c.method, c.path)
			if c.status != 0 {
				if p == nil || p.status != c.status {
					t.Fatalf("got %+v, want HTTP %d", p, c.status)
				}
				return
			}
			if p != nil {
				t.Fatalf("HTTP %d", p.status)
			}
			if r.interaction != c.interaction || r.typ != c.typ || r.template != c.template {
				t.Errorf("got %s %s %s", r.interaction, r.typ, r.template)
			}
		})
	}
}

// FuzzClassify: no path makes it panic, and no word of a path is in the template.
func FuzzClassify(f *testing.F) {
	f.Add("GET", "/fhir/r4/Patient/epic.zebra")
	f.Add("POST", "/fhir/r4/$zebra")
	f.Fuzz(func(t *testing.T, method, path string) {
		r, p := classify(method, path)
		if p == nil && r.interaction == "" {
			t.Fatal("neither an interaction nor a problem")
		}
		if len(r.id) > 8 && strings.Contains(r.template, r.id) {
			t.Fatalf("the template holds the id")
		}
	})
}
