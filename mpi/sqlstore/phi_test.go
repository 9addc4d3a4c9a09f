package sqlstore_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"concord"
	"concord/mpi"
	"concord/mpi/sqlstore"
)

// secrets are what must be found nowhere at rest; ids are the first two.
var secrets = []string{"eXpatient-one-7418", "cXpatient-two-9923", "Featherstonehaugh", "Marjoribanks", "1931-11-23", "+1-217-555-0143",
	"m.feather@example.org", "17 Quagmire Close", "Snodsbury", "urn:oid:2.16.840.1.113883.4.1", "219-09-9999", "long-observation-id-of-epic-6633"}

// confide tells the store all of them, by every way there is, twice over.
func confide(t testing.TB, s *sqlstore.Store) {
	t.Helper()
	ctx := context.Background()
	x := mpi.NewIndex(s).By("somebody").WithKeys(func(mpi.Demographics) []uint64 { return []uint64{1, 2} })
	d := mpi.Demographics{Ref: concord.NewPatientRef("epic", secrets[0]), Names: []mpi.Name{{Family: secrets[2], Given: []string{secrets[3]}}}, BirthDate: secrets[4],
		Gender: "female", Phones: secrets[5:6], Emails: secrets[6:7], Addresses: []mpi.Address{{Lines: secrets[7:8], City: secrets[8]}},
		Identifiers: []mpi.Identifier{{System: secrets[9], Value: secrets[10]}}}
	other := d
	other.Ref = concord.NewPatientRef("cerner", secrets[1])
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := x.Register(ctx, d)
	must(p, err)
	must(x.Attach(ctx, p.ID, []mpi.Candidate{{Demographics: other, Decision: mpi.Decision{Grade: mpi.Probable, Rule: "rule"}}}))
	must(x.Link(ctx, p.ID, other.Ref))
	p, _, err = x.Unlink(ctx, p.ID, other.Ref)
	must(p, err)
	must(x.Replaced(ctx, d.Ref, concord.NewPatientRef("epic", secrets[0]+"-b")))
	overlaid := d
	overlaid.Ref = concord.NewPatientRef("epic", secrets[0]+"-b")
	must(x.Observe(ctx, overlaid))
	overlaid.Names, overlaid.BirthDate, overlaid.Gender = []mpi.Name{{Family: "Somebody", Given: []string{"Else"}}}, "1990", "male"
	must(x.Observe(ctx, overlaid))
	must(nil, s.Save(ctx, []mpi.StandIn{{Source: "epic", Type: "Observation", ID: secrets[11], Alias: "epic.h-1"}}))
}

// forms are how s may be written.
func forms(s string) map[string][]byte {
	out := map[string][]byte{"as it is": []byte(s), "as hex": []byte(hex.EncodeToString([]byte(s))), "in capitals": []byte(strings.ToUpper(s))}
	for i := range 3 { // wherever in a longer text it begins
		b := base64.StdEncoding.EncodeToString(append(make([]byte, i), s...))
		out["as base64, "+string(rune('0'+i))] = []byte(b[4 : len(b)-4])
	}
	return out
}

// found are which of the secrets are in what is at rest.
func found(rest []byte) (out []string) {
	for _, s := range secrets {
		for how, form := range forms(s) {
			if bytes.Contains(rest, form) {
				out = append(out, s+" "+how)
			}
		}
	}
	return out
}

// fileBytes are all of a SQLite store's files.
func fileBytes(t testing.TB, path string) (all []byte) {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) == 0 {
		t.Fatalf("%v, %d files", err, len(names))
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// tableBytes are all rows of all tables of a PostgreSQL store, as text.
func tableBytes(t testing.TB, url string) (all []byte) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 9 {
		t.Fatalf("%v, %d tables", err, len(tables))
	}
	for _, table := range tables {
		rows, err := conn.Query(ctx, `SELECT r::text FROM `+table+` r`)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			all = append(append(all, l...), '\n')
			for part := range strings.SplitSeq(l, `\\x`) { // what is in a column of bytes
				if i := strings.IndexFunc(part, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) }); i > 0 {
					if b, err := hex.DecodeString(part[:i]); err == nil {
						all = append(append(all, b...), '\n')
					}
				}
			}
		}
	}
	return all
}

func TestNothingLegibleAtRest(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "mpi.db")
		s := open(t, path)
		confide(t, s)
		if f := found(fileBytes(t, path)); len(f) > 0 {
			t.Errorf("while it is open: %q", f)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if f := found(fileBytes(t, path)); len(f) > 0 {
			t.Errorf("when it is closed: %q", f)
		}
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		url := postgres.Database(t)
		confide(t, openStore(t, url, sqlstore.Options{Keys: keys(t)}))
		if f := found(tableBytes(t, url)); len(f) > 0 {
			t.Errorf("%q", f)
		}
	})
}

// Without a key ids are legible, and demographics are not there. With the key, later, nothing is legible any more: so
// these tests see what there is to see.
func TestKeyForClearStore(t *testing.T) {
	ctx := context.Background()
	ids := func(t *testing.T, found []string) {
		t.Helper()
		seen := map[string]bool{}
		for _, f := range found {
			name, _, _ := strings.Cut(f, " ")
			seen[name] = true
		}
		if !seen[secrets[0]] || !seen[secrets[1]] || !seen[secrets[11]] || len(seen) != 3 {
			t.Errorf("legible without a key: %q", found)
		}
	}
	for name, fresh := range keyed(t) {
		t.Run(name, func(t *testing.T) {
			url := fresh(t)
			look := func() []string {
				if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
					return found(fileBytes(t, path))
				}
				return found(tableBytes(t, url))
			}
			s := openStore(t, url, sqlstore.Options{})
			confide(t, s)
			ids(t, look())
			before := everything(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			still := openStore(t, url, sqlstore.Options{}) // a gateway that has not been told of the key
			s = openStore(t, url, sqlstore.Options{Keys: keys(t)})
			if f := look(); len(f) > 0 {
				t.Errorf("legible with a key: %q", f)
			}
			same(t, before, everything(t, s))
			if _, err := still.Changes(ctx, 0); concord.KindOf(err) != concord.Unauthorized {
				t.Errorf("the one without the key is told: %v", err)
			}
			if _, err := still.Put(ctx, mpi.Person{ID: "p", Links: []mpi.Link{{Ref: concord.NewPatientRef("epic", "1"), Grade: mpi.Certain}}}); concord.KindOf(err) != concord.Unauthorized {
				t.Errorf("the one without the key writes: %v", err)
			}
			if err := still.Save(ctx, []mpi.StandIn{{Source: "epic", Type: "T", ID: "i", Alias: "a"}}); concord.KindOf(err) != concord.Unauthorized {
				t.Errorf("the one without the key saves: %v", err)
			}
			if _, err := sqlstore.Open(ctx, url, sqlstore.Options{}); concord.KindOf(err) != concord.Unauthorized {
				t.Errorf("opened without the key: %v", err)
			}
		})
	}
}
