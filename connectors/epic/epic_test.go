package epic_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/connectors"
	ct "concord/connectors/connectortest"
	"concord/connectors/epic"
	"concord/federation"
	"concord/fhir"
)

const source concord.SourceID = "epic"

func connect(t *testing.T, s *ct.Site, change ...func(*connectors.Config)) connectors.Source {
	t.Helper()
	cfg := connectors.Config{Source: source, Base: s.Base(), Budget: 10 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	c, err := epic.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func query(typ fhir.ResourceType, params ...string) federation.Query {
	q := federation.Query{Type: typ, Patient: concord.NewPatientRef(source, "ePat.1-3")}
	for pair := range slices.Chunk(params, 2) {
		q.Params = append(q.Params, federation.Param{Key: pair[0], Value: pair[1]})
	}
	return q
}

// issue is an outcome with a code of Epic's own.
func issue(severity, code, own string) string {
	return fmt.Sprintf(`{"resourceType":"OperationOutcome","issue":[{"severity":%q,"code":%q,"details":{"coding":[{"system":"urn:oid:1.2.840.114350.1.13.861.1.7.2.657369","code":%q}]}}]}`, severity, code, own)
}

func observation(id string) string { return `{"resourceType":"Observation","id":"` + id + `"}` }

func ids(p federation.Page) []string {
	var out []string
	for _, r := range p.Matches {
		out = append(out, r.ID())
	}
	return out
}

func notes(p federation.Page) []federation.NoteCode {
	var out []federation.NoteCode
	for _, n := range p.Notes {
		out = append(out, n.Code)
	}
	return out
}

// demanding is a site that refuses an Observation search without a category, and categories that it does not know.
func demanding(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("category") {
	case "":
		w.WriteHeader(http.StatusBadRequest)
		ct.Write(w, issue("fatal", "business-rule", "59108"))
	case "laboratory":
		ct.Write(w, ct.Searchset("", observation("lab"), observation("both")))
	case "vital-signs":
		ct.Write(w, ct.Searchset("", observation("both"), observation("vital")))
	case "smartdata", "procedure":
		w.WriteHeader(http.StatusBadRequest)
		ct.Write(w, issue("fatal", "code-invalid", "59111"))
	default:
		ct.Write(w, ct.Searchset("", issue("warning", "not-found", "4101")))
	}
}

func TestCategoriesAreSplit(t *testing.T) {
	s := ct.NewSite(t, demanding)
	c := connect(t, s)
	page, err := c.Search(t.Context(), query("Observation"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"lab", "both", "vital"}, ids(page)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]federation.NoteCode{federation.NoteIgnored, federation.NoteByCategory}, notes(page)); d != "" {
		t.Error(d)
	}
	first := s.Requests()
	if len(first) < 10 || page.Requests != len(first) {
		t.Errorf("%d requests, %d told", len(first), page.Requests)
	}
	if _, err := c.Search(t.Context(), query("Observation")); err != nil {
		t.Fatal(err)
	}
	for _, uri := range s.Requests()[len(first):] {
		if !strings.Contains(uri, "category=") {
			t.Error("the site was asked again without the category that it demands")
		}
	}
}

func TestCategoriesOfOneSite(t *testing.T) {
	s := ct.NewSite(t, demanding)
	c := connect(t, s, func(cfg *connectors.Config) {
		cfg.Categories = map[fhir.ResourceType][]string{"Observation": {"vital-signs"}}
	})
	page, err := c.Search(t.Context(), query("Observation", "code", "http://loinc.org|8480-6", "date", "ge2024-03-01"))
	if err != nil || len(page.Matches) != 2 {
		t.Fatalf("%d matches, error %v", len(page.Matches), err)
	}
	want := []string{"Observation?_count=1000&category=vital-signs&date=ge2024-02-29&patient=ePat.1-3"}
	if d := cmp.Diff(want, s.Queries()); d != "" {
		t.Error(d)
	}
}

func TestSiteThatDemandsNothing(t *testing.T) {
	s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) {
		ct.Write(w, ct.Searchset("", observation("a"), observation("of-no-category")))
	})
	page, err := connect(t, s).Search(t.Context(), query("Observation"))
	if err != nil || len(page.Matches) != 2 || len(s.Requests()) != 1 {
		t.Errorf("%d matches by %d requests, error %v", len(page.Matches), len(s.Requests()), err)
	}
}

func TestCategoryOfTheClient(t *testing.T) {
	for _, x := range []struct {
		name, key, category string
		want                []string
		asks                int // requests, at least
	}{
		{"one", "category", "laboratory", []string{"lab", "both"}, 1},
		{"two, one at a time", "category", "vital-signs,laboratory", []string{"both", "vital", "lab"}, 2},
		{"two, of which the site knows one", "category", "procedure,vital-signs", []string{"both", "vital"}, 2},
		{"one that the site refuses: all that it has", "category", "procedure", []string{"lab", "both", "vital"}, 12},
		{"negated: not sent", "category:not", "laboratory", []string{"lab", "both", "vital"}, 12},
		{"without a system: not sent", "category", "|laboratory", []string{"lab", "both", "vital"}, 12},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, demanding)
			page, err := connect(t, s).Search(t.Context(), query("Observation", x.key, x.category))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(x.want, ids(page)); d != "" {
				t.Error(d)
			}
			if n := len(s.Requests()); n < x.asks || x.asks < 3 && n != x.asks {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestOneCategoryFails(t *testing.T) {
	s := ct.NewSite(t, func(s *ct.Site, w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("category") == "survey" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		demanding(s, w, r)
	})
	page, err := connect(t, s).Search(t.Context(), query("Observation"))
	if !errors.Is(err, concord.Incomplete) || !errors.Is(err, concord.Forbidden) {
		t.Errorf("error %v", err)
	}
	if d := cmp.Diff([]string{"lab", "both", "vital"}, ids(page)); d != "" {
		t.Error(d)
	}
}

func TestFewAtOnce(t *testing.T) {
	var now, most atomic.Int64
	s := ct.NewSite(t, func(s *ct.Site, w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(2 * time.Millisecond)
		demanding(s, w, r)
	})
	if _, err := connect(t, s, func(c *connectors.Config) { c.Parallel = 2 }).Search(t.Context(), query("Observation")); err != nil {
		t.Fatal(err)
	}
	if m := most.Load(); m > 2 {
		t.Errorf("%d requests at once", m)
	}
}

func TestOutcomesInASearchset(t *testing.T) {
	const match = `{"resourceType":"Condition","id":"c"}`
	for _, x := range []struct {
		name    string
		outcome string
		matches bool
		notes   []federation.NoteCode
		kind    concord.Kind
	}{
		{"4101: nobody's", issue("warning", "not-found", "4101"), false, nil, concord.Unknown},
		{"4119: disclaimer", issue("warning", "informational", "4119"), true, []federation.NoteCode{federation.NoteDisclaimer}, concord.Unknown},
		{"59204: withheld", issue("warning", "suppressed", "59204"), true, []federation.NoteCode{federation.NoteWithheld}, concord.Unknown},
		{"4122: a parameter ignored", issue("warning", "not-supported", "4122"), true, []federation.NoteCode{federation.NoteIgnored}, concord.Unknown},
		{"59109: a value ignored", issue("information", "value", "59109"), true, []federation.NoteCode{federation.NoteIgnored}, concord.Unknown},
		{"4119 of another system", strings.Replace(issue("warning", "processing", "4119"), "urn:oid:1.2.840.114350", "urn:oid:9", 1), true, []federation.NoteCode{federation.NoteOther}, concord.Unknown},
		{"4119, but fatal", issue("fatal", "exception", "4119"), false, nil, concord.Internal},
		{"4127: more than it gives", issue("fatal", "incomplete", "4127"), true, nil, concord.Incomplete},
		{"59177: fatal beside matches", issue("fatal", "exception", "59177"), true, nil, concord.Incomplete},
		{"4135: a quota", issue("fatal", "business-rule", "4135"), false, nil, concord.RateLimited},
		{"4130: break the glass", issue("fatal", "suppressed", "4130"), false, nil, concord.Forbidden},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) {
				if x.matches {
					ct.Write(w, ct.Searchset("", match, x.outcome+`,"search":{"mode":"outcome"}`))
				} else {
					ct.Write(w, ct.Searchset("", x.outcome+`,"search":{"mode":"outcome"}`))
				}
			})
			page, err := connect(t, s).Search(t.Context(), query("Condition"))
			if k := concord.KindOf(err); k != x.kind || err != nil && k == concord.Unknown {
				t.Errorf("kind %v, want %v", k, x.kind)
			}
			if (len(page.Matches) == 1) != x.matches {
				t.Errorf("%d matches", len(page.Matches))
			}
			if d := cmp.Diff(x.notes, notes(page)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestSessionLapses: an expired session starts the search again, once, and what was read twice is there once.
func TestSessionLapses(t *testing.T) {
	for _, x := range []struct {
		name   string
		lapses int
		kind   concord.Kind
		want   []string
	}{{"once", 1, concord.Unknown, []string{"a", "b"}}, {"again and again", 9, concord.Incomplete, []string{"a"}}} {
		t.Run(x.name, func(t *testing.T) {
			var lapsed atomic.Int64
			s := ct.NewSite(t, func(s *ct.Site, w http.ResponseWriter, r *http.Request) {
				switch {
				case !r.URL.Query().Has("sessionID"):
					ct.Write(w, ct.Searchset(s.Base()+"/Condition?sessionID=1", `{"resourceType":"Condition","id":"a"}`))
				case int(lapsed.Add(1)) <= x.lapses:
					w.WriteHeader(http.StatusBadRequest)
					ct.Write(w, issue("fatal", "expired", "4113"))
				default:
					ct.Write(w, ct.Searchset("", `{"resourceType":"Condition","id":"b"}`))
				}
			})
			page, err := connect(t, s).Search(t.Context(), query("Condition"))
			if k := concord.KindOf(err); k != x.kind {
				t.Errorf("kind %v", k)
			}
			if d := cmp.Diff(x.want, ids(page)); d != "" {
				t.Error(d)
			}
			if n := len(s.Requests()); n != 4 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestMergedPatient(t *testing.T) {
	for _, x := range []struct {
		name     string
		status   int
		location string
		body     string
		to       string // "" when the answer names no survivor
		kind     concord.Kind
	}{
		{"redirect and 4107", 301, "{base}/Patient/eNew.2-3", issue("error", "processing", "4107"), "eNew.2-3", concord.Moved},
		{"redirect alone, relative", 302, "Patient/eNew.2-3", "", "eNew.2-3", concord.Moved},
		{"error and Location", 404, "{base}/Patient/eNew.2-3", issue("error", "processing", "4107"), "eNew.2-3", concord.Moved},
		{"encoded, with a version", 307, "{base}/Patient/e%4Eew/_history/1", "", "eNew", concord.Moved},
		{"4107 without Location", 404, "", issue("error", "processing", "4107"), "", concord.NotFound},
		{"to another host", 301, "http://evil.invalid/api/FHIR/R4/Patient/eNew", issue("error", "processing", "4107"), "", concord.NotFound},
		{"to itself", 301, "{base}/Patient/eOld", "", "", concord.Malformed},
		{"to a login page", 302, "{base}/login", "", "", concord.Malformed},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(s *ct.Site, w http.ResponseWriter, _ *http.Request) {
				if x.location != "" {
					w.Header().Set("Location", strings.Replace(x.location, "{base}", s.Base(), 1))
				}
				w.WriteHeader(x.status)
				ct.Write(w, x.body)
			})
			c := connect(t, s)
			_, err := c.Read(t.Context(), "Patient", "eOld")
			if k := concord.KindOf(err); k != x.kind {
				t.Errorf("kind %v, want %v", k, x.kind)
			}
			var moved *federation.MovedTo
			if got := errors.As(err, &moved); got != (x.to != "") || got && moved.Ref != concord.NewPatientRef(source, x.to) {
				t.Errorf("moved: %t", got)
			}
			if err != nil && strings.Contains(err.Error(), "eNew") {
				t.Error("the error says the id")
			}
			_, err = c.Search(t.Context(), federation.Query{Type: "Patient", Patient: concord.NewPatientRef(source, "eOld")})
			if k := concord.KindOf(err); k != x.kind {
				t.Errorf("by search: kind %v, want %v", k, x.kind)
			}
			_, err = c.Search(t.Context(), federation.Query{Type: "Condition", Patient: concord.NewPatientRef(source, "eOld")})
			if k := concord.KindOf(err); k != x.kind || errors.As(err, &moved) != (x.to != "") {
				t.Errorf("by a search of another type: kind %v, want %v", k, x.kind)
			}
			for _, uri := range s.Requests() {
				if strings.Contains(uri, "New") || strings.Contains(uri, "login") {
					t.Error("the redirect was followed")
				}
			}
		})
	}
}

func TestPatientSearch(t *testing.T) {
	for _, x := range []struct {
		name   string
		params []string
		want   []string // nil: not asked
	}{
		{"strong", []string{"family", "Fé", "given:exact", "Ann", "birthdate", "eq1970-02-03", "gender", "female"}, []string{"Patient?_count=100&birthdate=1970-02-03&family=Fé&gender=female&given=Ann"}},
		{"by telephone", []string{"family", "F", "given", "A", "gender", "male", "phone", "555"}, []string{"Patient?_count=100&family=F&gender=male&given=A&telecom=555"}},
		{"identifiers, one at a time", []string{"identifier", "urn:a|1,urn:b|2"}, []string{"Patient?_count=100&identifier=urn:a|1", "Patient?_count=100&identifier=urn:b|2"}},
		{"identifier without a system", []string{"identifier", "1"}, nil},
		{"a system alone", []string{"identifier", "urn:a|"}, nil},
		{"family and birth date", []string{"family", "F", "birthdate", "1970-02-03"}, nil},
		{"a year of birth", []string{"family", "F", "given", "A", "birthdate", "1970"}, nil},
		{"a part of a name", []string{"family:contains", "F", "given", "A", "birthdate", "1970-02-03"}, nil},
		{"what Epic lacks", []string{"deceased", "true"}, nil},
		{"nothing", nil, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) {
				ct.Write(w, ct.Searchset("", `{"resourceType":"Patient","id":"p"}`))
			})
			q := query("Patient", x.params...)
			q.Patient = concord.PatientRef{}
			page, err := connect(t, s).Search(t.Context(), q)
			if x.want == nil {
				if concord.KindOf(err) != concord.Unsupported {
					t.Errorf("kind %v", concord.KindOf(err))
				}
			} else if err != nil || len(page.Matches) != 1 {
				t.Errorf("%d matches, error %v", len(page.Matches), err)
			}
			got := s.Queries()
			slices.Sort(got)
			if d := cmp.Diff(x.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestQuotaOpensNoGuard: the day's quota of documents says nothing of the other types.
func TestQuotaOpensNoGuard(t *testing.T) {
	s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "DocumentReference") {
			w.WriteHeader(http.StatusForbidden)
			ct.Write(w, issue("fatal", "business-rule", "4135"))
			return
		}
		ct.Write(w, ct.Searchset(""))
	})
	c := connectors.Guard(connect(t, s), connectors.GuardConfig{Failures: 2, Open: time.Hour})
	for range 5 {
		if _, err := c.Search(t.Context(), query("DocumentReference")); concord.KindOf(err) != concord.RateLimited {
			t.Errorf("kind %v", concord.KindOf(err))
		}
	}
	if _, err := c.Search(t.Context(), query("Condition")); err != nil {
		t.Errorf("Conditions: %v", err)
	}
}

func TestHeadersAndProvenance(t *testing.T) {
	s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Epic-Client-ID") != "client-1" || !strings.HasPrefix(r.Header.Get("Accept"), "application/fhir+json") || r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json+fhir")
		ct.Write(w, ct.Searchset("", `{"resourceType":"Goal","id":"g"}`, `{"resourceType":"Provenance","id":"p"}`))
	})
	q := query("Goal")
	q.Provenance = true
	page, err := connect(t, s, func(c *connectors.Config) {
		c.Headers = map[string]string{"Epic-Client-ID": "client-1"}
		c.PageSize = 7
	}).Search(t.Context(), q)
	if err != nil || len(page.Matches) != 1 || len(page.Included) != 1 {
		t.Fatalf("%d matches, %d included, error %v", len(page.Matches), len(page.Included), err)
	}
	want := url.Values{"patient": {"ePat.1-3"}, "_count": {"7"}, "_revinclude": {"Provenance:target"}}
	if got := s.Requests()[0]; !strings.HasSuffix(got, "/Goal?"+want.Encode()) {
		t.Error("the search is not what it should be")
	}
}
