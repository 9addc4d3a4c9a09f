package merge

import (
	"cmp"
	"encoding/binary"
	"maps"
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

// item is a copy with its id.
type item struct {
	Copy
	id string
}

// Merge makes one record of what the sources gave. Each copy is in exactly one entry, whatever its content; the order
// of batches, and of resources in them, changes nothing. Of two resources of one source with one type and id, which are
// one copy, the newer one stays.
func (e *Engine) Merge(batches []Batch) Record {
	w := &World{}
	w.items, w.order, w.parts = arranged(batches)
	w.group = make([]int32, len(w.items))
	w.readOrigins()
	linkers := make([]*linker, len(w.parts))
	for _, t := range referred() { // first, so that what refers to them can tell by it
		for i, p := range w.parts {
			if p.typ == t {
				linkers[i] = e.link(w, p)
			}
		}
	}
	n := 0
	for i, p := range w.parts {
		if linkers[i] == nil {
			linkers[i] = e.link(w, p)
		}
		n += linkers[i].left
	}
	rec := Record{Entries: make([]Entry, n)}
	copies, out := make([]Copy, len(w.order)), rec.Entries
	for i, l := range linkers {
		l.entries(w, out[:l.left:l.left], copies[:0:len(l.place)])
		out, copies, linkers[i] = out[l.left:], copies[len(l.place):], nil
	}
	return rec
}

// referred are the types that the rules of others ask about, in the order in which they are merged.
func referred() []fhir.ResourceType {
	return []fhir.ResourceType{fhir.TypeOrganization, fhir.TypePractitioner, fhir.TypeLocation, fhir.TypeMedication, fhir.TypeEncounter, fhir.TypeObservation}
}

// segment is where the copies of one type stand: among the items, and among the places of the order.
type segment struct {
	typ      fhir.ResourceType
	from, to int
	// first and last bound the order, which lacks what was given twice.
	first, last int
}

// arranged is what the sources gave: items by type, otherwise as they came, so that what is read in turn stands in turn;
// and their order by type, source and id, in which each copy is once.
func arranged(batches []Batch) (items []item, order []int32, parts []segment) {
	n := 0
	for _, b := range batches {
		n += len(b.Resources)
	}
	runs, count := runsOf(batches)
	at, from := map[fhir.ResourceType]int{}, 0
	for _, t := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, segment{typ: t, from: from, to: from + count[t]})
		at[t] = from
		from += count[t]
	}
	items = make([]item, n)
	for _, x := range runs {
		to := at[x.typ]
		for _, r := range x.resources {
			items[to] = item{Copy{x.source, r}, r.ID()}
			to++
		}
		at[x.typ] = to
	}
	order = make([]int32, 0, n)
	for i := range parts {
		p := &parts[i]
		p.first = len(order)
		order = ranked(order, items, *p)
		p.last = len(order)
	}
	return items, order, parts
}

// run is resources of one type and source that came behind one another.
type run struct {
	typ       fhir.ResourceType
	source    concord.SourceID
	resources []fhir.Resource
}

// runsOf splits batches into runs, and counts the resources of each type.
func runsOf(batches []Batch) (runs []run, count map[fhir.ResourceType]int) {
	count = map[fhir.ResourceType]int{}
	for _, b := range batches {
		for rest := b.Resources; len(rest) > 0; {
			t, n := rest[0].Type(), 1
			for n < len(rest) && rest[n].Type() == t {
				n++
			}
			runs = append(runs, run{t, b.Source, rest[:n]})
			count[t] += n
			rest = rest[n:]
		}
	}
	return runs, count
}

// rank is an item with the beginning of its id, which most often tells two apart without a look at either.
type rank struct {
	head uint64
	at   int32
}

// ranked appends the items of p in their order, each copy once. Of two of one source and id the newer stays.
func ranked(order []int32, items []item, p segment) []int32 {
	bySource := map[concord.SourceID][]rank{}
	for i := p.from; i < p.to; i++ {
		s := items[i].Source
		bySource[s] = append(bySource[s], rank{at: int32(i)})
	}
	for _, s := range slices.Sorted(maps.Keys(bySource)) {
		ranks := bySource[s]
		skip := commonPrefix(items, ranks)
		for i := range ranks {
			ranks[i].head = head(items[ranks[i].at].id[skip:])
		}
		slices.SortFunc(ranks, func(a, b rank) int {
			if a.head != b.head {
				return cmp.Compare(a.head, b.head)
			}
			return compareItems(&items[a.at], &items[b.at])
		})
		for i, r := range ranks {
			if id := items[r.at].id; i == 0 || id == "" || id != items[ranks[i-1].at].id {
				order = append(order, r.at)
			}
		}
	}
	return order
}

// commonPrefix is how many bytes all ids begin with alike.
func commonPrefix(items []item, ranks []rank) int {
	first := items[ranks[0].at].id
	n := len(first)
	for _, r := range ranks[1:] {
		id := items[r.at].id
		n = min(n, len(id))
		for i := range n {
			if id[i] != first[i] {
				n = i
				break
			}
		}
	}
	return n
}

// head is the first eight bytes of s, as a number that orders as they do.
func head(s string) uint64 {
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}

// compareItems orders the items of one type and source. Of one id the newer comes first.
func compareItems(a, b *item) int {
	if n := strings.Compare(a.id, b.id); n != 0 {
		return n
	}
	return cmp.Or(-compareTimes(a.Path("meta", "lastUpdated"), b.Path("meta", "lastUpdated")),
		cmp.Compare(len(b.Raw()), len(a.Raw())), strings.Compare(string(b.Raw()), string(a.Raw())))
}

// compareTimes orders two times; one that is missing comes first.
func compareTimes(a, b fhir.Value) int {
	x, okx := fhir.DateOf(a)
	y, oky := fhir.DateOf(b)
	switch {
	case okx && oky:
		return x.Lo.Compare(y.Lo)
	case okx:
		return 1
	case oky:
		return -1
	}
	return 0
}

// link finds out which copies of one type are one event; without a rule each is its own.
func (e *Engine) link(w *World, p segment) *linker {
	w.last, w.concepts = lastTarget{}, nil
	l := newLinker(e.rules[p.typ], w, p)
	if l.rule != nil {
		l.join(Exactly)
		l.join(Nearly)
		l.joinLoosely()
		l.mark()
	}
	l.number(w)
	return l
}
