package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPairs(t *testing.T) {
	got, bad := pairs("a=1&b=%7C+x&a=&c&b=2&d=a%26b")
	if bad != nil {
		t.Fatal(bad.status)
	}
	want := []pair{{"a", "1"}, {"b", "| x"}, {"b", "2"}, {"d", "a&b"}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(pair{})); d != "" {
		t.Error(d)
	}
	for _, s := range []string{"a=%", "a=%zz", "a=1;b=2", "a=%00"} {
		if _, bad := pairs(s); bad == nil || bad.status != http.StatusBadRequest {
			t.Errorf("%q was taken", s)
		}
	}
}

// TestParseQuery: what is not understood is named, and what could be about somebody else is refused.
func TestParseQuery(t *testing.T) {
	for _, c := range []struct {
		name, query string
		strict      bool
		status      int
		ignored     []string
	}{
		{"US Core", "patient=p&category=laboratory&date=ge2020&_count=5&_sort=-date", false, 0, nil},
		{"unknown", "patient=p&nonsense=1", false, 0, []string{"nonsense"}},
		{"unknown, strict", "patient=p&nonsense=1", true, http.StatusBadRequest, nil},
		{"what sources don't fill", "patient=p&_lastUpdated=ge2020", false, 0, []string{"_lastUpdated"}},
		{"chain from the patient", "patient.name=x", false, http.StatusBadRequest, nil},
		{"chain over subject", "subject:Patient.birthdate=1970-01-01", false, http.StatusBadRequest, nil},
		{"the patient's identifier", "patient.identifier=urn:x|1", true, 0, nil},
		{"the patient's identifier, with its type", "subject:Patient.identifier=urn:x|1", true, 0, nil},
		{"an id with a modifier", "_id:not=epic.1", false, http.StatusBadRequest, nil},
		{"sort by a good and a bad one", "patient=p&_sort=date,nonsense", false, 0, []string{"_sort"}},
		{"FHIR R5", "patient=p&_format=application/fhir%2Bjson%3B%20fhirVersion=5.0", false, http.StatusNotAcceptable, nil},
		{"reverse chain", "_has:Condition:patient:code=1", false, http.StatusBadRequest, nil},
		{"two patients in one, to be resolved", "patient=a,b", false, 0, nil},
		{"very many patients", "patient=" + strings.Repeat("a,", 20) + "a", false, http.StatusBadRequest, nil},
		{"patient missing", "patient:missing=true", false, http.StatusBadRequest, nil},
		{"patient by identifier", "subject:identifier=x|1", false, 0, nil},
		{"subject of another type", "subject:Group=1", false, http.StatusBadRequest, nil},
		{"bad date", "patient=p&date=yesterday", false, http.StatusBadRequest, nil},
		{"bad modifier", "patient=p&code:in=x", false, http.StatusBadRequest, nil},
		{"bad count", "patient=p&_count=many", false, http.StatusBadRequest, nil},
		{"XML", "patient=p&_format=xml", false, http.StatusNotAcceptable, nil},
		{"sort by what is no parameter", "patient=p&_sort=nonsense", false, 0, []string{"_sort"}},
		{"include of another type", "patient=p&_include=Condition:encounter", false, 0, []string{"_include"}},
		{"a text with includes", "patient=p&_include=Observation:encounter&_summary=text", false, http.StatusBadRequest, nil},
		{"include of everything", "patient=p&_include=*", false, 0, []string{"_include"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, bad := pairs(c.query)
			if bad != nil {
				t.Fatal("unreadable")
			}
			q, bad := parseQuery("Observation", all, c.strict)
			if c.status != 0 {
				if bad == nil || bad.status != c.status {
					t.Fatalf("got %+v", bad)
				}
				return
			}
			if bad != nil {
				t.Fatalf("HTTP %d", bad.status)
			}
			var names []string
			for _, i := range q.ignored {
				names = append(names, i.param)
			}
			if d := cmp.Diff(c.ignored, names); d != "" {
				t.Error(d)
			}
		})
	}
}

// FuzzParseQuery: no query makes it panic.
func FuzzParseQuery(f *testing.F) {
	f.Add("patient=p&code=http://loinc.org|1&_sort=-date,code&_include=Observation:encounter:Encounter")
	f.Fuzz(func(t *testing.T, s string) {
		if all, bad := pairs(s); bad == nil {
			if q, bad := parseQuery("Observation", all, false); bad == nil && len(q.sort) > 0 && !strings.Contains(q.selfLink(""), "_sort=") {
				t.Fatal("an order that self does not tell")
			}
			_, _ = parseQuery("Patient", all, true)
		}
	})
}
