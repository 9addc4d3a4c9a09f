package gateway

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// book is an answer before it is split into pages: everything that they hold, found once, so that the pages are stable
// whatever the sources do meanwhile. After finish it is not changed. PHI.
type book struct {
	caller   smart.Caller
	route    route
	access   smart.Access
	q        *query
	people   []mpi.Person
	matches  []merge.Entry
	others   []merge.Entry // what includes may bring, merged
	included []merge.Entry // what came along with the matches, whatever they refer to
	issues   []issue
	partial  bool   // some source is missing
	sources  string // Server-Timing, of the answer that found it
	self     string
	recorded string // when it was put together, for Provenance
	whole    bool   // all of others belong to the answer ($everything)
}

func (x *exchange) newBook(q *query, people ...mpi.Person) *book {
	return &book{caller: x.token.Caller, route: x.route, access: x.access, q: q, people: people, issues: slices.Clone(q.ignored),
		self: q.selfLink(x.g.base), recorded: x.began.UTC().Format("2006-01-02T15:04:05.000Z")}
}

// outcomes adds what is missing to the book.
func (b *book) outcomes(all []federation.Outcome, optional bool) {
	issues, partial := sourceIssues(all, optional)
	for _, i := range issues {
		if !slices.Contains(b.issues, i) {
			b.issues = append(b.issues, i)
		}
	}
	b.partial = b.partial || partial
}

// finish sorts the book, brings in what it includes, and answers its first page.
func (x *exchange) finish(b *book) (*answer, *problem) {
	b.access = x.access
	b.sort()
	if err := x.bring(b); err != nil {
		return nil, err
	}
	conflicts := 0
	for _, e := range b.matches {
		if len(e.Conflicts) > 0 {
			conflicts++
		}
	}
	if conflicts > 0 {
		b.issues = append(b.issues, issue{severity: "information", code: "conflict", text: "sources disagree on some of these; they are tagged " + systemConflict})
	}
	b.sources = serverTiming(x.outcomes)
	if b.q.count > 0 && len(b.matches) > b.q.count {
		id := x.g.pages.put(b)
		return x.renderPage(b, id, 0)
	}
	return x.renderPage(b, "", 0)
}

// sort orders the matches as _sort asks, and otherwise leaves the record's own order.
func (b *book) sort() {
	if len(b.q.sort) == 0 {
		return
	}
	type keyed struct {
		e    merge.Entry
		keys []fhir.SortKey
	}
	all := make([]keyed, len(b.matches))
	for i, e := range b.matches {
		all[i] = keyed{e: e}
		for _, s := range b.q.sort {
			all[i].keys = append(all[i].keys, fhir.SortValue(e.Survivor.Resource, e.Survivor.Type(), s.param))
		}
	}
	slices.SortStableFunc(all, func(a, c keyed) int {
		for i, s := range b.q.sort {
			compare := fhir.CompareSortKeys
			if s.down {
				compare = fhir.CompareSortKeysDescending
			}
			if d := compare(a.keys[i], c.keys[i]); d != 0 {
				return d
			}
		}
		return 0
	})
	for i := range all {
		b.matches[i] = all[i].e
	}
}

// reads bounds how many resources are read one by one for an answer, and how many at a time from all sources.
const (
	maxReads      = 500
	readsAtOnce   = 16
	textSuppessed = "something that was to be included is not covered by the token"
)

// bring reads what the answer includes and is not found by patient.
func (x *exchange) bring(b *book) *problem {
	wanted := map[place]bool{}
	patient := false
	for _, e := range b.matches {
		for _, c := range e.Copies {
			for _, inc := range b.q.includes {
				for _, p := range x.includedPlaces(c, inc) {
					switch {
					case p.typ == fhir.TypePatient:
						patient = true
					case byReference(p.typ) || !fhir.InPatientCompartment(p.typ):
						wanted[p] = true
					}
				}
			}
		}
	}
	if b.whole {
		for _, e := range slices.Concat(b.matches, b.others) {
			for _, c := range e.Copies {
				for ref := range c.References() {
					if r := fhir.ParseReference(ref.Text(), x.g.bases[c.Source]); r.Kind == fhir.LocalReference && carried(r.Type) {
						wanted[place{c.Source, r.Type, r.ID}] = true
					}
				}
			}
		}
	}
	if patient {
		x.bringPatient(b)
	}
	return x.readPlaces(b, wanted)
}

// carried are the types that a whole chart brings along where it refers to them.
func carried(t fhir.ResourceType) bool {
	switch t {
	case fhir.TypePractitioner, fhir.TypePractitionerRole, fhir.TypeOrganization, fhir.TypeLocation, fhir.TypeMedication:
		return true
	}
	return false
}

// includedPlaces is what an include of a copy leads to.
func (x *exchange) includedPlaces(c merge.Copy, inc include) (out []place) {
	for _, v := range fhir.IncludeValues(c.Resource, c.Type(), inc.param) {
		r := fhir.ParseReference(v.Text(), x.g.bases[c.Source])
		if r.Kind == fhir.LocalReference && (len(inc.targets) == 0 || slices.Contains(inc.targets, r.Type)) {
			out = append(out, place{c.Source, r.Type, r.ID})
		}
	}
	return out
}

// bringPatient adds the unified Patient, if the token shows it.
func (x *exchange) bringPatient(b *book) {
	if x.grant.Check(smart.Access{Type: fhir.TypePatient, Interaction: fhir.SearchType}) != nil {
		b.suppressed()
		return
	}
	for _, p := range b.people {
		u := x.session.Patients(p)
		x.note(u.Outcomes)
		b.outcomes(u.Outcomes, false)
		var seen []merge.Copy
		for _, c := range u.Copies {
			if x.grant.Visible(c, b.access) {
				seen = append(seen, c)
			}
		}
		if len(seen) > 0 {
			b.others = append(b.others, merge.Unify(seen))
		}
	}
}

func (b *book) suppressed() {
	i := issue{severity: "information", code: "suppressed", text: textSuppessed}
	if !slices.Contains(b.issues, i) {
		b.issues = append(b.issues, i)
	}
}

// readPlaces reads resources one by one. One that its source does not have is left out, as the source's own answer would
// leave it; one that can't be read is told of.
func (x *exchange) readPlaces(b *book, wanted map[place]bool) *problem {
	all := make([]place, 0, len(wanted))
	for p := range wanted {
		if x.grant.Check(smart.Access{Type: p.typ, Interaction: fhir.Read}) != nil && x.grant.Check(smart.Access{Type: p.typ, Interaction: fhir.SearchType}) != nil {
			b.suppressed()
			continue
		}
		all = append(all, p)
	}
	slices.SortFunc(all, comparePlaces)
	if len(all) > maxReads {
		all = all[:maxReads]
		b.issues = append(b.issues, issue{severity: "warning", code: "too-costly", text: "more is referred to than is included"})
		b.partial = true
	}
	copies := make([]merge.Copy, len(all))
	faults := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(readsAtOnce)
	for i, p := range all {
		g.Go(func() error {
			copies[i], faults[i] = x.session.ReadCopy(p.source, p.typ, p.id)
			return nil
		})
	}
	_ = g.Wait()
	from := copiesOf(slices.Concat(b.matches, b.others))
	var batches []merge.Batch
	var outcomes []federation.Outcome
	for i, p := range all {
		if f := faultIn(faults[i]); f != nil {
			if f.Kind != concord.NotFound && f.Kind != concord.Unsupported {
				outcomes = append(outcomes, federation.Outcome{Source: p.source, Type: p.typ, Status: federation.Failed, Fault: f})
			}
			continue
		}
		if !x.grant.Reached(copies[i], smart.Access{Type: p.typ, Interaction: fhir.SearchType}, from...) {
			b.suppressed()
			continue
		}
		if n := len(batches); n == 0 || batches[n-1].Source != p.source {
			batches = append(batches, merge.Batch{Source: p.source})
		}
		last := &batches[len(batches)-1]
		last.Resources = append(last.Resources, copies[i].Resource)
	}
	x.note(outcomes)
	b.outcomes(outcomes, false)
	if x.strict() && len(outcomes) > 0 {
		return x.failedStrictly(outcomes, outcomes[0].Fault)
	}
	b.others = append(b.others, x.g.cfg.Engine.Merge(batches).Entries...)
	return nil
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

// includesOf are those of the book's other entries that belong with some matches, in the book's order.
func (x *exchange) includesOf(b *book, matches []merge.Entry) []merge.Entry {
	if b.whole || len(b.q.includes) == 0 || len(b.others) == 0 {
		if b.whole {
			return b.others
		}
		return nil
	}
	wanted := map[place]bool{}
	patient := false
	for _, e := range matches {
		for _, c := range e.Copies {
			for _, inc := range b.q.includes {
				for _, p := range x.includedPlaces(c, inc) {
					wanted[p] = true
					patient = patient || p.typ == fhir.TypePatient
				}
			}
		}
	}
	var out []merge.Entry
	for _, e := range b.others {
		for _, c := range e.Copies {
			if patient && c.Type() == fhir.TypePatient || wanted[place{c.Source, c.Type(), c.ID()}] {
				out = append(out, e)
				break
			}
		}
	}
	return out
}

// alongOf are those resources that came along with the matches, such as a source's own Provenance, that are about them.
func (x *exchange) alongOf(b *book, matches []merge.Entry) (out []merge.Entry) {
	if len(b.included) == 0 {
		return nil
	}
	here := map[place]bool{}
	for _, c := range copiesOf(matches) {
		here[place{c.Source, c.Type(), c.ID()}] = true
	}
	for _, e := range b.included {
		c := e.Survivor
		for t := range c.Get("target").Items() {
			r := fhir.ParseReference(t.Get("reference").Text(), x.g.bases[c.Source])
			if here[place{c.Source, r.Type, r.ID}] {
				out = append(out, e)
				break
			}
		}
	}
	return out
}

// page answers a page of an earlier search, to whom it belongs to, with a token that covers it.
func (x *exchange) page(token string) (*answer, *problem) {
	x.route.interaction = fhir.Page
	b, id, n := x.g.pages.get(token)
	gone := refuse(http.StatusGone, "not-found", "this page is gone; search again")
	switch {
	case b == nil:
		return nil, gone
	case b.caller != x.token.Caller:
		return nil, x.otherCaller()
	case b.route.typ != x.route.typ || b.route.id != x.route.id:
		return nil, gone
	}
	a := b.access
	if p := x.check(a); p != nil {
		return nil, p
	}
	if n*b.q.count >= len(b.matches) {
		return nil, gone
	}
	return x.renderPage(b, id, n)
}
