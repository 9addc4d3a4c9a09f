package federation

import (
	"context"
	"errors"
	"time"

	"concord"
	"concord/fhir"
)

// About is what a connector says of its source. It holds no PHI and no secret.
type About struct {
	Source concord.SourceID
	Base   string        // the FHIR base, without a slash at its end: what the source's own references may begin with
	Budget time.Duration // the whole time that this source has within one request
}

// Connector speaks to one EHR. It is safe for concurrent use and passes connectortest.Run. Its errors are *concord.Fault
// of every Kind but Unknown and Conflict; none holds PHI in its text.
type Connector interface {
	About() About
	// Supports tells whether the source has resources of type t that can be asked for.
	Supports(t fhir.ResourceType) bool
	// Search asks the source and follows its pages to the end. With an error, Page holds what was read before it, and
	// the Fault's Kind is Incomplete when at least one page was whole. A source whose parameters must be split over
	// several searches gives one Page all the same, each resource once, the newest version of it.
	Search(ctx context.Context, q Query) (Page, error)
	// Read reads one resource by its logical id at the source. A Binary that the source gives as plain content comes as
	// a Binary resource. NotFound when there is none; Moved, with the survivor in Fault.Err as a *MovedTo, when the
	// source has merged the patient into another.
	Read(ctx context.Context, t fhir.ResourceType, id string) (fhir.Resource, error)
}

// Creator files new resources at one EHR. It is safe for concurrent use. A create is sent once, whatever happens.
type Creator interface {
	// Create files body, a resource of type t without an id. Its error is a *concord.Fault; when whether the resource was
	// filed can't be told, it is an ErrUnsure by errors.Is.
	Create(ctx context.Context, t fhir.ResourceType, body []byte) (Created, error)
}

// Created is what a source made of a new resource. It holds PHI.
type Created struct {
	ID       string        // at the source
	Resource fhir.Resource // as the source gave it back; the zero Resource when it did not
}

// ErrUnsure is the cause of a Fault of a create that may have been done all the same.
var ErrUnsure = errors.New("whether the resource was filed is not known")

// MovedTo is the cause of a Fault of Kind Moved.
type MovedTo struct {
	Ref concord.PatientRef // the patient that survived at the same source
}

// Error says no id.
func (m *MovedTo) Error() string { return "moved to " + m.Ref.String() }

// Query is one search at one source. It holds PHI.
type Query struct {
	Type fhir.ResourceType
	// Patient is whose resources are asked for; zero only for a search of Patients by demographics, or of other types
	// by _id.
	Patient concord.PatientRef
	// Params narrow the search, names and values as the client gave them (unescaped at most once, by the URL). For a
	// search with a Patient a connector sends those of them that the source is known to apply as FHIR defines them, and
	// leaves the rest: the Federator applies all of them again to what comes back. For a search of Patients it sends as
	// many as the source takes.
	Params []Param
	// Provenance asks for _revinclude=Provenance:target where the source has it.
	Provenance bool
}

// Param is one search parameter: key with its modifier, such as "code:not", and value as on the URL after one decoding.
type Param struct{ Key, Value string }

// Page is what a search brought: all pages of it.
type Page struct {
	Matches  []fhir.Resource // entries of the type asked for
	Included []fhir.Resource // entries that came with them, such as Provenance
	Notes    []Note          // what the source said about its own answer
	Requests int             // HTTP requests made, retries not counted
}

// NoteCode is what a source says about its own answer, from a closed set.
type NoteCode string

// The notes.
const (
	NoteDisclaimer NoteCode = "disclaimer"    // a standing caution, such as Epic's 4119; makes nothing incomplete
	NoteIgnored    NoteCode = "param-ignored" // it ignored a parameter; harmless, since the Federator filters
	NoteWithheld   NoteCode = "withheld"      // it says that it withholds data, such as Epic's 59204: incomplete
	NoteOther      NoteCode = "other"         // a warning that we do not know: incomplete, to be safe
	NoteByCategory NoteCode = "by-category"   // it can be searched by category only, and was, by all that it is known to take
	NoteDropped    NoteCode = "dropped"       // it sent what was not asked for, which was dropped: incomplete
)

// Incomplete tells whether the note says that data are missing.
func (n NoteCode) Incomplete() bool {
	return n == NoteWithheld || n == NoteOther || n == NoteDropped
}

// Note is one such statement; it holds no text of the source.
type Note struct{ Code NoteCode }
