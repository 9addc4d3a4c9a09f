package merge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/fhir"
	"concord/merge"
)

// relations are what an entry says of others, in words.
func relations(e merge.Entry) (out []string) {
	for _, o := range e.Others {
		s := string(o.Source) + "." + o.ID + " "
		for _, c := range o.Conflicts {
			s += "!" + string(c)
		}
		if o.Duplicate != "" {
			s += "?" + string(o.Duplicate)
		}
		out = append(out, strings.Join(append([]string{s, o.Strength}, o.Agreed.Names()...), " "))
	}
	return out
}

// TestOthers: an entry names those that it was not joined with, and why.
func TestOthers(t *testing.T) {
	two := func(a, b string) merge.Record { return mergeCopies(t, a, b) }
	for _, c := range []struct {
		name string
		rec  merge.Record
		want [][]string
	}{
		{"another value", two(lab, with(lab, "9.4", "9.8")), [][]string{{"b.1 !value exactly code text time status"}, {"a.1 !value exactly code text time status"}}},
		{"no known allergy", two(allergy, nka), [][]string{{"b.1 !no-known "}, {"a.1 !no-known "}}},
		{"nothing to say", two(lab, with(lab, "17861-6", "2345-7", `"text":"Calcium"`, `"text":"Glucose"`)), [][]string{nil, nil}},
		{"joined", two(lab, lab), [][]string{nil}},
		{"held twice", merge.NewEngine(merge.Default()).Merge([]merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", lab)), resource(t, in("2", lab))}}}),
			[][]string{{"a.2 ?repeated exactly code text time value status"}, {"a.1 ?repeated exactly code text time value status"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got [][]string
			for _, e := range c.rec.Entries {
				got = append(got, relations(e))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestOthersOfMany: a result that its source holds dozens of times names some, and says that there are more.
func TestOthersOfMany(t *testing.T) {
	b := merge.Batch{Source: "a"}
	for i := range 30 {
		b.Resources = append(b.Resources, resource(t, in(fmt.Sprint("o", i), lab)))
	}
	rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{b})
	for _, e := range rec.Entries {
		if x := e.Explain(public); len(e.Others) != merge.MostOthers || !x.More || len(x.PossibleDuplicates) != merge.MostOthers {
			t.Fatal(len(e.Others), x.More)
		}
	}
}

func public(s concord.SourceID, t fhir.ResourceType, id string) string {
	return string(t) + "/" + string(s) + "." + id
}

// TestExplain: what is told of an entry is which rule, what agreed, whose copies, what was gained and which others disagree,
// in a form that stays, without a word of the content.
func TestExplain(t *testing.T) {
	third := with(lab, `"coding":[{"system":"http://loinc.org","code":"17861-6","display":"Calcium [Mass/volume] in Serum or Plasma"}],`, "")
	rec := mergeCopies(t, plus(lab, `"issued":"2024-05-01T14:00:00Z"`), plus(with(lab, "T13:30:00Z", "T09:30:00-04:00"), `"note":[{"text":"secret"},{"text":"secrets"}]`), third, with(lab, "9.4", "9.8"))
	if d := cmp.Diff([]string{"a.1+b.1+c.1!value", "d.1!value"}, told(rec)); d != "" {
		t.Fatal(d)
	}
	b, err := json.Marshal(rec.Entries[0].Explain(public))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"survivor":"Observation/a.1","copies":["Observation/a.1","Observation/b.1","Observation/c.1"],"rule":"Observation","strength":"nearly",` +
		`"agreed":["text","time","value","status"],"agreedBySome":["code"],` +
		`"pairs":[{"copies":["Observation/a.1","Observation/b.1"],"strength":"exactly","agreed":["code","text","time","value","status"]},` +
		`{"copies":["Observation/a.1","Observation/c.1"],"strength":"nearly","agreed":["text","time","value","status"]},` +
		`{"copies":["Observation/b.1","Observation/c.1"],"strength":"nearly","agreed":["text","time","value","status"]}],` +
		`"gained":[{"from":"Observation/b.1","elements":["note"]}],` +
		`"conflicts":[{"with":"Observation/d.1","in":["value"],"strength":"exactly","agreed":["text","time","status"]}],"disagreements":["value"]}`
	if d := cmp.Diff(want, string(b)); d != "" {
		t.Error(d)
	}
	other := string(rec.Entries[1].Explain(public).Parameters())
	wantOther := `{"resourceType":"Parameters","parameter":[{"name":"survivor","valueReference":{"reference":"Observation/d.1"}},{"name":"copy","valueReference":{"reference":"Observation/d.1"}},` +
		`{"name":"conflict","part":[{"name":"with","valueReference":{"reference":"Observation/a.1"}},{"name":"in","valueCode":"value"},{"name":"strength","valueCode":"exactly"},` +
		`{"name":"agreed","valueCode":"text"},{"name":"agreed","valueCode":"time"},{"name":"agreed","valueCode":"status"}]},{"name":"disagreement","valueCode":"value"}]}`
	if d := cmp.Diff(wantOther, other); d != "" {
		t.Error(d)
	}
	all := string(b) + string(rec.Entries[0].Explain(public).Parameters())
	for _, s := range []string{"9.4", "9.8", "secret", "Calcium", "17861", "2024"} {
		if strings.Contains(all, s) {
			t.Errorf("it tells %s", s)
		}
	}
	if _, err := fhir.Parse(rec.Entries[0].Explain(public).Parameters(), fhir.Limits{}); err != nil {
		t.Error(err)
	}
}

// TestExplainHidden: of what the reader may not see nothing is told.
func TestExplainHidden(t *testing.T) {
	rec := mergeCopies(t, lab, with(lab, "9.4", "9.40"), with(lab, "9.4", "9.8"))
	x := rec.Entries[0].Explain(func(s concord.SourceID, typ fhir.ResourceType, id string) string {
		if s != "a" {
			return ""
		}
		return public(s, typ, id)
	})
	if len(x.Copies) != 1 || len(x.Conflicts) != 0 || len(x.Gained) != 0 || len(x.Pairs) != 0 {
		t.Errorf("%+v", x)
	}
	e := rec.Entries[0]
	e.Copies = e.Copies[:1] // as a view leaves it
	if y := e.Explain(public); len(y.Pairs) != 0 {
		t.Error("pairs of copies that are gone")
	}
}

// TestAlign: what copies tell, beside each other.
func TestAlign(t *testing.T) {
	rows := func(copies ...string) (out []string) {
		var cs []merge.Copy
		for i, c := range copies {
			cs = append(cs, merge.Copy{Source: concord.SourceID(rune('a' + i)), Resource: resource(t, in("1", c))})
		}
		for _, r := range merge.Align(cs) {
			has := ""
			for _, c := range r.Cells {
				has += map[bool]string{true: "x", false: "-"}[c.Exists()]
			}
			out = append(out, fmt.Sprintf("%s %s %s %s", r.Aspect, r.Element, has, r.Agreement))
		}
		back := slices.Clone(cs)
		slices.Reverse(back)
		for i, r := range merge.Align(back) {
			if s := fmt.Sprintf("%s %s", r.Aspect, r.Element); !strings.HasPrefix(out[i], s) || !strings.HasSuffix(out[i], string(r.Agreement)) {
				t.Errorf("in the other order %s %s, not %s", s, r.Agreement, out[i])
			}
		}
		return out
	}
	for _, c := range []struct {
		name   string
		copies []string
		want   []string
	}{
		{"a result", []string{plus(lab, `"performer":[{"reference":"Practitioner/1"}]`), plus(with(lab, "9.4", "9.40", "T13:30:00Z", "T09:30:00-04:00"), `"performer":[{"reference":"Practitioner/2"}],"issued":"2024-05-01T14:00:00Z"`)}, []string{
			"code code xx same", "status status xx same", "date effective[x] xx alike", "date issued -x only", "value value[x] xx alike", "who performer xx incomparable", "context category xx same"}},
		{"another value and status", []string{lab, with(lab, "9.4", "9.9", `"final"`, `"corrected"`)}, []string{
			"code code xx same", "status status xx differs", "date effective[x] xx same", "value value[x] xx differs", "context category xx same"}},
		{"another dose", []string{rx, with(rx, `"value":1`, `"value":2`)}, []string{
			"code medication[x] xx same", "status intent xx same", "status status xx same", "date authoredOn xx same", "dose dosageInstruction xx differs", "who requester xx same"}},
		{"names of performers", []string{op, with(op, "Jane Doe, MD", "Doe, Jane")}, []string{"code code xx same", "status status xx same", "date performed[x] xx same", "who performer xx alike"}},
		{"another date in another type", []string{diag, with(diag, `"onsetDateTime":"2019-03-04"`, `"onsetAge":{"value":40,"unit":"a"}`)}, []string{
			"code code xx same", "status clinicalStatus xx same", "status verificationStatus xx same", "date onset[x] xx differs", "context category xx same"}},
		{"persons", []string{
			`{"resourceType":"Patient","name":[{"family":"Doe","given":["Jane"]}],"birthDate":"1980-02-03","gender":"female","telecom":[{"system":"phone","value":"555-555-0100"}],"identifier":[{"system":"urn:oid:1.2.3","value":"77"}]}`,
			`{"resourceType":"Patient","name":[{"family":"DOE","given":["JANE"]}],"birthDate":"1980-03-02","gender":"female","telecom":[{"system":"phone","value":"(555) 555-0100"},{"system":"email","value":"j@example.org"}],"identifier":[{"system":"urn:oid:1.2.4","value":"78"}]}`,
		}, []string{"demographics birthDate xx differs", "demographics gender xx same", "demographics name xx alike", "demographics telecom xx alike", "identifier identifier xx incomparable"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, rows(c.copies...)); d != "" {
				t.Error(d)
			}
		})
	}
}
