package merge

import "concord/fhir"

// Rule says, for the copies of one resource type, which of them record one event. It is pure and total, and passes
// the properties of this package's tests: Compare is symmetric, and two copies that it does not call Distinct share a
// key, once both were read with what the other copies of the record say.
type Rule interface {
	// Name is the rule's name in explanations, such as "Observation"; no PHI.
	Name() string
	// Read reads what Compare needs of a copy; once, or again when what it is called can be looked up. A copy without keys
	// is never merged.
	Read(c Copy, w *World) Facts
	// Compare says what two copies are to each other. It is asked only for copies that share a key.
	Compare(a, b *Facts) Verdict
}

// Key is a digest of what copies of one event have in common. Equal keys make copies candidates, and no more.
type Key uint64

// Facts are what a rule reads of one copy. PHI.
type Facts struct {
	Copy
	world *World
	// has tells which elements there are, if indexed.
	has uint64
	// standing tells whether it happened at all.
	standing standing
	// absent tells that the copy says of nothing that there is any: "no known allergy".
	absent absence
	// Entity tells that several records of one source may have a business identifier in common and yet all mean it, as
	// those of a practitioner do. An event's identifier that a source gives twice is taken for that of a whole order.
	Entity  bool
	indexed bool
	// looksUp tells that what it is called is to be looked up in the glossary.
	looksUp bool
	// visit is the number of the encounter that it belongs to, as far as those were merged; 0 when not known.
	visit int32
	// flags are the rule's own.
	flags uint32
	// what says what the event is, when its time.
	what *concept
	when moment
	// status is a digest of the status, 0 for none; measure what came out, where that is a quantity.
	status  Key
	measure measure
	// self is what copies that were imported from this one have among their IDs.
	self Key
	// IDs are the keys, among Keys, of business identifiers and of the places that copies were imported from.
	IDs []Key
	// Keys are those under which the copy is found and looks for others.
	Keys []Key
	// Seek are further keys under which the copy looks for others, and is not found: a result at 10:32 looks for one
	// that has only the day, without being compared with all others of the day.
	Seek []Key
}

// Get is the element called name.
func (f *Facts) Get(name string) fhir.Value {
	if e := elementOf(name); f.indexed && e != otherElement && f.has&(1<<e) == 0 {
		return fhir.Value{}
	}
	return f.Copy.Get(name)
}

// choice is the element of a choice such as value[x], whichever type it has.
func (f *Facts) choice(name string) fhir.Value {
	if e := elementOf(name); f.indexed && e != otherElement && f.has&(1<<e) == 0 {
		return fhir.Value{}
	}
	return choice(f.Value, name)
}

// Relation is what two copies are to each other. The zero value is Distinct.
type Relation uint8

// The relations. Same at several strengths: the strongest are joined first.
const (
	Distinct Relation = iota
	Conflict          // one event, told in ways that exclude each other
	Loosely           // the same, if neither has another candidate
	Nearly            // the same within the rule's tolerance
	Exactly           // the same
)

// String is the relation's word in explanations: "exactly", "nearly", "loosely"; "" for those that join nothing.
func (r Relation) String() string {
	if int(r) < len(strengths) {
		return strengths[r]
	}
	return ""
}

// Verdict is the answer of Compare.
type Verdict struct {
	// Agreed is what both say, and say alike.
	Agreed Evidence
	// In is in what they disagree, only with Conflict; Sure is what the relation would be without that.
	In       ConflictCode
	Relation Relation
	Sure     Relation
}

// Default is a rule for each resource type that copies can be merged of; others are never merged: what a person or a
// program said at one time and place, such as a QuestionnaireResponse, a Consent or a Provenance, is never the same.
func Default() map[fhir.ResourceType]Rule {
	out := map[fhir.ResourceType]Rule{
		fhir.TypeAllergyIntolerance:       allergyIntolerance(),
		fhir.TypeBinary:                   binaryRule{},
		fhir.TypeCondition:                condition(),
		fhir.TypeCoverage:                 coverage(),
		fhir.TypeDevice:                   device(),
		fhir.TypeDiagnosticReport:         diagnosticReport(),
		fhir.TypeDocumentReference:        documentReference(),
		fhir.TypeEncounter:                encounter(),
		fhir.TypeFamilyMemberHistory:      familyMemberHistory(),
		fhir.TypeImagingStudy:             imagingStudy(),
		fhir.TypeImmunization:             immunization(),
		fhir.TypeLocation:                 location(),
		fhir.TypeMedication:               medication(),
		fhir.TypeMedicationAdministration: medicationAdministration(),
		fhir.TypeMedicationDispense:       medicationDispense(),
		fhir.TypeMedicationRequest:        medicationRequest(),
		fhir.TypeMedicationStatement:      medicationStatement(),
		fhir.TypeObservation:              observation(),
		fhir.TypeOrganization:             organization(),
		fhir.TypePractitioner:             practitioner(),
		fhir.TypeProcedure:                procedure(),
		fhir.TypeServiceRequest:           serviceRequest(),
		fhir.TypeSpecimen:                 specimen(),
	}
	for _, t := range plans() {
		out[t] = identified{typ: t, content: true}
	}
	for _, t := range claims() {
		out[t] = identified{typ: t}
	}
	return out
}
