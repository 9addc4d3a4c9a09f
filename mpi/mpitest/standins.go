package mpitest

import (
	"context"
	"strings"
	"testing"
	"time"

	"concord"
	"concord/mpi"
)

func some() []mpi.StandIn {
	return []mpi.StandIn{
		{Source: "epic", Type: "Observation", ID: "ewSze1tdkvIKKSk2u6Emf0Y5QLGKf47NX05p-" + strings.Repeat("x", 100), Alias: "epic.h1"},
		{Source: "epic", Type: "Patient", ID: "another type, one alias", Alias: "epic.h1"},
		{Source: "cerner", Type: "Observation", ID: "an id/with ü", Alias: "cerner.h2"},
	}
}

func standIns(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	_, err := s.Find(ctx, "Observation", "epic.h1")
	wantKind(t, "Find of none", err, concord.NotFound)
	wantKind(t, "Save of none", s.Save(ctx, nil), concord.Unknown)
	for range 3 {
		if err := s.Save(ctx, append(some(), some()...)); err != nil {
			t.Fatalf("Save: %v", err)
		}
		for _, want := range some() {
			got, err := s.Find(ctx, want.Type, want.Alias)
			if diff := diffOf(want, got); err != nil || diff != "" {
				t.Errorf("Find: %v (-want +got):\n%s", err, diff)
			}
		}
	}
	_, err = s.Find(ctx, "Patient", "cerner.h2")
	wantKind(t, "Find of another type", err, concord.NotFound)

	other := some()[0]
	other.ID = "another id"
	fresh := mpi.StandIn{Source: "epic", Type: "Encounter", ID: "e", Alias: "epic.h3"}
	wantKind(t, "Save of what stands for something else", s.Save(ctx, []mpi.StandIn{fresh, other}), concord.Conflict)
	_, err = s.Find(ctx, "Encounter", "epic.h3")
	wantKind(t, "Find of what was saved with it", err, concord.NotFound)
	got, err := s.Find(ctx, other.Type, other.Alias)
	if diff := diffOf(some()[0], got); err != nil || diff != "" {
		t.Errorf("Find after a conflict: %v (-want +got):\n%s", err, diff)
	}
	for _, err := range atOnce(crowd, func(int) error { return s.Save(ctx, []mpi.StandIn{fresh}) }) {
		wantKind(t, "one saved by many", err, concord.Unknown)
	}
}

func standInsEnded(t *testing.T, f Fixture) {
	if err := f.Backend.Save(context.Background(), some()); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	for kind, ctx := range map[concord.Kind]context.Context{concord.Canceled: canceled, concord.Timeout: late} {
		wantKind(t, "Save", f.Backend.Save(ctx, some()), kind)
		_, err := f.Backend.Find(ctx, "Observation", "epic.h1")
		wantKind(t, "Find", err, kind)
	}
}

func standInsSurvive(t *testing.T, f Fixture) {
	if f.Reopen == nil {
		t.Skip("the backend keeps nothing beyond its process")
	}
	ctx := context.Background()
	if err := f.Backend.Save(ctx, some()); err != nil {
		t.Fatal(err)
	}
	s := f.Reopen()
	for _, want := range some() {
		got, err := s.Find(ctx, want.Type, want.Alias)
		if diff := diffOf(want, got); err != nil || diff != "" {
			t.Errorf("Find: %v (-want +got):\n%s", err, diff)
		}
	}
	wantKind(t, "Save again", s.Save(ctx, some()), concord.Unknown)
}
