package graphql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/graphql"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// record is a Backend over resources that are there: it searches as REST does, and narrows to a grant.
type record struct {
	grant smart.Grant
	all   []fhir.Resource
	leaky bool // it forgets to narrow
	fault func(fhir.ResourceType) graphql.Answer
	// before runs at the beginning of each search and read
	before func(ctx context.Context)

	mu       sync.Mutex
	searches [][]graphql.Query
	reads    []graphql.Link
	held     map[string]graphql.Query
}

var _ graphql.Backend = (*record)(nil)

func (b *record) sees(r fhir.Resource, how fhir.Interaction) bool {
	return b.leaky || b.grant.Visible(merge.Copy{Source: "s", Resource: r}, smart.Access{Type: r.Type(), Interaction: how})
}

func (b *record) Search(ctx context.Context, queries []graphql.Query) []graphql.Answer {
	b.mu.Lock()
	b.searches = append(b.searches, queries)
	b.mu.Unlock()
	if b.before != nil {
		b.before(ctx)
	}
	out := make([]graphql.Answer, len(queries))
	for i, q := range queries {
		out[i] = b.search(q)
	}
	return out
}

func (b *record) search(q graphql.Query) graphql.Answer {
	if b.fault != nil {
		if a := b.fault(q.Type); a.Err != nil {
			return a
		}
	}
	a := graphql.Answer{Outcomes: []federation.Outcome{{Source: "s", Type: q.Type, Status: federation.OK}}}
	for _, r := range b.all {
		if r.Type() == q.Type && matches(r, q.Params) && b.sees(r, fhir.SearchType) {
			a.Resources = append(a.Resources, r)
		}
	}
	if b.fault != nil {
		f := b.fault(q.Type)
		a.Partial, a.Issues, a.Outcomes = f.Partial, f.Issues, append(a.Outcomes, f.Outcomes...)
	}
	a.Outcomes[0].Resources = len(a.Resources)
	return a
}

func matches(r fhir.Resource, params []federation.Param) bool {
	for _, p := range params {
		switch {
		case p.Key == "_id":
			if r.ID() != p.Value {
				return false
			}
		case p.Key == "_sort":
		case r.Type() != fhir.TypePatient && slices.Contains(fhir.PatientParam(r.Type()), p.Key):
			want := "Patient/" + strings.TrimPrefix(p.Value, "Patient/")
			if !r.Path("subject", "reference").Is(want) && !r.Path("patient", "reference").Is(want) {
				return false
			}
		default:
			f, err := fhir.ParseFilter(r.Type(), p.Key, p.Value)
			if err != nil || !f.Match(r) {
				return false
			}
		}
	}
	return true
}

func (b *record) Read(ctx context.Context, l graphql.Link) graphql.Answer {
	b.mu.Lock()
	b.reads = append(b.reads, l)
	b.mu.Unlock()
	if b.before != nil {
		b.before(ctx)
	}
	if b.fault != nil {
		if a := b.fault(l.Type); a.Err != nil {
			return a
		}
	}
	for _, r := range b.all {
		if r.Type() == l.Type && r.ID() == l.ID && (b.sees(r, fhir.Read) || b.reached(r, l)) {
			return graphql.Answer{Resources: []fhir.Resource{r}, Outcomes: []federation.Outcome{{Source: "s", Type: l.Type, Status: federation.OK, Resources: 1}}}
		}
	}
	return graphql.Answer{Err: &concord.Fault{Op: "read", Kind: concord.NotFound}}
}

func (b *record) reached(r fhir.Resource, l graphql.Link) bool {
	for _, f := range b.all {
		if f.Type() == l.From.Type && f.ID() == l.From.ID {
			return b.grant.Reached(merge.Copy{Source: "s", Resource: r}, smart.Access{Type: r.Type(), Interaction: fhir.Read}, merge.Copy{Source: "s", Resource: f})
		}
	}
	return false
}

func (b *record) Hold(_ context.Context, q graphql.Query) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == nil {
		b.held = map[string]graphql.Query{}
	}
	b.held["h"] = q
	return "h", nil
}

func (b *record) Held(_ context.Context, handle string) (graphql.Query, graphql.Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q, ok := b.held[handle]
	if !ok {
		return q, graphql.Answer{Err: &concord.Fault{Op: "page", Kind: concord.NotFound}}
	}
	return q, b.search(q)
}

// calls is how many searches were asked, in how many fan-outs.
func (b *record) calls() (fans, searches int) {
	for _, s := range b.searches {
		searches += len(s)
	}
	return len(b.searches), searches
}

// resource makes one from JSON.
func resource(t testing.TB, format string, args ...any) fhir.Resource {
	t.Helper()
	r, err := fhir.Parse(fmt.Appendf(nil, format, args...), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// chart is a record of one person and a little of another.
func chart(t testing.TB, observations, conditions int) []fhir.Resource {
	t.Helper()
	out := []fhir.Resource{
		resource(t, `{"resourceType":"Patient","id":"p1","meta":{"tag":[{"system":"urn:concord:source","code":"s"}]},"active":true,"gender":"male","birthDate":"1974-12-25","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1974-12-25T14:35:45-05:00"}]},"identifier":[{"use":"usual","system":"urn:oid:1.2.36.146.595.217.0.1","value":"12345"}],"name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]},{"use":"maiden","family":"Windsor","given":["Peter","James"]}],"telecom":[{"system":"phone","value":"555"},{"system":"email","value":"a@b"}],"generalPractitioner":[{"reference":"Practitioner/s.d1","display":"Dr"}]}`),
		resource(t, `{"resourceType":"Patient","id":"p2","gender":"female","name":[{"family":"Secretson"}]}`),
		resource(t, `{"resourceType":"Practitioner","id":"s.d1","name":[{"family":"Healerman"}]}`),
		resource(t, `{"resourceType":"Encounter","id":"s.e1","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p1"}}`),
		resource(t, `{"resourceType":"Condition","id":"s.other","subject":{"reference":"Patient/p2"},"code":{"text":"hidden thing"}}`),
		resource(t, `{"resourceType":"Observation","id":"s.other","status":"final","subject":{"reference":"Patient/p2"},"code":{"text":"hidden thing"}}`),
		resource(t, `{"resourceType":"MedicationRequest","id":"s.m1","status":"active","intent":"order","subject":{"reference":"Patient/p1"},"medicationReference":{"reference":"#med"},"contained":[{"resourceType":"Medication","id":"med","code":{"text":"containedpill"}}]}`),
	}
	for i := range observations {
		category := [...]string{"laboratory", "vital-signs", "laboratory", "laboratory", "vital-signs"}[i%5]
		out = append(out, resource(t, `{"resourceType":"Observation","id":"s.o%d","meta":{"versionId":"1","lastUpdated":"2020-01-02T03:04:05Z","extension":[{"url":"urn:concord:contributor","valueReference":{"reference":"Observation/s.o%d"}}],"tag":[{"system":"urn:concord:source","code":"s"}]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"%s","display":"%s"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"%d-4","display":"Something measured, number %d"}],"text":"Something measured, number %d"},"subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/s.e1"},"performer":[{"reference":"Practitioner/s.d1"}],"effectiveDateTime":"2020-01-%02dT03:04:05Z","issued":"2020-01-02T03:04:05.678Z","valueQuantity":{"value":%d.50,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"referenceRange":[{"low":{"value":1.0},"high":{"value":9.00},"text":"%s"}]}`,
			i, i, category, category, i, i, i, i%28+1, i, strings.Repeat("padding ", 40)))
	}
	for i := range conditions {
		out = append(out, resource(t, `{"resourceType":"Condition","id":"s.c%d","clinicalStatus":{"coding":[{"code":"active"}]},"code":{"text":"Condition %d"},"subject":{"reference":"Patient/p1"},"onsetDateTime":"2019-01-01","note":[{"text":"%s"}]}`, i, i, strings.Repeat("long text ", 60)))
	}
	return out
}

// grant is what scopes give to a user who is also in the context of p1.
func grant(scope string) smart.Grant {
	scopes, _ := smart.ParseScopes(scope)
	return smart.NewGrant(smart.Token{Caller: smart.Caller{Issuer: "i", Subject: "u"}, Scope: scope}, scopes,
		smart.Context{Person: mpi.PersonID("p1"), Refs: []concord.PatientRef{concord.NewPatientRef("s", "p1")}})
}

// engine is made once: binding takes its time.
var engine = sync.OnceValues(graphql.New)

func newEngine(t testing.TB) *graphql.Engine {
	t.Helper()
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// reply is an answer taken apart.
type reply struct {
	graphql.Response
	Data       any
	Errors     []failure
	Extensions map[string]any
}

type failure struct {
	Message    string
	Locations  []struct{ Line, Column int }
	Path       []any
	Extensions struct {
		Code, Scope string
		Resource    struct {
			ResourceType string
			Issue        []struct{ Severity, Code string }
		}
	}
}

func read(t testing.TB, r graphql.Response) reply {
	t.Helper()
	out := reply{Response: r}
	if err := json.Unmarshal(r.Body, &out); err != nil {
		t.Fatalf("the body is not JSON: %v: %.300s", err, r.Body)
	}
	for _, f := range out.Errors {
		if f.Message == "" || f.Extensions.Code == "" || f.Extensions.Resource.ResourceType != "OperationOutcome" || len(f.Extensions.Resource.Issue) != 1 {
			t.Errorf("an error without text, code or outcome: %s", r.Body)
		}
	}
	return out
}

// ask executes a query over resources, with a grant.
func ask(t testing.TB, b *record, scope, query string) reply {
	t.Helper()
	b.grant = grant(scope)
	return read(t, newEngine(t).Execute(t.Context(), graphql.Request{Query: query}, b, b.grant, graphql.Limits{}))
}

func dig(v any, path ...string) any {
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func (r reply) codes() (out []string) {
	for _, f := range r.Errors {
		out = append(out, f.Extensions.Code)
	}
	return out
}
