package linkage

import (
	"slices"

	"concord/mpi"
)

const (
	// crowd is how many records one person may have; more than that is a mistake of the data.
	crowd = 256
	// decisive is by how many bits a record has to be rather one person's than another's: a thousand to one.
	decisive = 10
)

// groups are records joined by links that are tried from the surest down, whatever the order that they came in.
type groups struct {
	of      []int32           // the group of each record, named by its smallest one
	members map[int32][]int32 // of groups that have several
}

func newGroups(n int) *groups {
	g := &groups{of: make([]int32, n), members: map[int32][]int32{}}
	for i := range g.of {
		g.of[i] = int32(i)
	}
	return g
}

// list is the records of the group.
func (g *groups) list(of int32) []int32 {
	if m := g.members[of]; m != nil {
		return m
	}
	return []int32{of}
}

// join makes one group of two, if least of the pairs of a record of one and one of the other may be together, and none may
// not by any means.
func (g *groups) join(a, b int32, least float64, test func(a, b int32) (may, never bool)) bool {
	x, y := g.of[a], g.of[b]
	if x == y {
		return true
	}
	left, right := g.list(x), g.list(y)
	if len(left)+len(right) > crowd {
		return false
	}
	fit := 0
	for _, i := range left {
		for _, j := range right {
			may, never := test(i, j)
			if never {
				return false
			}
			if may {
				fit++
			}
		}
	}
	if float64(fit) < least*float64(len(left)*len(right)) {
		return false
	}
	to := min(x, y)
	all := slices.Concat(left, right)
	slices.Sort(all)
	delete(g.members, x)
	delete(g.members, y)
	g.members[to] = all
	for _, i := range all {
		g.of[i] = to
	}
	return true
}

// cluster makes persons of the certain pairs, and groups of persons of the probable ones. A record that is certain to be
// each of two who can't be one is neither's, unless it is decisively rather the one's: nobody can tell from what is there.
func (l *linker) cluster() {
	var certain []edge
	for _, e := range l.edges {
		if e.grade == mpi.Certain && !l.apart(e.a, e.b) {
			certain = append(certain, e)
		}
	}
	n := len(l.table.refs)
	torn := map[int32]bool{}
	var persons *groups
	for {
		persons = newGroups(n)
		for _, e := range certain {
			if !torn[e.a] && !torn[e.b] {
				persons.join(e.a, e.b, 1, func(a, b int32) (may, never bool) {
					may, never = l.compatible(a, b)
					return may, never || l.apart(a, b)
				})
			}
		}
		if !l.tear(certain, persons, torn) {
			break
		}
	}
	l.person = persons.of

	likely := newGroups(n)
	for of, members := range persons.members {
		likely.members[of] = members
	}
	copy(likely.of, persons.of)
	for _, e := range l.edges {
		if e.grade >= mpi.Probable {
			likely.join(e.a, e.b, 0.5, l.compatible)
		}
	}
	l.likely = likely.of
}

// compatible tells whether two records may be one person's, as they are not clearly two people's, and whether they never
// are, as they contradict one another.
func (l *linker) compatible(a, b int32) (may, never bool) {
	v := l.model.Compare(l.table.records[a], l.table.records[b])
	return v.Grade > 0, v.Contradicts
}

// tear finds records that are torn between two persons, and tells whether there are any that were not known.
func (l *linker) tear(certain []edge, persons *groups, torn map[int32]bool) bool {
	best := map[int32]float32{} // the surest link of a record within its person
	for _, e := range certain {
		if persons.of[e.a] != persons.of[e.b] {
			continue
		}
		for _, i := range [2]int32{e.a, e.b} {
			if _, ok := best[i]; !ok {
				best[i] = e.weight
			}
		}
	}
	var found []int32
	for _, e := range certain {
		if torn[e.a] || torn[e.b] || persons.of[e.a] == persons.of[e.b] {
			continue
		}
		for _, i := range [2]int32{e.a, e.b} {
			if own, linked := best[i]; linked && own-e.weight < decisive {
				found = append(found, i)
			}
		}
	}
	for _, i := range found {
		torn[i] = true
	}
	return len(found) > 0
}
