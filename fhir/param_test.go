package fhir_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord/fhir"
)

func TestKnownType(t *testing.T) {
	for _, x := range []fhir.ResourceType{"Patient", "Observation", "Parameters", "Binary", "VisionPrescription", "Account", "OperationOutcome", fhir.TypeServiceRequest} {
		if !fhir.KnownType(x) {
			t.Errorf("%s is not known", x)
		}
	}
	for _, x := range []fhir.ResourceType{"", "patient", "Resource", "DomainResource", "Humans", "Extension", "SubscriptionTopic"} {
		if fhir.KnownType(x) {
			t.Errorf("%q is known", x)
		}
	}
}

func TestParams(t *testing.T) {
	want := []fhir.ParamInfo{
		{Name: "_id", Kind: fhir.KindToken}, {Name: "_lastUpdated", Kind: fhir.KindDate}, {Name: "_profile", Kind: fhir.KindURI},
		{Name: "_security", Kind: fhir.KindToken}, {Name: "_source", Kind: fhir.KindURI}, {Name: "_tag", Kind: fhir.KindToken},
	}
	if got := fhir.Params(fhir.TypeBinary); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	want = append(want,
		fhir.ParamInfo{Name: "achievement-status", Kind: fhir.KindToken}, fhir.ParamInfo{Name: "category", Kind: fhir.KindToken},
		fhir.ParamInfo{Name: "description", Kind: fhir.KindToken}, fhir.ParamInfo{Name: "identifier", Kind: fhir.KindToken},
		fhir.ParamInfo{Name: "lifecycle-status", Kind: fhir.KindToken}, fhir.ParamInfo{Name: "patient", Kind: fhir.KindReference, Patient: true},
		fhir.ParamInfo{Name: "start-date", Kind: fhir.KindDate}, fhir.ParamInfo{Name: "subject", Kind: fhir.KindReference, Patient: true},
		fhir.ParamInfo{Name: "target-date", Kind: fhir.KindDate})
	if got := fhir.Params(fhir.TypeGoal); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if fhir.Params("Resource") != nil || fhir.Params("") != nil {
		t.Error("an unknown type has parameters")
	}
}

func TestPatientParam(t *testing.T) {
	for typ, want := range map[fhir.ResourceType][]string{
		"Observation": {"patient", "subject"}, "Coverage": {"patient", "beneficiary"}, "AllergyIntolerance": {"patient"},
		"ResearchSubject": {"patient", "individual"}, "QuestionnaireResponse": {"patient", "subject"}, "Practitioner": nil, "Patient": nil, "": nil,
	} {
		if got := fhir.PatientParam(typ); !slices.Equal(got, want) {
			t.Errorf("%s: %q", typ, got)
		}
	}
}

func TestIncludeParam(t *testing.T) {
	for _, x := range []struct {
		typ  fhir.ResourceType
		name string
		want []fhir.ResourceType
		ok   bool
	}{
		{"Observation", "encounter", []fhir.ResourceType{"Encounter", "EpisodeOfCare"}, true},
		{"Observation", "patient", []fhir.ResourceType{"Patient"}, true},
		{"Provenance", "target", nil, true},
		{"Observation", "code", nil, false},
		{"Observation", "nonsense", nil, false},
		{"Human", "patient", nil, false},
	} {
		if got, ok := fhir.IncludeParam(x.typ, x.name); ok != x.ok || !slices.Equal(got, x.want) {
			t.Errorf("%s:%s gives %q, %v", x.typ, x.name, got, ok)
		}
	}
	got, _ := fhir.IncludeParam("Observation", "patient")
	got[0] = "Changed"
	if again, _ := fhir.IncludeParam("Observation", "patient"); again[0] != "Patient" {
		t.Error("callers can change the table")
	}
}

func TestIncludeValues(t *testing.T) {
	r := resource(t, potassium)
	texts := func(vs []fhir.Value) (out []string) {
		for _, v := range vs {
			out = append(out, v.Text())
		}
		return out
	}
	if got := texts(fhir.IncludeValues(r, "Observation", "performer")); !slices.Equal(got, []string{"Practitioner/p1", "Organization/o,1"}) {
		t.Errorf("performer gives %q", got)
	}
	if got := fhir.IncludeValues(r, "Observation", "code"); got != nil {
		t.Errorf("code gives %q", texts(got))
	}
	if got := texts(fhir.IncludeValues(resource(t, encounter), "Encounter", "patient")); got != nil {
		t.Errorf("a Group as a patient gives %q", got)
	}
	if got := fhir.IncludeValues(r, "Encounter", "patient"); got != nil {
		t.Errorf("another type gives %q", texts(got))
	}
}

// Quantities compare as exact numbers do: the standard library's rationals are the oracle.
func TestQuantityComparesExactly(t *testing.T) {
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		have := number.Draw(t, "have")
		want := number.Draw(t, "want")
		if rapid.Bool().Draw(t, "near") {
			want = have + rapid.SampledFrom([]string{"", "", "e0"}).Draw(t, "tail")
			if strings.ContainsAny(have, "eE") {
				want = have
			}
		}
		a, _ := new(big.Rat).SetString(have)
		b, _ := new(big.Rat).SetString(want)
		r, err := fhir.Parse([]byte(`{"resourceType":"Observation","valueQuantity":{"value":`+have+`}}`), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		c := a.Cmp(b)
		slack := new(big.Rat).Mul(new(big.Rat).Abs(b), big.NewRat(1, 10))
		near := new(big.Rat).Abs(new(big.Rat).Sub(a, b)).Cmp(slack) <= 0
		for prefix, holds := range map[string]bool{"gt": c > 0, "ge": c >= 0, "lt": c < 0, "le": c <= 0, "sa": c > 0, "eb": c < 0, "ap": near} {
			f, err := fhir.ParseFilter("Observation", "value-quantity", prefix+want)
			if err != nil {
				t.Fatal(err)
			}
			if f.Match(r) != holds {
				t.Fatalf("%s %s%s is %v", have, prefix, want, !holds)
			}
		}
		eq, _ := fhir.ParseFilter("Observation", "value-quantity", want)
		ne, _ := fhir.ParseFilter("Observation", "value-quantity", "ne"+want)
		if eq.Match(r) == ne.Match(r) || c == 0 && !eq.Match(r) {
			t.Fatalf("%s is and is not %s", have, want)
		}
	})
}

func TestNumberPrecision(t *testing.T) {
	for _, x := range []struct {
		have, want string
		eq         bool
	}{
		{"99.5", "100", true}, {"100.49", "100", true}, {"100.5", "100", false}, {"99.49", "100", false},
		{"100.004", "100.00", true}, {"100.005", "100.00", false}, {"95", "1e2", true}, {"104.9", "1e2", true}, {"105", "1e2", false},
		{"0.4", "0", true}, {"-0.5", "0", true}, {"0.5", "0", false}, {"-100.5", "-100", true}, {"-99.5", "-100", false},
		{"1e999999999", "1e999999999", true}, {"1e999999999", "1e999999998", false}, {"1e-999999999", "0", true},
		{"1e99999999999999999999", "5", false}, {"0e5", "0", true},
	} {
		r := resource(t, `{"resourceType":"Observation","valueQuantity":{"value":`+x.have+`}}`)
		f, err := fhir.ParseFilter("Observation", "value-quantity", x.want)
		if err != nil || f.Match(r) != x.eq {
			t.Errorf("%s for %s: error %v, Match %v", x.have, x.want, err, f.Match(r))
		}
	}
}
