package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/charmbracelet/x/term"

	"concord"
	"concord/internal/app"
	"concord/mpi/bulk"
	"concord/mpi/feed"
)

type mpiImportCommand struct {
	indexFlags

	Source  string   `help:"Whose patients they are: a source's name." required:"" placeholder:"NAME"`
	Format  string   `help:"ndjson (a FHIR Patient a line) or csv (with a header); by default what the file looks like." enum:",ndjson,csv" default:"" placeholder:"FORMAT"`
	Repeats bool     `help:"The source may have a person more than once, so that two of its records may be certain to be one person; as mpi.repeats."`
	Files   []string `arg:"" name:"FILE" help:"Files of patients, gzip allowed; - is standard input."`
}

// Help is what the help has behind the flags.
func (*mpiImportCommand) Help() string {
	return `Loads patients of one source into the index, then links all patients that the index keeps. Stores as it reads: an import
that was broken off is made again, and skips what is there. A record that can't be imported is named with its file and line
on standard error, nothing of it is kept, and the others are imported.

Without --repeats two records of one source are at most probably one person, as the source's staff chose to keep both.

Exit status:
  0  all records are imported and linked
  1  some were refused; the others are imported and linked
  2  trouble`
}

// memoryAim is what the import tries to stay below.
const memoryAim = 2400 << 20

// mostNamed is how many records are named at most; the rest are counted.
const mostNamed = 1000

// Run imports.
func (c *mpiImportCommand) Run(ctx context.Context) (err error) {
	if !concord.SourceID(c.Source).Valid() {
		return errors.New("--source: not the name of a source")
	}
	_, reg, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, reg.Close) }()
	if !reg.Store.Keeps() {
		return errNoRecords
	}
	debug.SetMemoryLimit(memoryAim)
	var files []bulk.File
	for _, name := range c.Files {
		f, closer, err := open(name)
		if err != nil {
			return err
		}
		defer closer() //nolint:errcheck // read only
		format := feed.Format(c.Format)
		in := bufio.NewReaderSize(f, 64<<10)
		if format == "" {
			format = feed.Guess(in)
		}
		files = append(files, bulk.File{Name: name, Items: feed.Read(in, concord.SourceID(c.Source), format)})
	}
	o, err := linking(reg, c.repeats(reg))
	if err != nil {
		return err
	}
	named := 0
	o.Refused = func(file string, i feed.Item) {
		what := "refused: " + string(i.Refused)
		if i.Refused == "" {
			what = "imported: " + string(i.Note)
		}
		if named++; named <= mostNamed {
			fmt.Fprintf(os.Stderr, "\r%s:%d: %s\n", file, i.Line, what)
		}
	}
	t := newTeller(os.Stderr)
	o.Progress = t.tell
	began := time.Now()
	r, err := bulk.Import(ctx, reg.Store, reg.Over, files, o)
	t.done()
	if err != nil {
		return err
	}
	if err := remember(reg, r); err != nil {
		return err
	}
	if named > mostNamed {
		fmt.Fprintf(os.Stderr, "and %d more\n", named-mostNamed)
	}
	_, _ = fmt.Fprintf(os.Stdout, "%s: %d read, %d new, %d changed, %d as they were, %d refused\n", c.Source, r.Read, r.New, r.Changed, r.Same, r.Refused)
	if r.Frozen > 0 {
		_, _ = fmt.Fprintf(os.Stdout, "%d look like another human all at once: frozen, for review\n", r.Frozen)
	}
	linked(r, time.Since(began))
	if r.Refused > 0 {
		return exit(1)
	}
	return nil
}

// repeats are the sources that may have a person more than once.
func (c *mpiImportCommand) repeats(reg *app.Registry) []concord.SourceID {
	all := reg.Repeats()
	if s := concord.SourceID(c.Source); c.Repeats && !slices.Contains(all, s) {
		all = append(all, s)
	}
	return all
}

// linking are the options of whatever links all that is kept.
func linking(reg *app.Registry, repeats []concord.SourceID) (bulk.Options, error) {
	m, kept, err := reg.Model.Load()
	if err != nil {
		return bulk.Options{}, err
	}
	if !kept {
		m = nil
	}
	return bulk.Options{Keys: app.BlockingKeys, Model: m, Repeats: repeats}, nil
}

// remember keeps the model that an import has learnt for $match, unless there is one that was learnt to be kept.
func remember(reg *app.Registry, r bulk.Report) error {
	if _, kept, err := reg.Model.Load(); kept || err != nil || r.Model == nil || r.Linkage.Records == 0 {
		return err
	}
	return reg.Model.Save(r.Model, false)
}

// linked says what linking found.
func linked(r bulk.Report, took time.Duration) {
	_, _ = fmt.Fprintf(os.Stdout, "index: %d patients are %d persons; %d pairs compared, completeness %.4f, %d new for review; %.1f s\n",
		r.Linkage.Records, r.Persons, r.Linkage.Compared, r.Linkage.Completeness, r.Queued, took.Seconds())
}

// open opens a file, or standard input for "-".
func open(name string) (io.Reader, func() error, error) {
	if name == "-" {
		return os.Stdin, func() error { return nil }, nil
	}
	f, err := os.Open(name) // #nosec G304 -- the file that was named
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}

// closing is err, or what closing says.
func closing(err error, closer func() error) error {
	if closed := closer(); err == nil {
		return closed
	}
	return err
}

// teller says how far long work is: over and over in one line of a terminal, otherwise a line now and then.
type teller struct {
	f        *os.File
	terminal bool
	phase    bulk.Phase
	last     time.Time
	began    time.Time
}

func newTeller(f *os.File) *teller {
	return &teller{f: f, terminal: term.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb", began: time.Now()}
}

// every is how often a line is written where there is no terminal.
const every = 10 * time.Second

func (t *teller) tell(p bulk.Phase, n int) {
	now := time.Now()
	if t.terminal {
		_, _ = fmt.Fprintf(t.f, "\r\x1b[K%s… %d, %d s", p, n, int(now.Sub(t.began).Seconds()))
		return
	}
	if p != t.phase || now.Sub(t.last) >= every {
		_, _ = fmt.Fprintf(t.f, "%s: %d, %d s\n", p, n, int(now.Sub(t.began).Seconds()))
		t.phase, t.last = p, now
	}
}

func (t *teller) done() {
	if t.terminal {
		_, _ = fmt.Fprint(t.f, "\r\x1b[K")
	}
}
