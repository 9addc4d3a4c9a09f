package main

import (
	"math"
	"time"
)

// forecast is what the model says of a setting without simulating it.
type forecast struct {
	cpu       float64       // load of a gateway's cores
	cpuWait   time.Duration // for a core, on average
	journal   float64       // load of where the journal is
	shard     float64       // load of a shard
	shelf     float64       // load of the shelf's Redis
	limits    float64       // load of the limits'
	perFsync  float64       // records
	mean      time.Duration // of a search, until its first page is sent
	p50, p95  time.Duration
	perSecond float64 // requests, further pages included
}

// predict forecasts a setting in which nobody is remembered, nobody is killed and all are asked about alike.
func predict(s setting) forecast {
	c, more := s.cost, s.known-1
	pages := s.rate * s.paged * s.pages
	gateway := 1 / float64(s.gateways)
	merge := exponential(c.record).and(exponential(c.source).times(s.known, more)).and(constant(c.seal).times(s.paged, s.paged*(1-s.paged)))
	page := exponential(c.before).and(constant(c.open)).and(exponential(c.source)).and(constant(c.record))
	rate, work := mix([]service{exponential(c.before), merge, page}, []float64{s.rate * gateway, s.rate * gateway, pages * gateway})
	f := forecast{cpu: rate * work.mean / float64(s.cores), perSecond: s.rate + pages}
	forCore := wait(s.cores, rate, work)

	// the turns of all gateways meet at the journal
	turn := c.sync.Seconds()
	_, turns := shared(f.perSecond*gateway, turn)
	turns *= float64(s.gateways)
	f.journal = turns * turn / journalSlots
	forJournal, _ := shared(f.perSecond*gateway, turn+wait(journalSlots, turns, exponential(c.sync)))

	lookups := s.rate / float64(s.shards)
	f.shard = lookups * c.lookup.Seconds() / float64(s.shardSlots)
	forPerson := wait(s.shardSlots, lookups, exponential(c.lookup)) + c.lookup.Seconds()

	uses := s.rate*s.paged + pages
	f.shelf = uses * c.shelf.Seconds()
	forShelf := wait(1, uses, constant(c.shelf)) + c.shelf.Seconds()
	f.limits = f.perSecond * c.limit.Seconds()
	forLimit := wait(1, f.perSecond, constant(c.limit)) + c.limit.Seconds()

	forDisk, syncs := shared(f.perSecond*gateway, c.fsync.Seconds())
	f.perFsync = f.perSecond * gateway / syncs

	// what a search takes beside its sources
	beside := seconds(2*forCore + c.before.Seconds() + forLimit + forJournal + forPerson + merge.mean + s.paged*forShelf + forDisk)
	f.cpuWait = seconds(forCore)
	f.mean = slowestMean(s.budget, more, s.failing, s.latency) + beside
	f.p50 = slowestQuantile(.5, s.budget, more, s.failing, s.latency) + beside
	f.p95 = slowestQuantile(.95, s.budget, more, s.failing, s.latency) + beside
	return f
}

func seconds(s float64) time.Duration {
	if math.IsInf(s, 1) || s > math.MaxInt32 {
		return math.MaxInt64 / 4
	}
	return time.Duration(s * float64(time.Second))
}
