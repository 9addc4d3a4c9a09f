package main

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets of at most a thousandth of their value, as HDR histograms do: two to a power, and
// 1,024 equal parts of each. It takes anything from a nanosecond to 292 years in 432 KB. The zero value is empty.
// It is not safe for concurrent use.
type Histogram struct {
	counts [buckets]uint32
	total  uint64
	top    time.Duration
}

const (
	partBits = 10
	parts    = 1 << partBits
	buckets  = (64 - partBits) * parts
)

// bucketOf is where v is counted: values below 2,048 exactly, the others by their eleven highest bits.
func bucketOf(v uint64) int {
	shift := max(bits.Len64(v)-partBits-1, 0)
	return shift*parts + int(v>>shift)
}

// middleOf is the middle of the values of a bucket.
func middleOf(b int) uint64 {
	if b < 2*parts {
		return uint64(b)
	}
	shift := b/parts - 1
	low := uint64(b-shift*parts) << shift
	return low + 1<<shift/2
}

// Add counts d; what is negative counts as nothing.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(uint64(d))]++
	h.total++
	h.top = max(h.top, d)
}

// Merge counts all that o has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.top = max(h.top, o.top)
}

// Count is how many durations were added.
func (h *Histogram) Count() int { return int(h.total) }

// Quantile is the smallest duration that the share q of them does not exceed, to a thousandth of it; nothing when there
// are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := min(max(uint64(q*float64(h.total)+0.999999), 1), h.total)
	if rank == h.total {
		return h.top
	}
	for b, n := range h.counts {
		if uint64(n) >= rank {
			return min(time.Duration(middleOf(b)), h.top)
		}
		rank -= uint64(n)
	}
	return h.top
}
