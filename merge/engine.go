package merge

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"concord/fhir"
)

// Engine merges. It is immutable and safe for concurrent use. The zero Engine merges nothing: each copy stays its own
// entry.
type Engine struct {
	rules map[fhir.ResourceType]Rule
}

// NewEngine merges by the given rules; types without a rule are never merged.
func NewEngine(rules map[fhir.ResourceType]Rule) *Engine { return &Engine{rules: rules} }

// item is a copy with what it is sorted by.
type item struct {
	Copy
	typ fhir.ResourceType
	id  string
	pos int32 // where it came, for reading memory in its order
}

// Merge makes one record of what the sources gave. Each copy is in exactly one entry, whatever its content; the order
// of batches, and of resources in them, changes nothing. Of two resources of one source with one type and id, which are
// one copy, the newer one stays.
func (e *Engine) Merge(batches []Batch) Record {
	w := &World{items: sorted(batches)}
	w.group = make([]int32, len(w.items))
	w.parts = segments(w.items)
	w.readOrigins()
	merged := make([][]Entry, len(w.parts))
	for _, t := range referred() { // first, so that what refers to them can tell by it
		for i, p := range w.parts {
			if w.items[p.from].typ == t {
				merged[i] = e.mergeType(w, p)
			}
		}
	}
	for i, p := range w.parts {
		if merged[i] == nil {
			merged[i] = e.mergeType(w, p)
		}
	}
	n := 0
	for _, m := range merged {
		n += len(m)
	}
	rec := Record{Entries: make([]Entry, 0, n)}
	for _, m := range merged {
		rec.Entries = append(rec.Entries, m...)
	}
	return rec
}

// referred are the types that the rules of others ask about, in the order in which they are merged.
func referred() []fhir.ResourceType {
	return []fhir.ResourceType{fhir.TypeOrganization, fhir.TypePractitioner, fhir.TypeLocation, fhir.TypeMedication, fhir.TypeEncounter, fhir.TypeObservation}
}

// sorted is what the sources gave, each copy once, by type, source and id.
func sorted(batches []Batch) []item {
	n := 0
	for _, b := range batches {
		n += len(b.Resources)
	}
	all := make([]item, 0, n)
	count := map[fhir.ResourceType]int{}
	for _, b := range batches {
		for _, r := range b.Resources {
			t := r.Type()
			count[t]++
			all = append(all, item{Copy{b.Source, r}, t, r.ID(), int32(len(all))})
		}
	}
	// by type first, which are few
	at, from := map[fhir.ResourceType]int{}, 0
	for _, t := range slices.Sorted(maps.Keys(count)) {
		at[t] = from
		from += count[t]
	}
	order := make([]int32, n) // sorted in the place of the items, which are large
	for i := range all {
		t := all[i].typ
		order[at[t]] = int32(i)
		at[t]++
	}
	for t, to := range at {
		slices.SortFunc(order[to-count[t]:to], func(a, b int32) int { return compareItems(&all[a], &all[b]) })
	}
	out := make([]item, 0, n)
	for _, i := range order {
		if it := &all[i]; len(out) == 0 || !sameCopy(&out[len(out)-1], it) {
			out = append(out, *it)
		}
	}
	return out
}

// sameCopy tells whether two items are one copy, given twice.
func sameCopy(a, b *item) bool {
	return a.id != "" && a.typ == b.typ && a.Source == b.Source && a.id == b.id
}

// compareItems orders the items of one type. Of one source and id the newer comes first.
func compareItems(a, b *item) int {
	if n := strings.Compare(string(a.Source), string(b.Source)); n != 0 {
		return n
	}
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

// segment is where the items of one type stand.
type segment struct{ from, to int }

func segments(items []item) (out []segment) {
	for from := 0; from < len(items); {
		to := from + 1
		for to < len(items) && items[to].typ == items[from].typ {
			to++
		}
		out = append(out, segment{from, to})
		from = to
	}
	return out
}

// mergeType makes the entries of one type.
func (e *Engine) mergeType(w *World, p segment) []Entry {
	items := w.items[p.from:p.to]
	copies := make([]Copy, len(items))
	rule := e.rules[items[0].typ]
	if rule == nil {
		out := make([]Entry, len(items))
		for i, it := range items {
			copies[i] = it.Copy
			out[i] = Entry{Survivor: it.Copy, Copies: copies[i : i+1 : i+1]}
		}
		return out
	}
	w.last = lastTarget{}
	l := newLinker(rule, w, items)
	l.join(Exactly)
	l.join(Nearly)
	l.joinLoosely()
	l.mark()
	joined := make([]int32, 0, len(l.groups))
	for i := range l.groups {
		if l.groups[i].members != nil {
			joined = append(joined, int32(i))
		}
	}
	out := make([]Entry, len(joined))
	at := make([]int32, len(l.groups))
	for i, g := range joined {
		at[g] = int32(i)
	}
	slices.SortFunc(joined, func(a, b int32) int { return cmp.Compare(items[a].pos, items[b].pos) }) // as memory has them
	for _, i := range joined {
		g := &l.groups[i]
		n := len(g.members)
		out[at[i]] = l.entry(g, copies[:0:n])
		copies = copies[n:]
		for _, m := range g.members {
			w.group[p.from+int(m)] = int32(p.from) + i + 1
		}
	}
	return out
}
