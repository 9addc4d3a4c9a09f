package gateway

import (
	"slices"
	"strings"

	"concord/fhir"
	"concord/merge"
)

// alwaysKept are the elements of each type that R4 demands or that change the meaning of the others; a subset holds them
// whatever was asked (R4 search, 3.1.1.5.9).
var alwaysKept = map[fhir.ResourceType][]string{
	"AllergyIntolerance":       {"patient", "clinicalStatus", "verificationStatus"},
	"CarePlan":                 {"status", "intent", "subject"},
	"CareTeam":                 {"status"},
	"Condition":                {"subject", "clinicalStatus", "verificationStatus"},
	"Coverage":                 {"status", "beneficiary", "payor"},
	"Device":                   {"status"},
	"DiagnosticReport":         {"status", "code"},
	"DocumentReference":        {"status", "content"},
	"Encounter":                {"status", "class"},
	"FamilyMemberHistory":      {"status", "patient", "relationship"},
	"Goal":                     {"lifecycleStatus", "description", "subject"},
	"Immunization":             {"status", "vaccineCode", "patient", "occurrenceDateTime", "occurrenceString", "isSubpotent"},
	"Medication":               {"status"},
	"MedicationAdministration": {"status", "medicationCodeableConcept", "medicationReference", "subject", "effectiveDateTime", "effectivePeriod"},
	"MedicationDispense":       {"status", "medicationCodeableConcept", "medicationReference"},
	"MedicationRequest":        {"status", "intent", "doNotPerform", "medicationCodeableConcept", "medicationReference", "subject"},
	"MedicationStatement":      {"status", "medicationCodeableConcept", "medicationReference", "subject"},
	"Observation":              {"status", "code"},
	"Patient":                  {"active", "deceasedBoolean", "deceasedDateTime", "link"},
	"Procedure":                {"status", "subject"},
	"Provenance":               {"target", "recorded", "agent"},
	"QuestionnaireResponse":    {"status"},
	"ServiceRequest":           {"status", "intent", "doNotPerform", "subject"},
	"Specimen":                 {"status"},
}

// chosen tells whether a member is the element under one of the types of its choice, as valueQuantity is value.
func chosen(member, element string) bool {
	t, ok := strings.CutPrefix(member, element)
	return ok && element != "" && slices.Contains(choiceTypes, t)
}

// choiceTypes are the endings by which R4's choice elements tell their type (R4 formats, 2.6.1).
var choiceTypes = []string{"Address", "Age", "Annotation", "Attachment", "Boolean", "Canonical", "CodeableConcept", "Coding", "Date", "DateTime", "Decimal", "Duration",
	"Identifier", "Instant", "Integer", "Money", "Period", "Quantity", "Range", "Ratio", "Reference", "SampledData", "String", "Time", "Timing", "Uri", "Url"}

// subset appends an entry's resource with the elements that were asked for: nil is all of them. A subset is tagged, so
// that nobody takes it for the whole.
func (r *renderer) subset(out []byte, e *merge.Entry, id string, elements []string) []byte {
	if len(elements) == 0 {
		return r.entry(out, e, id)
	}
	whole, err := fhir.Parse(r.entry(nil, e, id), fhir.Limits{})
	if err != nil {
		return append(out, "null"...) // can't be: it was spliced from what was parsed
	}
	keep := func(name string) bool {
		switch name {
		case "resourceType", "id", "meta", "implicitRules", "modifierExtension":
			return true
		case "text":
			return slices.Contains(elements, "text")
		}
		return elements[0] == allButText || slices.ContainsFunc(elements, func(e string) bool { return e == name || chosen(name, e) }) || slices.Contains(alwaysKept[whole.Type()], name) ||
			len(name) > 1 && name[0] == '_' && slices.Contains(elements, name[1:])
	}
	meta := whole.Get("meta")
	const tag = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`
	sep := byte('{')
	for m := range whole.Members() {
		if !keep(m.Name()) {
			continue
		}
		out = append(append(append(out, sep, '"'), m.Name()...), '"', ':')
		if m == meta {
			out = fhir.Splice(out, meta, []fhir.Edit{fhir.Append(meta.Get("tag"), []byte(tag))})
		} else {
			out = append(out, m.Raw()...)
		}
		sep = ','
	}
	return append(out, '}')
}
