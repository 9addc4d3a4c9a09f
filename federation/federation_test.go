package federation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/mpi/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ehr is a connector that answers as a test says.
type ehr struct {
	name   concord.SourceID
	search func(context.Context, federation.Query) (federation.Page, error)
}

func (e ehr) About() federation.About {
	return federation.About{Source: e.name, Base: "https://" + string(e.name) + ".example.org/r4", Budget: 200 * time.Millisecond}
}
func (e ehr) Supports(t fhir.ResourceType) bool { return t != "Goal" }
func (e ehr) Search(ctx context.Context, q federation.Query) (federation.Page, error) {
	return e.search(ctx, q)
}
func (e ehr) Read(_ context.Context, t fhir.ResourceType, id string) (fhir.Resource, error) {
	return parse(fmt.Sprintf(`{"resourceType":%q,"id":%q,"name":[{"family":"Example","given":["Person"]}],"birthDate":"1970-02-03","telecom":[{"system":"phone","value":"6174245555"}]}`, t, id)), nil
}

func parse(s string) fhir.Resource {
	r, err := fhir.Parse([]byte(s), fhir.Limits{})
	if err != nil {
		panic(err)
	}
	return r
}

func page(bodies ...string) federation.Page {
	var p federation.Page
	for _, b := range bodies {
		p.Matches = append(p.Matches, parse(b))
	}
	return p
}

func condition(id, patient string) string {
	return fmt.Sprintf(`{"resourceType":"Condition","id":%q,"subject":{"reference":%q}}`, id, patient)
}

func always(p federation.Page, err error) func(context.Context, federation.Query) (federation.Page, error) {
	return func(_ context.Context, q federation.Query) (federation.Page, error) {
		if q.Type == fhir.TypePatient {
			return federation.Page{}, nil
		}
		return p, err
	}
}

// fetch asks two sources, of which the second is under test, and tells what came back.
func fetch(t *testing.T, second func(context.Context, federation.Query) (federation.Page, error), strategy federation.Strategy) (told []string, outcomes []string, err error) {
	t.Helper()
	index := mpi.NewIndex(memstore.New())
	f, err := federation.New([]federation.Connector{
		ehr{"b", second}, ehr{"a", always(page(condition("1", "Patient/pa")), nil)},
	}, index, merge.NewEngine(merge.Default()), federation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := index.Register(t.Context(), mpi.Demographics{Ref: concord.NewPatientRef("a", "pa")})
	if err != nil {
		t.Fatal(err)
	}
	p, err = index.Link(t.Context(), p.ID, concord.NewPatientRef("b", "pb"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	res, err := f.Begin(ctx, nil).Fetch(federation.Request{Person: p, Types: []fhir.ResourceType{"Condition"}, Strategy: strategy})
	for _, e := range res.Record.Entries {
		for _, c := range e.Copies {
			told = append(told, string(c.Source)+"."+c.ID())
		}
	}
	for _, o := range res.Outcomes {
		s := string(o.Source) + " " + o.Status.String()
		if o.Fault != nil {
			s += " " + o.Fault.Kind.String()
		}
		for _, n := range o.Notes {
			s += " " + string(n)
		}
		outcomes = append(outcomes, s)
	}
	return told, outcomes, err
}

// TestFetch: whatever one source does, the other's copies are there, and the source is told of.
func TestFetch(t *testing.T) {
	for _, c := range []struct {
		name     string
		second   func(context.Context, federation.Query) (federation.Page, error)
		told     []string
		outcomes []string
	}{
		{"both answer", always(page(condition("2", "Patient/pb")), nil), []string{"a.1", "b.2"}, []string{"a ok", "b ok"}},
		{"by an absolute reference", always(page(condition("2", "https://b.example.org/r4/Patient/pb")), nil), []string{"a.1", "b.2"}, []string{"a ok", "b ok"}},
		{"another's patient of that id", always(page(condition("2", "https://c.example.org/r4/Patient/pb")), nil), []string{"a.1"}, []string{"a ok", "b partial dropped"}},
		{"another patient", always(page(condition("2", "Patient/pc"), condition("3", "Patient/pb")), nil), []string{"a.1", "b.3"}, []string{"a ok", "b partial dropped"}},
		{"a patient in another role", always(page(`{"resourceType":"Condition","id":"2","subject":{"reference":"Patient/pc"},"asserter":{"reference":"Patient/pb"}}`), nil), []string{"a.1"}, []string{"a ok", "b partial dropped"}},
		{"nobody's", always(page(`{"resourceType":"Condition","id":"2"}`), nil), []string{"a.1"}, []string{"a ok", "b partial dropped"}},
		{"another type", always(page(`{"resourceType":"Observation","id":"2","subject":{"reference":"Patient/pb"}}`), nil), []string{"a.1"}, []string{"a ok", "b partial dropped"}},
		{"without an id", always(page(`{"resourceType":"Condition","subject":{"reference":"Patient/pb"}}`), nil), []string{"a.1"}, []string{"a ok", "b partial dropped"}},
		{"a fault", always(federation.Page{}, &concord.Fault{Op: "search", Kind: concord.Unavailable, Source: "b"}), []string{"a.1"}, []string{"a ok", "b failed unavailable"}},
		{"a fault behind the first page", always(page(condition("2", "Patient/pb")), &concord.Fault{Op: "search", Kind: concord.Incomplete, Source: "b"}), []string{"a.1", "b.2"}, []string{"a ok", "b partial incomplete"}},
		{"an error that is no Fault", always(federation.Page{}, errors.New("Patient?family=Secret")), []string{"a.1"}, []string{"a ok", "b failed internal"}},
		{"a panic", func(context.Context, federation.Query) (federation.Page, error) { panic("Secret") }, []string{"a.1"}, []string{"a ok", "b failed internal"}},
		{"no heed of the context", func(context.Context, federation.Query) (federation.Page, error) {
			<-time.After(500 * time.Millisecond)
			return federation.Page{}, nil
		}, []string{"a.1"}, []string{"a ok", "b failed timeout"}},
		{"withheld", always(federation.Page{Notes: []federation.Note{{Code: federation.NoteWithheld}}}, nil), []string{"a.1"}, []string{"a ok", "b partial withheld"}},
		{"a disclaimer", always(federation.Page{Notes: []federation.Note{{Code: federation.NoteDisclaimer}}}, nil), []string{"a.1"}, []string{"a ok", "b ok disclaimer"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			told, outcomes, err := fetch(t, c.second, federation.Warn)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.told, told); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(c.outcomes, outcomes); d != "" {
				t.Error(d)
			}
		})
	}
	time.Sleep(600 * time.Millisecond) // the connector that takes no heed is still at it, and is waited for by the leak check
}

// TestAbort: with Abort one source's failure is the request's, and its text tells nothing.
func TestAbort(t *testing.T) {
	_, _, err := fetch(t, always(federation.Page{}, errors.New("Patient?family=Secret")), federation.Abort)
	if !errors.Is(err, concord.Internal) || strings.Contains(err.Error(), "Secret") {
		t.Errorf("got %v", err)
	}
	if _, _, err := fetch(t, always(federation.Page{Notes: []federation.Note{{Code: federation.NoteWithheld}}}, nil), federation.Abort); !errors.Is(err, concord.Incomplete) {
		t.Errorf("got %v", err)
	}
}

// TestIdentify: a patient first seen at one source is found at the other, a twin is not, and a source that fails is asked
// again.
func TestIdentify(t *testing.T) {
	patient := func(id, given, phone string) string {
		return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"Example","given":[%q]}],"birthDate":"1970-02-03","telecom":[{"system":"phone","value":%q}]}`, id, given, phone)
	}
	down := true
	b := ehr{"b", func(_ context.Context, q federation.Query) (federation.Page, error) {
		if down {
			return federation.Page{}, &concord.Fault{Op: "search", Kind: concord.Unavailable, Source: "b"}
		}
		if q.Type == fhir.TypePatient {
			return page(patient("twin", "Perdita", "6174245555"), patient("pb", "Person", "6174245555")), nil
		}
		return page(condition("2", "Patient/pb")), nil
	}}
	index := mpi.NewIndex(memstore.New())
	f, err := federation.New([]federation.Connector{ehr{"a", always(page(condition("1", "Patient/pa")), nil)}, b}, index, merge.NewEngine(merge.Default()), federation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Begin(t.Context(), nil).Identify(concord.NewPatientRef("a", "pa"))
	if err != nil || len(p.Refs()) != 1 {
		t.Fatalf("%v, %d records", err, len(p.Refs()))
	}
	ask := func() (int, string) {
		res, err := f.Begin(t.Context(), nil).Fetch(federation.Request{Person: p, Types: []fhir.ResourceType{"Condition"}})
		if err != nil {
			t.Fatal(err)
		}
		p = res.Person
		return len(res.Record.Entries), res.Outcomes[1].Status.String()
	}
	if n, status := ask(); n != 1 || status != "failed" {
		t.Errorf("while b is down: %d entries, b %s", n, status)
	}
	down = false
	if n, status := ask(); n != 2 || status != "ok" || len(p.Refs()) != 2 || p.Has(concord.NewPatientRef("b", "twin")) {
		t.Errorf("when b is back: %d entries, b %s, %d records", n, status, len(p.Refs()))
	}
}
