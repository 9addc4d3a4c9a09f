package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/internal/app"
	"concord/mpi"
	"concord/mpi/bulk"
	"concord/mpi/feed"
	"concord/mpi/linkage"
	"concord/mpi/memstore"
	"concord/mpi/synthetic"
)

// items are demographics as a file has them.
func items(all []mpi.Demographics) []bulk.File {
	return []bulk.File{{Name: "f", Items: func(yield func(feed.Item) bool) {
		for i, d := range all {
			if !yield(feed.Item{Line: i + 1, Demographics: d}) {
				return
			}
		}
	}}}
}

func made(tb testing.TB, n int) (all []mpi.Demographics) {
	tb.Helper()
	for d, err := range synthetic.New(3).Records(n) {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// fataler is a test, of testing or of rapid.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func importAll(tb fataler, s mpi.Backend, all []mpi.Demographics) bulk.Report {
	tb.Helper()
	r, err := bulk.Import(context.Background(), s, index, items(all), bulk.Options{Keys: app.BlockingKeys, Batch: 100})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// listed are the links, each person by its patients.
func listed(tb fataler, s mpi.Backend) []string {
	tb.Helper()
	rows, err := bulk.Links(context.Background(), s)
	if err != nil {
		tb.Fatal(err)
	}
	byPerson := map[mpi.PersonID][]string{}
	for _, r := range rows {
		byPerson[r.Person] = append(byPerson[r.Person], fmt.Sprintf("%s %s.%s %.2f", r.Grade, r.Ref.Source, r.Ref.Reveal(), r.Score))
	}
	var out []string
	for _, lines := range byPerson {
		for i, l := range lines { // which of a person's patients is the seed may differ
			lines[i] = strings.TrimSuffix(l, l[strings.LastIndexByte(l, ' '):])
		}
		slices.Sort(lines)
		out = append(out, strings.Join(lines, "\n"))
	}
	slices.Sort(out)
	return out
}

// Import gives what linking all of it at once gives, and a second one changes nothing.
func TestImport(t *testing.T) {
	all := made(t, 2000)
	s := openStore(t)
	r := importAll(t, s, all)
	if r.New != 2000 || r.Refused+r.Changed+r.Same != 0 || r.Persons >= 2000 || r.Queued == 0 {
		t.Errorf("%+v", r)
	}
	want, err := linkage.Link(t.Context(), func(yield func(mpi.Demographics, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}, linkage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, least := range []mpi.Grade{mpi.Certain, mpi.Probable} {
		pairs := map[[2]concord.PatientRef]bool{}
		for a, b := range want.Pairs(least) {
			pairs[[2]concord.PatientRef{a, b}] = true
		}
		rows, err := bulk.Links(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		got, n := map[mpi.PersonID][]concord.PatientRef{}, 0
		for _, row := range rows {
			if row.Grade >= least {
				got[row.Person] = append(got[row.Person], row.Ref)
			}
		}
		seen := map[[2]concord.PatientRef]bool{}
		for _, refs := range got {
			slices.SortFunc(refs, mpi.CompareRefs)
			for i := range refs {
				for j := range i {
					p := [2]concord.PatientRef{refs[j], refs[i]}
					if !seen[p] {
						seen[p] = true
						if pairs[p] || pairs[[2]concord.PatientRef{p[1], p[0]}] {
							n++
						}
					}
				}
			}
		}
		if n < len(pairs)*999/1000 || len(seen) > len(pairs)*1001/1000 {
			t.Errorf("%s: %d pairs are listed, %d of those %d that linking gives", least, len(seen), n, len(pairs))
		}
	}
	before := listed(t, s)
	again := importAll(t, s, all)
	if again.Same != 2000 || again.New+again.Changed+again.Queued != 0 {
		t.Errorf("again: %+v", again)
	}
	if diff := cmp.Diff(before, listed(t, s)); diff != "" {
		t.Errorf("the second import changed links (-before +after):\n%s", diff)
	}
}

// What is imported, in which order and in how many files, makes no difference in the end.
func TestAnyOrder(t *testing.T) {
	all := made(t, 50)
	want := memstore.New()
	importAll(t, want, all)
	links := listed(t, want)
	rapid.Check(t, func(t *rapid.T) {
		s := memstore.New()
		rest := rapid.Permutation(all).Draw(t, "order")
		for len(rest) > 0 {
			n := rapid.IntRange(1, len(rest)).Draw(t, "file")
			if n < len(rest)/4 {
				n = len(rest)
			}
			importAll(t, s, rest[:n])
			rest = rest[n:]
		}
		if diff := cmp.Diff(links, listed(t, s)); diff != "" {
			t.Fatalf("(-at once +by and by):\n%s", diff)
		}
	})
}

// failing is a store that fails after so many changes.
type failing struct {
	mpi.Backend

	left int
}

var errFull = errors.New("the disk is full")

func (f *failing) Apply(ctx context.Context, c mpi.Change) ([]mpi.Person, error) {
	if f.left--; f.left < 0 {
		return nil, &concord.Fault{Op: "mpi put", Kind: concord.Unavailable, Err: errFull}
	}
	return f.Backend.Apply(ctx, c)
}

// An import that was broken off anywhere is made again, and comes to the same.
func TestBrokenOff(t *testing.T) {
	all := made(t, 600)
	want := memstore.New()
	importAll(t, want, all)
	links := listed(t, want)
	for left := range 8 {
		s := memstore.New()
		_, err := bulk.Import(t.Context(), &failing{s, left}, index, items(all), bulk.Options{Keys: app.BlockingKeys, Batch: 100})
		if left < 7 && !errors.Is(err, errFull) {
			t.Fatalf("after %d changes: %v", left, err)
		}
		r := importAll(t, s, all)
		if left > 0 && r.Same == 0 {
			t.Errorf("after %d changes nothing was there", left)
		}
		if diff := cmp.Diff(links, listed(t, s)); diff != "" {
			t.Errorf("after %d changes (-want +got):\n%s", left, diff)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bulk.Import(ctx, memstore.New(), index, items(all), bulk.Options{Keys: app.BlockingKeys}); !errors.Is(err, concord.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func one(id, family, given, born, gender string) mpi.Demographics {
	return mpi.Demographics{Ref: concord.NewPatientRef("epic", id), Names: []mpi.Name{{Family: family, Given: []string{given}}}, BirthDate: born, Gender: gender}
}

func TestChanges(t *testing.T) {
	s := memstore.New()
	first := []mpi.Demographics{one("1", "Abernathy", "Quentin", "1961-04-17", "male"), one("2", "Okafor", "Ngozi", "1980-01-02", "female"), one("3", "Lindqvist", "Astrid", "1975-05-06", "female")}
	importAll(t, s, first)
	married, overlaid := one("2", "Silva", "Ngozi", "1980-01-02", "female"), one("3", "Petrov", "Ivan", "1944-11-12", "male")
	moved := one("1", "Abernathy", "Quentin", "1961-04-17", "male")
	moved.ReplacedBy = "Patient/4"
	twice := one("2", "Another", "Human", "1999-09-09", "male")
	var refused []string
	r, err := bulk.Import(t.Context(), s, index, items([]mpi.Demographics{married, overlaid, moved, one("4", "Abernathy", "Quentin", "1961-04-17", "male"), twice}), bulk.Options{
		Keys: app.BlockingKeys, Refused: func(file string, i feed.Item) { refused = append(refused, fmt.Sprint(file, i.Line, i.Refused)) }})
	if err != nil {
		t.Fatal(err)
	}
	if r.New != 1 || r.Changed != 2 || r.Frozen != 1 || r.Refused != 1 || !slices.Equal(refused, []string{"f5" + string(feed.Twice)}) {
		t.Errorf("%+v, refused %v", r, refused)
	}
	if k, err := s.Record(t.Context(), married.Ref); err != nil || k.Demographics.Names[0].Family != "Silva" {
		t.Error("a changed record is not renewed")
	}
	if k, err := s.Record(t.Context(), overlaid.Ref); err != nil || k.Demographics.Names[0].Family != "Lindqvist" {
		t.Error("an overlaid record is renewed")
	}
	if p, err := s.ByRef(t.Context(), overlaid.Ref); err != nil || p.Has(overlaid.Ref) {
		t.Error("an overlaid record is not frozen")
	}
	p, err := s.ByRef(t.Context(), moved.Ref)
	if err != nil || !p.Has(concord.NewPatientRef("epic", "4")) {
		t.Errorf("the source's own merge is not followed: %v", err)
	}
	importAll(t, s, []mpi.Demographics{overlaid})
	if p, err := s.ByRef(t.Context(), overlaid.Ref); err != nil || p.Has(overlaid.Ref) {
		t.Error("a second import thaws it")
	}
}

// What somebody has decided is not undone by an import.
func TestDecisionsHold(t *testing.T) {
	all := made(t, 300)
	s := memstore.New()
	importAll(t, s, all)
	x := index(s).By("somebody")
	var split, joined concord.PatientRef
	for p, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Links) > 1 {
			split = p.Links[1].Ref
			if _, _, err := x.Unlink(t.Context(), p.ID, split); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	for r, err := range s.Reviews(t.Context(), mpi.ReviewOpen, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Resolve(t.Context(), r.Number, mpi.ReviewLinked); err == nil {
			joined = r.A
			break
		}
	}
	if split.IsZero() || joined.IsZero() {
		t.Fatal("there is nothing to decide")
	}
	before := listed(t, s)
	importAll(t, s, all)
	importAll(t, s, made(t, 310)[300:])
	alone, err := s.ByRef(t.Context(), split)
	if err != nil || len(alone.Refs()) != 1 {
		t.Error("what was unlinked is linked again")
	}
	if p, err := s.ByRef(t.Context(), joined); err != nil || len(p.Refs()) < 2 {
		t.Error("what was linked is apart again")
	}
	if after := listed(t, s); len(after) < len(before) {
		t.Errorf("%d persons of %d", len(after), len(before))
	}
}

// keyless keeps no demographics.
type keyless struct{ mpi.Backend }

func (keyless) Keeps() bool { return false }

func TestNothingKept(t *testing.T) {
	if _, err := bulk.Import(t.Context(), keyless{memstore.New()}, index, nil, bulk.Options{Keys: app.BlockingKeys}); !errors.Is(err, concord.Unsupported) {
		t.Errorf("%v", err)
	}
}

// How accurate an import of a public set is, by what Links lists, as one source and as two. FEBRL's records carry no number
// that is a social security number.
func TestPublishedSets(t *testing.T) {
	for _, tt := range []struct {
		file string
		f1   float64
	}{{"dataset1.csv.gz", 0.994}, {"dataset2.csv.gz", 0.993}} {
		for _, two := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, two sources %t", tt.file, two), func(t *testing.T) {
				var all []mpi.Demographics
				truth := map[concord.PatientRef]string{}
				f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "mpi", "febrl", tt.file))
				if err != nil {
					t.Skip("the published set is not here")
				}
				defer f.Close() //nolint:errcheck // read only
				for i := range feed.Read(f, "org", feed.CSV) {
					if i.Refused != "" {
						t.Fatalf("line %d: %s", i.Line, i.Refused)
					}
					d := i.Demographics
					id := d.Ref.Reveal()
					if two && strings.Contains(id, "dup") {
						d.Ref = concord.NewPatientRef("dup", id)
					}
					all = append(all, d)
					truth[d.Ref] = strings.Split(id, "-")[1]
				}
				s := memstore.New()
				importAll(t, s, all)
				rows, err := bulk.Links(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				for _, least := range []mpi.Grade{mpi.Certain, mpi.Probable, mpi.Possible} {
					e := evaluate(rows, least, truth)
					t.Logf("%s and above: precision %.4f, recall %.4f, F1 %.4f", least, e.Precision.Value, e.Recall.Value, e.F1.Value)
					if least == mpi.Certain && e.Precision.Value < 0.9995 || least < mpi.Certain && e.F1.Value < tt.f1 {
						t.Errorf("%s: not accurate enough", least)
					}
				}
			})
		}
	}
}

// evaluate takes all patients that are listed under one person for one human.
func evaluate(rows []bulk.Row, least mpi.Grade, truth map[concord.PatientRef]string) linkage.Evaluation {
	byPerson := map[mpi.PersonID][]concord.PatientRef{}
	for _, r := range rows {
		if r.Grade >= least {
			byPerson[r.Person] = append(byPerson[r.Person], r.Ref)
		}
	}
	return linkage.Evaluate(func(yield func(a, b concord.PatientRef) bool) {
		seen := map[[2]concord.PatientRef]bool{}
		for _, refs := range byPerson {
			slices.SortFunc(refs, mpi.CompareRefs)
			for i := range refs {
				for j := range i {
					if p := [2]concord.PatientRef{refs[j], refs[i]}; !seen[p] {
						seen[p] = true
						if !yield(p[0], p[1]) {
							return
						}
					}
				}
			}
		}
	}, truth)
}
