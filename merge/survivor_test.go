package merge_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/merge"
)

// gains are an entry's additions in words.
func gains(e merge.Entry) (out []string) {
	for _, a := range e.Add {
		s := string(a.From) + " " + strings.TrimPrefix(a.Into+"."+a.Name, ".")
		if a.Name == "" {
			s += a.Value.Name()
		}
		out = append(out, s)
	}
	return out
}

// TestSurvivor: which copy stands for the event, and what it gains.
func TestSurvivor(t *testing.T) {
	for _, c := range []struct {
		name     string
		copies   []string
		survivor string
		gains    []string
	}{
		{"codings, words, identifiers and notes", []string{
			plus(with(lab, `,"text":"Calcium"`, ""), `"identifier":[{"system":"urn:oid:1","value":"A1"}],"note":[{"text":"one"}],"issued":"2024-05-01T14:00:00Z"`),
			plus(with(lab, `"coding":[`, `"coding":[{"system":"urn:local:b","code":"CA"},`), `"identifier":[{"system":"urn:oid:2","value":"B1"},{"system":"urn:oid:1","value":"A1"}],"note":[{"text":"One "},{"text":"two"}]`),
		}, "a", []string{"b code.coding", "b code.text", "b identifier", "b note"}},
		{"a list that only others have", []string{plus(lab, `"issued":"2024-05-01T14:00:00Z","method":{"text":"m"}`), plus(lab, `"note":[{"text":"one"}]`), plus(lab, `"note":[{"text":"two"}]`)}, "a", []string{"b note", "c note"}},
		{"final rather than preliminary", []string{
			plus(with(lab, `"final"`, `"preliminary"`), `"identifier":[{"system":"urn:oid:1","value":"A1"}],"issued":"2024-05-01T14:00:00Z"`),
			plus(lab, `"identifier":[{"system":"urn:oid:1","value":"A1"}]`),
		}, "b", []string{"a issued"}},
		{"an instant rather than a day", []string{plus(with(lab, "T13:30:00Z", ""), `"issued":"2024-05-01T14:00:00Z"`), lab}, "b", []string{"a issued"}},
		{"a range in another unit does not move", []string{
			plus(weight, `"issued":"2024-05-01T14:00:00Z"`),
			plus(with(weight, `"value":70.3,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"`, `"value":155,"unit":"lb"`), `"referenceRange":[{"low":{"value":120}}]`),
		}, "a", nil},
		{"abatement moves with the status that it belongs to", []string{
			plus(with(diag, `"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},`, ""), `"recordedDate":"2019-03-05","recorder":{"display":"x"}`),
			plus(with(diag, `"active"`, `"resolved"`), `"abatementDateTime":"2020-01-01"`),
		}, "a", []string{"b clinicalStatus", "b abatementDateTime"}},
		{"a list of words moves as a whole", []string{
			plus(with(allergy, `"category":["medication"],`, ""), `"recordedDate":"2024-05-01","type":"allergy","criticality":"low"`),
			allergy,
		}, "a", []string{"b category"}},
		{"what refers to contained parts stays", []string{
			plus(lab, `"issued":"2024-05-01T14:00:00Z"`),
			plus(lab, `"contained":[{"resourceType":"Specimen","id":"s"}],"specimen":{"reference":"#s"}`),
		}, "b", []string{"a issued"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := mergeCopies(t, c.copies...)
			if len(rec.Entries) != 1 || string(rec.Entries[0].Survivor.Source) != c.survivor {
				t.Fatalf("got %v, survivor %s", told(rec), rec.Entries[0].Survivor.Source)
			}
			if d := cmp.Diff(c.gains, gains(rec.Entries[0])); d != "" {
				t.Error(d)
			}
			checkAdditions(t, rec.Entries[0])
		})
	}
}

// TestUnify: the one Patient has what all tell of the person, and is marked where they can't all be right.
func TestUnify(t *testing.T) {
	const epic = `{"resourceType":"Patient","id":"1","active":true,"identifier":[{"system":"urn:oid:1","value":"E1"},{"system":"http://hl7.org/fhir/sid/us-ssn","_value":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/rendered-value","valueString":"xxx-xx-7418"}]}}],"name":[{"use":"official","family":"Doe","given":["Jane"]}],"telecom":[{"system":"phone","value":"+1 (555) 555-0100"}],"gender":"female","birthDate":"1980-02-03","address":[{"line":["1 Main St."],"city":"Salem","state":"MA","postalCode":"01970"}]}`
	const cerner = `{"resourceType":"Patient","id":"2","active":true,"identifier":[{"system":"urn:oid:2","value":"C9"},{"system":"urn:oid:1","value":" E1"}],"name":[{"family":"DOE","given":["JANE"]},{"use":"old","family":"Roe","given":["Jane"]}],"telecom":[{"system":"phone","value":"555-555-0100"},{"system":"email","value":"jane@example.org"}],"gender":"female","birthDate":"1980-02-03","address":[{"line":["1 MAIN ST"],"city":"SALEM","state":"MA","postalCode":"01970-1111"}],"maritalStatus":{"text":"Married"}}`
	a, b := merge.Copy{Source: "epic", Resource: resource(t, epic)}, merge.Copy{Source: "cerner", Resource: resource(t, cerner)}
	e, back := merge.Unify([]merge.Copy{a, b}), merge.Unify([]merge.Copy{b, a})
	if d := cmp.Diff(whole(merge.Record{Entries: []merge.Entry{e}}), whole(merge.Record{Entries: []merge.Entry{back}})); d != "" {
		t.Error("the order changes it:", d)
	}
	if e.Survivor.Source != "cerner" || len(e.Conflicts) != 0 {
		t.Errorf("survivor %s, conflicts %v", e.Survivor.Source, e.Conflicts)
	}
	if d := cmp.Diff([]string{"epic identifier"}, gains(e)); d != "" { // of the masked number, that there is one
		t.Error(d)
	}
	if d := cmp.Diff([]string{"identifier", "name", "address", "birth-date", "gender", "telecom"}, e.Why.Agreed.Names()); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		name, old, new string
		want           []merge.ConflictCode
	}{
		{"born on another day", `"1980-02-03"`, `"1980-03-02"`, []merge.ConflictCode{merge.ConflictBirthDate}},
		{"born in the year", `"1980-02-03"`, `"1980"`, nil},
		{"another sex", `"female"`, `"male"`, []merge.ConflictCode{merge.ConflictGender}},
		{"sex not known", `"female"`, `"unknown"`, nil},
		{"dead", `"maritalStatus"`, `"deceasedBoolean":true,"maritalStatus"`, nil},
	} {
		x := merge.Unify([]merge.Copy{a, {Source: "cerner", Resource: resource(t, with(cerner, c.old, c.new))}})
		if d := cmp.Diff(c.want, x.Conflicts); d != "" {
			t.Error(c.name, d)
		}
	}
	dead := merge.Unify([]merge.Copy{{Source: "epic", Resource: resource(t, with(epic, `"gender"`, `"deceasedBoolean":false,"gender"`))}, {Source: "cerner", Resource: resource(t, with(cerner, `"gender"`, `"deceasedDateTime":"2024-01-01","gender"`))}})
	if d := cmp.Diff([]merge.ConflictCode{merge.ConflictDeceased}, dead.Conflicts); d != "" {
		t.Error(d)
	}
}
