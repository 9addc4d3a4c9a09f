package gateway

import (
	"encoding/json"
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
			got := r.entry(nil, e, r.entryID(e))
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
