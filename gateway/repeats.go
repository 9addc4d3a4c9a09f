package gateway

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"concord/fhir"
	"concord/mpi"
)

// repeatsBytes is how much all answers that are kept for their repeats may hold.
const repeatsBytes = 64 << 20

// repeats keeps whole answers for the caller that got them, in case he asks the same again while they are fresh. It is in
// memory alone, the longest unused goes first, and it is safe for concurrent use. A nil one keeps nothing.
//
// An answer is found only by who asks, with which rights, what, and of whom as the index knows that person then: whatever
// changes in the index makes another question of it. One from which a source is missing, or that has more pages, is not kept.
type repeats struct {
	fresh time.Duration
	now   func() time.Time

	mu    sync.Mutex
	all   map[question]*list.Element // of *repeated
	order *list.List                 // the most recently used first
	bytes int
	since int // how often all of it was forgotten
}

// question is a digest of all that an answer depends on but the sources. The zero question is none.
type question [sha256.Size]byte

// repeated is an answer that was given. It never changes.
type repeated struct {
	of        question
	body      []byte
	sources   string // Server-Timing, of the answer as it was found
	disclosed map[fhir.ResourceType]int
	asked     time.Time // when its sources began to be asked
}

func newRepeats(fresh time.Duration) *repeats {
	if fresh <= 0 {
		return nil
	}
	return &repeats{fresh: fresh, now: time.Now, all: map[question]*list.Element{}, order: list.New()}
}

// get is the answer to q, if it is still fresh.
func (p *repeats) get(q question) *repeated {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.all[q]
	if !ok {
		return nil
	}
	r, ok := e.Value.(*repeated)
	if !ok || p.now().Sub(r.asked) >= p.fresh {
		p.drop(e)
		return nil
	}
	p.order.MoveToFront(e)
	return r
}

// put keeps r, unless everything was forgotten since the count was since: what r says may be older than what made that
// necessary.
func (p *repeats) put(r *repeated, since int) {
	if len(r.body) > repeatsBytes/2 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since != since {
		return
	}
	if old, ok := p.all[r.of]; ok {
		p.drop(old)
	}
	p.all[r.of] = p.order.PushFront(r)
	p.bytes += len(r.body)
	for e := p.order.Back(); e != p.order.Front(); e = p.order.Back() {
		if old, ok := e.Value.(*repeated); ok && p.bytes <= repeatsBytes && p.now().Sub(old.asked) < p.fresh {
			break
		}
		p.drop(e)
	}
}

func (p *repeats) drop(e *list.Element) {
	if r, ok := e.Value.(*repeated); ok {
		p.bytes -= len(r.body)
		delete(p.all, r.of)
	}
	p.order.Remove(e)
}

// count is how often everything was forgotten.
func (p *repeats) count() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since
}

// forget drops all: something was written, which whoever wrote it looks for.
func (p *repeats) forget() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.all)
	p.order.Init()
	p.bytes = 0
	p.since++
}

// repeatable is the question that a search of a person's record is; ok is false for one whose answer is neither kept nor
// given again: what an emergency asks, a client that wants it anew, what is a part of something else, what brings along
// records that may be others'.
func (x *exchange) repeatable(q *query, person mpi.Person) (_ question, ok bool) {
	if x.g.repeats == nil || x.glass || person.Version == 0 || x.route.interaction != fhir.SearchType || len(q.includes) > 0 || x.wantsAnew() {
		return question{}, false
	}
	rights := x.grant.Digest()
	var told []byte
	say := func(s string) { told = append(binary.AppendUvarint(told, uint64(len(s))), s...) }
	c := x.token.Caller
	for _, s := range []string{c.Issuer, c.Subject, c.Client, c.Tenant, string(rights[:]), string(x.of.ID), string(person.ID), string(q.typ), strconv.FormatBool(x.strict())} {
		say(s)
	}
	told = binary.AppendVarint(binary.AppendVarint(told, x.of.Version), person.Version)
	for _, l := range person.Links { // the version says it, and this makes sure
		say(string(l.Ref.Source))
		say(l.Ref.Reveal())
		told = append(told, byte(l.Grade), flag(l.Frozen), flag(l.ReplacedBy.IsZero()))
	}
	for _, p := range q.asked {
		say(p.key)
		say(p.value)
	}
	return sha256.Sum256(told), true
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// wantsAnew tells whether the client takes no answer that was kept (RFC 9111 5.2.1): any word on caching that is not known
// to allow one asks for a new one.
func (x *exchange) wantsAnew() bool {
	if len(x.r.Header.Values("Pragma")) > 0 {
		return true
	}
	for _, h := range x.r.Header.Values("Cache-Control") {
		for d := range strings.SplitSeq(h, ",") {
			if d = strings.ToLower(strings.TrimSpace(d)); d != "" && d != "no-transform" {
				return true
			}
		}
	}
	return false
}

// again is the answer to a question that was answered a moment ago; nil when there is none.
func (x *exchange) again(q question) *answer {
	r := x.g.repeats.get(q)
	if r == nil {
		return nil
	}
	x.disclosed = maps.Clone(r.disclosed)
	a := okay(r.body)
	age := max(x.g.repeats.now().Sub(r.asked), 0)
	a.header = map[string]string{"Age": strconv.Itoa(int((age + time.Second - 1) / time.Second)), "Server-Timing": r.sources}
	x.g.cfg.Metrics.repeated.Inc()
	return a
}

// keepAnswer keeps the only page of a book for its repeats. Its body is then nobody's but theirs.
func (x *exchange) keepAnswer(b *book, a *answer) {
	if b.partial || a.partial || a.status != http.StatusOK {
		return
	}
	body := a.body
	if a.lent = false; cap(body)-len(body) > len(body)/8 { // in a room that is too large for it
		body = slices.Clone(body)
	}
	a.body = body
	x.g.repeats.put(&repeated{of: x.asks, body: body, sources: b.sources, disclosed: maps.Clone(x.disclosed), asked: x.began}, x.before)
}
