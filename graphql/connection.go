package graphql

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"concord/federation"
	"concord/fhir"
)

// connection is a page of a list.
type connection struct {
	count, offset, pagesize     int32
	first, previous, next, last *string
	nodes                       []node
}

const (
	pageSize = 100
	maxPage  = 10_000
)

// rootPage is {Type}Connection.
func rootPage(ctx context.Context, typ string, all []federation.Param, w window, cursor *string) (*connection, error) {
	r, err := runOf(ctx)
	if err != nil {
		return nil, err
	}
	t := fhir.ResourceType(typ)
	if err := r.covers(right{typ: t, how: fhir.SearchType}); err != nil {
		return nil, err
	}
	if cursor != nil {
		return r.held(ctx, t, *cursor, len(all) > 0 || w.Sort != nil || w.Count != nil)
	}
	q, err := newSearch(t, all, w)
	if err != nil {
		return nil, err
	}
	a := r.search(ctx, q)
	if a.Err != nil {
		return nil, r.failed(a)
	}
	at := place{count: pageSize}
	if w.Count != nil {
		at.count = int(min(*w.Count, maxPage))
	}
	return r.cut(ctx, q, a, at)
}

// held is a further page. With a cursor other arguments must not be given (FHIR GraphQL, connections).
func (r *run) held(ctx context.Context, t fhir.ResourceType, cursor string, others bool) (*connection, error) {
	if others {
		return nil, fail(codeInput, "a cursor stands without other arguments")
	}
	gone := fail(codeNotFound, "this page is gone; search again")
	at, ok := parsePlace(cursor)
	if !ok {
		return nil, gone
	}
	q, a := r.backend.Held(ctx, at.handle)
	if a.Err == nil && q.Type != t {
		return nil, gone
	}
	r.note(t, a)
	if a.Err != nil {
		if f := r.failed(a); f.code != codeNotFound {
			return nil, f
		}
		return nil, gone
	}
	return r.cut(ctx, q, a, at)
}

// cut makes a page of an answer.
func (r *run) cut(ctx context.Context, q Query, a Answer, at place) (*connection, error) {
	n := len(a.Resources)
	from := min(at.offset, n)
	to := min(from+at.count, n)
	if err := r.promises(to-from, string(q.Type)+"Connection"); err != nil {
		return nil, err
	}
	nodes, err := r.admit(q.Type, fhir.SearchType, a.Resources[from:to])
	if err != nil {
		return nil, err
	}
	c := &connection{count: int32(n), offset: int32(from), pagesize: int32(at.count), nodes: nodes}
	if at.count == 0 || n <= at.count {
		return c, nil
	}
	if at.handle == "" {
		if at.handle, err = r.backend.Hold(ctx, q); err != nil {
			return nil, r.failed(Answer{Err: err})
		}
	}
	c.first, c.last = at.to(0), at.to((n-1)/at.count*at.count)
	if to < n {
		c.next = at.to(to)
	}
	if from > 0 {
		c.previous = at.to(max(from-at.count, 0))
	}
	return c, nil
}

// place is where a page begins in a list that is held: what a cursor says.
type place struct {
	handle        string
	offset, count int
}

func (p place) to(offset int) *string {
	s := base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(offset) + "." + strconv.Itoa(p.count) + "." + p.handle))
	return &s
}

func parsePlace(cursor string) (p place, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.SplitN(string(b), ".", 3)
	if err != nil || len(parts) != 3 {
		return place{}, false
	}
	offset, err1 := strconv.Atoi(parts[0])
	count, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil || offset < 0 || count < 1 || count > maxPage || parts[2] == "" {
		return place{}, false
	}
	return place{parts[2], offset, count}, true
}
