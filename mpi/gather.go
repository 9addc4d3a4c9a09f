package mpi

import (
	"context"
	"maps"
	"slices"
	"time"

	"concord"
)

// Gather makes one person of each cluster, as matching that has compared all patients with all others wants it: patients
// that are apart come together, and links that matching made before are undone when the clusters have them apart. What
// somebody has decided stays, and so do frozen records, and patients that no cluster names. A cluster may have several
// patients of a source, if whoever made it knows that to be right; a patient may be in one cluster only, or all is
// Invalid. What no cluster names may be anybody's, so whoever has such a patient by matching is joined with nobody: give
// at once all clusters of the patients that a person has now. It is one step of the store, and the order of
// clusters, and of the patients in them, changes nothing. What comes back is for each cluster its first patient's person,
// and who could not be joined to it. Errors are the store's.
func (x *Index) Gather(ctx context.Context, clusters ...[]Link) ([]Attachment, error) {
	return retry(ctx, "mpi gather", func() ([]Attachment, error) {
		g, err := x.gathering(ctx, clusters)
		if err != nil {
			return nil, err
		}
		g.dissolve()
		left := make([][]Left, len(clusters))
		for i := range g.clusters {
			left[i] = g.assemble(i)
		}
		g.finish()
		stored := map[PersonID]Person{}
		if len(g.change.Persons) > 0 {
			all, err := x.apply(ctx, g.change)
			if err != nil {
				return nil, err
			}
			for _, p := range all {
				stored[p.ID] = p
			}
		}
		out := make([]Attachment, len(clusters))
		for i, links := range g.clusters {
			p := g.of[links[0].Ref].group.person
			if now, changed := stored[p.ID]; changed {
				p = now
			}
			out[i] = Attachment{Person: p, Left: left[i]}
		}
		return out, nil
	})
}

// gathering is a Gather under way.
type gathering struct {
	x        *Index
	clusters [][]Link                     // each sorted
	at       map[concord.PatientRef]int   // which cluster
	of       map[concord.PatientRef]*part // which part
	was      map[PersonID]Person          // as they are stored
	parts    []*part
	change   Change
}

// part is what of a person goes into one cluster; mostly that is the whole.
type part struct {
	person  Person // links and decisions; of no id
	origin  PersonID
	cluster int // -1: none
	group   *group
}

// group is a person that is made of parts.
type group struct {
	person Person
	parts  []*part
}

func (x *Index) gathering(ctx context.Context, clusters [][]Link) (*gathering, error) {
	g := &gathering{x: x, at: map[concord.PatientRef]int{}, of: map[concord.PatientRef]*part{}, was: map[PersonID]Person{}}
	for i, links := range clusters {
		links = slices.Clone(links)
		slices.SortFunc(links, func(a, b Link) int { return CompareRefs(a.Ref, b.Ref) })
		for _, l := range links {
			if _, twice := g.at[l.Ref]; twice || !IsPatient(l.Ref) {
				return nil, &concord.Fault{Op: "mpi gather", Kind: concord.Invalid}
			}
			g.at[l.Ref] = i
			p, err := x.owner(ctx, l.Ref)
			if err != nil {
				return nil, err
			}
			if p.ID != "" {
				g.was[p.ID] = p
			}
		}
		if len(links) == 0 {
			return nil, &concord.Fault{Op: "mpi gather", Kind: concord.Invalid}
		}
		g.clusters = append(g.clusters, links)
	}
	return g, nil
}

// dissolve takes persons apart whose patients are in several clusters, as far as matching has put them together. What
// matching did not put there, or does not speak of, stays with the patient that stands for the person.
func (g *gathering) dissolve() {
	for _, id := range slices.Sorted(maps.Keys(g.was)) {
		p := g.was[id]
		home := g.home(p)
		into := map[int]*part{}
		for _, l := range p.Links {
			if !l.ReplacedBy.IsZero() {
				continue // goes with its survivor
			}
			to, named := g.at[l.Ref]
			if !named || l.Manual || l.Frozen {
				to = home
			}
			if into[to] == nil {
				into[to] = &part{origin: id, cluster: to, person: Person{Created: p.Created, Rejected: slices.Clone(p.Rejected)}}
			}
			links, _ := p.apart(l.Ref)
			into[to].person.Links = append(into[to].person.Links, links...)
		}
		for _, to := range slices.Sorted(maps.Keys(into)) {
			own := into[to]
			if len(into) == 1 { // also what has lost its survivor
				own.person.Links, own.person.Absent = slices.Clone(p.Links), maps.Clone(p.Absent)
			}
			for _, l := range own.person.Links {
				g.of[l.Ref] = own
			}
			g.parts = append(g.parts, own)
			own.group = &group{person: own.person.Clone(), parts: []*part{own}}
		}
	}
}

// home is the cluster of the patient that stands for p, or of the first that any cluster names; -1 for none.
func (g *gathering) home(p Person) int {
	for _, ref := range append([]concord.PatientRef{p.spokesman()}, p.refs()...) {
		if i, named := g.at[ref]; named {
			return i
		}
	}
	return -1
}

// assemble makes one group of a cluster's parts, and is who could not come into it.
func (g *gathering) assemble(i int) (left []Left) {
	var whole *group
	for _, l := range g.clusters[i] {
		p := g.of[l.Ref]
		if p == nil {
			p = &part{cluster: i, person: Person{Links: []Link{{Ref: l.Ref, Grade: Certain, Score: l.Score, Rule: l.Rule}}}}
			p.group = &group{person: p.person.Clone(), parts: []*part{p}}
			g.of[l.Ref] = p
			g.parts = append(g.parts, p)
		}
		switch why := g.refusal(whole, p, i); {
		case why != "":
			left = append(left, Left{l.Ref, why})
		case whole == nil:
			whole = p.group
		case p.group != whole:
			unite(&whole.person, p.person)
			whole.parts, p.group = append(whole.parts, p), whole
		}
	}
	return left
}

// refusal is why p can't become one with the whole of cluster i; "" when it can.
func (g *gathering) refusal(whole *group, p *part, i int) Why {
	switch {
	case p.cluster != i:
		return Elsewhere
	case whole == nil || p.group == whole:
		return ""
	case whole.person.frozen() || p.person.frozen():
		return Frozen
	case whole.person.rejects(p.person.refs()...) || p.person.rejects(whole.person.refs()...):
		return Refused
	}
	if g.unnamed(whole.person) || g.unnamed(p.person) {
		return Elsewhere
	}
	ours := func(ref concord.PatientRef) bool { at, named := g.at[ref]; return named && at == i }
	for _, l := range p.person.Links {
		for _, had := range whole.person.Links {
			if l.Ref.Source == had.Ref.Source && l.ReplacedBy.IsZero() && had.ReplacedBy.IsZero() && !(ours(l.Ref) && ours(had.Ref)) {
				return Taken
			}
		}
	}
	return ""
}

// unnamed tells whether p has by matching alone a patient that no cluster names.
func (g *gathering) unnamed(p Person) bool {
	return slices.ContainsFunc(p.Links, func(l Link) bool {
		_, named := g.at[l.Ref]
		return !named && l.Live() && !l.Manual
	})
}

// finish names everybody, and makes the change of it.
func (g *gathering) finish() {
	where := map[PersonID][]*group{} // what became of a person
	var groups []*group
	for _, p := range g.parts {
		if !slices.Contains(where[p.origin], p.group) && p.origin != "" {
			where[p.origin] = append(where[p.origin], p.group)
		}
		if p.group.parts[0] == p {
			groups = append(groups, p.group)
		}
	}
	for _, u := range groups {
		g.name(u, where)
	}
	for _, id := range slices.Sorted(maps.Keys(where)) {
		var into []PersonID
		for _, u := range where[id] {
			into = append(into, u.person.ID)
		}
		if slices.Contains(into, id) {
			continue
		}
		g.change.Persons = append(g.change.Persons, Person{ID: id, Version: g.was[id].Version})
		g.change.Retired = append(g.change.Retired, Retired{ID: id, Into: into})
		for _, u := range where[id] {
			kind := EventJoined
			if len(into) > 1 {
				kind = EventSplit
			}
			g.x.tell(&g.change, Event{Kind: kind, Person: u.person.ID, Former: id, Refs: u.person.refs()})
		}
	}
}

// name gives a group the id of the oldest person that is a part of it as a whole, or a new one, and has it stored if it is
// not as it was.
func (g *gathering) name(u *group, where map[PersonID][]*group) {
	var eldest Person
	for _, p := range u.parts {
		if was, ok := g.was[p.origin]; ok && len(where[p.origin]) == 1 &&
			(eldest.ID == "" || was.Created.Before(eldest.Created) || was.Created.Equal(eldest.Created) && was.ID < eldest.ID) {
			eldest = was
		}
	}
	if eldest.ID != "" {
		u.person.ID, u.person.Version, u.person.Created = eldest.ID, eldest.Version, eldest.Created
		if len(u.parts) == 1 {
			return
		}
	} else {
		u.person.ID, u.person.Version = NewPersonID(), 0
		fresh := !slices.ContainsFunc(u.parts, func(p *part) bool { return p.origin != "" })
		u.person.Created = time.Now()
		for _, p := range u.parts {
			if was, ok := g.was[p.origin]; ok && was.Created.Before(u.person.Created) {
				u.person.Created = was.Created
			}
		}
		if fresh {
			first := u.parts[0].person.Links[0].Ref
			u.person = u.person.with(Link{Ref: first, Grade: Certain, Score: 1, Rule: RuleSeed})
			g.x.tell(&g.change, Event{Kind: EventCreated, Person: u.person.ID, Refs: []concord.PatientRef{first}, Rule: RuleSeed})
		}
	}
	for _, p := range u.parts {
		if l := p.person.Links[0]; p.origin == "" && (p != u.parts[0] || eldest.ID != "") {
			g.x.tell(&g.change, Event{Kind: EventLinked, Person: u.person.ID, Refs: []concord.PatientRef{l.Ref}, Rule: l.Rule})
		}
	}
	g.change.Persons = append(g.change.Persons, u.person)
}
