package linkage

import (
	"context"
	"iter"
	"math/rand/v2"

	"concord/mpi"
	"concord/mpi/match"
)

// How many pairs a model is learnt from: drawn at random, and of each pass.
const (
	randomPairs  = 200_000
	blockedPairs = 120_000
)

// Learn is a model of the records, learnt without being told who is who. The order of the records changes nothing. Errors
// are those of records, and Canceled, Timeout, or Invalid when a record has no ref.
func Learn(ctx context.Context, records iter.Seq2[mpi.Demographics, error], opts Options) (*match.Model, error) {
	t, err := read(ctx, records)
	if err != nil {
		return nil, err
	}
	x, err := build(ctx, t, opts.block(), 2)
	if err != nil {
		return nil, err
	}
	return x.learn(ctx)
}

// model is that of the options, or one learnt from the index.
func (x *index) model(ctx context.Context, opts Options) (*match.Model, error) {
	if opts.Model != nil {
		return opts.Model, nil
	}
	return x.learn(ctx)
}

func (x *index) learn(ctx context.Context) (*match.Model, error) {
	t := x.table
	l := match.NewLearner()
	for i := range t.records {
		l.Count(t.records[i])
	}
	n := len(t.records)
	if n*(n-1)/2 <= randomPairs {
		for i := range t.records {
			for j := range i {
				l.Random(t.records[i], t.records[j])
			}
		}
	} else {
		r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same pairs each time, which is what is wanted
		for range randomPairs {
			i, j := r.IntN(n), r.IntN(n-1)
			if j >= i {
				j++
			}
			l.Random(t.records[i], t.records[j])
		}
	}
	for p := range x.lists {
		if ctx.Err() != nil {
			return nil, canceled(ctx)
		}
		x.sample(l, match.Pass(p))
	}
	return l.Model(), nil
}

// sample gives the learner the pairs of as many of the pass's keys as it needs.
func (x *index) sample(l *match.Learner, p match.Pass) {
	total := 0
	x.lists[p].runs(func(_ uint64, records []int32) bool {
		total += len(records) * (len(records) - 1) / 2
		return true
	})
	share := min(1, blockedPairs/float64(max(total, 1)))
	all := x.table.records
	x.lists[p].runs(func(key uint64, records []int32) bool {
		if float64(key*0x9e3779b97f4a7c15>>11)/(1<<53) >= share {
			return true
		}
		for i, a := range records {
			for _, b := range records[i+1:] {
				l.Blocked(p, all[a], all[b], share, x.shared(a, b) == key)
			}
		}
		return true
	})
}
