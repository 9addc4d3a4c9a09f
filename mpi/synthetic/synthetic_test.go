package synthetic_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/mpi"
	"concord/mpi/feed"
	"concord/mpi/synthetic"
)

// TestPopulation: a seed is always the same people, each record has its person told, and a CSV of them holds what an import
// reads.
func TestPopulation(t *testing.T) {
	const n = 3000
	read := func(seed uint64) (all []mpi.Demographics, truth map[concord.PatientRef]int) {
		p := synthetic.New(seed)
		truth = map[concord.PatientRef]int{}
		p.Truth = func(r concord.PatientRef, person int) { truth[r] = person }
		for d, err := range p.Records(n) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d)
		}
		return all, truth
	}
	refs := cmp.Comparer(func(a, b concord.PatientRef) bool { return a == b })
	all, truth := read(4)
	again, _ := read(4)
	if diff := cmp.Diff(all, again, refs); diff != "" {
		t.Errorf("the same seed: %s", diff)
	}
	if other, _ := read(5); cmp.Equal(all[0], other[0], refs) {
		t.Error("another seed begins with the same person")
	}
	persons := map[int]int{}
	for _, d := range all {
		persons[truth[d.Ref]]++
	}
	if len(all) != n || len(truth) != n || len(persons) < n/4 || len(persons) > n*9/10 {
		t.Errorf("%d records, %d of them told, of %d persons", len(all), len(truth), len(persons))
	}
	var b bytes.Buffer
	if err := synthetic.WriteCSV(&b, synthetic.New(4), n); err != nil {
		t.Fatal(err)
	}
	i := 0
	for item := range feed.Read(&b, "north", feed.CSV) {
		if item.Refused != "" {
			t.Fatalf("line %d: %s", item.Line, item.Refused)
		}
		if got, want := item.Demographics.Names[0].Family, all[i].Names[0].Family; got != want {
			t.Errorf("record %d is of another family", i)
		}
		i++
	}
	if i != n {
		t.Errorf("%d records in the CSV", i)
	}
}
