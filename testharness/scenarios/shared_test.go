package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"concord"
	"concord/mpi"
	"concord/mpi/sqlstore"
	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
	"concord/testharness/servers"
)

// TestSharedIndex: of two gateways on one index, what is unlinked for one is obeyed by the very next request at the other,
// whoever unlinked it; nothing is answered from links while the index can't be reached, and it is well again by itself.
func TestSharedIndex(t *testing.T) {
	var pg servers.Postgres
	t.Cleanup(func() { _ = pg.Stop() })
	for _, kind := range []string{"postgres", "sqlite"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, testharness.Options{Population: population.Options{Seed: 91, Persons: 1, Registered: 3}})
			p := w.Population.Persons[0]
			dir := t.TempDir()
			name, keys := "sqlite:"+dir+"/shared.db", dir+"/shared.db.key"
			if kind == "postgres" {
				name = pg.Database(t)
			}
			if err := sqlstore.MakeKeyFile(keys); err != nil {
				t.Fatal(err)
			}
			shared := map[string]string{"mpi": "store: " + name + "\n  key_file: " + keys}
			one, two := startKeyed(t, w, "5s", t.TempDir(), shared), startKeyed(t, w, "5s", t.TempDir(), shared)
			id, records := one.person(t, p.Copies[0].Source, p.Copies[0].ID)
			if again, same := two.person(t, p.Copies[0].Source, p.Copies[0].ID); again != id || len(same) != 3 || len(records) != 3 {
				t.Fatalf("the two gateways know %d and %d records", len(records), len(same))
			}
			whole := two.get(t, "Condition?patient="+id+"&_count=1000")
			if !strings.Contains(string(whole.body), "/cerner.") {
				t.Fatal("there is nothing of Cerner's to be gone")
			}
			ring, err := sqlstore.ReadKeys(keys)
			if err != nil {
				t.Fatal(err)
			}
			store, err := sqlstore.Open(t.Context(), name, sqlstore.Options{Keys: ring}) // as the command line does
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = store.Close() }()
			var ref concord.PatientRef
			for _, c := range p.Copies {
				if c.Source == "cerner" {
					ref = concord.NewPatientRef(c.Source, c.ID)
				}
			}
			kept, apart, err := mpi.NewIndex(store).By("usr-1").Unlink(t.Context(), mpi.PersonID(id), ref)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range []*rig{two, one} {
				if a := r.get(t, "Condition?patient="+string(kept.ID)+"&_count=1000"); a.code != 200 || strings.Contains(string(a.body), "/cerner.") {
					t.Errorf("HTTP %d: what was unlinked is still in the record", a.code)
				}
				if a := r.get(t, "Condition?patient="+string(apart.ID)+"&_count=1000"); a.code != 200 || strings.Contains(string(a.body), "/epic.") || !strings.Contains(string(a.body), "/cerner.") {
					t.Errorf("HTTP %d: the other part is not what was taken out", a.code)
				}
				if a := r.get(t, "Condition?patient="+id); a.code != 404 && a.code != 410 {
					t.Errorf("the person that was split: HTTP %d", a.code)
				}
			}
			if kind != "postgres" {
				return
			}
			if err := pg.Stop(); err != nil {
				t.Fatal(err)
			}
			if a := two.get(t, "Condition?patient="+string(kept.ID)); a.code != 503 {
				t.Errorf("without the index: HTTP %d", a.code)
			}
		})
	}
}

// TestPersonIDs: the id of a person who turned out to be two is gone, and tells nothing.
func TestPersonIDs(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 94, Persons: 1, Registered: 3}})
	p := w.Population.Persons[0]
	dir := t.TempDir()
	r := startIn(t, w, "5s", dir)
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	keys, err := sqlstore.ReadKeys(dir + "/mpi.db.key")
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), "sqlite:"+dir+"/mpi.db", sqlstore.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	index := mpi.NewIndex(store).By("usr-1")
	ref := concord.NewPatientRef(p.Copies[1].Source, p.Copies[1].ID)
	kept, apart, err := index.Unlink(t.Context(), mpi.PersonID(id), ref)
	if err != nil {
		t.Fatal(err)
	}
	mine := func(id string) *rig { return r.with(r.tokenOf(t, "patient/*.rs", "patient", id)) }
	for _, path := range []string{"Patient/" + id, "Condition?patient=" + id, "Patient/" + id + "/$everything", "Patient/" + id + "/$compare"} {
		if a := r.get(t, path); a.code != 410 && a.code != 404 || strings.Contains(string(a.body), string(kept.ID)) || strings.Contains(string(a.body), string(apart.ID)) {
			t.Errorf("split: HTTP %d", a.code)
		}
		if a := mine(id).get(t, path); a.code != 403 {
			t.Errorf("split, by a patient's token: HTTP %d", a.code)
		}
	}
	if a := r.get(t, "Patient/"+id); a.code != 410 {
		t.Errorf("split: HTTP %d", a.code)
	}
}

// TestJoinedPersons: two persons, met while each could be looked for at its own source only, turn out to be one: the older id
// stays, and the other one leads to it, for whoever asks and in a patient's token.
func TestJoinedPersons(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 95, Persons: 1, Registered: 3}})
	p := w.Population.Persons[0]
	r := start(t, w, "700ms")
	var ids []string
	for _, c := range p.Copies[:2] {
		for _, e := range w.EHRs {
			if e.Source() != c.Source {
				e.Set(fakeehr.Fault{Kind: fakeehr.Forbidden})
			}
		}
		id, _ := r.person(t, c.Source, c.ID)
		ids = append(ids, id)
		w.Heal()
	}
	older, newer := ids[0], ids[1]
	if older == newer {
		t.Fatal("they are one already")
	}
	if a := r.get(t, "Patient/"+older); a.code != 200 || len(contributors(a.json)) != 3 {
		t.Fatalf("HTTP %d, %d records", a.code, len(contributors(a.json)))
	}
	want := matched(r.get(t, "Condition?patient="+older+"&_count=1000"))
	for name, s := range map[string]*rig{"anybody": r, "a patient's token": r.with(r.tokenOf(t, "patient/*.rs", "patient", newer)), "a token with the older id": r.with(r.tokenOf(t, "patient/*.rs", "patient", older))} {
		if a := s.get(t, "Patient/"+newer); a.code != 200 || a.json["id"] != older {
			t.Errorf("%s: HTTP %d, another person", name, a.code)
		}
		for _, path := range []string{"Condition?patient=" + newer + "&_count=1000", "Condition?patient=" + older + "&_count=1000"} {
			if got := matched(s.get(t, path)); len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s: %d conditions of %d", name, len(got), len(want))
			}
		}
		for _, path := range []string{"Patient/" + newer + "/$everything", "Patient?_id=" + newer, "Patient/" + newer + "/$compare"} {
			if a := s.get(t, path); a.code != 200 || strings.Contains(string(a.body), "Patient/"+newer+`"`) {
				t.Errorf("%s: HTTP %d, or references to the id that was", name, a.code)
			}
		}
	}
	if a := r.ask(t, `query($p:ID!){Patient(id:$p){id}}`, map[string]any{"p": newer}); len(a.faults()) > 0 {
		t.Errorf("GraphQL: %v", a.faults())
	}
}

// matched are the ids of a Bundle's matches, sorted.
func matched(a reply) []string { return ids(a.entries("match")) }
