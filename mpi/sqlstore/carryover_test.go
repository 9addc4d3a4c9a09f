package sqlstore_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite"

	"concord"
	"concord/mpi"
	"concord/mpi/sqlstore"
)

// old is a file as the first version left it, with two persons and a stand-in.
func old(t *testing.T, fill bool) string {
	t.Helper()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "mpi.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations/sqlite"), goose.WithDisableGlobalRegistry(true))
	if err == nil {
		_, err = p.UpTo(ctx, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !fill {
		return path
	}
	for _, statement := range []string{
		`INSERT INTO person VALUES ('p', 7, 1709233198123), ('q', 1, NULL)`,
		`INSERT INTO link VALUES ('epic', '` + secrets[0] + `', 'p', 3, 1, 'seed', 0), ('cerner', '` + secrets[1] + `', 'p', 3, 0.95, 'rule', 1), ('epic', 'x', 'q', 2, 0.5, 'r', 0)`,
		`INSERT INTO absent VALUES ('p', 'athena', 1709233198123), ('p', 'other', NULL)`,
		`INSERT INTO rejected VALUES ('p', 'epic', 'x'), ('q', 'epic', '` + secrets[0] + `')`,
		`INSERT INTO stand_in VALUES ('Observation', 'epic.h-1', 'epic', '` + secrets[11] + `')`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestCarryOver(t *testing.T) {
	at := time.UnixMilli(1709233198123).UTC()
	one, two, x := concord.NewPatientRef("epic", secrets[0]), concord.NewPatientRef("cerner", secrets[1]), concord.NewPatientRef("epic", "x")
	want := contents{
		Persons: []mpi.Person{
			{ID: "p", Version: 7, Created: at, Absent: map[concord.SourceID]time.Time{"athena": at, "other": {}}, Rejected: []concord.PatientRef{x},
				Links: []mpi.Link{{Ref: two, Grade: mpi.Certain, Score: 0.95, Rule: "rule", Manual: true}, {Ref: one, Grade: mpi.Certain, Score: 1, Rule: "seed"}}},
			{ID: "q", Version: 1, Rejected: []concord.PatientRef{one}, Links: []mpi.Link{{Ref: x, Grade: mpi.Probable, Score: 0.5, Rule: "r"}}},
		},
		Owners:  map[concord.PatientRef]mpi.PersonID{one: "p", two: "p", x: "q"},
		StandIn: mpi.StandIn{Source: "epic", Type: "Observation", ID: secrets[11], Alias: "epic.h-1"},
	}
	for _, withKey := range []bool{true, false} {
		path := old(t, true)
		if len(found(fileBytes(t, path))) == 0 {
			t.Fatal("nothing was legible before, so the test shows nothing")
		}
		o := sqlstore.Options{}
		if withKey {
			o.Keys = keys(t)
		}
		s := openStore(t, "sqlite:"+path, o)
		if f := found(fileBytes(t, path)); withKey && len(f) > 0 {
			t.Errorf("still legible: %q", f)
		}
		if diff := cmp.Diff(want, everything(t, s), cmpopts.EquateComparable(concord.PatientRef{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("with a key: %t (-want +got):\n%s", withKey, diff)
		}
		p := want.Persons[0].Clone()
		if p, err := s.Put(context.Background(), p); err != nil || p.Version != 8 {
			t.Errorf("%v, version %d", err, p.Version)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		openStore(t, "sqlite:"+path, o)
	}
	openStore(t, "sqlite:"+old(t, false), sqlstore.Options{Keys: keys(t)})
}
