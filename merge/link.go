package merge

import (
	"cmp"
	"math/bits"
	"slices"

	"concord/fhir"
)

// group is the copies that are one event so far, as indices into the facts, in their order; nil members for one that was
// joined to an earlier one.
type group struct {
	members   []int32
	conflicts []ConflictCode
	duplicate DuplicateCode
}

// linker finds out which copies of one type are one event.
type linker struct {
	rule   Rule
	typ    fhir.ResourceType
	facts  []Facts
	worths []worth
	edges  []edge // of all pairs that are not distinct, sorted
	// edgesOf is where the edges of each fact begin, as the earlier of two
	edgesOf []int32
	groups  []group // by the first member
	owner   []int32 // the group of each fact

	scratch []Addition
}

// edge is what two facts are to each other; a is the earlier.
type edge struct {
	a, b int32
	Verdict
}

// posting is a key with a fact that has it.
type posting struct {
	key  Key
	at   int32
	kind postingKind
}

type postingKind uint8

const (
	foundBy postingKind = iota // found under it
	seeksBy                    // looks under it only
)

// crowd is how many copies may be found under one key: more are no candidates for each other, since nothing that many
// have in common tells one event.
const crowd = 48

func newLinker(rule Rule, w *World, items []item) *linker {
	l := &linker{rule: rule, typ: items[0].typ, facts: make([]Facts, len(items)), worths: make([]worth, len(items)), groups: make([]group, len(items)), owner: make([]int32, len(items))}
	members := make([]int32, len(items))
	n := 0
	for i := range items {
		at := int32(i)
		l.owner[i], members[i] = at, at
	}
	slices.SortFunc(members, func(a, b int32) int { return cmp.Compare(items[a].pos, items[b].pos) })
	for _, i := range members {
		l.facts[i] = rule.Read(items[i].Copy, w)
		l.worths[i] = worthOf(&l.facts[i], l.typ)
		n += len(l.facts[i].Keys) + len(l.facts[i].Seek)
	}
	for i := range items {
		members[i] = int32(i)
		l.groups[i].members = members[i : i+1 : i+1]
	}
	postings := l.postings(n)
	slices.SortFunc(postings, func(a, b posting) int {
		switch {
		case a.key != b.key:
			return cmp.Compare(a.key, b.key)
		case a.kind != b.kind:
			return cmp.Compare(a.kind, b.kind)
		}
		return cmp.Compare(a.at, b.at)
	})
	l.demote(postings)
	l.compare(pairs(postings))
	return l
}

// postings are the keys with the facts that have them, n at most. Most keys are those of one fact only, and nobody finds
// anything by them: two bits for each digest, whether it was found under and whether it was met twice, leave most out.
func (l *linker) postings(n int) []posting {
	size := uint64(1) << bits.Len(uint(n*8))
	found, met, again := newBitset(size), newBitset(size), newBitset(size)
	for i := range l.facts {
		for _, k := range l.facts[i].Keys {
			again.set(k, met.get(k))
			met.set(k, true)
			found.set(k, true)
		}
		for _, k := range l.facts[i].Seek {
			again.set(k, met.get(k))
			met.set(k, true)
		}
	}
	var out []posting
	for i := range l.facts {
		at := int32(i)
		for _, k := range l.facts[i].Keys {
			if again.get(k) {
				out = append(out, posting{k, at, foundBy})
			}
		}
		for _, k := range l.facts[i].Seek {
			if again.get(k) && found.get(k) {
				out = append(out, posting{k, at, seeksBy})
			}
		}
	}
	return out
}

// bitset is a set of digests, with some that were never put in.
type bitset []uint64

func newBitset(size uint64) bitset { return make(bitset, max(1, size/64)) }

func (b bitset) at(k Key) (int, uint64) {
	h := uint64(k) ^ uint64(k)>>29
	h &= uint64(len(b))*64 - 1
	return int(h / 64), 1 << (h % 64)
}

func (b bitset) get(k Key) bool {
	i, bit := b.at(k)
	return b[i]&bit != 0
}

func (b bitset) set(k Key, v bool) {
	if v {
		i, bit := b.at(k)
		b[i] |= bit
	}
}

// demote takes identifiers that one source gives to several events for those of an order, which tell no event.
func (l *linker) demote(postings []posting) {
	for len(postings) > 0 {
		n := 1
		for n < len(postings) && postings[n].key == postings[0].key && postings[n].kind == foundBy {
			n++
		}
		run := postings[:n]
		postings = postings[n:]
		if n < 2 {
			continue
		}
		for i := 1; i < n; i++ {
			a, b := &l.facts[run[i-1].at], &l.facts[run[i].at]
			if run[i].at == run[i-1].at || a.Source != b.Source || a.Entity || !slices.Contains(a.IDs, run[i].key) {
				continue
			}
			for _, p := range run {
				f := &l.facts[p.at]
				f.IDs = slices.DeleteFunc(f.IDs, func(k Key) bool { return k == run[0].key })
			}
			break
		}
	}
}

// pairs are the pairs of facts that share a key, each once, sorted.
func pairs(postings []posting) []uint64 {
	var out []uint64
	for len(postings) > 0 {
		n, found := 1, 0
		for n < len(postings) && postings[n].key == postings[0].key {
			n++
		}
		for found < n && postings[found].kind == foundBy {
			found++
		}
		run := postings[:n]
		postings = postings[n:]
		if n < 2 || found == 0 || found > crowd {
			continue
		}
		for i := range found {
			for j := i + 1; j < n; j++ {
				if a, b := run[i].at, run[j].at; a < b {
					out = append(out, uint64(a)<<32|uint64(b))
				} else if b < a {
					out = append(out, uint64(b)<<32|uint64(a))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (l *linker) compare(pairs []uint64) {
	l.edges = make([]edge, 0, min(len(pairs), len(l.facts)+16))
	l.edgesOf = make([]int32, len(l.facts)+1)
	for _, p := range pairs {
		a, b := int32(p>>32), int32(p&0xffffffff)
		if v := l.rule.Compare(&l.facts[a], &l.facts[b]); v.Relation != Distinct {
			l.edges = append(l.edges, edge{a, b, v})
			l.edgesOf[a+1]++
		}
	}
	for i := range l.facts {
		l.edgesOf[i+1] += l.edgesOf[i]
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
	a, b := l.facts[x], l.facts[y]
	switch here, there := len(a.what.codes) > 0, len(b.what.codes) > 0; {
	case !here && !there, here && there && oneSystem(&a.what, &b.what):
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
			if l.facts[x].Source == l.facts[y].Source {
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
		if e := &l.edges[i]; e.Relation >= strength && l.facts[e.a].Source != l.facts[e.b].Source {
			strong = append(strong, int32(i))
		}
	}
	slices.SortStableFunc(strong, func(x, y int32) int {
		a, b := &l.edges[x], &l.edges[y]
		if a.Relation != b.Relation {
			return -cmp.Compare(a.Relation, b.Relation)
		}
		return -cmp.Compare(bits.OnesCount64(uint64(a.Agreed)), bits.OnesCount64(uint64(b.Agreed)))
	})
	for _, i := range strong {
		a, b := l.owner[l.edges[i].a], l.owner[l.edges[i].b]
		if a != b && l.relation(a, b) >= strength {
			l.merge(a, b)
		}
	}
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

// entry makes the entry of a group; copies is room for its copies.
func (l *linker) entry(g *group, copies []Copy) Entry {
	out := Entry{Conflicts: g.conflicts, PossibleDuplicate: g.duplicate}
	slices.Sort(out.Conflicts)
	for _, m := range g.members {
		copies = append(copies, l.facts[m].Copy)
	}
	out.Copies, out.Survivor = copies, copies[0]
	if len(g.members) > 1 {
		out.Rule = l.rule.Name()
		out.Why = l.why(g)
		out.Survivor = l.survivor(g)
		out.Add = additions(out.Survivor, out.Copies, &l.scratch)
	}
	return out
}

// why is what the comparisons of a group's members said.
func (l *linker) why(g *group) Why {
	rel, all, some := Exactly, ^Evidence(0), Evidence(0)
	for i, a := range g.members {
		for _, b := range g.members[i+1:] {
			if e := l.between(a, b); e != nil {
				rel, all, some = min(rel, e.Relation), all&e.Agreed, some|e.Agreed
			}
		}
	}
	return Why{Strength: strengths[rel], Agreed: all, Some: some &^ all}
}
