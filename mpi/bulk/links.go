package bulk

import (
	"cmp"
	"context"
	"slices"

	"concord"
	"concord/mpi"
)

// Row is one link as it is listed. It is PHI.
type Row struct {
	Person mpi.PersonID
	Ref    concord.PatientRef
	Grade  mpi.Grade
	Score  float64
}

// mostProbable is the highest score of what is not certain.
const mostProbable = 0.89

// Links are all links: of each person its patients, and then, from the reviews that are open, those that are probably or
// possibly its too. Persons that are probably one are listed under one of them, that of the most patients, so that a person's
// rows are all that anybody takes for one human; each patient has its certain row as well. Rows are ordered by person, grade
// and patient. Errors are the store's.
func Links(ctx context.Context, store mpi.Backend) ([]Row, error) {
	g := grouping{owner: map[concord.PatientRef]int32{}, graded: map[[2]int32]int{}, never: map[[2]int32]bool{}}
	for p, err := range store.All(ctx) {
		if err != nil {
			return nil, err
		}
		n := int32(len(g.persons))
		m := member{id: p.ID}
		for _, l := range p.Links {
			if l.Live() {
				m.links = append(m.links, l)
				g.owner[l.Ref] = n
			}
		}
		if len(m.links) > 0 {
			g.persons = append(g.persons, m)
		}
	}
	for r, err := range store.Reviews(ctx, mpi.ReviewOpen, 0) {
		if err != nil {
			return nil, err
		}
		if r.Reason == mpi.ReasonMatch {
			g.review(r)
		}
	}
	return g.rows(), nil
}

// member is a person with its live links.
type member struct {
	id    mpi.PersonID
	links []mpi.Link
}

// edge is a review between two persons.
type edge struct {
	a, b     concord.PatientRef
	from, to int32
	decision mpi.Decision
}

// grouping puts persons together that are probably one.
type grouping struct {
	persons []member
	owner   map[concord.PatientRef]int32
	edges   []edge
	graded  map[[2]int32]int  // how many pairs of two persons' patients have a grade
	never   map[[2]int32]bool // persons that contradict each other
	group   []int32
	members map[int32][]int32
}

func two(a, b int32) [2]int32 { return [2]int32{min(a, b), max(a, b)} }

func (g *grouping) review(r mpi.Review) {
	a, known := g.owner[r.A]
	b, too := g.owner[r.B]
	if !known || !too || a == b || r.Decision.Grade == 0 {
		return
	}
	g.graded[two(a, b)]++
	if r.Decision.Contradicts {
		g.never[two(a, b)] = true
		return
	}
	g.edges = append(g.edges, edge{r.A, r.B, a, b, r.Decision})
}

// join makes groups, from the surest pair down. Two groups are one if half of the pairs between them at least have a grade,
// and none contradict.
func (g *grouping) join() {
	slices.SortFunc(g.edges, func(x, y edge) int {
		return cmp.Or(cmp.Compare(y.decision.Weight, x.decision.Weight), cmp.Compare(y.decision.Score, x.decision.Score), mpi.CompareRefs(x.a, y.a), mpi.CompareRefs(x.b, y.b))
	})
	g.group, g.members = make([]int32, len(g.persons)), map[int32][]int32{}
	for i := range g.group {
		g.group[i] = int32(i)
	}
	list := func(of int32) []int32 {
		if m := g.members[of]; m != nil {
			return m
		}
		return []int32{of}
	}
	for _, e := range g.edges {
		x, y := g.group[e.from], g.group[e.to]
		if e.decision.Grade < mpi.Probable || x == y {
			continue
		}
		left, right := list(x), list(y)
		fit, all, never := 0, 0, false
		for _, p := range left {
			for _, q := range right {
				fit += g.graded[two(p, q)]
				all += len(g.persons[p].links) * len(g.persons[q].links)
				never = never || g.never[two(p, q)]
			}
		}
		if never || 2*fit < all {
			continue
		}
		both := slices.Concat(left, right)
		delete(g.members, x)
		delete(g.members, y)
		to := min(x, y)
		g.members[to] = both
		for _, p := range both {
			g.group[p] = to
		}
	}
}

func (g *grouping) rows() []Row {
	g.join()
	likely := map[concord.PatientRef]mpi.Decision{} // of a patient, the surest pair within its group
	for _, e := range g.edges {
		if g.group[e.from] != g.group[e.to] || e.decision.Grade < mpi.Probable {
			continue
		}
		for _, ref := range []concord.PatientRef{e.a, e.b} {
			if _, known := likely[ref]; !known {
				likely[ref] = e.decision
			}
		}
	}
	more := map[int32][]Row{}
	home := map[int32]int32{} // of a group, who has the others
	for of, all := range g.members {
		at := all[0]
		for _, p := range all[1:] {
			if c := cmp.Compare(len(g.persons[p].links), len(g.persons[at].links)); c > 0 || c == 0 && mpi.CompareRefs(g.persons[p].links[0].Ref, g.persons[at].links[0].Ref) < 0 {
				at = p
			}
		}
		home[of] = at
		for _, p := range all {
			if p == at {
				continue
			}
			for _, l := range g.persons[p].links {
				score := 0.65
				if d, ok := likely[l.Ref]; ok {
					score = min(d.Score, mostProbable)
				}
				more[at] = append(more[at], Row{g.persons[at].id, l.Ref, mpi.Probable, score})
			}
		}
	}
	listed := map[[2]int32]bool{}
	for _, e := range g.edges {
		x, y := g.group[e.from], g.group[e.to]
		if x == y || e.decision.Grade > mpi.Possible || listed[two(x, y)] {
			continue
		}
		listed[two(x, y)] = true
		at, ok := home[x]
		if !ok {
			at = e.from
		}
		more[at] = append(more[at], Row{g.persons[at].id, e.b, mpi.Possible, e.decision.Score})
	}
	var out []Row
	for i, p := range g.persons {
		for _, l := range p.links {
			out = append(out, Row{p.id, l.Ref, l.Grade, l.Score})
		}
		rest := more[int32(i)]
		slices.SortFunc(rest, func(a, b Row) int { return cmp.Or(cmp.Compare(b.Grade, a.Grade), mpi.CompareRefs(a.Ref, b.Ref)) })
		out = append(out, rest...)
	}
	return out
}
