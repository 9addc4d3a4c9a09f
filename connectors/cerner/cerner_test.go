package cerner_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/connectors"
	"concord/connectors/cerner"
	ct "concord/connectors/connectortest"
	"concord/federation"
	"concord/fhir"
)

const source concord.SourceID = "cerner"

func connect(t *testing.T, s *ct.Site) connectors.Source {
	t.Helper()
	c, err := cerner.New(connectors.Config{Source: source, Base: s.Base(), Budget: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func query(typ fhir.ResourceType, params ...string) federation.Query {
	q := federation.Query{Type: typ, Patient: concord.NewPatientRef(source, "12742400")}
	for pair := range slices.Chunk(params, 2) {
		q.Params = append(q.Params, federation.Param{Key: pair[0], Value: pair[1]})
	}
	return q
}

// TestWhatSearchesNeed: the combinations that Millennium refuses to do without.
func TestWhatSearchesNeed(t *testing.T) {
	for _, x := range []struct {
		name   string
		typ    fhir.ResourceType
		params []string
		want   []string
	}{
		{"care plans have one category", "CarePlan", []string{"category", "x"}, []string{"CarePlan?category=assess-plan&patient=12742400"}},
		{"no _count where there is none", "AllergyIntolerance", nil, []string{"AllergyIntolerance?patient=12742400"}},
		{"reports come by the hundred", "DiagnosticReport", nil, []string{"DiagnosticReport?_count=100&patient=12742400"}},
		{"a range is closed", "Observation", []string{"date", "ge2024-03-01"}, []string{"Observation?_count=200&date=ge2024-02-29T00:00:00Z&date=le2150-12-31T23:59:59Z&patient=12742400"}},
		{"at the other end too", "Procedure", []string{"date", "lt2024"}, []string{"Procedure?_count=200&date=ge1850-01-01T00:00:00Z&date=le2025-01-01T23:59:59Z&patient=12742400"}},
		{"a day has two ends", "Encounter", []string{"date", "2024-03-01"}, []string{"Encounter?_count=200&date=ge2024-02-29T00:00:00Z&date=le2024-03-02T23:59:59Z&patient=12742400"}},
		{"no prefix that it lacks", "Observation", []string{"date", "ap2024-03-01", "date", "ne2024"}, []string{"Observation?_count=200&patient=12742400"}},
		{"dates are not a medication's", "MedicationRequest", []string{"authoredon", "ge2024"}, []string{"MedicationRequest?_count=200&patient=12742400"}},
		{"one category at a time", "Condition", []string{"category", "problem-list-item,health-concern"}, []string{"Condition?category=health-concern&patient=12742400", "Condition?category=problem-list-item&patient=12742400"}},
		{"codes and states are ours to filter", "Condition", []string{"code", "1", "clinical-status", "active", "encounter", "2"}, []string{"Condition?patient=12742400"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) { ct.Write(w, ct.Searchset("")) })
			if _, err := connect(t, s).Search(t.Context(), query(x.typ, x.params...)); err != nil {
				t.Fatal(err)
			}
			got := s.Queries()
			slices.Sort(got)
			if d := cmp.Diff(x.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestNarrowingThatIsRefused: a search that the tenant does not take narrowed is asked again without.
func TestNarrowingThatIsRefused(t *testing.T) {
	s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("category") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		ct.Write(w, ct.Searchset("", `{"resourceType":"Observation","id":"L-1"}`))
	})
	page, err := connect(t, s).Search(t.Context(), query("Observation", "category", "exam"))
	if err != nil || len(page.Matches) != 1 || page.Requests != 2 {
		t.Errorf("%d matches by %d requests, error %v", len(page.Matches), page.Requests, err)
	}
}

const badRecord = `{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"required"}]}`

// TestBadRecord: one record that lacks something fails its page; smaller pages get at more.
func TestBadRecord(t *testing.T) {
	for _, x := range []struct {
		name    string
		largest int // pages above this fail
		always  bool
		matches int
		kind    concord.Kind
	}{
		{"smaller pages help", 40, false, 90, concord.Unknown},
		{"they help as far as the record", 40, true, 40, concord.Incomplete},
		{"they do not help", 0, false, 0, concord.Malformed},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(s *ct.Site, w http.ResponseWriter, r *http.Request) {
				count, _ := strconv.Atoi(r.URL.Query().Get("_count"))
				from, _ := strconv.Atoi(r.URL.Query().Get("-pageContext"))
				if count > x.largest || x.always && from > 0 {
					w.WriteHeader(http.StatusInternalServerError)
					ct.Write(w, badRecord)
					return
				}
				var page []string
				for i := from; i < min(from+count, 90); i++ {
					page = append(page, fmt.Sprintf(`{"resourceType":"Observation","id":"L-%d"}`, i))
				}
				next := ""
				if from+count < 90 {
					next = fmt.Sprintf("%s/Observation?patient=1&_count=%d&-pageContext=%d", s.Base(), count, from+count)
				}
				ct.Write(w, ct.Searchset(next, page...))
			})
			page, err := connect(t, s).Search(t.Context(), query("Observation"))
			if k := concord.KindOf(err); k != x.kind || (err == nil) != (x.kind == concord.Unknown) {
				t.Errorf("kind %v, want %v", k, x.kind)
			}
			if len(page.Matches) != x.matches {
				t.Errorf("%d matches, want %d", len(page.Matches), x.matches)
			}
		})
	}
}

// TestBadRecordOpensNoGuard: a patient with a bad record does not keep the others from their data.
func TestBadRecordOpensNoGuard(t *testing.T) {
	s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("patient") == "12742400" {
			w.WriteHeader(http.StatusInternalServerError)
			ct.Write(w, badRecord)
			return
		}
		ct.Write(w, ct.Searchset(""))
	})
	c := connectors.Guard(connect(t, s), connectors.GuardConfig{Failures: 2, Open: time.Hour})
	for range 5 {
		if _, err := c.Search(t.Context(), query("Observation")); err == nil {
			t.Error("no error")
		}
	}
	other := query("Observation")
	other.Patient = concord.NewPatientRef(source, "1")
	if _, err := c.Search(t.Context(), other); err != nil {
		t.Error(err)
	}
}

// TestTenant: an unknown tenant answers in plain text.
func TestTenant(t *testing.T) {
	s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusForbidden)
		ct.Write(w, "Tenant not valid or accessible")
	})
	_, err := connect(t, s).Search(t.Context(), query("Condition"))
	if !errors.Is(err, concord.Forbidden) {
		t.Errorf("kind %v", concord.KindOf(err))
	}
}

func TestPatientSearch(t *testing.T) {
	for _, x := range []struct {
		name   string
		params []string
		want   []string
	}{
		{"each once, with one value", []string{"family", "F", "family", "G", "given", "A,B", "gender", "male"}, []string{"Patient?_count=100&family=F&gender=male&given=A", "Patient?_count=100&family=F&gender=male&given=B"}},
		{"a range of birth dates", []string{"birthdate", "ge1970-01-01", "birthdate", "le1970-12-31", "birthdate", "ne1970-05-05"}, []string{"Patient?_count=100&birthdate=ge1970-01-01&birthdate=le1970-12-31"}},
		{"an identifier", []string{"identifier", "urn:oid:1|2", "telecom", "555"}, []string{"Patient?_count=100&identifier=urn:oid:1|2"}},
		{"a gender alone", []string{"gender", "male", "address-city", "X"}, nil},
		{"too many alternatives", []string{"family", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u"}, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) { ct.Write(w, ct.Searchset("")) })
			q := query("Patient", x.params...)
			q.Patient = concord.PatientRef{}
			_, err := connect(t, s).Search(t.Context(), q)
			if (concord.KindOf(err) == concord.Unsupported) != (x.want == nil) {
				t.Errorf("error %v", err)
			}
			got := s.Queries()
			slices.Sort(got)
			if d := cmp.Diff(x.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
