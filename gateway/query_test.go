package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/fhir"
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

// FuzzParseQuery: parameters are read in their order as net/url reads them without one, and what self says of a search is that
// search.
func FuzzParseQuery(f *testing.F) {
	f.Add("patient=p&code=http://loinc.org|1&_sort=-date,code&_include=Observation:encounter:Encounter")
	f.Add("patient=a,Patient/b&patient:identifier=s|v&_count=0&_elements=a,b&_summary=count&_total=none&_revinclude=Provenance:target")
	f.Add("a=%41%zz&;b=c&=d&e&_count=99999999999&date=ge2020-01,2021&value-quantity=lt5.4||mg&_id=1,2&_format=json")
	f.Fuzz(func(t *testing.T, s string) {
		all, bad := pairs(s)
		if bad != nil {
			return
		}
		want, err := url.ParseQuery(s)
		if err != nil {
			t.Fatalf("read, and net/url says: %v", err)
		}
		got := url.Values{}
		for _, p := range all {
			got[p.key] = append(got[p.key], p.value)
		}
		for k, values := range want {
			if values = slices.DeleteFunc(values, func(v string) bool { return v == "" }); !slices.Equal(values, got[k]) {
				t.Fatalf("%q is %q, and was read as %q", k, values, got[k])
			}
		}
		if len(got) > len(want) {
			t.Fatalf("read %q of %q", got, want)
		}
		for _, typ := range []fhir.ResourceType{"Observation", "Patient", "Encounter"} {
			q, bad := parseQuery(typ, all, false)
			if bad != nil {
				continue
			}
			if len(q.sort) > 0 && !strings.Contains(q.selfLink(""), "_sort=") {
				t.Fatal("an order that self does not tell")
			}
			self, bad := pairs(strings.Join(q.self, "&"))
			if bad != nil {
				t.Fatal("self can't be read")
			}
			again, bad := parseQuery(typ, self, true)
			if bad != nil || !slices.Equal(q.self, again.self) || q.count != again.count || len(q.filters)+len(q.refs)+len(q.patients)+len(q.includes) != len(again.filters)+len(again.refs)+len(again.patients)+len(again.includes) {
				t.Fatalf("self of %q is another search: %q", s, q.self)
			}
		}
	})
}

// FuzzHeaders: what a header says does not depend on what stands beside it.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"application/fhir+json;fhirVersion=4.0, text/html;q=0.9", "application/fhir+xml", "*/*", `handling=strict; respond-async`, "return=minimal,handling = strict", `W/"1", "2",*`, "", ",;,"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		r := &http.Request{URL: &url.URL{}, Header: http.Header{}}
		x := &exchange{r: r}
		set := func(name string, values ...string) { r.Header[name] = values }
		set("Accept", a)
		one := accepts(r)
		set("Accept", b)
		if other := accepts(r); true {
			set("Accept", a, b)
			if accepts(r) != (one || other) {
				t.Fatalf("%q and %q are accepted: %v, %v, and together otherwise", a, b, one, other)
			}
		}
		set("Accept", a+", application/fhir+json")
		if !accepts(r) {
			t.Fatal("JSON is not accepted")
		}
		set("Prefer", a, b+", handling=strict")
		if !x.strict() {
			t.Fatal("strict is not heard")
		}
		set("Prefer", a)
		if x.strict() && !strings.Contains(strings.ToLower(strings.ReplaceAll(a, " ", "")), "handling=strict") {
			t.Fatal("strict is heard, and was not said")
		}
		set("If-None-Match", a)
		if matchesETag(r, `W/"x"`) && !strings.Contains(a, `W/"x"`) && !strings.Contains(a, "*") {
			t.Fatal("matches, and is not there")
		}
		set("If-None-Match", a+`,W/"x" ,`+b)
		if !matchesETag(r, `W/"x"`) {
			t.Fatal("is there, and does not match")
		}
		if isJSON(a) && isJSON(a+"x") && !strings.Contains(a, ";") {
			t.Fatalf("%q is JSON with and without an x", a)
		}
		set("Accept", a)
		_ = acceptsGraphQL(r)
	})
}
