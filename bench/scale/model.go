package main

import (
	"math"
	"slices"
	"time"
)

// setting is a system and what is asked of it.
type setting struct {
	seed     uint64
	lasts    time.Duration // of the arrivals
	warm     time.Duration // not looked at
	rate     float64       // searches a second
	gateways int
	cores    int // of a gateway
	cost     costs

	persons    int     // that are asked about
	skew       float64 // of the Zipf distribution by which: 0 is all alike
	remembered int     // persons in a gateway's memory

	shards     int // of the index
	shardSlots int // questions that a shard answers at once

	known   float64 // sources that know a person, on average, at least one
	asked   int     // above 0: so many sources are asked, whoever knows the person (no record locator)
	latency latency
	budget  time.Duration // of a source
	failing float64       // share of asks to which a source does not answer

	paged float64 // share of searches with a further page
	pages float64 // how many of those are asked for, on average, each of any gateway

	kill  time.Duration // when one gateway is killed; 0: none
	found time.Duration // until the balancer notices
}

// outcome is what came of it.
type outcome struct {
	searches, pages sample
	asked           int64         // searches that began after the warm-up
	incomplete      int64         // a source is missing from them
	repeated        int64         // had to be asked again: their gateway was killed
	cpu             float64       // load of the cores, on average
	cpuWait         time.Duration // for a core, on average
	shards          []float64     // load of each
	shardAsks       []int64
	journal         float64 // load of where the number of the last change is
	shelf, limits   float64 // of the Redis of pages, and of that of limits
	hits, lookups   int64
	lost            int64 // neither answered nor asked again by the end
	recordsPerFsync float64
}

// machine is one gateway.
type machine struct {
	cpu     *station
	journal *batcher
	disk    *batcher
	memory  map[int]struct{}
	ring    []int // of memory, in the order of their coming
	next    int
	records int64
	dead    bool
	life    int // raised when it is killed: what was under way is gone
}

type system struct {
	*world
	set      setting
	machines []*machine
	shards   []*station
	journal  *station
	shelf    *station
	limits   *station
	zipf     *zipf
	out      outcome
	open     int64
}

// simulate runs a setting.
func simulate(set setting) outcome {
	w := newWorld(set.seed)
	s := &system{world: w, set: set, journal: newStation(w, journalSlots), shelf: newStation(w, 1), limits: newStation(w, 1), zipf: newZipf(set.persons, set.skew)}
	s.out.shardAsks = make([]int64, set.shards)
	for range set.shards {
		s.shards = append(s.shards, newStation(w, set.shardSlots))
	}
	for range set.gateways {
		m := &machine{cpu: newStation(w, set.cores), memory: map[int]struct{}{}}
		m.journal = &batcher{w: w, via: s.journal, takes: func() time.Duration { return w.exponential(set.cost.sync) }}
		m.disk = &batcher{w: w, takes: func() time.Duration { return w.exponential(set.cost.fsync) }}
		s.machines = append(s.machines, m)
	}
	s.arrive()
	if set.kill > 0 {
		s.after(set.kill, func() { s.machines[0].dead = true; s.machines[0].life++ })
	}
	s.after(set.warm, s.forget)
	s.run(set.lasts)
	s.sumUp(set.lasts - set.warm)
	s.run(set.lasts + time.Minute)
	s.out.lost = s.open
	return s.out
}

// forget has all stations count anew, when the system is as it is going to be.
func (s *system) forget() {
	for _, x := range append(slices.Clone(s.shards), s.journal, s.shelf, s.limits) {
		x.forget()
	}
	for _, m := range s.machines {
		m.cpu.forget()
		m.records, m.disk.runs = 0, 0
	}
}

// sumUp tells what the stations did since then.
func (s *system) sumUp(over time.Duration) {
	o := &s.out
	var waited time.Duration
	var visits int64
	for _, m := range s.machines {
		o.cpu += m.cpu.load(over) / float64(len(s.machines))
		waited, visits = waited+m.cpu.waited, visits+m.cpu.served
		o.recordsPerFsync += float64(m.records) / float64(max(m.disk.runs, 1)) / float64(len(s.machines))
	}
	o.cpuWait = waited / time.Duration(max(visits, 1))
	for _, x := range s.shards {
		o.shards = append(o.shards, x.load(over))
	}
	o.journal, o.shelf, o.limits = s.journal.load(over), s.shelf.load(over), s.limits.load(over)
}

// arrive has searches come as a Poisson process.
func (s *system) arrive() {
	gap := s.exponential(time.Duration(float64(time.Second) / s.set.rate))
	if s.now+gap > s.set.lasts {
		return
	}
	s.after(gap, func() {
		s.open++
		if s.now >= s.set.warm {
			s.out.asked++
		}
		s.search(s.now, s.zipf.draw(s.world))
		s.arrive()
	})
}

// pick is a gateway by chance, which is worse than what most balancers do. One that was killed is still sent requests until
// it is noticed.
func (s *system) pick() *machine {
	for {
		m := s.machines[s.rand.IntN(len(s.machines))]
		if !m.dead || s.now < s.set.kill+s.set.found {
			return m
		}
	}
}

// at goes on with do unless the gateway was killed since; then again is done instead: the client asks anew.
func (m *machine) at(life int, do, again func()) func() {
	return func() {
		if m.life != life {
			again()
			return
		}
		do()
	}
}

// search is a whole search: once its answer left, its further pages are asked for.
func (s *system) search(began time.Duration, person int) {
	m, set := s.pick(), &s.set
	again := func() {
		s.out.repeated++
		s.after(10*time.Millisecond, func() { s.search(began, person) })
	}
	if m.dead {
		again()
		return
	}
	life := m.life
	then := func(do func()) func() { return m.at(life, do, again) }
	n := set.asked
	if n == 0 {
		n = 1 + s.poisson(set.known-1)
	}
	m.cpu.serve(s.exponential(set.cost.before), then(func() {
		s.sync(m, then(func() {
			s.know(m, person, then(func() {
				wait, missing := s.ask(n)
				s.after(wait, then(func() {
					merge := s.exponential(set.cost.record)
					for range n {
						merge += s.exponential(set.cost.source)
					}
					paged := s.rand.Float64() < set.paged
					if paged {
						merge += set.cost.seal
					}
					m.cpu.serve(merge, then(func() {
						write := func() { m.record(then(func() { s.answered(began, missing, paged) })) }
						if paged {
							s.shelf.serve(set.cost.shelf, then(write))
						} else {
							write()
						}
					}))
				}))
			}))
		}))
	}))
}

// sync counts a request, and has what others changed in the index known.
func (s *system) sync(m *machine, done func()) {
	s.limits.serve(s.set.cost.limit, func() { m.journal.join(done) })
}

// record is durable before the answer leaves.
func (m *machine) record(done func()) {
	m.records++
	m.disk.join(done)
}

// know reads a person: of memory, or of its shard.
func (s *system) know(m *machine, person int, done func()) {
	s.out.lookups++
	if _, ok := m.memory[person]; ok {
		s.out.hits++
		done()
		return
	}
	shard := int(scatter(uint64(person)) % uint64(len(s.shards)))
	s.out.shardAsks[shard]++
	s.shards[shard].serve(s.exponential(s.set.cost.lookup), func() {
		m.remember(person, s.set.remembered)
		done()
	})
}

func (m *machine) remember(person, most int) {
	if _, ok := m.memory[person]; ok || most == 0 {
		return
	}
	m.memory[person] = struct{}{}
	if len(m.ring) < most {
		m.ring = append(m.ring, person)
		return
	}
	delete(m.memory, m.ring[m.next])
	m.ring[m.next] = person
	m.next = (m.next + 1) % most
}

// scatter spreads numbers over shards as a hash does (SplitMix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// ask is how long the slowest of n sources takes, and whether one of them is missing from the answer.
func (s *system) ask(n int) (wait time.Duration, missing bool) {
	for range n {
		d := s.world.latency(s.set.latency)
		if s.rand.Float64() < s.set.failing || d > s.set.budget {
			d, missing = s.set.budget, true
		}
		wait = max(wait, d)
	}
	return wait, missing
}

func (s *system) answered(began time.Duration, missing, paged bool) {
	s.open--
	if began >= s.set.warm {
		s.out.searches = append(s.out.searches, s.now-began)
		if missing {
			s.out.incomplete++
		}
	}
	if paged {
		s.read(s.poisson(s.set.pages))
	}
}

// read asks for so many further pages, one after the other.
func (s *system) read(pages int) {
	if pages > 0 {
		s.after(s.exponential(reading), func() { s.page(s.now, pages-1) })
	}
}

// reading is how long a client has to do with a page, on average, until it asks for the next one.
const reading = time.Second

// page is a further page, of whichever gateway, and so many after it.
func (s *system) page(began time.Duration, more int) {
	m := s.pick()
	again := func() {
		s.out.repeated++
		s.after(10*time.Millisecond, func() { s.page(began, more) })
	}
	if m.dead {
		again()
		return
	}
	life := m.life
	then := func(do func()) func() { return m.at(life, do, again) }
	m.cpu.serve(s.exponential(s.set.cost.before)+s.set.cost.open+s.exponential(s.set.cost.source)+s.set.cost.record, then(func() {
		s.sync(m, then(func() {
			s.shelf.serve(s.set.cost.shelf, then(func() {
				m.record(then(func() {
					if began >= s.set.warm {
						s.out.pages = append(s.out.pages, s.now-began)
					}
					s.read(more)
				}))
			}))
		}))
	}))
}

func (w *world) poisson(mean float64) (n int) {
	for limit, p := math.Exp(-mean), w.rand.Float64(); p > limit; n++ {
		p *= w.rand.Float64()
	}
	return n
}

// zipf draws numbers below n, the lower the likelier: k+1 to the power of −skew.
type zipf struct {
	n    int
	skew float64
	sums []float64 // of the first ones, which are told apart
	tail float64   // of all others, which are alike to a power law's integral
}

// told is how many persons have their own place in the distribution; those behind are drawn by its integral.
const told = 100_000

func newZipf(n int, skew float64) *zipf {
	z := &zipf{n: n, skew: skew}
	if skew == 0 {
		return z
	}
	sum := 0.0
	for k := range min(n, told) {
		sum += math.Pow(float64(k+1), -skew)
		z.sums = append(z.sums, sum)
	}
	z.tail = z.integral(float64(n)+0.5) - z.integral(float64(len(z.sums))+0.5)
	return z
}

// integral is that of x to the power of −skew.
func (z *zipf) integral(x float64) float64 {
	if z.skew == 1 {
		return math.Log(x)
	}
	return math.Pow(x, 1-z.skew) / (1 - z.skew)
}

func (z *zipf) draw(w *world) int {
	if z.skew == 0 {
		return w.rand.IntN(z.n)
	}
	last := z.sums[len(z.sums)-1]
	u := w.rand.Float64() * (last + z.tail)
	if u < last {
		k, _ := slices.BinarySearch(z.sums, u)
		return k
	}
	from := z.integral(float64(len(z.sums)) + 0.5)
	x := from + (u - last)
	if z.skew == 1 {
		x = math.Exp(x)
	} else {
		x = math.Pow(x*(1-z.skew), 1/(1-z.skew))
	}
	return min(max(int(x), len(z.sums)), z.n-1)
}
