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
		same := l.facts[e.a].Source == l.facts[e.b].Source
		switch {
		case e.Relation == Conflict && !same && !l.shareSource(a, b):
			// a group is not held against a source that agrees with it elsewhere, and of several that one may contradict
			// it is not known which
			if e.Sure < Nearly && rivals == nil {
				rivals = l.rivals()
			}
			if e.Sure >= Nearly || rivals[sideOf(e.a, &l.facts[e.b])] == 1 && rivals[sideOf(e.b, &l.facts[e.a])] == 1 {
				l.conflict(a, e.In)
				l.conflict(b, e.In)
			}
		case e.Relation >= Nearly && same:
			l.duplicate(a, DuplicateRepeated)
			l.duplicate(b, DuplicateRepeated)
		case e.Relation >= Loosely && !same && !l.shareSource(a, b):
			l.duplicate(a, DuplicateAmbiguous)
			l.duplicate(b, DuplicateAmbiguous)
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
			out[sideOf(e.a, &l.facts[e.b])]++
			out[sideOf(e.b, &l.facts[e.a])]++
		}
	}
	return out
}

func (l *linker) conflict(g int32, in ConflictCode) {
	if c := &l.groups[g].conflicts; !slices.Contains(*c, in) {
		*c = append(*c, in)
	}
}

// duplicate marks a group; that a source holds it twice says more than that it may be either of several.
func (l *linker) duplicate(g int32, code DuplicateCode) {
	if d := &l.groups[g].duplicate; *d == "" || code == DuplicateRepeated {
		*d = code
	}
}

// markAbsences marks "no known …" and what speaks against it, whoever says so: neither is dropped.
func (l *linker) markAbsences() {
	for i := range l.facts {
		a := l.facts[i].absent
		if a == noneSuch || a == notAsked || l.facts[i].standing != live {
			continue
		}
		for j := range l.facts {
			if a.denies(&l.facts[j]) {
				l.conflict(l.owner[i], ConflictNoKnown)
				l.conflict(l.owner[j], ConflictNoKnown)
			}
		}
	}
}
