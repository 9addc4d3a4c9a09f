package bulk_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"concord/internal/app"
	"concord/mpi"
	"concord/mpi/bulk"
	"concord/mpi/feed"
	"concord/mpi/sqlstore"
	"concord/mpi/synthetic"
)

// BenchmarkImport imports and links as many made-up records as CONCORD_LINK_RECORDS says, or few enough for a laptop, into an
// encrypted SQLite index. Run it with -benchtime 1x.
func BenchmarkImport(b *testing.B) {
	n := 20_000
	if s := os.Getenv("CONCORD_LINK_RECORDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			b.Fatalf("CONCORD_LINK_RECORDS=%q", s)
		}
	}
	var csv bytes.Buffer
	if err := synthetic.WriteCSV(&csv, synthetic.New(7), n); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		began, cpu := time.Now(), processor(b)
		store := openStore(b)
		files := []bulk.File{{Name: "made-up.csv", Items: feed.Read(bytes.NewReader(csv.Bytes()), "north", feed.CSV)}}
		phases := map[bulk.Phase]time.Duration{}
		var at bulk.Phase
		last := processor(b)
		r, err := bulk.Import(b.Context(), store, index, files, bulk.Options{Keys: app.BlockingKeys, Repeats: sources("north"), Progress: func(p bulk.Phase, _ int) {
			now := processor(b)
			if p != at {
				at = p
			}
			phases[p] += now - last
			last = now
		}})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s")
		b.ReportMetric((processor(b) - cpu).Seconds(), "cpu-s")
		b.ReportMetric(float64(r.Persons), "persons")
		b.Logf("processor time up to the end of each step of a phase: %v", phases)
	}
}

func openStore(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	dir := tb.TempDir()
	if err := sqlstore.MakeKeyFile(filepath.Join(dir, "key")); err != nil {
		tb.Fatal(err)
	}
	keys, err := sqlstore.ReadKeys(filepath.Join(dir, "key"))
	if err != nil {
		tb.Fatal(err)
	}
	s, err := sqlstore.Open(tb.Context(), "sqlite:"+filepath.Join(dir, "mpi.db"), sqlstore.Options{Keys: keys})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func index(s mpi.Backend) *mpi.Index { return mpi.NewIndex(s).WithKeys(app.BlockingKeys) }

func processor(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
