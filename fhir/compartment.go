package fhir

import (
	"iter"
	"sort"
)

// typeLinks is the paths to the references of a type that put it into a Patient compartment.
type typeLinks struct {
	typ   string
	paths []string
}

// linksOf is the paths of type t; nil when R4's compartment has no link for it.
func linksOf(t string) []string {
	i := sort.Search(len(patientLinks), func(i int) bool { return patientLinks[i].typ >= t })
	if i < len(patientLinks) && patientLinks[i].typ == t {
		return patientLinks[i].paths
	}
	return nil
}

// InPatientCompartment tells whether resources of type t can be in a patient's compartment
// (https://hl7.org/fhir/R4/compartmentdefinition-patient.html): 67 types have a link, Patient among them.
func InPatientCompartment(t ResourceType) bool { return linksOf(string(t)) != nil }

// PatientReferences is the text of every reference of r by which it could be in a patient's compartment: each
// Reference.reference of the elements that R4's CompartmentDefinition for Patient names, whatever type it goes to. A
// Patient is in its own compartment by its id too, which is not among them. Nothing comes for a type that has no link.
func PatientReferences(r Resource) iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for _, at := range linksOf(r.Get("resourceType").Text()) {
			if !walk(r.Value, at, func(v Value) bool {
				ref := v.Get("reference")
				return !ref.IsString() || yield(ref)
			}) {
				return
			}
		}
	}
}
