package validate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/fhir"
	"concord/validate"
)

func parse(tb testing.TB, doc string) fhir.Resource {
	tb.Helper()
	r, err := fhir.Parse([]byte(doc), fhir.Limits{})
	if err != nil {
		tb.Fatalf("%v: %s", err, doc)
	}
	return r
}

// errorsOf are the errors, each as its code and expression.
func errorsOf(r validate.Report) []string {
	var out []string
	for _, i := range r.Issues {
		if i.Severity == validate.SeverityError {
			out = append(out, string(i.Code)+" "+i.Expression)
		}
	}
	return out
}

func TestTables(t *testing.T) {
	if faults := validate.Faults(); len(faults) > 0 {
		t.Error(faults)
	}
	for _, name := range validate.ResourceTypes() {
		if !fhir.KnownType(fhir.ResourceType(name)) {
			t.Errorf("%s is unknown to package fhir", name)
		}
	}
	if n := len(validate.ResourceTypes()); n < 146 {
		t.Errorf("only %d resource types", n)
	}
}

func TestStructure(t *testing.T) {
	for _, x := range []struct {
		name, doc string
		want      []string
	}{
		{"sound", `{"resourceType":"Patient","id":"a","active":true,"name":[{"given":["A","B"]}]}`, nil},
		{"no resource type of R4", `{"resourceType":"Pet"}`, []string{"structure Resource"}},
		{"abstract", `{"resourceType":"DomainResource"}`, []string{"structure Resource"}},
		{"unknown element", `{"resourceType":"Patient","gendr":"male"}`, []string{"structure Patient"}},
		{"unknown in a list", `{"resourceType":"Patient","contact":[{"name":{"text":"a"}},{"telecom":[{"system":"phone"},{"system":"fax","valeu":"1"}]}]}`,
			[]string{"structure Patient.contact[1].telecom[1]"}},
		{"resourceType where there is none", `{"resourceType":"Patient","name":[{"resourceType":"HumanName"}]}`, []string{"structure Patient.name[0]"}},
		{"array for one", `{"resourceType":"Patient","gender":["male"]}`, []string{"structure Patient.gender"}},
		{"one for an array", `{"resourceType":"Patient","name":{"text":"a"}}`, []string{"structure Patient.name"}},
		{"array in an array", `{"resourceType":"Patient","name":[[{"text":"a"}]]}`, []string{"structure Patient.name[0]"}},
		{"object for a string", `{"resourceType":"Patient","gender":{"a":1}}`, []string{"structure Patient.gender"}},
		{"string for an object", `{"resourceType":"Patient","maritalStatus":"M"}`, []string{"structure Patient.maritalStatus"}},
		{"string for a boolean", `{"resourceType":"Patient","active":"true"}`, []string{"structure Patient.active"}},
		{"number for a string", `{"resourceType":"Patient","id":1}`, []string{"structure Patient.id"}},
		{"string for a number", `{"resourceType":"Patient","multipleBirthInteger":"1"}`, []string{"structure Patient.multipleBirth"}},
		{"null", `{"resourceType":"Patient","gender":null}`, []string{"structure Patient.gender"}},
		{"null for an object", `{"resourceType":"Patient","maritalStatus":null}`, []string{"structure Patient.maritalStatus"}},
		{"empty object", `{"resourceType":"Patient","maritalStatus":{}}`, []string{"structure Patient.maritalStatus"}},
		{"empty array", `{"resourceType":"Patient","name":[]}`, []string{"structure Patient.name"}},
		{"empty string", `{"resourceType":"Patient","name":[{"text":""}]}`, []string{"value Patient.name[0].text"}},
		{"missing", `{"resourceType":"Observation"}`, []string{"required Observation.code", "required Observation.status"}},
		{"missing below", `{"resourceType":"Patient","link":[{"type":"seealso"}]}`, []string{"required Patient.link[0].other"}},
		{"missing, but for a reason", `{"resourceType":"Observation","_status":{"extension":[{"url":"a","valueCode":"unknown"}]},"code":{"text":"a"}}`, nil},
		{"missing choice", `{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"display":"a"}}`, []string{"required MedicationRequest.medication"}},
		{"two of a choice", `{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}`, []string{"structure Patient.deceased"}},
		{"two of a choice, one extended", `{"resourceType":"Patient","deceasedBoolean":true,"_deceasedDateTime":{"id":"a"}}`, []string{"structure Patient.deceased"}},
		{"one of a choice, extended", `{"resourceType":"Patient","deceasedBoolean":true,"_deceasedBoolean":{"id":"a"}}`, nil},
		{"no type of the choice", `{"resourceType":"Patient","deceasedString":"yes"}`, []string{"structure Patient"}},
		{"the choice itself", `{"resourceType":"Patient","deceased":true}`, []string{"structure Patient"}},
		{"content that is shared", `{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"2","type":"group","item":[{"type":"string"}]}]}]}`,
			[]string{"required Questionnaire.item[0].item[0].item[0].linkId"}},
		{"content of another", `{"resourceType":"Observation","status":"final","code":{"text":"a"},"component":[{"code":{"text":"a"},"referenceRange":[{"hi":1,"text":"a"}]}]}`,
			[]string{"structure Observation.component[0].referenceRange[0]"}},
		{"modifierExtension where there is none", `{"resourceType":"Patient","name":[{"modifierExtension":[{"url":"a","valueString":"a"}]}]}`, []string{"structure Patient.name[0]"}},
		{"contained", `{"resourceType":"Patient","managingOrganization":{"reference":"#o"},"contained":[{"resourceType":"Organization","id":"o","name":1}]}`,
			[]string{"structure Patient.contained[0].name"}},
		{"contained without a type", `{"resourceType":"Patient","contained":[{"id":"o"}]}`, []string{"required Patient.contained[0].resourceType", "invariant Patient"}},
		{"contained that is none", `{"resourceType":"Patient","contained":["o"]}`, []string{"structure Patient.contained[0]", "invariant Patient"}},
		{"in a Bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","gender":"m"}},{"resource":{}}]}`,
			[]string{"code-invalid Bundle.entry[0].resource.gender", "required Bundle.entry[1].resource.resourceType"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			report := validate.Resource(parse(t, x.doc), validate.Options{})
			if d := cmp.Diff(x.want, errorsOf(report)); d != "" {
				t.Error(d, report.Issues)
			}
			if report.Valid() != (len(x.want) == 0) {
				t.Errorf("valid: %t", report.Valid())
			}
		})
	}
}

// Values and extensions of primitives stand in two arrays, place by place.
func TestPairs(t *testing.T) {
	const ext = `{"extension":[{"url":"a","valueString":"a"}]}`
	for _, x := range []struct {
		name, name0 string
		want        []string
	}{
		{"sound", `"given":["a",null],"_given":[null,` + ext + `]`, nil},
		{"only extensions", `"_given":[` + ext + `]`, nil},
		{"null for nothing", `"given":["a",null]`, []string{"structure Patient.name[0].given[1]"}},
		{"null on both sides", `"given":["a",null],"_given":[` + ext + `,null]`, []string{"structure Patient.name[0].given[1]"}},
		{"null without values", `"_given":[null,` + ext + `]`, []string{"structure Patient.name[0].given[0]"}},
		{"of other lengths", `"given":["a","b"],"_given":[` + ext + `]`, []string{"structure Patient.name[0].given"}},
		{"one for many", `"given":["a"],"_given":` + ext, []string{"structure Patient.name[0].given"}},
		{"a string", `"given":["a"],"_given":["a"]`, []string{"structure Patient.name[0].given[0]"}},
		{"many for one", `"text":"a","_text":[` + ext + `]`, []string{"structure Patient.name[0].text"}},
		{"of what is no primitive", `"text":"a","_period":` + ext, []string{"structure Patient.name[0]"}},
		{"of an id", `"text":"a","id":"a","_id":` + ext, []string{"structure Patient.name[0]"}},
		{"unknown within", `"text":"a","_text":{"text":"a"}`, []string{"structure Patient.name[0].text"}},
		{"empty", `"text":"a","_text":{}`, []string{"structure Patient.name[0].text"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			report := validate.Resource(parse(t, `{"resourceType":"Patient","name":[{`+x.name0+`}]}`), validate.Options{})
			if d := cmp.Diff(x.want, errorsOf(report)); d != "" {
				t.Error(d, report.Issues)
			}
		})
	}
}

func TestExtension(t *testing.T) {
	for _, x := range []struct {
		name, doc string
		want      []string
	}{
		{"value", `{"url":"a","valueString":"a"}`, nil},
		{"extensions", `{"url":"a","extension":[{"url":"b","valueBoolean":false}]}`, nil},
		{"neither", `{"url":"a"}`, []string{"invariant Basic.extension[0]"}},
		{"both", `{"url":"a","valueString":"a","extension":[{"url":"b","valueBoolean":false}]}`, []string{"invariant Basic.extension[0]"}},
		{"two values", `{"url":"a","valueString":"a","valueCode":"a"}`, []string{"structure Basic.extension[0].value"}},
		{"without a url", `{"valueString":"a"}`, []string{"required Basic.extension[0].url"}},
		{"with an extended url", `{"url":"a","_url":{"id":"a"},"valueString":"a"}`, []string{"structure Basic.extension[0]"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			report := validate.Resource(parse(t, `{"resourceType":"Basic","code":{"text":"a"},"extension":[`+x.doc+`]}`), validate.Options{})
			if d := cmp.Diff(x.want, errorsOf(report)); d != "" {
				t.Error(d, report.Issues)
			}
		})
	}
}

// What is perhaps meant is said in R4's words, and what was sent is not repeated.
func TestUnknownIsNotNamed(t *testing.T) {
	for _, x := range []struct{ sent, near string }{
		{"gendr", "gender"}, {"brithDate", "birthDate"}, {"Smith", ""}, {"zz", ""},
	} {
		r := validate.Resource(parse(t, `{"resourceType":"Patient","active":true,"`+x.sent+`":"x"}`), validate.Options{})
		want := "member 3 is no element of Patient in R4"
		if x.near != "" {
			want += "; it is close to " + x.near
		}
		if r.Issues[0].Text != want {
			t.Errorf("%s: %s", x.sent, r.Issues[0].Text)
		}
		if out := string(r.AppendOutcome(nil)); strings.Contains(out, x.sent) {
			t.Errorf("%s is in %s", x.sent, out)
		}
	}
}

func TestBindings(t *testing.T) {
	const absent = `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]`
	const system = `"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status"`
	concept := func(s string) string {
		return `{"resourceType":"Condition","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"subject":{"display":"a"},"verificationStatus":` + s + `}`
	}
	for _, x := range []struct {
		name, doc string
		want      []string
	}{
		{"code", `{"resourceType":"Patient","gender":"female"}`, nil},
		{"no such code", `{"resourceType":"Patient","gender":"Female"}`, []string{"code-invalid Patient.gender"}},
		{"part of a code", `{"resourceType":"Patient","gender":"male|"}`, []string{"code-invalid Patient.gender"}},
		{"bars", `{"resourceType":"Patient","gender":"|male|other|"}`, []string{"code-invalid Patient.gender"}},
		{"concept", concept(`{"coding":[{"code":"x"},{` + system + `,"code":"confirmed"}]}`), nil},
		{"no such concept", concept(`{"coding":[{` + system + `,"code":"sure"}]}`), []string{"code-invalid Condition.verificationStatus.coding"}},
		{"of another system", concept(`{"coding":[{"system":"urn:x","code":"confirmed"}]}`), []string{"code-invalid Condition.verificationStatus.coding"}},
		{"of no system", concept(`{"coding":[{"code":"confirmed"}]}`), []string{"code-invalid Condition.verificationStatus.coding"}},
		{"only text", concept(`{"text":"sure"}`), []string{"code-invalid Condition.verificationStatus.coding"}},
		{"absent for a reason", concept(`{` + absent + `}`), nil},
		{"no such code, and a value set that is not known", `{"resourceType":"Binary","contentType":"x","language":"xx"}`, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			report := validate.Resource(parse(t, x.doc), validate.Options{})
			if d := cmp.Diff(x.want, errorsOf(report)); d != "" {
				t.Error(d, report.Issues)
			}
		})
	}
}

func TestTargets(t *testing.T) {
	for _, x := range []struct {
		name, ref string
		ok        bool
	}{
		{"relative", `"reference":"Patient/1"`, true},
		{"relative, of another type", `"reference":"Practitioner/1"`, false},
		{"absolute", `"reference":"https://a.example/fhir/Patient/1/_history/2"`, true},
		{"absolute, of another type", `"reference":"https://a.example/fhir/Practitioner/1/_history/2"`, false},
		{"by type", `"type":"Organization","display":"a"`, false},
		{"anything", `"reference":"urn:uuid:0b1c2d3e-0000-4000-8000-000000000000"`, true},
		{"no type", `"reference":"a/b/c"`, true},
		{"contained", `"reference":"#p"`, true},
		{"contained, of another type", `"reference":"#o"`, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			report := validate.Resource(parse(t, `{"resourceType":"Consent","status":"active","scope":{"text":"a"},"category":[{"text":"a"}],"policyRule":{"text":"a"},"patient":{`+x.ref+`},
				"organization":[{"reference":"#o"}],"performer":[{"reference":"#p"}],
				"contained":[{"resourceType":"Organization","id":"o","name":"a"},{"resourceType":"Patient","id":"p"}]}`), validate.Options{})
			var want []string
			if !x.ok {
				want = []string{"value Consent.patient"}
			}
			if d := cmp.Diff(want, errorsOf(report)); d != "" {
				t.Error(d, report.Issues)
			}
		})
	}
}

// However many faults there are, few are told, errors have room beside warnings, and that there are more is said.
func TestLimit(t *testing.T) {
	report := validate.Resource(parse(t, string(faulty(1_000_000))), validate.Options{})
	if n := len(report.Issues); n != validate.DefaultIssues+1 || !report.Truncated || report.Valid() {
		t.Fatalf("%d issues, truncated %t, valid %t", n, report.Truncated, report.Valid())
	}
	if last := report.Issues[validate.DefaultIssues]; last.Code != validate.CodeTooCostly {
		t.Error(last)
	}
	var entries []string
	for i := range 50 { // each without a narrative, which is a warning
		entries = append(entries, fmt.Sprintf(`{"resource":{"resourceType":"Patient","id":"%d"}}`, i))
	}
	entries = append(entries, `{"resource":{"resourceType":"Patient","x":1}}`)
	report = validate.Resource(parse(t, `{"resourceType":"Bundle","type":"collection","entry":[`+strings.Join(entries, ",")+`]}`), validate.Options{Issues: 10})
	if d := cmp.Diff([]string{"structure Bundle.entry[50].resource"}, errorsOf(report)); d != "" || report.Truncated {
		t.Error(d, report)
	}
	if n := len(report.Issues); n != 7 || report.Issues[6].Text != "further warnings that are not told: 46" {
		t.Errorf("%d issues, at last %v", n, report.Issues[n-1])
	}
}

// White space alone is bad practice, and no resource at all is an error.
func TestEdges(t *testing.T) {
	for _, x := range []struct {
		name string
		r    fhir.Resource
		want validate.Issue
	}{
		{"white space", parse(t, `{"resourceType":"Basic","code":{"text":" \t"}}`),
			validate.Issue{Severity: validate.SeverityWarning, Code: validate.CodeValue, Expression: "Basic.code.text", Text: "a string should have more than white space"}},
		{"nothing", fhir.Resource{},
			validate.Issue{Severity: validate.SeverityError, Code: validate.CodeStructure, Expression: "Resource", Text: "this must be a resource, an object"}},
	} {
		if d := cmp.Diff(x.want, validate.Resource(x.r, validate.Options{}).Issues[0]); d != "" {
			t.Error(x.name, d)
		}
	}
}

func TestOutcome(t *testing.T) {
	none := string(validate.Report{}.AppendOutcome(nil))
	if want := `{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational","details":{"text":"no issues"}}]}`; none != want {
		t.Error(none)
	}
	some := validate.Resource(parse(t, `{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>"},"gender":1}`), validate.Options{}).AppendOutcome([]byte("x"))
	want := `x{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"structure","details":{"text":"this must be a string"},"expression":["Patient.gender"]}]}`
	if string(some) != want {
		t.Errorf("%s", some)
	}
	if again := validate.Resource(parse(t, string(some[1:])), validate.Options{}); !again.Valid() {
		t.Error(again.Issues)
	}
}
