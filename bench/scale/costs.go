package main

import (
	"fmt"
	"time"
)

// costs are what was measured of the program, on a machine that others used too.
type costs struct {
	before time.Duration // CPU of a request before its sources are asked: token, limits, routing
	source time.Duration // CPU for what one source gives: asking, reading, judging, merging, writing its part
	record time.Duration // CPU of an audit record, and of what else is done for an answer however small
	limit  time.Duration // of the limits' Redis, for one request
	sync   time.Duration // the index is asked what has changed, once for all who wait
	lookup time.Duration // a person is read of the index
	change time.Duration // a person is changed in the index, one after the other
	fsync  time.Duration // of a batch of audit records
	seal   time.Duration // CPU of putting an answer on the shelf
	open   time.Duration // CPU of taking one from it
	shelf  time.Duration // of the shelf's Redis, for an answer of that size

	recordBytes  float64 // an audit record
	sealedBytes  float64 // an answer on the shelf
	patientBytes float64 // a source's patient in the index, with its share of the person, its own indexes included
	imported     float64 // patients a second that one import puts into the index
}

// measured are those that docs/scale.md was made with.
func measured() costs {
	return costs{
		before: 200 * time.Microsecond, source: 730 * time.Microsecond, record: 110 * time.Microsecond, limit: 15 * time.Microsecond,
		sync: 280 * time.Microsecond, lookup: 90 * time.Microsecond, change: 290 * time.Microsecond, fsync: 1200 * time.Microsecond,
		seal: 1500 * time.Microsecond, open: 2900 * time.Microsecond, shelf: 33 * time.Microsecond,
		recordBytes: 860, sealedBytes: 64_000, patientBytes: 2_700, imported: 4_500,
	}
}

// measure is a number that a benchmark of this repository gives.
type measure struct{ what, value, by string }

// measures are the costs, each with the benchmark that it is of.
func measures(c costs) []measure {
	us := func(d time.Duration) string { return fmt.Sprintf("%d µs", d.Microseconds()) }
	return []measure{
		{"CPU of a search of three sources, 64 kB each", us(c.before + 3*c.source + c.record), "`make bench`, [RESULTS.md](../bench/RESULTS.md)"},
		{"of it each source (the split is a guess, its sum is not)", us(c.source), ""},
		{"CPU to seal an answer of 600 Observations for other gateways", us(c.seal), "`BenchmarkSharedPage/seal`, `./gateway`"},
		{"CPU to open it at another one", us(c.open), "`BenchmarkSharedPage/open`, `./gateway`"},
		{"that answer, sealed", bytesOf(c.sealedBytes), "the same"},
		{"the Redis of pages: CPU to take or give it", us(c.shelf), "`BenchmarkShelf`, `./bench/scale`"},
		{"the Redis of limits: one request", "at most " + us(c.limit), "`BenchmarkAllow`, `./gateway/ratelimit/redislimit`"},
		{"the index: what has changed? (PostgreSQL)", us(c.sync), "`BenchmarkSync`, `./mpi/sqlstore`"},
		{"the index: who is that patient?", us(c.lookup), "`BenchmarkUncached`, `./mpi/sqlstore`"},
		{"the index: a change, durable", us(c.change), "`BenchmarkPut`, `./mpi/sqlstore`"},
		{"the index: a source's patient, with its share of the person", bytesOf(c.patientBytes), "`BenchmarkIndex`, `./bench/scale`"},
		{"the index: written by one import, linking aside", count(c.imported) + " patients/s", "the same"},
		{"the trail: a sync of the disk", us(c.fsync), "`BenchmarkAppend`, `./audit/filesink`"},
		{"the trail: a record", bytesOf(c.recordBytes), "`BenchmarkRecord`, `./bench/scale`"},
	}
}
