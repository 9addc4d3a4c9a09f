package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"concord"
	"concord/internal/app"
	"concord/mpi"
)

type mpiReviewCommand struct {
	List   mpiReviewListCommand   `cmd:"" default:"withargs" help:"What waits for somebody to look at: the likeliest first."`
	Show   mpiReviewShowCommand   `cmd:"" help:"The two records of a review side by side, and why they wait."`
	Link   mpiReviewLinkCommand   `cmd:"" help:"The two are one person; an overlaid record is its person's for all that."`
	Reject mpiReviewRejectCommand `cmd:"" help:"The two are not one person, and are never linked."`
}

// Help is what the help has behind the flags.
func (*mpiReviewCommand) Help() string {
	return `Pairs of patients that may be one person wait here until somebody decides. What somebody has decided beats matching for ever.
A record that all at once looks like another human's (an overlay) waits here too, and is used for no answer until then.`
}

type mpiReviewListCommand struct {
	indexFlags

	Grade string `help:"Pairs of that grade only: probable or possible." enum:",probable,possible,certain" default:"" placeholder:"GRADE"`
	Limit int    `help:"List that many at most; 0 is all." default:"50" placeholder:"N"`
	Ids   bool   `help:"List the patients' ids too."`
}

// Run lists.
func (c *mpiReviewListCommand) Run(ctx context.Context) (err error) {
	_, reg, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, reg.Close) }()
	var all []mpi.Review
	for r, err := range reg.Index.Waiting(ctx, 0) {
		if err != nil {
			return err
		}
		if c.Grade == "" || r.Decision.Grade.String() == c.Grade {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b mpi.Review) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(b.Decision.Score, a.Decision.Score), cmp.Compare(b.Decision.Weight, a.Decision.Weight))
	})
	shown := all
	if c.Limit > 0 {
		shown = all[:min(c.Limit, len(all))]
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(os.Stdout, "nothing waits")
		return err
	}
	_, _ = fmt.Fprintf(os.Stdout, "%8s  %-8s %-9s %5s  %-18s %-10s %s\n", "number", "reason", "grade", "score", "rule", "queued", "sources")
	for _, r := range shown {
		between := string(r.A.Source)
		if c.Ids {
			between = named(r.A)
		}
		if !r.B.IsZero() && c.Ids {
			between += " " + named(r.B)
		} else if !r.B.IsZero() {
			between += " " + string(r.B.Source)
		}
		grade, points := "-", "-"
		if r.Decision.Grade > 0 {
			grade, points = r.Decision.Grade.String(), score(r.Decision.Score)
		}
		_, _ = fmt.Fprintf(os.Stdout, "%8d  %-8s %-9s %5s  %-18s %-10s %s\n", r.Number, r.Reason, grade, points, cmp.Or(r.Decision.Rule, "-"), r.Queued.Format("2006-01-02"), between)
	}
	_, err = fmt.Fprintf(os.Stdout, "%d of %d\n", len(shown), len(all))
	return err
}

// rank puts what takes a record out of use before what only might be linked.
func rank(r mpi.Review) int {
	switch r.Reason {
	case mpi.ReasonOverlay:
		return 2
	case mpi.ReasonMerge:
		return 1
	}
	return 0
}

type mpiReviewShowCommand struct {
	indexFlags

	Number int64 `arg:"" help:"The review's number."`
}

// Run shows.
func (c *mpiReviewShowCommand) Run(ctx context.Context) (err error) {
	_, reg, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, reg.Close) }()
	r, err := reg.Index.Review(ctx, c.Number)
	if err != nil {
		return explained(err)
	}
	_, _ = fmt.Fprintf(os.Stdout, "review %d, %s, %s since %s\n", r.Number, r.Reason, r.State, r.Queued.Format("2006-01-02"))
	var sides []side
	for _, ref := range []concord.PatientRef{r.A, r.B} {
		if ref.IsZero() {
			continue
		}
		s, err := sideOf(ctx, reg, ref)
		if err != nil {
			return err
		}
		sides = append(sides, s)
	}
	sideBySide(os.Stdout, sides, columns(os.Stdout))
	if r.Decision.Grade > 0 || len(r.Decision.Fields) > 0 {
		_, _ = fmt.Fprintln(os.Stdout)
		tellDecision(os.Stdout, r.Decision)
	}
	return nil
}

// side is one of the two records, a line for each thing that it says. PHI.
type side struct {
	head string
	rows map[string][]string
}

// rowNames are the things that a record says, in their order.
var rowNames = []string{"person", "name", "former name", "birth date", "gender", "phone", "e-mail", "address", "former address", "identifier", "twin", "deceased", "last seen", "replaced by"}

func sideOf(ctx context.Context, reg *app.Registry, ref concord.PatientRef) (side, error) {
	s := side{head: named(ref), rows: map[string][]string{}}
	add := func(name string, words ...string) {
		words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
		if len(words) > 0 {
			s.rows[name] = append(s.rows[name], strings.Join(words, " "))
		}
	}
	switch p, err := reg.Index.Lookup(ctx, ref); {
	case err == nil:
		add("person", string(p.ID))
	case !errors.Is(err, concord.NotFound):
		return s, err
	}
	rec, err := reg.Store.Record(ctx, ref)
	if errors.Is(err, concord.NotFound) || errors.Is(err, concord.Unsupported) {
		add("name", "(nothing is kept of it)")
		return s, nil
	}
	if err != nil {
		return s, err
	}
	d := rec.Demographics
	for _, n := range d.Names {
		row := "name"
		if n.Old {
			row = "former name"
		}
		add(row, slices.Concat([]string{n.Family + ","}, n.Given, n.Suffix)...)
	}
	add("birth date", d.BirthDate)
	add("gender", d.Gender)
	for _, v := range d.Phones {
		add("phone", v)
	}
	for _, v := range d.Emails {
		add("e-mail", v)
	}
	for _, a := range d.Addresses {
		row := "address"
		if a.Old {
			row = "former address"
		}
		add(row, slices.Concat(a.Lines, []string{a.City, a.State, a.PostalCode})...)
	}
	for _, i := range d.Identifiers {
		add("identifier", i.Value, "("+i.System+")")
	}
	if d.Multiple {
		add("twin", "yes")
	}
	add("deceased", d.Deceased)
	add("last seen", d.Seen)
	add("replaced by", d.ReplacedBy)
	return s, nil
}

// sideBySide prints records beside each other, as wide as width; what differs is marked.
func sideBySide(w io.Writer, sides []side, width int) {
	const label = 16
	each := max(20, (width-label-2)/max(len(sides), 1))
	line := func(mark, name string, cells []string) {
		parts := make([][]string, len(cells))
		high := 1
		for i, c := range cells {
			parts[i] = wrapped(c, each-1)
			high = max(high, len(parts[i]))
		}
		for at := range high {
			out := mark + fmt.Sprintf("%-*s", label, name)
			for _, p := range parts {
				cell := ""
				if at < len(p) {
					cell = p[at]
				}
				out += cell + strings.Repeat(" ", max(0, each-len([]rune(cell))))
			}
			_, _ = fmt.Fprintln(w, strings.TrimRight(out, " "))
			mark, name = "  ", ""
		}
	}
	heads := make([]string, len(sides))
	for i, s := range sides {
		heads[i] = s.head
	}
	line("  ", "", heads)
	for _, name := range rowNames {
		high := 0
		for _, s := range sides {
			high = max(high, len(s.rows[name]))
		}
		for at := range high {
			cells := make([]string, len(sides))
			for i, s := range sides {
				if at < len(s.rows[name]) {
					cells[i] = s.rows[name][at]
				}
			}
			mark := "  "
			if len(cells) == 2 && !strings.EqualFold(cells[0], cells[1]) {
				mark = "! "
			}
			shown := name
			if at > 0 {
				shown = ""
			}
			line(mark, shown, cells)
		}
	}
}

// wrapped is s in pieces of at most so many characters, without those that a terminal would obey.
func wrapped(s string, width int) (out []string) {
	clean := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s))
	for len(clean) > width {
		cut := width
		for i := width; i > width/2; i-- {
			if clean[i] == ' ' {
				cut = i
				break
			}
		}
		out = append(out, string(clean[:cut]))
		clean = []rune(strings.TrimLeft(string(clean[cut:]), " "))
	}
	return append(out, string(clean))
}

// tellDecision prints why, without a value.
func tellDecision(w io.Writer, d mpi.Decision) {
	grade := d.Grade.String()
	if d.Grade == 0 {
		grade = "no match"
	}
	_, _ = fmt.Fprintf(w, "%s, score %s, rule %s", grade, score(d.Score), cmp.Or(d.Rule, "-"))
	if d.Contradicts {
		_, _ = fmt.Fprint(w, ", they contradict each other")
	}
	if d.Model != "" {
		_, _ = fmt.Fprintf(w, "\nmodel %s, weight %.1f bits, of which relatives, twins and namesakes take %.1f", d.Model, d.Weight, d.Discount)
	}
	_, _ = fmt.Fprintf(w, "\n\n  %-12s %-16s %7s\n", "field", "level", "weight")
	for _, f := range d.Fields {
		weight := ""
		if f.Weight != 0 {
			weight = fmt.Sprintf("%+.1f", f.Weight)
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-12s %-16s %7s", f.Field, f.Level, weight), " "))
	}
}

type mpiReviewLinkCommand struct {
	decisionFlags

	Number int64 `arg:"" help:"The review's number."`
}

// Run links.
func (c *mpiReviewLinkCommand) Run(ctx context.Context) error {
	return c.resolve(ctx, c.Number, mpi.ReviewLinked)
}

type mpiReviewRejectCommand struct {
	decisionFlags

	Number int64 `arg:"" help:"The review's number."`
}

// Run rejects.
func (c *mpiReviewRejectCommand) Run(ctx context.Context) error {
	return c.resolve(ctx, c.Number, mpi.ReviewRejected)
}

// resolve settles a review.
func (f decisionFlags) resolve(ctx context.Context, number int64, state mpi.ReviewState) error {
	return f.decide(ctx, func(x *mpi.Index) error {
		r, err := x.Resolve(ctx, number, state)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(os.Stdout, "review %d: %s\n", r.Number, r.State)
		return err
	})
}
