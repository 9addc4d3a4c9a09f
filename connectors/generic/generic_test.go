package generic_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/connectors"
	ct "concord/connectors/connectortest"
	"concord/connectors/generic"
	"concord/federation"
	"concord/fhir"
)

const source concord.SourceID = "generic"

func connect(t *testing.T, s *ct.Site) connectors.Source {
	t.Helper()
	c, err := generic.New(connectors.Config{Source: source, Base: s.Base(), Budget: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func query(typ fhir.ResourceType, patient string, params ...string) federation.Query {
	q := federation.Query{Type: typ}
	if patient != "" {
		q.Patient = concord.NewPatientRef(source, patient)
	}
	for pair := range slices.Chunk(params, 2) {
		q.Params = append(q.Params, federation.Param{Key: pair[0], Value: pair[1]})
	}
	return q
}

// TestWhatIsSent: only what can't lose data narrows a search.
func TestWhatIsSent(t *testing.T) {
	for _, x := range []struct {
		name  string
		query federation.Query
		want  []string
	}{
		{"a patient", query("Goal", "p/1&x=2"), []string{"Goal?_count=200&patient=p/1&x=2"}},
		{"codes and states are ours to filter", query("Observation", "p", "code", "1", "status", "final", "_id", "x", "value-quantity", "gt5"), []string{"Observation?_count=200&patient=p"}},
		{"a category", query("Observation", "p", "category", "s|laboratory,vital-signs", "category", "x"), []string{"Observation?_count=200&category=s|laboratory,vital-signs&patient=p"}},
		{"a category that means none", query("Condition", "p", "category", "s|"), []string{"Condition?_count=200&patient=p"}},
		{"dates, a day wider", query("Observation", "p", "date", "ge2024-03-01T00:30:00 02:00", "date", "lt2024-04"), []string{"Observation?_count=200&date=ge2024-02-28&date=le2024-05-01&patient=p"}},
		{"alternatives of dates", query("Encounter", "p", "date", "2020,2022-05"), []string{"Encounter?_count=200&date=ge2019-12-31&date=le2022-06-01&patient=p"}},
		{"an open alternative", query("Encounter", "p", "date", "ge2020,2010"), []string{"Encounter?_count=200&date=ge2009-12-31&patient=p"}},
		{"what is no date", query("Encounter", "p", "date", "yesterday"), []string{"Encounter?_count=200&patient=p"}},
		{"patients", query("Patient", "", "name", "A,B", "telecom", "5", "active", "true"), []string{"Patient?_count=200&name=A,B&telecom=5"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
				if x.query.Patient.Reveal() != r.URL.Query().Get("patient") {
					t.Error("the patient's id did not arrive as it is")
				}
				ct.Write(w, ct.Searchset(""))
			})
			if _, err := connect(t, s).Search(t.Context(), x.query); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(x.want, s.Queries()); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestDemandsACategory: a server that wants one is asked for each.
func TestDemandsACategory(t *testing.T) {
	s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("category") {
			w.WriteHeader(http.StatusBadRequest)
			ct.Write(w, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"required"}]}`)
			return
		}
		ct.Write(w, ct.Searchset("", `{"resourceType":"Observation","id":"`+r.URL.Query().Get("category")+`"}`))
	})
	c := connect(t, s)
	for i := range 2 {
		page, err := c.Search(t.Context(), query("Observation", "p"))
		if err != nil || len(page.Matches) < 8 || page.Requests != len(page.Matches)+1-i {
			t.Errorf("search %d: %d matches by %d requests, error %v", i, len(page.Matches), page.Requests, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, x := range []struct{ name, source, base string }{
		{"no source", "", "http://a/b"}, {"a source that is none", "A b", "http://a/b"}, {"no base", "a", ""},
		{"a query", "a", "http://a/b?c=d"}, {"a user", "a", "http://u:p@a/b"}, {"another scheme", "a", "ftp://a/b"}, {"no host", "a", "http:///b"},
	} {
		t.Run(x.name, func(t *testing.T) {
			if _, err := generic.New(connectors.Config{Source: concord.SourceID(x.source), Base: x.base}); concord.KindOf(err) != concord.Invalid {
				t.Errorf("error %v", err)
			}
		})
	}
}
