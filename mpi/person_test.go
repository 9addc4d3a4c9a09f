package mpi_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/mpi"
)

func TestNewPersonID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[mpi.PersonID]bool{}
	for range 1000 {
		id := mpi.NewPersonID()
		if !form.MatchString(string(id)) || !id.Valid() || seen[id] {
			t.Fatalf("%q, valid: %t, seen: %t", id, id.Valid(), seen[id])
		}
		seen[id] = true
	}
}

func TestPersonIDValid(t *testing.T) {
	for id, want := range map[mpi.PersonID]bool{"": false, "a": true, "A-9": true, "a.b": false, "a/b": false, "é": false, "a b": false,
		mpi.PersonID(strings.Repeat("a", 64)): true, mpi.PersonID(strings.Repeat("a", 65)): false} {
		if id.Valid() != want {
			t.Errorf("%q: %t", id, !want)
		}
	}
}

func TestCanonicalIsIdempotent(t *testing.T) {
	refs := rapid.Custom(func(t *rapid.T) concord.PatientRef {
		return ref(rapid.SampledFrom([]string{"epic", "cerner"}).Draw(t, "source"), rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "id"))
	})
	rapid.Check(t, func(t *rapid.T) {
		p := mpi.Person{ID: "p", Rejected: rapid.SliceOf(refs).Draw(t, "rejected"), Absent: map[concord.SourceID]time.Time{},
			Created: time.Unix(0, rapid.Int64Range(0, 1<<60).Draw(t, "created"))}
		for _, r := range rapid.SliceOfNDistinct(refs, 0, 3, rapid.ID).Draw(t, "links") {
			p.Links = append(p.Links, mpi.Link{Ref: r, Grade: mpi.Certain})
		}
		once, err := p.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		twice, err := once.Canonical()
		if err != nil || !cmp.Equal(once, twice, refEq) {
			t.Fatalf("%v\n%s", err, cmp.Diff(once, twice, refEq))
		}
		for i := 1; i < len(once.Links); i++ {
			if mpi.CompareRefs(once.Links[i-1].Ref, once.Links[i].Ref) >= 0 {
				t.Fatal("links out of order")
			}
		}
	})
}
