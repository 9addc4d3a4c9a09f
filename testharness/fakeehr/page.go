package fakeehr

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"concord/testharness/population"
)

// session is what Epic remembers of a search between pages.
type session struct {
	typ     string
	query   url.Values
	q       question
	list    []*record
	offset  int
	size    int
	expires time.Time
}

const sessionLife = 5 * time.Minute

type sessions struct {
	mu sync.Mutex
	m  map[string]session
}

func (s *sessions) keep(x session) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	id := "12-" + strings.ToUpper(hex.EncodeToString(b[:]))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil || len(s.m) > 10_000 {
		s.m = map[string]session{}
	}
	s.m[id] = x
	return id
}

func (s *sessions) find(id string, now time.Time) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.m[id]
	return x, ok && now.Before(x.expires)
}

// ExpireSessions makes every Epic next link that was given out so far one of a session that is over.
func (e *EHR) ExpireSessions() {
	e.sessions.mu.Lock()
	defer e.sessions.mu.Unlock()
	e.sessions.m = nil
}

// page sizes by vendor: what comes without _count, and the most that _count gets.
func (c *call) pageSize() int {
	size, most := 50, 1000
	switch c.e.o.Vendor {
	case population.Epic:
		size, most = 100, 1000
		if c.typ == "Patient" {
			most = 100
		}
	case population.Cerner:
		switch c.typ {
		case "Patient":
			size, most = 20, 100
		case "DiagnosticReport", "DocumentReference":
			size, most = 10, 100
		default:
			size, most = 50, 200
		}
	case population.Athena:
		size, most = 50, 100
	}
	if c.e.o.PageSize > 0 {
		size = c.e.o.PageSize
	}
	if c.e.o.MaxPageSize > 0 {
		most = c.e.o.MaxPageSize
	}
	if n, err := strconv.Atoi(c.query.Get("_count")); err == nil && n > 0 {
		size = n
	}
	size = min(size, most)
	if c.fault.Kind.late() { // there must be a later page for them to bite
		size = min(size, 5)
	}
	return size
}

// laterPage answers what is a page behind the first and needs no search: a session's, or one that fails.
func (c *call) laterPage() bool {
	id := c.query.Get("sessionID")
	if id == "" && !c.has("-pageContext", "cursor", "_page") {
		return false
	}
	switch {
	case c.fault.Kind == PageFails:
		c.html(http.StatusInternalServerError, "Internal Server Error")
		return true
	case c.fault.Kind == PageExpired:
		c.expired()
		return true
	case id == "" || !c.e.is(population.Epic):
		return false
	}
	s, ok := c.e.sessions.find(id, c.e.now())
	if !ok || s.typ != c.typ {
		c.expired()
		return true
	}
	self := c.selfURL()
	c.query = s.query
	c.page(s.q, s.list, s.offset, s.size, self)
	return true
}

func (c *call) expired() {
	c.problem(http.StatusBadRequest, "fatal", "processing", "4113", "the session has expired; restart the search")
}

// firstPage finds out where the page begins, and gives it.
func (c *call) firstPage(q question, list []*record) {
	offset, size := 0, c.pageSize()
	switch c.e.o.Vendor {
	case population.Cerner:
		if s := c.query.Get("-pageContext"); s != "" {
			b, err := base64.RawURLEncoding.DecodeString(s)
			at, _ := strings.CutPrefix(string(b), "page:")
			n, err2 := strconv.Atoi(at)
			if err != nil || err2 != nil || n < 0 {
				c.problem(http.StatusBadRequest, "error", "invalid", "", "the page context is not valid")
				return
			}
			offset = n
		} else if c.typ == "Observation" && c.e.manners.SocialFirst {
			social := criterion{"category", "", p('t', "category"), []string{"social-history"}}
			for size < len(list) && social.holds(list[size].doc()) { // page 1 has all of it
				size++
			}
		}
	case population.Athena:
		if cursor := c.query.Get("cursor"); cursor != "" {
			offset = 1 + slices.IndexFunc(list, func(r *record) bool { return r.id == cursor })
			if offset == 0 {
				c.problem(http.StatusBadRequest, "error", "invalid", "", "the cursor is not valid")
				return
			}
		}
	case population.Epic:
	default:
		if n, err := strconv.Atoi(c.query.Get("_page")); err == nil && n > 0 {
			offset = n * size
		}
	}
	c.page(q, list, offset, size, c.selfURL())
}

// page writes one page of a search's result.
func (c *call) page(q question, list []*record, offset, size int, self string) {
	from, to := min(offset, len(list)), min(offset+size, len(list))
	b := newBundle(c)
	b.self = self
	if c.e.is(population.Cerner) && c.e.manners.Repeats && from > 0 && (from/max(size, 1))%2 == 1 && from < len(list) {
		from--
	}
	found := list[from:to]
	if len(q.secondary) > 0 {
		found = c.e.filter(found, q.secondary)
	}
	for _, r := range found {
		b.record(r, "match")
	}
	c.includes(b, found)
	if to < len(list) || c.fault.Kind == PageLoop || c.fault.Kind == ForeignNext || c.fault.Kind == PathNext {
		b.next = c.nextURL(q, list, to, size, self)
	}
	switch c.e.o.Vendor {
	case population.Epic:
		b.total = len(found)
	case population.Generic:
		b.total = len(list)
	}
	if c.query.Get("_summary") == "count" {
		n := len(list)
		b = newBundle(c)
		b.total = n
	}
	if issues := c.remarks(q, len(list)); len(issues) > 0 {
		body, err := json.Marshal(map[string]any{"resourceType": "OperationOutcome", "issue": issues})
		if err == nil {
			b.entry("urn:uuid:5f6c1a52-5d0e-4c3b-9a55-7c6a0d1f2e33", body, "outcome")
		}
	}
	c.send(http.StatusOK, c.mediaType(), b.close())
}

// remarks are the issues that come as an entry of the searchset.
func (c *call) remarks(q question, found int) []any {
	var issues []any
	add := func(severity, issue, code, text string) {
		issues = append(issues, map[string]any{"severity": severity, "code": issue, "diagnostics": text,
			"details": map[string]any{"coding": []any{map[string]any{"system": c.e.epicCodes(), "code": code, "display": text}}, "text": text}})
	}
	if c.e.is(population.Epic) && c.e.manners.Outcomes {
		if found == 0 {
			add("warning", "processing", "4101", "Resource request returns no results.")
		} else if !standalone[c.typ] {
			add("warning", "informational", "4119", "This response includes information available to the authorized user at the time of the request. It may not contain the entire record available in the system.")
		}
		if c.e.manners.UnknownParams {
			for _, name := range q.ignored {
				add("information", "not-supported", "59100", "An unknown parameter was ignored: "+name)
			}
		}
		for _, sub := range c.e.o.Withheld[c.typ] {
			add("warning", "suppressed", "59204", "The client or user does not have access to this sub-type: "+sub)
		}
	}
	switch c.fault.Kind {
	case Withheld:
		add("warning", "suppressed", "59204", "The client or user does not have access to this sub-type")
	case FatalInside:
		add("fatal", "exception", "59177", "An internal error occurred; part of the answer is missing")
	}
	return issues
}

func (c *call) nextURL(q question, list []*record, to, size int, self string) string {
	switch c.fault.Kind {
	case PageLoop:
		return self
	case ForeignNext:
		return c.e.foreignURL() + c.r.URL.Path + "?page=2"
	case PathNext:
		return c.e.root() + "/elsewhere/" + c.typ + "?page=2"
	}
	base := c.e.URL() + "/" + c.typ + "?"
	v := url.Values{}
	for k, x := range c.query {
		v[k] = x
	}
	switch c.e.o.Vendor {
	case population.Epic:
		return base + "sessionID=" + c.e.sessions.keep(session{c.typ, c.query, q, list, to, size, c.e.now().Add(sessionLife)})
	case population.Cerner:
		v.Del("-pageContext")
		v.Del("-pageDirection")
		return base + v.Encode() + "&-pageContext=" + base64.RawURLEncoding.EncodeToString([]byte("page:"+strconv.Itoa(to))) + "&-pageDirection=NEXT"
	case population.Athena:
		v.Set("cursor", list[max(to-1, 0)].id)
		return base + v.Encode()
	}
	v.Set("_page", strconv.Itoa(to/max(size, 1)))
	return base + v.Encode()
}

func (c *call) selfURL() string {
	u := c.e.URL() + "/" + c.typ
	if q := c.r.URL.RawQuery; q != "" && !c.form {
		return u + "?" + q
	}
	if len(c.query) > 0 {
		return u + "?" + c.query.Encode()
	}
	return u
}

// includes adds what _include and _revinclude ask for, each resource once.
func (c *call) includes(b *bundle, found []*record) {
	seen := map[string]bool{}
	add := func(r *record) {
		key := r.typ + "/" + r.id
		if !seen[key] && c.e.auth.grants(c, r.typ, 'r') {
			seen[key] = true
			b.record(r, "include")
		}
	}
	for _, want := range c.query["_revinclude"] {
		if want != "Provenance:target" {
			continue
		}
		for _, r := range found {
			for _, pr := range c.e.store.provenances(r.typ, r.id) {
				add(pr)
			}
		}
	}
	if c.e.is(population.Cerner) {
		return // has no _include for what matters here
	}
	for _, want := range c.query["_include"] {
		parts := strings.SplitN(want, ":", 3)
		if len(parts) < 2 || parts[0] != c.typ {
			continue
		}
		pa, ok := lookup(c.typ, parts[1])
		if !ok || pa.kind != 'r' {
			continue
		}
		for _, r := range found {
			for _, path := range pa.paths {
				for _, v := range collect(nil, r.doc(), strings.Split(path, ".")) {
					m, _ := v.(map[string]any)
					ref, _ := m["reference"].(string)
					typ, id, _ := strings.Cut(tail(ref), "/")
					if t := c.e.store.get(typ, id); t != nil && (len(parts) < 3 || parts[2] == typ) {
						add(t)
					}
				}
			}
		}
	}
}
