package admission

import (
	"math"
	"runtime/metrics"
	"slices"
	"time"
)

const (
	lagMetric = "/sched/latencies:seconds"
	lagShare  = 0.9 // the quantile that is looked at
	lagEvents = 50  // with fewer the machine is idle
)

// lagTarget is the lag above which the machine has too much to do.
const lagTarget = 20 * time.Millisecond

// Machine is the Load of the processors: by how long what was ready to run had to wait for one. It tells of an overloaded machine
// whatever the requests ask for, however large their answers are, and however long sources take: a slow EHR is no reason to
// refuse anybody.
func Machine() func() float64 {
	lag := schedulerLag()
	return func() float64 { return float64(lag()) / float64(lagTarget) }
}

// schedulerLag is the time that nine in ten goroutines which could run waited for a processor at most, since the last call.
func schedulerLag() func() time.Duration {
	sample := []metrics.Sample{{Name: lagMetric}}
	var before []uint64
	return func() time.Duration {
		metrics.Read(sample)
		if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
			return 0 // a runtime that does not tell
		}
		h := sample[0].Value.Float64Histogram()
		if len(before) != len(h.Counts) {
			before = slices.Clone(h.Counts)
			return 0
		}
		lag := quantile(h, before)
		copy(before, h.Counts)
		return lag
	}
}

// quantile is the upper end of the bucket that holds it, of the events since before.
func quantile(h *metrics.Float64Histogram, before []uint64) time.Duration {
	var events uint64
	for i, n := range h.Counts {
		events += n - before[i]
	}
	if events < lagEvents {
		return 0
	}
	want := uint64(math.Ceil(float64(events) * lagShare))
	var seen uint64
	for i, n := range h.Counts {
		if seen += n - before[i]; seen >= want {
			end := h.Buckets[i+1]
			if math.IsInf(end, 1) {
				end = h.Buckets[i]
			}
			return time.Duration(end * float64(time.Second))
		}
	}
	return 0
}
