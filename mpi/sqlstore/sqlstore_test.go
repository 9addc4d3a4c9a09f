package sqlstore_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"concord"
	"concord/mpi"
	"concord/mpi/mpitest"
	"concord/mpi/sqlstore"
	"concord/testharness/servers"
)

var postgres servers.Postgres

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childArg {
		os.Exit(child(os.Args[2:]))
	}
	code := m.Run()
	if err := postgres.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// keyOf is the key of that name.
func keyOf(name string) string {
	b := sha256.Sum256([]byte(name))
	return base64.StdEncoding.EncodeToString(b[:])
}

// keyed are ways to the name of a new database, of each kind.
func keyed(t testing.TB) map[string]func(t testing.TB) string {
	t.Helper()
	return map[string]func(t testing.TB) string{
		"SQLite":     func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "mpi.db") },
		"PostgreSQL": postgres.Database,
	}
}

// keys are k1, after the named ones.
func keys(t testing.TB, before ...string) *sqlstore.Keys {
	t.Helper()
	file := keyFile(append(before, "k1")...)
	k, err := sqlstore.ParseKeys([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	return openStore(t, "sqlite:"+path, sqlstore.Options{Keys: keys(t)})
}

func openStore(t testing.TB, name string, o sqlstore.Options) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(context.Background(), name, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestSuite(t *testing.T) {
	for name, fresh := range keyed(t) {
		t.Run(name, func(t *testing.T) { suite(t, fresh) })
	}
}

func suite(t *testing.T, fresh func(testing.TB) string) {
	t.Helper()
	mpitest.Run(t, func(t *testing.T) mpitest.Fixture {
		name := fresh(t)
		open := func() *sqlstore.Store { return openStore(t, name, sqlstore.Options{Keys: keys(t)}) }
		s := open()
		return mpitest.Fixture{Backend: s, Reopen: func() mpi.Backend {
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			return open()
		}}
	})
}

// What a process stored that ended without closing is there.
func TestSurvivesWithoutClose(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "mpi.db"))
	mpitest.Fill(t, s, 3)
	other := filepath.Join(t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, "mpi.db"+suffix))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(other+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, other)
	for _, r := range mpitest.Refs(3) {
		if _, err := again.ByRef(ctx, r); err != nil {
			t.Errorf("ByRef: %v", err)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	tests := []struct {
		name   string
		before fs.FileMode // 0: no file
	}{{"a new one", 0}, {"one that was too open", 0o644}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "odd ?name#%41.db")
			if tt.before != 0 {
				if err := os.WriteFile(path, nil, tt.before); err != nil {
					t.Fatal(err)
				}
			}
			mpitest.Fill(t, open(t, path), 1)
			for _, suffix := range []string{"", "-wal", "-shm"} {
				info, err := os.Stat(path + suffix)
				if err != nil {
					t.Fatal(err)
				}
				if info.Mode().Perm() != 0o600 {
					t.Errorf("mode of the file%s is %v", suffix, info.Mode().Perm())
				}
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("this is a text file, not a database, and it is long enough to tell"), 0o600); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name, path string
		ctx        context.Context
		want       concord.Kind
	}{
		{"a folder", "sqlite:" + dir, context.Background(), concord.Unavailable},
		{"a folder that is not there", "sqlite:" + filepath.Join(dir, "no", "mpi.db"), context.Background(), concord.Unavailable},
		{"another file", "sqlite:" + text, context.Background(), concord.Unavailable},
		{"an ended context", "sqlite:" + filepath.Join(dir, "late.db"), canceled, concord.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := sqlstore.Open(tt.ctx, tt.path, sqlstore.Options{})
			if concord.KindOf(err) != tt.want || s != nil {
				t.Errorf("error %v, want kind %v", err, tt.want)
			}
		})
	}
}

func TestClosedIsUnavailable(t *testing.T) {
	s, err := sqlstore.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "mpi.db"), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mpitest.Fill(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ByRef(context.Background(), mpitest.Refs(1)[0]); concord.KindOf(err) != concord.Unavailable {
		t.Errorf("ByRef: %v", err)
	}
	if _, err := s.Put(context.Background(), mpi.Person{ID: "p"}); concord.KindOf(err) != concord.Unavailable {
		t.Errorf("Put: %v", err)
	}
}

// Two stores on one file are as two processes that share it: each sees the other's changes, and one of two owners wins.
func TestSharedFile(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "mpi.db")
	const openers = 4
	stores := make([]*sqlstore.Store, openers)
	errs := make([]error, openers)
	var wg sync.WaitGroup
	for i := range openers { // at once, on a file that has no tables yet
		wg.Go(func() { stores[i], errs[i] = sqlstore.Open(ctx, "sqlite:"+path, sqlstore.Options{Keys: keys(t)}) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		t.Cleanup(func() { _ = stores[i].Close() })
	}
	for round := range 10 {
		contested := mpi.Link{Ref: concord.NewPatientRef("epic", strconv.Itoa(round)), Grade: mpi.Certain}
		won := make([]error, openers)
		for i, s := range stores {
			wg.Go(func() {
				_, won[i] = s.Put(ctx, mpi.Person{ID: mpi.NewPersonID(), Links: []mpi.Link{contested}})
			})
		}
		wg.Wait()
		winners := 0
		for _, err := range won {
			if err == nil {
				winners++
			} else if concord.KindOf(err) != concord.Conflict {
				t.Fatalf("Put: %v", err)
			}
		}
		if winners != 1 {
			t.Fatalf("%d stores own one patient", winners)
		}
		var first mpi.Person
		for i, s := range stores {
			p, err := s.ByRef(ctx, contested.Ref)
			if err != nil || i > 0 && p.ID != first.ID {
				t.Fatalf("ByRef at store %d: %v, %q instead of %q", i, err, p.ID, first.ID)
			}
			first = p
		}
	}
}

// Without a key links work, and demographics are refused with all that comes with them.
func TestWithoutKey(t *testing.T) {
	ctx := context.Background()
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "mpi.db"), sqlstore.Options{})
	ref := concord.NewPatientRef("epic", "1")
	d := mpi.Demographics{Ref: ref, BirthDate: "2000"}
	_, err := s.Apply(ctx, mpi.Change{Persons: []mpi.Person{{ID: "p", Links: []mpi.Link{{Ref: ref, Grade: mpi.Certain}}}}, Records: []mpi.Record{{Demographics: d}}})
	if _, there := s.Person(ctx, "p"); concord.KindOf(err) != concord.Unsupported || concord.KindOf(there) != concord.NotFound {
		t.Errorf("Apply: %v, and the person: %v", err, there)
	}
	if _, err = s.Record(ctx, ref); concord.KindOf(err) != concord.Unsupported || s.Keeps() {
		t.Errorf("Record: %v", err)
	}
	if _, _, err = s.Blocked(ctx, []uint64{1}, 0); concord.KindOf(err) != concord.Unsupported {
		t.Errorf("Blocked: %v", err)
	}
	for _, err := range s.Records(ctx, concord.PatientRef{}) {
		if concord.KindOf(err) != concord.Unsupported {
			t.Errorf("Records: %v", err)
		}
	}
	x := mpi.NewIndex(s)
	p, err := x.Register(ctx, d)
	if err == nil {
		_, err = x.Attach(ctx, p.ID, []mpi.Candidate{{Demographics: mpi.Demographics{Ref: concord.NewPatientRef("cerner", "2"), BirthDate: "2000"}, Decision: mpi.Decision{Grade: mpi.Certain}}})
	}
	if err == nil {
		p, err = x.Observe(ctx, d)
	}
	if err != nil || len(p.Refs()) != 2 {
		t.Errorf("linking on demand: %v, %d patients", err, len(p.Refs()))
	}
}
