package gateway

import (
	"container/list"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"concord/audit"
	"concord/merge"
)

// pageParam names a page in a link.
const pageParam = "_page"

// How long a book is kept, and how many bytes of resources all of them may hold.
const (
	pagesFor   = 10 * time.Minute
	pagesBytes = 512 << 20
	bookBytes  = 8 << 10 // what a book holds beside its resources, about
)

// pages keeps the books of answers that have more than one page, in memory: the longest unused goes first. It is safe for
// concurrent use.
type pages struct {
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

func newPages() *pages {
	return &pages{books: map[string]*list.Element{}, order: list.New(), now: time.Now}
}

// put keeps b and returns the name that nobody can guess.
func (p *pages) put(b *book) string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program first
	id := hex.EncodeToString(raw[:])
	b.from = sourcesOf(b.matches, b.others)
	k := &kept{id: id, b: b, bytes: bookBytes + sizeOf(b.matches) + sizeOf(b.others), expires: p.now().Add(pagesFor)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.books[id] = p.order.PushFront(k)
	p.bytes += k.bytes
	for e := p.order.Back(); e != nil && e != p.order.Front(); e = p.order.Back() {
		old, ok := e.Value.(*kept)
		if ok && p.bytes <= pagesBytes && p.now().Before(old.expires) {
			break
		}
		p.drop(e)
	}
	return id
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

// get is the book and the number of the page that a link names; nil when it is gone.
func (p *pages) get(token string) (b *book, id string, n int) {
	id, number, _ := strings.Cut(token, ".")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > 1<<20 {
		return nil, "", 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.books[id]
	if !ok {
		return nil, "", 0
	}
	k, ok := e.Value.(*kept)
	if !ok || p.now().After(k.expires) {
		p.drop(e)
		return nil, "", 0
	}
	p.order.MoveToFront(e)
	return k.b, id, n
}

// otherCaller is the 403 for a link that belongs to somebody else.
func (x *exchange) otherCaller() *problem {
	x.denied = audit.OtherCaller
	return refuse(http.StatusForbidden, "forbidden", "this link belongs to another caller")
}
