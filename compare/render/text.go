package render

import (
	"bufio"
	"io"
	"strings"

	"concord/compare"
)

// TextOptions say what the text is written for. The zero value is plain text of 80 columns.
type TextOptions struct {
	// Width is how many columns there are; 0 for 80. Fewer than 48 are taken for 48.
	Width int
	// Color allows the escape sequences of a terminal.
	Color bool
}

// The styles are those that are legible on light and dark.
const (
	styleBold   = "1"
	styleAlarm  = "1;31"
	styleAbsent = "33"
	styleDim    = "2"
)

// Text writes a report to be read on a terminal: the summary first, then the differences, worst first. No line is wider
// than the width. The error is the writer's.
func Text(w io.Writer, r compare.Report, o TextOptions) error {
	if o.Width == 0 {
		o.Width = 80
	}
	t := &text{out: bufio.NewWriter(w), cols: max(o.Width, 48), color: o.Color}
	t.report(outlineOf(r))
	return t.out.Flush()
}

// text writes lines. Errors of the writer come out of its Flush.
type text struct {
	out   *bufio.Writer
	cols  int
	color bool
}

func (t *text) report(o outline) {
	t.para("", "", styleBold, o.Headline)
	t.para("", "", styleDim, "Patient "+o.Patient+". "+o.subtitle())
	t.blank()
	t.table(o.Known)
	for _, s := range o.Strangers {
		t.para("", "", styleAbsent, s.Note)
	}
	if len(o.Unknowns) > 0 {
		t.blank()
		t.para("", "", styleBold, "Not known:")
		for _, u := range o.Unknowns {
			t.para("  ", "    ", styleAbsent, u.Source+" "+u.Words+": "+u.Types())
		}
	}
	for _, g := range o.Groups {
		t.blank()
		t.para("", "", styleBold, strings.ToUpper(g.Heading))
		if g.Note != "" {
			t.para("  ", "  ", "", g.Note)
		}
		for _, e := range g.Events {
			t.event(e)
		}
	}
}

// table is what each source holds, in columns that the names fit in.
func (t *text) table(all []source) {
	name := 0
	for _, s := range all {
		name = max(name, len(s.Name))
	}
	t.line("", pad("", name)+"  events  only there  missing")
	for _, s := range all {
		t.line("", pad(s.Name, name)+lead(s.Events, 8)+lead(s.Only, 12)+lead(s.Missing, 9))
	}
}

func lead(s string, cols int) string { return strings.Repeat(" ", max(0, cols-len(s))) + s }

func (t *text) event(e compare.Event) {
	mark, style := "-", styleAbsent
	if e.Disagrees() {
		mark, style = "!", styleAlarm
	}
	title := titleOf(e)
	if e.Date != "" {
		title += ", " + e.Date
	}
	t.para(mark+" ", "  ", style, title)
	if len(e.Missing) > 0 {
		t.para("    ", "    ", styleAbsent, "in "+join(e.In)+"; missing from "+join(e.Missing))
	} else {
		t.para("    ", "    ", "", "in "+join(e.In))
	}
	if len(e.Unknown) > 0 {
		t.para("    ", "    ", styleDim, "not known: "+unknownWords(e))
	}
	if m := marks(e); m != "" {
		t.para("    ", "    ", "", m)
	}
	for _, d := range e.Disagreements {
		t.para("    ", "      ", "", plain(d.Path))
		name := 0
		for _, x := range d.Told {
			name = max(name, len(x.Source))
		}
		for _, x := range d.Told {
			t.para("      "+pad(string(x.Source), name)+"  ", strings.Repeat(" ", 8+name), "", toldText(x))
		}
	}
}

func (t *text) blank() { t.line("", "") }

// para writes s in as many lines as it takes, the first behind first, the others behind rest.
func (t *text) para(first, rest, style, s string) {
	for i, l := range wrap(plain(s), t.cols-max(widthOf(first), widthOf(rest))) {
		if i > 0 {
			first = rest
		}
		t.line(style, l, first)
	}
}

// line writes one line; what stands before it is not styled.
func (t *text) line(style, s string, before ...string) {
	for _, b := range before {
		_, _ = t.out.WriteString(b)
	}
	if t.color && style != "" && s != "" {
		s = "\x1b[" + style + "m" + s + "\x1b[0m"
	}
	_, _ = t.out.WriteString(s + "\n")
}
