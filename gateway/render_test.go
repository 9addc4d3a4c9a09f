package gateway

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
)

// TestRender: what a source's resource looks like at the gateway.
func TestRender(t *testing.T) {
	const mark = `"extension":[{"url":"urn:concord:contributor","valueReference":{"reference":"Observation/epic.o1"}}],"tag":[{"system":"urn:concord:source","code":"epic"}]`
	for _, c := range []struct{ name, in, want string }{
		{"no meta", `{"resourceType":"Observation","id":"o1","valueDecimal":1.10}`, `{"resourceType":"Observation","id":"epic.o1","meta":{` + mark + `},"valueDecimal":1.10}`},
		{"meta that is none", `{"resourceType":"Observation","id":"o1","meta":null}`, `{"resourceType":"Observation","id":"epic.o1","meta":{` + mark + `}}`},
		{"meta with a tag", `{"resourceType":"Observation","id":"o1","meta":{"tag":[{"code":"x"}]}}`,
			`{"resourceType":"Observation","id":"epic.o1","meta":{"tag":[{"code":"x"},{"system":"urn:concord:source","code":"epic"}],"extension":[{"url":"urn:concord:contributor","valueReference":{"reference":"Observation/epic.o1"}}]}}`},
		{"the patient", `{"resourceType":"Observation","id":"o1","meta":{},"subject":{"reference":"Patient/p1"}}`, `{"resourceType":"Observation","id":"epic.o1","meta":{` + mark + `},"subject":{"reference":"Patient/person-1"}}`},
		{"the patient by an absolute and versioned reference", `{"resourceType":"Observation","id":"o1","meta":{},"subject":{"reference":"https://ehr.example.org/r4/Patient/p1/_history/3"}}`,
			`{"resourceType":"Observation","id":"epic.o1","meta":{` + mark + `},"subject":{"reference":"Patient/person-1"}}`},
		{"another patient", `{"resourceType":"Observation","id":"o1","meta":{},"focus":[{"reference":"Patient/p2"}]}`, `{"resourceType":"Observation","id":"epic.o1","meta":{` + mark + `},"focus":[{"reference":"Patient/epic.p2"}]}`},
		{"contained", `{"resourceType":"Observation","id":"o1","meta":{},"contained":[{"resourceType":"Device","id":"d","patient":{"reference":"Patient/p1"}}],"device":{"reference":"#d"}}`,
			`{"resourceType":"Observation","id":"epic.o1","meta":{` + mark + `},"contained":[{"resourceType":"Device","id":"d","patient":{"reference":"Patient/person-1"}}],"device":{"reference":"#d"}}`},
		{"elsewhere", `{"resourceType":"Observation","id":"o1","meta":{},"encounter":{"reference":"https://other.example.org/Encounter/1","display":"x"}}`,
			`{"resourceType":"Observation","id":"epic.o1","meta":{` + mark + `},"encounter":{"identifier":{"system":"urn:ietf:rfc:3986","value":"https://other.example.org/Encounter/1"},"display":"x"}}`},
		{"elsewhere, with an identifier", `{"resourceType":"Observation","id":"o1","meta":{},"encounter":{"reference":"urn:uuid:1","identifier":{"value":"7"}}}`,
			`{"resourceType":"Observation","id":"epic.o1","meta":{` + mark + `},"encounter":{"_reference":{"extension":[{"url":"urn:concord:reference","valueUri":"urn:uuid:1"}]},"identifier":{"value":"7"}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := fhir.Parse([]byte(c.in), fhir.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			g := &Gateway{base: "https://hie.example.org/fhir/r4", bases: map[concord.SourceID]string{"epic": "https://ehr.example.org/r4"}}
			r := g.newRenderer(mpi.Person{ID: "person-1", Links: []mpi.Link{{Ref: concord.NewPatientRef("epic", "p1"), Grade: mpi.Certain}}})
			e := merge.Entry{Survivor: merge.Copy{Source: "epic", Resource: res}, Copies: []merge.Copy{{Source: "epic", Resource: res}}}
			got := r.entry(nil, &e, r.entryID(&e))
			if !json.Valid(got) {
				t.Fatalf("not JSON: %s", got)
			}
			if d := cmp.Diff(c.want, string(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestStandIn: an id that is no legal one gets one that is, always the same.
func TestStandIn(t *testing.T) {
	long := "e123456789012345678901234567890123456789012345678901234567890123456789"
	a, isA := publicID("epic", "Binary", long)
	b, _ := publicID("epic", "Binary", long)
	c, _ := publicID("epic", "Media", long)
	if !isA || a != b || a == c || !fhir.LegalID(a) {
		t.Errorf("%v %s %s %s", isA, a, b, c)
	}
	if d, isD := publicID("epic", "Binary", "a.b-C"); isD || d != "epic.a.b-C" {
		t.Error(d)
	}
	if _, isE := publicID("epic", "Binary", "with space"); !isE {
		t.Error("an id with a space was let through")
	}
}

// TestRenderMerged: what a merged entry takes from its copies, and what it says of them.
func TestRenderMerged(t *testing.T) {
	g := &Gateway{base: "https://hie.example.org/fhir/r4", bases: map[concord.SourceID]string{"epic": "https://e.example.org/r4", "cerner": "https://c.example.org/r4"},
		offers: func(_ concord.SourceID, t fhir.ResourceType) bool { return t != "Claim" }}
	person := mpi.Person{ID: "person-1", Links: []mpi.Link{{Ref: concord.NewPatientRef("cerner", "p2"), Grade: mpi.Certain}, {Ref: concord.NewPatientRef("epic", "p1"), Grade: mpi.Certain}}}
	render := func(t *testing.T, add []string, bodies ...string) (resource map[string]any, text string) {
		t.Helper()
		var e merge.Entry
		for i, b := range bodies {
			source := concord.SourceID([]string{"cerner", "epic"}[i])
			e.Copies = append(e.Copies, entryOf(t, source, b).Survivor)
		}
		e.Survivor = e.Copies[0]
		if e.Survivor.Type() == fhir.TypePatient {
			e = merge.Unify(e.Copies)
		}
		for _, name := range add {
			e.Add = append(e.Add, merge.Addition{From: "epic", Value: e.Copies[1].Get(name)})
		}
		r := g.newRenderer(person)
		r.place(&e)
		out := r.entry(nil, &e, r.entryID(&e))
		if err := json.Unmarshal(out, &resource); err != nil {
			t.Fatalf("not JSON: %s", out)
		}
		return resource, string(out)
	}
	dig := func(v any, path ...any) any {
		for _, p := range path {
			switch p := p.(type) {
			case string:
				m, _ := v.(map[string]any)
				v = m[p]
			case int:
				l, _ := v.([]any)
				if p >= len(l) {
					return nil
				}
				v = l[p]
			}
		}
		return v
	}
	t.Run("an element of another source, with its references and documents", func(t *testing.T) {
		r, _ := render(t, []string{"context", "content"}, `{"resourceType":"DocumentReference","id":"d1"}`,
			`{"resourceType":"DocumentReference","id":"d2","context":{"encounter":[{"reference":"Encounter/7"}]},"content":[{"attachment":{"url":"https://e.example.org/r4/Binary/b"}}]}`)
		if got := dig(r, "context", "encounter", 0, "reference"); got != "Encounter/epic.7" {
			t.Error(got)
		}
		if got := dig(r, "content", 0, "attachment", "url"); got != "https://hie.example.org/fhir/r4/Binary/epic.b" {
			t.Error(got)
		}
	})
	t.Run("codings, items of lists and elements of a copy", func(t *testing.T) {
		e := merge.Entry{Copies: []merge.Copy{
			entryOf(t, "cerner", `{"resourceType":"Observation","id":"1","code":{"coding":[{"code":"x"}]},"note":[]}`).Survivor,
			entryOf(t, "epic", `{"resourceType":"Observation","id":"2","code":{"coding":[{"code":"y"}],"text":"Y"},"note":[{"text":"a","authorReference":{"reference":"Practitioner/9"}},{"text":"b"}],"identifier":[{"value":"i"}],"method":{"text":"m"}}`).Survivor}}
		e.Survivor = e.Copies[0]
		other := e.Copies[1]
		add := func(v fhir.Value, into, name string) {
			e.Add = append(e.Add, merge.Addition{From: "epic", ID: "2", Value: v, Into: into, Name: name})
		}
		for c := range other.Path("code", "coding").Items() {
			add(c, "code", "coding")
		}
		add(other.Path("code", "text"), "code", "")
		for n := range other.Get("note").Items() {
			add(n, "", "note")
		}
		for n := range other.Get("identifier").Items() {
			add(n, "", "identifier")
		}
		add(other.Get("method"), "", "")
		e.PossibleDuplicate = merge.DuplicateRepeated
		r := g.newRenderer(person)
		r.place(&e)
		var got map[string]any
		if err := json.Unmarshal(r.entry(nil, &e, "cerner.1"), &got); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			want any
			path []any
		}{{"y", []any{"code", "coding", 1, "code"}}, {"Y", []any{"code", "text"}}, {"Practitioner/epic.9", []any{"note", 0, "authorReference", "reference"}}, {"b", []any{"note", 1, "text"}},
			{"i", []any{"identifier", 0, "value"}}, {"m", []any{"method", "text"}}, {"repeated", []any{"meta", "tag", 2, "code"}}} {
			if d := dig(got, c.path...); d != c.want {
				t.Errorf("%v is %v, want %v", c.path, d, c.want)
			}
		}
	})
	t.Run("labels of both, and a version of its own", func(t *testing.T) {
		r, _ := render(t, nil, `{"resourceType":"Condition","id":"c1","meta":{"versionId":"4","security":[{"code":"N"}]}}`, `{"resourceType":"Condition","id":"c2","meta":{"security":[{"code":"N"},{"code":"R"}]}}`)
		if got := dig(r, "meta", "security"); len(got.([]any)) != 2 || dig(got, 1, "code") != "R" {
			t.Error(got)
		}
		if v := dig(r, "meta", "versionId"); v == "4" || v == "" {
			t.Error(v)
		}
	})
	t.Run("a version that changes with the content", func(t *testing.T) {
		a, _ := render(t, nil, `{"resourceType":"Condition","id":"c1","meta":{"versionId":"4"}}`, `{"resourceType":"Condition","id":"c2","code":{"text":"1"}}`)
		b, _ := render(t, nil, `{"resourceType":"Condition","id":"c1","meta":{"versionId":"4"}}`, `{"resourceType":"Condition","id":"c2","code":{"text":"2"}}`)
		if dig(a, "meta", "versionId") == dig(b, "meta", "versionId") {
			t.Error("two contents of one version")
		}
	})
	t.Run("a reference that could not be read here", func(t *testing.T) {
		r, _ := render(t, nil, `{"resourceType":"ExplanationOfBenefit","id":"x","claim":{"reference":"Claim/9"},"patient":{"reference":"Patient/p2"}}`)
		if dig(r, "claim", "reference") != nil || dig(r, "claim", "identifier", "value") != "Claim/9" || dig(r, "patient", "reference") != "Patient/person-1" {
			t.Error(r)
		}
	})
	t.Run("a person's links and identifiers", func(t *testing.T) {
		r, _ := render(t, nil, `{"resourceType":"Patient","id":"p2","active":true,"gender":"female","identifier":[{"system":"urn:c","value":"1"}]}`,
			`{"resourceType":"Patient","id":"p1","identifier":[{"system":"urn:c","value":"1"},{"system":"urn:e","value":"2"}],"link":[{"other":{"reference":"Patient/old"},"type":"replaces"}]}`)
		if r["id"] != "person-1" || len(r["link"].([]any)) != 2 || dig(r, "link", 1, "other", "reference") != "Patient/epic.p1" || len(r["identifier"].([]any)) != 2 {
			t.Error(r)
		}
	})
	t.Run("a link that is no array", func(t *testing.T) {
		if _, text := render(t, nil, `{"resourceType":"Patient","id":"p2","link":{"other":{"reference":"Patient/old"}}}`); strings.Count(text, `"link"`) != 1 {
			t.Error(text)
		}
	})
	for _, meta := range []string{`null`, `[]`, `7`, `"x"`, `{}`, `{"tag":{}}`, `{"extension":{"valueReference":{"reference":"Patient/p2"}}}`, `[{"reference":"Patient/p2"}]`, `{"tag":[{"reference":"Patient/p2"}],"extension":null}`} {
		t.Run("meta "+meta, func(t *testing.T) {
			r, text := render(t, nil, `{"resourceType":"Condition","id":"c1","meta":`+meta+`}`)
			if dig(r, "meta", "tag") == nil || !strings.Contains(text, `"reference":"Condition/cerner.c1"`) || r["id"] != "cerner.c1" {
				t.Error(text)
			}
			if _, err := fhir.Parse([]byte(text), fhir.Limits{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// FuzzRender: whatever a source sends that is JSON is JSON at the gateway too, with one id, and parses again.
func FuzzRender(f *testing.F) {
	f.Add(`{"resourceType":"Observation","id":"o","meta":{"tag":[{"reference":"Patient/p1"}],"extension":{"reference":"x"}},"subject":{"reference":"Patient/p1"}}`, `{"resourceType":"Observation","id":"p","note":[{"reference":"urn:uuid:1"}]}`)
	f.Add(`{"id":"o","resourceType":"Patient","link":{"other":{"reference":"Patient/2"}},"identifier":{"value":1}}`, `{"resourceType":"Patient","id":"p1","identifier":[{"value":"x"}],"photo":[{"url":"Binary/1"}]}`)
	f.Add(`{"resourceType":"Condition","id":"o","meta":{"versionId":{"reference":"Patient/1"}}}`, `{"resourceType":"Condition","id":"o"}`)
	f.Add(`{"meta":[{"reference":"a"}],"resourceType":"DocumentReference","id":"o","content":[{"attachment":{"url":"Binary/2","reference":"Binary/3"}}]}`, `{"resourceType":"DocumentReference","id":"2","reference":"Patient/1","identifier":1,"_reference":2}`)
	g := &Gateway{base: "https://hie.example.org/fhir/r4", bases: map[concord.SourceID]string{"epic": "https://e.example.org/r4", "cerner": "https://c.example.org/r4"}}
	person := mpi.Person{ID: "person-1", Links: []mpi.Link{{Ref: concord.NewPatientRef("epic", "p1"), Grade: mpi.Certain}}}
	f.Fuzz(func(t *testing.T, a, b string) {
		r1, err1 := fhir.Parse([]byte(a), fhir.Limits{})
		r2, err2 := fhir.Parse([]byte(b), fhir.Limits{})
		if err1 != nil || err2 != nil || r1.ID() == "" || r2.ID() == "" || r1.Type() != r2.Type() || !fhir.KnownType(r1.Type()) {
			return
		}
		copies := []merge.Copy{{Source: "cerner", Resource: r2}, {Source: "epic", Resource: r1}}
		for _, e := range []merge.Entry{{Survivor: copies[1], Copies: copies[1:]}, merge.Unify(copies)} {
			r := g.newRenderer(person)
			r.place(&e)
			id := r.entryID(&e)
			out, err := fhir.Parse(r.subset(nil, &e, id, nil), fhir.Limits{})
			if err != nil {
				t.Fatalf("%v", err)
			}
			if out.ID() != id || out.Type() != r1.Type() || out.Path("meta", "tag").Len() == 0 {
				t.Fatal("without its id, type or marks")
			}
			if out, err = fhir.Parse(r.subset(nil, &e, id, []string{"code"}), fhir.Limits{}); err != nil || out.ID() != id {
				t.Fatalf("a subset: %v", err)
			}
		}
	})
}
