package merge

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"concord/fhir"
)

// Aspect is what an element is about, from a closed set.
type Aspect string

// The aspects, in the order in which Align gives them.
const (
	AspectCode         Aspect = "code"         // what it is
	AspectStatus       Aspect = "status"       // whether it happened, is there, or is meant
	AspectDate         Aspect = "date"         // when, and when it was written down
	AspectValue        Aspect = "value"        // what came out
	AspectDose         Aspect = "dose"         // how much, how often, by which route
	AspectSite         Aspect = "site"         // where on the body
	AspectDemographics Aspect = "demographics" // of a person
	AspectIdentifier   Aspect = "identifier"   // business identifiers, lots, serial numbers
	AspectWho          Aspect = "who"          // who took part
	AspectContext      Aspect = "context"      // of whom, at which visit, why, as what
	AspectNote         Aspect = "note"         // notes, reactions
	AspectOther        Aspect = "other"
)

// Agreement is how the copies that have an element say it, from a closed set.
type Agreement string

// The agreements. Of several copies the worst of any two counts, in this order from the best.
const (
	AgreeOnly    Agreement = "only"         // one copy has it
	AgreeSame    Agreement = "same"         // to the byte
	AgreeAlike   Agreement = "alike"        // in other words, zones, units, or to another precision
	AgreeUnknown Agreement = "incomparable" // nothing in them can be compared, such as each source's own references
	AgreeDiffer  Agreement = "differs"
)

// Row is one element as copies tell it. PHI.
type Row struct {
	// Element is its name at the top of the resource; of a choice "value[x]".
	Element string
	Aspect  Aspect
	// Agreement is between the copies that have it; those that lack it don't count.
	Agreement Agreement
	// Cells are what each copy has, in the order of the copies; absent where one has it not.
	Cells []fhir.Value
}

// Align puts what copies of one type tell beside each other, element by element, compared by meaning as the merge does: an
// entry's own Copies, those of two entries that disagree, or the Patients of a person. Rows are sorted by aspect and element,
// whatever the order of the copies. Left out are id, meta, narrative, extensions and contained resources.
func Align(copies []Copy) []Row {
	rows := map[string]*Row{}
	for i, c := range copies {
		for m := range c.Members() {
			n := elementName(m.Name())
			if !movable(m.Name()) {
				continue
			}
			r := rows[n]
			if r == nil {
				r = &Row{Element: n, Aspect: aspectOf(n), Cells: make([]fhir.Value, len(copies))}
				rows[n] = r
			}
			r.Cells[i] = m
		}
	}
	out := make([]Row, 0, len(rows))
	for _, r := range rows {
		r.Agreement = agreementOf(r.Element, r.Cells)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Aspect.order(), b.Aspect.order()), strings.Compare(a.Element, b.Element))
	})
	return out
}

// elementName is the name of an element, whichever type of its choice it has.
func elementName(name string) string {
	for _, c := range choices() {
		if stem(name, c) && name != "startDate" && name != "ageString" {
			return c + "[x]"
		}
	}
	return name
}

// agreementOf is the worst agreement between any two cells.
func agreementOf(element string, cells []fhir.Value) Agreement {
	worst := AgreeOnly
	for i, x := range cells {
		for _, y := range cells[i+1:] {
			if x.Exists() && y.Exists() {
				worst = worse(worst, cellsAgree(element, x, y))
			}
		}
	}
	return worst
}

func worse(a, b Agreement) Agreement {
	if b.order() > a.order() {
		return b
	}
	return a
}

func (a Agreement) order() int {
	return slices.Index([]Agreement{AgreeOnly, AgreeSame, AgreeAlike, AgreeUnknown, AgreeDiffer}, a)
}

func cellsAgree(element string, x, y fhir.Value) Agreement {
	if x.Name() == y.Name() && bytes.Equal(x.Raw(), y.Raw()) {
		return AgreeSame
	}
	var a agreement
	switch {
	case element == "dosage" && x.IsArray(), element == "dosageInstruction":
		a = dosages(x, y)
	case unites(element) && x.IsArray() && y.IsArray():
		a = listsAgree(element, x, y)
	case refersTo(x) || refersTo(y):
		a = namesAgree(x, y)
	default:
		a = values(x, y)
	}
	switch a {
	case equal:
		return AgreeAlike
	case unknown:
		return AgreeUnknown
	case differ:
	}
	return AgreeDiffer
}

// listsAgree compares lists of which each copy may have a part: an item in common is enough, and of identifiers that have
// none nothing can be said, since each source has its own.
func listsAgree(element string, x, y fhir.Value) agreement {
	for a := range x.Items() {
		for b := range y.Items() {
			if alikeItems(element, a, b) {
				return equal
			}
		}
	}
	if element == "identifier" || element == "note" {
		return unknown
	}
	return differ
}

// refersTo tells whether v holds a reference.
func refersTo(v fhir.Value) bool {
	for x := range v.Within() {
		if isReference(x) {
			return true
		}
	}
	return false
}

// namesAgree compares references by the names that stand beside them.
func namesAgree(x, y fhir.Value) agreement {
	a, b := displays(x), displays(y)
	if len(a) == 0 || len(b) == 0 {
		return unknown
	}
	out := differ
	for _, m := range a {
		for _, n := range b {
			out = max(out, sameName(m, n))
		}
	}
	return out
}

// displays are the names that stand beside references within v.
func displays(v fhir.Value) (out []string) {
	for x := range v.Within() {
		if d := x.Get("display"); d.IsString() && (isReference(x) || !x.Get("code").Exists()) {
			out = append(out, d.Text())
		}
	}
	return out
}

func (a Aspect) order() int {
	return slices.Index([]Aspect{AspectCode, AspectStatus, AspectDate, AspectValue, AspectDose, AspectSite, AspectDemographics, AspectIdentifier,
		AspectWho, AspectContext, AspectNote, AspectOther}, a)
}

// aspectOf is what an element is about, in whichever type it stands.
func aspectOf(element string) Aspect {
	switch element {
	case "code", "vaccineCode", "medication[x]", "type", "class", "relationship", "condition", "title", "manufacturer":
		return AspectCode
	case "status", "clinicalStatus", "verificationStatus", "statusReason", "lifecycleStatus", "docStatus", "intent", "doNotPerform", "active",
		"criticality", "severity", "isSubpotent", "achievementStatus":
		return AspectStatus
	case "effective[x]", "onset[x]", "abatement[x]", "performed[x]", "occurrence[x]", "authoredOn", "period", "issued", "recordedDate", "recorded",
		"date", "whenHandedOver", "whenPrepared", "dateAsserted", "expirationDate", "lastOccurrence", "created", "start[x]", "length":
		return AspectDate
	case "value[x]", "component", "dataAbsentReason", "interpretation", "referenceRange", "conclusion", "conclusionCode", "result", "presentedForm",
		"content", "outcome", "hasMember", "method":
		return AspectValue
	case "dosageInstruction", "dosage", "doseQuantity", "route", "quantity", "daysSupply", "dispenseRequest", "protocolApplied", "substitution":
		return AspectDose
	case "bodySite", "site":
		return AspectSite
	case "name", "birthDate", "gender", "address", "telecom", "deceased[x]", "multipleBirth[x]", "maritalStatus", "communication", "photo", "contact":
		return AspectDemographics
	case "identifier", "masterIdentifier", "accessionIdentifier", "lotNumber", "serialNumber", "udiCarrier", "subscriberId", "requisition", "groupIdentifier":
		return AspectIdentifier
	case "requester", "performer", "recorder", "asserter", "participant", "author", "serviceProvider", "payor", "generalPractitioner",
		"managingOrganization", "custodian", "informationSource", "resultsInterpreter":
		return AspectWho
	case "subject", "patient", "encounter", "context", "category", "reasonCode", "reasonReference", "basedOn", "location", "diagnosis", "hospitalization",
		"specimen", "beneficiary", "subscriber", "supportingInformation", "partOf":
		return AspectContext
	case "note", "reaction", "patientInstruction":
		return AspectNote
	}
	return AspectOther
}
