// Package mpitest holds what every mpi.Backend must do, as tests. It tests no matching.
package mpitest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"concord"
	"concord/mpi"
)

// Fixture is a fresh, empty backend.
type Fixture struct {
	Backend mpi.Backend
	// Reopen ends Backend, as the end of a process would, and opens what it stored again; nil for a backend that keeps
	// nothing beyond its process.
	Reopen func() mpi.Backend
}

// Run runs the suite; each of its tests opens its own fixture, and open cleans up by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, f Fixture)
	}{
		{"what is put is found", found},
		{"put is compare-and-set", compareAndSet},
		{"a patient is linked to one person", oneOwner},
		{"put of several is one step", together},
		{"a person without links is deleted", deleted},
		{"what is not canonical is refused or put in order", canonical},
		{"ids are kept byte for byte", bytes},
		{"what is returned is the caller's own", isolated},
		{"all are given in order", all},
		{"of concurrent changes one wins", race},
		{"of concurrent owners one wins", ownerRace},
		{"a link that moves is never at two persons or at none", moving},
		{"an ended context ends it", ended},
		{"what is put survives", survives},
		{"any history is that of the model", history},
		{"replaced and frozen links are kept", flags},
		{"what became of an id", retired},
		{"a change is one step", oneStep},
		{"changes are told", changes},
		{"changes come in the order in which they can be seen", changesRace},
		{"events", events},
		{"reviews", reviews},
		{"records", records},
		{"blocks", blocks},
		{"an ended context ends the rest", restEnded},
		{"the rest survives", restSurvives},
		{"stand-ins", standIns},
		{"an ended context ends stand-ins", standInsEnded},
		{"stand-ins survive", standInsSurvive},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

func ref(source, id string) concord.PatientRef {
	return concord.NewPatientRef(concord.SourceID(source), id)
}

func link(source, id string) mpi.Link {
	return mpi.Link{Ref: ref(source, id), Grade: mpi.Certain, Score: 1, Rule: mpi.RuleSeed}
}

// born is a time with more digits than stores keep, in another zone.
func born() time.Time {
	return time.Date(2024, 2, 29, 23, 59, 58, 123_456_789, time.FixedZone("", 5*3600))
}

func kept() time.Time { return time.Date(2024, 2, 29, 18, 59, 58, 123_000_000, time.UTC) }

func person(id string, links ...mpi.Link) mpi.Person {
	return mpi.Person{ID: mpi.PersonID(id), Links: links, Created: kept()}
}

// put puts p, which must work.
func put(t *testing.T, s mpi.Store, p mpi.Person) mpi.Person {
	t.Helper()
	got, err := s.Put(context.Background(), p)
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	return got
}

// wantKind fails unless err is a Fault of that kind; Unknown stands for no error.
func wantKind(t *testing.T, what string, err error, kind concord.Kind) {
	t.Helper()
	if kind == concord.Unknown && err != nil || kind != concord.Unknown && concord.KindOf(err) != kind {
		t.Errorf("%s: error %v, want kind %v", what, err, kind)
	}
}

// wantNobody fails unless the store is empty.
func wantNobody(t *testing.T, s mpi.Store) {
	t.Helper()
	for p, err := range s.All(context.Background()) {
		t.Errorf("somebody is stored: %q, %v", p.ID, err)
	}
}

// diffOf is what got differs in from want; patients print redacted and compare all the same.
func diffOf(want, got any) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(concord.PatientRef{}))
}
