package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
)

type mpiExplainCommand struct {
	indexFlags

	A string `arg:"" name:"REF" help:"A source's patient, {source}.{id}."`
	B string `arg:"" name:"OTHER" help:"Another."`
}

// Run explains.
func (c *mpiExplainCommand) Run(ctx context.Context) (err error) {
	var refs [2]concord.PatientRef
	for i, s := range []string{c.A, c.B} {
		if refs[i], err = patientRef(s); err != nil {
			return err
		}
	}
	_, reg, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, reg.Close) }()
	if !reg.Store.Keeps() {
		return errNoRecords
	}
	var prepared [2]match.Record
	var people [2]mpi.Person
	for i, ref := range refs {
		r, err := reg.Store.Record(ctx, ref)
		if err != nil {
			return explained(err)
		}
		prepared[i] = match.Prepare(r.Demographics)
		if people[i], err = reg.Index.Lookup(ctx, ref); err != nil && !errors.Is(err, concord.NotFound) {
			return err
		}
	}
	switch {
	case people[0].ID != "" && people[0].ID == people[1].ID:
		_, _ = fmt.Fprintf(os.Stdout, "one person now, %s\n", people[0].ID)
		for _, l := range people[0].Links {
			if l.Ref == refs[0] || l.Ref == refs[1] {
				by := "matching"
				if l.Manual {
					by = "somebody"
				}
				_, _ = fmt.Fprintf(os.Stdout, "  %s: linked by %s, rule %s, score %s\n", l.Ref.Source, by, l.Rule, score(l.Score))
			}
		}
	default:
		_, _ = fmt.Fprintln(os.Stdout, "two persons now")
	}
	switch r, err := reg.Store.Pair(ctx, refs[0], refs[1]); {
	case err == nil:
		_, _ = fmt.Fprintf(os.Stdout, "review %d: %s\n", r.Number, r.State)
	case !errors.Is(err, concord.NotFound):
		return err
	}
	m, _, err := reg.Model.Load()
	if err != nil {
		return err
	}
	if m == nil {
		m = match.Default()
	}
	_, _ = fmt.Fprint(os.Stdout, "compared now: ")
	tellDecision(os.Stdout, m.Explain(&prepared[0], &prepared[1]))
	return nil
}
