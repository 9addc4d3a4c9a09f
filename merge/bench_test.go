package merge_test

import (
	"fmt"
	"runtime"
	"testing"

	"concord/merge"
	"concord/testharness/population"
)

// crowded is n resources of three sources: a hospital's chart with every vendor's noise.
func crowded(tb testing.TB, n int) (batches []merge.Batch, size int) {
	tb.Helper()
	pop := population.Generate(population.Options{Seed: 3, Persons: 1, Registered: 3, Copies: 3, Observations: n / 3 * 19 / 20, Noise: population.AllNoise()})
	batches = chart(tb, pop, &pop.Persons[0])
	for _, b := range batches {
		for _, r := range b.Resources {
			size += len(r.Raw())
		}
	}
	return batches, size
}

// BenchmarkMerge tells the CPU per resource, also for ten times as many, and the memory that a merge takes in sizes of its
// input. It is one goroutine.
func BenchmarkMerge(b *testing.B) {
	e := merge.NewEngine(merge.Default())
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("resources=%d", n), func(b *testing.B) {
			batches, size := crowded(b, n)
			have := 0
			for _, x := range batches {
				have += len(x.Resources)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			used := cpu(b)
			for b.Loop() {
				if len(e.Merge(batches).Entries) == 0 {
					b.Fatal("nothing")
				}
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64((cpu(b)-used).Nanoseconds())/float64(b.N)/float64(have)/1000, "cpu-µs/resource")
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/float64(size), "inputs/merge")
		})
	}
}
