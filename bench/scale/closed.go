package main

import (
	"math"
	"time"
)

// erlangC is the probability that a customer of an M/M/c queue has to wait, at a load of a servers' worth of work.
func erlangC(c int, a float64) float64 {
	if a >= float64(c) {
		return 1
	}
	b := 1.0 // Erlang's B, by its recursion
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b)
	}
	return b / (1 - a/float64(c)*(1-b))
}

// service is how long something takes: its mean, in seconds, and its variance.
type service struct{ mean, variance float64 }

func exponential(mean time.Duration) service {
	m := mean.Seconds()
	return service{m, m * m}
}

func constant(d time.Duration) service { return service{d.Seconds(), 0} }

// and is one after the other.
func (s service) and(o service) service { return service{s.mean + o.mean, s.variance + o.variance} }

// times is n of them, n being a random number of that mean and variance.
func (s service) times(mean, variance float64) service {
	return service{mean * s.mean, mean*s.variance + variance*s.mean*s.mean}
}

// mix is what a station is asked for that serves several kinds, each so often a second.
func mix(kinds []service, often []float64) (rate float64, s service) {
	var second float64
	for i, k := range kinds {
		rate += often[i]
		s.mean += often[i] * k.mean
		second += often[i] * (k.variance + k.mean*k.mean)
	}
	s.mean /= rate
	s.variance = second/rate - s.mean*s.mean
	return rate, s
}

// wait is the mean time in the queue of an M/G/c station, in seconds: exact for one server and for exponential service, and
// otherwise the approximation of Lee and Longton. Infinite when there is too much to do.
func wait(servers int, rate float64, s service) float64 {
	a := rate * s.mean
	if a >= float64(servers) {
		return math.Inf(1)
	}
	spread := s.variance / (s.mean * s.mean)
	return erlangC(servers, a) * s.mean / (float64(servers) - a) * (1 + spread) / 2
}

// shared is a batcher whose turns take an exponential time of that mean, joined so often a second by chance: the mean time
// until the turn that one shares is over, and how many turns there are a second.
//
// Who comes while nothing is under way waits for one turn; who comes otherwise for what is left of it, which is as long
// again, and for the next one. After a turn the next follows if somebody came meanwhile, which has the chance rm/(1+rm).
func shared(rate, mean float64) (wait, turns float64) {
	x := rate * mean
	busy, idle := mean*(1+x), 1/rate // how long it is under way at a stretch, and how long it is not
	return mean * (1 + busy/(busy+idle)), (1 + x) / (busy + idle)
}

// slowest tells how likely it is that the slowest of 1+Poisson(more) sources has answered after t, or is given up: each
// answers within budget with the latency l, or, with the chance failing, not.
func slowest(t, budget time.Duration, more, failing float64, l latency) float64 {
	if t >= budget {
		return 1
	}
	f := (1 - failing) * 0.5 * math.Erfc(-math.Log(float64(t)/float64(l.median))/l.sigma()/math.Sqrt2)
	return f * math.Exp(-more*(1-f))
}

// slowestMean is its mean.
func slowestMean(budget time.Duration, more, failing float64, l latency) time.Duration {
	const steps = 20_000
	var sum float64
	for i := range steps {
		sum += 1 - slowest(time.Duration((float64(i)+0.5)/steps*float64(budget)), budget, more, failing, l)
	}
	return time.Duration(sum / steps * float64(budget))
}

// slowestQuantile is one of its quantiles.
func slowestQuantile(q float64, budget time.Duration, more, failing float64, l latency) time.Duration {
	low, high := time.Duration(1), budget
	for high-low > time.Microsecond {
		if t := (low + high) / 2; slowest(t, budget, more, failing, l) < q {
			low = t
		} else {
			high = t
		}
	}
	return high
}
