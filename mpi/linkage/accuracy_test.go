package linkage_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concord"
	"concord/mpi"
	"concord/mpi/linkage"
	"concord/mpi/match"
)

// published is where the public sets are, beside the repository.
var published = filepath.Join("..", "..", "..", "shared", "data", "mpi")

// rows reads a CSV file, each row by the header's names.
func rows(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(published, name))
	if err != nil {
		t.Skipf("the published set %s is not here", name)
	}
	defer f.Close() //nolint:errcheck // read only
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	c := csv.NewReader(in)
	c.TrimLeadingSpace = true
	all, err := c.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, r := range all[1:] {
		row := map[string]string{}
		for i, h := range all[0] {
			row[strings.TrimSpace(h)] = strings.TrimSpace(r[i])
		}
		out = append(out, row)
	}
	return out
}

func seq(all []mpi.Demographics) iter.Seq2[mpi.Demographics, error] {
	return func(yield func(mpi.Demographics, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// febrl are the records of a FEBRL file, without their social security numbers, and whose they are.
func febrl(t *testing.T, name string) (all []mpi.Demographics, truth map[concord.PatientRef]string) {
	truth = map[concord.PatientRef]string{}
	for _, r := range rows(t, name) {
		d := mpi.Demographics{Ref: concord.NewPatientRef("febrl", r["rec_id"]), BirthDate: r["date_of_birth"],
			Names:     []mpi.Name{{Family: r["surname"], Given: some(r["given_name"])}},
			Addresses: []mpi.Address{{Lines: some(strings.TrimSpace(r["street_number"]+" "+r["address_1"]), r["address_2"]), City: r["suburb"], State: r["state"], PostalCode: r["postcode"]}}}
		all = append(all, d)
		truth[d.Ref] = strings.Split(r["rec_id"], "-")[1]
	}
	return all, truth
}

func some(all ...string) (out []string) {
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func link(t *testing.T, all []mpi.Demographics, source concord.SourceID) linkage.Result {
	t.Helper()
	r, err := linkage.Link(t.Context(), seq(all), linkage.Options{Repeats: []concord.SourceID{source}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func line(t *testing.T, set, grade string, e linkage.Evaluation) {
	t.Helper()
	rate := func(r linkage.Rate) string { return fmt.Sprintf("%.4f (%.4f–%.4f)", r.Value, r.Low, r.High) }
	t.Logf("%-12s %-9s precision %s  recall %s  F1 %s  right %d false %d missed %d", set, grade, rate(e.Precision), rate(e.Recall), rate(e.F1), e.Right, e.False, e.Missed)
}

// How accurate linking is on public sets, without social security numbers and without having seen who is who. F1 is that of
// certain and probable links together. Run with -v for the table.
func TestAccuracy(t *testing.T) {
	for _, set := range []struct {
		name, file string
		f1         float64
	}{{"FEBRL 1", "febrl/dataset1.csv.gz", 0.994}, {"FEBRL 2", "febrl/dataset2.csv.gz", 0.993}} {
		t.Run(set.name, func(t *testing.T) {
			all, truth := febrl(t, set.file)
			measure(t, set.name, link(t, all, "febrl"), truth, set.f1)
		})
	}
	t.Run("fake_1000", func(t *testing.T) {
		all, truth := fake(t)
		r := link(t, all, "splink")
		measure(t, "fake_1000", r, truth, 0.9)
		labelled(t, r)
	})
	t.Run("RecordLinker", recordLinker)
}

func measure(t *testing.T, set string, r linkage.Result, truth map[concord.PatientRef]string, f1 float64) {
	t.Helper()
	certain, probable := linkage.Evaluate(r.Pairs(mpi.Certain), truth), linkage.Evaluate(r.Pairs(mpi.Probable), truth)
	line(t, set, "certain", certain)
	line(t, set, "probable", probable)
	t.Logf("%d of %d pairs compared, completeness %.4f, %d pairs for review", r.Report.Compared, r.Report.Records*(r.Report.Records-1)/2, r.Report.Completeness, len(r.Review))
	if probable.F1.Value < f1 {
		t.Errorf("F1 %.4f, want %.4f", probable.F1.Value, f1)
	}
	if certain.Precision.Value < 0.9995 {
		t.Errorf("precision of certain links %.4f, want 0.9995", certain.Precision.Value)
	}
}

// fake are the records of Splink's fake_1000, and whose they are.
func fake(t *testing.T) (all []mpi.Demographics, truth map[concord.PatientRef]string) {
	truth = map[concord.PatientRef]string{}
	for _, r := range rows(t, "splink/fake_1000.csv") {
		d := mpi.Demographics{Ref: concord.NewPatientRef("splink", r["unique_id"]), BirthDate: r["dob"], Names: []mpi.Name{{Family: r["surname"], Given: some(r["first_name"])}},
			Emails: some(r["email"]), Addresses: []mpi.Address{{City: r["city"]}}}
		all = append(all, d)
		truth[d.Ref] = r["cluster"]
	}
	return all, truth
}

// labelled compares the result with the pairs that were judged by people.
func labelled(t *testing.T, r linkage.Result) {
	t.Helper()
	for _, grade := range []mpi.Grade{mpi.Certain, mpi.Probable} {
		found := map[[2]concord.PatientRef]bool{}
		for a, b := range r.Pairs(grade) {
			found[[2]concord.PatientRef{a, b}], found[[2]concord.PatientRef{b, a}] = true, true
		}
		right, wrong, missed := 0, 0, 0
		for _, l := range rows(t, "splink/fake_1000_labels.csv") {
			linked := found[[2]concord.PatientRef{concord.NewPatientRef("splink", l["unique_id_l"]), concord.NewPatientRef("splink", l["unique_id_r"])}]
			switch same := strings.HasPrefix(l["clerical_match_score"], "1"); {
			case linked && same:
				right++
			case linked:
				wrong++
			case same:
				missed++
			}
		}
		line(t, "its labels", grade.String(), linkage.Measure(right, wrong, missed))
	}
}

// recordLinker gives each test case of the CDC's RecordLinker to an index of its seed: it is found when the person that it is
// made of is the likeliest of all. Those whose expected result is possible_match are for review, and not counted; many of the
// others differ from what is said of a match in the social security number alone, which is not looked at here.
func recordLinker(t *testing.T) {
	patient := func(source concord.SourceID, id string, r map[string]string) mpi.Demographics {
		return mpi.Demographics{Ref: concord.NewPatientRef(source, id), BirthDate: r["BIRTHDATE"], Gender: r["GENDER"],
			Names:     []mpi.Name{{Family: r["LAST"], Given: some(r["FIRST"]), Suffix: some(r["SUFFIX"])}, {Family: r["MAIDEN"], Use: "maiden", Old: true}},
			Addresses: []mpi.Address{{Lines: some(r["ADDRESS"]), City: r["CITY"], State: r["STATE"], PostalCode: r["ZIP"]}}}
	}
	var seed []mpi.Demographics
	var seeds []match.Record
	for _, r := range rows(t, "cdc-recordlinker/nbs_seed.csv") {
		d := patient("nbs", r["Match Id"], r)
		seed, seeds = append(seed, d), append(seeds, match.Prepare(d))
	}
	model, err := linkage.Learn(t.Context(), seq(seed), linkage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, grade := range []mpi.Grade{mpi.Certain, mpi.Probable} {
		right, wrong, missed := 0, 0, 0
		for _, r := range rows(t, "cdc-recordlinker/nbs_test.csv") {
			if r["Expected Result"] == "possible_match" {
				continue
			}
			x := match.Prepare(patient("test", r["Test Case #"], r))
			best, at := match.Verdict{}, -1
			for i := range seeds {
				if v := model.Compare(&x, &seeds[i]); at < 0 || v.Weight > best.Weight {
					best, at = v, i
				}
			}
			linked := best.Grade >= grade
			same := linked && seed[at].Ref == concord.NewPatientRef("nbs", r["Match Id"])
			switch expected := r["Expected Result"] == "match"; {
			case linked && (!expected || !same):
				wrong++
				t.Logf("%s: case %s", grade, r["Test Case #"])
			case linked:
				right++
			case expected:
				missed++
			}
		}
		line(t, "RecordLinker", grade.String(), linkage.Measure(right, wrong, missed))
	}
}
