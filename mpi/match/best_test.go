package match_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
)

func is(source, localID string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) { d.Ref = concord.NewPatientRef(concord.SourceID(source), localID) }
}

func TestBest(t *testing.T) {
	target := john()
	exact := john(is("cerner", "2"))
	weaker := john(is("athena", "3"), bare, phones("617-555-2368"))
	twin := john(is("cerner", "4"), name("Abernathy", "Bartholomew"))
	namesake := john(is("cerner", "5"), bare)
	stranger := john(is("cerner", "6"), name("Oyelaran", "Tunde"), born("1990-12-01"), bare)
	second := john(is("cerner", "7"))
	oneSSN := john(is("cerner", "8"), ids(ssn("412-33-9078")))
	otherSSN := john(is("athena", "9"), ids(ssn("551-82-1346")))
	ref := func(ds ...mpi.Demographics) []concord.PatientRef {
		var out []concord.PatientRef
		for _, d := range ds {
			out = append(out, d.Ref)
		}
		return out
	}
	tests := []struct {
		name               string
		candidates, others []mpi.Demographics
		certain, review    []concord.PatientRef
	}{
		{"none", nil, nil, nil, nil},
		{"itself", []mpi.Demographics{john()}, nil, nil, nil},
		{"by grade and score", []mpi.Demographics{twin, namesake, weaker, stranger, exact}, nil, ref(exact, weaker), ref(namesake, twin)},
		{"found by two forms", []mpi.Demographics{exact, exact}, nil, ref(exact), nil},
		{"two of one source", []mpi.Demographics{second, exact}, nil, ref(exact, second), nil},
		{"two that contradict one another", []mpi.Demographics{oneSSN, otherSSN}, nil, nil, ref(otherSSN, oneSSN)},
		{"one that contradicts one of the person", []mpi.Demographics{oneSSN}, []mpi.Demographics{otherSSN}, nil, ref(oneSSN)},
		{"one that the person has", []mpi.Demographics{oneSSN}, []mpi.Demographics{oneSSN}, ref(oneSSN), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			certain, review := match.Best(target, tt.candidates, tt.others...)
			of := func(cs []mpi.Candidate) (out []concord.PatientRef) {
				for _, c := range cs {
					out = append(out, c.Ref())
					if c.Decision.Rule == "" || (c.Decision.Grade == 0) {
						t.Errorf("decision %+v", c.Decision)
					}
				}
				return out
			}
			if diff := cmp.Diff(tt.certain, of(certain), refs); diff != "" {
				t.Errorf("certain (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.review, of(review), refs); diff != "" {
				t.Errorf("for review (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBestKnowsNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := people().Draw(t, "target")
		target.Ref = concord.NewPatientRef("cerner", "0")
		var all []mpi.Demographics
		for i, d := range rapid.SliceOfN(people(), 0, 6).Draw(t, "candidates") {
			d.Ref = concord.NewPatientRef("epic", string(rune('a'+i)))
			all = append(all, d)
		}
		certain, review := match.Best(target, all)
		shuffled := slices.Clone(all)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		certain2, review2 := match.Best(target, shuffled)
		if diff := cmp.Diff([][]mpi.Candidate{certain, review}, [][]mpi.Candidate{certain2, review2}, refs); diff != "" {
			t.Fatalf("another order, another answer:\n%s", diff)
		}
		for _, c := range certain {
			if c.Decision.Grade != mpi.Certain {
				t.Fatalf("grade %v among the certain", c.Decision.Grade)
			}
		}
	})
}
