package smart

import (
	"concord"
	"concord/fhir"
	"concord/merge"
)

// ownElement is, for a type that R4's compartment leaves out although each resource of it may be one patient's, the
// element that says whose. An implanted device is as much the patient's as a procedure.
func ownElement(t fhir.ResourceType) string {
	switch t {
	case fhir.TypeDevice:
		return "patient"
	case fhir.TypeBinary:
		return "securityContext"
	case "GuidanceResponse":
		return "subject"
	default:
		return ""
	}
}

// ownable tells whether resources of type t can be one patient's.
func ownable(t fhir.ResourceType) bool { return fhir.InPatientCompartment(t) || ownElement(t) != "" }

// byReference tells whether resources of type t may be seen by way of others: those of types outside the compartment from
// what refers to them, and a Provenance, which R4 puts into no compartment unless it is about the Patient itself, from
// what it is about.
func byReference(t fhir.ResourceType) bool {
	return t == fhir.TypeProvenance || !fhir.InPatientCompartment(t)
}

// listsPeople tells whether resources of type t may be about several patients at once. Membership of the one must not
// show the others, so all patients in them must be the context's.
func listsPeople(t fhir.ResourceType) bool {
	switch t {
	case fhir.TypeGroup, fhir.TypeList, fhir.TypeComposition, fhir.TypeBundle, fhir.TypeAppointment, fhir.TypeAuditEvent,
		fhir.TypeProvenance, fhir.TypePerson:
		return true
	default:
		return false
	}
}

// owner is whose patient a reference names.
type owner uint8

const (
	nobody    owner = iota // no patient: a practitioner, a device
	contexts               // a patient of the context
	someone                // another patient, here or anywhere
	uncertain              // contained, a URN, or only a name
)

// isOne tells whether a reference is one of mine, in the form that nearly every reference has.
func isOne(mine []string, text fhir.Value) bool {
	for _, m := range mine {
		if text.Is(m) {
			return true
		}
	}
	return false
}

// ownerOf resolves text, a reference within a resource of source.
func (r *rights) ownerOf(source concord.SourceID, text fhir.Value) owner {
	mine := r.patients[source]
	if isOne(mine, text) {
		return contexts
	}
	ref := fhir.ParseReference(text.Text(), r.context.Bases[source])
	switch {
	case ref.Kind == fhir.LocalReference && ref.Type == fhir.TypePatient:
		for _, m := range mine {
			if m[len("Patient/"):] == ref.ID {
				return contexts
			}
		}
		return someone
	case ref.Type == fhir.TypePatient:
		return someone
	case ref.Kind == fhir.LocalReference, ref.Kind == fhir.ForeignReference && ref.Type != "":
		return nobody
	}
	return uncertain
}

// owns tells whether c is the context patient's, by its content: it is in the compartment of R4 by some element, and none
// of the elements that say whom a resource is about says somebody else. So what a mother measured on her child is not
// shown under the mother's context, although she is its performer.
func (r *rights) owns(t fhir.ResourceType, c merge.Copy) bool {
	if t == fhir.TypePatient {
		id := c.Get("id")
		for _, m := range r.patients[c.Source] {
			if id.Is(m[len("Patient/"):]) {
				return !r.namesOthers(t, c)
			}
		}
		return false
	}
	return r.inCompartment(t, c) && !r.namesOthers(t, c)
}

func (r *rights) inCompartment(t fhir.ResourceType, c merge.Copy) bool {
	if e := ownElement(t); e != "" {
		return r.ownerOf(c.Source, c.Path(e, "reference")) == contexts
	}
	mine := r.patients[c.Source]
	for ref := range fhir.PatientReferences(c.Resource) { // nearly always one is written so, and the others need no reading
		if isOne(mine, ref) {
			return true
		}
	}
	for ref := range fhir.PatientReferences(c.Resource) {
		if r.ownerOf(c.Source, ref) == contexts {
			return true
		}
	}
	return false
}

// namesOthers tells whether c, or a resource contained in it, is about another patient, or lists one.
func (r *rights) namesOthers(t fhir.ResourceType, c merge.Copy) bool {
	if r.aboutOthers(c.Source, c.Value) {
		return true
	}
	for in := range c.Get("contained").Items() {
		if in.Get("resourceType").Is(string(fhir.TypePatient)) || r.aboutOthers(c.Source, in) {
			return true
		}
	}
	if listsPeople(t) {
		for ref := range c.References() {
			if r.ownerOf(c.Source, ref) == someone {
				return true
			}
		}
	}
	return false
}

// aboutOthers looks at the elements that say whom a resource is about. One that can't be resolved counts as another.
func (r *rights) aboutOthers(source concord.SourceID, v fhir.Value) bool {
	for m := range v.Members() { // one pass: it is done for every copy of an answer
		if !saysWhom(m.Name()) {
			continue
		}
		for about := range m.Items() {
			if !about.IsObject() {
				continue // an element of another kind by that name
			}
			if o := r.ownerOf(source, about.Get("reference")); o != contexts && o != nobody {
				return true
			}
		}
	}
	return false
}

// saysWhom tells of the elements that say whom a resource is about.
func saysWhom(element string) bool {
	switch element {
	case "subject", "patient", "for", "beneficiary", "candidate", "individual":
		return true
	}
	return false
}
