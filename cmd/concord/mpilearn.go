package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"concord"
	"concord/internal/app"
	"concord/mpi"
	"concord/mpi/bulk"
	"concord/mpi/linkage"
)

type mpiLearnCommand struct {
	indexFlags

	Relink bool `help:"Link all that is kept anew, by what was learnt."`
	Forget bool `help:"Forget what was learnt: each import learns for itself again."`
}

// Help is what the help has behind the flags.
func (*mpiLearnCommand) Help() string {
	return `Learns from the patients that the index keeps, without being told who is who, how often the fields of one person's records
agree and those of two people's do. What was learnt is kept in mpi.model_file (beside a SQLite index by default): counts and
probabilities, no PHI. Imports and $match use it from then on; without it each import learns for itself.`
}

// Run learns.
func (c *mpiLearnCommand) Run(ctx context.Context) (err error) {
	_, reg, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, reg.Close) }()
	switch {
	case reg.Model.Path() == "":
		return errors.New("there is no mpi.model_file to keep a model in")
	case !reg.Store.Keeps():
		return errNoRecords
	case c.Forget:
		if err := os.Remove(reg.Model.Path()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return c.relink(ctx, reg)
	}
	done := progress(os.Stderr, "learning")
	m, err := linkage.Learn(ctx, demographics(reg.Store.Records(ctx, concord.PatientRef{})), linkage.Options{})
	done()
	if err != nil {
		return err
	}
	if m.Records() < leastLearnt {
		return fmt.Errorf("%d patients are too few to learn from: %d at least", m.Records(), leastLearnt)
	}
	if err := reg.Model.Save(m, true); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(os.Stdout, "model %s: learnt from %d patients, each of whom has %.2f others of the same person\n", m.Version(), m.Records(), m.Repeats())
	return c.relink(ctx, reg)
}

// leastLearnt is of how many patients a model may be learnt to be kept.
const leastLearnt = 100

func (c *mpiLearnCommand) relink(ctx context.Context, reg *app.Registry) error {
	if !c.Relink {
		return nil
	}
	o, err := linking(reg, reg.Repeats())
	if err != nil {
		return err
	}
	t := newTeller(os.Stderr)
	o.Progress = t.tell
	began := time.Now()
	r, err := bulk.Relink(ctx, reg.Store, reg.Over, o)
	t.done()
	if err != nil {
		return err
	}
	linked(r, time.Since(began))
	return remember(reg, r)
}

// demographics are those of records.
func demographics(all iter.Seq2[mpi.Record, error]) iter.Seq2[mpi.Demographics, error] {
	return func(yield func(mpi.Demographics, error) bool) {
		for r, err := range all {
			if !yield(r.Demographics, err) {
				return
			}
		}
	}
}
