package merge

import "concord/fhir"

// element is one of the elements that rules ask for; each type of a choice is the same element.
type element uint8

const (
	otherElement element = iota
	elImplicitRules
	elModifierExtension
	elMeta
	elContained
	elIdentifier
	elStatus
	elClinicalStatus
	elVerificationStatus
	elIntent
	elDoNotPerform
	elCategory
	elCode
	elType
	elVaccineCode
	elClass
	elSubject
	elEncounter
	elPeriod
	elIssued
	elRecordedDate
	elAuthoredOn
	elDate
	elRequester
	elRecorder
	elPerformer
	elParticipant
	elComponent
	elMethod
	elBodySite
	elSite
	elRoute
	elSpecimen
	elInterpretation
	elReferenceRange
	elDataAbsentReason
	elNote
	elReaction
	elLotNumber
	elDoseQuantity
	elDosageInstruction
	elReasonCode
	elServiceProvider
	elResult
	elPresentedForm
	elWhenHandedOver
	elWhenPrepared
	elDateAsserted
	elValue
	elEffective
	elOnset
	elAbatement
	elPerformed
	elOccurrence
	elMedication
	elements // how many there are
)

// a set of elements is the bits of a uint64
const _ = uint(64 - elements)

// elementOf is the element that name is, or is one type of; otherElement for those that are read by their names.
func elementOf(name string) element {
	switch name {
	case "implicitRules":
		return elImplicitRules
	case "modifierExtension":
		return elModifierExtension
	case "meta":
		return elMeta
	case "contained":
		return elContained
	case "identifier":
		return elIdentifier
	case "status":
		return elStatus
	case "clinicalStatus":
		return elClinicalStatus
	case "verificationStatus":
		return elVerificationStatus
	case "intent":
		return elIntent
	case "doNotPerform":
		return elDoNotPerform
	case "category":
		return elCategory
	case "code":
		return elCode
	case "type":
		return elType
	case "vaccineCode":
		return elVaccineCode
	case "class":
		return elClass
	case "subject":
		return elSubject
	case "encounter":
		return elEncounter
	case "period":
		return elPeriod
	case "issued":
		return elIssued
	case "recordedDate":
		return elRecordedDate
	case "authoredOn":
		return elAuthoredOn
	case "date":
		return elDate
	case "requester":
		return elRequester
	case "recorder":
		return elRecorder
	case "performer":
		return elPerformer
	case "participant":
		return elParticipant
	case "component":
		return elComponent
	case "method":
		return elMethod
	case "bodySite":
		return elBodySite
	case "site":
		return elSite
	case "route":
		return elRoute
	case "specimen":
		return elSpecimen
	case "interpretation":
		return elInterpretation
	case "referenceRange":
		return elReferenceRange
	case "dataAbsentReason":
		return elDataAbsentReason
	case "note":
		return elNote
	case "reaction":
		return elReaction
	case "lotNumber":
		return elLotNumber
	case "doseQuantity":
		return elDoseQuantity
	case "dosageInstruction":
		return elDosageInstruction
	case "reasonCode":
		return elReasonCode
	case "serviceProvider":
		return elServiceProvider
	case "result":
		return elResult
	case "presentedForm":
		return elPresentedForm
	case "whenHandedOver":
		return elWhenHandedOver
	case "whenPrepared":
		return elWhenPrepared
	case "dateAsserted":
		return elDateAsserted
	case "effectiveDateTime":
		return elEffective
	case "valueQuantity":
		return elValue
	}
	return choiceOf(name)
}

// choiceOf is the choice that name is one type of.
func choiceOf(name string) element {
	if len(name) < 6 {
		return otherElement
	}
	switch name[0] {
	case 'v':
		return ofChoice(name, "value", elValue)
	case 'e':
		return ofChoice(name, "effective", elEffective)
	case 'o':
		return max(ofChoice(name, "onset", elOnset), ofChoice(name, "occurrence", elOccurrence))
	case 'a':
		return ofChoice(name, "abatement", elAbatement)
	case 'p':
		return ofChoice(name, "performed", elPerformed)
	case 'm':
		return ofChoice(name, "medication", elMedication)
	}
	return otherElement
}

func ofChoice(name, choice string, e element) element {
	if stem(name, choice) || name == choice {
		return e
	}
	return otherElement
}

// index is where the elements of one resource are, found in one pass: a rule asks for a dozen, and each look would pass
// over most of the others. The last of several types of a choice stands, which is none that FHIR allows.
type index struct {
	v   fhir.Value
	has uint64
	at  [elements]uint16 // places among the members, if it has them
	// shape is the names of what was read last, most often those of what is read next, and their elements.
	shape [24]struct {
		name string
		e    element
	}
}

// read indexes v.
func (x *index) read(v fhir.Value) {
	x.v, x.has = v, 0
	for i, name := range v.Names() {
		var e element
		switch {
		case i >= len(x.shape):
			e = elementOf(name)
		case x.shape[i].name == name:
			e = x.shape[i].e
		default:
			e = elementOf(name)
			x.shape[i].name, x.shape[i].e = name, e
		}
		if e != otherElement {
			x.at[e] = uint16(i) // an object has at most 512 members
			x.has |= 1 << e
		}
	}
}

// el is the element e; absent when there is none.
func (x *index) el(e element) fhir.Value {
	if e == otherElement || x.has&(1<<e) == 0 {
		return fhir.Value{}
	}
	return x.v.Member(int(x.at[e]))
}

// get is the element called name of v, which x is the index of.
func (x *index) get(v fhir.Value, name string) fhir.Value {
	e := elementOf(name)
	if e == otherElement {
		return v.Get(name)
	}
	if m := x.el(e); e < elValue || m.Name() == name {
		return m
	}
	return fhir.Value{}
}
