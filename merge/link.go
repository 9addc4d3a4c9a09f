package merge

import (
	"cmp"
	"math/bits"
	"slices"

	"concord/fhir"
)

// group is the copies that are one event so far, in their order; nil members for one that was joined to an earlier one.
type group struct{ members []int32 }

// linker finds out which copies of one type are one event. Facts stand as their copies came, so that they are read, and
// compared, in the order of memory; all else goes by their order, of source and id.
type linker struct {
	rule   Rule
	typ    fhir.ResourceType
	from   int // of the segment
	left   int // how many groups there are in the end
	facts  []Facts
	worths []worth
	place  []int32 // where each fact stands, by the order
	edges  []edge  // of all pairs that are not distinct, sorted
	// edgesOf is where the edges of each fact begin, as the earlier of two
	edgesOf []int32
	groups  []group  // by the first member
	owner   []int32  // the group of each fact
	marks   []*marks // nil when none is marked
	others  []relative
	sources []uint16 // of each fact, numbered

	scratch   []Addition
	pairs     []Pair
	pairArena arena[Pair]
}

// marks are what a group is marked with.
type marks struct {
	conflicts []ConflictCode
	duplicate DuplicateCode
}

// at is the i-th fact.
func (l *linker) at(i int32) *Facts { return &l.facts[l.place[i]] }

// edge is what two facts are to each other; a is the earlier.
type edge struct {
	a, b int32
	Verdict
}

// oneSource tells whether both facts of an edge are of one source.
func (l *linker) oneSource(e *edge) bool { return l.sources[e.a] == l.sources[e.b] }

func newLinker(rule Rule, w *World, p segment) *linker {
	n := p.last - p.first
	l := &linker{rule: rule, typ: p.typ, from: p.from, place: make([]int32, n), groups: make([]group, n), owner: make([]int32, n), sources: make([]uint16, n)}
	members, index := make([]int32, n), make([]int32, p.to-p.from)
	for i := range index {
		index[i] = -1 // given twice
	}
	for i, at := range w.order[p.first:p.last] {
		l.place[i], index[int(at)-p.from] = at-int32(p.from), int32(i)
		if i > 0 {
			l.sources[i] = l.sources[i-1]
			if w.items[at].Source != w.items[w.order[p.first+i-1]].Source { // sorted by it
				l.sources[i]++
			}
		}
		l.owner[i], members[i] = int32(i), int32(i)
		l.groups[i].members = members[i : i+1 : i+1]
	}
	if rule == nil {
		return l
	}
	l.facts, l.worths = make([]Facts, p.to-p.from), make([]worth, p.to-p.from)
	again := false
	for i := range l.facts {
		if index[i] >= 0 {
			f := &l.facts[i]
			*f = rule.Read(w.items[p.from+i].Copy, w)
			l.worths[i] = worthOf(f, l.typ)
			again = again || f.looksUp
		}
	}
	if g, ok := rule.(interface{ lookUp(f *Facts, w *World) }); ok && again {
		w.makeGlossary()
		for i := range l.facts {
			if l.facts[i].looksUp {
				g.lookUp(&l.facts[i], w)
			}
		}
	}
	postings := sortPostings(l.postings(index))
	l.demote(postings)
	l.compare(pairs(postings, len(l.facts)), index)
	return l
}

// compare compares pairs, of places, and keeps those that are not distinct, by the order.
func (l *linker) compare(pairs []uint64, index []int32) {
	edges := make([]edge, 0, len(pairs))
	l.edgesOf = make([]int32, len(l.place)+1)
	for _, p := range pairs {
		x, y := int32(p>>32), int32(p&0xffffffff)
		if v := l.rule.Compare(&l.facts[x], &l.facts[y]); v.Relation != Distinct {
			a, b := index[x], index[y]
			a, b = min(a, b), max(a, b)
			edges = append(edges, edge{a, b, v})
			l.edgesOf[a+1]++
		}
	}
	for i := range l.place {
		l.edgesOf[i+1] += l.edgesOf[i]
	}
	l.edges = make([]edge, len(edges))
	next := slices.Clone(l.edgesOf)
	for _, e := range edges {
		l.edges[next[e.a]] = e
		next[e.a]++
	}
	for i := range l.place {
		slices.SortFunc(l.edges[l.edgesOf[i]:l.edgesOf[i+1]], func(x, y edge) int { return cmp.Compare(x.b, y.b) })
	}
}

// between is what two facts are to each other.
func (l *linker) between(a, b int32) *edge {
	if a > b {
		a, b = b, a
	}
	for i := l.edgesOf[a]; i < l.edgesOf[a+1]; i++ {
		if l.edges[i].b == b {
			return &l.edges[i]
		}
	}
	return nil
}

// relation is the weakest between members of two groups; groups with a source in common are distinct, since that source
// keeps the two apart.
func (l *linker) relation(a, b int32) Relation {
	if l.shareSource(a, b) {
		return Distinct
	}
	rel, met := Exactly, false
	for _, x := range l.groups[a].members {
		for _, y := range l.groups[b].members {
			r := Distinct
			if e := l.between(x, y); e != nil {
				r, met = e.Relation, true
			} else if len(l.groups[a].members)+len(l.groups[b].members) > 2 {
				r = l.vouched(x, y)
			}
			if rel = min(rel, r); rel <= Conflict {
				return rel
			}
		}
	}
	if !met {
		return Distinct
	}
	return rel
}

// vouched is what two facts would be to each other if they had their code in common, where these can't be compared: one
// has words only, or the two use different vocabularies. The other members of their groups, of which one has to say both,
// stand for it.
func (l *linker) vouched(x, y int32) Relation {
	a, b := *l.at(x), *l.at(y)
	switch here, there := len(a.what.codes) > 0, len(b.what.codes) > 0; {
	case !here && !there, here && there && oneSystem(a.what, b.what):
		return Distinct
	case here:
		b.what = a.what
	default:
		a.what = b.what
	}
	return min(Nearly, l.rule.Compare(&a, &b).Relation)
}

func (l *linker) shareSource(a, b int32) bool {
	for _, x := range l.groups[a].members {
		for _, y := range l.groups[b].members {
			if l.sources[x] == l.sources[y] {
				return true
			}
		}
	}
	return false
}

// join joins groups whose members are all the same to each other at least at the given strength: complete linkage, so
// that no chain of likenesses brings together what is not alike. Those that agree in most come first, so that of several
// alike the ones of one encounter find each other; the order of the facts decides the rest.
func (l *linker) join(strength Relation) {
	var strong []int32
	for i := range l.edges {
		if e := &l.edges[i]; e.Relation >= strength && !l.oneSource(e) {
			strong = append(strong, int32(i))
		}
	}
	slices.SortFunc(strong, func(x, y int32) int {
		a, b := &l.edges[x], &l.edges[y]
		if a.Relation != b.Relation {
			return -cmp.Compare(a.Relation, b.Relation)
		}
		if x, y := bits.OnesCount64(uint64(a.Agreed)), bits.OnesCount64(uint64(b.Agreed)); x != y {
			return -cmp.Compare(x, y)
		}
		return cmp.Or(-cmp.Compare(l.size(a), l.size(b)), cmp.Compare(x, y))
	})
	for _, i := range strong {
		a, b := l.owner[l.edges[i].a], l.owner[l.edges[i].b]
		if a != b && l.relation(a, b) >= strength {
			l.merge(a, b)
		}
	}
}

// size is how many copies there are once an edge joins its groups: what a source holds twice goes where most are.
func (l *linker) size(e *edge) int {
	return len(l.groups[l.owner[e.a]].members) + len(l.groups[l.owner[e.b]].members)
}

// merge joins two groups under the earlier one.
func (l *linker) merge(a, b int32) {
	a, b = min(a, b), max(a, b)
	g := &l.groups[a]
	g.members = append(g.members, l.groups[b].members...)
	for _, m := range l.groups[b].members {
		l.owner[m] = a
	}
	l.groups[b].members = nil
	slices.Sort(g.members)
}
