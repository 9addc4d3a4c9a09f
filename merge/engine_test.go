package merge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/fhir"
	"concord/merge"
)

func resource(t testing.TB, s string) fhir.Resource {
	t.Helper()
	r, err := fhir.Parse([]byte(s), fhir.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return r
}

// told is a record in words: each entry's copies, and its conflicts.
func told(r merge.Record) (out []string) {
	for _, e := range r.Entries {
		var c []string
		for _, x := range e.Copies {
			c = append(c, string(x.Source)+"."+x.ID())
		}
		s := strings.Join(c, "+")
		for _, k := range e.Conflicts {
			s += "!" + string(k)
		}
		if e.PossibleDuplicate != "" {
			s += "?" + string(e.PossibleDuplicate)
		}
		out = append(out, s)
	}
	return out
}

// in puts an id and a code where the tables below leave them out.
func in(id, rest string) string {
	return strings.Replace(rest, "{", fmt.Sprintf(`{"id":%q,`, id), 1)
}

const (
	obs   = `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},"effectiveDateTime":"2024-05-01T09:30:00Z","valueQuantity":{"value":4.50,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}`
	cond  = `{"resourceType":"Condition","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"44054006"}]},"onsetDateTime":"2019-03-04"}`
	med   = `{"resourceType":"MedicationRequest","status":"active","intent":"order","medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"}]},"authoredOn":"2024-01-02","dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":500,"unit":"mg"}}]}]}`
	alrg  = `{"resourceType":"AllergyIntolerance","verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"confirmed"}]},"code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"7980"}]}}`
	visit = `{"resourceType":"Encounter","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"period":{"start":"2024-05-01T09:00:00Z","end":"2024-05-01T09:30:00Z"}}`
)

// TestMerge: two copies of different sources, and what becomes of them.
func TestMerge(t *testing.T) {
	sub := func(s string, oldNew ...string) string {
		out := strings.NewReplacer(oldNew...).Replace(s)
		if out == s {
			panic("nothing was replaced")
		}
		return out
	}
	for _, c := range []struct {
		name, a, b string
		want       []string
	}{
		{"the same", obs, obs, []string{"a.1+b.2"}},
		{"a decimal with other digits", obs, sub(obs, "4.50", "4.5"), []string{"a.1+b.2"}},
		{"the instant in another zone", obs, sub(obs, "2024-05-01T09:30:00Z", "2024-05-01T04:30:00-05:00"), []string{"a.1+b.2"}},
		{"an alias of the code system", obs, sub(obs, "http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"), []string{"a.1+b.2"}},
		{"another value", obs, sub(obs, "4.50", "5.4"), []string{"a.1!value", "b.2!value"}},
		{"another unit", obs, sub(obs, `"mmol/L","system"`, `"mg/dL","system"`, `"code":"mmol/L"`, `"code":"mg/dL"`), []string{"a.1!value", "b.2!value"}},
		{"a comparator", obs, sub(obs, `"value":4.50`, `"value":4.50,"comparator":"<"`), []string{"a.1!value", "b.2!value"}},
		{"no value, and why", obs, sub(obs, `"valueQuantity":{"value":4.50,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}`, `"dataAbsentReason":{"text":"unknown"}`), []string{"a.1!value", "b.2!value"}},
		{"another code", obs, sub(obs, "2823-3", "2951-2"), []string{"a.1", "b.2"}},
		{"another time", obs, sub(obs, "09:30", "11:30"), []string{"a.1", "b.2"}},
		{"within a minute", obs, sub(obs, "09:30:00", "09:30:40"), []string{"a.1+b.2"}},
		{"the day alone", obs, sub(obs, "T09:30:00Z", ""), []string{"a.1+b.2"}},
		{"the year alone", obs, sub(obs, "2024-05-01T09:30:00Z", "2024"), []string{"a.1", "b.2"}},
		{"no time", obs, sub(obs, `"effectiveDateTime":"2024-05-01T09:30:00Z",`, ""), []string{"a.1", "b.2"}},
		{"entered in error", obs, sub(obs, "final", "entered-in-error"), []string{"a.1!negation", "b.2!negation"}},
		{"corrected", obs, sub(obs, "final", "corrected"), []string{"a.1!status", "b.2!status"}},
		{"local codes that happen to be equal", sub(obs, "http://loinc.org", "urn:oid:1.2.840.114350.1.13.0.1.7.2.1"), sub(obs, "http://loinc.org", "urn:oid:1.2.840.114350.1.13.0.1.7.2.1"), []string{"a.1", "b.2"}},
		{"a modifier extension", obs, sub(obs, `"status"`, `"modifierExtension":[{"url":"http://example.org/x","valueBoolean":true}],"status"`), []string{"a.1", "b.2"}},
		{"a problem", cond, cond, []string{"a.1+b.2"}},
		{"another episode", cond, sub(cond, "2019-03-04", "2021-03-04"), []string{"a.1", "b.2"}},
		{"resolved against active", cond, sub(cond, "active", "resolved"), []string{"a.1!status", "b.2!status"}},
		{"a parent code", sub(cond, "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm", "44054006", "E11"), sub(cond, "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm", "44054006", "E11.9"), []string{"a.1", "b.2"}},
		{"an order", med, med, []string{"a.1+b.2"}},
		{"another dose", med, sub(med, "500", "1000"), []string{"a.1!dose", "b.2!dose"}},
		{"a plan", med, sub(med, `"order"`, `"plan"`), []string{"a.1", "b.2"}},
		{"not to be taken", med, sub(med, `"status"`, `"doNotPerform":true,"status"`), []string{"a.1!negation", "b.2!negation"}},
		{"stopped", med, sub(med, `"active"`, `"stopped"`), []string{"a.1!status", "b.2!status"}},
		{"an allergy", alrg, alrg, []string{"a.1+b.2"}},
		{"refuted", alrg, sub(alrg, "confirmed", "refuted"), []string{"a.1!negation", "b.2!negation"}},
		{"an allergy without a code", sub(alrg, "7980", ""), sub(alrg, "7980", ""), []string{"a.1", "b.2"}},
		{"not asked", sub(alrg, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://snomed.info/sct", "7980", "1631000175102"), sub(alrg, "http://www.nlm.nih.gov/research/umls/rxnorm", "http://snomed.info/sct", "7980", "1631000175102"), []string{"a.1", "b.2"}},
		{"a visit", visit, visit, []string{"a.1+b.2"}},
		{"a visit five minutes later", visit, sub(visit, "09:00:00", "09:05:00"), []string{"a.1+b.2"}},
		{"a visit in the afternoon", visit, sub(visit, "09:00:00", "15:00:00"), []string{"a.1", "b.2"}},
		{"a visit elsewhere", sub(visit, `"status"`, `"serviceProvider":{"reference":"Organization/1","display":"North Clinic"},"status"`), sub(visit, `"status"`, `"serviceProvider":{"reference":"Organization/9","display":"South Clinic"},"status"`), []string{"a.1", "b.2"}},
		{"a type that is never merged", `{"resourceType":"Consent","identifier":[{"system":"urn:x","value":"1"}]}`, `{"resourceType":"Consent","identifier":[{"system":"urn:x","value":"1"}]}`, []string{"a.1", "b.2"}},
		{"a business identifier", `{"resourceType":"CarePlan","identifier":[{"system":"urn:oid:1.2.3","value":"77"}]}`, `{"resourceType":"CarePlan","identifier":[{"system":"urn:oid:1.2.3","value":"77"}]}`, []string{"a.1+b.2"}},
		{"an identifier without a system", `{"resourceType":"CarePlan","identifier":[{"value":"77"}]}`, `{"resourceType":"CarePlan","identifier":[{"value":"77"}]}`, []string{"a.1", "b.2"}},
		{"an order's number on two results", sub(obs, `"status"`, `"identifier":[{"system":"urn:oid:1.2.3","value":"A7"}],"status"`), sub(obs, `"status"`, `"identifier":[{"system":"urn:oid:1.2.3","value":"A7"}],"status"`, "2823-3", "2951-2"), []string{"a.1", "b.2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := merge.Batch{Source: "a", Resources: []fhir.Resource{resource(t, in("1", c.a))}}
			b := merge.Batch{Source: "b", Resources: []fhir.Resource{resource(t, in("2", c.b))}}
			e := merge.NewEngine(merge.Default())
			if d := cmp.Diff(c.want, told(e.Merge([]merge.Batch{a, b}))); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(c.want, told(e.Merge([]merge.Batch{b, a}))); d != "" {
				t.Error("in the other order:", d)
			}
		})
	}
}

// TestOneSource: what one source keeps apart stays apart, and an undecided day joins nothing.
func TestOneSource(t *testing.T) {
	day := strings.Replace(obs, "T09:30:00Z", "", 1)
	e := merge.NewEngine(merge.Default())
	for _, c := range []struct {
		name string
		in   []merge.Batch
		want []string
	}{
		{"twice in one source", []merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", obs)), resource(t, in("2", obs))}}}, []string{"a.1?repeated", "a.2?repeated"}},
		{"twice in each of two", []merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", obs)), resource(t, in("2", obs))}}, {Source: "b", Resources: []fhir.Resource{resource(t, in("4", obs)), resource(t, in("3", obs))}}}, []string{"a.1+b.3?repeated", "a.2+b.4?repeated"}},
		{"the same id twice is one copy", []merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", obs)), resource(t, in("1", obs))}}}, []string{"a.1"}},
		{"a day that may be either of two", []merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", obs)), resource(t, in("2", strings.Replace(obs, "09:30", "10:30", 1)))}}, {Source: "b", Resources: []fhir.Resource{resource(t, in("3", day))}}}, []string{"a.1?ambiguous", "a.2?ambiguous", "b.3?ambiguous"}},
		{"a value that the other source has too is no conflict", []merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", obs)), resource(t, in("2", strings.Replace(obs, "4.50", "9", 1)))}}, {Source: "b", Resources: []fhir.Resource{resource(t, in("3", obs))}}}, []string{"a.1+b.3", "a.2"}},
		{"three sources", []merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", obs))}}, {Source: "b", Resources: []fhir.Resource{resource(t, in("2", obs))}}, {Source: "c", Resources: []fhir.Resource{resource(t, in("3", obs))}}}, []string{"a.1+b.2+c.3"}},
		{"a chain of minutes is not joined", []merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", obs))}}, {Source: "b", Resources: []fhir.Resource{resource(t, in("2", strings.Replace(obs, "09:30:00", "09:30:50", 1)))}}, {Source: "c", Resources: []fhir.Resource{resource(t, in("3", strings.Replace(obs, "09:30:00", "09:31:40", 1)))}}}, []string{"a.1+b.2?ambiguous", "c.3?ambiguous"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, told(e.Merge(c.in))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSurvivorGainsWhatItLacks(t *testing.T) {
	a := strings.Replace(obs, `"status"`, `"encounter":{"reference":"Encounter/7"},"status"`, 1)
	b := strings.Replace(obs, `"status"`, `"issued":"2024-05-01T10:00:00Z","interpretation":[{"text":"normal"}],"status"`, 1)
	rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", a))}}, {Source: "b", Resources: []fhir.Resource{resource(t, in("2", b))}}})
	if len(rec.Entries) != 1 || rec.Entries[0].Survivor.Source != "b" {
		t.Fatalf("got %v", told(rec))
	}
	var names []string
	for _, x := range rec.Entries[0].Add {
		names = append(names, string(x.From)+":"+x.Value.Name())
	}
	if d := cmp.Diff([]string{"a:encounter"}, names); d != "" {
		t.Error(d)
	}
}

// drawn is a small world of copies: few codes, times and values, so that all that can meet does.
func drawn(t *rapid.T) []merge.Batch {
	var out []merge.Batch
	for _, s := range []concord.SourceID{"a", "b", "c"} {
		b := merge.Batch{Source: s}
		for i := range rapid.IntRange(0, 6).Draw(t, "n") {
			text := rapid.SampledFrom([]string{obs, cond, med, alrg, visit, `{"resourceType":"CarePlan","identifier":[{"system":"urn:oid:1.2.3","value":"77"}]}`, `{"resourceType":"Basic"}`}).Draw(t, "kind")
			text = strings.NewReplacer("4.50", rapid.SampledFrom([]string{"4.50", "4.5", "5"}).Draw(t, "value"), "09:30:00Z", rapid.SampledFrom([]string{"09:30:00Z", "09:30:45Z", "09:31:30Z"}).Draw(t, "time"),
				"2019-03-04", rapid.SampledFrom([]string{"2019-03-04", "2019", "2019-03-05"}).Draw(t, "onset"), `"active"`, rapid.SampledFrom([]string{`"active"`, `"stopped"`}).Draw(t, "status")).Replace(text)
			if rapid.IntRange(0, 5).Draw(t, "day") == 0 {
				text = strings.Replace(text, "T09:30:00Z", "", 1)
			}
			r, err := fhir.Parse([]byte(in(fmt.Sprint(s, i), text)), fhir.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			b.Resources = append(b.Resources, r)
		}
		out = append(out, b)
	}
	return out
}

// TestProperties: every copy in exactly one entry, whatever the order; no entry of two copies of one source; every two
// copies of an entry agree; more sources take nothing away; and what does not conflict is not marked.
func TestProperties(t *testing.T) {
	e := merge.NewEngine(merge.Default())
	rules := merge.Default()
	rapid.Check(t, func(t *rapid.T) {
		batches := drawn(t)
		rec := e.Merge(batches)
		want := told(rec)
		seen := map[string]int{}
		for _, x := range rec.Entries {
			sources := map[concord.SourceID]bool{}
			survives := false
			for i, c := range x.Copies {
				seen[string(c.Source)+"/"+c.ID()]++
				if sources[c.Source] {
					t.Fatalf("two copies of one source in %v", want)
				}
				sources[c.Source] = true
				survives = survives || c.Source == x.Survivor.Source && c.ID() == x.Survivor.ID()
				for _, d := range x.Copies[i+1:] {
					r := rules[c.Type()]
					fa, fb := r.Read(c, new(merge.World)), r.Read(d, new(merge.World))
					if v := r.Compare(&fa, &fb); v.Relation <= merge.Conflict {
						t.Fatalf("joined, though one by one they are not the same: %v", want)
					}
				}
			}
			if !survives {
				t.Fatal("the survivor is none of the copies")
			}
		}
		n := 0
		for _, b := range batches {
			n += len(b.Resources)
			for _, r := range b.Resources {
				if seen[string(b.Source)+"/"+r.ID()] != 1 {
					t.Fatalf("%s is in %d entries", r.ID(), seen[string(b.Source)+"/"+r.ID()])
				}
			}
		}
		if n != len(seen) {
			t.Fatal("a copy was invented")
		}
		shuffled := slices.Clone(batches)
		for i := range shuffled {
			shuffled[i].Resources = rapid.Permutation(shuffled[i].Resources).Draw(t, "order")
		}
		shuffled = rapid.Permutation(shuffled).Draw(t, "sources")
		if d := cmp.Diff(want, told(e.Merge(shuffled))); d != "" {
			t.Fatal("the order changes the record:", d)
		}
		// a source less: each of its copies is gone, and no copy of the others
		less := map[string]bool{}
		for _, x := range e.Merge(batches[:2]).Entries {
			for _, c := range x.Copies {
				less[string(c.Source)+"/"+c.ID()] = true
			}
		}
		if len(less) != len(batches[0].Resources)+len(batches[1].Resources) {
			t.Fatal("a third source takes facts of others away")
		}
	})
}

// TestCompareIsSymmetric: and what is the same shares a key, or it would never be compared.
func TestCompareIsSymmetric(t *testing.T) {
	rules := merge.Default()
	rapid.Check(t, func(t *rapid.T) {
		batches := drawn(t)
		for _, x := range batches[0].Resources {
			for _, y := range batches[1].Resources {
				r := rules[x.Type()]
				if r == nil || x.Type() != y.Type() {
					continue
				}
				a, b := r.Read(merge.Copy{Source: "a", Resource: x}, new(merge.World)), r.Read(merge.Copy{Source: "b", Resource: y}, new(merge.World))
				v, w := r.Compare(&a, &b), r.Compare(&b, &a)
				if v != w {
					t.Fatalf("%v one way, %v the other", v, w)
				}
				shared := false
				for _, k := range append(slices.Clone(a.Keys), a.Seek...) {
					shared = shared || slices.Contains(b.Keys, k)
				}
				for _, k := range b.Seek {
					shared = shared || slices.Contains(a.Keys, k)
				}
				if v.Relation > merge.Conflict && !shared {
					t.Fatalf("%s and %s are the same, and share no key", x.Raw(), y.Raw())
				}
			}
		}
	})
}
