package smart_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/smart"
)

func copyOf(t testing.TB, source concord.SourceID, json string) merge.Copy {
	t.Helper()
	r, err := fhir.Parse([]byte(json), fhir.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", json, err)
	}
	return merge.Copy{Source: source, Resource: r}
}

// single is one entry of one copy.
func single(c merge.Copy) merge.Entry { return merge.Entry{Survivor: c, Copies: []merge.Copy{c}} }

func names(v smart.View) []string {
	var out []string
	for e := range v.Entries() {
		for _, c := range e.Copies {
			out = append(out, string(c.Source)+"/"+string(c.Type())+"/"+c.ID())
		}
	}
	return out
}

const labs = `"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}]`
const vitals = `"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}]`

func TestVisible(t *testing.T) {
	obs := func(rest string) string { return `{"resourceType":"Observation","id":"1",` + rest + `}` }
	mine := `"subject":{"reference":"Patient/a"}`
	for _, c := range []struct {
		name, scope string
		i           fhir.Interaction
		source      concord.SourceID
		json        string
		want        bool
	}{
		{"plain user scope", "user/Observation.s", fhir.SearchType, "epic", obs(`"subject":{"reference":"Patient/z"}`), true},
		{"all types", "system/*.read", fhir.SearchType, "epic", obs(mine), true},
		{"read needs r", "user/Observation.s", fhir.Read, "epic", obs(mine), false},
		{"search needs s", "user/Observation.r", fhir.SearchType, "epic", obs(mine), false},
		{"everything takes either", "user/Observation.r", fhir.Everything, "epic", obs(mine), true},
		{"everything starts with a read", "user/*.s", fhir.Everything, "epic", `{"resourceType":"Patient","id":"a"}`, false},
		{"write is not read", "user/Observation.write", fhir.Read, "epic", obs(mine), false},
		{"another type", "user/Condition.rs", fhir.SearchType, "epic", obs(mine), false},
		{"type that R4 does not have", "user/*.rs", fhir.SearchType, "epic", `{"resourceType":"Nonsense","id":"1"}`, false},
		{"free interactions show nothing", "user/*.cruds", fhir.GraphQL, "epic", obs(mine), false},
		{"match shows patients to users", "user/Patient.s", fhir.Match, "epic", `{"resourceType":"Patient","id":"z"}`, true},
		{"match shows nothing to a patient", "patient/*.cruds", fhir.Match, "epic", `{"resourceType":"Patient","id":"a"}`, false},

		{"mine at one source", "patient/Observation.rs", fhir.SearchType, "epic", obs(mine), true},
		{"mine at the other", "patient/Observation.rs", fhir.SearchType, "cerner", obs(`"subject":{"reference":"Patient/b"}`), true},
		{"my id at another source is someone else", "patient/Observation.rs", fhir.SearchType, "cerner", obs(mine), false},
		{"at a source where I have no record", "patient/Observation.rs", fhir.SearchType, "athena", obs(mine), false},
		{"another's", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"Patient/z"}`), false},
		{"id that mine begins", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"Patient/aa"}`), false},
		{"id in another case", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"Patient/A"}`), false},
		{"absolute, below the base", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"https://epic.test/R4/Patient/a"}`), true},
		{"absolute, of another base", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"https://cerner.test/r4/Patient/a"}`), false},
		{"of a version", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"Patient/a/_history/3"}`), true},
		{"no subject", "patient/*.rs", fhir.Read, "epic", obs(`"status":"final"`), false},
		{"subject by name", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"display":"a"}`), false},
		{"a group's", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"Group/a"}`), false},
		{"performed by me on somebody", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"Patient/z"},"performer":[{"reference":"Patient/a"}]`), false},
		{"performed by me on a device", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"Device/d"},"performer":[{"reference":"Patient/a"}]`), true},
		{"performed by me on who knows whom", "patient/*.rs", fhir.Read, "epic", obs(`"subject":{"reference":"#p"},"performer":[{"reference":"Patient/a"}]`), false},
		{"performed on me by somebody", "patient/*.rs", fhir.Read, "epic", obs(mine + `,"performer":[{"reference":"Patient/z"}]`), true},
		{"holds another patient", "patient/*.rs", fhir.Read, "epic", obs(mine + `,"contained":[{"resourceType":"Patient","id":"p"}]`), false},
		{"holds what is about another", "patient/*.rs", fhir.Read, "epic", obs(mine + `,"contained":[{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/z"}}]`), false},
		{"holds what is about me", "patient/*.rs", fhir.Read, "epic", obs(mine + `,"contained":[{"resourceType":"Specimen","id":"c","subject":{"reference":"Patient/a"}}]`), true},
		{"me", "patient/Patient.rs", fhir.Read, "epic", `{"resourceType":"Patient","id":"a"}`, true},
		{"another", "patient/Patient.rs", fhir.Read, "epic", `{"resourceType":"Patient","id":"b"}`, false},
		{"another who links to me", "patient/Patient.rs", fhir.Read, "epic", `{"resourceType":"Patient","id":"z","link":[{"other":{"reference":"Patient/a"},"type":"seealso"}]}`, false},
		{"me, linked to another", "patient/Patient.rs", fhir.Read, "epic", `{"resourceType":"Patient","id":"a","link":[{"other":{"reference":"Patient/z"},"type":"seealso"}]}`, true},
		{"group that I am in alone", "patient/*.rs", fhir.Read, "epic", `{"resourceType":"Group","id":"g","member":[{"entity":{"reference":"Patient/a"}}]}`, true},
		{"group with others", "patient/*.rs", fhir.Read, "epic", `{"resourceType":"Group","id":"g","member":[{"entity":{"reference":"Patient/a"}},{"entity":{"reference":"Patient/z"}}]}`, false},
		{"appointment of several", "patient/*.rs", fhir.Read, "epic", `{"resourceType":"Appointment","id":"g","participant":[{"actor":{"reference":"Patient/a"}},{"actor":{"reference":"Patient/z"}}]}`, false},
		{"task for me", "patient/*.rs", fhir.Read, "epic", `{"resourceType":"Task","id":"t","for":{"reference":"Patient/a"}}`, true},
		{"my device", "patient/Device.rs", fhir.SearchType, "epic", `{"resourceType":"Device","id":"d","patient":{"reference":"Patient/a"}}`, true},
		{"another's device", "patient/Device.rs", fhir.SearchType, "epic", `{"resourceType":"Device","id":"d","patient":{"reference":"Patient/z"}}`, false},
		{"practitioner by itself", "patient/*.rs", fhir.Read, "epic", `{"resourceType":"Practitioner","id":"d"}`, false},
		{"practitioner for a user", "user/Practitioner.r", fhir.Read, "epic", `{"resourceType":"Practitioner","id":"d"}`, true},
		{"binary of mine", "patient/*.rs", fhir.Read, "epic", `{"resourceType":"Binary","id":"d","securityContext":{"reference":"Patient/a"}}`, true},
		{"binary of another's", "patient/*.rs", fhir.Read, "epic", `{"resourceType":"Binary","id":"d","securityContext":{"reference":"Patient/z"}}`, false},
		{"binary of nobody", "patient/*.rs", fhir.Read, "epic", `{"resourceType":"Binary","id":"d"}`, false},

		{"granular, matching", "patient/Observation.rs?category=" + lab, fhir.Read, "epic", obs(mine + `,` + labs), true},
		{"granular, not matching", "patient/Observation.rs?category=" + lab, fhir.Read, "epic", obs(mine + `,` + vitals), false},
		{"granular, without the element", "patient/Observation.rs?category=" + lab, fhir.Read, "epic", obs(mine), false},
		{"granular, matching, another's", "patient/Observation.rs?category=" + lab, fhir.Read, "epic", obs(`"subject":{"reference":"Patient/z"},` + labs), false},
		{"granular, bare code", "user/Observation.rs?category=laboratory", fhir.SearchType, "epic", obs(labs), true},
		{"granular, one of several", "user/Observation.rs?category=vital-signs user/Observation.s?category=laboratory", fhir.SearchType, "epic", obs(labs), true},
		{"granular, values by comma", "user/Observation.rs?category=vital-signs,laboratory", fhir.SearchType, "epic", obs(labs), true},
		{"granular, both must match", "user/Observation.rs?category=laboratory&status=final", fhir.SearchType, "epic", obs(labs), false},
		{"granular, for another permission", "user/Observation.s?category=laboratory", fhir.Read, "epic", obs(labs), false},
		{"granular and plain", "user/Observation.rs?category=vital-signs user/Observation.rs", fhir.SearchType, "epic", obs(labs), true},
		{"granular, all types, fitting", "user/*.rs?category=laboratory", fhir.SearchType, "epic", obs(labs), true},
		{"granular, all types, no such parameter", "user/*.rs?category=laboratory", fhir.SearchType, "epic", `{"resourceType":"Patient","id":"a"}`, false},
		{"unknown parameter", "user/Observation.rs?foo=bar", fhir.SearchType, "epic", obs(labs), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, a, x := granted(c.scope), smart.Access{Type: "Observation", Interaction: c.i}, copyOf(t, c.source, c.json)
			if got := g.Visible(x, a); got != c.want {
				t.Errorf("Visible = %v, want %v", got, c.want)
			}
			if got := g.View(merge.Record{Entries: []merge.Entry{single(x)}}, a).Len() == 1; got != c.want {
				t.Errorf("View has it: %v, want %v", got, c.want)
			}
			out := g.Narrow([]merge.Batch{{Source: c.source, Resources: []fhir.Resource{x.Resource}}}, a)
			if got := len(out) == 1 && out[0].Source == c.source && len(out[0].Resources) == 1; got != c.want {
				t.Errorf("Narrow keeps it: %v, want %v", got, c.want)
			}
		})
	}
}

// TestByReference: what is outside the compartment is seen directly from what is within, at the same source.
func TestByReference(t *testing.T) {
	mine := copyOf(t, "epic", `{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/a"},"device":{"reference":"Device/d"},"performer":[{"reference":"Practitioner/p"},{"reference":"https://epic.test/R4/Organization/o"}]}`)
	theirs := copyOf(t, "epic", `{"resourceType":"Observation","id":"2","subject":{"reference":"Patient/z"},"performer":[{"reference":"Practitioner/q"}]}`)
	other := []merge.Copy{
		copyOf(t, "epic", `{"resourceType":"Practitioner","id":"p"}`),
		copyOf(t, "epic", `{"resourceType":"Practitioner","id":"q"}`),
		copyOf(t, "cerner", `{"resourceType":"Practitioner","id":"p"}`),
		copyOf(t, "epic", `{"resourceType":"Organization","id":"o","endpoint":[{"reference":"Endpoint/e"}]}`),
		copyOf(t, "epic", `{"resourceType":"Endpoint","id":"e"}`),
		copyOf(t, "epic", `{"resourceType":"Device","id":"d"}`),
		copyOf(t, "epic", `{"resourceType":"Provenance","id":"v1","target":[{"reference":"Observation/1"}],"agent":[{"who":{"reference":"Practitioner/p"}}]}`),
		copyOf(t, "epic", `{"resourceType":"Provenance","id":"v2","target":[{"reference":"Observation/1"},{"reference":"Observation/2"}]}`),
		copyOf(t, "epic", `{"resourceType":"Provenance","id":"v3","target":[{"reference":"Observation/2"}]}`),
		copyOf(t, "epic", `{"resourceType":"Provenance","id":"v4","target":[{"reference":"Observation/1"}],"entity":[{"what":{"reference":"Patient/z"}}]}`),
		copyOf(t, "epic", `{"resourceType":"Provenance","id":"v5","target":[{"reference":"Observation/1"},{"display":"x"}]}`),
	}
	rec := merge.Record{Entries: []merge.Entry{single(mine), single(theirs)}}
	for _, c := range other {
		rec.Entries = append(rec.Entries, single(c))
	}
	for _, c := range []struct {
		name, scope string
		want        []string
	}{
		{"all types", "patient/*.s", []string{"epic/Observation/1", "epic/Practitioner/p", "epic/Organization/o", "epic/Device/d", "epic/Provenance/v1"}},
		{"two types", "patient/Observation.rs patient/Practitioner.rs", []string{"epic/Observation/1", "epic/Practitioner/p"}},
		{"nothing to start from", "patient/Practitioner.rs patient/Provenance.rs", nil},
		{"included without its scope", "patient/Observation.rs", []string{"epic/Observation/1"}},
		{"for another permission", "patient/Observation.rs patient/Practitioner.r", []string{"epic/Observation/1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := granted(c.scope)
			if d := cmp.Diff(c.want, names(g.View(rec, search("Observation")))); d != "" {
				t.Error(d)
			}
			for _, x := range other {
				want := slices.Contains(c.want, string(x.Source)+"/"+string(x.Type())+"/"+x.ID())
				if got := g.Reached(x, search("Observation"), mine, theirs); got != want {
					t.Errorf("Reached %s/%s = %v, want %v", x.Source, x.ID(), got, want)
				}
				if g.Reached(x, search("Observation")) {
					t.Errorf("Reached %s/%s from nowhere", x.Source, x.ID())
				}
			}
		})
	}
}

// TestViewJudgesEachCopy: a copy that may not be seen does not come to light by way of one that may.
func TestViewJudgesEachCopy(t *testing.T) {
	shown := copyOf(t, "epic", `{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/a"},`+labs+`}`)
	bare := copyOf(t, "cerner", `{"resourceType":"Observation","id":"2","subject":{"reference":"Patient/b"},"note":[{"text":"x"}]}`)
	also := copyOf(t, "athena", `{"resourceType":"Observation","id":"3","subject":{"reference":"Patient/c"},`+labs+`,"method":{}}`)
	add := []merge.Addition{{From: "cerner", ID: "2", Value: bare.Get("note")}, {From: "athena", ID: "3", Value: also.Get("method")}}
	rec := merge.Record{Entries: []merge.Entry{
		{Survivor: shown, Copies: []merge.Copy{also, bare, shown}, Add: add, Rule: "r"},
		{Survivor: bare, Copies: []merge.Copy{bare, shown}},
	}}
	c := myContext()
	c.Refs = append(c.Refs, concord.NewPatientRef("athena", "c"))
	v := grantedIn("patient/Observation.rs?category="+lab, c).View(rec, search("Observation"))
	if d := cmp.Diff([]string{"athena/Observation/3", "epic/Observation/1"}, names(v)); d != "" {
		t.Error(d)
	}
	for e := range v.Entries() {
		if len(e.Add) != 1 || e.Add[0].From != "athena" || e.Rule != "r" {
			t.Errorf("additions: %+v, want athena's alone", e.Add)
		}
	}
	if v.Hidden() != 3 {
		t.Errorf("Hidden = %d, want 3", v.Hidden())
	}
	if len(rec.Entries[0].Copies) != 3 || len(rec.Entries[0].Add) != 2 {
		t.Error("the record was changed")
	}
	if all := granted("user/*.rs").View(rec, search("Observation")); all.Len() != 2 || all.Hidden() != 0 {
		t.Errorf("for a user: %d entries, %d hidden", all.Len(), all.Hidden())
	}
}

// TestNarrowAgreesWithView: what Narrow leaves, View hides nothing of, and order and bytes stay.
func TestNarrowAgreesWithView(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := granted(anyScope(t) + " " + anyScope(t))
		a := anyAccess(t)
		rec := anyRecord(t)
		bySource := map[concord.SourceID][]fhir.Resource{}
		for _, e := range rec.Entries {
			bySource[e.Survivor.Source] = append(bySource[e.Survivor.Source], e.Survivor.Resource)
		}
		var in []merge.Batch
		for _, s := range []concord.SourceID{"cerner", "epic"} {
			in = append(in, merge.Batch{Source: s, Resources: bySource[s]})
		}
		var left merge.Record
		for _, b := range g.Narrow(in, a) {
			for _, r := range b.Resources {
				left.Entries = append(left.Entries, single(merge.Copy{Source: b.Source, Resource: r}))
			}
		}
		v := g.View(left, a)
		if v.Hidden() != 0 || v.Len() != len(left.Entries) {
			t.Errorf("View hides %d of what Narrow left", v.Hidden())
		}
		want := g.View(rec, a)
		if want.Len() != v.Len() {
			t.Errorf("View alone shows %d, after Narrow %d", want.Len(), v.Len())
		}
	})
}

// anyRecord is entries of one copy each, with ids that are unique and references that hold here and there.
func anyRecord(t *rapid.T) merge.Record {
	var rec merge.Record
	for i := range rapid.IntRange(0, 8).Draw(t, "entries") {
		source := rapid.SampledFrom([]concord.SourceID{"epic", "cerner"}).Draw(t, "source")
		typ := rapid.SampledFrom([]string{"Observation", "Condition", "Patient", "Practitioner", "Provenance", "Nonsense"}).Draw(t, "type")
		ref := func() string {
			return rapid.SampledFrom([]string{"Patient/a", "Patient/b", "Patient/z", "Practitioner/p3", "Practitioner/p1", "Observation/o0", "#x"}).Draw(t, "reference")
		}
		id := fmt.Sprint(map[string]string{"Practitioner": "p", "Observation": "o"}[typ], i)
		if typ == "Patient" {
			id = rapid.SampledFrom([]string{"a", "b", "z"}).Draw(t, "id")
		}
		json := fmt.Sprintf(`{"resourceType":%q,"id":%q,"subject":{"reference":%q},"performer":[{"reference":%q}],"target":[{"reference":%q}],%s}`,
			typ, id, ref(), ref(), ref(), rapid.SampledFrom([]string{labs, vitals, `"status":"final"`}).Draw(t, "category"))
		r, err := fhir.Parse([]byte(json), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		rec.Entries = append(rec.Entries, single(merge.Copy{Source: source, Resource: r}))
	}
	return rec
}

// TestViewOfStraySurvivor: a survivor that is none of the entry's copies is judged as well.
func TestViewOfStraySurvivor(t *testing.T) {
	mine := copyOf(t, "epic", `{"resourceType":"Condition","id":"1","subject":{"reference":"Patient/a"}}`)
	theirs := copyOf(t, "epic", `{"resourceType":"Condition","id":"2","subject":{"reference":"Patient/z"}}`)
	v := granted("patient/*.rs").View(merge.Record{Entries: []merge.Entry{
		{Survivor: theirs, Copies: []merge.Copy{mine}},
		{Survivor: mine, Copies: []merge.Copy{theirs}},
		single(mine),
	}}, search("Condition"))
	if d := cmp.Diff([]string{"epic/Condition/1"}, names(v)); d != "" || v.Len() != 2 || v.Hidden() != 2 {
		t.Errorf("%d entries, %d hidden, %s", v.Len(), v.Hidden(), d)
	}
}

// TestBinaryOfADocument: what a document has as its attachment is seen from it.
func TestBinaryOfADocument(t *testing.T) {
	binary := copyOf(t, "epic", `{"resourceType":"Binary","id":"b1","contentType":"text/plain"}`)
	a := read("Binary")
	for _, c := range []struct {
		name, json string
		want       bool
	}{
		{"my document", `{"resourceType":"DocumentReference","id":"1","subject":{"reference":"Patient/a"},"content":[{"attachment":{"url":"Binary/b1"}}]}`, true},
		{"my document, absolute", `{"resourceType":"DocumentReference","id":"1","subject":{"reference":"Patient/a"},"content":[{"attachment":{"url":"https://epic.test/R4/Binary/b1"}}]}`, true},
		{"my report", `{"resourceType":"DiagnosticReport","id":"1","subject":{"reference":"Patient/a"},"presentedForm":[{"url":"Binary/b1"}]}`, true},
		{"my picture", `{"resourceType":"Media","id":"1","subject":{"reference":"Patient/a"},"content":{"url":"Binary/b1"}}`, true},
		{"another's document", `{"resourceType":"DocumentReference","id":"1","subject":{"reference":"Patient/z"},"content":[{"attachment":{"url":"Binary/b1"}}]}`, false},
		{"of another server", `{"resourceType":"DocumentReference","id":"1","subject":{"reference":"Patient/a"},"content":[{"attachment":{"url":"https://x.test/Binary/b1"}}]}`, false},
		{"another binary", `{"resourceType":"DocumentReference","id":"1","subject":{"reference":"Patient/a"},"content":[{"attachment":{"url":"Binary/b11"}}]}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := granted("patient/*.rs").Reached(binary, a, copyOf(t, "epic", c.json)); got != c.want {
				t.Errorf("Reached = %v, want %v", got, c.want)
			}
		})
	}
}
