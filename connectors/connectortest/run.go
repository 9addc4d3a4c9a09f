package connectortest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/connectors"
	"concord/federation"
	"concord/fhir"
)

// Run holds the connectors that f makes to what federation.Connector and federation.Creator promise.
func Run(t *testing.T, f Factory) {
	t.Run("about", func(t *testing.T) { about(t, f) })
	t.Run("pages", func(t *testing.T) { pages(t, f) })
	t.Run("versions", func(t *testing.T) { versions(t, f) })
	t.Run("next that must not be followed", func(t *testing.T) { badNext(t, f) })
	t.Run("a page fails", func(t *testing.T) { pageFails(t, f) })
	t.Run("limits", func(t *testing.T) { limits(t, f) })
	t.Run("entries", func(t *testing.T) { entries(t, f) })
	t.Run("answers that are none", func(t *testing.T) { badAnswers(t, f) })
	t.Run("redirects", func(t *testing.T) { redirects(t, f) })
	t.Run("reads", func(t *testing.T) { reads(t, f) })
	t.Run("ids", func(t *testing.T) { readsByID(t, f) })
	t.Run("binary", func(t *testing.T) { binary(t, f) })
	t.Run("creates", func(t *testing.T) { creates(t, f) })
	t.Run("time", func(t *testing.T) { inTime(t, f) })
	t.Run("many at once", func(t *testing.T) { concurrent(t, f) })
}

func about(t *testing.T, f Factory) {
	s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) { Write(w, Searchset("")) })
	c := connect(t, f, s, func(cfg *connectors.Config) { cfg.Base += "/" })
	a := c.About()
	if a.Source != source || a.Base != s.Base() || a.Budget <= 0 {
		t.Errorf("about: %q %d %t", a.Source, a.Budget, a.Base == s.Base())
	}
	for _, typ := range []string{"Patient", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance", "Procedure", "Immunization", "Encounter", "DiagnosticReport", "DocumentReference", "Binary"} {
		if !c.Supports(fhir.ResourceType(typ)) {
			t.Errorf("does not support %s", typ)
		}
	}
	if c.Supports("Nonesuch") || c.Supports("") {
		t.Error("supports a type that FHIR does not have")
	}
	_, err := c.Search(t.Context(), federation.Query{Type: "Nonesuch", Patient: query().Patient})
	fault(t, err, concord.Unsupported)
	_, err = c.Search(t.Context(), federation.Query{Type: asked, Patient: concord.NewPatientRef("other", patientID)})
	fault(t, err, concord.NotFound)
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests for what the source can't answer", n)
	}
}

// pages: next is followed to the end as it was sent, and a page without entries does not end a search.
func pages(t *testing.T, f Factory) {
	const second = basePath + "/Condition?sessionID=12-B0%2Fx&-pageContext=a%7Eb~c&-pageDirection=NEXT&&x=1+2"
	const third = basePath + "?_getpages=3"
	s := NewSite(t, func(s *Site, w http.ResponseWriter, r *http.Request) {
		switch r.RequestURI {
		case second:
			Write(w, Searchset(s.URL+third))
		case third:
			Write(w, Searchset("", condition("b", "1"), condition("a", "1")))
		default:
			Write(w, Searchset(strings.Replace(s.URL, "http://", "HTTP://", 1)+second, condition("a", "1")))
		}
	})
	page, err := search(t, connect(t, f, s))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a", "b"}, ids(page)); d != "" {
		t.Error(d)
	}
	seen := s.Requests()
	if len(seen) != 3 || page.Requests != 3 || seen[1] != second || seen[2] != third {
		t.Errorf("%d requests, %d told; next was followed as sent: %t", len(seen), page.Requests, len(seen) == 3 && seen[1] == second && seen[2] == third)
	}
	if !strings.Contains(seen[0], "patient="+patientID) {
		t.Error("the search names no patient")
	}
}

// versions: of two versions of one resource the newer stays, whichever came first.
func versions(t *testing.T, f Factory) {
	stamped := func(when, mark string) string {
		return `{"resourceType":"Condition","id":"x","meta":{"lastUpdated":"` + when + `"},"language":"` + mark + `"}`
	}
	for _, x := range []struct{ name, first, second, want string }{
		{"number", strings.Replace(condition("x", "10"), `"id"`, `"language":"new","id"`, 1), condition("x", "9"), "new"},
		{"number, newer later", condition("x", "9"), strings.Replace(condition("x", "10"), `"id"`, `"language":"new","id"`, 1), "new"},
		{"time", stamped("2024-01-01T12:00:00+02:00", "new"), stamped("2024-01-01T09:59:59Z", "old"), "new"},
		{"neither", condition("x", "b"), strings.Replace(condition("x", "a"), `"id"`, `"language":"later","id"`, 1), "later"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := NewSite(t, func(s *Site, w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.RequestURI, "page2") {
					Write(w, Searchset("", x.second))
					return
				}
				Write(w, Searchset(s.Base()+"/Condition?page2", x.first))
			})
			page, err := search(t, connect(t, f, s))
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Matches) != 1 || page.Matches[0].Get("language").Text() != x.want {
				t.Errorf("%d matches, the first is %q", len(page.Matches), page.Matches[0].Get("language").Text())
			}
		})
	}
}

// badNext: a next that leaves the source, or that came before, is never requested, and what was read stays.
func badNext(t *testing.T, f Factory) {
	elsewhere := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) {
		Write(w, Searchset("", condition("stolen", "1")))
	})
	for _, x := range []struct{ name, next string }{
		{"another port", elsewhere.Base() + "/Condition?p=2"},
		{"another host", "http://localhost.invalid/api/FHIR/R4/Condition?p=2"},
		{"another scheme", "https://{host}/api/FHIR/R4/Condition?p=2"},
		{"another path", "http://{host}/steal?p=2"},
		{"a path that begins alike", "http://{host}/api/FHIR/R4x/Condition?p=2"},
		{"dots", "http://{host}/api/FHIR/R4/../../../steal"},
		{"encoded dots", "http://{host}/api/FHIR/R4/%2e%2E/%2e%2e/steal"},
		{"encoded twice", "http://{host}/api/FHIR/R4/%252e%252e/steal"},
		{"encoded slash", "http://{host}/api/FHIR/R4/..%2f..%2fsteal"},
		{"backslash", `http://{host}/api/FHIR/R4/..\..\steal`},
		{"a user", "http://user:pw@{host}/api/FHIR/R4/Condition?p=2"},
		{"the host as a user", "http://{host}@localhost.invalid/api/FHIR/R4/Condition?p=2"},
		{"no scheme", "//localhost.invalid/api/FHIR/R4/Condition?p=2"},
		{"opaque", "http:localhost.invalid/api/FHIR/R4/Condition"},
		{"a file", "file:///etc/passwd"},
		{"not a URL", "http://{host}/api/FHIR/R4/Condition%zz"},
		{"itself", "http://{host}{self}"},
		{"itself with a fragment", "http://{host}{self}#2"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := NewSite(t, func(_ *Site, w http.ResponseWriter, r *http.Request) {
				next := strings.NewReplacer("{host}", r.Host, "{self}", r.RequestURI).Replace(x.next)
				Write(w, Searchset(next, condition("a", "1")))
			})
			page, err := search(t, connect(t, f, s))
			fault(t, err, concord.Incomplete)
			if d := cmp.Diff([]string{"a"}, ids(page)); d != "" {
				t.Error(d)
			}
			if n := len(s.Requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
	if n := len(elsewhere.Requests()); n != 0 {
		t.Errorf("the foreign host was asked %d times", n)
	}
	t.Run("in a circle", func(t *testing.T) {
		s := NewSite(t, func(s *Site, w http.ResponseWriter, r *http.Request) {
			to := "1"
			if strings.Contains(r.RequestURI, "p=1") {
				to = "2"
			}
			Write(w, Searchset(s.Base()+"/Condition?p="+to, condition("a", "1")))
		})
		_, err := search(t, connect(t, f, s))
		fault(t, err, concord.Incomplete)
		if n := len(s.Requests()); n != 3 {
			t.Errorf("%d requests", n)
		}
	})
}

// pageFails: what was read before a page that fails is kept.
func pageFails(t *testing.T, f Factory) {
	for _, x := range []struct {
		name   string
		status int
		body   string
	}{
		{"500 with HTML", 500, "<html>" + secret + "</html>"},
		{"403", 403, outcome("error", "forbidden")},
		{"404", 404, ""},
		{"not JSON", 200, `{"resourceType":"Bundle","entry":[,,` + secret},
		{"an outcome in place of a Bundle", 200, outcome("error", "exception")},
		{"an outcome within", 200, Searchset("", outcome("fatal", "timeout"))},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := NewSite(t, func(s *Site, w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.RequestURI, "page2") {
					w.WriteHeader(x.status)
					Write(w, x.body)
					return
				}
				Write(w, Searchset(s.Base()+"/Condition?page2", condition("a", "1")))
			})
			page, err := search(t, connect(t, f, s))
			fault(t, err, concord.Incomplete)
			if d := cmp.Diff([]string{"a"}, ids(page)); d != "" {
				t.Error(d)
			}
		})
	}
}

// limits: neither a page, nor the pages together, nor their number grows without end.
func limits(t *testing.T, f Factory) {
	long := strings.Repeat("x", 4000)
	s := NewSite(t, func(s *Site, w http.ResponseWriter, _ *http.Request) {
		Write(w, Searchset(s.Base()+"/Condition?p="+"x"+strings.Repeat("y", len(s.Requests())), condition("a", "1"), condition(long, "1")))
	})
	for _, x := range []struct {
		name   string
		limits connectors.Limits
		most   int
	}{
		{"pages", connectors.Limits{Pages: 4}, 4},
		{"bytes", connectors.Limits{TotalBytes: 30000}, 8},
	} {
		t.Run(x.name, func(t *testing.T) {
			before := len(s.Requests())
			page, err := search(t, connect(t, f, s, func(c *connectors.Config) { c.Limits = x.limits }))
			fault(t, err, concord.Incomplete)
			if n := len(s.Requests()) - before; n > x.most || n < 2 || len(page.Matches) != 2 {
				t.Errorf("%d requests, %d matches", n, len(page.Matches))
			}
		})
	}
	t.Run("one page", func(t *testing.T) {
		_, err := search(t, connect(t, f, s, func(c *connectors.Config) { c.Limits.PageBytes = 1000 }))
		fault(t, err, concord.Malformed)
	})
}
