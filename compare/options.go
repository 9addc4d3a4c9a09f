package compare

import (
	"errors"
	"slices"
	"strings"

	"concord"
	"concord/fhir"
)

// Options are the parameters of $compare. The zero value compares everything with everything. Since may tell of a person,
// the rest holds no PHI.
type Options struct {
	// Types narrows what is compared; empty for Types().
	Types []fhir.ResourceType
	// Since leaves out events that were over before that date, a FHIR date or dateTime; "" leaves out none. What has no
	// date stays.
	Since string
	// Sources are what is compared, two or more; empty for all.
	Sources []concord.SourceID
	// Mode is which differences are listed; "" for All.
	Mode Mode
	// Partial compares even if a source did not answer.
	Partial bool
}

// Errors of Options.Set and Options.Check. None holds what was given.
var (
	ErrType    = errors.New("no resource type that can be compared")
	ErrDate    = errors.New("this is no date")
	ErrSource  = errors.New("no such source")
	ErrSources = errors.New("a comparison needs two sources or more")
	ErrMode    = errors.New("the mode is all, conflicts or missing")
	ErrPartial = errors.New("partial is true or false")
)

// Set takes one parameter of the operation: _type, _since, source, mode or partial. ok is false for any other. The error
// is one of this package's, and says what is wrong with the value without the value.
func (o *Options) Set(key, value string) (ok bool, err error) {
	switch key {
	case "_type":
		for t := range strings.SplitSeq(value, ",") {
			t := fhir.ResourceType(strings.TrimSpace(t))
			if !slices.Contains(Types(), t) {
				return true, ErrType
			}
			if !slices.Contains(o.Types, t) {
				o.Types = append(o.Types, t)
			}
		}
	case "_since":
		if _, ok := fhir.ParseDate(value); !ok {
			return true, ErrDate
		}
		o.Since = value
	case "source":
		for s := range strings.SplitSeq(value, ",") {
			s := concord.SourceID(strings.TrimSpace(s))
			if !s.Valid() {
				return true, ErrSource
			}
			if !slices.Contains(o.Sources, s) {
				o.Sources = append(o.Sources, s)
			}
		}
	case "mode":
		m := Mode(value)
		if m != All && m != OnlyConflicts && m != OnlyMissing {
			return true, ErrMode
		}
		o.Mode = m
	case "partial":
		if value != "true" && value != "false" {
			return true, ErrPartial
		}
		o.Partial = value == "true"
	default:
		return false, nil
	}
	return true, nil
}

// Check holds the sources against those that there are, and makes them all when none were named. The error is ErrSource or
// ErrSources.
func (o *Options) Check(known []concord.SourceID) error {
	for _, s := range o.Sources {
		if !slices.Contains(known, s) {
			return ErrSource
		}
	}
	if len(o.Sources) == 0 {
		o.Sources = slices.Clone(known)
	}
	slices.Sort(o.Sources)
	o.Sources = slices.Compact(o.Sources)
	if len(o.Sources) < 2 {
		return ErrSources
	}
	return nil
}

// Wanted are the types to fetch, worst first.
func (o *Options) Wanted() []fhir.ResourceType {
	if len(o.Types) == 0 {
		return Types()
	}
	return slices.DeleteFunc(Types(), func(t fhir.ResourceType) bool { return !slices.Contains(o.Types, t) })
}

// Types are those that can be compared, in the order in which they are told. What a person or a program said at one time
// and place, such as a Consent, is nobody else's to have.
func Types() []fhir.ResourceType {
	return []fhir.ResourceType{
		fhir.TypeAllergyIntolerance, fhir.TypeMedicationRequest, fhir.TypeMedicationStatement, fhir.TypeCondition,
		fhir.TypePatient, fhir.TypeImmunization, fhir.TypeObservation, fhir.TypeDiagnosticReport, fhir.TypeProcedure,
		fhir.TypeMedicationDispense, fhir.TypeMedicationAdministration, fhir.TypeEncounter, fhir.TypeDocumentReference,
		fhir.TypeImagingStudy, fhir.TypeDevice, fhir.TypeFamilyMemberHistory, fhir.TypeServiceRequest, fhir.TypeSpecimen,
		fhir.TypeGoal, fhir.TypeCarePlan, fhir.TypeCareTeam, fhir.TypeCoverage,
	}
}
