package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"strconv"
	"strings"

	"concord"
	"concord/mpi"
	"concord/mpi/bulk"
)

type mpiLinksCommand struct {
	indexFlags

	Format string   `help:"csv or ndjson." enum:"csv,ndjson" default:"csv" placeholder:"FORMAT"`
	Grade  string   `help:"Links of that grade and surer ones only: certain, probable or possible." enum:"certain,probable,possible" default:"possible" placeholder:"GRADE"`
	Person []string `help:"Links of these persons only." placeholder:"ID"`
}

// Help is what the help has behind the flags.
func (*mpiLinksCommand) Help() string {
	return `Lists every link: person, source, patient, grade and score. Of each person first its patients, which are certain, then those
that are probably or possibly its too and wait for review; each of those is certain for a person of its own as well.

The list is PHI: it holds the sources' ids of patients.`
}

// Run lists.
func (c *mpiLinksCommand) Run(ctx context.Context) (err error) {
	_, reg, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, reg.Close) }()
	done := progress(os.Stderr, "reading")
	rows, err := bulk.Links(ctx, reg.Store)
	done()
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, p := range c.Person {
		wanted[p] = true
	}
	least := map[string]mpi.Grade{"certain": mpi.Certain, "probable": mpi.Probable, "possible": mpi.Possible}[c.Grade]
	out := bufio.NewWriter(os.Stdout)
	write := csvRows(out)
	if c.Format == "ndjson" {
		write = jsonRows(out)
	}
	for _, r := range rows {
		if r.Grade < least || len(wanted) > 0 && !wanted[string(r.Person)] {
			continue
		}
		if err := write(r); err != nil {
			return err
		}
	}
	return out.Flush()
}

func csvRows(out *bufio.Writer) func(bulk.Row) error {
	w := csv.NewWriter(out)
	_ = w.Write([]string{"person", "source", "patient", "grade", "score"}) // told at Flush
	w.Flush()
	return func(r bulk.Row) error {
		_ = w.Write([]string{string(r.Person), string(r.Ref.Source), r.Ref.Reveal(), r.Grade.String(), score(r.Score)}) // as above
		w.Flush()
		return w.Error()
	}
}

func jsonRows(out *bufio.Writer) func(bulk.Row) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return func(r bulk.Row) error {
		return e.Encode(struct {
			Person  string          `json:"person"`
			Source  string          `json:"source"`
			Patient string          `json:"patient"`
			Grade   string          `json:"grade"`
			Score   json.RawMessage `json:"score"`
		}{string(r.Person), string(r.Ref.Source), r.Ref.Reveal(), r.Grade.String(), json.RawMessage(score(r.Score))})
	}
}

// score is in hundredths.
func score(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }

// cutRef takes {source}.{id} apart.
func cutRef(s string) (source, id string, ok bool) {
	return strings.Cut(strings.TrimPrefix(s, "Patient/"), ".")
}

// named is a source's patient as the gateway names it.
func named(r concord.PatientRef) string { return string(r.Source) + "." + r.Reveal() }
