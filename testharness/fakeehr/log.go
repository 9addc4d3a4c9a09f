package fakeehr

import (
	"net/http"
	"net/url"
	"sync"
)

// Request is one request that was received. What it holds may be PHI, as synthetic as the patients.
type Request struct {
	Method, Path string
	// Query is of the URL, or of the form of a POST to _search.
	Query url.Values
	// Type and Interaction are what it asked for, as in Fault; "token" for the token endpoint.
	Type, Interaction string
	Header            http.Header
	// Fault is the kind that hit it; empty for none.
	Fault Kind
	// Status is what was answered; 0 where nothing was.
	Status int
}

// requestLog keeps the latest requests.
type requestLog struct {
	mu   sync.Mutex
	list []*Request
}

const maxLog = 200_000

func (l *requestLog) add(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) >= maxLog {
		l.list = append(l.list[:0], l.list[maxLog/2:]...)
	}
	l.list = append(l.list, r)
}

// change lets a request's entry be completed while others read the log.
func (l *requestLog) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// Requests lists the requests since the start or the last ResetLog, oldest first; at most the latest 100,000 are sure to
// be there.
func (e *EHR) Requests() []Request {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	out := make([]Request, len(e.log.list))
	for i, r := range e.log.list {
		out[i] = *r
	}
	return out
}

// Hits counts requests for a type and interaction, each "" for any; the token endpoint's do not count as any.
func (e *EHR) Hits(typ, interaction string) int {
	n := 0
	for _, r := range e.Requests() {
		if (typ == "" || r.Type == typ) && (interaction == "" && r.Interaction != "token" || r.Interaction == interaction) {
			n++
		}
	}
	return n
}

// ResetLog forgets the requests.
func (e *EHR) ResetLog() { e.log.change(func() { e.log.list = nil }) }
