package main_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	bench "concord/bench"
)

// Every quantile is within a thousandth of the exact one, over twelve orders of magnitude, and merging changes nothing.
func TestHistogramAgainstExactQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.Custom(func(t *rapid.T) time.Duration {
			power := rapid.IntRange(0, 40).Draw(t, "power")
			return time.Duration(1<<power + rapid.Int64Range(0, 1<<power-1).Draw(t, "rest") - 1)
		})
		all := rapid.SliceOfN(draw, 1, 400).Draw(t, "durations")
		var whole, left, right bench.Histogram
		for i, d := range all {
			whole.Add(d)
			if i%3 == 0 {
				left.Add(d)
			} else {
				right.Add(d)
			}
		}
		left.Merge(&right)
		if left != whole {
			t.Fatal("two halves merged are not the whole")
		}
		slices.Sort(all)
		for _, q := range []float64{0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1} {
			exact := all[max(int(math.Ceil(q*float64(len(all)))), 1)-1]
			if got := whole.Quantile(q); math.Abs(float64(got-exact)) > float64(exact)/1000 {
				t.Fatalf("quantile %g of %d durations: %d, exactly %d", q, len(all), got, exact)
			}
		}
		if whole.Count() != len(all) {
			t.Fatalf("%d counted of %d", whole.Count(), len(all))
		}
	})
}

func TestHistogramAtTheEnds(t *testing.T) {
	var h bench.Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	h.Add(-time.Second)
	h.Add(math.MaxInt64)
	if h.Quantile(0.5) != 0 || h.Quantile(1) != math.MaxInt64 {
		t.Errorf("got %d and %d", h.Quantile(0.5), h.Quantile(1))
	}
}
