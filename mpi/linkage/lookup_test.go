package linkage_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/mpi"
	"concord/mpi/linkage"
	"concord/mpi/match"
	"concord/mpi/synthetic"
)

func TestIndexMatch(t *testing.T) {
	x, err := linkage.NewIndex(t.Context(), seq([]mpi.Demographics{
		person("epic", "1"),
		person("cerner", "2", named("Abernathy", "Quintin"), phone("617-555-2368")),
		person("athena", "3", named("Oyelaran", "Tunde"), born("1990-12-01"), bare),
		person("athena", "4", ssn("551-82-1346")),
	}), linkage.Options{Model: match.Default()})
	if err != nil {
		t.Fatal(err)
	}
	if x.Len() != 4 || x.Model().Version() != match.Default().Version() {
		t.Errorf("%d records, model %s", x.Len(), x.Model().Version())
	}
	found := func(d mpi.Demographics, least mpi.Grade) (out []concord.PatientRef) {
		for _, f := range x.Match(d, least) {
			out = append(out, f.Ref)
			if f.Decision.Grade < least || f.Decision.Rule == "" {
				t.Errorf("%+v", f.Decision)
			}
		}
		return out
	}
	ref := concord.NewPatientRef
	tests := []struct {
		name  string
		d     mpi.Demographics
		least mpi.Grade
		want  []concord.PatientRef
	}{
		{"certain", person("epic", "9", ssn("412-33-9078")), mpi.Certain, []concord.PatientRef{ref("epic", "1")}},
		{"probable", person("epic", "9", ssn("412-33-9078")), mpi.Probable, []concord.PatientRef{ref("epic", "1"), ref("cerner", "2")}},
		{"all", person("epic", "9", ssn("412-33-9078")), 0, []concord.PatientRef{ref("epic", "1"), ref("cerner", "2"), ref("athena", "4")}},
		{"not itself", person("epic", "1"), mpi.Certain, []concord.PatientRef{ref("athena", "4")}},
		{"nobody", person("epic", "9", named("Zuleger", "Bartholomea"), born("2001-02-03"), bare), 0, nil},
		{"who says nothing", mpi.Demographics{}, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, found(tt.d, tt.least), refs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Every record of the index is found by itself, however narrow the keys had to be made.
func TestIndexFindsWhatItHas(t *testing.T) {
	for _, block := range []int{5, 0} {
		x, err := linkage.NewIndex(t.Context(), synthetic.New(3).Records(1500), linkage.Options{Block: block, Model: match.Default()})
		if err != nil {
			t.Fatal(err)
		}
		missed := 0
		for _, d := range made(t, 3, 1500) {
			own := d.Ref
			d.Ref = concord.NewPatientRef("asker", "1")
			has := false
			for _, f := range x.Match(d, mpi.Probable) {
				has = has || f.Ref == own
			}
			if !has {
				missed++
			}
		}
		if missed > 0 {
			t.Errorf("blocks of %d: %d records are not found", block, missed)
		}
	}
}

func BenchmarkIndexMatch(b *testing.B) {
	n := size(b)
	x, err := linkage.NewIndex(b.Context(), synthetic.New(7).Records(n), linkage.Options{Model: match.Default()})
	if err != nil {
		b.Fatal(err)
	}
	all := made(b, 7, 1000)
	i := 0
	for b.Loop() {
		x.Match(all[i%len(all)], mpi.Probable)
		i++
	}
}
