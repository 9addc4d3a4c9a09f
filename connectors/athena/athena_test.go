package athena_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/connectors"
	"concord/connectors/athena"
	ct "concord/connectors/connectortest"
	"concord/federation"
	"concord/fhir"
)

const source concord.SourceID = "athena"

func connect(t *testing.T, s *ct.Site, practice string) connectors.Source {
	t.Helper()
	c, err := athena.New(connectors.Config{Source: source, Base: s.Base(), Budget: 10 * time.Second, Practice: practice})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func query(typ fhir.ResourceType, id string, params ...string) federation.Query {
	q := federation.Query{Type: typ}
	if id != "" {
		q.Patient = concord.NewPatientRef(source, id)
	}
	for pair := range slices.Chunk(params, 2) {
		q.Params = append(q.Params, federation.Param{Key: pair[0], Value: pair[1]})
	}
	return q
}

const practice = "a-1.Practice-195900"

func TestWhatSearchesNeed(t *testing.T) {
	for _, x := range []struct {
		name     string
		practice string
		query    federation.Query
		want     []string
	}{
		{"the practice routes a search", practice, query("Condition", "a-195900.E-1"), []string{"Condition?_count=100&ah-practice=Organization/a-1.Practice-195900&patient=a-195900.E-1"}},
		{"no practice known", "", query("Condition", "a-195900.E-1"), []string{"Condition?_count=100&patient=a-195900.E-1"}},
		{"medications need an intent", "", query("MedicationRequest", "a-1.E-1"), []string{"MedicationRequest?_count=100&intent=order,plan&patient=a-1.E-1"}},
		{"the client's intent goes in its place", "", query("MedicationRequest", "x", "intent", "order"), []string{"MedicationRequest?_count=100&intent=order&patient=x"}},
		{"but not what it excludes", "", query("MedicationRequest", "x", "intent:not", "order", "authoredon", "ge2024-03-01"), []string{"MedicationRequest?_count=100&authoredon=ge2024-02-29&intent=order,plan&patient=x"}},
		{"no date where it has none", "", query("Procedure", "x", "date", "2024"), []string{"Procedure?_count=100&patient=x"}},
		{"patients", practice, query("Patient", "", "family", "F", "birthdate", "1970-02-03", "phone", "555"), []string{"Patient?_count=100&ah-practice=Organization/a-1.Practice-195900&birthdate=1970-02-03&family=F"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) { ct.Write(w, ct.Searchset("")) })
			if _, err := connect(t, s, x.practice).Search(t.Context(), x.query); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(x.want, s.Queries()); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestForeignPractice: an id of another practice is not asked for, since a chart-sharing group might answer.
func TestForeignPractice(t *testing.T) {
	for _, x := range []struct {
		name, practice, id string
		asked              bool
	}{
		{"ours", practice, "a-195900.E-1", true},
		{"another's", practice, "a-80000.E-1", false},
		{"one that begins alike", practice, "a-1959001.E-1", false},
		{"shared", practice, "a-1.CP-13294803", true},
		{"of another form", practice, "80000", true},
		{"of another form, with letters", practice, "a-b.E-1", true},
		{"no practice configured", "", "a-80000.E-1", true},
		{"a practice of another form", "Practice-1", "a-80000.E-1", true},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
			c := connect(t, s, x.practice)
			_, err := c.Read(t.Context(), "Patient", x.id)
			if concord.KindOf(err) != concord.NotFound {
				t.Errorf("read: %v", err)
			}
			_, err = c.Search(t.Context(), query("Condition", x.id))
			if err == nil {
				t.Error("search: no error")
			}
			if n := len(s.Requests()); (n == 2) != x.asked || (n == 0) == x.asked {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestFailuresInDisguise: what athenahealth answers when it does not answer.
func TestFailuresInDisguise(t *testing.T) {
	const outcome = `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid","expression":["patient"]}]},"search":{"mode":"outcome"},"fullUrl":"urn:uuid:1"`
	const combination = `{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"forbidden","diagnostics":"required parameter combinations [[patient,intent],[_id]]"}]}`
	for _, x := range []struct {
		name   string
		status int
		body   string
		want   concord.Kind
	}{
		{"a searchset of one error", 200, ct.Searchset("", outcome), concord.Invalid},
		{"a missing parameter", 403, combination, concord.Forbidden},
		{"the gateway's own words", 404, `"Service not registered with API gateway"`, concord.Unsupported},
		{"over the quota", 403, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"throttled"}]}`, concord.RateLimited},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(x.status)
				ct.Write(w, x.body)
			})
			page, err := connect(t, s, "").Search(t.Context(), query("Condition", "a-1.E-1"))
			if k := concord.KindOf(err); k != x.want || len(page.Matches) > 0 {
				t.Errorf("kind %v, want %v; %d matches", k, x.want, len(page.Matches))
			}
		})
	}
}

// TestCarePlanWithoutACategory: athena refuses it as if it were not allowed, and gives it when a category is named.
func TestCarePlanWithoutACategory(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+json")
		if r.URL.Query().Get("category") == "" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"forbidden","diagnostics":"required parameter combinations [[patient,category],[_id]]"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"CarePlan","id":"a-1.CP-1","subject":{"reference":"Patient/a-1.E-1"}},"search":{"mode":"match"}}]}`))
	}))
	defer srv.Close()
	c, err := athena.New(connectors.Config{Source: "athena", Base: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Search(t.Context(), federation.Query{Type: "CarePlan", Patient: concord.NewPatientRef("athena", "a-1.E-1")})
	if err != nil || len(page.Matches) != 1 {
		t.Errorf("%d matches, %v", len(page.Matches), err)
	}
}
