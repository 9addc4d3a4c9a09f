package ratelimit

import (
	"context"
	"errors"
	"sync"
	"time"

	"concord"
)

// maxKeys bounds the callers of one class that are counted at a time; each takes some 200 bytes.
const maxKeys = 100_000

// Options tune a Memory. The zero value is good for production.
type Options struct {
	MaxKeys int              // callers per class counted at a time; beyond it new ones are refused until windows end; 0: 100,000
	Clock   func() time.Time // nil: time.Now, whose readings are not moved by steps of the system's clock
}

// Memory is a Limiter of this process. Each of several replicas counts for itself, so together they allow up to that many
// times the limit.
type Memory struct {
	opts Options
	mu   sync.Mutex
	last time.Time // the latest reading; a clock that goes back stands still here
	of   [len(classNames)]*table
}

// table counts one class. Windows that began before the last turn are in old; a turn comes once a window's length, and then
// every window in old has ended, so dropping it whole frees memory without a search.
type table struct {
	rate     Rate
	turned   time.Time
	swept    time.Time
	now, old map[Key]*window
}

type window struct {
	ends time.Time
	used int
}

var _ Limiter = (*Memory)(nil)

// NewMemory counts the classes that rates has. A rate that is not positive is Invalid.
func NewMemory(rates map[Class]Rate, o Options) (*Memory, error) {
	if o.MaxKeys <= 0 {
		o.MaxKeys = maxKeys
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	m := &Memory{opts: o, last: o.Clock()}
	if err := m.SetRates(rates); err != nil {
		return nil, err
	}
	return m, nil
}

// SetRates makes the rates others from now on, all of them or, when one is Invalid, none. What was counted in windows of the
// same length stays counted; another length begins anew.
func (m *Memory) SetRates(rates map[Class]Rate) error {
	for c, r := range rates {
		if c == NoClass || int(c) >= len(m.of) || !r.valid() {
			return invalid("class or rate")
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.of {
		r, ok := rates[Class(c)]
		switch {
		case !ok:
			m.of[c] = nil
		case m.of[c] != nil && m.of[c].rate.Window == r.Window:
			m.of[c].rate = r
		default:
			m.of[c] = &table{rate: r, turned: m.last, now: map[Key]*window{}}
		}
	}
	return nil
}

// Allow counts a request of k, unless k's window is used up. It never waits.
func (m *Memory) Allow(_ context.Context, c Class, k Key) (Decision, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if int(c) >= len(m.of) || m.of[c] == nil {
		return Decision{}, invalid("class")
	}
	t := m.of[c]
	now := m.opts.Clock()
	if now.Before(m.last) { // only a clock without a monotonic reading can
		now = m.last
	}
	m.last = now
	t.turn(now)
	w := t.find(k, now)
	if w == nil {
		if len(t.now)+len(t.old) >= m.opts.MaxKeys {
			t.sweep(now)
		}
		if len(t.now)+len(t.old) >= m.opts.MaxKeys { // forgetting a live window would grant a second one
			return Decision{Limit: t.rate.Limit, Reset: now.Add(t.rate.Window), RetryAfter: t.rate.Window}, nil
		}
		w = &window{ends: now.Add(t.rate.Window)}
		t.now[k] = w
	}
	d := Decision{Limit: t.rate.Limit, Reset: w.ends} // more may be used up than a limit that was lowered meanwhile
	if w.used >= t.rate.Limit {
		d.RetryAfter = w.ends.Sub(now)
		return d, nil
	}
	w.used++
	d.Allowed, d.Remaining = true, t.rate.Limit-w.used
	return d, nil
}

// turn drops what has ended, when it is time to.
func (t *table) turn(now time.Time) {
	switch age := now.Sub(t.turned); {
	case age >= 2*t.rate.Window: // every window began before now minus one window's length
		t.old, t.now, t.turned = nil, map[Key]*window{}, now
	case age >= t.rate.Window:
		t.old, t.now, t.turned = t.now, map[Key]*window{}, now
	}
}

// sweep makes room in a full table by dropping the ended windows that wait for their turn. It looks at all of them, so it
// does nothing when it was done a moment ago.
func (t *table) sweep(now time.Time) {
	if now.Sub(t.swept) < t.rate.Window/60 {
		return
	}
	t.swept = now
	for k, w := range t.old { // none in now has ended: they began after the turn
		if !now.Before(w.ends) {
			delete(t.old, k)
		}
	}
}

// find is k's window, if it has not ended.
func (t *table) find(k Key, now time.Time) *window {
	for _, m := range []map[Key]*window{t.now, t.old} {
		if w := m[k]; w != nil {
			if now.Before(w.ends) {
				return w
			}
			delete(m, k)
		}
	}
	return nil
}

func invalid(what string) error {
	return &concord.Fault{Op: "rate limit", Kind: concord.Invalid, Err: errors.New(what)}
}
