package validate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"concord/fhir"
	"concord/validate"
)

// site is a member of a generated resource.
type site struct {
	in     map[string]any
	shape  string
	member validate.Member
	at     string // expression of what it stands in
}

func (x site) expression() string { return x.at + "." + x.member.Element }

// maker makes resources that keep all rules but invariants.
type maker struct {
	t     *rapid.T
	sites []site
}

func (m *maker) object(shape, at string, depth int) map[string]any {
	out := map[string]any{}
	resource := depth == 0
	if resource {
		out["resourceType"] = shape
	}
	if shape == "Reference" {
		out["display"] = "a" // whose other elements would have to go to the right types
		return out
	}
	chosen := map[string]bool{}
	members := validate.Members(shape)
	for i, d := range members {
		if d.Required && !chosen[d.Element] {
			options := members[i:]
			options = cut(options, func(o validate.Member) bool { return o.Element == d.Element })
			m.put(out, shape, rapid.SampledFrom(options).Draw(m.t, "required"), at, depth)
			chosen[d.Element] = true
		}
	}
	for range rapid.IntRange(1, 4-min(depth, 3)).Draw(m.t, "more") {
		d := rapid.SampledFrom(members).Draw(m.t, "optional")
		if chosen[d.Element] || depth > 2 && !d.Primitive || d.Type == "Resource" || d.Element == "meta" {
			continue
		}
		chosen[d.Element] = true
		m.put(out, shape, d, at, depth)
	}
	if len(out) == 0 {
		out["id"] = "a"
	}
	return out
}

// cut is the items at the beginning for which ok holds.
func cut[T any](list []T, ok func(T) bool) []T {
	for i := range list {
		if !ok(list[i]) {
			return list[:i]
		}
	}
	return list
}

func (m *maker) put(out map[string]any, shape string, d validate.Member, at string, depth int) {
	m.sites = append(m.sites, site{out, shape, d, at})
	at += "." + d.Element
	if !d.Many {
		out[d.Name] = m.value(d, at, depth)
		return
	}
	var list []any
	for i := range rapid.IntRange(1, 2).Draw(m.t, "items") {
		list = append(list, m.value(d, fmt.Sprintf("%s[%d]", at, i), depth))
	}
	out[d.Name] = list
}

func (m *maker) value(d validate.Member, at string, depth int) any {
	coding := map[string]any{"system": d.System, "code": d.Code}
	switch {
	case d.Type == "Resource":
		return map[string]any{"resourceType": "Basic", "code": map[string]any{"text": "a"}}
	case d.Primitive:
		return primitive(d)
	case d.Code != "" && d.Type == "Coding":
		return coding
	case d.Code != "" && d.Type == "CodeableConcept":
		return map[string]any{"coding": []any{coding}}
	case d.Type == "Extension":
		return map[string]any{"url": "urn:a", "valueString": "a"}
	}
	return m.object(d.Type, at, depth+1)
}

func primitive(d validate.Member) any {
	if d.Code != "" {
		return d.Code
	}
	switch d.Type {
	case "boolean":
		return true
	case "integer", "unsignedInt", "positiveInt":
		return 1
	case "decimal":
		return 1.5
	case "date":
		return "2020-02-29"
	case "dateTime":
		return "2020-02"
	case "instant":
		return "2020-02-29T10:00:00Z"
	case "time":
		return "10:00:00"
	case "oid":
		return "urn:oid:1.2"
	case "uuid":
		return "urn:uuid:00000000-0000-4000-8000-000000000000"
	case "base64Binary":
		return "YQ=="
	case "xhtml":
		return `<div xmlns="http://www.w3.org/1999/xhtml">a</div>`
	}
	return "a"
}

func make1(t *rapid.T) (map[string]any, []site) {
	m := &maker{t: t}
	shape := rapid.SampledFrom(validate.ResourceTypes()).Draw(t, "type")
	return m.object(shape, shape, 0), m.sites
}

// faults are the errors, as code and expression, but for invariants.
func faults(t *rapid.T, resource map[string]any) []string {
	b, err := json.Marshal(resource)
	if err != nil {
		t.Fatal(err)
	}
	r, err := fhir.Parse(b, fhir.Limits{})
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	var out []string
	for _, e := range errorsOf(validate.Resource(r, validate.Options{})) {
		if !strings.HasPrefix(e, "invariant ") {
			out = append(out, e)
		}
	}
	return out
}

// What is made by the tables has no fault, and one change makes the fault that it should, where it should, and no other.
func TestMutations(t *testing.T) {
	for _, kind := range []string{"deletion", "misspelling", "wrong type", "wrong number", "emptying", "doubling", "null"} {
		t.Run(kind, func(t *testing.T) {
			tried := false
			rapid.Check(t, func(t *rapid.T) {
				resource, sites := make1(t)
				if got := faults(t, resource); len(got) > 0 {
					t.Fatalf("%s in %s", got, text(resource))
				}
				fit := slices.DeleteFunc(sites, func(x site) bool { return !x.allows(kind) })
				if len(fit) == 0 {
					return
				}
				tried = true
				x := rapid.SampledFrom(fit).Draw(t, "site")
				want := x.mutate(kind)
				if d := cmp.Diff(want, faults(t, resource), cmpopts.SortSlices(strings.Compare)); d != "" {
					t.Fatalf("%s: %s in %s", x.expression(), d, text(resource))
				}
			})
			if !tried {
				t.Error("not one was tried")
			}
		})
	}
}

func text(resource map[string]any) string {
	b, err := json.Marshal(resource)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// doubles are the other names of a choice that a plain value can stand under.
func (x site) doubles() []validate.Member {
	return slices.DeleteFunc(validate.Members(x.shape), func(o validate.Member) bool {
		return o.Element != x.member.Element || o.Name == x.member.Name || !o.Primitive || o.Bound
	})
}

// allows tells whether a kind of change can be made here.
func (x site) allows(kind string) bool {
	d := x.member
	switch kind {
	case "deletion":
		return d.Required && len(x.in) > 1
	case "wrong type":
		return !d.Many
	case "emptying":
		return d.Many || !d.Primitive && d.Type != "Resource"
	case "doubling":
		return len(x.doubles()) > 0
	}
	return true
}

// mutate makes a change and tells what faults there are then.
func (x site) mutate(kind string) []string {
	d, v := x.member, x.in[x.member.Name]
	switch kind {
	case "deletion":
		delete(x.in, d.Name)
		return []string{"required " + x.expression()}
	case "misspelling":
		delete(x.in, d.Name)
		x.in[d.Name+"Smith"] = v
		want := []string{"structure " + x.at}
		if d.Required {
			want = append(want, "required "+x.expression())
		}
		return want
	case "wrong type":
		x.in[d.Name] = map[string]any{"smith": 1}
		if !d.Primitive {
			x.in[d.Name] = "Smith"
		}
	case "wrong number":
		x.in[d.Name] = []any{v}
		if d.Many {
			x.in[d.Name] = v.([]any)[0]
		}
	case "emptying":
		x.in[d.Name] = map[string]any{}
		if d.Many {
			x.in[d.Name] = []any{}
		}
	case "doubling":
		o := x.doubles()[0]
		x.in[o.Name] = primitive(o)
	default:
		x.in[d.Name] = nil
	}
	return []string{"structure " + x.expression()}
}

// Nothing that a resource holds, be it a value or a name, is in what is said of it.
func TestNoPHI(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const secret = "Xq7Zsecret"
		resource, sites := make1(t)
		if len(sites) == 0 {
			return
		}
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			x := rapid.SampledFrom(sites).Draw(t, "site")
			switch rapid.IntRange(0, 3).Draw(t, "change") {
			case 0:
				x.in[x.member.Name] = secret
			case 1:
				x.in[secret] = x.in[x.member.Name]
			case 2:
				x.in[x.member.Name] = []any{secret, map[string]any{secret: secret}}
			default:
				x.in[x.member.Name] = map[string]any{"reference": secret, "code": secret, "system": secret, "resourceType": secret, "url": secret}
			}
		}
		resource["meta"] = map[string]any{"profile": []any{secret, "http://hl7.org/fhir/StructureDefinition/" + secret}}
		b, err := json.Marshal(resource)
		if err != nil {
			t.Fatal(err)
		}
		r, err := fhir.Parse(b, fhir.Limits{})
		if err != nil {
			return
		}
		report := validate.Resource(r, validate.Options{Profile: secret})
		if out := string(report.AppendOutcome(nil)); strings.Contains(out, secret) {
			t.Fatalf("%s of %s", out, b)
		}
	})
}

// FuzzResource never panics, keeps to the limit, and answers with an OperationOutcome that is itself sound.
func FuzzResource(f *testing.F) {
	for _, doc := range []string{patient(race(`{"url":"text"}`)), pressure(component("8480-6", "x")),
		`{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Patient","name":[null],"_name":[null],"contained":[[1]]}}]}`,
		`{"resourceType":"Patient","meta":{"profile":["` + usCore + `us-core-patient|7.0.0",null]},"name":[{"given":[null],"_given":[{"id":"a"},null]}]}`,
		`{"resourceType":"Observation","valueRange":{"low":{"value":1e999999},"high":{"value":-0}},"referenceRange":[{"age":{"low":{"value":1}}}]}`,
		`{"resourceType":"Questionnaire","item":[{"item":[{"linkId":"a"}]}]}`} {
		for _, profile := range append(validate.Profiles("Patient"), validate.Profiles("Observation")...)[:6] {
			f.Add([]byte(doc), profile)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, profile string) {
		r, err := fhir.Parse(b, fhir.Limits{})
		if err != nil {
			return
		}
		report := validate.Resource(r, validate.Options{Profile: profile, Issues: 20})
		if len(report.Issues) > 20+1+4 {
			t.Fatalf("%d issues", len(report.Issues))
		}
		again, err := fhir.Parse(report.AppendOutcome(nil), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if errs := errorsOf(validate.Resource(again, validate.Options{})); len(errs) > 0 {
			t.Fatal(errs)
		}
	})
}
