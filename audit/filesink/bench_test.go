package filesink_test

import (
	"context"
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
