package fhir_test

import (
	"fmt"
	"strings"
	"testing"

	"concord/fhir"
)

func TestParseReference(t *testing.T) {
	const base = "https://ehr.example.org/api/FHIR/R4"
	long := strings.Repeat("e", 120)
	for _, x := range []struct {
		in   string
		want fhir.Reference
	}{
		{"", fhir.Reference{}},
		{"Patient/1", fhir.Reference{Kind: fhir.LocalReference, Type: "Patient", ID: "1"}},
		{"Patient/1/_history/2", fhir.Reference{Kind: fhir.LocalReference, Type: "Patient", ID: "1", Version: "2"}},
		{"Observation/" + long, fhir.Reference{Kind: fhir.LocalReference, Type: "Observation", ID: long}},
		{"Observation/a b%2F_~:ü", fhir.Reference{Kind: fhir.LocalReference, Type: "Observation", ID: "a b%2F_~:ü"}},
		{base + "/Patient/1", fhir.Reference{Kind: fhir.LocalReference, Type: "Patient", ID: "1"}},
		{base + "/Patient/1/_history/2", fhir.Reference{Kind: fhir.LocalReference, Type: "Patient", ID: "1", Version: "2"}},
		{"HTTPS://EHR.Example.org/api/FHIR/R4/Patient/1", fhir.Reference{Kind: fhir.LocalReference, Type: "Patient", ID: "1"}},
		{"https://ehr.example.org/api/fhir/r4/Patient/1", fhir.Reference{Kind: fhir.ForeignReference, Type: "Patient", ID: "1"}},
		{"http://ehr.example.org/api/FHIR/R4/Patient/1", fhir.Reference{Kind: fhir.ForeignReference, Type: "Patient", ID: "1"}},
		{"https://ehr.example.org/api/FHIR/R4evil/Patient/1", fhir.Reference{Kind: fhir.ForeignReference, Type: "Patient", ID: "1"}},
		{"https://ehr.example.org.evil.org/api/FHIR/R4/Patient/1", fhir.Reference{Kind: fhir.ForeignReference, Type: "Patient", ID: "1"}},
		{base + "/metadata", fhir.Reference{Kind: fhir.ForeignReference}},
		{base + "/Patient/1/x", fhir.Reference{Kind: fhir.ForeignReference}},
		{base + "/Patient?identifier=a|b", fhir.Reference{Kind: fhir.ConditionalReference, Type: "Patient"}},
		{"https://other.org/x/Patient/7/_history/3", fhir.Reference{Kind: fhir.ForeignReference, Type: "Patient", ID: "7", Version: "3"}},
		{"https://Patient/7", fhir.Reference{Kind: fhir.ForeignReference}},
		{"https://other.org/Questionnaire/q|1.0", fhir.Reference{Kind: fhir.ForeignReference, Type: "Questionnaire", ID: "q|1.0"}},
		{"https://other.org", fhir.Reference{Kind: fhir.ForeignReference}},
		{"https:///Patient/1", fhir.Reference{}},
		{"https://", fhir.Reference{}},
		{"1x://a/Patient/1", fhir.Reference{}},
		{"#p1", fhir.Reference{Kind: fhir.ContainedReference, ID: "p1"}},
		{"#", fhir.Reference{Kind: fhir.ContainedReference}},
		{"urn:uuid:c757873d-ec9a-4326-a141-556f43239520", fhir.Reference{Kind: fhir.URNReference, ID: "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}},
		{"urn:oid:1.2.3", fhir.Reference{Kind: fhir.URNReference, ID: "urn:oid:1.2.3"}},
		{"urn:uuid:", fhir.Reference{}},
		{"urn:isbn:1", fhir.Reference{}},
		{"Patient?identifier=urn:x|1", fhir.Reference{Kind: fhir.ConditionalReference, Type: "Patient"}},
		{"Patient?", fhir.Reference{}},
		{"Patient", fhir.Reference{}},
		{"Patient/", fhir.Reference{}},
		{"Patient/1/", fhir.Reference{}},
		{"Patient/1/_history", fhir.Reference{}},
		{"Patient/1/_history/", fhir.Reference{}},
		{"Patient/1/_history/2/3", fhir.Reference{}},
		{"Patient/1#x", fhir.Reference{}},
		{"Patient/1?x", fhir.Reference{}},
		{"/Patient/1", fhir.Reference{}},
		{"patient/1", fhir.Reference{}},
		{"Human/1", fhir.Reference{}},
		{"Resource/1", fhir.Reference{}},
		{"Dr. Smith", fhir.Reference{}},
	} {
		t.Run(x.in, func(t *testing.T) {
			for _, b := range []string{base, base + "/"} {
				if got := fhir.ParseReference(x.in, b); got != x.want {
					t.Errorf("gives kind %d, %q %q %q", got.Kind, got.Type, got.ID, got.Version)
				}
			}
			if n := testing.AllocsPerRun(10, func() { fhir.ParseReference(x.in, base) }); n != 0 {
				t.Errorf("allocates %v times", n)
			}
		})
	}
}

func TestReferencePrintsRedacted(t *testing.T) {
	r := fhir.ParseReference("Patient/mrn-778899", "")
	if s := fmt.Sprintf("%v %+v %#v %s %q", r, r, r, r, r) + r.LogValue().String(); strings.Contains(s, "778899") {
		t.Errorf("prints %s", s)
	}
}

func FuzzParseReference(f *testing.F) {
	f.Add("Patient/1/_history/2", "https://h/a")
	f.Add("https://H/a/Patient/1", "https://h/a")
	f.Add("https://h/a/Patient?x=y", "https://h")
	f.Add("://", "")
	f.Fuzz(func(t *testing.T, s, base string) {
		r := fhir.ParseReference(s, base)
		if r.Kind != fhir.LocalReference {
			return
		}
		again := string(r.Type) + "/" + r.ID
		if r.Version != "" {
			again += "/_history/" + r.Version
		}
		if !strings.HasSuffix(s, again) || fhir.ParseReference(again, "") != r {
			t.Fatalf("ParseReference(%q, %q) is not %q", s, base, again)
		}
		if rest := strings.TrimSuffix(s, again); rest != "" && !strings.EqualFold(strings.TrimSuffix(rest, "/"), strings.TrimSuffix(base, "/")) {
			t.Fatalf("%q is local on base %q", s, base)
		}
	})
}

func TestLegalID(t *testing.T) {
	for s, want := range map[string]bool{
		"a": true, "A-z.09": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a_b": false, "a/b": false, "ü": false, "a b": false, "a\n": false, "[": false, "@": false, "`": false, "{": false,
	} {
		if fhir.LegalID(s) != want {
			t.Errorf("LegalID(%q) is %v", s, !want)
		}
	}
}
