package merge

import (
	"cmp"
	"slices"
	"strings"
)

// number counts the groups that are left, and numbers them for the rules that ask what was merged.
func (l *linker) number(w *World) {
	for i := range l.groups {
		members := l.groups[i].members
		if members == nil {
			continue
		}
		l.left++
		for _, m := range members {
			w.group[l.from+int(l.place[m])] = int32(l.from + l.left)
		}
	}
}

// entries makes the entries of what was joined, in their order; copies is room for all copies.
func (l *linker) entries(w *World, out []Entry, copies []Copy) {
	joined := make([]int32, 0, l.left)
	at := make([]int32, len(l.groups))
	for i := range l.groups {
		if l.groups[i].members != nil {
			at[i] = int32(len(joined))
			joined = append(joined, int32(i))
		}
	}
	slices.SortFunc(joined, func(a, b int32) int { return cmp.Compare(l.place[a], l.place[b]) }) // as memory has them
	copies = copies[:cap(copies)]
	for _, i := range joined {
		n := len(l.groups[i].members)
		out[at[i]] = l.entry(w, i, copies[:0:n])
		copies = copies[n:]
	}
	l.addOthers(out, at)
}

// entry makes the entry of a group; copies is room for its copies.
func (l *linker) entry(w *World, i int32, copies []Copy) Entry {
	members := l.groups[i].members
	var out Entry
	if l.marks != nil && l.marks[i] != nil {
		m := l.marks[i]
		out.Conflicts, out.PossibleDuplicate = m.conflicts, m.duplicate
		slices.Sort(out.Conflicts)
	}
	for _, m := range members {
		copies = append(copies, w.items[l.from+int(l.place[m])].Copy)
	}
	out.Copies, out.Survivor = copies, copies[0]
	if len(members) > 1 {
		out.Rule = l.rule.Name()
		out.Why = l.why(members)
		out.Survivor = l.survivor(members)
		out.Add = additions(out.Survivor, out.Copies, &l.scratch)
	}
	return out
}

// why is what the comparisons of a group's members said.
func (l *linker) why(members []int32) Why {
	rel, all, some, alike := Exactly, ^Evidence(0), Evidence(0), true
	l.pairs = l.pairs[:0]
	for i, a := range members {
		for j := i + 1; j < len(members); j++ {
			p := Pair{A: uint16(i), B: uint16(j), Relation: Nearly}
			if e := l.between(a, members[j]); e != nil {
				p.Relation, p.Agreed = e.Relation, e.Agreed
			}
			rel, all, some = min(rel, p.Relation), all&p.Agreed, some|p.Agreed
			l.pairs = append(l.pairs, p)
			alike = alike && p.Agreed == l.pairs[0].Agreed && p.Relation == l.pairs[0].Relation
		}
	}
	out := Why{Strength: strengths[rel], Agreed: all, Some: some &^ all, of: len(members)}
	if !alike {
		out.Pairs = l.pairArena.take(l.pairs)
	}
	return out
}

// relative is two groups that tell one event, or may, and were not joined.
type relative struct {
	a, b      int32
	in        ConflictCode
	duplicate DuplicateCode
	relation  Relation
	agreed    Evidence
}

// addOthers tells each entry, of which at has the place by its group, of the others that have to do with it.
func (l *linker) addOthers(entries []Entry, at []int32) {
	if len(l.others) == 0 {
		return
	}
	slices.SortFunc(l.others, func(x, y relative) int {
		return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b), strings.Compare(string(x.in), string(y.in)))
	})
	of := map[int32][]Other{}
	add := func(a, b int32, o Other) { of[a] = append(of[a], named(o, &entries[at[b]])) }
	for rest := l.others; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].a == rest[0].a && rest[n].b == rest[0].b {
			n++
		}
		o := together(rest[:n])
		add(rest[0].a, rest[0].b, o)
		add(rest[0].b, rest[0].a, o)
		rest = rest[n:]
	}
	for g, others := range of {
		slices.SortStableFunc(others, func(x, y Other) int {
			return cmp.Or(cmp.Compare(len(y.Conflicts), len(x.Conflicts)), strings.Compare(string(x.Source), string(y.Source)), strings.Compare(x.ID, y.ID))
		})
		entries[at[g]].Others = slices.Clone(others[:min(len(others), MostOthers)])
	}
}

// together is what several comparisons of the copies of two groups say of the two.
func together(all []relative) Other {
	o, rel := Other{Agreed: ^Evidence(0)}, Distinct
	for _, r := range all {
		if r.in != "" && !slices.Contains(o.Conflicts, r.in) {
			o.Conflicts = append(o.Conflicts, r.in)
		}
		if r.duplicate != "" && o.Duplicate != DuplicateRepeated {
			o.Duplicate = r.duplicate
		}
		rel, o.Agreed = max(rel, r.relation), o.Agreed&r.agreed
	}
	if len(o.Conflicts) > 0 {
		o.Duplicate = ""
	}
	o.Strength = strengths[rel]
	return o
}

// named is o as the name of e.
func named(o Other, e *Entry) Other {
	o.Source, o.ID = e.Survivor.Source, e.Survivor.ID()
	return o
}
