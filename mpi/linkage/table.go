package linkage

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
)

// table are the records that are linked, in the order of their refs, so that the order of arrival changes nothing.
type table struct {
	refs    []concord.PatientRef
	records []*match.Record
}

// checked is after how many records a context is looked at.
const checked = 1024

// read makes all records ready. Of two with one ref the later one counts.
func read(ctx context.Context, all iter.Seq2[mpi.Demographics, error]) (*table, error) {
	t := &table{}
	for d, err := range all {
		if err != nil {
			return nil, err
		}
		if len(t.refs)%checked == 0 && ctx.Err() != nil {
			return nil, canceled(ctx)
		}
		if !mpi.IsPatient(d.Ref) {
			return nil, &concord.Fault{Op: "link", Kind: concord.Invalid, Source: d.Ref.Source}
		}
		t.refs = append(t.refs, d.Ref)
		r := match.Prepare(d)
		t.records = append(t.records, &r)
	}
	t.sort()
	return t, nil
}

// sort puts the records in the order of their refs, in place.
func (t *table) sort() {
	ids := make([]string, len(t.refs))
	for i, r := range t.refs {
		ids[i] = r.Reveal()
	}
	order := make([]int32, len(t.refs)) // which record belongs at each place
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(t.refs[a].Source, t.refs[b].Source), cmp.Compare(ids[a], ids[b]))
	})
	for i := range order {
		if order[i] < 0 {
			continue
		}
		ref, record := t.refs[i], t.records[i]
		at := int32(i)
		for order[at] != int32(i) {
			from := order[at]
			t.refs[at], t.records[at] = t.refs[from], t.records[from]
			order[at] = -1
			at = from
		}
		t.refs[at], t.records[at] = ref, record
		order[at] = -1
	}
	kept := 0
	for i := range t.refs {
		if i+1 < len(t.refs) && t.refs[i] == t.refs[i+1] {
			continue
		}
		t.refs[kept], t.records[kept] = t.refs[i], t.records[i]
		kept++
	}
	clear(t.records[kept:])
	t.refs, t.records = t.refs[:kept], t.records[:kept]
}

func canceled(ctx context.Context) error {
	kind := concord.Canceled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind = concord.Timeout
	}
	return &concord.Fault{Op: "link", Kind: kind, Err: ctx.Err()}
}
