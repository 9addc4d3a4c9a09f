package merge_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"concord/fhir"
	"concord/merge"
)

// FuzzMerge: whatever two sources send, each copy is in one entry, comparing is symmetric, and what the survivor gains is
// JSON that stands in the copy which it is said to come from.
func FuzzMerge(f *testing.F) {
	f.Add(in("1", obs), in("2", obs), uint8(0))
	f.Add(in("1", med), in("2", med), uint8(1))
	f.Add(`{"id":"1","code":[{"coding":{}}],"value":1e400,"effectiveDateTime":"2024-01-01T00:00:00Z"}`, `{"id":"2","code":"x","":1,"component":[[]],"valueQuantity":{"value":-0.0e-9,"unit":"10*-3/m2.s"}}`, uint8(2))
	f.Add(`{"id":"1","identifier":[{"system":"urn:oid:1.2","value":"77"}],"relationship":{"text":"f"},"condition":[{"code":{"text":"c"}}]}`, `{"id":"2","identifier":{"system":"urn:oid:1.2","value":"77"},"udiCarrier":[{"carrierHRF":"(01)1(21)2"}],"subscriberId":"11111"}`, uint8(3))
	rules := merge.Default()
	var types []fhir.ResourceType
	for _, t := range []string{"Observation", "MedicationRequest", "Condition", "Encounter", "AllergyIntolerance", "Immunization", "Procedure", "DiagnosticReport", "DocumentReference",
		"Coverage", "Device", "FamilyMemberHistory", "Practitioner", "Organization", "Location", "Medication", "Specimen", "CarePlan", "Claim", "Binary", "MedicationAdministration"} {
		types = append(types, fhir.ResourceType(t))
	}
	e := merge.NewEngine(rules)
	f.Fuzz(func(t *testing.T, a, b string, n uint8) {
		typ := types[int(n)%len(types)]
		parse := func(s string) (fhir.Resource, bool) {
			if !strings.Contains(s, `"resourceType"`) {
				s = strings.Replace(s, "{", fmt.Sprintf(`{"resourceType":%q,`, typ), 1)
			}
			r, err := fhir.Parse([]byte(s), fhir.Limits{})
			return r, err == nil && r.ID() != "" && r.Type() == typ
		}
		r1, ok1 := parse(a)
		r2, ok2 := parse(b)
		if !ok1 || !ok2 {
			return
		}
		rec := e.Merge([]merge.Batch{{Source: "a", Resources: []fhir.Resource{r1}}, {Source: "b", Resources: []fhir.Resource{r2}}})
		copies := 0
		for _, x := range rec.Entries {
			copies += len(x.Copies)
			checkAdditions(t, x)
			checkAdditions(t, x.Detached())
			if _, err := fhir.Parse(x.Explain(public).Parameters(), fhir.Limits{}); err != nil && utf8.ValidString(a+b) {
				t.Fatal(err)
			}
		}
		two := []merge.Copy{{Source: "a", Resource: r1}, {Source: "b", Resource: r2}}
		if x, y := merge.Align(two), merge.Align([]merge.Copy{two[1], two[0]}); len(x) != len(y) {
			t.Fatal("the order of copies changes what is in rows")
		} else {
			for i := range x {
				if x[i].Element != y[i].Element || x[i].Agreement != y[i].Agreement {
					t.Fatalf("%s %s one way, %s %s the other", x[i].Element, x[i].Agreement, y[i].Element, y[i].Agreement)
				}
			}
		}
		if copies != 2 {
			t.Fatalf("%d copies of two", copies)
		}
		w := new(merge.World)
		rule := rules[typ]
		fa, fb := rule.Read(merge.Copy{Source: "a", Resource: r1}, w), rule.Read(merge.Copy{Source: "b", Resource: r2}, w)
		if v, o := rule.Compare(&fa, &fb), rule.Compare(&fb, &fa); v != o {
			t.Fatalf("%+v one way, %+v the other", v, o)
		}
		checkAdditions(t, merge.Unify([]merge.Copy{{Source: "a", Resource: r1}, {Source: "b", Resource: r2}}))
	})
}

// checkAdditions holds an entry's additions to what they promise.
func checkAdditions(t interface{ Fatalf(string, ...any) }, e merge.Entry) {
	for _, a := range e.Add {
		var from merge.Copy
		for _, c := range e.Copies {
			if c.Source == a.From && c.ID() == a.ID {
				from = c
			}
		}
		if !from.Contains(a.Value) || from == e.Survivor {
			t.Fatalf("%s.%s is not where it is said to come from", a.Into, a.Name)
		}
		if into := e.Survivor.Get(a.Into); a.Into != "" && !into.IsObject() {
			t.Fatalf("goes into %q, which is no element", a.Into)
		}
		if a.Name == "" && a.Value.Name() == "" {
			t.Fatalf("an element without a name")
		}
		if a.Name == "" && a.Into == "" && e.Survivor.Get(a.Value.Name()).Exists() {
			t.Fatalf("%s is there already", a.Value.Name())
		}
	}
}
