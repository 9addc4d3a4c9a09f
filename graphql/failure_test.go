package graphql_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/graphql"
)

// missing is an answer from which a source is missing.
func missing(k concord.Kind) graphql.Answer {
	f := &concord.Fault{Op: "search", Kind: k, Source: "b"}
	return graphql.Answer{Partial: true,
		Outcomes: []federation.Outcome{{Source: "b", Status: federation.Failed, Fault: f, Elapsed: 1500 * time.Millisecond}},
		Issues:   []graphql.Issue{{Severity: "warning", Code: "timeout", Source: "b", Type: fhir.TypeCondition, Text: "the source did not answer in time"}}}
}

// A source that is missing is said: in the answer's extensions, and at the path of each list that it is missing from.
func TestMissingSource(t *testing.T) {
	b := &record{all: chart(t, 2, 2), grant: grant("user/*.rs"), fault: func(ty fhir.ResourceType) graphql.Answer {
		if ty == fhir.TypeCondition {
			return missing(concord.Timeout)
		}
		return graphql.Answer{}
	}}
	req := graphql.Request{Query: `{Patient(id:"p1"){id c:ConditionList(_reference:patient){id} ObservationList(_reference:patient){id}} EncounterList(patient:"p1"){subject{resource{...on Patient{ConditionList(_reference:patient){id}}}}}}`}
	r := read(t, newEngine(t).Execute(t.Context(), req, b, b.grant, graphql.Limits{}))
	if r.Status != 200 || !r.Incomplete || len(dig(r.Data, "Patient", "c").([]any)) != 2 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	var paths []string
	for _, f := range r.Errors {
		paths = append(paths, f.Extensions.Code+" "+fmt.Sprint(f.Path...)+" "+f.Extensions.Resource.Issue[0].Code)
	}
	want := []string{"INCOMPLETE Patientc incomplete", "INCOMPLETE EncounterList0 subjectresourceConditionList incomplete"}
	for i := range paths {
		paths[i] = strings.ReplaceAll(paths[i], " ", "")
		want[i] = strings.ReplaceAll(want[i], " ", "")
	}
	if !slices.Equal(paths, want) {
		t.Errorf("%q", paths)
	}
	ext, _ := json.Marshal(r.Extensions)
	if got := string(ext); got != `{"complete":false,"outcome":{"issue":[{"code":"timeout","details":{"coding":[{"code":"b","system":"urn:concord:source"}],"text":"the source did not answer in time"},"expression":["Condition"],"severity":"warning"}],"resourceType":"OperationOutcome"},"sources":[{"count":0,"ms":1500,"name":"b","reason":"timeout","status":"failed"},{"count":6,"ms":0,"name":"s","status":"ok"}]}` {
		t.Errorf("%s", got)
	}

	req.Strict = true
	r = read(t, newEngine(t).Execute(t.Context(), req, b, b.grant, graphql.Limits{}))
	if r.Status != 502 || r.Data != nil || !slices.Equal(r.codes(), []string{"INCOMPLETE"}) || r.Disclosed != nil || dig(r.Extensions, "complete") != false {
		t.Errorf("strict: %d %s", r.Status, r.Body)
	}
}

// No answer at all is an error at its path; when it is the only one, the status says so too.
func TestAllSourcesFail(t *testing.T) {
	for _, x := range []struct {
		kind   concord.Kind
		source concord.SourceID
		code   string
		status int
		both   int // the status when there are other data
	}{
		{kind: concord.Unavailable, code: "UNAVAILABLE", status: 503},
		{kind: concord.Timeout, code: "UNAVAILABLE", status: 504},
		{kind: concord.Malformed, code: "UNAVAILABLE", status: 502},
		{kind: concord.Forbidden, source: "b", code: "UNAVAILABLE", status: 502},
		{kind: concord.Forbidden, code: "FORBIDDEN", status: 200},
		{kind: concord.Invalid, code: "BAD_USER_INPUT", status: 200},
		{kind: concord.Unsupported, code: "UNSUPPORTED", status: 200},
		{kind: concord.Internal, code: "INTERNAL", status: 500},
		{kind: concord.Canceled, code: "CANCELED", status: 200},
	} {
		t.Run(fmt.Sprint(x.kind, x.source), func(t *testing.T) {
			b := &record{all: chart(t, 1, 1), fault: func(ty fhir.ResourceType) graphql.Answer {
				if ty == fhir.TypeCondition {
					return graphql.Answer{Err: &concord.Fault{Op: "search", Kind: x.kind, Source: x.source, Err: fmt.Errorf("Secretson")}}
				}
				return graphql.Answer{}
			}}
			for query, status := range map[string]int{`{ConditionList(patient:"p1"){id}}`: x.status, `{ConditionList(patient:"p1"){id} ObservationList(patient:"p1"){id}}`: 200} {
				r := ask(t, b, "user/*.rs", query)
				if r.Status != status || !slices.Equal(r.codes(), []string{x.code}) || len(r.Errors[0].Path) != 1 || strings.Contains(string(r.Body), "Secretson") {
					t.Errorf("%s: %d %s", query, r.Status, r.Body)
				}
				if r.Incomplete != (x.code == "UNAVAILABLE") {
					t.Errorf("%s: incomplete %v", query, r.Incomplete)
				}
			}
		})
	}
}

// A reference that can't be followed because a source fails is an error even where it is optional: nobody knows that it
// leads nowhere.
func TestOptionalIsNotSilent(t *testing.T) {
	b := &record{all: chart(t, 1, 0), fault: func(ty fhir.ResourceType) graphql.Answer {
		if ty == fhir.TypePractitioner {
			return graphql.Answer{Err: &concord.Fault{Op: "read", Kind: concord.Timeout, Source: "b"}}
		}
		return graphql.Answer{}
	}}
	r := ask(t, b, "user/*.rs", `{ObservationList(patient:"p1"){performer{resource(optional:true){...on Practitioner{id}}}}}`)
	if !slices.Equal(r.codes(), []string{"UNAVAILABLE"}) || r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// References that lead nowhere here are never fetched.
func TestUnresolvable(t *testing.T) {
	for name, ref := range map[string]string{
		"elsewhere":       `{"reference":"http://169.254.169.254/latest/Patient/p1"}`,
		"a version":       `{"reference":"Patient/p1/_history/3"}`,
		"a URN":           `{"reference":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}`,
		"not a type":      `{"reference":"Nothing/1"}`,
		"nothing":         `{"display":"somebody"}`,
		"contained":       `{"reference":"#none"}`,
		"an identifier":   `{"identifier":{"value":"1"}}`,
		"a query":         `{"reference":"Patient?name=x"}`,
		"of another form": `{"reference":["Patient/p1"]}`,
		"not offered":     `{"reference":"Group/1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := &record{all: []fhir.Resource{resource(t, `{"resourceType":"Observation","id":"s.o","subject":%s}`, ref)}}
			r := ask(t, b, "user/*.rs", `{Observation(id:"s.o"){id subject{a:resource(optional:true){__typename} b:resource{__typename}}}}`)
			if len(r.Errors) != 1 || dig(r.Data, "Observation", "id") != "s.o" || len(b.reads) != 1 {
				t.Errorf("%s, %v", r.Body, b.reads)
			}
		})
	}
}

// What is not of the schema's form is left out, and never breaks the answer.
func TestOtherForms(t *testing.T) {
	b := &record{all: []fhir.Resource{resource(t, `{"resourceType":"Patient","id":"p1","active":{"a":1},"gender":null,"birthDate":["x"],"name":[null,{"given":["a",null,"b"],"_given":[null,{"extension":[{"url":"u"}]}],"family":"<&>\u2028\ud800"},"x"],"contact":{"gender":"male"},"maritalStatus":"M","multipleBirthInteger":1e3,"_active":7}`)}}
	r := ask(t, b, "user/*.rs", `{Patient(id:"p1"){active gender birthDate name{given _given{extension{url}} family} contact{gender} maritalStatus{text} multipleBirthInteger _active{id}}}`)
	if len(r.Errors) > 0 || !strings.Contains(string(r.Body), `"given":["a",null,"b"],"_given":[null,{"extension":[{"url":"u"}]},null]`) || !strings.Contains(string(r.Body), `"multipleBirthInteger":1e3`) {
		t.Errorf("%s", r.Body)
	}
}

// Pages of a connection hold each resource once; a cursor is of its list and stands alone.
func TestConnection(t *testing.T) {
	b := &record{all: chart(t, 7, 2)}
	page := func(args string) map[string]any {
		t.Helper()
		r := ask(t, b, "user/*.rs", `{ObservationConnection(`+args+`){count offset pagesize pageSize first previous next last edges{mode score resource{id}}}}`)
		c, _ := dig(r.Data, "ObservationConnection").(map[string]any)
		if c == nil {
			t.Fatalf("%s", r.Body)
		}
		return c
	}
	var ids []string
	sizes := []int{}
	c := page(`patient:"p1",_count:3`)
	first := c
	for {
		edges, _ := c["edges"].([]any)
		sizes = append(sizes, len(edges))
		for _, e := range edges {
			ids = append(ids, dig(e, "resource", "id").(string))
			if dig(e, "mode") != "match" {
				t.Errorf("%v", e)
			}
		}
		next, ok := c["next"].(string)
		if !ok {
			break
		}
		c = page(`_cursor:"` + next + `"`)
	}
	if !slices.Equal(ids, []string{"s.o0", "s.o1", "s.o2", "s.o3", "s.o4", "s.o5", "s.o6"}) || !slices.Equal(sizes, []int{3, 3, 1}) || first["count"] != 7.0 || c["offset"] != 6.0 || c["pageSize"] != 3.0 {
		t.Errorf("%v %v %v", ids, sizes, c)
	}
	if back := page(`_cursor:"` + c["previous"].(string) + `"`); back["offset"] != 3.0 || back["previous"] != first["first"] || back["last"] != first["last"] {
		t.Errorf("%v", back)
	}
	if c := page(`patient:"p1",_count:0`); c["count"] != 7.0 || len(c["edges"].([]any)) != 0 || c["next"] != nil {
		t.Errorf("%v", c)
	}
	cursor := first["next"].(string)
	for query, code := range map[string]string{
		`{ObservationConnection(_cursor:"` + cursor + `",patient:"p1"){count}}`: "BAD_USER_INPUT",
		`{ObservationConnection(_cursor:"` + cursor + `",_count:1){count}}`:     "BAD_USER_INPUT",
		`{ConditionConnection(_cursor:"` + cursor + `"){count}}`:                "NOT_FOUND",
		`{ObservationConnection(_cursor:"nonsense"){count}}`:                    "NOT_FOUND",
		`{ObservationConnection(_cursor:"MC4xLm90aGVy"){count}}`:                "NOT_FOUND",
		`{ObservationConnection(_cursor:"LTEuMS5o"){count}}`:                    "NOT_FOUND",
	} {
		if r := ask(t, b, "user/*.rs", query); !slices.Equal(r.codes(), []string{code}) {
			t.Errorf("%s: %s", query, r.Body)
		}
	}
}
