package linkage_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"concord"
	"concord/mpi"
	"concord/mpi/linkage"
	"concord/mpi/match"
	"concord/mpi/synthetic"
)

var refs = cmpopts.EquateComparable(concord.PatientRef{})

// person is somebody with an address and a phone, changed by each of with.
func person(source concord.SourceID, id string, with ...func(*mpi.Demographics)) mpi.Demographics {
	d := mpi.Demographics{Ref: concord.NewPatientRef(source, id), Names: []mpi.Name{{Family: "Abernathy", Given: []string{"Quentin"}}}, BirthDate: "1961-04-17", Gender: "male",
		Phones: []string{"617-555-2368"}, Addresses: []mpi.Address{{Lines: []string{"12 Main Street"}, City: "Boston", State: "MA", PostalCode: "02118"}}}
	for _, w := range with {
		w(&d)
	}
	return d
}

func named(family, given string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) { d.Names = []mpi.Name{{Family: family, Given: []string{given}}} }
}
func born(date string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) { d.BirthDate = date }
}
func ssn(n string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) {
		d.Identifiers = append(d.Identifiers, mpi.Identifier{System: "http://hl7.org/fhir/sid/us-ssn", Value: n})
	}
}
func phone(p ...string) func(*mpi.Demographics) { return func(d *mpi.Demographics) { d.Phones = p } }
func at(line, zip string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) {
		d.Addresses = []mpi.Address{{Lines: []string{line}, City: "Boston", State: "MA", PostalCode: zip}}
	}
}
func bare(d *mpi.Demographics) { d.Phones, d.Emails, d.Addresses = nil, nil, nil }

// who are the members of each person, as source and place, those that are likely behind a question mark.
func who(r linkage.Result) (out [][]string) {
	for _, p := range r.Persons {
		var ids []string
		for _, m := range p.Members {
			ids = append(ids, string(m.Ref.Source)+m.Ref.Reveal())
		}
		for _, m := range p.Likely {
			ids = append(ids, "?"+string(m.Ref.Source)+m.Ref.Reveal())
		}
		out = append(out, ids)
	}
	return out
}

func TestLink(t *testing.T) {
	tests := []struct {
		name    string
		records []mpi.Demographics
		repeats []concord.SourceID
		want    [][]string
		rules   []string // of the pairs for review
	}{
		{"nobody", nil, nil, nil, nil},
		{"one", []mpi.Demographics{person("epic", "1")}, nil, [][]string{{"epic1"}}, nil},
		{"one at two sources", []mpi.Demographics{person("epic", "1"), person("cerner", "2")}, nil, [][]string{{"cerner2", "epic1"}}, nil},
		{"two strangers", []mpi.Demographics{person("epic", "1"), person("cerner", "2", named("Oyelaran", "Tunde"), born("1990-12-01"), bare)}, nil, [][]string{{"cerner2"}, {"epic1"}}, nil},
		{"two records of one source", []mpi.Demographics{person("epic", "1"), person("epic", "2")}, nil, [][]string{{"epic1", "?epic2"}, {"epic2"}}, []string{linkage.RuleOneSource}},
		{"two records of one source that may have several", []mpi.Demographics{person("epic", "1"), person("epic", "2")}, []concord.SourceID{"epic"}, [][]string{{"epic1", "epic2"}}, nil},
		{"a record that is as well either of two of a source", []mpi.Demographics{person("epic", "1"), person("epic", "2"), person("cerner", "3")}, nil,
			[][]string{{"cerner3", "?epic1", "?epic2"}, {"epic1"}, {"epic2"}}, []string{linkage.RuleContested, linkage.RuleContested, linkage.RuleOneSource}},
		{"a weak record between two that can't be one", []mpi.Demographics{person("epic", "1", ssn("412-33-9078")), person("cerner", "2"), person("athena", "3", ssn("551-82-1346"))}, nil,
			[][]string{{"athena3", "?cerner2"}, {"cerner2"}, {"epic1"}}, []string{linkage.RuleContested, linkage.RuleContested, match.RuleSSN}},
		{"the same ref twice", []mpi.Demographics{person("epic", "1", named("Oyelaran", "Tunde")), person("epic", "1"), person("cerner", "2")}, nil, [][]string{{"cerner2", "epic1"}}, nil},
		{"only probable", []mpi.Demographics{person("epic", "1", bare), person("cerner", "2", bare)}, nil, [][]string{{"cerner2", "?epic1"}, {"epic1"}}, []string{match.RuleUnbacked}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := linkage.Link(t.Context(), seq(tt.records), linkage.Options{Model: match.Default(), Repeats: tt.repeats})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, who(r)); diff != "" {
				t.Errorf("persons (-want +got):\n%s", diff)
			}
			var rules []string
			for _, p := range r.Review {
				rules = append(rules, p.Decision.Rule)
				if p.Decision.Grade == mpi.Certain || p.Decision.Model != r.Model.Version() {
					t.Errorf("for review: %+v", p.Decision)
				}
			}
			if diff := cmp.Diff(tt.rules, rules); diff != "" {
				t.Errorf("rules for review (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLinkFails(t *testing.T) {
	broken := errors.New("line 3")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name    string
		ctx     context.Context
		records iter.Seq2[mpi.Demographics, error]
		want    error
	}{
		{"records that end with an error", t.Context(), func(yield func(mpi.Demographics, error) bool) {
			if yield(person("epic", "1"), nil) {
				yield(mpi.Demographics{}, broken)
			}
		}, broken},
		{"a record of nobody", t.Context(), seq([]mpi.Demographics{{}}), concord.Invalid},
		{"nobody waits", gone, seq([]mpi.Demographics{person("epic", "1")}), concord.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := linkage.Link(tt.ctx, tt.records, linkage.Options{}); !errors.Is(err, tt.want) {
				t.Errorf("Link: %v", err)
			}
			if _, err := linkage.Learn(tt.ctx, tt.records, linkage.Options{}); !errors.Is(err, tt.want) {
				t.Errorf("Learn: %v", err)
			}
		})
	}
}

// crowd are records that resemble one another, so that much is uncertain.
func crowd() *rapid.Generator[[]mpi.Demographics] {
	pick := func(t *rapid.T, of string, all ...string) string { return rapid.SampledFrom(all).Draw(t, of) }
	one := rapid.Custom(func(t *rapid.T) mpi.Demographics {
		d := person(concord.SourceID(pick(t, "source", "epic", "cerner", "athena")), "",
			named(pick(t, "family", "Abernathy", "Abernatby", "Smith", "Oyelaran"), pick(t, "given", "Quentin", "Quintin", "Q", "Marie", "")),
			born(pick(t, "born", "1961-04-17", "1961-04-07", "1961", "1985-09-02", "")),
			phone(pick(t, "phone", "617-555-2368", "212-555-7777", "")),
			at(pick(t, "line", "12 Main Street", "12 Main St", "9 Elm Street", ""), pick(t, "zip", "02118", "02119", "")))
		if rapid.IntRange(0, 3).Draw(t, "identified") == 0 {
			ssn(pick(t, "ssn", "412-33-9078", "551-82-1346", "412-33-9079"))(&d)
		}
		if rapid.IntRange(0, 7).Draw(t, "suffixed") == 0 {
			d.Names[0].Suffix = []string{pick(t, "suffix", "Jr", "Sr")}
		}
		return d
	})
	return rapid.Custom(func(t *rapid.T) []mpi.Demographics {
		all := rapid.SliceOfN(one, 0, 24).Draw(t, "records")
		for i := range all {
			all[i].Ref = concord.NewPatientRef(all[i].Ref.Source, strconv.Itoa(i))
		}
		return all
	})
}

func TestOrderOfArrivalChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := crowd().Draw(t, "crowd")
		opts := linkage.Options{Block: rapid.SampledFrom([]int{0, 2, 5}).Draw(t, "block")}
		if rapid.Bool().Draw(t, "default model") {
			opts.Model = match.Default()
		}
		if rapid.Bool().Draw(t, "repeats") {
			opts.Repeats = []concord.SourceID{"epic"}
		}
		first, err := linkage.Link(t.Context(), seq(all), opts)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		second, err := linkage.Link(t.Context(), seq(all), opts)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second, refs, cmpopts.IgnoreFields(linkage.Result{}, "Model")); diff != "" {
			t.Fatalf("another order, another result:\n%s", diff)
		}
		if first.Model.Version() != second.Model.Version() {
			t.Fatal("another order, another model")
		}
		sound(t, first, all, opts)
	})
}

// sound checks what holds of every result: each record is of one person, members contradict none of the others, no source
// that has one record of a person has two in one, and every likely record is a member of another person.
func sound(t *rapid.T, r linkage.Result, all []mpi.Demographics, opts linkage.Options) {
	by := map[concord.PatientRef]mpi.Demographics{}
	for _, d := range all {
		by[d.Ref] = d
	}
	home := map[concord.PatientRef]int{}
	for i, p := range r.Persons {
		for j, a := range p.Members {
			if _, twice := home[a.Ref]; twice {
				t.Fatal("a record of two persons")
			}
			home[a.Ref] = i
			if a.Grade != mpi.Certain || a.Score < 0.9 || a.Rule == "" || (j == 0) != (a.Rule == mpi.RuleSeed) {
				t.Fatalf("member %d: %+v", j, a)
			}
			for _, b := range p.Members[:j] {
				if a.Ref.Source == b.Ref.Source && (len(opts.Repeats) == 0 || a.Ref.Source != opts.Repeats[0]) {
					t.Fatal("two records of one source")
				}
				if match.Compare(by[a.Ref], by[b.Ref]).Contradicts {
					t.Fatal("members that contradict one another")
				}
			}
		}
	}
	if len(home) != len(all) {
		t.Fatalf("%d of %d records are somebody", len(home), len(all))
	}
	likely := map[concord.PatientRef]bool{}
	for i, p := range r.Persons {
		for _, l := range p.Likely {
			if l.Grade != mpi.Probable || l.Score >= 0.9 || home[l.Ref] == i || likely[l.Ref] {
				t.Fatalf("likely: %+v", l)
			}
			likely[l.Ref] = true
		}
	}
}

func TestLearnIsForAnyOrder(t *testing.T) {
	all := made(t, 5, 600)
	version := func() string {
		m, err := linkage.Learn(t.Context(), seq(all), linkage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return m.Version()
	}
	first := version()
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if second := version(); first != second {
		t.Errorf("%s, and in another order %s", first, second)
	}
}

// What is known of the made-up people is found.
func TestPopulation(t *testing.T) {
	truth := map[concord.PatientRef]string{}
	p := synthetic.New(11)
	p.Truth = func(ref concord.PatientRef, person int) { truth[ref] = strconv.Itoa(person) }
	r, err := linkage.Link(t.Context(), p.Records(6000), linkage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	certain, probable := linkage.Evaluate(r.Pairs(mpi.Certain), truth), linkage.Evaluate(r.Pairs(mpi.Probable), truth)
	t.Logf("certain %+v\nprobable %+v\n%+v", certain, probable, r.Report)
	if certain.False > 0 || certain.Recall.Value < 0.85 || probable.F1.Value < 0.975 {
		t.Errorf("certain %+v\nprobable %+v", certain, probable)
	}
	if r.Report.Completeness < 0.99 || r.Report.Records != 6000 || r.Report.Compared == 0 {
		t.Errorf("%+v", r.Report)
	}
}

func TestMeasure(t *testing.T) {
	e := linkage.Measure(98, 2, 2)
	if e.Precision.Value != 0.98 || e.Recall.Value != 0.98 || e.F1.Value < 0.9799 || e.F1.Value > 0.9801 {
		t.Errorf("%+v", e)
	}
	for _, r := range []linkage.Rate{e.Precision, e.Recall, e.F1} {
		if r.Low >= r.Value || r.High <= r.Value || r.Low < 0.9 || r.High > 1 {
			t.Errorf("%+v", r)
		}
	}
	if e := linkage.Measure(0, 0, 0); e.Precision != (linkage.Rate{Value: 1, High: 1}) {
		t.Errorf("of nothing: %+v", e)
	}
}
