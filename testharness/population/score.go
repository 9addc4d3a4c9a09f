package population

import "slices"

// Quality compares groups of copies, as a gateway made them, with the truth. The counts are of pairs of copies.
type Quality struct {
	// Right pairs are one event and in one group, Wrong ones two events and in one group, Apart ones one event and in two.
	Right, Wrong, Apart int
	// Silent pairs are in one group though a planted conflict says that they disagree.
	Silent int
	// Lost copies are in no group, Twice in more than one, Unknown ones are not in the truth.
	Lost, Twice, Unknown int
}

// Precision is the share of merged pairs that are right, 1 where nothing was merged.
func (q Quality) Precision() float64 { return ratio(q.Right, q.Right+q.Wrong) }

// Recall is the share of pairs to be merged that were, 1 where there were none.
func (q Quality) Recall() float64 { return ratio(q.Right, q.Right+q.Apart) }

// F1 is the harmonic mean of the two.
func (q Quality) F1() float64 { return ratio(2*q.Right, 2*q.Right+q.Wrong+q.Apart) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

// Score judges groups of copies of events. Only copies for which want is true are looked for; nil is all but Provenance,
// which a gateway makes its own. Two events that are alike may be taken for one another.
func (t *Truth) Score(groups [][]Copy, want func(Copy) bool) Quality {
	if want == nil {
		want = func(c Copy) bool { return c.Type != "Provenance" }
	}
	var q Quality
	in := map[Copy][]int{} // the groups that hold a copy
	apart := t.apart()
	for i, g := range groups {
		for j, a := range g {
			if len(in[a]) > 0 && !slices.Contains(in[a], i) {
				q.Twice++
			}
			in[a] = append(in[a], i)
			if _, known := t.Event[a]; !known {
				q.Unknown++
				continue
			}
			for _, b := range g[j+1:] {
				switch {
				case apart[[2]Copy{a, b}]:
					q.Silent++
				case t.same(a, b):
					q.Right++
				default:
					q.Wrong++
				}
			}
		}
	}
	for _, copies := range t.Copies() {
		for i, a := range copies {
			if !want(a) {
				continue
			}
			if len(in[a]) == 0 {
				q.Lost++
			}
			for _, b := range copies[i+1:] {
				if want(b) && !apart[[2]Copy{a, b}] && !t.together(groups, in, a, b) {
					q.Apart++
				}
			}
		}
	}
	return q
}

// together tells whether two copies are in one group, or one of them with another that is as good as the second.
func (t *Truth) together(groups [][]Copy, in map[Copy][]int, a, b Copy) bool {
	for _, i := range in[a] {
		if slices.Contains(in[b], i) || len(in[b]) > 0 && t.stoodIn(groups[i], b) {
			return true
		}
	}
	for _, i := range in[b] {
		if len(in[a]) > 0 && t.stoodIn(groups[i], a) {
			return true
		}
	}
	return false
}

// same tells whether two copies are one event, or events that say the same.
func (t *Truth) same(a, b Copy) bool {
	return t.Event[a] == t.Event[b] || t.Alike[t.Event[a]] == t.Alike[t.Event[b]]
}

// stoodIn tells whether a group has, in c's stead, another copy of c's source that is alike.
func (t *Truth) stoodIn(group []Copy, c Copy) bool {
	for _, x := range group {
		if x != c && x.Source == c.Source && t.same(x, c) {
			return true
		}
	}
	return false
}

// ScorePersons judges groups of Patient copies: pairs right, wrong and apart.
func (t *Truth) ScorePersons(groups [][]Copy) Quality {
	persons := Truth{Event: make(map[Copy]EventKey, len(t.Person)), Alike: map[EventKey]string{}}
	for c, p := range t.Person {
		k := EventKey(p)
		persons.Event[c], persons.Alike[k] = k, string(k)
	}
	return persons.Score(groups, func(Copy) bool { return true })
}
