package compare

import (
	"strconv"

	"concord/fhir"
	"concord/merge"
)

// Encode is the report as a FHIR Parameters resource, the answer of $compare; docs/compare.md describes its parts. The same
// report gives the same bytes.
func Encode(r Report) []byte {
	w := &writer{}
	w.text(`{"resourceType":"Parameters","parameter":[`)
	w.reference("patient", "Patient/"+r.Patient)
	w.code("mode", string(r.Mode))
	if r.Since != "" {
		w.str("since", r.Since)
	}
	for _, s := range r.Sources {
		w.part("source", func() {
			w.code("name", string(s.Name))
			w.number("events", s.Events)
			w.number("only", s.Only)
			w.number("missing", s.Missing)
			w.boolean("stranger", s.Stranger)
		})
	}
	for _, t := range r.Types {
		w.part("type", func() {
			w.code("type", string(t.Type))
			w.number("events", t.Events)
			w.number("same", t.Same)
			w.number("missing", t.Missing)
			w.number("disagree", t.Disagree)
			w.number("unknown", t.Unknown)
		})
	}
	for _, g := range r.Gaps {
		w.part("gap", func() {
			w.code("source", string(g.Source))
			w.code("type", string(g.Type))
			w.code("reason", string(g.Reason))
		})
	}
	for _, e := range r.Events {
		w.part("event", func() { w.event(e) })
	}
	w.text("]}")
	return w.out
}

func (w *writer) event(e Event) {
	w.code("priority", string(e.Priority))
	w.code("type", string(e.Type))
	if e.Title != "" {
		w.str("title", e.Title)
	}
	if e.Date != "" {
		w.value("date", "Date", e.Date)
	}
	for _, s := range e.In {
		w.code("in", string(s))
	}
	for _, s := range e.Missing {
		w.code("missing", string(s))
	}
	for _, u := range e.Unknown {
		w.part("unknown", func() {
			w.code("source", string(u.Source))
			w.code("reason", string(u.Reason))
		})
	}
	for _, c := range e.Conflicts {
		w.code("conflict", string(c))
	}
	for _, d := range e.Disagreements {
		w.part("disagreement", func() {
			w.str("path", d.Path)
			w.code("aspect", string(d.Aspect))
			for _, t := range d.Told {
				w.part("told", func() {
					w.code("source", string(t.Source))
					w.reference("copy", t.Reference)
					if t.Text != "" {
						w.str("text", t.Text)
					}
				})
			}
		})
	}
	for _, c := range e.Copies {
		w.part("copy", func() {
			w.code("source", string(c.Source))
			w.reference("reference", c.Reference)
		})
	}
}

// writer writes parameters, a comma before each but the first of its list.
type writer struct {
	out  []byte
	more bool
}

func (w *writer) text(s string) { w.out = append(w.out, s...) }

func (w *writer) begin(name string) {
	if w.more {
		w.text(",")
	}
	w.more = true
	w.text(`{"name":"` + name + `"`)
}

func (w *writer) value(name, typ, s string) {
	w.begin(name)
	w.text(`,"value` + typ + `":`)
	w.out = fhir.AppendString(w.out, s)
	w.text("}")
}

func (w *writer) code(name, s string) { w.value(name, "Code", s) }
func (w *writer) str(name, s string)  { w.value(name, "String", s) }

func (w *writer) number(name string, n int) {
	w.begin(name)
	w.text(`,"valueUnsignedInt":` + strconv.Itoa(n) + "}")
}

func (w *writer) boolean(name string, b bool) {
	w.begin(name)
	w.text(`,"valueBoolean":` + strconv.FormatBool(b) + "}")
}

func (w *writer) reference(name, s string) {
	w.begin(name)
	w.text(`,"valueReference":{"reference":`)
	w.out = fhir.AppendString(w.out, s)
	w.text("}}")
}

func (w *writer) part(name string, parts func()) {
	w.begin(name)
	w.text(`,"part":[`)
	w.more = false
	parts()
	w.text("]}")
	w.more = true
}

// conflictCodes are the marks that a report may hold.
func conflictCodes() []merge.ConflictCode {
	return []merge.ConflictCode{merge.ConflictValue, merge.ConflictStatus, merge.ConflictNegation, merge.ConflictDose, merge.ConflictSite,
		merge.ConflictCoding, merge.ConflictNoKnown, merge.ConflictBirthDate, merge.ConflictGender, merge.ConflictDeceased}
}
