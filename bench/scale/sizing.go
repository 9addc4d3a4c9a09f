package main

import (
	"math"
	"time"
)

// region is whom a federation is for. What is asked of it is assumed, not measured.
type region struct {
	name    string
	persons float64
	sources float64
	known   float64 // sources that know a person, on average
}

func regions() []region {
	return []region{{"regional", 3e6, 100, 3}, {"state", 20e6, 700, 3.5}, {"national", 300e6, 10_000, 4}}
}

// What is assumed of people and machines.
const (
	searches     = 1.0   // of a person's record, a day: by whoever treats them, and by their own apps
	peak         = 2.5   // the busiest hour over the average one
	changes      = 1.0   // of who is who, for each person a year: registered, moved, merged
	cores        = 4     // of a gateway
	filled       = 0.6   // of its cores, in the busiest hour
	shardBytes   = 500e9 // of the index on one machine
	shardSlots   = 8     // questions that it answers at once
	journalSlots = 8     // the same, where the number of the last change is
	pagesKept    = 600.0 // seconds
)

// size is what a region needs.
type size struct {
	region
	rate, requests, upstream float64 // a second, in the busiest hour
	gateways, shards         int
	indexBytes               float64
	lookups, changes         float64 // a second
	journal                  float64 // load of where it is asked what has changed
	writer                   float64 // load of the one place where changes are numbered
	fill                     time.Duration
	shelfBytes, shelf        float64 // of the Redis of pages: memory, and load
	limits                   float64 // load of the Redis of limits
	audit                    float64 // bytes a day
	asks                     float64 // of one source, a second
}

// sized is the model: arithmetic on what was measured and what is assumed.
func sized(r region, c costs) size {
	z := size{region: r, rate: r.persons * searches * peak / 86400}
	s := usual(r)
	z.requests = z.rate * (1 + s.paged*s.pages)
	z.upstream = z.rate * r.known
	z.asks = z.upstream / r.sources
	s.rate, s.gateways = z.rate, 1
	s.shards = int(math.Ceil(r.persons * r.known * c.patientBytes / shardBytes))
	busy := predict(s).cpu * float64(s.cores) // cores, if it were one gateway
	z.gateways = max(2, int(math.Ceil(busy/cores/filled))) + 1
	z.shards = s.shards
	z.indexBytes = r.persons * r.known * c.patientBytes
	z.lookups = z.rate
	z.changes = r.persons * changes * peak / 365 / 86400
	s.gateways = z.gateways
	z.journal = predict(s).journal
	z.writer = z.changes * c.change.Seconds()
	z.fill = seconds(r.persons * r.known / c.imported)
	z.shelfBytes = z.rate * s.paged * pagesKept * c.sealedBytes
	z.shelf = z.rate * s.paged * (1 + s.pages) * c.shelf.Seconds()
	z.limits = z.requests * c.limit.Seconds()
	z.audit = z.requests / peak * 86400 * c.recordBytes
	return z
}

// usual is how a region's federation works in the busiest hour, all gateways up and nobody remembered yet.
func usual(r region) setting {
	return setting{seed: 1, cost: measured(), cores: cores, persons: int(r.persons), shardSlots: shardSlots, known: r.known,
		latency: latency{200 * time.Millisecond, 2 * time.Second}, budget: 5 * time.Second, failing: 0.002, paged: 0.2, pages: 1.5}
}

// warming is how long a simulation goes on before anything is counted: until as many pages are asked for as will be.
const warming = 8 * time.Second

// least is how many seconds are counted, however many searches that is.
func least(asked float64) float64 { return min(5+asked/8000, 40) }

// setting is what is simulated of it, for so many searches or the least time.
func (z size) setting(asked float64) setting {
	s := usual(z.region)
	s.rate, s.gateways, s.shards = z.rate, z.gateways, z.shards
	s.warm = warming
	s.lasts = s.warm + seconds(max(asked/s.rate, least(asked)))
	return s
}
