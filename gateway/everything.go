package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
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
	if i := slices.IndexFunc(all, func(p pair) bool { return p.key == pageParam }); i >= 0 {
		return x.page(all[i].value)
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
	access.Patient = person.ID
	if p := x.check(access); p != nil {
		return nil, p
	}
	q, types, spans, bad := x.everythingQuery(all)
	if bad != nil {
		return nil, bad
	}
	granted := types[:0]
	for _, t := range types {
		if x.grant.Check(smart.Access{Type: t, Interaction: fhir.Everything, Patient: person.ID}) == nil {
			granted = append(granted, t)
		}
	}
	u := x.session.Patients(person)
	x.note(u.Outcomes)
	if p := allFailed(u.Outcomes); p != nil {
		return nil, p
	}
	res, err := x.session.Fetch(federation.Request{
		Person: u.Person, Types: granted, Strategy: x.strategy(), Optional: true,
		Keep: func(c merge.Copy) bool { return x.grant.Visible(c, access) && spans[c.Type()].keeps(c) },
	})
	x.note(res.Outcomes)
	if err == nil && x.strict() {
		if issues, partial := sourceIssues(u.Outcomes, false); partial {
			return nil, &problem{status: http.StatusBadGateway, issues: issues, reason: "incomplete"}
		}
	}
	if err != nil {
		return nil, x.failedStrictly(res.Outcomes, err)
	}
	b := x.newBook(q, res.Person)
	b.self = x.g.base + "/Patient/" + url.PathEscape(x.route.id) + "/$everything"
	if len(q.self) > 0 {
		b.self += "?" + strings.Join(q.self, "&")
	}
	b.whole = true
	b.outcomes(u.Outcomes, false)
	b.outcomes(res.Outcomes, true)
	var patients []merge.Copy
	for _, c := range u.Copies {
		if x.grant.Visible(c, access) {
			patients = append(patients, c)
		}
	}
	if len(patients) > 0 {
		b.matches = append(b.matches, merge.Unify(patients))
	}
	b.matches = append(b.matches, res.Record.Entries...)
	return x.finish(b)
}

// everythingQuery reads the operation's parameters (R4 Patient-everything): start, end, _type, _count.
func (x *exchange) everythingQuery(all []pair) (*query, []fhir.ResourceType, map[fhir.ResourceType]span, *problem) {
	types := slices.Clone(chart)
	spans := map[fhir.ResourceType]span{}
	var rest []pair
	var self []string
	for _, p := range all {
		switch p.key {
		case "_type":
			var only []fhir.ResourceType
			for t := range strings.SplitSeq(p.value, ",") {
				if !fhir.KnownType(fhir.ResourceType(t)) {
					return nil, nil, nil, invalidParam(p.key, "no such resource type in R4")
				}
				if slices.Contains(types, fhir.ResourceType(t)) {
					only = append(only, fhir.ResourceType(t))
				}
			}
			slices.Sort(only)
			types = slices.Compact(only)
		case "start", "end":
			for t, name := range clinicalDate {
				f, err := fhir.ParseFilter(t, name, map[string]string{"start": "ge", "end": "le"}[p.key]+p.value)
				if err != nil {
					return nil, nil, nil, invalidParam(p.key, "this is no date")
				}
				spans[t] = span{append(spans[t].bounds, f)}
			}
		case "_count", "_elements", "_summary", "_format", "_total":
			rest = append(rest, p)
			continue
		case "patient", "subject":
			return nil, nil, nil, invalidParam(p.key, "the patient is in the path")
		default:
			if x.strict() {
				return nil, nil, nil, invalidParam(p.key, "this parameter is not supported")
			}
			rest = append(rest, p)
			continue
		}
		self = append(self, url.QueryEscape(p.key)+"="+url.QueryEscape(p.value))
	}
	q, bad := parseQuery(fhir.TypePatient, shapingAll(rest), x.strict())
	if bad != nil {
		return nil, nil, nil, bad
	}
	for _, p := range rest {
		if !slices.Contains(everythingShape, p.key) {
			q.ignored = append(q.ignored, issue{severity: "warning", code: "not-supported", text: "this parameter was ignored", param: shown(p.key)})
		}
	}
	q.self = append(self, q.self...)
	return q, types, spans, nil
}

var everythingShape = []string{"_count", "_elements", "_summary", "_format", "_total"}

func shapingAll(all []pair) (out []pair) {
	for _, p := range all {
		if slices.Contains(everythingShape, p.key) {
			out = append(out, p)
		}
	}
	return out
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
