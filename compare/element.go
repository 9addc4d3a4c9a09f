package compare

import (
	"slices"
	"strings"

	"concord/fhir"
	"concord/merge"
)

// element is one element in which copies of an event may disagree.
type element struct {
	path   string // below the resource, dots between; a name may end in [x]
	aspect Aspect
	// judged tells that the merge looks at it itself: copies that it joined agree there, and those that don't are marked.
	judged bool
	// alike, if any, compares two items of a list of which one in common suffices, such as addresses.
	alike func(a, b fhir.Value) bool
}

// of are the values of the element in v, lists entered; one of them for what does not repeat.
func (e element) of(v fhir.Value) (out []fhir.Value) {
	out = []fhir.Value{v}
	for name := range strings.SplitSeq(e.path, ".") {
		var next []fhir.Value
		for _, x := range out {
			for i := range x.Items() {
				stem, isChoice := strings.CutSuffix(name, "[x]")
				if !isChoice {
					if m := i.Get(name); m.Exists() {
						next = append(next, m)
					}
					continue
				}
				for m := range i.Members() {
					if isChoiceOf(m.Name(), stem) {
						next = append(next, m)
						break
					}
				}
			}
		}
		out = next
	}
	return out
}

// isChoiceOf tells whether name is one of stem[x]'s: the stem and a type.
func isChoiceOf(name, stem string) bool {
	return len(name) > len(stem) && strings.HasPrefix(name, stem) && name[len(stem)] >= 'A' && name[len(stem)] <= 'Z'
}

// elementsOf are the elements of a type in which a disagreement matters to whoever treats the patient, in the order in
// which they are told. When something was written down, by whom and in how many words are not among them: these differ
// everywhere, and mean nothing.
func elementsOf(t fhir.ResourceType) []element {
	switch t {
	case fhir.TypePatient:
		return []element{
			{path: "name", aspect: AboutDemographics, alike: alikeNames},
			{path: "birthDate", aspect: AboutDemographics, judged: true},
			{path: "gender", aspect: AboutDemographics, judged: true},
			{path: "deceased[x]", aspect: AboutDemographics, judged: true},
			{path: "multipleBirth[x]", aspect: AboutDemographics},
			{path: "maritalStatus", aspect: AboutDemographics},
			{path: "address", aspect: AboutDemographics, alike: alikeAddresses},
			{path: "telecom", aspect: AboutDemographics, alike: alikeTelecoms},
		}
	case fhir.TypeAllergyIntolerance:
		return []element{
			{path: "code", aspect: AboutCode, judged: true},
			{path: "type", aspect: AboutValue, judged: true},
			{path: "criticality", aspect: AboutValue, judged: true},
			{path: "clinicalStatus", aspect: AboutStatus},
			{path: "verificationStatus", aspect: AboutStatus},
			{path: "onset[x]", aspect: AboutDate},
		}
	case fhir.TypeCondition:
		return []element{
			{path: "code", aspect: AboutCode, judged: true},
			{path: "severity", aspect: AboutValue, judged: true},
			{path: "stage", aspect: AboutValue},
			{path: "clinicalStatus", aspect: AboutStatus},
			{path: "verificationStatus", aspect: AboutStatus},
			{path: "onset[x]", aspect: AboutDate, judged: true},
			{path: "abatement[x]", aspect: AboutStatus, judged: true},
			{path: "bodySite", aspect: AboutSite, judged: true},
		}
	case fhir.TypeMedicationRequest:
		return []element{
			{path: "medication[x]", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "doNotPerform", aspect: AboutStatus, judged: true},
			{path: "dosageInstruction", aspect: AboutDose, judged: true},
			{path: "dispenseRequest", aspect: AboutDose},
			{path: "authoredOn", aspect: AboutDate},
		}
	case fhir.TypeMedicationStatement:
		return []element{
			{path: "medication[x]", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "dosage", aspect: AboutDose, judged: true},
			{path: "effective[x]", aspect: AboutDate},
		}
	case fhir.TypeMedicationDispense:
		return []element{
			{path: "medication[x]", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "dosageInstruction", aspect: AboutDose, judged: true},
			{path: "quantity", aspect: AboutDose, judged: true},
			{path: "daysSupply", aspect: AboutDose, judged: true},
			{path: "whenHandedOver", aspect: AboutDate},
		}
	case fhir.TypeMedicationAdministration:
		return []element{
			{path: "medication[x]", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "dosage", aspect: AboutDose, judged: true},
			{path: "effective[x]", aspect: AboutDate},
		}
	case fhir.TypeImmunization:
		return []element{
			{path: "vaccineCode", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "doseQuantity", aspect: AboutDose, judged: true},
			{path: "occurrence[x]", aspect: AboutDate, judged: true},
			{path: "site", aspect: AboutSite, judged: true},
		}
	case fhir.TypeObservation:
		return []element{
			{path: "code", aspect: AboutCode, judged: true},
			{path: "value[x]", aspect: AboutValue, judged: true},
			{path: "dataAbsentReason", aspect: AboutValue, judged: true},
			{path: "component", aspect: AboutValue, judged: true},
			{path: "interpretation", aspect: AboutValue},
			{path: "status", aspect: AboutStatus},
			{path: "effective[x]", aspect: AboutDate},
			{path: "bodySite", aspect: AboutSite, judged: true},
		}
	case fhir.TypeDiagnosticReport:
		return []element{
			{path: "code", aspect: AboutCode, judged: true},
			{path: "conclusion", aspect: AboutValue, judged: true},
			{path: "conclusionCode", aspect: AboutValue, judged: true},
			{path: "status", aspect: AboutStatus},
			{path: "effective[x]", aspect: AboutDate},
		}
	case fhir.TypeProcedure:
		return []element{
			{path: "code", aspect: AboutCode, judged: true},
			{path: "outcome", aspect: AboutValue, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "performed[x]", aspect: AboutDate},
			{path: "bodySite", aspect: AboutSite, judged: true},
		}
	case fhir.TypeEncounter:
		return []element{
			{path: "type", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "period", aspect: AboutDate},
		}
	case fhir.TypeDocumentReference:
		return []element{
			{path: "type", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "docStatus", aspect: AboutStatus},
			{path: "content", aspect: AboutValue, judged: true},
			{path: "date", aspect: AboutDate},
		}
	case fhir.TypeServiceRequest:
		return []element{
			{path: "code", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "doNotPerform", aspect: AboutStatus, judged: true},
			{path: "authoredOn", aspect: AboutDate},
			{path: "occurrence[x]", aspect: AboutDate},
			{path: "bodySite", aspect: AboutSite, judged: true},
		}
	case fhir.TypeFamilyMemberHistory:
		return []element{
			{path: "relationship", aspect: AboutCode, judged: true},
			{path: "condition", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "deceased[x]", aspect: AboutValue},
			{path: "born[x]", aspect: AboutDate},
		}
	case fhir.TypeDevice:
		return []element{
			{path: "type", aspect: AboutCode, judged: true},
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "lotNumber", aspect: AboutValue, judged: true},
			{path: "expirationDate", aspect: AboutDate},
		}
	case fhir.TypeCoverage:
		return []element{
			{path: "status", aspect: AboutStatus, judged: true},
			{path: "subscriberId", aspect: AboutValue, judged: true},
			{path: "period", aspect: AboutDate},
		}
	case fhir.TypeGoal:
		return []element{
			{path: "description", aspect: AboutCode, judged: true},
			{path: "lifecycleStatus", aspect: AboutStatus},
			{path: "achievementStatus", aspect: AboutStatus},
			{path: "target", aspect: AboutValue},
		}
	}
	return []element{ // the rest: CarePlan, CareTeam, ImagingStudy, Specimen
		{path: "type", aspect: AboutCode, judged: true},
		{path: "title", aspect: AboutCode},
		{path: "status", aspect: AboutStatus},
		{path: "period", aspect: AboutDate},
		{path: "started", aspect: AboutDate},
		{path: "collection", aspect: AboutDate},
	}
}

// concerns tells whether a mark of the merge is about the element.
func (e element) concerns(c merge.ConflictCode) bool {
	switch c {
	case merge.ConflictValue:
		return e.aspect == AboutValue || e.aspect == AboutDose && (e.path == "quantity" || e.path == "doseQuantity")
	case merge.ConflictStatus:
		return e.aspect == AboutStatus && e.path != "doNotPerform"
	case merge.ConflictNegation:
		return e.aspect == AboutStatus && e.path != "abatement[x]"
	case merge.ConflictDose:
		return e.aspect == AboutDose && e.path != "dispenseRequest"
	case merge.ConflictSite:
		return e.aspect == AboutSite
	case merge.ConflictCoding:
		return e.aspect == AboutCode
	case merge.ConflictBirthDate:
		return e.path == "birthDate"
	case merge.ConflictGender:
		return e.path == "gender"
	case merge.ConflictDeceased:
		return e.path == "deceased[x]"
	}
	return false
}

// whatElements say what an event is, the first that a copy has counts.
func whatElements(t fhir.ResourceType) []string {
	switch t {
	case fhir.TypePatient:
		return []string{"name"}
	case fhir.TypeAllergyIntolerance:
		return []string{"code", "reaction.substance", "reaction.manifestation"}
	case fhir.TypeMedicationRequest, fhir.TypeMedicationStatement, fhir.TypeMedicationDispense, fhir.TypeMedicationAdministration:
		return []string{"medication[x]"}
	case fhir.TypeImmunization:
		return []string{"vaccineCode"}
	case fhir.TypeEncounter:
		return []string{"type", "class"}
	case fhir.TypeDocumentReference:
		return []string{"description", "type"}
	case fhir.TypeFamilyMemberHistory:
		return []string{"condition.code", "relationship"}
	case fhir.TypeDevice:
		return []string{"deviceName.name", "type"}
	case fhir.TypeGoal:
		return []string{"description"}
	case fhir.TypeCarePlan:
		return []string{"title", "category"}
	case fhir.TypeCareTeam:
		return []string{"name", "category"}
	case fhir.TypeCoverage:
		return []string{"type", "payor.display", "subscriberId"}
	case fhir.TypeImagingStudy:
		return []string{"description", "procedureCode", "modality"}
	case fhir.TypeSpecimen:
		return []string{"type"}
	}
	return []string{"code"}
}

// whenElements say when an event was, the first that a copy has counts.
func whenElements(t fhir.ResourceType) []string {
	switch t {
	case fhir.TypePatient, fhir.TypeFamilyMemberHistory, fhir.TypeDevice:
		return nil
	case fhir.TypeAllergyIntolerance, fhir.TypeCondition:
		return []string{"onset[x]", "recordedDate"}
	case fhir.TypeMedicationRequest, fhir.TypeServiceRequest:
		return []string{"authoredOn"}
	case fhir.TypeMedicationDispense:
		return []string{"whenHandedOver", "whenPrepared"}
	case fhir.TypeMedicationStatement:
		return []string{"effective[x]", "dateAsserted"}
	case fhir.TypeImmunization:
		return []string{"occurrence[x]"}
	case fhir.TypeProcedure:
		return []string{"performed[x]"}
	case fhir.TypeDocumentReference:
		return []string{"date"}
	case fhir.TypeImagingStudy:
		return []string{"started"}
	case fhir.TypeSpecimen:
		return []string{"collection.collected[x]", "receivedTime"}
	case fhir.TypeGoal:
		return []string{"start[x]", "statusDate"}
	case fhir.TypeEncounter, fhir.TypeCarePlan, fhir.TypeCareTeam, fhir.TypeCoverage:
		return []string{"period"}
	}
	return []string{"effective[x]", "issued"}
}

// first is the first element of v that has a value among paths, all its values.
func first(v fhir.Value, paths []string) []fhir.Value {
	for _, p := range paths {
		if found := (element{path: p}).of(v); len(found) > 0 {
			return found
		}
	}
	return nil
}

// hasCode tells whether a code, a Coding or a CodeableConcept is one of codes.
func hasCode(v fhir.Value, codes ...string) bool {
	for c := range v.Items() {
		if c.IsString() && slices.Contains(codes, c.Text()) {
			return true
		}
		for x := range c.Get("coding").Items() {
			if slices.Contains(codes, x.Get("code").Text()) {
				return true
			}
		}
	}
	return false
}
