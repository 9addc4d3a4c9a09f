package compare

import (
	"slices"
	"strconv"
	"strings"

	"concord"
	"concord/fhir"
	"concord/merge"
)

// Decode reads what Encode wrote. Parts that it does not know are passed over, so that a newer gateway may say more. The
// error is a *concord.Fault of Kind Malformed, and holds none of the document.
func Decode(b []byte) (Report, error) {
	p, err := fhir.Parse(b, fhir.Limits{})
	if err != nil {
		return Report{}, &concord.Fault{Op: "decode", Kind: concord.Malformed, Err: err}
	}
	r := Report{Sources: []Source{}, Types: []Type{}, Gaps: []Gap{}, Events: []Event{}}
	d := &reader{}
	d.check(p.Type() == fhir.TypeParameters)
	for name, v := range d.parts(p.Get("parameter")) {
		switch name {
		case "patient":
			id, ok := strings.CutPrefix(d.reference(v), "Patient/")
			d.check(ok)
			r.Patient = id
		case "mode":
			r.Mode = read(d, v, []Mode{All, OnlyConflicts, OnlyMissing})
		case "since":
			r.Since = d.str(v, "valueString")
			_, ok := fhir.ParseDate(r.Since)
			d.check(ok)
		case "source":
			r.Sources = append(r.Sources, d.sourceOf(v))
		case "type":
			r.Types = append(r.Types, d.typeOf(v))
		case "gap":
			r.Gaps = append(r.Gaps, d.gapOf(v))
		case "event":
			r.Events = append(r.Events, d.eventOf(v))
		}
	}
	d.check(r.Mode != "" && r.Patient != "")
	if d.bad {
		return Report{}, &concord.Fault{Op: "decode", Kind: concord.Malformed}
	}
	return r, nil
}

// reader reads parameters, and remembers that one was not as it must be.
type reader struct{ bad bool }

func (d *reader) check(ok bool) { d.bad = d.bad || !ok }

// parts are the parameters of a list by their names.
func (d *reader) parts(list fhir.Value) func(func(string, fhir.Value) bool) {
	return func(yield func(string, fhir.Value) bool) {
		for p := range list.Items() {
			d.check(p.IsObject())
			if !yield(p.Get("name").Text(), p) {
				return
			}
		}
	}
}

func (d *reader) str(v fhir.Value, member string) string {
	m := v.Get(member)
	d.check(m.IsString() && m.Text() != "")
	return strings.Clone(m.Text())
}

func (d *reader) number(v fhir.Value) int {
	m := v.Get("valueUnsignedInt")
	n, err := strconv.Atoi(m.Text())
	d.check(m.IsNumber() && err == nil && n >= 0)
	return n
}

func (d *reader) reference(v fhir.Value) string { return d.str(v.Get("valueReference"), "reference") }

func (d *reader) source(v fhir.Value) concord.SourceID {
	s := concord.SourceID(d.str(v, "valueCode"))
	d.check(s.Valid())
	return s
}

func (d *reader) resourceType(v fhir.Value) fhir.ResourceType {
	t := fhir.ResourceType(d.str(v, "valueCode"))
	d.check(fhir.KnownType(t))
	return t
}

// read is a code from a closed set.
func read[T ~string](d *reader, v fhir.Value, set []T) T {
	c := T(d.str(v, "valueCode"))
	d.check(slices.Contains(set, c))
	return c
}

func reasons() []Reason {
	return []Reason{Timeout, Transient, Throttled, Forbidden, Exception, Incomplete, NotSupported, Limited, Duplicate, Unidentified, Contradicted}
}

func (d *reader) sourceOf(v fhir.Value) (s Source) {
	for name, p := range d.parts(v.Get("part")) {
		switch name {
		case "name":
			s.Name = d.source(p)
		case "events":
			s.Events = d.number(p)
		case "only":
			s.Only = d.number(p)
		case "missing":
			s.Missing = d.number(p)
		case "stranger":
			s.Stranger = p.Get("valueBoolean").Text() == "true"
		}
	}
	d.check(s.Name != "")
	return s
}

func (d *reader) typeOf(v fhir.Value) (t Type) {
	for name, p := range d.parts(v.Get("part")) {
		switch name {
		case "type":
			t.Type = d.resourceType(p)
		case "events":
			t.Events = d.number(p)
		case "same":
			t.Same = d.number(p)
		case "missing":
			t.Missing = d.number(p)
		case "disagree":
			t.Disagree = d.number(p)
		case "unknown":
			t.Unknown = d.number(p)
		}
	}
	d.check(t.Type != "")
	return t
}

func (d *reader) gapOf(v fhir.Value) (g Gap) {
	for name, p := range d.parts(v.Get("part")) {
		switch name {
		case "source":
			g.Source = d.source(p)
		case "type":
			g.Type = d.resourceType(p)
		case "reason":
			g.Reason = read(d, p, reasons())
		}
	}
	d.check(g.Source != "" && g.Type != "" && g.Reason != "")
	return g
}

func (d *reader) eventOf(v fhir.Value) Event {
	e := Event{In: []concord.SourceID{}, Missing: []concord.SourceID{}, Unknown: []Unknown{}, Conflicts: []merge.ConflictCode{}, Disagreements: []Disagreement{}, Copies: []Copy{}}
	for name, p := range d.parts(v.Get("part")) {
		switch name {
		case "priority":
			e.Priority = read(d, p, []Priority{Allergy, ActiveMedication, ActiveProblem, Other})
		case "type":
			e.Type = d.resourceType(p)
		case "title":
			e.Title = d.str(p, "valueString")
		case "date":
			e.Date = d.str(p, "valueDate")
			_, ok := fhir.ParseDate(e.Date)
			d.check(ok)
		case "in":
			e.In = append(e.In, d.source(p))
		case "missing":
			e.Missing = append(e.Missing, d.source(p))
		case "unknown":
			e.Unknown = append(e.Unknown, d.unknownOf(p))
		case "conflict":
			e.Conflicts = append(e.Conflicts, read(d, p, conflictCodes()))
		case "disagreement":
			e.Disagreements = append(e.Disagreements, d.disagreementOf(p))
		case "copy":
			e.Copies = append(e.Copies, d.copyOf(p))
		}
	}
	d.check(e.Priority != "" && e.Type != "" && len(e.In) > 0)
	return e
}

func (d *reader) unknownOf(v fhir.Value) (u Unknown) {
	for name, p := range d.parts(v.Get("part")) {
		switch name {
		case "source":
			u.Source = d.source(p)
		case "reason":
			u.Reason = read(d, p, reasons())
		}
	}
	d.check(u.Source != "" && u.Reason != "")
	return u
}

func (d *reader) disagreementOf(v fhir.Value) (x Disagreement) {
	for name, p := range d.parts(v.Get("part")) {
		switch name {
		case "path":
			x.Path = d.str(p, "valueString")
		case "aspect":
			x.Aspect = read(d, p, []Aspect{AboutValue, AboutStatus, AboutDose, AboutDate, AboutCode, AboutSite, AboutDemographics})
		case "told":
			x.Told = append(x.Told, d.toldOf(p))
		}
	}
	d.check(x.Path != "" && x.Aspect != "")
	return x
}

func (d *reader) toldOf(v fhir.Value) (t Told) {
	for name, p := range d.parts(v.Get("part")) {
		switch name {
		case "source":
			t.Source = d.source(p)
		case "copy":
			t.Reference = d.reference(p)
		case "text":
			t.Text = d.str(p, "valueString")
		}
	}
	d.check(t.Source != "" && t.Reference != "")
	return t
}

func (d *reader) copyOf(v fhir.Value) (c Copy) {
	for name, p := range d.parts(v.Get("part")) {
		switch name {
		case "source":
			c.Source = d.source(p)
		case "reference":
			c.Reference = d.reference(p)
		}
	}
	d.check(c.Source != "" && c.Reference != "")
	return c
}
