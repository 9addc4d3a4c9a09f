package filesink_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"concord/audit/filesink"
	"concord/audit/sinktest"
)

// BenchmarkGroupCommit sets 64 callers who share syncs beside 64 who each have their record synced alone, on the same disk
// and in the same run, and reports how many times as many records the first get through.
func BenchmarkGroupCommit(b *testing.B) {
	const waiters, each = 64, 20
	round := func(put func(ctx context.Context, i int) error) time.Duration {
		began := time.Now()
		var wg sync.WaitGroup
		for w := range waiters {
			wg.Go(func() {
				for range each {
					if err := put(context.Background(), w); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		return time.Since(began)
	}
	grouped, alone := open(b, b.TempDir(), filesink.Options{}), open(b, b.TempDir(), filesink.Options{})
	event := sinktest.Event("r")
	var one sync.Mutex
	var shared, single time.Duration
	for b.Loop() {
		shared += round(func(ctx context.Context, _ int) error { return grouped.Append(ctx, event) })
		single += round(func(ctx context.Context, _ int) error {
			one.Lock() // so each batch holds one record
			defer one.Unlock()
			return alone.Append(ctx, event)
		})
	}
	n := float64(b.N * waiters * each)
	b.ReportMetric(n/shared.Seconds(), "grouped-records/s")
	b.ReportMetric(n/single.Seconds(), "single-records/s")
	b.ReportMetric(single.Seconds()/shared.Seconds(), "times-one-sync-each")
	shut(b, grouped)
	shut(b, alone)
}

// BenchmarkAdded is what a record adds to an answer: 64 callers who each have an answer every 20 ms or so, and the median
// and 99th percentile of how long their records take, over a bare sync of as many bytes on the same disk.
func BenchmarkAdded(b *testing.B) {
	const waiters, each, pace = 64, 20, 20 * time.Millisecond
	s := open(b, b.TempDir(), filesink.Options{})
	event := sinktest.Event("r")
	var mu sync.Mutex
	var took []time.Duration
	for b.Loop() {
		var wg sync.WaitGroup
		for w := range waiters {
			wg.Go(func() {
				time.Sleep(time.Duration(w) * pace / waiters)
				for range each {
					began := time.Now()
					if err := s.Append(context.Background(), event); err != nil {
						b.Error(err)
						return
					}
					d := time.Since(began)
					mu.Lock()
					took = append(took, d)
					mu.Unlock()
					time.Sleep(pace - d)
				}
			})
		}
		wg.Wait()
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(ms(took[len(took)/2]), "median-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(ms(bareSync(b)), "bare-sync-ms")
	shut(b, s)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// bareSync is the median of appending a record's bytes to a file and syncing it.
func bareSync(b *testing.B) time.Duration {
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var took []time.Duration
	for range 200 {
		began := time.Now()
		if _, err := f.Write(make([]byte, 900)); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// BenchmarkAppend is one caller alone: the price of a sync.
func BenchmarkAppend(b *testing.B) {
	s := open(b, b.TempDir(), filesink.Options{})
	event := sinktest.Event("r")
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Append(context.Background(), event); err != nil {
			b.Fatal(err)
		}
	}
	shut(b, s)
}

// BenchmarkVerify reads a trail of some megabytes.
func BenchmarkVerify(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir, filesink.Options{})
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 100 {
				put(b, s, "r")
			}
		})
	}
	wg.Wait()
	shut(b, s)
	var n int64
	for _, f := range files(b, dir) {
		n += int64(len(text(b, f)))
	}
	b.SetBytes(n)
	b.ReportAllocs()
	for b.Loop() {
		wantWhole(b, dir)
	}
}
