package linkage

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
)

// Index finds among many records those that may be a given patient's, without comparing all. It holds what is compared of
// every record in memory, which is PHI, and is not changed once made. It is safe for concurrent use.
type Index struct {
	index *index
	model *match.Model
}

// Found is a record that may be the patient who was looked for. It is PHI.
type Found struct {
	Ref      concord.PatientRef
	Decision mpi.Decision
}

// NewIndex is an index of the records; of two with one ref the later counts. Without a model in opts it learns one. Errors
// are those of records, and Canceled, Timeout, or Invalid when a record has no ref.
func NewIndex(ctx context.Context, records iter.Seq2[mpi.Demographics, error], opts Options) (*Index, error) {
	t, err := read(ctx, records)
	if err != nil {
		return nil, err
	}
	x, err := build(ctx, t, opts.block(), 1)
	if err != nil {
		return nil, err
	}
	m, err := x.model(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &Index{index: x, model: m}, nil
}

// Len is how many records the index has.
func (x *Index) Len() int { return len(x.index.table.refs) }

// Model is what weighs the records.
func (x *Index) Model() *match.Model { return x.model }

// Match is every record that may be d, of at least that grade: the likeliest first, then by ref. The record with d's own ref
// is not among them. Several that are certain may be among them; whose they are is for who asks to say.
func (x *Index) Match(d mpi.Demographics, least mpi.Grade) []Found {
	r := match.Prepare(d)
	type hit struct {
		record int32
		weight float64
	}
	var hits []hit
	for _, i := range x.index.candidates(&r) {
		v := x.model.Compare(&r, x.index.table.records[i])
		if v.Grade >= max(least, mpi.Possible) && x.index.table.refs[i] != d.Ref {
			hits = append(hits, hit{i, v.Weight})
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.record, b.record)) })
	out := make([]Found, len(hits))
	for i, h := range hits {
		out[i] = Found{x.index.table.refs[h.record], x.model.Explain(&r, x.index.table.records[h.record])}
	}
	slices.SortStableFunc(out, func(a, b Found) int { return cmp.Compare(b.Decision.Grade, a.Decision.Grade) })
	return out
}

// candidates are the records that share a key with r, each once. A key that was narrowed is there by what it was narrowed to.
func (x *index) candidates(r *match.Record) []int32 {
	var out []int32
	for _, k := range r.Keys(nil) {
		for _, h := range k.Hash {
			if records := x.lists[k.Pass].find(keyOf(k.Pass, h)); len(records) > 0 {
				out = append(out, records...)
				break
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// find is the records that have the key.
func (l *list) find(key uint64) []int32 {
	i, ok := slices.BinarySearch(l.keys, key)
	if !ok {
		return nil
	}
	from := uint32(0)
	if i > 0 {
		from = l.ends[i-1]
	}
	return l.records[from:l.ends[i]]
}
