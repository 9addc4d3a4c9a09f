package main

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// world is the clock and what is due. It knows no goroutine: the same seed gives the same run.
type world struct {
	now   time.Duration
	due   events
	count int64
	rand  *rand.Rand
}

type event struct {
	at    time.Duration
	order int64 // of events at the same time, that of their making
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *events) Push(x any) { *e = append(*e, x.(event)) } //nolint:forcetypeassert // it is only pushed here

// Pop implements heap.Interface.
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newWorld(seed uint64) *world {
	return &world{rand: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // a simulation has to be repeatable
}

// after has do done when d has passed.
func (w *world) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.due, event{w.now + max(d, 0), w.count, do})
}

// run goes on until nothing is due, or the time is over.
func (w *world) run(until time.Duration) {
	for len(w.due) > 0 && w.due[0].at <= until {
		e := heap.Pop(&w.due).(event) //nolint:forcetypeassert // as above
		w.now = e.at
		e.do()
	}
}

// station is servers behind one queue, first come first served: cores, connections of a shard, a disk.
type station struct {
	w       *world
	servers int
	busy    int
	queue   []job
	head    int // of queue, the first that waits

	used   time.Duration // of all servers
	waited time.Duration // of all jobs, in the queue
	served int64
}

type job struct {
	came, takes time.Duration
	done        func()
}

func newStation(w *world, servers int) *station { return &station{w: w, servers: servers} }

// serve has a job done that takes so long, once a server is free.
func (s *station) serve(takes time.Duration, done func()) {
	if s.busy == s.servers {
		s.queue = append(s.queue, job{s.w.now, takes, done})
		return
	}
	s.busy++
	s.begin(job{s.w.now, takes, done})
}

func (s *station) begin(j job) {
	s.used += j.takes
	s.waited += s.w.now - j.came
	s.served++
	s.w.after(j.takes, func() {
		if s.head < len(s.queue) {
			next := s.queue[s.head]
			s.queue[s.head] = job{}
			if s.head++; s.head > 1024 && 2*s.head > len(s.queue) {
				s.queue = append(s.queue[:0], s.queue[s.head:]...)
				s.head = 0
			}
			s.begin(next)
		} else {
			s.busy--
		}
		j.done()
	})
}

// load is the share of its servers' time that was used.
func (s *station) load(of time.Duration) float64 {
	return float64(s.used) / float64(of) / float64(s.servers)
}

// forget begins to count anew.
func (s *station) forget() { s.used, s.waited, s.served = 0, 0, 0 }

// wait is the mean time in the queue.
func (s *station) wait() time.Duration { return s.waited / time.Duration(max(s.served, 1)) }

// batcher is work that those who come while it is under way share the next time, as a group commit does, or a look at what
// has changed.
type batcher struct {
	w       *world
	takes   func() time.Duration
	via     *station // where it is done; nil: here, alone
	under   bool
	waiting []func()
	runs    int64
}

func (b *batcher) join(done func()) {
	b.waiting = append(b.waiting, done)
	if !b.under {
		b.start()
	}
}

func (b *batcher) start() {
	all := b.waiting
	b.waiting, b.under = nil, true
	b.runs++
	end := func() {
		b.under = false
		if len(b.waiting) > 0 {
			b.start()
		}
		for _, done := range all {
			done()
		}
	}
	if b.via != nil {
		b.via.serve(b.takes(), end)
	} else {
		b.w.after(b.takes(), end)
	}
}

// exponential is a time of that mean.
func (w *world) exponential(mean time.Duration) time.Duration {
	return time.Duration(w.rand.ExpFloat64() * float64(mean))
}

// latency is how long something elsewhere takes: log-normal, told by its median and its 99th percentile.
type latency struct{ median, p99 time.Duration }

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

func (l latency) sigma() float64 { return math.Log(float64(l.p99)/float64(l.median)) / z99 }

func (w *world) latency(l latency) time.Duration {
	return time.Duration(float64(l.median) * math.Exp(l.sigma()*w.rand.NormFloat64()))
}

// sample are times, of which quantiles are asked.
type sample []time.Duration

func (s sample) quantile(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	slices.Sort(s)
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

func (s sample) mean() time.Duration {
	var sum float64
	for _, x := range s {
		sum += float64(x)
	}
	return time.Duration(sum / float64(max(len(s), 1)))
}
