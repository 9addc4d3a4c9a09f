package s3sink_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"concord/audit/s3sink"
	"concord/audit/sinktest"
)

// BenchmarkGroupCommit is 64 callers against a real server: records a second, and what one waits at the median.
func BenchmarkGroupCommit(b *testing.B) {
	r := newRig(b)
	s := open(b, r.config, s3sink.Options{})
	event := sinktest.Event("r")
	var mu sync.Mutex
	var took []time.Duration
	for b.Loop() {
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for range 20 {
					began := time.Now()
					if err := s.Append(context.Background(), event); err != nil {
						b.Error(err)
						return
					}
					mu.Lock()
					took = append(took, time.Since(began))
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(took[len(took)/2])/float64(time.Millisecond), "median-ms")
	shut(b, s)
}
