package connectors

import (
	"context"
	"slices"
	"sync"
	"time"

	"concord"
)

// Hedge is what became of a second request, from a closed set. The zero value is that there was none.
type Hedge string

// The ends of a hedge.
const (
	NotHedged Hedge = ""
	HedgeWon  Hedge = "won"  // the second answer was taken
	HedgeLost Hedge = "lost" // the first was, or neither was any good
)

const (
	hedgeShare = 0.05 // of the requests, at most, are sent twice
	hedgeBurst = 3    // that may be saved up
	hedgeLearn = 40   // answers before a source's time is known
	hedgeKeep  = 200  // answers that its time is known by
	hedgeAnew  = 20   // answers after which it is reckoned anew
)

// hedges decides which requests are sent a second time. It is safe for concurrent use.
type hedges struct {
	mu     sync.Mutex
	budget float64 // requests that may be sent twice now
	times  map[string]*times
}

// times are how long a source took lately for one kind of question.
type times struct {
	ring  []time.Duration
	at    int
	fresh int // since late was reckoned
	late  time.Duration
}

func newHedges() *hedges {
	return &hedges{times: map[string]*times{opSearch: {}, opRead: {}}}
}

// asked counts a request, and tells after how long it counts as late; 0 when that is not known yet.
func (h *hedges) asked(op string) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.budget = min(hedgeBurst, h.budget+hedgeShare)
	return h.times[op].late
}

// take takes a second request from the budget, and tells whether there was one.
func (h *hedges) take() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.budget < 1 {
		return false
	}
	h.budget--
	return true
}

// took learns how long a request took, or had taken when it was given up for its second.
func (h *hedges) took(op string, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.times[op]
	if len(t.ring) < hedgeKeep {
		t.ring = append(t.ring, d)
	} else {
		t.ring[t.at] = d
		t.at = (t.at + 1) % hedgeKeep
	}
	if t.fresh++; t.fresh >= hedgeAnew && len(t.ring) >= hedgeLearn {
		t.fresh = 0
		sorted := slices.Clone(t.ring)
		slices.Sort(sorted)
		p95 := sorted[len(sorted)*95/100]
		t.late = p95 + p95/4 // a source that takes about as long each time is not late
	}
}

// try is one of the two ways to an answer.
type try struct {
	rep   reply
	fault *concord.Fault
	n     tally
	hedge bool
}

// sendHedged is send; where the source is late by its own measure, the request is sent a second time, once, and the answer
// that is good first is taken.
func (c *Client) sendHedged(ctx context.Context, q call, token string, n *tally) (reply, *concord.Fault) {
	if c.hedges == nil || !q.first {
		return c.send(ctx, q, token, n)
	}
	began := time.Now()
	late := c.hedges.asked(q.op)
	if left, bounded := remaining(ctx); late == 0 || bounded && 2*late > left { // the second would come too late
		rep, fault := c.send(ctx, q, token, n)
		c.learn(q.op, fault, began)
		return rep, fault
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // whoever is not waited for ends
	tries := make(chan try, 2)
	c.try(tries, false, q.op, func(n *tally) (reply, *concord.Fault) { return c.send(ctx, q, token, n) })
	timer := time.NewTimer(late)
	defer timer.Stop()
	var first try
	select {
	case first = <-tries:
		*n = first.n
		c.learn(q.op, first.fault, began)
		return first.rep, first.fault
	case <-timer.C:
	}
	second := c.hedge(ctx, tries, q, token)
	first = <-tries
	if second && first.fault != nil {
		if other := <-tries; other.fault == nil || !other.hedge { // of two faults the first request's is told
			first = other
		}
	}
	*n = first.n
	if second {
		n.attempts++ // the other one
		n.hedge = HedgeLost
		if first.hedge {
			n.hedge = HedgeWon
		}
	}
	c.learn(q.op, first.fault, began)
	return first.rep, first.fault
}

// learn takes an answer's time. Of a request that was given up, what it had taken by then is the least that it would have.
func (c *Client) learn(op string, fault *concord.Fault, began time.Time) {
	if fault == nil {
		c.hedges.took(op, time.Since(began))
	}
}

// hedge sends the request a second time, unless that would be one too many, or the source has no place for it now.
func (c *Client) hedge(ctx context.Context, tries chan<- try, q call, token string) bool {
	done, ok := c.cfg.Gate.tryPass()
	if !ok {
		return false
	}
	if !c.hedges.take() {
		done()
		return false
	}
	c.try(tries, true, q.op, func(n *tally) (reply, *concord.Fault) {
		ctx := context.WithValue(withCount(ctx, &n.attempts), heldKey{}, &held{done})
		resp, err := c.once.Do(c.request(ctx, q, token)) //nolint:bodyclose // receive does
		rep, fault := c.receive(ctx, q, resp, err)
		done() // when it was never sent; otherwise it is done already
		return rep, fault
	})
	return true
}

// try runs one of the two; it never fails to answer.
func (c *Client) try(out chan<- try, hedge bool, op string, ask func(*tally) (reply, *concord.Fault)) {
	go func() {
		t := try{hedge: hedge, fault: c.fault(op, concord.Malformed, 0, errPanic)} // what stands if the next line panics
		defer func() {
			_ = recover()
			out <- t
		}()
		t.rep, t.fault = ask(&t.n)
	}()
}

// held is a place at the gate that a request brings along.
type held struct{ done func() }

type heldKey struct{}

func (h *held) pass(context.Context) (func(), error) { return h.done, nil }
