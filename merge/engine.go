package merge

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"concord"
	"concord/fhir"
)

// Engine merges. It is immutable and safe for concurrent use. The zero Engine merges nothing: each copy stays its own
// entry.
type Engine struct {
	rules map[fhir.ResourceType]Rule
}

// NewEngine merges by the given rules; types without a rule are never merged.
func NewEngine(rules map[fhir.ResourceType]Rule) *Engine { return &Engine{rules: rules} }

// Merge makes one record of what the sources gave. Each copy is in exactly one entry, whatever its content; the order
// of batches, and of resources in them, changes nothing. Of two resources of one source with one type and id, which are
// one copy, the one with the greater bytes stays.
func (e *Engine) Merge(batches []Batch) Record {
	n := 0
	for _, b := range batches {
		n += len(b.Resources)
	}
	all := make([]item, 0, n)
	for _, b := range batches {
		for _, r := range b.Resources {
			all = append(all, item{Copy{b.Source, r}, r.Type(), r.ID()})
		}
	}
	slices.SortFunc(all, compareItems)
	all = slices.CompactFunc(all, func(a, b item) bool {
		return a.typ == b.typ && a.Source == b.Source && a.id == b.id && a.id != ""
	})
	rec := Record{Entries: make([]Entry, 0, len(all))}
	for len(all) > 0 {
		k := 1
		for k < len(all) && all[k].typ == all[0].typ {
			k++
		}
		rec.Entries = e.mergeType(rec.Entries, all[:k])
		all = all[k:]
	}
	return rec
}

// item is a copy with what it is sorted by.
type item struct {
	Copy
	typ fhir.ResourceType
	id  string
}

// compareItems orders by type, source and id. Only what agrees in all three is one copy given twice, and compared as a
// whole.
func compareItems(a, b item) int {
	if c := strings.Compare(string(a.typ), string(b.typ)); c != 0 {
		return c
	}
	if c := strings.Compare(string(a.Source), string(b.Source)); c != 0 {
		return c
	}
	if c := strings.Compare(a.id, b.id); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(len(b.Raw()), len(a.Raw())), bytes.Compare(b.Raw(), a.Raw()))
}

// group is the copies that are one event so far, as indices into the facts, in their order.
type group struct {
	members   []int32
	conflicts []ConflictCode
}

// mergeType appends the entries of one type. The items are sorted by source and id.
func (e *Engine) mergeType(out []Entry, items []item) []Entry {
	rule := e.rules[items[0].typ]
	if rule == nil || items[0].Source == items[len(items)-1].Source {
		for _, it := range items {
			out = append(out, Entry{Survivor: it.Copy, Copies: []Copy{it.Copy}})
		}
		return out
	}
	w := newWork(rule, items)
	w.join(Exactly)
	w.join(Nearly)
	w.joinLoosely()
	w.mark()
	for _, g := range w.groups {
		if g != nil {
			out = append(out, w.entry(g))
		}
	}
	return out
}

// work is the state of merging one type.
type work struct {
	rule   Rule
	facts  []Facts
	index  map[Key][]int32 // facts by key
	groups []*group        // by the first member; nil when it was joined to an earlier one
	owner  []int32         // the group of each fact
}

func newWork(rule Rule, items []item) *work {
	w := &work{rule: rule, facts: make([]Facts, len(items)), index: make(map[Key][]int32, len(items)), groups: make([]*group, len(items)), owner: make([]int32, len(items))}
	backing := make([]group, len(items))
	members := make([]int32, len(items))
	for i, it := range items {
		w.facts[i] = rule.Read(it.Copy)
		for _, k := range w.facts[i].Keys {
			w.index[k] = append(w.index[k], int32(i))
		}
		w.owner[i], members[i] = int32(i), int32(i)
		backing[i].members = members[i : i+1 : i+1]
		w.groups[i] = &backing[i]
	}
	return w
}

// candidates calls f for each fact that shares a key with fact i, some of them more than once.
func (w *work) candidates(i int32, f func(j int32)) {
	for _, k := range w.facts[i].Keys {
		for _, j := range w.index[k] {
			if j != i {
				f(j)
			}
		}
	}
	for _, k := range w.facts[i].Seek {
		for _, j := range w.index[k] {
			if j != i {
				f(j)
			}
		}
	}
}

// join joins groups whose members are all the same to each other at least at the given strength: complete linkage, so
// that no chain of likenesses brings together what is not alike. The facts are in a defined order, so the outcome is.
func (w *work) join(strength Relation) {
	var near []int32
	for i := range w.facts {
		gi := w.owner[i]
		near = near[:0]
		w.candidates(int32(i), func(j int32) {
			if gj := w.owner[j]; gj < gi && !slices.Contains(near, gj) {
				near = append(near, gj)
			}
		})
		slices.Sort(near)
		near = slices.DeleteFunc(near, func(gj int32) bool { return w.relation(gi, gj) < strength })
		if len(near) > 0 {
			w.merge(w.closest(gi, near), gi)
		}
	}
}

// closest is the group most of whose elements are to the letter those of group gi, the first of several: a patient may
// have two events that are the same in all that counts, and then the wording says which copies belong together.
func (w *work) closest(gi int32, near []int32) int32 {
	if len(near) == 1 {
		return near[0]
	}
	best, most := near[0], -1
	for _, gj := range near {
		n := 0
		for m := range w.facts[gi].Members() {
			if o := w.facts[gj].Get(m.Name()); o.Exists() && bytes.Equal(o.Raw(), m.Raw()) {
				n++
			}
		}
		if n > most {
			best, most = gj, n
		}
	}
	return best
}

// joinLoosely joins two groups that may be the same, if neither has another that it may be the same as.
func (w *work) joinLoosely() {
	partner := make(map[int32]int32)
	const several = -1
	note := func(a, b int32) {
		if p, ok := partner[a]; ok && p != b {
			partner[a] = several
		} else {
			partner[a] = b
		}
	}
	for i := range w.facts {
		gi := w.owner[i]
		w.candidates(int32(i), func(j int32) {
			if gj := w.owner[j]; gj != gi && w.relation(gi, gj) >= Loosely {
				note(gi, gj)
				note(gj, gi)
			}
		})
	}
	for i := range w.facts {
		a := int32(i)
		if b, ok := partner[a]; ok && b > a && partner[b] == a && w.groups[a] != nil && w.groups[b] != nil {
			w.merge(a, b)
		}
	}
}

// relation is the weakest between members of two groups; groups with a source in common are distinct, since that source
// keeps the two apart.
func (w *work) relation(a, b int32) Relation {
	rel := Exactly
	for _, x := range w.groups[a].members {
		for _, y := range w.groups[b].members {
			if w.facts[x].Source == w.facts[y].Source {
				return Distinct
			}
		}
	}
	for _, x := range w.groups[a].members {
		for _, y := range w.groups[b].members {
			if rel = min(rel, w.rule.Compare(&w.facts[x], &w.facts[y]).Relation); rel <= Conflict {
				return rel
			}
		}
	}
	return rel
}

// merge joins group b to the earlier group a.
func (w *work) merge(a, b int32) {
	g := w.groups[a]
	g.members = append(g.members, w.groups[b].members...)
	for _, m := range w.groups[b].members {
		w.owner[m] = a
	}
	w.groups[b] = nil
	slices.Sort(g.members)
}

// mark marks groups that tell one event in ways that exclude each other. A group is not held against a source that
// agrees with it elsewhere.
func (w *work) mark() {
	for i := range w.facts {
		gi := w.owner[i]
		w.candidates(int32(i), func(j int32) {
			gj := w.owner[j]
			if gj == gi || w.facts[i].Source == w.facts[j].Source {
				return
			}
			v := w.rule.Compare(&w.facts[i], &w.facts[j])
			if v.Relation != Conflict || w.shareSource(gi, gj) {
				return
			}
			for _, g := range []*group{w.groups[gi], w.groups[gj]} {
				if !slices.Contains(g.conflicts, v.In) {
					g.conflicts = append(g.conflicts, v.In)
				}
			}
		})
	}
}

func (w *work) shareSource(a, b int32) bool {
	for _, x := range w.groups[a].members {
		for _, y := range w.groups[b].members {
			if w.facts[x].Source == w.facts[y].Source {
				return true
			}
		}
	}
	return false
}

// entry makes the entry of a group.
func (w *work) entry(g *group) Entry {
	out := Entry{Copies: make([]Copy, len(g.members)), Conflicts: g.conflicts}
	slices.Sort(out.Conflicts)
	for i, m := range g.members {
		out.Copies[i] = w.facts[m].Copy
	}
	out.Survivor = out.Copies[0]
	if len(out.Copies) > 1 {
		out.Rule = w.rule.Name()
		out.Survivor = survivor(out.Copies)
		out.Add = additions(out.Survivor, out.Copies)
	}
	return out
}

// SourcesOf are the sources of an entry, sorted, each once.
func (e Entry) SourcesOf() []concord.SourceID {
	out := make([]concord.SourceID, 0, len(e.Copies))
	for _, c := range e.Copies {
		if len(out) == 0 || out[len(out)-1] != c.Source {
			out = append(out, c.Source)
		}
	}
	return out
}
