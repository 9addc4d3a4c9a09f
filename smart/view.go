package smart

import (
	"iter"
	"slices"

	"concord/fhir"
	"concord/merge"
)

// Visible tells whether c may be seen for a: some scope permits a's interaction on c's own type, whatever a.Type is, and
// c's content is what the scope covers. Under a patient/ scope that is what is in the context patient's compartment; what
// is seen only by way of another resource is not visible by itself, see Reached.
//
// Content is judged by elements. A narrative (text.div) is a part of what it stands in, and is not read.
func (g Grant) Visible(c merge.Copy, a Access) bool {
	l := lens{r: g.r, a: a}
	return l.judge(c) == shown
}

// Reached is Visible for a resource that a reference of one of from led to: under a patient/ scope for c's type, a
// Practitioner may be seen from an Observation that may be seen itself, by whichever of reading and searching. from are
// copies with their own source's references.
func (g Grant) Reached(c merge.Copy, a Access, from ...merge.Copy) bool {
	l := lens{r: g.r, a: a}
	switch l.judge(c) {
	case shown:
		return true
	case hidden:
		return false
	case linked:
	}
	seen, referred := make(places), make(places)
	reading := lens{r: g.r, a: Access{Interaction: fhir.Read}}
	searching := lens{r: g.r, a: Access{Interaction: fhir.SearchType}}
	for _, f := range from {
		if reading.judge(f) != shown && searching.judge(f) != shown {
			continue
		}
		seen[place{f.Source, f.Type(), f.ID()}] = struct{}{}
		g.r.addAll(referred, f)
	}
	return g.r.linkedTo(c, seen, referred)
}

// Narrow is batches without the resources that may not be seen for a. It belongs before the merge: a copy must not come
// to light by way of another that it was merged with. Resources that are seen only from others are kept when those are in
// batches too. What is given is not changed, and is returned as it is when nothing is hidden.
func (g Grant) Narrow(batches []merge.Batch, a Access) []merge.Batch {
	if g.opensAll(a, func(yield func(fhir.Resource) bool) {
		for _, b := range batches {
			for _, r := range b.Resources {
				if !yield(r) {
					return
				}
			}
		}
	}) {
		return batches
	}
	var copies []merge.Copy
	for _, b := range batches {
		for _, r := range b.Resources {
			copies = append(copies, merge.Copy{Source: b.Source, Resource: r})
		}
	}
	l := lens{r: g.r, a: a}
	keep := l.sift(copies)
	out := make([]merge.Batch, len(batches))
	for i, b := range batches {
		out[i].Source = b.Source
		for j, r := range b.Resources {
			if keep[j] {
				out[i].Resources = append(out[i].Resources, r)
			}
		}
		keep = keep[len(b.Resources):]
	}
	return out
}

// opensAll tells whether all of resources may be seen by their types alone.
func (g Grant) opensAll(a Access, resources iter.Seq[fhir.Resource]) bool {
	if g.r == nil {
		return false
	}
	l := lens{r: g.r, a: a}
	for r := range resources {
		if !l.opens(r) {
			return false
		}
	}
	return true
}

// View is a merged record as one caller may see it. Only Grant.View makes one that has entries, and renderers take
// nothing else. PHI. The zero View is empty.
type View struct {
	entries []merge.Entry
	hidden  int
}

// View narrows a merged record for a. Each copy is judged by itself: an entry loses the copies that may not be seen and
// what was taken over from them, and goes altogether with its survivor. A record merged from what Narrow left loses
// nothing; this is the gate that holds when that was forgotten. r is not changed.
func (g Grant) View(r merge.Record, a Access) View {
	if g.opensAll(a, func(yield func(fhir.Resource) bool) {
		for i := range r.Entries {
			for c := range copiesOf(&r.Entries[i]) {
				if !yield(c.Resource) {
					return
				}
			}
		}
	}) {
		return View{entries: r.Entries}
	}
	copies := make([]merge.Copy, 0, len(r.Entries))
	for i := range r.Entries {
		copies = slices.AppendSeq(copies, copiesOf(&r.Entries[i]))
	}
	l := lens{r: g.r, a: a}
	keep := l.sift(copies)
	v := View{entries: make([]merge.Entry, 0, len(r.Entries))}
	for i := range r.Entries {
		e := &r.Entries[i]
		narrowed, n, ok := narrow(e, keep)
		if ok {
			v.entries = append(v.entries, narrowed)
		}
		v.hidden += len(e.Copies) - len(narrowed.Copies)
		keep = keep[n:]
	}
	if v.hidden > 0 {
		v.forget()
	}
	return v
}

// forget takes out what entries say of others that are hidden, and of copies that are gone.
func (v View) forget() {
	here := make(places, len(v.entries))
	for i := range v.entries {
		c := v.entries[i].Survivor
		here[place{c.Source, c.Type(), c.ID()}] = struct{}{}
	}
	for i := range v.entries {
		e := &v.entries[i]
		e.Others = slices.DeleteFunc(slices.Clone(e.Others), func(o merge.Other) bool {
			_, shown := here[place{o.Source, e.Survivor.Type(), o.ID}]
			return !shown
		})
	}
}

// copiesOf is e's copies, and its survivor first in case it is not among them.
func copiesOf(e *merge.Entry) iter.Seq[merge.Copy] {
	return func(yield func(merge.Copy) bool) {
		if !slices.Contains(e.Copies, e.Survivor) && !yield(e.Survivor) {
			return
		}
		for _, c := range e.Copies {
			if !yield(c) {
				return
			}
		}
	}
}

// narrow is e with those of its copies that keep, which begins with n verdicts on copiesOf(e), has; ok is false when the
// survivor goes.
func narrow(e *merge.Entry, keep []bool) (_ merge.Entry, n int, ok bool) {
	survivor := slices.Index(e.Copies, e.Survivor)
	n = len(e.Copies)
	if survivor < 0 {
		n, survivor = n+1, 0
	}
	keep = keep[:n]
	if !keep[survivor] {
		return merge.Entry{}, n, false
	}
	if !slices.Contains(keep, false) {
		return *e, n, true
	}
	keep = keep[n-len(e.Copies):]
	gone := make(map[place]bool)
	out := *e
	out.Copies, out.Add, out.Why.Pairs = nil, nil, nil
	for i, c := range e.Copies {
		if keep[i] {
			out.Copies = append(out.Copies, c)
		} else {
			gone[place{c.Source, c.Type(), c.ID()}] = true
		}
	}
	for _, x := range e.Add {
		if !gone[place{x.From, e.Survivor.Type(), x.ID}] {
			out.Add = append(out.Add, x)
		}
	}
	return out, n, true
}

// Entries are what may be seen, in the record's order. They share the record's memory and must not be changed.
func (v View) Entries() iter.Seq[merge.Entry] { return slices.Values(v.entries) }

// All are the Entries where they are, for those who look at each of many.
func (v View) All() iter.Seq[*merge.Entry] {
	return func(yield func(*merge.Entry) bool) {
		for i := range v.entries {
			if !yield(&v.entries[i]) {
				return
			}
		}
	}
}

// Len is how many Entries there are.
func (v View) Len() int { return len(v.entries) }

// Hidden is how many copies the view had to take out; other than 0 after Narrow, it tells of a fault in the caller.
func (v View) Hidden() int { return v.hidden }
