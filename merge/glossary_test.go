package merge_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/fhir"
	"concord/merge"
)

// TestGlossary: what words and a site's codes stand for is what the record's other copies say, as long as they agree.
func TestGlossary(t *testing.T) {
	at := func(id, code, day string) fhir.Resource {
		s := strings.Replace(lab, `"code":{"coding":[{"system":"http://loinc.org","code":"17861-6","display":"Calcium [Mass/volume] in Serum or Plasma"}],"text":"Calcium"}`, `"code":`+code, 1)
		return resource(t, in(id, strings.Replace(s, "2024-05-01", day, 1)))
	}
	const (
		loinc  = `{"coding":[{"system":"http://loinc.org","code":"17861-6"}]}`
		other  = `{"coding":[{"system":"http://loinc.org","code":"1995-0"}],"text":"calcium"}`
		both   = `{"coding":[{"system":"http://loinc.org","code":"17861-6"}],"text":"Calcium"}`
		words  = `{"text":"CALCIUM"}`
		local  = `{"coding":[{"system":"urn:oid:1.2.840.114350.1.13.5","code":"771"}]}`
		beside = `{"coding":[{"system":"urn:oid:1.2.840.114350.1.13.5","code":"771"},{"system":"http://loinc.org","code":"17861-6"}]}`
	)
	for _, c := range []struct {
		name string
		a, b []fhir.Resource
		want []string
	}{
		{"words here and a code there", []fhir.Resource{at("1", words, "2024-05-01")}, []fhir.Resource{at("2", loinc, "2024-05-01")}, []string{"a.1", "b.2"}},
		{"another copy has both", []fhir.Resource{at("1", words, "2024-05-01"), at("9", both, "2020-01-01")}, []fhir.Resource{at("2", loinc, "2024-05-01")}, []string{"a.1+b.2", "a.9"}},
		{"another source's copy has both", []fhir.Resource{at("1", words, "2024-05-01")}, []fhir.Resource{at("2", loinc, "2024-05-01"), at("9", both, "2020-01-01")}, []string{"a.1+b.2", "b.9"}},
		{"the words stand for two codes", []fhir.Resource{at("1", words, "2024-05-01"), at("9", both, "2020-01-01"), at("8", other, "2020-01-02")}, []fhir.Resource{at("2", loinc, "2024-05-01")}, []string{"a.1", "a.8", "a.9", "b.2"}},
		{"the words stand for another code", []fhir.Resource{at("1", words, "2024-05-01"), at("8", other, "2020-01-02")}, []fhir.Resource{at("2", loinc, "2024-05-01")}, []string{"a.1", "a.8", "b.2"}},
		{"a code of the site's own", []fhir.Resource{at("1", local, "2024-05-01"), at("9", beside, "2020-01-01")}, []fhir.Resource{at("2", loinc, "2024-05-01")}, []string{"a.1+b.2", "a.9"}},
		{"a code of another site's own", []fhir.Resource{at("1", local, "2024-05-01")}, []fhir.Resource{at("2", loinc, "2024-05-01"), at("9", beside, "2020-01-01")}, []string{"a.1", "b.2", "b.9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, told(merge.NewEngine(merge.Default()).Merge([]merge.Batch{{Source: "a", Resources: c.a}, {Source: "b", Resources: c.b}}))); d != "" {
				t.Error(d)
			}
		})
	}
}
