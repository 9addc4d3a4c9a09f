package connectors

import (
	"strconv"
	"time"

	"concord"
	"concord/federation"
	"concord/fhir"
)

// harvest is what one search has brought so far.
type harvest struct {
	matches  shelf
	included shelf
	notes    map[federation.NoteCode]bool
	requests int
	whole    int  // pages that were whole
	required bool // the source says that a parameter is missing
}

func (h *harvest) say(v verdict) {
	for n := range v.notes {
		if h.notes == nil {
			h.notes = map[federation.NoteCode]bool{}
		}
		h.notes[n] = true
	}
}

// shelf holds each resource once, in the order in which it came first, and the newest version of it.
type shelf struct {
	at   map[shelfKey]int
	list []fhir.Resource
}

type shelfKey struct {
	typ fhir.ResourceType
	id  string
}

func (s *shelf) grow(n int) {
	if s.at == nil && n > 0 {
		s.at = make(map[shelfKey]int, n)
		s.list = make([]fhir.Resource, 0, n)
	}
}

func (s *shelf) put(r fhir.Resource) {
	s.grow(1)
	k := shelfKey{r.Type(), r.ID()}
	i, held := s.at[k]
	switch {
	case !held:
		s.at[k] = len(s.list)
		s.list = append(s.list, r)
	case !older(r, s.list[i]):
		s.list[i] = r
	}
}

// older tells whether r is known to be an older version than held: by the number of its version, else by when it was
// updated. When neither tells, what came later is the newer.
func older(r, held fhir.Resource) bool {
	a, err1 := strconv.ParseUint(r.Path("meta", "versionId").Text(), 10, 64)
	b, err2 := strconv.ParseUint(held.Path("meta", "versionId").Text(), 10, 64)
	if err1 == nil && err2 == nil && a != b {
		return a < b
	}
	t, err1 := time.Parse(time.RFC3339Nano, r.Path("meta", "lastUpdated").Text())
	u, err2 := time.Parse(time.RFC3339Nano, held.Path("meta", "lastUpdated").Text())
	return err1 == nil && err2 == nil && t.Before(u)
}

// noteOrder lists every note, so that pages say them in one order.
var noteOrder = [...]federation.NoteCode{federation.NoteDisclaimer, federation.NoteIgnored, federation.NoteWithheld, federation.NoteOther, federation.NoteDropped}

// combine makes one Page of the searches that a query was split into, in their order, whatever order they ended in. A
// category that was only guessed, and that the source does not know, holds nothing. asks is nil for reads.
func (c *Client) combine(got []harvest, faults []*concord.Fault, asks []ask) (federation.Page, *concord.Fault) {
	var all harvest
	for _, h := range got {
		if len(got) == 1 {
			all = h
			break
		}
		all.add(h)
	}
	var worst *concord.Fault
	for i, f := range faults {
		switch {
		case f == nil:
		case asks != nil && asks[i].guessed && f.Kind == concord.Invalid && all.whole > 0:
			all.say(verdict{notes: map[federation.NoteCode]bool{federation.NoteIgnored: true}})
		case worst == nil:
			worst = f
		}
	}
	page := federation.Page{Matches: all.matches.list, Included: all.included.list, Requests: all.requests}
	for _, n := range noteOrder {
		if all.notes[n] {
			page.Notes = append(page.Notes, federation.Note{Code: n})
		}
	}
	if worst != nil && all.whole > 0 {
		worst = incomplete(worst)
	}
	return page, worst
}

// add puts what h brought behind what there is.
func (h *harvest) add(more harvest) {
	h.matches.grow(len(more.matches.list))
	for _, r := range more.matches.list {
		h.matches.put(r)
	}
	for _, r := range more.included.list {
		h.included.put(r)
	}
	h.say(verdict{notes: more.notes})
	h.requests += more.requests
	h.whole += more.whole
}
