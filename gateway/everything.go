package gateway

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// chart are the types of a patient's whole record: US Core's clinical types, and what else the sources keep by patient.
var chart = []fhir.ResourceType{
	fhir.TypeAllergyIntolerance, fhir.TypeCarePlan, fhir.TypeCareTeam, fhir.TypeClaim, fhir.TypeCondition, fhir.TypeConsent, fhir.TypeCoverage, fhir.TypeDevice,
	fhir.TypeDiagnosticReport, fhir.TypeDocumentReference, fhir.TypeEncounter, fhir.TypeExplanationOfBenefit, fhir.TypeFamilyMemberHistory, fhir.TypeGoal, fhir.TypeImagingStudy,
	fhir.TypeImmunization, fhir.TypeMedicationAdministration, fhir.TypeMedicationDispense, fhir.TypeMedicationRequest, fhir.TypeMedicationStatement,
	fhir.TypeObservation, fhir.TypeProcedure, fhir.TypeQuestionnaireResponse, fhir.TypeRelatedPerson, fhir.TypeServiceRequest, fhir.TypeSpecimen,
}

// clinicalDate is the search parameter by which $everything's start and end bound a type; a type that is not here is
// not bounded, and neither is a resource without such a date.
var clinicalDate = map[fhir.ResourceType]string{
	"CarePlan": "date", "Condition": "onset-date", "DiagnosticReport": "date", "DocumentReference": "date", "Encounter": "date", "Immunization": "date",
	"MedicationRequest": "authoredon", "Observation": "date", "Procedure": "date", "ServiceRequest": "authored", "AllergyIntolerance": "date", "Goal": "start-date",
}

// span is $everything's start and end for one type.
type span struct{ bounds []fhir.Filter }

// everything answers Patient/{id}/$everything: the patient, and all types that the token covers.
func (x *exchange) everything() (*answer, *problem) {
	all, bad := x.parameters()
	if bad != nil {
		return nil, bad
	}
	if token, ok, bad := pageOf(all); ok {
		return x.page(token, bad)
	}
	access := smart.Access{Type: fhir.TypePatient, Interaction: fhir.Everything}
	person, err := x.person(x.route.id)
	switch {
	case errors.Is(err, concord.NotFound):
		access.OtherPatient = true
		if p := x.check(access); p != nil {
			return nil, p
		}
		return nil, notFound("no such patient")
	case err != nil:
		if p := x.check(access); p != nil {
			return nil, p
		}
		return nil, x.sourceDown(err)
	}
	x.concerns(person.ID)
	access.Patient = person.ID
	if p := x.check(access); p != nil {
		return nil, p
	}
	q, spans, bad := x.everythingQuery(all)
	if bad != nil {
		return nil, bad
	}
	var granted []fhir.ResourceType
	for _, t := range chart {
		if (len(q.types) == 0 || slices.Contains(q.types, t)) && x.grant.Check(smart.Access{Type: t, Interaction: fhir.Everything, Patient: person.ID}) == nil {
			granted = append(granted, t)
		}
	}
	// the two know of each other what the session knows: a source is looked through for the person once
	var u federation.Unified
	var both sync.WaitGroup
	both.Go(func() { u = x.session.Patients(person) })
	res, err := x.session.Fetch(federation.Request{
		Person: person, Types: granted, Strategy: x.strategy(), Optional: true,
		Keep: func(p mpi.Person) func(merge.Copy) bool {
			x.regrant(p)
			return func(c merge.Copy) bool { return x.grant.Visible(c, x.access) && spans[c.Type()].keeps(c) }
		},
	})
	both.Wait()
	x.note(u.Outcomes)
	x.note(res.Outcomes)
	if err != nil {
		return nil, x.failedStrictly(err)
	}
	if p := allFailed(u.Outcomes); p != nil {
		return nil, p
	}
	x.regrant(u.Person)
	b := x.newBook(q, res.Person)
	b.self = x.g.base + "/Patient/" + url.PathEscape(x.route.id) + "/$everything"
	if len(q.self) > 0 {
		b.self += "?" + strings.Join(q.self, "&")
	}
	b.whole = true
	b.outcomes(u.Outcomes)
	b.outcomes(res.Outcomes)
	if seen := x.visible(u); len(seen) > 0 && (len(q.types) == 0 || slices.Contains(q.types, fhir.TypePatient)) {
		b.matches = append(b.matches, merge.Unify(seen))
	}
	b.matches = append(b.matches, res.Record.Entries...)
	return x.finish(b)
}

// everythingQuery reads the operation's parameters (R4 Patient-everything): start, end, _type, and how the answer shall look.
func (x *exchange) everythingQuery(all []pair) (*query, map[fhir.ResourceType]span, *problem) {
	spans := map[fhir.ResourceType]span{}
	var types []fhir.ResourceType
	var shape []pair
	var ignored []issue
	var self []string
	for _, p := range all {
		switch p.key {
		case "_type":
			for t := range strings.SplitSeq(p.value, ",") {
				if !fhir.KnownType(fhir.ResourceType(t)) {
					return nil, nil, invalidParam(p.key, "no such resource type in R4")
				}
				types = append(types, fhir.ResourceType(t))
			}
		case "start", "end":
			bound := map[string]string{"start": "ge", "end": "le"}[p.key] + p.value
			for t, name := range clinicalDate {
				f, err := fhir.ParseFilter(t, name, bound)
				if err != nil || strings.Contains(bound, ",") {
					return nil, nil, invalidParam(p.key, "this is no date")
				}
				spans[t] = span{append(spans[t].bounds, f)}
			}
		case "_count", "_elements", "_summary", "_format", "_total":
			shape = append(shape, p)
			continue
		case "patient", "subject":
			return nil, nil, invalidParam(p.key, "the patient is in the path")
		default:
			bad := invalidParam(p.key, "this parameter is not supported")
			if x.strict() {
				return nil, nil, bad
			}
			ignored = append(ignored, issue{severity: "warning", code: "not-supported", text: "this parameter was ignored", param: shown(p.key)})
			continue
		}
		self = append(self, url.QueryEscape(p.key)+"="+url.QueryEscape(p.value))
	}
	q, bad := parseQuery(fhir.TypePatient, shape, x.strict())
	if bad != nil {
		return nil, nil, bad
	}
	q.types = types
	q.ignored = append(q.ignored, ignored...)
	q.self = append(q.self, self...)
	return q, spans, nil
}

// keeps tells whether a copy lies within the span; one that has no date does.
func (s span) keeps(c merge.Copy) bool {
	if len(s.bounds) == 0 || fhir.SortValue(c.Resource, c.Type(), clinicalDate[c.Type()]).Missing() {
		return true
	}
	for _, f := range s.bounds {
		if !f.Match(c.Resource) {
			return false
		}
	}
	return true
}
