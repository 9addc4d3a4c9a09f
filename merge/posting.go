package merge

import (
	"cmp"
	"math/bits"
	"slices"
)

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

// postings are the keys with the facts that have them. Most keys are those of one fact only, and nobody finds anything by
// them: two bits for each digest, whether it was found under and whether it was met twice, leave most out.
func (l *linker) postings(index []int32) []posting {
	n := 0
	for i := range l.facts {
		n += len(l.facts[i].Keys) + len(l.facts[i].Seek)
	}
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
	out := make([]posting, 0, n/3)
	for i := range l.facts {
		if index[i] < 0 {
			continue
		}
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

// sortPostings sorts by key, then those found by it first, then by place. Keys are digests, so that as many heaps as there
// are postings, by the first bits of the key, have few each.
func sortPostings(postings []posting) []posting {
	width := bits.Len(uint(len(postings) / 4))
	from := make([]int32, 1<<width+1)
	heap := func(p *posting) int { return int(p.key >> 1 >> (63 - width)) }
	for i := range postings {
		from[heap(&postings[i])+1]++
	}
	for i := range len(from) - 1 {
		from[i+1] += from[i]
	}
	out, next := make([]posting, len(postings)), slices.Clone(from)
	for i := range postings {
		h := heap(&postings[i])
		out[next[h]] = postings[i]
		next[h]++
	}
	for i := range len(from) - 1 {
		slices.SortFunc(out[from[i]:from[i+1]], func(a, b posting) int {
			if a.key != b.key {
				return cmp.Compare(a.key, b.key)
			}
			return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.at, b.at))
		})
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
		if run := postings[:n]; n > 1 && l.severalOfOne(run) {
			for _, p := range run {
				f := &l.facts[p.at]
				f.IDs = slices.DeleteFunc(f.IDs, func(k Key) bool { return k == p.key })
			}
		}
		postings = postings[n:]
	}
}

// severalOfOne tells whether a key is an identifier that one source gives to several events. Of more events than there are
// sources two are of one, so that the search is short.
func (l *linker) severalOfOne(run []posting) bool {
	for i := range run {
		b := &l.facts[run[i].at]
		if b.Entity || !slices.Contains(b.IDs, run[i].key) {
			continue
		}
		for j := range i {
			if a := &l.facts[run[j].at]; run[j].at != run[i].at && a.Source == b.Source && slices.Contains(a.IDs, run[i].key) {
				return true
			}
		}
	}
	return false
}

// pairs are the pairs of facts that share a key, each once, sorted; n is how many facts there are.
func pairs(postings []posting, n int) []uint64 {
	from := make([]int32, n+1) // where the pairs of each fact, as the first of two, begin
	total := 0
	eachPair(postings, func(a, _ int32) {
		from[a+1]++
		total++
	})
	for i := range n {
		from[i+1] += from[i]
	}
	out := make([]uint64, total)
	next := slices.Clone(from)
	eachPair(postings, func(a, b int32) {
		out[next[a]] = uint64(a)<<32 | uint64(b)
		next[a]++
	})
	for i := range n {
		slices.Sort(out[from[i]:from[i+1]])
	}
	return slices.Compact(out)
}

// eachPair gives the pairs that a key brings together: each that is found with each behind it.
func eachPair(postings []posting, yield func(a, b int32)) {
	eachRun(postings, func(run []posting, found int) {
		for i := range found {
			for j := i + 1; j < len(run); j++ {
				if a, b := run[i].at, run[j].at; a != b {
					yield(min(a, b), max(a, b))
				}
			}
		}
	})
}

// eachRun gives the postings of each key that brings facts together, of which the first ones are found by it.
func eachRun(postings []posting, yield func(run []posting, found int)) {
	for len(postings) > 0 {
		n, found := 1, 0
		for n < len(postings) && postings[n].key == postings[0].key {
			n++
		}
		for found < n && postings[found].kind == foundBy {
			found++
		}
		if n > 1 && found > 0 && found <= crowd {
			yield(postings[:n], found)
		}
		postings = postings[n:]
	}
}
