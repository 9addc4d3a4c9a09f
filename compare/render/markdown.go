package render

import (
	"bufio"
	"io"
	"strings"

	"concord/compare"
)

// Markdown writes a report as Markdown with tables (GitHub's). No text of the report can become markup, a link or HTML.
// The error is the writer's.
func Markdown(w io.Writer, r compare.Report) error {
	o := outlineOf(r)
	b := bufio.NewWriter(w)
	put := func(parts ...string) {
		for _, p := range parts {
			_, _ = b.WriteString(p) // Flush has the error
		}
		_, _ = b.WriteString("\n")
	}
	put("# Record comparison\n")
	put("**", escape(o.Headline), "** Patient ", escape(o.Patient), ". ", escape(o.subtitle()), "\n")
	put("| source | events | only there | missing |\n| --- | ---: | ---: | ---: |")
	for _, s := range o.Known {
		put("| ", s.Name, " | ", s.Events, " | ", s.Only, " | ", s.Missing, " |")
	}
	for _, s := range o.Strangers {
		put("\n", escape(s.Note))
	}
	if len(o.Unknowns) > 0 {
		put("\n## Not known\n")
		for _, u := range o.Unknowns {
			put("- ", u.Source, " ", escape(u.Words), ": ", escape(u.Types()))
		}
	}
	for _, g := range o.Groups {
		put("\n## ", escape(g.Heading))
		if g.Note != "" {
			put("\n", escape(g.Note))
		}
		for _, e := range g.Events {
			markdownEvent(put, e)
		}
	}
	return b.Flush()
}

func markdownEvent(put func(...string), e compare.Event) {
	title := escape(titleOf(e))
	if e.Date != "" {
		title += ", " + escape(e.Date)
	}
	put("\n### ", title, "\n")
	line := "in " + join(e.In)
	if len(e.Missing) > 0 {
		line += "; **missing from " + join(e.Missing) + "**"
	}
	if len(e.Unknown) > 0 {
		line += "; not known: " + escape(unknownWords(e))
	}
	if m := marks(e); m != "" {
		line += "; " + escape(m)
	}
	put(line)
	if len(e.Disagreements) == 0 {
		return
	}
	put("\n| element | source | says |\n| --- | --- | --- |")
	for _, d := range e.Disagreements {
		for _, t := range d.Told {
			put("| ", escape(d.Path), " | ", string(t.Source), " | ", escape(toldText(t)), " |")
		}
	}
}

// escape makes s plain text of Markdown within a line: what could begin markup, a cell, an entity or a link stands behind
// a backslash (CommonMark, 2.4).
func escape(s string) string {
	var b strings.Builder
	for _, r := range plain(s) {
		switch {
		case r == '<':
			b.WriteString("&lt;")
			continue
		case r == '&':
			b.WriteString("&amp;")
			continue
		case strings.ContainsRune("\\`*_{}[]()#!|>~@:$^=\"'+", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(strings.ReplaceAll(b.String(), "www.", "www\\."), "WWW.", "WWW\\.")
}
