package gateway

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// book is an answer before it is split into pages: everything that they hold, found once, so that the pages are stable
// whatever the sources do meanwhile. After finish only what it remembers of views changes. PHI.
type book struct {
	caller   smart.Caller
	route    route
	access   smart.Access
	q        *query
	people   []mpi.Person
	matches  []merge.Entry
	others   []merge.Entry // what comes along with matches
	first    []int         // of each of others, the first of matches that it comes along with
	issues   []issue
	partial  bool   // some source is missing
	sources  string // Server-Timing, of the answer that found it
	self     string
	recorded string // when it was put together, for Provenance
	whole    bool   // what matches refer to comes along ($everything)

	// where it is from, for when the configuration has become another: the sources of its copies, and where they were
	from  []concord.SourceID
	bases map[concord.SourceID]string

	// of a GraphQL search that is kept for further pages, under which name, and what was asked
	handle string
	params []federation.Param

	mu     sync.Mutex
	shown  bool
	digest [32]byte // of the rights that the view was made for
	view   smart.View
}

func (x *exchange) newBook(q *query, people ...mpi.Person) *book {
	return &book{caller: x.token.Caller, route: x.route, q: q, people: people, bases: x.g.bases, issues: slices.Clone(q.ignored),
		self: q.selfLink(x.g.base), recorded: x.began.UTC().Format("2006-01-02T15:04:05.000Z")}
}

// outcomes adds what is missing to the book.
func (b *book) outcomes(all []federation.Outcome) {
	issues, partial := sourceIssues(all)
	for _, i := range issues {
		b.say(i)
	}
	b.partial = b.partial || partial
}

// say adds an issue, once.
func (b *book) say(i issue) {
	if !slices.Contains(b.issues, i) {
		b.issues = append(b.issues, i)
	}
}

// settle sorts the book and brings in what it includes: it is whole then.
func (x *exchange) settle(b *book) *problem {
	b.access = x.access
	b.sort()
	x.bring(b)
	if x.strict() {
		if p := gaps(x.outcomes); p != nil {
			return p
		}
	}
	conflict := false
	for i := range b.matches {
		conflict = conflict || len(b.matches[i].Conflicts) > 0
	}
	if conflict {
		b.say(issue{severity: "information", code: "conflict", text: "sources disagree on some of these; they are tagged " + systemConflict})
	}
	return nil
}

// finish settles the book and answers its first page.
func (x *exchange) finish(b *book) (*answer, *problem) {
	if bad := x.settle(b); bad != nil {
		return nil, bad
	}
	if b.q.count == 0 { // a count has no entries but what says that it can't be had, or is of something else
		b.issues = slices.DeleteFunc(b.issues, func(i issue) bool { return i.severity == "information" })
	}
	b.sources = serverTiming(x.outcomes)
	id := ""
	if b.q.count > 0 && len(b.matches) > b.q.count {
		b.compact()
		var everywhere bool
		if id, everywhere = x.g.pages.put(x.ctx, b); !everywhere {
			b.say(issue{severity: "information", code: "transient", text: "the further pages can be had at this gateway only: the store that it shares with others does not take them now"})
		}
	}
	a, bad := x.renderPage(b, id, 0)
	if bad == nil && id == "" && x.asks != (question{}) {
		x.keepAnswer(b, a)
	}
	return a, bad
}

// sort orders the matches as _sort asks, and otherwise leaves the record's own order.
func (b *book) sort() {
	if len(b.q.sort) == 0 {
		return
	}
	type keyed struct {
		e    merge.Entry
		id   string // as the gateway tells it
		keys []fhir.SortKey
	}
	all := make([]keyed, len(b.matches))
	for i, e := range b.matches {
		all[i].e = e
		all[i].id, _ = publicID(e.Survivor.Source, e.Survivor.Type(), e.Survivor.ID())
		for _, s := range b.q.sort {
			all[i].keys = append(all[i].keys, fhir.SortValue(e.Survivor.Resource, e.Survivor.Type(), s.param))
		}
	}
	slices.SortStableFunc(all, func(a, c keyed) int {
		for i, s := range b.q.sort {
			var d int
			switch {
			case s.param == "_id" && s.down:
				d = strings.Compare(c.id, a.id)
			case s.param == "_id":
				d = strings.Compare(a.id, c.id)
			case s.down:
				d = fhir.CompareSortKeysDescending(a.keys[i], c.keys[i])
			default:
				d = fhir.CompareSortKeys(a.keys[i], c.keys[i])
			}
			if d != 0 {
				return d
			}
		}
		return 0
	})
	for i := range all {
		b.matches[i] = all[i].e
	}
}

// compact takes the book's resources out of the documents in which they came, each of which would otherwise be kept as a
// whole for as long as the book is.
func (b *book) compact() {
	b.matches, b.others = compacted(b.matches), compacted(b.others)
}

func compacted(entries []merge.Entry) []merge.Entry {
	out := make([]merge.Entry, len(entries))
	for i, e := range entries {
		out[i] = e.Detached()
	}
	return out
}

// look is the book as the caller may see it, judged once for the same rights. ok is false when some of it is hidden.
func (x *exchange) look(b *book) (v smart.View, ok bool) {
	entries := b.matches
	if len(b.others) > 0 {
		entries = slices.Concat(b.matches, b.others)
	}
	digest := x.grant.Digest()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.shown || b.digest != digest {
		b.view, b.digest, b.shown = x.grant.View(merge.Record{Entries: entries}, b.access), digest, true
	}
	return b.view, b.view.Len() == len(entries) && b.view.Hidden() == 0
}

// page answers a page of an earlier search, to whom it belongs to, with a token that covers it. bad is what else is wrong
// with the request.
func (x *exchange) page(token string, bad *problem) (*answer, *problem) {
	x.route.interaction = fhir.Page
	id, n, ok := parsePage(token)
	if !ok {
		return nil, pageGone()
	}
	b, p := x.turn(id)
	switch {
	case p != nil:
		return nil, p
	case bad != nil:
		return nil, bad
	case b.route.typ != x.route.typ || b.route.id != x.route.id || b.route.interaction == fhir.GraphQL:
		return nil, pageGone()
	}
	if p := x.check(b.access); p != nil {
		return nil, p
	}
	if n*b.q.count >= len(b.matches) {
		return nil, pageGone()
	}
	return x.renderPage(b, id, n)
}

// reachesAll tells whether the caller reaches every source that the book is from, and each is where it was: what is configured
// may have changed since.
func (x *exchange) reachesAll(b *book) bool {
	for _, s := range b.from {
		if base, ok := x.g.bases[s]; !ok || base != b.bases[s] || !x.may(s) {
			return false
		}
	}
	return true
}

// sourcesOf are the sources of all copies of entries.
func sourcesOf(entries ...[]merge.Entry) []concord.SourceID {
	found := map[concord.SourceID]struct{}{}
	for _, all := range entries {
		for _, e := range all {
			for _, c := range e.Copies {
				found[c.Source] = struct{}{}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func comparePlaces(a, b place) int {
	if c := strings.Compare(string(a.source), string(b.source)); c != 0 {
		return c
	}
	if c := strings.Compare(string(a.typ), string(b.typ)); c != 0 {
		return c
	}
	return strings.Compare(a.id, b.id)
}

// placeOf names a copy.
func placeOf(c merge.Copy) place { return place{c.Source, c.Type(), c.ID()} }

// copiesOf are all copies of entries.
func copiesOf(entries []merge.Entry) (out []merge.Copy) {
	for _, e := range entries {
		out = append(out, e.Copies...)
	}
	return out
}

// refersTo is what a reference of a source's resource leads to at the same source.
func (g *Gateway) refersTo(source concord.SourceID, ref fhir.Value) (place, bool) {
	r := fhir.ParseReference(ref.Text(), g.bases[source])
	return place{source, r.Type, r.ID}, r.Kind == fhir.LocalReference
}
