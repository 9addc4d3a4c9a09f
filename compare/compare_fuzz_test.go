package compare_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/compare"
	"concord/fhir"
	"concord/merge"
)

// FuzzCompare: whatever two sources say, the report is the same in whichever order they say it, counts each of its events, and
// reads again as what it is.
func FuzzCompare(f *testing.F) {
	f.Add(`{"resourceType":"Condition","id":"1","code":{"coding":[{"system":"http://snomed.info/sct","code":"38341003"}],"text":"x"},"clinicalStatus":{"coding":[{"code":"active"}]},"onsetDateTime":"2020"}`,
		`{"resourceType":"Condition","id":"2","code":{"coding":[{"system":"urn:oid:2.16.840.1.113883.6.96","code":"38341003"}]},"clinicalStatus":{"coding":[{"code":"resolved"}]},"onsetDateTime":"2020-02"}`)
	f.Add(`{"resourceType":"Patient","id":"1","name":[{"family":"A"}],"birthDate":"1970-01-01"}`, `{"resourceType":"Patient","id":"2","name":{"family":7},"birthDate":[],"_birthDate":null}`)
	f.Add(`{"resourceType":"Observation","id":"1","code":{"text":"a|b\n<c>"},"valueQuantity":{"value":1e999,"unit":"x"},"effectiveDateTime":"2020-01-01T00:00:00Z"}`, `{"resourceType":"Observation","id":"1","code":[],"component":[{"code":{}}]}`)
	f.Add(`{"resourceType":"MedicationRequest","id":"1","dosageInstruction":[{"text":"1","doseAndRate":[{"doseQuantity":{"value":1}}]}],"medicationCodeableConcept":{"text":"m"}}`, `{"resourceType":"AllergyIntolerance","id":"2","reaction":[{"manifestation":[null]}]}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		r1, err1 := fhir.Parse([]byte(a), fhir.Limits{})
		r2, err2 := fhir.Parse([]byte(b), fhir.Limits{})
		if err1 != nil || err2 != nil || r1.ID() == "" || r2.ID() == "" || !fhir.KnownType(r1.Type()) || !fhir.KnownType(r2.Type()) {
			return
		}
		report := func(swapped bool) compare.Report {
			all := []merge.Copy{{Source: "a", Resource: r1}, {Source: "b", Resource: r2}}
			in := compare.Input{Patient: "p"}
			in.Options.Sources = append(in.Options.Sources, "a", "b")
			if swapped {
				slices.Reverse(all)
				slices.Reverse(in.Options.Sources)
			}
			var batches []merge.Batch
			var patients []merge.Copy
			for _, c := range all {
				if c.Type() == fhir.TypePatient {
					patients = append(patients, c)
					continue
				}
				batches = append(batches, merge.Batch{Source: c.Source, Resources: []fhir.Resource{c.Resource}})
			}
			finish(&in, batches, patients)
			return compare.Compare(in)
		}
		r := report(false)
		if d := cmp.Diff(r, report(true)); d != "" {
			t.Fatalf("the order of sources changes the report:\n%s", d)
		}
		told := 0
		for _, x := range r.Types {
			if x.Disagree < 0 || x.Events < x.Same+x.Unknown {
				t.Fatalf("%+v", x)
			}
			told += x.Events
		}
		if told > 2 || len(r.Events) > told {
			t.Fatalf("%d events are counted, and %d told, of 2", told, len(r.Events))
		}
		text := compare.Encode(r)
		if _, err := fhir.Parse(text, fhir.Limits{}); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		again, err := compare.Decode(text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if d := cmp.Diff(r, again); d != "" {
			t.Fatalf("reads as another:\n%s", d)
		}
	})
}
