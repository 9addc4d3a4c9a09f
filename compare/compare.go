package compare

import (
	"cmp"
	"slices"
	"strings"

	"concord"
	"concord/fhir"
	"concord/merge"
)

// Compare makes the report. It is pure: the order of entries, answers and sources changes nothing.
func Compare(in Input) Report {
	c := newComparison(in)
	r := Report{Patient: in.Patient, Mode: cmp.Or(in.Options.Mode, All), Since: in.Options.Since, Gaps: c.gaps, Types: []Type{}, Events: []Event{}}
	tally := map[concord.SourceID]*Source{}
	for _, s := range c.sources {
		tally[s] = &Source{Name: s}
	}
	types := map[fhir.ResourceType]*Type{}
	for t := range c.types {
		types[t] = &Type{Type: t}
	}
	for _, t := range c.tellings() {
		e := c.event(t)
		count(e, types[e.Type], tally)
		if r.Mode != OnlyMissing && e.Disagrees() || r.Mode != OnlyConflicts && len(e.Missing) > 0 {
			r.Events = append(r.Events, only(e, r.Mode))
		}
	}
	slices.SortFunc(r.Events, compareEvents)
	for _, s := range c.sources {
		tally[s].Stranger = c.stranger(s) && tally[s].Events == 0 && len(c.sources) > 1
		r.Sources = append(r.Sources, *tally[s])
	}
	for _, t := range Types() {
		if x := types[t]; x != nil {
			r.Types = append(r.Types, *x)
		}
	}
	return r
}

// only leaves of an event what the mode is about.
func only(e Event, m Mode) Event {
	switch m {
	case OnlyConflicts:
		e.Missing = []concord.SourceID{}
	case OnlyMissing:
		e.Conflicts, e.Disagreements = []merge.ConflictCode{}, []Disagreement{}
	case All:
	}
	return e
}

func count(e Event, t *Type, tally map[concord.SourceID]*Source) {
	t.Events++
	switch {
	case e.Disagrees() && len(e.Missing) > 0:
		t.Disagree++
		t.Missing++
	case e.Disagrees():
		t.Disagree++
	case len(e.Missing) > 0:
		t.Missing++
	case len(e.Unknown) > 0:
		t.Unknown++
	default:
		t.Same++
	}
	for _, s := range e.In {
		tally[s].Events++
	}
	for _, s := range e.Missing {
		tally[s].Missing++
	}
	if len(e.In) == 1 && len(e.Unknown) == 0 {
		tally[e.In[0]].Only++
	}
}

// comparison is the work on one Input.
type comparison struct {
	in      Input
	sources []concord.SourceID
	gaps    []Gap
	types   map[fhir.ResourceType]bool // that are compared
	entries []merge.Entry              // with the copies of the compared sources only
	at      map[place]int              // the entry of each copy, also of those that are not compared
	all     map[place]fhir.Value       // what references may mean
	whole   map[asked]bool
	since   fhir.Date
	dated   bool // since holds
}

// place names a source's copy.
type place struct {
	source concord.SourceID
	typ    fhir.ResourceType
	id     string
}

func placeOf(c merge.Copy) place { return place{c.Source, c.Type(), c.ID()} }

// asked is one question to one source.
type asked struct {
	source concord.SourceID
	typ    fhir.ResourceType
}

func newComparison(in Input) *comparison {
	c := &comparison{in: in, types: map[fhir.ResourceType]bool{}, at: map[place]int{}, all: map[place]fhir.Value{}, whole: map[asked]bool{}}
	c.sources = slices.Clone(in.Options.Sources)
	slices.Sort(c.sources)
	c.sources = slices.Compact(c.sources)
	c.gaps = gaps(in.Answers, c.sources)
	c.since, c.dated = fhir.ParseDate(in.Options.Since)
	known := Types()
	for _, a := range in.Answers {
		if slices.Contains(known, a.Type) && slices.Contains(c.sources, a.Source) {
			c.types[a.Type] = true
			k := asked{a.Source, a.Type}
			before, met := c.whole[k]
			c.whole[k] = a.Reason == "" && (before || !met)
		}
	}
	for t := range c.types { // what none of them has is nothing to compare
		if !slices.ContainsFunc(c.sources, func(s concord.SourceID) bool { return !slices.Contains(c.gaps, Gap{s, t, NotSupported}) }) {
			delete(c.types, t)
			c.gaps = slices.DeleteFunc(c.gaps, func(g Gap) bool { return g.Type == t })
		}
	}
	for t := range c.types { // what was not asked for is not known
		for _, s := range c.sources {
			if _, ok := c.whole[asked{s, t}]; !ok {
				c.gaps = append(c.gaps, Gap{s, t, Incomplete})
			}
		}
	}
	slices.SortFunc(c.gaps, compareGaps)
	for _, e := range in.Entries {
		copies := e.Copies
		for _, x := range copies {
			c.all[placeOf(x)] = x.Value
		}
		e.Copies = slices.DeleteFunc(slices.Clone(e.Copies), func(x merge.Copy) bool { return !slices.Contains(c.sources, x.Source) })
		if len(e.Copies) == 0 || !c.types[e.Copies[0].Type()] {
			continue
		}
		for _, x := range copies {
			c.at[placeOf(x)] = len(c.entries)
		}
		c.entries = append(c.entries, e)
	}
	return c
}

// stranger tells whether a source answered in full that it has no Patient of the person.
func (c *comparison) stranger(s concord.SourceID) bool {
	if !c.types[fhir.TypePatient] || !c.whole[asked{s, fhir.TypePatient}] {
		return false
	}
	return !slices.ContainsFunc(c.entries, func(e merge.Entry) bool {
		return e.Copies[0].Type() == fhir.TypePatient && slices.ContainsFunc(e.Copies, func(x merge.Copy) bool { return x.Source == s })
	})
}

// event is what there is to say of one event.
func (c *comparison) event(t telling) Event {
	typ := t.copies[0].Type()
	e := Event{
		Priority: priorityOf(typ, t.copies), Type: typ, Title: c.title(t.copies), Date: date(t.copies),
		Missing: []concord.SourceID{}, Unknown: []Unknown{}, Conflicts: t.conflicts, Disagreements: c.disagreements(t),
	}
	for _, x := range t.copies {
		e.In = append(e.In, x.Source)
		e.Copies = append(e.Copies, Copy{x.Source, c.reference(x)})
	}
	slices.Sort(e.In)
	e.In = slices.Compact(e.In)
	slices.SortFunc(e.Copies, func(a, b Copy) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Reference, b.Reference))
	})
	for _, s := range c.sources {
		switch {
		case slices.Contains(e.In, s):
		case !c.whole[asked{s, typ}]:
			e.Unknown = append(e.Unknown, Unknown{s, c.reason(s, typ)})
		case slices.Contains(t.maybe, s):
			e.Unknown = append(e.Unknown, Unknown{s, Duplicate})
		case slices.Contains(t.contrary, s):
			e.Unknown = append(e.Unknown, Unknown{s, Contradicted})
		case e.Title == "" && typ != fhir.TypePatient:
			e.Unknown = append(e.Unknown, Unknown{s, Unidentified})
		default:
			e.Missing = append(e.Missing, s)
		}
	}
	return e
}

// reason is why a source's answer for a type is not whole.
func (c *comparison) reason(s concord.SourceID, t fhir.ResourceType) Reason {
	for _, g := range c.gaps {
		if g.Source == s && g.Type == t {
			return g.Reason
		}
	}
	return Incomplete
}

// reference is Type/id of a copy at the gateway.
func (c *comparison) reference(x merge.Copy) string {
	id := string(x.Source) + "." + x.ID()
	if c.in.Name != nil {
		id = c.in.Name(x)
	}
	return string(x.Type()) + "/" + id
}

// compareEvents orders the worst first: by priority, then what is disputed, then by type; the newest first.
func compareEvents(a, b Event) int {
	if n := cmp.Or(
		cmp.Compare(rankOfPriority(a.Priority), rankOfPriority(b.Priority)),
		cmp.Compare(rankOfType(a.Type), rankOfType(b.Type)),
		-compareBool(a.Disagrees(), b.Disagrees()),
		-strings.Compare(a.Date, b.Date),
	); n != 0 {
		return n
	}
	if n := cmp.Or(strings.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)), strings.Compare(a.Title, b.Title)); n != 0 {
		return n
	}
	return slices.CompareFunc(a.Copies, b.Copies, func(x, y Copy) int {
		return cmp.Or(strings.Compare(string(x.Source), string(y.Source)), strings.Compare(x.Reference, y.Reference))
	})
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func rankOfPriority(p Priority) int {
	return slices.Index([]Priority{Allergy, ActiveMedication, ActiveProblem, Other}, p)
}
