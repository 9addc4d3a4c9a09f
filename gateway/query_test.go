package gateway

import (
	"net/http"
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
		{"chain from the patient", "patient.identifier=x", false, http.StatusBadRequest, nil},
		{"reverse chain", "_has:Condition:patient:code=1", false, http.StatusBadRequest, nil},
		{"two patients in one", "patient=a,b", false, http.StatusBadRequest, nil},
		{"patient missing", "patient:missing=true", false, http.StatusBadRequest, nil},
		{"patient by identifier", "subject:identifier=x|1", false, http.StatusBadRequest, nil},
		{"subject of another type", "subject:Group=1", false, http.StatusBadRequest, nil},
		{"bad date", "patient=p&date=yesterday", false, http.StatusBadRequest, nil},
		{"bad modifier", "patient=p&code:in=x", false, http.StatusBadRequest, nil},
		{"bad count", "patient=p&_count=many", false, http.StatusBadRequest, nil},
		{"XML", "patient=p&_format=xml", false, http.StatusNotAcceptable, nil},
		{"sort by what is no parameter", "patient=p&_sort=nonsense", false, 0, []string{"_sort"}},
		{"include of another type", "patient=p&_include=Condition:encounter", false, 0, []string{"_include"}},
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
	f.Fuzz(func(_ *testing.T, s string) {
		if all, bad := pairs(s); bad == nil {
			_, _ = parseQuery("Observation", all, false)
			_, _ = parseQuery("Patient", all, true)
		}
	})
}
