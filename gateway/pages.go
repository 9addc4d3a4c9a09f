package gateway

import (
	"container/list"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"concord"
	"concord/audit"
	"concord/gateway/shelf"
	"concord/merge"
	"concord/smart"
)

// pageParam names a page in a link.
const pageParam = "_page"

// How long a book is kept, and how many bytes of resources all of them may hold.
const (
	pagesFor   = 10 * time.Minute
	pagesBytes = 512 << 20
	bookBytes  = 8 << 10 // what a book holds beside its resources, about
)

// pages keeps the books of answers that have more than one page: in memory, where the longest unused goes first, and sealed
// on the shelf that gateways share, where there is one. A book never changes, so what is in memory is what is on the shelf.
// It is safe for concurrent use.
type pages struct {
	shared shelf.Shelf // nil: this gateway is alone
	keys   *shelf.Keys // of shared

	mu    sync.Mutex
	books map[string]*list.Element
	order *list.List // the most recently used first
	bytes int
	now   func() time.Time
}

type kept struct {
	id      string
	b       *book
	bytes   int
	expires time.Time
}

func newPages(s Shared) *pages {
	return &pages{shared: s.Shelf, keys: s.Keys, books: map[string]*list.Element{}, order: list.New(), now: time.Now}
}

// put keeps b and returns the name that nobody can guess. everywhere is false when other gateways could have it, and can't.
func (p *pages) put(ctx context.Context, b *book) (id string, everywhere bool) {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program first
	id = hex.EncodeToString(raw[:])
	b.from = sourcesOf(b.matches, b.others)
	expires := p.now().Add(pagesFor)
	p.keep(id, b, expires)
	if p.shared == nil {
		return id, true
	}
	sealed, ok := p.seal(id, b, expires)
	return id, ok && p.shared.Put(ctx, p.keys.Names(sortPages, id)[0], sealed, pagesFor) == nil
}

// keep keeps b in memory.
func (p *pages) keep(id string, b *book, expires time.Time) {
	k := &kept{id: id, b: b, bytes: bookBytes + sizeOf(b.matches) + sizeOf(b.others), expires: expires}
	p.mu.Lock()
	defer p.mu.Unlock()
	if old, ok := p.books[id]; ok {
		p.drop(old)
	}
	p.books[id] = p.order.PushFront(k)
	p.bytes += k.bytes
	for e := p.order.Back(); e != nil && e != p.order.Front(); e = p.order.Back() {
		old, ok := e.Value.(*kept)
		if ok && p.bytes <= pagesBytes && p.now().Before(old.expires) {
			break
		}
		p.drop(e)
	}
}

// sizeOf is about what entries hold in memory: their bytes, and the index that is about as large.
func sizeOf(entries []merge.Entry) (n int) {
	for _, e := range entries {
		for _, c := range e.Copies {
			n += 2 * len(c.Raw())
		}
	}
	return n
}

func (p *pages) drop(e *list.Element) {
	if k, ok := e.Value.(*kept); ok {
		p.bytes -= k.bytes
		delete(p.books, k.id)
	}
	p.order.Remove(e)
}

// parsePage is the name and the number that a link has.
func parsePage(token string) (id string, n int, ok bool) {
	id, number, _ := strings.Cut(token, ".")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > 1<<20 || len(id) != 32 {
		return "", 0, false
	}
	return id, n, true
}

// here is the book of that name in memory; nil when it is not there.
func (p *pages) here(id string) *book {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.books[id]
	if !ok {
		return nil
	}
	k, ok := e.Value.(*kept)
	if !ok || p.now().After(k.expires) {
		p.drop(e)
		return nil
	}
	p.order.MoveToFront(e)
	return k.b
}

// get is the book of that name, for its owner. Its error is a *concord.Fault: NotFound when it is gone, Forbidden when it is
// somebody else's, and what shelf.Shelf says.
func (p *pages) get(ctx context.Context, id string, caller smart.Caller) (*book, error) {
	gone := &concord.Fault{Op: "page", Kind: concord.NotFound}
	if b := p.here(id); b != nil {
		if b.caller != caller {
			return nil, &concord.Fault{Op: "page", Kind: concord.Forbidden}
		}
		return b, nil
	}
	if p.shared == nil {
		return nil, gone
	}
	for _, name := range p.keys.Names(sortPages, id) {
		sealed, err := p.shared.Get(ctx, name)
		if errors.Is(err, concord.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		b, expires, err := p.open(id, caller, sealed)
		if err != nil {
			return nil, err
		}
		if expires = earlier(expires, p.now().Add(pagesFor)); !p.now().Before(expires) {
			return nil, gone
		}
		b.handle = id
		p.keep(id, b, expires)
		return b, nil
	}
	return nil, gone
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// pageGone is the answer about a page that can't be had any more.
func pageGone() *problem {
	return refuse(http.StatusGone, "not-found", "this page is gone; search again")
}

// turn is the book that a link names, as long as it may be shown: to whom it was made for, while the caller reaches all of
// its sources, and while each patient in it is still the person whose it was then.
func (x *exchange) turn(id string) (*book, *problem) {
	b, err := x.g.pages.get(x.ctx, id, x.token.Caller)
	switch {
	case errors.Is(err, concord.Forbidden):
		return nil, x.otherCaller()
	case errors.Is(err, concord.NotFound):
		return nil, pageGone()
	case errors.Is(err, concord.Malformed): // of another version, of other keys, or no longer what was put there
		x.g.cfg.Log.Warn("a page from the shared store can't be opened", slog.String("request_id", x.id))
		return nil, pageGone()
	case err != nil:
		return nil, ofFault(err)
	case !x.reachesAll(b):
		return nil, pageGone()
	}
	for _, was := range b.people {
		now, err := x.session.Person(was.ID)
		if err != nil && !errors.Is(err, concord.NotFound) {
			return nil, ofFault(err)
		}
		for _, ref := range meant(was) {
			if err != nil || !now.Has(ref) {
				return nil, pageGone()
			}
		}
	}
	return b, nil
}

// otherCaller is the 403 for a link that belongs to somebody else.
func (x *exchange) otherCaller() *problem {
	x.denied = audit.OtherCaller
	return refuse(http.StatusForbidden, "forbidden", "this link belongs to another caller")
}
