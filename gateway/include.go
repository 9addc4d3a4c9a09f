package gateway

import (
	"slices"

	"golang.org/x/sync/errgroup"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// maxReads bounds how many resources are read one by one for an answer, readsAtOnce how many at a time from one source.
const (
	maxReads    = 500
	readsAtOnce = 16
)

// bring brings in what comes along with the matches: what the client asked to include, and what a whole chart refers to.
// Of what is there it keeps what some match leads to and the caller may see. Each of others goes with the first match
// that leads to it, so that all pages together hold it once.
func (x *exchange) bring(b *book) {
	if !b.whole && len(b.q.includes) == 0 && len(b.others) == 0 {
		return
	}
	wanted := map[place]int{} // the first match that leads there
	for i, e := range b.matches {
		for _, c := range e.Copies {
			for _, p := range x.leadsTo(b, c) {
				if _, ok := wanted[p]; !ok {
					wanted[p] = i
				}
			}
		}
	}
	matched := map[place]int{}
	for i, e := range b.matches {
		for _, c := range e.Copies {
			matched[placeOf(c)] = i
		}
	}
	x.bringPatient(b, wanted)
	x.readPlaces(b, wanted, matched)
	candidates := b.others
	b.others = nil
	first := make([]int, 0, len(candidates))
	for _, e := range candidates {
		_, match := matched[placeOf(e.Survivor)]
		if at := comesWith(x.g, e, wanted, matched); at >= 0 && !match {
			b.others, first = append(b.others, e), append(first, at)
		}
	}
	b.others, b.first = x.shown(b, b.others, first, matched)
	b.access = x.access
}

// leadsTo is what a match leads to.
func (x *exchange) leadsTo(b *book, c merge.Copy) (out []place) {
	for _, inc := range b.q.includes {
		for _, v := range fhir.IncludeValues(c.Resource, c.Type(), inc.param) {
			if p, ok := x.g.refersTo(c.Source, v); ok && (len(inc.targets) == 0 || slices.Contains(inc.targets, p.typ)) {
				out = append(out, p)
			}
		}
	}
	if b.whole {
		for v := range c.References() {
			if p, ok := x.g.refersTo(c.Source, v); ok && b.carries(p.typ) {
				out = append(out, p)
			}
		}
	}
	return out
}

// carries tells whether a whole chart brings along resources of a type where it refers to them: those that no search by
// patient finds, unless _type leaves them out.
func (b *book) carries(t fhir.ResourceType) bool {
	switch t {
	case fhir.TypePractitioner, fhir.TypePractitionerRole, fhir.TypeOrganization, fhir.TypeLocation, fhir.TypeMedication:
		return len(b.q.types) == 0 || slices.Contains(b.q.types, t)
	}
	return false
}

// comesWith is the first match that an entry comes along with, or -1: one that leads to it or, of a source's Provenance,
// one that it is about.
func comesWith(g *Gateway, e merge.Entry, wanted, matched map[place]int) int {
	at := -1
	lower := func(i int, ok bool) {
		if ok && (at < 0 || i < at) {
			at = i
		}
	}
	for _, c := range e.Copies {
		i, ok := wanted[placeOf(c)]
		lower(i, ok)
		if c.Type() != fhir.TypeProvenance {
			continue
		}
		for t := range c.Get("target").Items() {
			if p, local := g.refersTo(c.Source, t.Get("reference")); local {
				i, ok := matched[p]
				lower(i, ok)
			}
		}
	}
	return at
}

// shown are those of others that the caller may see beside the matches; that some are not is said, and not which.
func (x *exchange) shown(b *book, others []merge.Entry, first []int, matched map[place]int) ([]merge.Entry, []int) {
	if len(others) == 0 {
		return nil, nil
	}
	at := make(map[place]int, len(others))
	for i, e := range others {
		at[placeOf(e.Survivor)] = first[i]
	}
	view := x.grant.View(merge.Record{Entries: slices.Concat(b.matches, others)}, b.access)
	var out []merge.Entry
	var with []int
	for e := range view.Entries() {
		p := placeOf(e.Survivor)
		if _, match := matched[p]; !match {
			out, with = append(out, e), append(with, at[p])
		}
	}
	if len(out) < len(others) {
		b.suppressed()
	}
	return out, with
}

// bringPatient adds the unified Patient if a match leads to it, in place of what the sources have.
func (x *exchange) bringPatient(b *book, wanted map[place]int) {
	for _, p := range b.people {
		at := -1
		for _, ref := range p.Refs() {
			if i, ok := wanted[place{ref.Source, fhir.TypePatient, ref.Reveal()}]; ok && (at < 0 || i < at) {
				at = i
			}
		}
		if at < 0 {
			continue
		}
		if x.grant.Check(smart.Access{Type: fhir.TypePatient, Interaction: fhir.SearchType, Patient: p.ID}) != nil {
			b.suppressed()
			continue
		}
		u := x.session.Patients(p)
		x.note(u.Outcomes)
		b.outcomes(u.Outcomes)
		x.regrant(u.Person)
		if seen := x.visible(u); len(seen) > 0 {
			b.others = append(b.others, merge.Unify(seen))
			for _, c := range seen {
				if i, ok := wanted[placeOf(c)]; !ok || i > at {
					wanted[placeOf(c)] = at
				}
			}
		}
	}
}

// strange tells whether a copy says that it is about somebody whom the book is not about.
func (b *book) strange(g *Gateway, c merge.Copy) bool {
	ref := g.subject(c)
	return !ref.IsZero() && len(b.people) > 0 && !slices.ContainsFunc(b.people, func(p mpi.Person) bool { return p.Has(ref) })
}

func (b *book) suppressed() {
	b.say(issue{severity: "information", code: "suppressed", text: "something that was to be included is not covered by the token"})
}

// readPlaces reads, one by one, what matches lead to and no search has brought. One that its source does not have is left
// out, as the source's own answer would leave it; one that can't be read is told of.
func (x *exchange) readPlaces(b *book, wanted, matched map[place]int) {
	here := map[place]bool{}
	for _, c := range copiesOf(b.others) {
		here[placeOf(c)] = true
	}
	var all []place
	for p := range wanted {
		_, is := matched[p]
		switch {
		case is || here[p] || p.typ == fhir.TypePatient:
		case x.grant.Check(smart.Access{Type: p.typ, Interaction: b.access.Interaction, Patient: b.access.Patient}) != nil &&
			x.grant.Check(smart.Access{Type: p.typ, Interaction: fhir.Read, Patient: b.access.Patient}) != nil:
			b.suppressed()
		default:
			all = append(all, p)
		}
	}
	slices.SortFunc(all, comparePlaces)
	if len(all) > maxReads {
		all = all[:maxReads]
		b.say(issue{severity: "warning", code: "too-costly", text: "more is referred to than is included"})
		b.partial = true
	}
	copies := make([]merge.Copy, len(all))
	outcomes := make([]federation.Outcome, len(all))
	at := map[concord.SourceID]*errgroup.Group{} // one for each source: a slow one must not use up the others' time
	for _, p := range all {
		if at[p.source] == nil {
			at[p.source] = new(errgroup.Group)
			at[p.source].SetLimit(readsAtOnce)
		}
	}
	var sources errgroup.Group
	for source, reads := range at {
		sources.Go(func() error {
			for i, p := range all {
				if p.source == source {
					reads.Go(func() error {
						copies[i], outcomes[i], _ = x.session.ReadCopy(p.source, p.typ, p.id)
						return nil
					})
				}
			}
			return reads.Wait()
		})
	}
	_ = sources.Wait()
	var batches []merge.Batch
	var told []federation.Outcome
	for i, o := range outcomes {
		if o.Fault != nil && (o.Fault.Kind == concord.NotFound || o.Fault.Kind == concord.Unsupported) {
			continue
		}
		if o.Fault == nil && b.strange(x.g, copies[i]) {
			o.Status, o.Notes, o.Resources = federation.Partial, []federation.NoteCode{federation.NoteDropped}, 0
		}
		told = append(told, o)
		if !o.Complete() {
			continue
		}
		if n := len(batches); n == 0 || batches[n-1].Source != o.Source {
			batches = append(batches, merge.Batch{Source: o.Source})
		}
		last := &batches[len(batches)-1]
		last.Resources = append(last.Resources, copies[i].Resource)
	}
	x.note(told)
	b.outcomes(told)
	b.others = append(b.others, x.g.cfg.Engine.Merge(batches).Entries...)
}
