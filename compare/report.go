package compare

import (
	"concord"
	"concord/fhir"
	"concord/merge"
)

// Report is one person's record compared across sources, worst first. It is symmetric in the sources: none is the right
// one. PHI.
type Report struct {
	// Patient is the person's id at the gateway. PHI.
	Patient string `json:"patient"`
	// Mode is which differences are listed.
	Mode Mode `json:"mode"`
	// Since is the date before which events were left out, as it was asked for; "" for none.
	Since string `json:"since,omitempty"`
	// Sources are what was compared, sorted by name.
	Sources []Source `json:"sources"`
	// Types are the resource types that were compared, sorted worst first.
	Types []Type `json:"types"`
	// Gaps are what could not be known, sorted by source and type.
	Gaps []Gap `json:"gaps"`
	// Events are those that differ, worst first.
	Events []Event `json:"events"`
}

// Differs tells whether the report lists any difference.
func (r Report) Differs() bool { return len(r.Events) > 0 }

// Source is how one source stands against the others. It holds no PHI.
type Source struct {
	Name concord.SourceID `json:"name"`
	// Events is how many events it has a copy of, Only how many of them nobody else has, as far as all others are known.
	Events int `json:"events"`
	Only   int `json:"only"`
	// Missing is how many events of others it lacks.
	Missing int `json:"missing"`
	// Stranger tells that it does not know the person: it answered in full, has no Patient, and no copy of anything.
	Stranger bool `json:"stranger,omitempty"`
}

// Type is what came out for one resource type. The counts are of events, whatever the Mode is. It holds no PHI.
type Type struct {
	Type   fhir.ResourceType `json:"type"`
	Events int               `json:"events"`
	// Same events are at all sources, and the copies agree.
	Same int `json:"same"`
	// Missing events are missing from some source, Disagree are told in different ways; an event may be both.
	Missing  int `json:"missing"`
	Disagree int `json:"disagree"`
	// Unknown events show no difference, and may have one: a source did not say all.
	Unknown int `json:"unknown"`
}

// Gap is what one source did not say of one type. It holds no PHI.
type Gap struct {
	Source concord.SourceID  `json:"source"`
	Type   fhir.ResourceType `json:"type"`
	Reason Reason            `json:"reason"`
}

// Event is one event, or the person, that is not the same everywhere. PHI.
type Event struct {
	Priority Priority          `json:"priority"`
	Type     fhir.ResourceType `json:"type"`
	// Title says what it is, in the sources' words; "" when none has any.
	Title string `json:"title,omitempty"`
	// Date is when it was, as a source stated it; "" when none did.
	Date string `json:"date,omitempty"`
	// In are the sources that have a copy, Missing those that certainly have none; both sorted.
	In      []concord.SourceID `json:"in"`
	Missing []concord.SourceID `json:"missing"`
	// Unknown are the other sources, and why it can't be told, sorted by source.
	Unknown []Unknown `json:"unknown"`
	// Conflicts are the marks of the merge: in what the copies exclude each other. Sorted.
	Conflicts []merge.ConflictCode `json:"conflicts"`
	// Disagreements are the elements in which copies differ, in the order of the type's elements.
	Disagreements []Disagreement `json:"disagreements"`
	// Copies are all copies of it, sorted by source and reference.
	Copies []Copy `json:"copies"`
}

// Disagrees tells whether copies of the event differ.
func (e Event) Disagrees() bool { return len(e.Disagreements)+len(e.Conflicts) > 0 }

// Unknown is a source of which it can't be told whether it has an event. It holds no PHI.
type Unknown struct {
	Source concord.SourceID `json:"source"`
	Reason Reason           `json:"reason"`
}

// Copy names one source's copy. PHI.
type Copy struct {
	Source concord.SourceID `json:"source"`
	// Reference is Type/id at the gateway.
	Reference string `json:"reference"`
}

// Disagreement is one element that copies of an event give differently. PHI.
type Disagreement struct {
	// Path is the element as FHIR names it, such as "Observation.value[x]".
	Path string `json:"path"`
	// Aspect is what the element is about.
	Aspect Aspect `json:"aspect"`
	// Told is what each copy that has the element says, sorted by source and reference.
	Told []Told `json:"told"`
}

// Told is what one copy says. PHI.
type Told struct {
	Source concord.SourceID `json:"source"`
	// Reference is the copy, as in Copy.
	Reference string `json:"reference"`
	// Text is the element's value in words and digits as the source sent them; "" when the copy does not have the element
	// and that is what differs, such as a result against a reason why there is none.
	Text string `json:"text,omitempty"`
}

// Mode is which differences a Report lists, from a closed set. The zero value is not a mode; All is the default.
type Mode string

// The modes.
const (
	All           Mode = "all"
	OnlyConflicts Mode = "conflicts" // copies that disagree
	OnlyMissing   Mode = "missing"   // events that a source lacks
)

// Priority says how bad it is when an event is not known everywhere, from a closed set, worst first.
type Priority string

// The priorities.
const (
	Allergy          Priority = "allergy"
	ActiveMedication Priority = "active-medication"
	ActiveProblem    Priority = "active-problem"
	Other            Priority = "other"
)

// Aspect says what an element that copies disagree in is about, from a closed set.
type Aspect string

// The aspects.
const (
	AboutValue        Aspect = "value"
	AboutStatus       Aspect = "status"
	AboutDose         Aspect = "dose"
	AboutDate         Aspect = "date"
	AboutCode         Aspect = "code"
	AboutSite         Aspect = "site"
	AboutDemographics Aspect = "demographics"
)

// Reason says why something can't be told, from a closed set.
type Reason string

// The reasons. The first seven are those of the gateway's outcome issues.
const (
	Timeout      Reason = "timeout"       // the source did not answer in time
	Transient    Reason = "transient"     // it can't be reached
	Throttled    Reason = "throttled"     // it refuses more requests
	Forbidden    Reason = "forbidden"     // it does not let the gateway read this
	Exception    Reason = "exception"     // it failed
	Incomplete   Reason = "incomplete"    // only a part could be read
	NotSupported Reason = "not-supported" // it has no such type

	Limited      Reason = "limited"            // the caller's token covers only a part of the type
	Duplicate    Reason = "possible-duplicate" // the source has something that may be the event
	Unidentified Reason = "unidentified"       // the copy says too little to look for others
	Contradicted Reason = "contradicted"       // the source has what the event says there is none of
)

// standing tells of reasons that no second try does away with, and that therefore do not refuse a comparison: the type is
// compared among the others, and unknown there.
func (r Reason) standing() bool { return r == NotSupported || r == Limited }

// Words says a reason as a sentence goes on after the source's name; no PHI.
func (r Reason) Words() string {
	switch r {
	case Timeout:
		return "did not answer in time"
	case Transient:
		return "could not be reached"
	case Throttled:
		return "refused further requests"
	case Forbidden:
		return "does not let this be read"
	case Incomplete:
		return "answered in part only"
	case NotSupported:
		return "does not offer this"
	case Limited:
		return "may be read in part only with this token"
	case Duplicate:
		return "has something that may be the same"
	case Unidentified:
		return "can't be searched for it: the copy says too little"
	case Contradicted:
		return "has what this says there is none of"
	case Exception:
	}
	return "failed"
}
