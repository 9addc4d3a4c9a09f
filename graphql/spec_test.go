package graphql_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/fhir"
	"concord/graphql"
)

// specRecord is as much of the specification's examples as its test cases look at.
func specRecord(t *testing.T) []fhir.Resource {
	t.Helper()
	return []fhir.Resource{
		resource(t, `{"resourceType":"Patient","id":"example","active":true,"identifier":[{"system":"urn:oid:1.2.36.146.595.217.0.1","value":"12345"}],"name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]},{"use":"maiden","family":"Windsor","given":["Peter","James"]}]}`),
		resource(t, `{"resourceType":"Patient","id":"xds","active":true}`),
		resource(t, `{"resourceType":"Patient","id":"inactive","active":false}`),
		resource(t, `{"resourceType":"Patient","id":"newborn","birthDate":"2016-05-18","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"2016-05-18T10:28:45Z"}]}}`),
		resource(t, `{"resourceType":"Observation","id":"20minute-apgar-score","subject":{"reference":"Patient/newborn"}}`),
		resource(t, `{"resourceType":"Observation","id":"example","subject":{"reference":"Patient/example"},"valueQuantity":{"value":185,"unit":"lbs"},"code":{"coding":[{"system":"http://loinc.org","code":"29463-7"},{"system":"http://loinc.org","code":"3141-9"},{"system":"http://snomed.info/sct","code":"27113001"},{"system":"http://acme.org/devices/clinical-codes","code":"body-weight"}]}}`),
	}
}

// notHere are the specification's cases that this server is not to pass, and why. It answers them all the same, and says
// so where it can't.
func notHere() map[string]string {
	return map[string]string{
		"filter-fhirpath":  "fhirpath is not offered as an argument; it is refused, not ignored",
		"extension-simple": "it expects a field that is selected twice to be there twice; GraphQL merges them",
	}
}

// The test cases of HL7's suite, as far as they are at hand.
func TestSpecification(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "data", "fhir", "graphql-tests")
	b, err := os.ReadFile(filepath.Join(dir, "manifest.xml"))
	if err != nil {
		t.Skip("the specification's cases are not here")
	}
	var manifest struct {
		Test []struct {
			Name    string `xml:"name,attr"`
			Source  string `xml:"source,attr"`
			Output  string `xml:"output,attr"`
			Context string `xml:"context,attr"`
		} `xml:"test"`
	}
	if err := xml.Unmarshal(b, &manifest); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, c := range manifest.Test {
		query, err := os.ReadFile(filepath.Join(dir, c.Source))
		if errors.Is(err, fs.ErrNotExist) {
			t.Logf("%-24s not applicable: its query is not at hand; see TestAfterTheSpecification", c.Name)
			continue
		}
		req := graphql.Request{Query: string(query)}
		if parts := strings.Split(c.Context, "/"); len(parts) == 3 {
			req.Instance = graphql.Name{Type: fhir.ResourceType(parts[0]), ID: parts[1]}
		}
		r := &record{all: specRecord(t), grant: grant("user/*.rs")}
		out := read(t, newEngine(t).Execute(t.Context(), req, r, r.grant, graphql.Limits{}))
		if why, ok := notHere()[c.Name]; ok {
			t.Logf("%-24s not applicable: %s (HTTP %d, %v)", c.Name, why, out.Status, out.codes())
			continue
		}
		var want any
		b, err := os.ReadFile(filepath.Join(dir, c.Output))
		if err != nil || json.Unmarshal(b, &want) != nil {
			t.Fatalf("%s: the output can't be read", c.Name)
		}
		if diff := cmp.Diff(want, present(out.Data)); diff != "" || len(out.Errors) > 0 {
			t.Errorf("%-24s failed: %s %s", c.Name, diff, out.Body)
			continue
		}
		passed++
		t.Logf("%-24s passed", c.Name)
	}
	if passed < 6 {
		t.Errorf("%d cases passed", passed)
	}
}

// present is a value without what is null: the specification's outputs leave it out.
func present(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if x = present(x); x != nil {
				out[k] = x
			}
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = present(x)
		}
		return out
	}
	return v
}

// What the specification's page and its other cases ask for, in words of our own.
func TestAfterTheSpecification(t *testing.T) {
	patient := graphql.Name{Type: fhir.TypePatient, ID: "p1"}
	observation := graphql.Name{Type: fhir.TypeObservation, ID: "s.o0"}
	for _, x := range []struct {
		name, query, want string
		at                graphql.Name
		op                string
		vars              map[string]any
		codes             string
		status            int
	}{
		{name: "a field that is none", at: patient, query: `{nothing}`, codes: "GRAPHQL_VALIDATION_FAILED", status: 400},
		{name: "an argument that is none", at: patient, query: `{name(fhirpath:"family.exists()"){family}}`, codes: "GRAPHQL_VALIDATION_FAILED", status: 400},
		{name: "an argument of a primitive", at: patient, query: `{birthDate(use:x)}`, codes: "GRAPHQL_VALIDATION_FAILED", status: 400},
		{name: "a directive that is none", at: patient, query: `{id @shout}`, codes: "GRAPHQL_VALIDATION_FAILED", status: 400},
		{name: "a mutation", query: `mutation{PatientDelete(id:"p1"){id}}`, codes: "UNSUPPORTED", status: 400},
		{name: "a subscription", query: `subscription{Patient(id:"p1"){id}}`, codes: "UNSUPPORTED", status: 400},
		{name: "bare words", query: `{Patient(id:p1){name(use:official){family} telecom(system:phone,_count:1){value}}}`, want: `{"Patient":{"name":[{"family":"Chalmers"}],"telecom":[{"value":"555"}]}}`},
		{name: "an offset", at: patient, query: `{name(_offset:1,_count:1){given}}`, want: `{"name":[{"given":["Jim"]}]}`},
		{name: "an extension by url", at: patient, query: `{_birthDate{extension(url:"http://hl7.org/fhir/StructureDefinition/patient-birthTime"){valueDateTime}} none:_birthDate{extension(url:"x"){url}}}`, want: `{"_birthDate":{"extension":[{"valueDateTime":"1974-12-25T14:35:45-05:00"}]},"none":{"extension":[]}}`},
		{name: "extensions where there are none", at: patient, query: `{_gender{extension{url}} gender}`, want: `{"_gender":null,"gender":"male"}`},
		{name: "digits", at: observation, query: `{valueQuantity{value} referenceRange{high{value}}}`, want: `{"valueQuantity":{"value":0.50},"referenceRange":[{"high":{"value":9.00}}]}`},
		{name: "a choice", at: observation, query: `{effectiveDateTime effectivePeriod{start} valueString}`, want: `{"effectiveDateTime":"2020-01-01T03:04:05Z","effectivePeriod":null,"valueString":null}`},
		{name: "resourceType", at: observation, query: `{resourceType __typename}`, want: `{"resourceType":"Observation","__typename":"Observation"}`},
		{name: "reference of a type", at: observation, query: `{subject{resource(type:Patient){...on Patient{gender}}}}`, want: `{"subject":{"resource":{"gender":"male"}}}`},
		{name: "reference of another type", at: observation, query: `{subject{resource(type:Group){__typename}}}`, want: `{"subject":{"resource":null}}`},
		{name: "reference without a fragment", at: observation, query: `{subject{reference resource{gender name{family}}}}`, codes: "GRAPHQL_VALIDATION_FAILED", status: 400},
		{name: "reference of a type without a fragment", at: observation, query: `{subject{resource(type:Patient){gender name(use:official){family}}}}`, want: `{"subject":{"resource":{"gender":"male","name":[{"family":"Chalmers"}]}}}`},
		{name: "fragments on several types", at: observation, query: `{performer{resource{...on Practitioner{name{family}} ...on Organization{title:name}}}}`, want: `{"performer":[{"resource":{"name":[{"family":"Healerman"}]}}]}`},
		{name: "reverse", at: patient, query: `{ConditionList(_reference:patient){code{text}}}`, want: `{"ConditionList":[{"code":{"text":"Condition 0"}}]}`},
		{name: "reverse by what does not refer here", at: patient, query: `{ConditionList(_reference:encounter){id}}`, want: `{"ConditionList":null}`, codes: "BAD_USER_INPUT"},
		{name: "reverse without a parameter", at: patient, query: `{ConditionList{id}}`, codes: "GRAPHQL_VALIDATION_FAILED", status: 400},
		{name: "reverse with an id", at: patient, query: `{ConditionList(_reference:patient,id:"x"){id}}`, codes: "GRAPHQL_VALIDATION_FAILED", status: 400},
		{name: "a search", query: `{ObservationList(patient:"p1",code:["0-4","2-4"],_sort:["-code"]){code{coding{code}}}}`, want: `{"ObservationList":[{"code":{"coding":[{"code":"0-4"}]}},{"code":{"coding":[{"code":"2-4"}]}}]}`},
		{name: "a list with a comma", query: `{ObservationList(patient:"p1",code:"0-4,2-4"){id}}`, want: `{"ObservationList":[]}`},
		{name: "a value that is none", query: `{ObservationList(patient:"p1",date:"yesterday"){id}}`, want: `{"ObservationList":null}`, codes: "BAD_USER_INPUT"},
		{name: "a sort that is none", query: `{ObservationList(patient:"p1",_sort:"nothing"){id}}`, want: `{"ObservationList":null}`, codes: "BAD_USER_INPUT"},
		{name: "an empty value", query: `{ObservationList(patient:""){id}}`, want: `{"ObservationList":null}`, codes: "BAD_USER_INPUT"},
		{name: "a negative count", query: `{ObservationList(patient:"p1",_count:-1){id}}`, want: `{"ObservationList":null}`, codes: "BAD_USER_INPUT"},
		{name: "skip", at: patient, query: `{id @skip(if:true) gender @skip(if:false)}`, want: `{"gender":"male"}`},
		{name: "a variable", at: patient, query: `query test($if:Boolean!){id @include(if:$if) gender}`, vars: map[string]any{"if": false}, op: "test", want: `{"gender":"male"}`},
		{name: "a variable of another type", query: `query($id:ID!){Patient(id:$id){id}}`, vars: map[string]any{"id": map[string]any{"a": 1}}, codes: "BAD_USER_INPUT", status: 400},
		{name: "a count that is too large", query: `query($n:Int){a:Patient(id:"p1"){id} ConditionList(patient:"p1",_count:$n){id}}`, vars: map[string]any{"n": 1e12}, codes: "BAD_USER_INPUT", status: 400},
		{name: "an operation that is none", query: `query A{Patient(id:"p1"){id}}`, op: "B", codes: "GRAPHQL_VALIDATION_FAILED", status: 400},
		{name: "no resource of that id", query: `{Patient(id:"nobody"){id} ok:Patient(id:"p1"){id}}`, want: `{"Patient":null,"ok":{"id":"p1"}}`, codes: "NOT_FOUND"},
		{name: "no instance of that id", at: graphql.Name{Type: fhir.TypePatient, ID: "nobody"}, query: `{id}`, want: `null`, codes: "NOT_FOUND", status: 404},
		{name: "an instance of no type", at: graphql.Name{Type: "Nothing", ID: "x"}, query: `{id}`, codes: "UNSUPPORTED", status: 400},
		{name: "an id that would get out", at: graphql.Name{Type: fhir.TypePatient, ID: `p1"){id}x:Patient(id:"p2`}, query: `{id}`, codes: "UNSUPPORTED", status: 400},
		{name: "an instance, with braces in strings", at: patient, query: `query{name(use:"} {official"){family} # }` + "\n" + `}`, want: `{"name":[]}`},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := &record{all: chart(t, 3, 1), grant: grant("user/*.rs")}
			out := read(t, newEngine(t).Execute(t.Context(), graphql.Request{Query: x.query, Variables: x.vars, OperationName: x.op, Instance: x.at}, r, r.grant, graphql.Limits{}))
			if x.status == 0 {
				x.status = 200
			}
			var data struct{ Data json.RawMessage }
			if err := json.Unmarshal(out.Body, &data); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(out.codes(), " "); out.Status != x.status || got != x.codes || string(data.Data) != x.want {
				t.Errorf("%d %s %s", out.Status, got, out.Body)
			}
		})
	}
}

func TestShape(t *testing.T) {
	for _, x := range []struct{ name, query, want, code string }{
		{name: "flatten", query: `identifier@flatten{system value} active name@flatten{text given family}`, want: `{"system":["urn:oid:1.2.36.146.595.217.0.1"],"value":["12345"],"active":true,"text":[],"given":["Peter","James","Jim","Peter","James"],"family":["Chalmers","Windsor"]}`},
		{name: "first", query: `name@flatten{given@first family}`, want: `{"given":["Peter","Jim","Peter"],"family":["Chalmers","Windsor"]}`},
		{name: "first of the parents", query: `name@first@flatten{given family}`, want: `{"given":["Peter","James"],"family":["Chalmers"]}`},
		{name: "first, not flattened", query: `name@first{family}`, want: `{"name":[{"family":"Chalmers"}]}`},
		{name: "singleton", query: `name(use:official)@flatten{family@singleton}`, want: `{"family":"Chalmers"}`},
		{name: "singleton of several", query: `name@flatten{family@singleton}`, code: "BAD_USER_INPUT"},
		{name: "singleton, first", query: `name@flatten{given@first@singleton}`, code: "BAD_USER_INPUT"},
		{name: "singleton of none", query: `name@flatten{text@singleton}`, want: `{"text":null}`},
		{name: "slice", query: `name@flatten@slice(path:"use"){given@first family}`, want: `{"given.official":["Peter"],"family.official":["Chalmers"],"given.usual":["Jim"],"family.usual":[],"given.maiden":["Peter"],"family.maiden":["Windsor"]}`},
		{name: "slice by index, singletons", query: `name@flatten@slice(path:"$index"){family@singleton}`, want: `{"family.0":"Chalmers","family.1":null,"family.2":"Windsor"}`},
		{name: "slices within slices", query: `ConditionList(_reference:patient)@flatten@slice(path:"$index"){clinicalStatus@flatten{coding@flatten@slice(path:"code"){code@singleton}}}`, want: `{"code.active.0":"active"}`},
		{name: "flatten one", query: `ConditionList(_reference:patient){code@flatten{text}}`, want: `{"ConditionList":[{"text":"Condition 0"}]}`},
		{name: "flatten all the way", query: `ConditionList(_reference:patient)@flatten{id code@flatten{text}}`, want: `{"id":["s.c0"],"text":["Condition 0"]}`},
		{name: "two of one name", query: `name@flatten{use} identifier@flatten{use}`, want: `{"use":["official","usual","maiden","usual"]}`},
		{name: "two of one name and of two types", query: `name@flatten{value:use} x:ObservationList(_reference:patient)@flatten{valueQuantity@flatten{value}}`, code: "BAD_USER_INPUT"},
		{name: "one that is there already", query: `use:gender name@flatten{use}`, code: "BAD_USER_INPUT"},
		{name: "and one behind", query: `name@flatten{use} use:gender`, code: "BAD_USER_INPUT"},
		{name: "a primitive", query: `gender@flatten`, code: "BAD_USER_INPUT"},
		{name: "slice by what is none", query: `name@flatten@slice(path:"given"){family}`, code: "UNSUPPORTED"},
		{name: "slice by an expression", query: `name@flatten@slice(path:"use.first()"){family}`, code: "UNSUPPORTED"},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := &record{all: chart(t, 1, 1), grant: grant("user/*.rs")}
			out := read(t, newEngine(t).Execute(t.Context(), graphql.Request{Query: "{" + x.query + "}", Instance: graphql.Name{Type: fhir.TypePatient, ID: "p1"}}, r, r.grant, graphql.Limits{}))
			var data struct{ Data json.RawMessage }
			if err := json.Unmarshal(out.Body, &data); err != nil {
				t.Fatal(err)
			}
			if string(data.Data) != x.want || strings.Join(out.codes(), " ") != x.code || (x.code != "") != (out.Status == 400) {
				t.Errorf("%d %s", out.Status, out.Body)
			}
		})
	}
}
