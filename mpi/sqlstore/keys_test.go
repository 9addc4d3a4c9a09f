package sqlstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"concord"
	"concord/mpi"
	"concord/mpi/sqlstore"
)

// contents is all that a store tells.
type contents struct {
	Persons []mpi.Person
	Events  []mpi.Event
	Reviews []mpi.Review
	Records map[concord.PatientRef]mpi.Record
	StandIn mpi.StandIn
	Owners  map[concord.PatientRef]mpi.PersonID
	Pairs   []mpi.Review
	Blocked []mpi.Record
}

func everything(t testing.TB, s *sqlstore.Store) (c contents) {
	t.Helper()
	ctx := context.Background()
	c.Owners, c.Records = map[concord.PatientRef]mpi.PersonID{}, map[concord.PatientRef]mpi.Record{}
	for p, err := range s.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		c.Persons = append(c.Persons, p)
		for _, l := range p.Links {
			owner, err := s.ByRef(ctx, l.Ref)
			if err != nil {
				t.Fatal(err)
			}
			c.Owners[l.Ref] = owner.ID
		}
	}
	for e, err := range s.Events(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		c.Events = append(c.Events, e)
	}
	for r, err := range s.Reviews(ctx, "", 0) {
		if err != nil {
			t.Fatal(err)
		}
		c.Reviews = append(c.Reviews, r)
		if r.Reason != mpi.ReasonOverlay {
			if r, err = s.Pair(ctx, r.A, r.B); err != nil {
				t.Fatal(err)
			}
			c.Pairs = append(c.Pairs, r)
		}
	}
	var err error
	if c.StandIn, err = s.Find(ctx, "Observation", "epic.h-1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(ctx, []mpi.StandIn{c.StandIn}); err != nil {
		t.Fatal(err)
	}
	if s.Keeps() {
		for r, err := range s.Records(ctx, concord.PatientRef{}) {
			if err != nil {
				t.Fatal(err)
			}
			c.Records[r.Demographics.Ref] = r
			if _, err := s.Record(ctx, r.Demographics.Ref); err != nil {
				t.Fatal(err)
			}
		}
		if c.Blocked, _, err = s.Blocked(ctx, []uint64{2}, 0); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func same(t testing.TB, want, got contents) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(concord.PatientRef{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRekey(t *testing.T) {
	ctx := context.Background()
	for name, fresh := range keyed(t) {
		t.Run(name, func(t *testing.T) {
			url := fresh(t)
			s := openStore(t, url, sqlstore.Options{Keys: keys(t)})
			confide(t, s)
			before := everything(t, s)
			if len(before.Records) == 0 || len(before.Blocked) == 0 || len(before.Pairs) == 0 || len(before.Events) == 0 {
				t.Fatalf("there is too little to see: %d records, %d blocked, %d pairs", len(before.Records), len(before.Blocked), len(before.Pairs))
			}
			both := openStore(t, url, sqlstore.Options{Keys: keys(t, "k2")}) // the new key first: what is written now is written with it
			same(t, before, everything(t, both))
			if _, err := mpi.NewIndex(both).Register(ctx, mpi.Demographics{Ref: concord.NewPatientRef("athena", "9"), BirthDate: "2000"}); err != nil {
				t.Fatal(err)
			}
			another := openStore(t, url, sqlstore.Options{Keys: keys(t, "k2")}) // another gateway that has both
			before = everything(t, another)
			c, err := another.Changes(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := both.Rekey(ctx); err != nil {
				t.Fatal(err)
			}
			same(t, before, everything(t, both))
			if c, err = another.Changes(ctx, c.Seq); err != nil || !c.All {
				t.Errorf("the other gateway is told: %v, all: %t", err, c.All)
			}
			same(t, before, everything(t, another))
			if _, err := s.Changes(ctx, 0); concord.KindOf(err) != concord.Unauthorized { // it has the old key only
				t.Errorf("one without the new key is told: %v", err)
			}
			onlyNew, err := sqlstore.ParseKeys([]byte(keyFile("k2")))
			if err != nil {
				t.Fatal(err)
			}
			now := openStore(t, url, sqlstore.Options{Keys: onlyNew})
			same(t, before, everything(t, now))
			if err := now.Rekey(ctx); err != nil { // with the same key: what is sealed is sealed anew
				t.Fatal(err)
			}
			same(t, before, everything(t, now))
			for name, file := range map[string]string{"the old key": keyFile("k1"), "another key of that name": "k2 " + keyOf("k3")} {
				k, err := sqlstore.ParseKeys([]byte(file))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := sqlstore.Open(ctx, url, sqlstore.Options{Keys: k}); concord.KindOf(err) != concord.Unauthorized {
					t.Errorf("opened with %s: %v", name, err)
				}
			}
		})
	}
	if err := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "mpi.db"), sqlstore.Options{}).Rekey(ctx); concord.KindOf(err) != concord.Invalid {
		t.Errorf("without a key: %v", err)
	}
}

// A lookup with digests of a key that was changed since finds nobody; whoever then makes somebody starts again.
func TestRekeyAmidRegister(t *testing.T) {
	ctx := context.Background()
	url := "sqlite:" + filepath.Join(t.TempDir(), "mpi.db")
	a, b := openStore(t, url, sqlstore.Options{Keys: keys(t)}), openStore(t, url, sqlstore.Options{Keys: keys(t)})
	d := mpi.Demographics{Ref: concord.NewPatientRef("epic", "1"), BirthDate: "2000"}
	p, err := mpi.NewIndex(a).Register(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*sqlstore.Store{a, b} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	a, b = openStore(t, url, sqlstore.Options{Keys: keys(t, "k2")}), openStore(t, url, sqlstore.Options{Keys: keys(t, "k2")})
	if err := a.Rekey(ctx); err != nil {
		t.Fatal(err)
	}
	again, err := mpi.NewIndex(b).Register(ctx, d)
	if err != nil || again.ID != p.ID {
		t.Errorf("%v, %q instead of %q", err, again.ID, p.ID)
	}
	if err := b.Save(ctx, []mpi.StandIn{{Source: "epic", Type: "T", ID: "i", Alias: "a"}}); err != nil {
		t.Error(err)
	}
}

func TestParseKeys(t *testing.T) {
	good := keyOf("x")
	tests := []struct {
		name, file string
		ok         bool
	}{
		{"one", "k1 " + good, true},
		{"comments and space", "\n# a comment\n  k1   " + good + "  \r\nk-2 " + keyOf("y") + "\n\n", true},
		{"none", "", false}, {"comments only", "# k1 " + good, false}, {"no name", good, false}, {"too short", "k1 " + good[:40], false}, {"no base64", "k1 ?" + good[1:], false},
		{"a name twice", "k1 " + good + "\nk1 " + good, false}, {"the name of no key", "clear " + good, false}, {"a name that is none", "1k " + good, false},
		{"a long name", strings.Repeat("k", 33) + " " + good, false}, {"a long file", strings.Repeat("# comment\n", 10000) + "k1 " + good, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, err := sqlstore.ParseKeys([]byte(tt.file))
			if (err == nil) != tt.ok || err != nil && concord.KindOf(err) != concord.Invalid {
				t.Errorf("%v", err)
			}
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
				if said := fmt.Sprintf(format, k); k != nil && said != "[keys]" {
					t.Errorf("%s prints %q", format, said)
				}
			}
		})
	}
}

func TestMakeKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mpi.key")
	if _, err := sqlstore.ReadKeys(path); concord.KindOf(err) != concord.NotFound {
		t.Errorf("a file that is not there: %v", err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := sqlstore.MakeKeyFile(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", err, info.Mode())
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.ReadKeys(path); err != nil {
		t.Error(err)
	}
	if err := sqlstore.MakeKeyFile(path); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Error("a key that was there is another one now")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
	if err := sqlstore.MakeKeyFile(filepath.Join(path, "no", "key")); concord.KindOf(err) != concord.Unavailable {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add("k1 " + keyOf("x"))
	f.Add("# c\nk1 " + keyOf("x") + "\r\n\nk2\t" + keyOf("y"))
	f.Fuzz(func(t *testing.T, file string) {
		k, err := sqlstore.ParseKeys([]byte(file))
		if (err == nil) != (k != nil) || err != nil && (concord.KindOf(err) != concord.Invalid || len(err.Error()) > 50) {
			t.Errorf("%v, keys: %t", err, k != nil)
		}
	})
}
