package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// cost is what an answer costs a program.
type cost struct {
	name  string
	cpu   float64 // CPU of an answer in milliseconds, the median of all turns
	ratio float64 // to the floor's in the same round, the median
	other float64 // likewise to the other build's; 0 without one
}

// costs asks each program for a few answers in turn, round by round, one at a time. Programs without a process are left out.
func costs(ctx context.Context, all []contender, rounds, each int) ([]cost, error) {
	var those []contender
	at, other := -1, -1 // the floor, the other build
	for _, c := range all {
		if c.proc != nil {
			if c.name == floorName {
				at = len(those)
			}
			if c.name == otherName {
				other = len(those)
			}
			those = append(those, c)
		}
	}
	spent := make([][]float64, len(those))
	for round := range rounds {
		for k := range those {
			k = (k + round) % len(those) // nobody is always behind the same other
			ms, err := spentBy(ctx, those[k], round*each, each)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", those[k].name, err)
			}
			spent[k] = append(spent[k], ms)
		}
	}
	out := make([]cost, len(those))
	for k, c := range those {
		out[k] = cost{name: c.name, cpu: median(spent[k])}
		if at >= 0 {
			out[k].ratio = medianRatio(spent[k], spent[at])
		}
		if other >= 0 {
			out[k].other = medianRatio(spent[k], spent[other])
		}
	}
	return out, nil
}

// medianRatio is the median of the ratios within the rounds.
func medianRatio(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range ratios {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

// spentBy is the CPU of each of a few answers in milliseconds.
func spentBy(ctx context.Context, c contender, from, each int) (float64, error) {
	before, err := c.proc.cpu()
	if err != nil {
		return 0, err
	}
	for i := range each {
		if err := c.ask(ctx, from+i); err != nil {
			return 0, err
		}
	}
	after, err := c.proc.cpu()
	return (after - before).Seconds() * 1e3 / float64(each), err
}

func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[len(x)/2]
}

// cell is the latency of each program at one rate.
type cell struct {
	size, clients int
	delay         time.Duration
	perSecond     float64
	names         []string
	loads         []*load
}

// of is what a program did in this cell; nil when it was not there.
func (c *cell) of(name string) *load {
	if i := slices.Index(c.names, name); i >= 0 {
		return c.loads[i]
	}
	return nil
}

// above is how much later than the direct fetch, whose latency is that of the slowest source, a program's median is.
func (c *cell) above(name string) time.Duration {
	a, b := c.of(name), c.of(direct)
	if a == nil || b == nil {
		return 0
	}
	return a.Quantile(0.5) - b.Quantile(0.5)
}

// latencies runs every program at the same rate by turns.
func latencies(ctx context.Context, r *rig, delay time.Duration, clients int, perSecond float64, turns int, length time.Duration) (*cell, error) {
	c := &cell{size: r.size, clients: clients, delay: delay, perSecond: perSecond}
	for _, x := range r.all {
		c.names, c.loads = append(c.names, x.name), append(c.loads, &load{})
	}
	for turn := range turns {
		for k := range r.all {
			k = (k + turn) % len(r.all)
			c.loads[k].openLoop(ctx, perSecond, clients, length, r.all[k].ask)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	return c, nil
}

// rate is how much clients ask for: what one does who asks again after a short look at each answer, but together at most
// 40 % of what the machine can do, with the sources and the clients on it. total is the CPU of one of Concord's answers
// in all processes.
func rate(clients int, delay, total time.Duration, cores int) float64 {
	one := 1 / (2*delay + 5*total).Seconds()
	most := 0.4 * float64(cores) / total.Seconds()
	return min(float64(clients)*one, most)
}

// memory is what a gateway held, in bytes.
type memory struct {
	before, peak, after int
}

// together is the memory of a gateway that gives so many whole answers at once.
func together(ctx context.Context, r *rig, answers, rounds int) (memory, error) {
	var m memory
	var err error
	if m.before, err = r.gateway.memory("VmRSS"); err != nil {
		return m, err
	}
	if err := r.gateway.forgetPeak(); err != nil {
		return m, err
	}
	ask := r.whole(r.gateway)
	for range rounds {
		errs := make([]error, answers)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { errs[i] = ask(ctx, i) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return m, err
			}
		}
	}
	if m.peak, err = r.gateway.memory("VmHWM"); err != nil {
		return m, err
	}
	m.after, err = r.gateway.memory("VmRSS")
	return m, err
}

// rights compares the CPU of answers for tokens that look into each resource with those for a user's token.
func rights(ctx context.Context, r *rig, rounds, each int) (map[string]float64, error) {
	out := map[string]float64{}
	wide := contender{name: floorName, proc: r.gateway, ask: r.whole(r.gateway)}
	for name, scope := range map[string]string{
		"a patient's token (patient/*.rs)":      "patient/*.rs",
		"a granular one (?category=laboratory)": "patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs",
	} {
		narrow := contender{name: name, proc: r.gateway, ask: func(ctx context.Context, i int) error {
			t, err := r.token(scope, fmt.Sprintf("s0.p%d", i%people))
			if err != nil {
				return err
			}
			return r.visitor.get(ctx, r.wholeURL(r.gateway, i), t, 2*r.size)
		}}
		for i := range people {
			if err := narrow.ask(ctx, i); err != nil {
				return nil, err
			}
		}
		got, err := costs(ctx, []contender{wide, narrow}, rounds, each)
		if err != nil {
			return nil, err
		}
		out[name] = got[1].ratio
	}
	return out, nil
}
