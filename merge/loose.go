package merge

import (
	"cmp"
	"math/bits"
	"slices"
)

// link is two groups that may be the same.
type link struct {
	a, b   int32
	weight int // what they have in common beyond what makes them candidates
}

// decisiveEvidence is what tells one of several candidates.
const decisiveEvidence = byIdentifier | byOrigin | byEncounter | byRequester | byPerformer | byProvider | byLot | byResults | byDose | byRecorded

// joinLoosely joins groups that may be the same, if none of them has another that it may be the same as, or what else
// they have in common decides. What was joined is no candidate for others of its sources any more, so it goes on until
// nothing changes.
func (l *linker) joinLoosely() {
	for l.joinOnce() {
		continue
	}
}

func (l *linker) joinOnce() bool {
	links := l.links()
	changed := false
	for _, c := range connected(links) {
		if len(c.links) != len(c.groups)*(len(c.groups)-1)/2 {
			changed = l.joinBest(c.links) || changed
			continue
		}
		for _, g := range c.groups[1:] {
			l.merge(c.groups[0], g)
			changed = true
		}
	}
	return changed
}

// links are the pairs of groups of which all members may be the same, sorted.
func (l *linker) links() []link {
	var out []link
	for i := range l.edges {
		e := &l.edges[i]
		if e.Relation < Loosely {
			continue
		}
		a, b := l.owner[e.a], l.owner[e.b]
		if a == b {
			continue
		}
		a, b = min(a, b), max(a, b)
		if l.relation(a, b) >= Loosely {
			out = append(out, link{a, b, bits.OnesCount64(uint64(e.Agreed & decisiveEvidence))})
		}
	}
	slices.SortFunc(out, func(x, y link) int {
		return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b), -cmp.Compare(x.weight, y.weight))
	})
	return slices.CompactFunc(out, func(x, y link) bool { return x.a == y.a && x.b == y.b })
}

// component is groups that hang together by links.
type component struct {
	groups []int32
	links  []link
}

func connected(links []link) []component {
	at := map[int32]int{}
	var out []component
	for _, k := range links {
		i, okA := at[k.a]
		j, okB := at[k.b]
		switch {
		case !okA && !okB:
			i = len(out)
			out = append(out, component{})
		case !okA:
			i = j
		case okB && i != j:
			for _, g := range out[j].groups {
				at[g] = i
			}
			out[i].groups = append(out[i].groups, out[j].groups...)
			out[i].links = append(out[i].links, out[j].links...)
			out[j] = component{}
		}
		for _, g := range [...]int32{k.a, k.b} {
			if _, ok := at[g]; !ok {
				at[g] = i
				out[i].groups = append(out[i].groups, g)
			}
		}
		out[i].links = append(out[i].links, k)
	}
	return slices.DeleteFunc(out, func(c component) bool { return len(c.groups) == 0 })
}

// joinBest joins those that have more in common with each other than either has with anything else.
func (l *linker) joinBest(links []link) bool {
	best := map[int32]link{}
	tied := map[int32]bool{}
	for _, k := range links {
		for _, g := range [...]int32{k.a, k.b} {
			switch b, ok := best[g]; {
			case !ok || k.weight > b.weight:
				best[g], tied[g] = k, false
			case k.weight == b.weight:
				tied[g] = true
			}
		}
	}
	changed := false
	for _, k := range links {
		if k.weight > 0 && best[k.a] == k && best[k.b] == k && !tied[k.a] && !tied[k.b] {
			l.merge(k.a, k.b)
			changed = true
		}
	}
	return changed
}
