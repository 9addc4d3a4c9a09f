package linkage

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"concord/mpi/match"
)

// index finds the pairs of records that share a key. It has a list of records by key for each pass; a key that more than
// cap records have is narrowed, and left out when that is not enough: a pair of it is found by another pass, or not.
type index struct {
	table *table
	keys  []uint64 // of all records, each one's sorted; the pass is in the upper five bits, and 0 is a key that is left out
	start []uint32 // where the keys of each record begin
	lists [match.Passes]list

	narrowed, dropped int // keys, and those of records
}

type entry struct {
	key    uint64
	record int32
}

// list is the records of one pass by key.
type list struct {
	records []int32
	ends    []uint32 // where the records of each key end
	keys    []uint64
}

// runs are the keys, each with its records.
func (l *list) runs(yield func(key uint64, records []int32) bool) {
	l.from(0, len(l.keys), yield)
}

// from are the runs of the keys from one to before another.
func (l *list) from(from, to int, yield func(key uint64, records []int32) bool) {
	begin := uint32(0)
	if from > 0 {
		begin = l.ends[from-1]
	}
	for i := from; i < to; i++ {
		if !yield(l.keys[i], l.records[begin:l.ends[i]]) {
			return
		}
		begin = l.ends[i]
	}
}

// passBits is how many of a key's upper bits say which pass it is of.
const passBits = 5

func passOf(key uint64) match.Pass { return match.Pass(key>>(64-passBits)) - 1 }

// keyOf is a key of a pass, never 0.
func keyOf(p match.Pass, hash uint64) uint64 {
	return hash>>passBits | uint64(p+1)<<(64-passBits)
}

// build makes the index: of keys that at least least records have, and of no more than most of them.
func build(ctx context.Context, t *table, most, least int) (*index, error) {
	x := &index{table: t, start: make([]uint32, 1, len(t.records)+1)}
	var buffer []match.Key
	total := 0
	for i := range t.records { // twice is cheaper than room to grow
		if i%checked == 0 && ctx.Err() != nil {
			return nil, canceled(ctx)
		}
		buffer = t.records[i].Keys(buffer[:0])
		total += len(buffer)
	}
	x.keys = make([]uint64, 0, total)
	finer := [2][]uint64{make([]uint64, 0, total), make([]uint64, 0, total)}
	for i := range t.records {
		if i%checked == 0 && ctx.Err() != nil {
			return nil, canceled(ctx)
		}
		buffer = t.records[i].Keys(buffer[:0])
		for _, k := range buffer {
			x.keys = append(x.keys, keyOf(k.Pass, k.Hash[0]))
			for i := range finer {
				finer[i] = append(finer[i], keyOf(k.Pass, k.Hash[i+1]))
			}
		}
		x.start = append(x.start, uint32(len(x.keys)))
	}
	var sizes [match.Passes]int
	for _, k := range x.keys {
		sizes[passOf(k)]++
	}
	for p := range x.lists {
		if ctx.Err() != nil {
			return nil, canceled(ctx)
		}
		x.limit(match.Pass(p), finer[:], sizes[p], most)
	}
	for i := range t.records {
		slices.Sort(x.keys[x.start[i]:x.start[i+1]])
	}
	for p := range x.lists {
		x.list(match.Pass(p), sizes[p], least)
	}
	return x, nil
}

// limit narrows or leaves out the keys of a pass that too many records have.
func (x *index) limit(p match.Pass, finer [][]uint64, size, most int) {
	all := make([]entry, 0, size) // record is the key's place here
	for i, k := range x.keys {
		if k != 0 && passOf(k) == p {
			all = append(all, entry{k, int32(i)})
		}
	}
	x.narrow(all, finer, most)
}

func (x *index) narrow(all []entry, finer [][]uint64, most int) {
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	for run := range runs(all) {
		for _, e := range run {
			x.keys[e.record] = e.key
		}
		switch {
		case len(run) <= most:
		case len(finer) == 0:
			x.dropped += len(run)
			for _, e := range run {
				x.keys[e.record] = 0
			}
		default:
			x.narrowed++
			for i, e := range run {
				run[i].key = finer[0][e.record]
			}
			x.narrow(run, finer[1:], most)
		}
	}
}

// list makes the pass's list of records by key, of keys that at least least have.
func (x *index) list(p match.Pass, size, least int) {
	all := make([]entry, 0, size)
	for i := range x.table.records {
		for _, k := range x.keys[x.start[i]:x.start[i+1]] {
			if k != 0 && passOf(k) == p {
				all = append(all, entry{k, int32(i)})
			}
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.record, b.record)) })
	all = slices.Compact(all)
	l := &x.lists[p]
	entries, several := 0, 0
	for run := range runs(all) {
		if len(run) >= least {
			entries, several = entries+len(run), several+1
		}
	}
	*l = list{make([]int32, 0, entries), make([]uint32, 0, several), make([]uint64, 0, several)}
	for run := range runs(all) {
		if len(run) < least {
			continue
		}
		for _, e := range run {
			l.records = append(l.records, e.record)
		}
		l.ends, l.keys = append(l.ends, uint32(len(l.records))), append(l.keys, run[0].key)
	}
}

// runs are the stretches of one key.
func runs(all []entry) func(yield func([]entry) bool) {
	return func(yield func([]entry) bool) {
		for from := 0; from < len(all); {
			to := from + 1
			for to < len(all) && all[to].key == all[from].key {
				to++
			}
			if !yield(all[from:to]) {
				return
			}
			from = to
		}
	}
}

// shared is the first key that both records have, by pass and key, and how many passes they share one in; 0 without any.
func (x *index) shared(a, b int32) (first uint64) {
	i, j := x.start[a], x.start[b]
	for i < x.start[a+1] && j < x.start[b+1] {
		switch ka, kb := x.keys[i], x.keys[j]; {
		case ka < kb || ka == 0:
			i++
		case kb < ka || kb == 0:
			j++
		default:
			return ka
		}
	}
	return 0
}

// passes is in how many passes the two records share a key.
func (x *index) passes(a, b int32) (n int) {
	i, j := x.start[a], x.start[b]
	last := match.Passes
	for i < x.start[a+1] && j < x.start[b+1] {
		switch ka, kb := x.keys[i], x.keys[j]; {
		case ka < kb || ka == 0:
			i++
		case kb < ka || kb == 0:
			j++
		default:
			if p := passOf(ka); p != last {
				last = p
				n++
			}
			i, j = i+1, j+1
		}
	}
	return n
}

// chunk is how many keys of a list a worker takes at a time.
const chunk = 512

// each calls visit for every pair that shares a key, once, from several goroutines: worker tells them apart, and the order
// is any. It ends early when ctx does.
func (x *index) each(ctx context.Context, workers int, visit func(worker int, a, b int32)) error {
	type piece struct{ pass, from, to int }
	var pieces []piece
	for p := range x.lists {
		for from := 0; from < len(x.lists[p].keys); from += chunk {
			pieces = append(pieces, piece{p, from, min(from+chunk, len(x.lists[p].keys))})
		}
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(pieces) {
					return
				}
				at := pieces[i]
				x.lists[at.pass].from(at.from, at.to, func(key uint64, records []int32) bool {
					for i, a := range records {
						for _, b := range records[i+1:] {
							if x.shared(a, b) == key {
								visit(w, a, b)
							}
						}
					}
					return true
				})
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	return nil
}

func processors() int { return runtime.GOMAXPROCS(0) }
