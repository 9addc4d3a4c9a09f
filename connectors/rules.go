package connectors

import (
	"concord"
	"concord/fhir"
)

// Rules are what is particular to a vendor, as data. A vendor's package holds one; it is never changed after New.
type Rules struct {
	// Types are the types that the vendor has.
	Types map[fhir.ResourceType]TypeRule
	// PageSize is the _count asked for, where a type does not say otherwise.
	PageSize int
	// ForbidsGaps: a question that lacks a required parameter is refused with 403, so a 403 to a search without a category
	// is tried again with one.
	ForbidsGaps bool
	Single      bool
	// ClosedDates tells that dates go as closed intervals with a time of day.
	ClosedDates bool
	// Patients are the parameters of a search of Patients.
	Patients PatientRule
	// CodeSystem begins the system of the vendor's own outcome codes; Codes are what they mean.
	CodeSystem string
	Codes      map[string]Meaning
	// MergedRedirect tells that a read of a merged patient is answered with a redirect to the survivor.
	MergedRedirect bool
	// SmallerPages tells that a record which lacks something required fails the whole page (HTTP 500, issue code
	// required), so that smaller pages get more.
	SmallerPages bool
	// Practice is the parameter that names the practice in every search, when one is configured; "" for none.
	Practice string
	// Foreign tells that an id belongs to another practice than the configured one. nil: none does.
	Foreign func(practice, id string) bool
}

// TypeRule is how one resource type is searched by patient.
type TypeRule struct {
	// ReadOnly tells that the type can't be searched by patient.
	ReadOnly bool
	// Narrow are token parameters that the source is known to apply as FHIR defines them.
	Narrow []string
	// Dates are date parameters of that sort. They go upstream a day wider at each end, since a date without a zone is
	// another instant elsewhere.
	Dates []string
	// Always are parameters that every search needs, and their values; the client's own value of one goes in its place
	// where Narrow has it.
	Always map[string]string
	// Split are values of category, of which a source that demands a category is asked one at a time.
	Split []string
	// MaxCount bounds _count; 0 leaves it to the vendor's page size, and a negative one sends none.
	MaxCount int
	// Provenance tells that _revinclude=Provenance:target works.
	Provenance bool
}

// PatientRule is how Patients are searched without knowing one.
type PatientRule struct {
	// Params are the parameters that the source takes, and the name that each goes by there.
	Params map[string]string
	// Systems tells that an identifier needs its system.
	Systems bool
	// WholeDates tells that birthdate must be one whole date without a prefix.
	WholeDates bool
	// Enough tells whether the parameters left, by their names at the source, are such that the source will answer.
	Enough func(has func(name string) bool) bool
	// MaxCount is the _count asked for; 0 sends none.
	MaxCount int
}

// parameters that Rules name in code
const (
	paramPatient  = "patient"
	paramCategory = "category"
	paramCount    = "_count"
	paramID       = "_id"
)

// supports tells whether the vendor has t at all.
func (r *Rules) supports(t fhir.ResourceType) bool {
	_, ok := r.Types[t]
	return ok
}

// unsupported is the fault for a question that is not sent, since the source would refuse it.
func unsupported(op string, source concord.SourceID) *concord.Fault {
	return &concord.Fault{Op: op, Kind: concord.Unsupported, Source: source}
}
