package sqlstore_test

import (
	"context"
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
)

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(context.Background(), path)
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
	mpitest.Run(t, func(t *testing.T) mpitest.Fixture {
		path := filepath.Join(t.TempDir(), "mpi.db")
		s := open(t, path)
		return mpitest.Fixture{Backend: s, Reopen: func() mpi.Backend {
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			return open(t, path)
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
		{"a folder", dir, context.Background(), concord.Unavailable},
		{"a folder that is not there", filepath.Join(dir, "no", "mpi.db"), context.Background(), concord.Unavailable},
		{"another file", text, context.Background(), concord.Unavailable},
		{"an ended context", filepath.Join(dir, "late.db"), canceled, concord.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := sqlstore.Open(tt.ctx, tt.path)
			if concord.KindOf(err) != tt.want || s != nil {
				t.Errorf("error %v, want kind %v", err, tt.want)
			}
		})
	}
}

func TestClosedIsUnavailable(t *testing.T) {
	s, err := sqlstore.Open(context.Background(), filepath.Join(t.TempDir(), "mpi.db"))
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
		wg.Go(func() { stores[i], errs[i] = sqlstore.Open(ctx, path) })
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

func BenchmarkByRef(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "mpi.db"))
	mpitest.Fill(b, s, 10_000)
	ctx := context.Background()
	refs := mpitest.Refs(10_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.ByRef(ctx, refs[i%len(refs)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "mpi.db"))
	ctx := context.Background()
	for i := 0; b.Loop(); i++ {
		l := mpi.Link{Ref: concord.NewPatientRef("epic", strconv.Itoa(i)), Grade: mpi.Certain}
		if _, err := s.Put(ctx, mpi.Person{ID: mpi.NewPersonID(), Links: []mpi.Link{l}}); err != nil {
			b.Fatal(err)
		}
	}
}
