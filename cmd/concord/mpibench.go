package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"concord"
	"concord/mpi"
	"concord/mpi/feed"
	"concord/mpi/linkage"
	"concord/mpi/synthetic"
)

type mpiBenchCommand struct {
	Records int      `help:"How many records of made-up people, where no file is given." default:"50000" placeholder:"N"`
	Seed    uint64   `help:"Which people are made up." default:"1" placeholder:"N"`
	Dump    string   `help:"Write the made-up records as CSV to that file, with whose they are, and link nothing." placeholder:"FILE"`
	Files   []string `arg:"" optional:"" name:"FILE" help:"Labelled CSV files, gzip allowed: a column cluster, label or person_id says whose each record is, or ids such as rec-12-dup-0."`
}

// Help is what the help has behind the flags.
func (*mpiBenchCommand) Help() string {
	return `Links the records of each file by themselves, as those of one source that has people more than once, with a model learnt from
them, and compares the links with the labels, which linking does not see. Social security numbers are not used. Without files
people are made up, at three sources, with the slips that registrations have. Intervals are of 95 %.`
}

// Run measures.
func (c *mpiBenchCommand) Run(ctx context.Context) error {
	if c.Records < 1 {
		return errors.New("--records: one at least")
	}
	if c.Dump != "" {
		return c.dump()
	}
	_, _ = fmt.Fprintf(os.Stdout, "%-24s %8s %-9s %-24s %-24s %-24s %8s %6s %7s\n", "set", "records", "links", "precision", "recall", "F1", "right", "false", "missed")
	if len(c.Files) == 0 {
		truth := map[concord.PatientRef]string{}
		p := synthetic.New(c.Seed)
		p.Truth = func(r concord.PatientRef, person int) { truth[r] = strconv.Itoa(person) }
		return measure(ctx, "made up, seed "+strconv.FormatUint(c.Seed, 10), p.Records(c.Records), truth, nil)
	}
	for _, name := range c.Files {
		records, truth, err := labelled(name)
		if err != nil {
			return err
		}
		if err := measure(ctx, name, records, truth, []concord.SourceID{benchSource}); err != nil {
			return err
		}
	}
	return nil
}

// benchSource is the source that a file is taken for.
const benchSource concord.SourceID = "bench"

// labelled are the records of a file, and whose they are.
func labelled(name string) (iter.Seq2[mpi.Demographics, error], map[concord.PatientRef]string, error) {
	in, closer, err := open(name)
	if err != nil {
		return nil, nil, err
	}
	defer closer() //nolint:errcheck // read only
	truth := map[concord.PatientRef]string{}
	var all []mpi.Demographics
	for item := range feed.Read(bufio.NewReader(in), benchSource, feed.CSV) {
		if item.Refused != "" {
			fmt.Fprintf(os.Stderr, "%s:%d: left out: %s\n", name, item.Line, item.Refused)
			continue
		}
		label := item.Label
		if parts := strings.Split(item.Demographics.Ref.Reveal(), "-"); label == "" && len(parts) > 2 && parts[0] == "rec" {
			label = parts[1]
		}
		if label == "" {
			return nil, nil, errors.New(name + ": nothing says whose its records are")
		}
		d := item.Demographics
		d.Identifiers = nil
		all, truth[d.Ref] = append(all, d), label
	}
	return func(yield func(mpi.Demographics, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}, truth, nil
}

// measure links records, and prints a line for each grade.
func measure(ctx context.Context, set string, records iter.Seq2[mpi.Demographics, error], truth map[concord.PatientRef]string, repeats []concord.SourceID) error {
	began := time.Now()
	r, err := linkage.Link(ctx, records, linkage.Options{Repeats: repeats})
	if err != nil {
		return err
	}
	took := time.Since(began)
	for _, g := range []mpi.Grade{mpi.Certain, mpi.Probable} {
		e := linkage.Evaluate(r.Pairs(g), truth)
		_, _ = fmt.Fprintf(os.Stdout, "%-24s %8d %-9s %-24s %-24s %-24s %8d %6d %7d\n", set, r.Report.Records, g, rate(e.Precision), rate(e.Recall), rate(e.F1), e.Right, e.False, e.Missed)
	}
	_, _ = fmt.Fprintf(os.Stdout, "%-24s %d pairs compared in %.1f s, completeness of blocking %.4f, %d pairs for review, model %s\n",
		"", r.Report.Compared, took.Seconds(), r.Report.Completeness, len(r.Review), r.Model.Version())
	return nil
}

func rate(r linkage.Rate) string { return fmt.Sprintf("%.4f (%.4f-%.4f)", r.Value, r.Low, r.High) }

// dump writes made-up people.
func (c *mpiBenchCommand) dump() (err error) {
	f, err := os.OpenFile(c.Dump, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, f.Close) }()
	return synthetic.WriteCSV(f, synthetic.New(c.Seed), c.Records)
}
