package compare_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/compare"
	"concord/fhir"
	"concord/merge"
	"concord/testharness/population"
)

const (
	person  = `{"resourceType":"Patient","id":"1","name":[{"family":"Doe","given":["Jo"]}],"birthDate":"1960-05-04","gender":"female","address":[{"line":["12 Oak St"],"city":"Rome","postalCode":"13440"}],"telecom":[{"system":"phone","value":"(315) 555-0147"}]}`
	amox    = `{"resourceType":"AllergyIntolerance","id":"a1","code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"723","display":"amoxicillin"}]},"clinicalStatus":{"coding":[{"code":"active"}]},"criticality":"high"}`
	pill    = `{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order","authoredOn":"2024-03-01","medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"314076","display":"lisinopril 10 MG Oral Tablet"}]},"dosageInstruction":[{"text":"Take 1 tablet daily","timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}},"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]}]}`
	asthma  = `{"resourceType":"Condition","id":"c1","code":{"coding":[{"system":"http://snomed.info/sct","code":"195967001","display":"Asthma"}]},"clinicalStatus":{"coding":[{"code":"active"}]},"category":[{"coding":[{"code":"problem-list-item"}]}],"onsetDateTime":"2019-03-04"}`
	calcium = `{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"17861-6","display":"Calcium"}]},"effectiveDateTime":"2024-05-01T13:30:00Z","valueQuantity":{"value":9.4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`
	flu     = `{"resourceType":"Immunization","id":"i1","status":"completed","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"140","display":"Influenza"}]},"occurrenceDateTime":"2023-10-10"}`
	none    = `{"resourceType":"AllergyIntolerance","id":"n1","code":{"coding":[{"system":"http://snomed.info/sct","code":"716186003","display":"No known allergy"}]},"clinicalStatus":{"coding":[{"code":"active"}]}}`
)

// with is s with the pairs of old and new replaced.
func with(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }

// TestCompare: each kind of difference, and what is none.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name string
		rec  record
		want []string
	}{
		{"nothing", record{"a": {person}, "b": {person}}, nil},
		{"the same", record{"a": {person, amox, pill, asthma, calcium, flu}, "b": {person, amox, pill, asthma, calcium, flu}}, nil},
		{"missing, the worst first", record{"a": {person, flu, calcium, asthma, pill, amox}, "b": {person}}, []string{
			"allergy AllergyIntolerance amoxicillin  in[a] missing[b]",
			"active-medication MedicationRequest lisinopril 10 MG Oral Tablet 2024-03-01 in[a] missing[b]",
			"active-problem Condition Asthma 2019-03-04 in[a] missing[b]",
			"other Immunization Influenza 2023-10-10 in[a] missing[b]",
			"other Observation Calcium 2024-05-01 in[a] missing[b]",
		}},
		{"a copy that lacks an element", record{"a": {person, asthma}, "b": {person, with(asthma, `,"onsetDateTime":"2019-03-04"`, "")}}, nil},
		{"other words and another zone", record{
			"a": {person, calcium},
			"b": {person, with(calcium, `"Calcium"`, `"Calcium [Mass/volume]"`, "13:30:00Z", "09:30:00-04:00", `9.4`, `9.40`)},
		}, nil},
		{"a value", record{"a": {calcium}, "b": {with(calcium, "9.4", "11.2")}, "c": {calcium}}, []string{
			`other Observation Calcium 2024-05-01 in[a b c] conflicts[value] | Observation.value[x] value: a="9.4 mg/dL" b="11.2 mg/dL" c="9.4 mg/dL"`,
		}},
		{"a value against the reason why there is none", record{"a": {calcium}, "b": {with(calcium, `"valueQuantity":{"value":9.4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}`, `"dataAbsentReason":{"text":"error"}`)}}, []string{
			`other Observation Calcium 2024-05-01 in[a b] conflicts[value] | Observation.value[x] value: a="9.4 mg/dL" b="" | Observation.dataAbsentReason value: a="" b="error"`,
		}},
		{"a dose", record{"a": {pill}, "b": {with(pill, "Take 1", "Take 2", `"value":1,"unit"`, `"value":2,"unit"`)}}, []string{
			`active-medication MedicationRequest lisinopril 10 MG Oral Tablet 2024-03-01 in[a b] conflicts[dose] | MedicationRequest.dosageInstruction dose: a="1 tablet, 1 per 1 d (Take 1 tablet daily)" b="2 tablet, 1 per 1 d (Take 2 tablet daily)"`,
		}},
		{"a status", record{"a": {pill}, "b": {with(pill, `"active"`, `"stopped"`)}}, []string{
			`active-medication MedicationRequest lisinopril 10 MG Oral Tablet 2024-03-01 in[a b] conflicts[status] | MedicationRequest.status status: a="active" b="stopped"`,
		}},
		{"not to be given", record{"a": {pill}, "b": {with(pill, `"intent"`, `"doNotPerform":true,"intent"`)}}, []string{
			`active-medication MedicationRequest lisinopril 10 MG Oral Tablet 2024-03-01 in[a b] conflicts[negation] | MedicationRequest.doNotPerform status: a="" b="true"`,
		}},
		{"refuted, and missing from a third", record{"a": {amox}, "b": {with(amox, `"criticality"`, `"verificationStatus":{"coding":[{"code":"refuted"}]},"criticality"`)}, "c": {}}, []string{
			`allergy AllergyIntolerance amoxicillin  in[a b] missing[c] conflicts[negation] | AllergyIntolerance.verificationStatus status: a="" b="refuted"`,
		}},
		{"how bad an allergy is", record{"a": {amox}, "b": {with(amox, `"high"`, `"low"`)}}, []string{
			`allergy AllergyIntolerance amoxicillin  in[a b] conflicts[value] | AllergyIntolerance.criticality value: a="high" b="low"`,
		}},
		{"two ways of being over", record{"a": {with(asthma, `"code":"active"`, `"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"resolved"`)}, "b": {with(asthma, `"code":"active"`, `"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"inactive"`)}}, []string{
			`other Condition Asthma 2019-03-04 in[a b] | Condition.clinicalStatus status: a="resolved" b="inactive"`,
		}},
		{"given and refused", record{"a": {flu}, "b": {with(flu, `"completed"`, `"not-done"`)}}, []string{
			`other Immunization Influenza 2023-10-10 in[a b] conflicts[negation] | Immunization.status status: a="completed" b="not-done"`,
		}},
		{"none known against one that is", record{"a": {amox}, "b": {none}}, []string{
			`allergy AllergyIntolerance amoxicillin  in[a] missing[b] conflicts[no-known] | AllergyIntolerance.code code: a="amoxicillin" b="No known allergy"`,
			`allergy AllergyIntolerance No known allergy  in[b] unknown[{a contradicted}] conflicts[no-known] | AllergyIntolerance.code code: a="amoxicillin" b="No known allergy"`,
		}},
		{"withdrawn, and nowhere else", record{"a": {with(calcium, `"final"`, `"entered-in-error"`)}, "b": {}}, nil},
		{"withdrawn here, held there", record{"a": {with(calcium, `"final"`, `"entered-in-error"`)}, "b": {calcium}}, []string{
			`other Observation Calcium 2024-05-01 in[a b] conflicts[negation] | Observation.status status: a="entered-in-error" b="final"`,
		}},
		{"nobody was asked", record{"a": {with(none, "716186003", "1631000175102", "No known allergy", "Not on File")}, "b": {}}, nil},
		{"a copy of which nobody can say what it is", record{"a": {`{"resourceType":"Condition","id":"x"}`}, "b": {}}, nil},
		{"one source holds it twice", record{"a": {calcium, with(calcium, "o1", "o2")}, "b": {calcium}}, nil},
		{"a birth date", record{"a": {person}, "b": {with(person, "1960-05-04", "1960-04-05")}}, []string{
			`other Patient Jo Doe  in[a b] conflicts[birth-date] | Patient.birthDate demographics: a="1960-05-04" b="1960-04-05"`,
		}},
		{"another house, number and name", record{"a": {person}, "b": {with(person, "12 Oak St", "7 Elm Rd", "555-0147", "555-0199", `"Jo"`, `"Ann"`)}}, []string{
			`other Patient Ann Doe  in[a b] | Patient.name demographics: a="Jo Doe" b="Ann Doe" | Patient.address demographics: a="12 Oak St, Rome, 13440" b="7 Elm Rd, Rome, 13440" | Patient.telecom demographics: a="phone (315) 555-0147" b="phone (315) 555-0199"`,
		}},
		{"the same house and number, written otherwise", record{"a": {person}, "b": {with(person, "12 Oak St", "12 OAK STREET", "13440", "13440-1234", "(315) 555-0147", "+1 315 555 0147", `"Jo"`, `"Joanna","M"`, `"Doe"`, `"Doe-Roe"`)}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, told(compare.Compare(input(t, c.rec)))); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestUnknown: absence is asserted only of sources that answered in full.
func TestUnknown(t *testing.T) {
	in := input(t, record{"a": {person, amox, flu}, "b": {person, flu}, "c": {person, amox}})
	for _, c := range []struct {
		name string
		in   compare.Input
		want []string
	}{
		{"a part only", fails(in, "b", fhir.TypeAllergyIntolerance, compare.Incomplete), []string{"other Immunization Influenza 2023-10-10 in[a b] missing[c]"}},
		{"nothing", fails(fails(in, "b", fhir.TypeAllergyIntolerance, compare.Timeout), "c", fhir.TypeImmunization, compare.Transient), nil},
		{"of one of two that lack it", fails(input(t, record{"a": {amox}, "b": {}, "c": {}}), "b", fhir.TypeAllergyIntolerance, compare.NotSupported),
			[]string{"allergy AllergyIntolerance amoxicillin  in[a] missing[c] unknown[{b not-supported}]"}},
		{"the caller may see a part only", fails(in, "c", fhir.TypeImmunization, compare.Limited), []string{"allergy AllergyIntolerance amoxicillin  in[a c] missing[b]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := compare.Compare(c.in)
			if d := cmp.Diff(c.want, told(r)); d != "" {
				t.Error(d)
			}
			if len(r.Gaps) == 0 {
				t.Error("what could not be known is not said")
			}
		})
	}
	t.Run("a type that nobody has", func(t *testing.T) {
		x := in
		for _, s := range in.Options.Sources {
			x = fails(x, s, fhir.TypeDevice, compare.NotSupported)
		}
		r := compare.Compare(x)
		if len(r.Gaps) != 0 || slices.ContainsFunc(r.Types, func(x compare.Type) bool { return x.Type == fhir.TypeDevice }) {
			t.Error(r.Gaps, r.Types)
		}
	})
	t.Run("not asked", func(t *testing.T) {
		x := in
		x.Answers = slices.DeleteFunc(slices.Clone(in.Answers), func(a compare.Answer) bool {
			return a.Source == "b" && a.Type == fhir.TypeAllergyIntolerance || a.Type == fhir.TypeImmunization
		})
		r := compare.Compare(x)
		if len(r.Events) != 0 || !slices.Contains(r.Gaps, compare.Gap{Source: "b", Type: fhir.TypeAllergyIntolerance, Reason: compare.Incomplete}) {
			t.Error(dump(r), r.Gaps)
		}
		if slices.ContainsFunc(r.Types, func(x compare.Type) bool { return x.Type == fhir.TypeImmunization }) {
			t.Error("a type that nobody asked for is compared")
		}
	})
}

// TestOptionsNarrow: sources, modes and dates narrow the report.
func TestOptionsNarrow(t *testing.T) {
	rec := record{
		"a": {person, amox, flu, calcium, `{"resourceType":"Encounter","id":"e1","status":"in-progress","class":{"code":"IMP"},"type":[{"text":"Stay"}],"period":{"start":"2010-01-01"}}`},
		"b": {person, amox, with(calcium, "9.4", "9.9")},
		"c": {person},
	}
	const (
		allergy = "allergy AllergyIntolerance amoxicillin  in[a b] missing[c]"
		shot    = "other Immunization Influenza 2023-10-10 in[a] missing[b c]"
		lab     = `other Observation Calcium 2024-05-01 in[a b] missing[c] conflicts[value] | Observation.value[x] value: a="9.4 mg/dL" b="9.9 mg/dL"`
		stay    = "other Encounter Stay 2010-01-01 in[a] missing[b c]"
	)
	for _, c := range []struct {
		name string
		set  func(*compare.Options)
		want []string
	}{
		{"all", func(*compare.Options) {}, []string{allergy, shot, lab, stay}},
		{"conflicts", func(o *compare.Options) { o.Mode = compare.OnlyConflicts }, []string{strings.Replace(lab, " missing[c]", "", 1)}},
		{"missing", func(o *compare.Options) { o.Mode = compare.OnlyMissing }, []string{allergy, shot, "other Observation Calcium 2024-05-01 in[a b] missing[c]", stay}},
		{"between two", func(o *compare.Options) { o.Sources = []concord.SourceID{"b", "a"} },
			[]string{"other Immunization Influenza 2023-10-10 in[a] missing[b]", strings.Replace(lab, " missing[c]", "", 1), "other Encounter Stay 2010-01-01 in[a] missing[b]"}},
		{"between others", func(o *compare.Options) { o.Sources = []concord.SourceID{"c", "b"} },
			[]string{"allergy AllergyIntolerance amoxicillin  in[b] missing[c]", "other Observation Calcium 2024-05-01 in[b] missing[c]"}},
		{"since: what has no date and what goes on stay", func(o *compare.Options) { o.Since = "2024" }, []string{allergy, lab, stay}},
		{"since the day itself", func(o *compare.Options) { o.Since = "2023-10-10" }, []string{allergy, shot, lab, stay}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input(t, rec)
			c.set(&in.Options)
			if d := cmp.Diff(c.want, told(compare.Compare(in))); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestCounts: what the summary says.
func TestCounts(t *testing.T) {
	r := compare.Compare(fails(input(t, record{"a": {person, amox, calcium, flu}, "b": {person, amox, with(calcium, "9.4", "9.9")}, "c": {}}), "c", fhir.TypeObservation, compare.Timeout))
	want := []compare.Source{{Name: "a", Events: 4, Only: 1}, {Name: "b", Events: 3, Missing: 1}, {Name: "c", Missing: 3, Stranger: true}}
	if d := cmp.Diff(want, r.Sources); d != "" {
		t.Error(d)
	}
	types := slices.DeleteFunc(r.Types, func(x compare.Type) bool { return x.Events == 0 })
	if d := cmp.Diff([]compare.Type{
		{Type: "AllergyIntolerance", Events: 1, Missing: 1}, {Type: "Patient", Events: 1, Missing: 1},
		{Type: "Immunization", Events: 1, Missing: 1}, {Type: "Observation", Events: 1, Disagree: 1},
	}, types); d != "" {
		t.Error(d)
	}
}

// TestNames: copies are named as the gateway serves them.
func TestNames(t *testing.T) {
	in := input(t, record{"a": {amox}, "b": {}})
	in.Name = func(c merge.Copy) string { return "alias-" + c.ID() }
	if got := compare.Compare(in).Events[0].Copies; !slices.Equal(got, []compare.Copy{{Source: "a", Reference: "AllergyIntolerance/alias-a1"}}) {
		t.Error(got)
	}
}

// TestReferredTo: a medication that is referred to gives the order its name.
func TestReferredTo(t *testing.T) {
	order := with(pill, `"medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"314076","display":"lisinopril 10 MG Oral Tablet"}]}`, `"medicationReference":{"reference":"%"}`)
	drug := `{"resourceType":"Medication","id":"d1","code":{"text":"lisinopril"}}`
	for _, c := range []struct{ name, order, more string }{
		{"contained", with(order, "%", "#d1", `"id":"m1"`, `"id":"m1","contained":[`+drug+`]`), ""},
		{"beside it", with(order, "%", "Medication/d1"), drug},
		{"by its name", with(order, `{"reference":"%"}`, `{"reference":"Medication/9","display":"lisinopril"}`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := []string{c.order}
			if c.more != "" {
				a = append(a, c.more)
			}
			want := []string{"active-medication MedicationRequest lisinopril 2024-03-01 in[a] missing[b]"}
			if d := cmp.Diff(want, told(compare.Compare(input(t, record{"a": a, "b": {}})))); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestEqual: sources that hold the same differ in nothing, whatever it is.
func TestEqual(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pop := population.Generate(population.Options{Seed: rapid.Uint64Range(0, 1<<20).Draw(rt, "seed"), Persons: 1, Registered: 3, Copies: 3})
		in := chart(t, pop, &pop.Persons[0])
		if r := compare.Compare(in); r.Differs() {
			rt.Fatal(dump(r))
		}
	})
}

// TestSymmetric: under other names, the sources differ in the same things; and the order in which everything comes changes
// nothing.
func TestSymmetric(t *testing.T) {
	turn := map[concord.SourceID]concord.SourceID{"epic": "athena", "athena": "cerner", "cerner": "epic"}
	rapid.Check(t, func(rt *rapid.T) {
		o := population.Options{Seed: rapid.Uint64Range(0, 1<<20).Draw(rt, "seed"), Persons: 1, Registered: 3, Conflicts: 4}
		if rapid.Bool().Draw(rt, "noise") {
			o.Noise = population.AllNoise()
		}
		pop := population.Generate(o)
		in := fails(chart(t, pop, &pop.Persons[0]), "epic", fhir.TypeCondition, compare.Timeout)
		want := compare.Compare(in)

		turned := in
		turned.Name = func(c merge.Copy) string { return c.ID() }
		in.Name = turned.Name
		turned.Entries = slices.Clone(in.Entries)
		for i, e := range turned.Entries {
			e.Copies, e.Others = slices.Clone(e.Copies), slices.Clone(e.Others)
			for j := range e.Copies {
				e.Copies[j].Source = turn[e.Copies[j].Source]
			}
			for j := range e.Others {
				e.Others[j].Source = turn[e.Others[j].Source]
			}
			turned.Entries[i] = e
		}
		turned.Entries = rapid.Permutation(turned.Entries).Draw(rt, "entries")
		turned.Answers = slices.Clone(in.Answers)
		for i := range turned.Answers {
			turned.Answers[i].Source = turn[turned.Answers[i].Source]
		}
		turned.Answers = rapid.Permutation(turned.Answers).Draw(rt, "answers")
		if d := cmp.Diff(renamed(compare.Compare(in), turn), renamed(compare.Compare(turned), nil)); d != "" {
			rt.Fatal(d)
		}
		if len(want.Events) == 0 {
			rt.Skip("nothing differs")
		}
	})
}

// renamed is what a report says of its events, in an order that knows no source.
func renamed(r compare.Report, turn map[concord.SourceID]concord.SourceID) []string {
	name := func(s concord.SourceID) concord.SourceID {
		if turn == nil {
			return s
		}
		return turn[s]
	}
	var out []string
	for _, e := range r.Events {
		for i := range e.In {
			e.In[i] = name(e.In[i])
		}
		for i := range e.Missing {
			e.Missing[i] = name(e.Missing[i])
		}
		for i := range e.Unknown {
			e.Unknown[i].Source = name(e.Unknown[i].Source)
		}
		for i := range e.Disagreements {
			d := &e.Disagreements[i]
			for j := range d.Told {
				d.Told[j].Source = name(d.Told[j].Source)
			}
			slices.SortFunc(d.Told, func(a, b compare.Told) int {
				return strings.Compare(string(a.Source)+a.Reference, string(b.Source)+b.Reference)
			})
		}
		slices.Sort(e.In)
		slices.Sort(e.Missing)
		slices.SortFunc(e.Unknown, func(a, b compare.Unknown) int { return strings.Compare(string(a.Source), string(b.Source)) })
		out = append(out, told(compare.Report{Events: []compare.Event{e}})...)
	}
	slices.Sort(out)
	return out
}
