package linkage

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
)

// Rules of review pairs that the comparison alone would have linked.
const (
	RuleOneSource = "one-source" // both are of one source, which is presumed to keep one record of a person
	RuleContested = "contested"  // linking it would join two that can't be one person
)

// Options say how to link. The zero value learns a model, and presumes that each source has one record of a person.
type Options struct {
	// Model weighs the pairs; nil has one learnt from the records themselves.
	Model *match.Model
	// Repeats are the sources that may have several records of one person, as their operators say: a file that is to be
	// cleaned of duplicates, or a feed of several departments. Two records of any other source are never linked, as its staff
	// chose to keep both. They queue for review, and are Likely if they would have been linked.
	Repeats []concord.SourceID
	// Block is how many records may share a key before it is narrowed; 0 is 100.
	Block int
}

func (o Options) block() int {
	if o.Block > 0 {
		return o.Block
	}
	return 100
}

// Result is who is who among the records. It is PHI.
type Result struct {
	Model   *match.Model
	Persons []Person // by their first member's ref
	Review  []Pair   // those most likely one person first, then by refs
	Report  Report
}

// Person is one human as far as is certain.
type Person struct {
	// Members are the person's records, by ref: every one is linked with certainty, and contradicts none of the others. The
	// first is what the others are linked to, with rule mpi.RuleSeed.
	Members []mpi.Link
	// Likely are records that are probably this person's, by ref. Each is a member of a person of its own, and no other
	// person has it here. They are for review, and no answer is made of them.
	Likely []mpi.Link
}

// Pair is two records that somebody has to look at; A's ref is before B's.
type Pair struct {
	A, B     concord.PatientRef
	Decision mpi.Decision
}

// Report is what linking took and found. It holds no PHI.
type Report struct {
	Records  int
	Compared int // pairs of them
	Certain  int // pairs
	Probable int
	Possible int
	Narrowed int            // keys that more than Options.Block records had
	Dropped  int            // records' keys that were left out because narrowing them was not enough
	Passes   map[string]int // certain and probable pairs by the first pass that found them
	// Completeness is the share of the pairs of one person that any pass found, estimated from how many of those found were
	// found by one pass alone and by two (Chao's lower bound of what is missing, so that it errs to the high side).
	Completeness float64
}

// edge is a pair that has a grade.
type edge struct {
	a, b   int32
	weight float32
	grade  mpi.Grade
}

// Link says who is who among the records. What it gives depends on the records and options alone, not on their order; of
// two records with one ref the later counts. Errors are those of records, and Canceled, Timeout, or Invalid when a record
// has no ref.
func Link(ctx context.Context, records iter.Seq2[mpi.Demographics, error], opts Options) (Result, error) {
	t, err := read(ctx, records)
	if err != nil {
		return Result{}, err
	}
	x, err := build(ctx, t, opts.block(), 2)
	if err != nil {
		return Result{}, err
	}
	model, err := x.model(ctx, opts)
	if err != nil {
		return Result{}, err
	}
	l := linker{table: t, model: model, repeats: opts.Repeats}
	compared, err := l.compare(ctx, x)
	if err != nil {
		return Result{}, err
	}
	l.cluster()
	return Result{Model: model, Persons: l.persons(), Review: l.review(), Report: l.report(x, compared)}, nil
}

// linker is a Link under way.
type linker struct {
	table   *table
	model   *match.Model
	repeats []concord.SourceID
	edges   []edge  // those of the highest weight first
	person  []int32 // of each record; the number is that of one of its records
	likely  []int32 // of each record, the group of persons that are probably one
}

// compare weighs all pairs of the index, and keeps those that have a grade.
func (l *linker) compare(ctx context.Context, x *index) (compared int, err error) {
	type work struct {
		edges    []edge
		compared int
		_        [64]byte // workers don't share a cache line
	}
	all := make([]work, processors())
	records := l.table.records
	err = x.each(ctx, len(all), func(worker int, a, b int32) {
		w := &all[worker]
		w.compared++
		if v := l.model.Compare(records[a], records[b]); v.Grade > 0 {
			w.edges = append(w.edges, edge{a, b, float32(v.Weight), v.Grade})
		}
	})
	for i := range all {
		l.edges = append(l.edges, all[i].edges...)
		compared += all[i].compared
	}
	slices.SortFunc(l.edges, func(p, q edge) int {
		return cmp.Or(cmp.Compare(q.weight, p.weight), cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b))
	})
	return compared, err
}

// apart tells whether two records are of one source that has one record of a person.
func (l *linker) apart(a, b int32) bool {
	s := l.table.refs[a].Source
	return s == l.table.refs[b].Source && !slices.Contains(l.repeats, s)
}

func (l *linker) report(x *index, compared int) Report {
	r := Report{Records: len(l.table.refs), Compared: compared, Narrowed: x.narrowed, Dropped: x.dropped, Passes: map[string]int{}}
	once, twice := 0.0, 0.0
	for _, e := range l.edges {
		switch e.grade {
		case mpi.Certain:
			r.Certain++
		case mpi.Probable:
			r.Probable++
		default:
			r.Possible++
			continue
		}
		switch x.passes(e.a, e.b) {
		case 1:
			once++
		case 2:
			twice++
		}
		r.Passes[passName(x.shared(e.a, e.b))]++
	}
	found := float64(r.Certain + r.Probable)
	r.Completeness = 1
	if found > 0 {
		r.Completeness = found / (found + once*max(once-1, 0)/(2*(twice+1)))
	}
	r.Completeness = math.Round(r.Completeness*1e6) / 1e6
	return r
}

func passName(key uint64) string {
	if key == 0 {
		return "none"
	}
	return passOf(key).String()
}
