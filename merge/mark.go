package merge

import (
	"slices"

	"concord"
)

// mark marks what the joining leaves: groups that tell one event in ways that exclude each other, groups that may be the
// same, and statements that there is none of what there is.
func (l *linker) mark() {
	var rivals map[side]int // counted when they are asked for
	for i := range l.edges {
		e := &l.edges[i]
		a, b := l.owner[e.a], l.owner[e.b]
		if a == b {
			continue
		}
		same := l.oneSource(e)
		switch {
		case e.Relation == Conflict && !same && !l.shareSource(a, b):
			// a group is not held against a source that agrees with it elsewhere, and of several that one may contradict
			// it is not known which
			if e.Sure < Nearly && rivals == nil {
				rivals = l.rivals()
			}
			if e.Sure >= Nearly || rivals[sideOf(e.a, l.at(e.b))] == 1 && rivals[sideOf(e.b, l.at(e.a))] == 1 {
				l.conflict(a, b, relative{in: e.In, relation: e.Sure, agreed: e.Agreed})
			}
		case e.Relation >= Nearly && same:
			l.duplicate(a, b, relative{duplicate: DuplicateRepeated, relation: e.Relation, agreed: e.Agreed})
		case e.Relation >= Loosely && !same && !l.shareSource(a, b):
			l.duplicate(a, b, relative{duplicate: DuplicateAmbiguous, relation: e.Relation, agreed: e.Agreed})
		}
	}
	l.markAbsences()
}

// side is a fact as seen from what another source means, or takes back.
type side struct {
	fact     int32
	source   concord.SourceID
	standing standing
}

func sideOf(fact int32, other *Facts) side { return side{fact, other.Source, other.standing} }

// rivals counts, for each fact and other source, with how many facts of it there is a conflict that is not sure.
func (l *linker) rivals() map[side]int {
	out := map[side]int{}
	for i := range l.edges {
		if e := &l.edges[i]; e.Relation == Conflict && e.Sure < Nearly {
			out[sideOf(e.a, l.at(e.b))]++
			out[sideOf(e.b, l.at(e.a))]++
		}
	}
	return out
}

// conflict marks two groups as telling one event in ways that exclude each other.
func (l *linker) conflict(a, b int32, r relative) {
	for _, g := range [...]int32{a, b} {
		if m := l.marked(g); !slices.Contains(m.conflicts, r.in) {
			m.conflicts = append(m.conflicts, r.in)
		}
	}
	l.relate(a, b, r)
}

// duplicate marks two groups that may be the same; that a source holds it twice says more than that it may be either of
// several.
func (l *linker) duplicate(a, b int32, r relative) {
	for _, g := range [...]int32{a, b} {
		if m := l.marked(g); m.duplicate == "" || r.duplicate == DuplicateRepeated {
			m.duplicate = r.duplicate
		}
	}
	l.relate(a, b, r)
}

// relate notes what two groups have to do with each other.
func (l *linker) relate(a, b int32, r relative) {
	r.a, r.b = min(a, b), max(a, b)
	l.others = append(l.others, r)
}

// marked is a group's marks, to be added to.
func (l *linker) marked(g int32) *marks {
	if l.marks == nil {
		l.marks = make([]*marks, len(l.groups))
	}
	if l.marks[g] == nil {
		l.marks[g] = &marks{}
	}
	return l.marks[g]
}

// markAbsences marks "no known …" and what speaks against it, whoever says so: neither is dropped.
func (l *linker) markAbsences() {
	for i := range l.owner {
		a := l.at(int32(i))
		if a.absent == noneSuch || a.absent == notAsked || a.standing != live {
			continue
		}
		for j := range l.owner {
			if a.absent.denies(l.at(int32(j))) {
				l.conflict(l.owner[i], l.owner[j], relative{in: ConflictNoKnown})
			}
		}
	}
}
