package federation_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/mpi/memstore"
)

// site is a connector whose every answer a test makes.
type site struct {
	name   concord.SourceID
	budget time.Duration
	search func(context.Context, federation.Query) (federation.Page, error)
	read   func(context.Context, fhir.ResourceType, string) (fhir.Resource, error)
}

func (s site) About() federation.About {
	return federation.About{Source: s.name, Base: "https://" + string(s.name) + ".example.org/r4", Budget: s.budget}
}
func (s site) Supports(t fhir.ResourceType) bool { return t != "Goal" }
func (s site) Search(ctx context.Context, q federation.Query) (federation.Page, error) {
	return s.search(ctx, q)
}
func (s site) Read(ctx context.Context, t fhir.ResourceType, id string) (fhir.Resource, error) {
	return s.read(ctx, t, id)
}

// somebody is a Patient who is the same human everywhere.
func somebody(id string) fhir.Resource {
	return parse(fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"Example","given":["Person"]}],"birthDate":"1970-02-03","telecom":[{"system":"phone","value":"6174245555"}]}`, id))
}

// plain answers as a healthy EHR that knows one patient with one Condition.
func plain(name concord.SourceID, patient string) site {
	return site{name: name, budget: 300 * time.Millisecond,
		search: func(_ context.Context, q federation.Query) (federation.Page, error) {
			if q.Type == fhir.TypePatient {
				return federation.Page{Matches: []fhir.Resource{somebody(patient)}}, nil
			}
			return page(condition("c-"+patient, "Patient/"+patient)), nil
		},
		read: func(_ context.Context, t fhir.ResourceType, id string) (fhir.Resource, error) {
			if t != fhir.TypePatient || id != patient {
				return fhir.Resource{}, &concord.Fault{Op: "read", Kind: concord.NotFound, Source: name}
			}
			return somebody(id), nil
		}}
}

// federate is a Federator over connectors, and its index.
func federate(t *testing.T, sources ...federation.Connector) (*federation.Federator, *mpi.Index) {
	t.Helper()
	index := mpi.NewIndex(memstore.New())
	f, err := federation.New(sources, index, merge.NewEngine(merge.Default()), federation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f, index
}

func statuses(all []federation.Outcome) (out []string) {
	for _, o := range all {
		s := string(o.Source) + " " + o.Status.String()
		if o.Fault != nil {
			s += " " + o.Fault.Kind.String()
		}
		out = append(out, s)
	}
	return out
}

func TestSourcesDiffer(t *testing.T) {
	_, err := federation.New([]federation.Connector{plain("a", "1"), plain("a", "2")}, nil, nil, federation.Options{})
	if !errors.Is(err, concord.Invalid) {
		t.Errorf("got %v", err)
	}
}

// TestLookedForOnce: within one request a source is looked through for a person once, whatever is asked.
func TestLookedForOnce(t *testing.T) {
	var finds, reads atomic.Int64
	b := plain("b", "pb")
	inner := b.search
	b.search = func(ctx context.Context, q federation.Query) (federation.Page, error) {
		if q.Type == fhir.TypePatient {
			finds.Add(1)
			return federation.Page{}, &concord.Fault{Op: "search", Kind: concord.Forbidden, Source: "b"}
		}
		return inner(ctx, q)
	}
	a := plain("a", "pa")
	readA := a.read
	a.read = func(ctx context.Context, t fhir.ResourceType, id string) (fhir.Resource, error) {
		reads.Add(1)
		return readA(ctx, t, id)
	}
	f, _ := federate(t, a, b)
	s := f.Begin(t.Context(), nil)
	p, err := s.Identify(concord.NewPatientRef("a", "pa"))
	if err != nil {
		t.Fatal(err)
	}
	asked := finds.Load()
	res, err := s.Fetch(federation.Request{Person: p, Types: []fhir.ResourceType{"Condition", "Observation"}})
	if err != nil {
		t.Fatal(err)
	}
	u := s.Patients(p)
	if asked == 0 || finds.Load() != asked || reads.Load() != 1 {
		t.Errorf("%d searches, then %d; %d reads", asked, finds.Load(), reads.Load())
	}
	if d := cmp.Diff([]string{"a ok", "a partial", "b failed forbidden", "b failed forbidden"}, statuses(res.Outcomes)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a ok", "b failed forbidden"}, statuses(u.Outcomes)); d != "" {
		t.Error(d)
	}
}

// TestKeep: what belongs to the answer is decided for the person with all patients that were found meanwhile.
func TestKeep(t *testing.T) {
	f, index := federate(t, plain("a", "pa"), plain("b", "pb"))
	p, err := index.Register(t.Context(), mpi.Demographics{Ref: concord.NewPatientRef("a", "pa")})
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	res, err := f.Begin(t.Context(), nil).Fetch(federation.Request{Person: p, Types: []fhir.ResourceType{"Condition"},
		Keep: func(p mpi.Person) func(merge.Copy) bool {
			records = len(p.Refs())
			return func(c merge.Copy) bool { return c.Source == "b" }
		}})
	if err != nil || records != 2 || len(res.Record.Entries) != 1 || res.Record.Entries[0].Survivor.Source != "b" {
		t.Errorf("%v, %d records, %d entries", err, records, len(res.Record.Entries))
	}
	if res.Outcomes[0].Resources != 0 || res.Outcomes[1].Resources != 1 {
		t.Errorf("kept %d and %d", res.Outcomes[0].Resources, res.Outcomes[1].Resources)
	}
}

// TestIncluded: of what comes along only a Provenance that was asked for is taken.
func TestIncluded(t *testing.T) {
	const provenance = `{"resourceType":"Provenance","id":"v","target":[{"reference":"Condition/c"}]}`
	for _, c := range []struct {
		name, along string
		asked       bool
		status      string
		n           int
	}{
		{"asked", provenance, true, "a ok", 1},
		{"not asked", provenance, false, "a partial", 0},
		{"another type", `{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/other"}}`, true, "a partial", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := plain("a", "pa")
			a.search = always(federation.Page{Matches: []fhir.Resource{parse(condition("c", "Patient/pa"))}, Included: []fhir.Resource{parse(c.along)}}, nil)
			f, index := federate(t, a)
			p, err := index.Register(t.Context(), mpi.Demographics{Ref: concord.NewPatientRef("a", "pa")})
			if err != nil {
				t.Fatal(err)
			}
			res, err := f.Begin(t.Context(), nil).Fetch(federation.Request{Person: p, Types: []fhir.ResourceType{"Condition"}, Provenance: c.asked})
			if err != nil || len(res.Included) != c.n {
				t.Errorf("%v, %d included", err, len(res.Included))
			}
			if d := cmp.Diff([]string{c.status}, statuses(res.Outcomes)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestBudget: a source has what is left of its own budget and of the request's time, and is not asked when that is used up.
func TestBudget(t *testing.T) {
	var end time.Time
	calls := 0
	a := plain("a", "pa")
	a.budget = time.Hour
	a.read = func(ctx context.Context, t fhir.ResourceType, id string) (fhir.Resource, error) {
		calls++
		end, _ = ctx.Deadline()
		return somebody(id), nil
	}
	f, _ := federate(t, a)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, _, err := f.Begin(ctx, nil).ReadCopy("a", fhir.TypePatient, "pa"); err != nil {
		t.Fatal(err)
	}
	whole, _ := ctx.Deadline()
	if left := whole.Sub(end); left < 50*time.Millisecond || left > time.Second {
		t.Errorf("a reserve of %v", left)
	}
	ended, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, o, err := f.Begin(ended, nil).ReadCopy("a", fhir.TypePatient, "pa")
	if !errors.Is(err, concord.Timeout) || o.Status != federation.Failed || calls != 1 {
		t.Errorf("%v, %v, %d calls", err, o.Status, calls)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := f.Begin(gone, nil).Fetch(federation.Request{Person: mpi.Person{ID: "p", Links: []mpi.Link{{Ref: concord.NewPatientRef("a", "pa"), Grade: mpi.Certain}}}, Types: []fhir.ResourceType{"Condition"}}); !errors.Is(err, concord.Canceled) {
		t.Errorf("a caller that is gone: %v", err)
	}
}

// TestSeedOfTheOther: while one of two EHRs that know a person hangs, the third is looked through by what the other says.
func TestSeedOfTheOther(t *testing.T) {
	a := plain("a", "pa")
	a.read = func(ctx context.Context, _ fhir.ResourceType, _ string) (fhir.Resource, error) {
		<-ctx.Done()
		return fhir.Resource{}, ctx.Err()
	}
	f, index := federate(t, a, plain("b", "pb"), plain("c", "pc"))
	p, err := index.Register(t.Context(), mpi.Demographics{Ref: concord.NewPatientRef("a", "pa")})
	if err != nil {
		t.Fatal(err)
	}
	if p, err = index.Link(t.Context(), p.ID, concord.NewPatientRef("b", "pb")); err != nil {
		t.Fatal(err)
	}
	u := f.Begin(t.Context(), nil).Patients(p)
	if d := cmp.Diff([]string{"a failed timeout", "b ok", "c ok"}, statuses(u.Outcomes)); d != "" {
		t.Error(d)
	}
	if len(u.Copies) != 2 || !u.Person.Has(concord.NewPatientRef("c", "pc")) {
		t.Errorf("%d copies, %d records", len(u.Copies), len(u.Person.Refs()))
	}
}

// TestDecided: a patient whom somebody has taken out of a person leaves no gap in the person's record.
func TestDecided(t *testing.T) {
	f, index := federate(t, plain("a", "pa"), plain("b", "pb"))
	p, err := f.Begin(t.Context(), nil).Identify(concord.NewPatientRef("a", "pa"))
	if err != nil || len(p.Refs()) != 2 {
		t.Fatalf("%v, %d records", err, len(p.Refs()))
	}
	kept, _, err := index.Unlink(t.Context(), p.ID, concord.NewPatientRef("b", "pb"))
	if err != nil {
		t.Fatal(err)
	}
	u := f.Begin(t.Context(), nil).Patients(kept)
	if d := cmp.Diff([]string{"a ok", "b ok"}, statuses(u.Outcomes)); d != "" || len(u.Copies) != 1 {
		t.Errorf("%d copies %s", len(u.Copies), d)
	}
}

// TestIdentifyWho: whom a source's patient is, when the source has something to say about that.
func TestIdentifyWho(t *testing.T) {
	a := plain("a", "new")
	read := a.read
	a.read = func(ctx context.Context, t fhir.ResourceType, id string) (fhir.Resource, error) {
		switch id {
		case "old":
			return fhir.Resource{}, &concord.Fault{Op: "read", Kind: concord.Moved, Source: "a", Err: &federation.MovedTo{Ref: concord.NewPatientRef("a", "new")}}
		case "stray":
			return fhir.Resource{}, &concord.Fault{Op: "read", Kind: concord.Moved, Source: "a", Err: &federation.MovedTo{Ref: concord.NewPatientRef("b", "new")}}
		case "mixed-up":
			return somebody("new"), nil
		}
		return read(ctx, t, id)
	}
	f, _ := federate(t, a)
	for _, c := range []struct {
		id   string
		kind concord.Kind
	}{{"new", concord.Unknown}, {"old", concord.Unknown}, {"stray", concord.Moved}, {"mixed-up", concord.Malformed}, {"nobody", concord.NotFound}} {
		t.Run(c.id, func(t *testing.T) {
			p, err := f.Begin(t.Context(), nil).Identify(concord.NewPatientRef("a", c.id))
			if concord.KindOf(err) != c.kind {
				t.Fatalf("got %v", err)
			}
			if err == nil && !p.Has(concord.NewPatientRef("a", "new")) {
				t.Error("another patient")
			}
		})
	}
	if _, err := f.Begin(t.Context(), nil).Identify(concord.NewPatientRef("nowhere", "1")); !errors.Is(err, concord.NotFound) {
		t.Errorf("an unknown source: %v", err)
	}
}

// TestFind: people are found once however many of their EHRs find them, too many are refused, and who fails is told of.
func TestFind(t *testing.T) {
	b := plain("b", "pb")
	f, _ := federate(t, plain("a", "pa"), b)
	people, outcomes, err := f.Begin(t.Context(), nil).Find(federation.Find{Most: 5})
	if err != nil || len(people) != 1 || len(people[0].Refs()) != 2 {
		t.Errorf("%v, %d people", err, len(people))
	}
	if d := cmp.Diff([]string{"a ok", "b ok"}, statuses(outcomes)); d != "" {
		t.Error(d)
	}
	if _, _, err := f.Begin(t.Context(), nil).Find(federation.Find{Most: 0}); !errors.Is(err, concord.Invalid) {
		t.Errorf("too many: %v", err)
	}
	if people, _, err := f.Begin(t.Context(), nil).Find(federation.Find{Most: 5, Keep: func(merge.Copy) bool { return false }}); err != nil || len(people) != 0 {
		t.Errorf("nobody: %v, %d people", err, len(people))
	}
	b.search = func(context.Context, federation.Query) (federation.Page, error) { panic("Secret") }
	f, _ = federate(t, plain("a", "pa"), b)
	people, outcomes, err = f.Begin(t.Context(), nil).Find(federation.Find{Most: 5})
	if d := cmp.Diff([]string{"a ok", "b failed internal"}, statuses(outcomes)); d != "" || err != nil || len(people) != 1 {
		t.Errorf("%v, %d people %s", err, len(people), d)
	}
}

// TestFindWhileOneHangs: what the others have of those who were found is read before the time is up.
func TestFindWhileOneHangs(t *testing.T) {
	a, b, c := plain("a", "pa"), plain("b", "pb"), plain("c", "pc")
	find := b.search
	b.search = func(ctx context.Context, q federation.Query) (federation.Page, error) {
		if len(q.Params) == 1 { // the search that is under test: b does not find the person by it
			return federation.Page{}, nil
		}
		return find(ctx, q)
	}
	c.search = func(ctx context.Context, _ federation.Query) (federation.Page, error) {
		<-ctx.Done()
		return federation.Page{}, ctx.Err()
	}
	f, _ := federate(t, a, b, c)
	s := f.Begin(t.Context(), nil)
	people, outcomes, err := s.Find(federation.Find{Most: 5, Params: []federation.Param{{Key: "family", Value: "Example"}}})
	if d := cmp.Diff([]string{"a ok", "b ok", "c failed timeout"}, statuses(outcomes)); d != "" || err != nil || len(people) != 1 {
		t.Fatalf("%v, %d people %s", err, len(people), d)
	}
	u := s.Patients(people[0])
	if d := cmp.Diff([]string{"a ok", "b ok", "c failed timeout"}, statuses(u.Outcomes)); d != "" || len(u.Copies) != 2 {
		t.Errorf("%d copies %s", len(u.Copies), d)
	}
}

// TestReadCopy: a resource other than the one that was asked for is none, and a fault is the source's own.
func TestReadCopy(t *testing.T) {
	a := plain("a", "pa")
	a.read = func(_ context.Context, _ fhir.ResourceType, id string) (fhir.Resource, error) {
		switch id {
		case "good":
			return parse(condition("good", "Patient/pa")), nil
		case "foreign":
			return fhir.Resource{}, &concord.Fault{Op: "read", Kind: concord.Forbidden, Source: "z"}
		case "zero":
			return fhir.Resource{}, nil
		}
		return parse(condition("another", "Patient/pa")), nil
	}
	f, _ := federate(t, a)
	for _, c := range []struct {
		source concord.SourceID
		typ    fhir.ResourceType
		id     string
		kind   concord.Kind
	}{
		{"a", "Condition", "good", concord.Unknown}, {"a", "Condition", "other", concord.Malformed}, {"a", "Observation", "good", concord.Malformed},
		{"a", "Condition", "zero", concord.Malformed}, {"a", "Condition", "foreign", concord.Forbidden}, {"a", "Goal", "good", concord.NotFound}, {"z", "Condition", "good", concord.NotFound},
	} {
		t.Run(string(c.source)+" "+string(c.typ)+" "+c.id, func(t *testing.T) {
			got, o, err := f.Begin(t.Context(), nil).ReadCopy(c.source, c.typ, c.id)
			if concord.KindOf(err) != c.kind || o.Complete() != (err == nil) || o.Source != c.source {
				t.Errorf("%v, %v", err, o.Status)
			}
			if o.Fault != nil && o.Fault.Source != c.source {
				t.Errorf("a fault of %s", o.Fault.Source)
			}
			if err != nil && got.Resource != (fhir.Resource{}) {
				t.Error("something beside the error")
			}
		})
	}
	if !f.Supports("a", "Condition") || f.Supports("a", "Goal") || f.Supports("z", "Condition") {
		t.Error("what is supported")
	}
}
