package merge

import (
	"concord/fhir"
)

// identified is the rule of types that no code describes well enough: copies are one by a business identifier; with
// content also when they are the same in every respect, ids, references and narrative aside.
type identified struct {
	typ     fhir.ResourceType
	content bool
}

// plans are types that are kept apart unless they are identified, or the same in every respect.
func plans() []fhir.ResourceType {
	return []fhir.ResourceType{fhir.TypeAdverseEvent, fhir.TypeAppointment, fhir.TypeBodyStructure, fhir.TypeCarePlan, fhir.TypeCareTeam,
		fhir.TypeClinicalImpression, fhir.TypeDetectedIssue, fhir.TypeDeviceRequest, fhir.TypeDeviceUseStatement, fhir.TypeEndpoint,
		fhir.TypeEpisodeOfCare, fhir.TypeFlag, fhir.TypeGoal, fhir.TypeHealthcareService, fhir.TypeImmunizationEvaluation,
		fhir.TypeImmunizationRecommendation, fhir.TypeMedia, fhir.TypeNutritionOrder, fhir.TypePractitionerRole, fhir.TypeRelatedPerson,
		fhir.TypeRequestGroup, fhir.TypeRiskAssessment, fhir.TypeSubstance, fhir.TypeSupplyDelivery, fhir.TypeTask, fhir.TypeVisionPrescription}
}

// claims are types that are the same by identifier only: what was paid twice looks alike.
func claims() []fhir.ResourceType {
	return []fhir.ResourceType{fhir.TypeAccount, fhir.TypeClaim, fhir.TypeClaimResponse, fhir.TypeExplanationOfBenefit}
}

// Name is the resource type.
func (r identified) Name() string { return string(r.typ) }

// Read reads identifiers, and what to find the same content by.
func (r identified) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if w.opaque() {
		return f
	}
	f.standing = standingOf(&f)
	w.ids(&f, "identifier")
	w.endIDs(&f)
	if r.content {
		readContent(w, &f)
	}
	w.end(&f)
	return f
}

// readContent adds keys by which copies of the same content find each other.
func readContent(w *World, f *Facts) {
	for _, n := range [...]string{"title", "description", "code", "name", "type", "category", "role", "relationship", "kind"} {
		v := f.Get(n)
		if !v.Exists() {
			continue
		}
		w.reset()
		if v.IsString() {
			w.readText(v)
		} else {
			w.readConcept(v)
		}
		for _, x := range w.codes {
			w.keys = append(w.keys, x.key)
		}
		w.keys = append(w.keys, w.texts...)
		if len(w.codes)+len(w.texts) > 0 {
			return
		}
	}
}

// Compare says what two copies are to each other.
func (r identified) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b), like: silent}
	v := Verdict{Relation: Exactly, Agreed: p.same}
	if p.same == 0 {
		if !r.content || !sameContent(a.Copy, b.Copy) {
			return Verdict{}
		}
		v.Agreed = byContent
	}
	for _, c := range [...]check{negation, status, excludes("lifecycleStatus", ConflictStatus, byStatus), apart("intent", 0), apart("use", 0)} {
		if !v.apply(c(&p)) {
			return Verdict{}
		}
	}
	return v.settle()
}

// sameContent tells whether two resources have the same elements, and these say the same. What each source has in its own
// way is left out: ids, references, narrative, extensions.
func sameContent(a, b Copy) bool {
	said := 0
	for m := range a.Members() {
		n := m.Name()
		if private(n) {
			continue
		}
		o := b.Get(n)
		switch {
		case references(m) && (!o.Exists() || references(o)):
		case !o.Exists(), says(m, o) != equal:
			return false
		default:
			said++
		}
	}
	for m := range b.Members() {
		if n := m.Name(); !private(n) && !references(m) && !a.Get(n).Exists() {
			return false
		}
	}
	return said > 2
}

// private tells of the elements that each source has in its own way.
func private(name string) bool {
	switch name {
	case "resourceType", "id", "meta", "text", "contained", "implicitRules", "language", "extension", "identifier":
		return true
	}
	return name == "" || name[0] == '_'
}

// references tells whether v is a reference, or several, and nothing else.
func references(v fhir.Value) bool {
	for x := range v.Items() {
		if !isReference(x) && (!x.Get("display").Exists() || x.Get("code").Exists()) && !x.Get("identifier").Exists() {
			return false
		}
	}
	return v.Len() > 0 && !v.IsString()
}
