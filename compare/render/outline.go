package render

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"concord"
	"concord/compare"
	"concord/fhir"
)

// outline is a report in the parts in which people read it.
type outline struct {
	compare.Report
	Headline string
	Known    []source
	Unknowns []unknowns
	// Strangers are notes on sources that don't know the person; Groups the events by heading.
	Strangers, Groups []group
}

// source is a line of the table of sources.
type source struct{ Name, Events, Only, Missing string }

// unknowns are what sources did not say for one reason.
type unknowns struct {
	Source, Words string
	types         []string
}

// Types are the types, or how many there are.
func (u unknowns) Types() string {
	if len(u.types) > 8 {
		return plural(len(u.types), "resource type")
	}
	return strings.Join(u.types, ", ")
}

// group is the events under one heading.
type group struct {
	Heading string
	Events  []compare.Event
	Note    string // in place of events
}

func outlineOf(r compare.Report) outline {
	o := outline{Report: r, Headline: headline(r)}
	var strangers []concord.SourceID
	for _, s := range r.Sources {
		o.Known = append(o.Known, source{string(s.Name), strconv.Itoa(s.Events), strconv.Itoa(s.Only), strconv.Itoa(s.Missing)})
		if s.Stranger {
			strangers = append(strangers, s.Name)
			o.Strangers = append(o.Strangers, group{Note: string(s.Name) + " does not know this patient, and so lacks everything below."})
		}
	}
	for _, g := range r.Gaps {
		words := g.Reason.Words()
		i := slices.IndexFunc(o.Unknowns, func(u unknowns) bool { return u.Source == string(g.Source) && u.Words == words })
		if i < 0 {
			i = len(o.Unknowns)
			o.Unknowns = append(o.Unknowns, unknowns{Source: string(g.Source), Words: words})
		}
		o.Unknowns[i].types = append(o.Unknowns[i].types, string(g.Type))
	}
	left := 0
	for _, e := range r.Events {
		if len(strangers) > 0 && !e.Disagrees() && e.Type != fhir.TypePatient && !slices.ContainsFunc(e.Missing, func(s concord.SourceID) bool { return !slices.Contains(strangers, s) }) {
			left++ // said once, of the source
			continue
		}
		h := heading(e)
		if n := len(o.Groups); n == 0 || o.Groups[n-1].Heading != h {
			o.Groups = append(o.Groups, group{Heading: h})
		}
		g := &o.Groups[len(o.Groups)-1]
		g.Events = append(g.Events, e)
	}
	if left > 0 {
		o.Groups = append(o.Groups, group{Heading: "Not listed", Note: plural(left, "event") + " missing only from " + join(strangers) + ", where nobody knows the patient"})
	}
	return o
}

// headline is the whole report in a sentence.
func headline(r compare.Report) string {
	events, disagree, missing := 0, 0, 0
	for _, t := range r.Types {
		events += t.Events
	}
	for _, e := range r.Events {
		if e.Disagrees() {
			disagree++
		}
		if len(e.Missing) > 0 {
			missing++
		}
	}
	if len(r.Events) == 0 {
		s := "No differences in " + plural(events, "event")
		if len(r.Gaps) > 0 {
			s += ", as far as is known"
		}
		return s + "."
	}
	var parts []string
	if disagree > 0 || r.Mode == compare.OnlyConflicts {
		parts = append(parts, plural(disagree, "disagreement"))
	}
	if missing > 0 || r.Mode == compare.OnlyMissing {
		parts = append(parts, strconv.Itoa(missing)+" missing somewhere")
	}
	return strconv.Itoa(len(r.Events)) + " of " + plural(events, "event") + " differ: " + strings.Join(parts, ", ") + "."
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

func join(all []concord.SourceID) string {
	s := make([]string, len(all))
	for i, x := range all {
		s[i] = string(x)
	}
	return strings.Join(s, ", ")
}

// subtitle is what was compared and how.
func (o outline) subtitle() string {
	names := make([]concord.SourceID, len(o.Sources))
	for i, s := range o.Sources {
		names[i] = s.Name
	}
	out := "Compared: " + join(names)
	if o.Since != "" {
		out += "; since " + o.Since
	}
	switch o.Mode {
	case compare.OnlyConflicts:
		out += "; disagreements only"
	case compare.OnlyMissing:
		out += "; what is missing only"
	case compare.All:
	}
	return out + "."
}

// unknownWords says of which sources it can't be told whether they have an event.
func unknownWords(e compare.Event) string {
	var parts []string
	for _, u := range e.Unknown {
		parts = append(parts, string(u.Source)+" "+u.Reason.Words())
	}
	return strings.Join(parts, "; ")
}

// marks are the words for what a merge's marks say that no element shows.
func marks(e compare.Event) string {
	if len(e.Disagreements) > 0 || len(e.Conflicts) == 0 {
		return ""
	}
	s := make([]string, len(e.Conflicts))
	for i, c := range e.Conflicts {
		s[i] = string(c)
	}
	return "the copies exclude each other: " + strings.Join(s, ", ")
}

func titleOf(e compare.Event) string {
	if t := plain(e.Title); t != "" {
		return t
	}
	return "(without a name)"
}

func toldText(t compare.Told) string {
	if s := plain(t.Text); s != "" {
		return s
	}
	return "(not said)"
}

// heading is where an event stands.
func heading(e compare.Event) string {
	switch e.Priority {
	case compare.Allergy:
		return "Allergies"
	case compare.ActiveMedication:
		return "Active medications"
	case compare.ActiveProblem:
		return "Active problems"
	case compare.Other:
	}
	switch e.Type {
	case fhir.TypePatient:
		return "The person"
	case fhir.TypeMedicationRequest, fhir.TypeMedicationStatement:
		return "Other medications"
	case fhir.TypeCondition:
		return "Other problems and diagnoses"
	case fhir.TypeImmunization:
		return "Immunizations"
	case fhir.TypeObservation:
		return "Results and vital signs"
	case fhir.TypeDiagnosticReport:
		return "Reports"
	case fhir.TypeProcedure:
		return "Procedures"
	case fhir.TypeMedicationDispense:
		return "Medications dispensed"
	case fhir.TypeMedicationAdministration:
		return "Medications given"
	case fhir.TypeEncounter:
		return "Encounters"
	case fhir.TypeDocumentReference:
		return "Documents"
	case fhir.TypeImagingStudy:
		return "Imaging"
	case fhir.TypeDevice:
		return "Devices"
	case fhir.TypeFamilyMemberHistory:
		return "Family history"
	case fhir.TypeServiceRequest:
		return "Orders"
	case fhir.TypeSpecimen:
		return "Specimens"
	case fhir.TypeGoal:
		return "Goals"
	case fhir.TypeCarePlan:
		return "Care plans"
	case fhir.TypeCareTeam:
		return "Care teams"
	case fhir.TypeCoverage:
		return "Coverage"
	}
	return string(e.Type)
}

// plain is s in one line, without anything that could command a terminal or turn the direction of writing.
func plain(s string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar, unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == 0xfeff, unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(clean), " ")
}
