package fakeehr

import "strings"

// param is a search parameter: its type and where its values stand, as paths of element names.
type param struct {
	kind  byte // 't' token, 'd' date, 'r' reference, 's' string
	paths []string
}

func p(kind byte, paths ...string) param { return param{kind, paths} }

// every type has these.
var commonParams = map[string]param{
	"_id": p('t', "id"), "identifier": p('t', "identifier"), "_tag": p('t', "meta.tag"), "_security": p('t', "meta.security"),
	"_profile": p('t', "meta.profile"), "_lastUpdated": p('d', "meta.lastUpdated"),
	"patient": p('r', "subject", "patient", "beneficiary", "for", "individual"), "subject": p('r', "subject", "patient"),
}

// control are parameters that say how to answer, not what to find.
var control = map[string]bool{"_count": true, "_sort": true, "_include": true, "_revinclude": true, "_format": true, "_summary": true, "_elements": true,
	"_total": true, "_pretty": true, "sessionID": true, "cursor": true, "-pageContext": true, "-pageDirection": true, "_page": true, "ah-practice": true}

var typeParams = map[string]map[string]param{
	"AllergyIntolerance": {"clinical-status": p('t', "clinicalStatus"), "verification-status": p('t', "verificationStatus"), "code": p('t', "code"),
		"category": p('t', "category"), "type": p('t', "type"), "criticality": p('t', "criticality"), "date": p('d', "recordedDate"), "recorder": p('r', "recorder")},
	"CarePlan": {"category": p('t', "category"), "status": p('t', "status"), "intent": p('t', "intent"), "date": p('d', "period"), "encounter": p('r', "encounter")},
	"CareTeam": {"category": p('t', "category"), "status": p('t', "status"), "encounter": p('r', "encounter"), "participant": p('r', "participant.member")},
	"Claim":    {"status": p('t', "status"), "use": p('t', "use"), "created": p('d', "created"), "provider": p('r', "provider"), "encounter": p('r', "item.encounter")},
	"Condition": {"clinical-status": p('t', "clinicalStatus"), "verification-status": p('t', "verificationStatus"), "category": p('t', "category"), "code": p('t', "code"),
		"onset-date": p('d', "onsetDateTime", "onsetPeriod"), "recorded-date": p('d', "recordedDate"), "abatement-date": p('d', "abatementDateTime", "abatementPeriod"),
		"encounter": p('r', "encounter"), "severity": p('t', "severity"), "body-site": p('t', "bodySite"), "asserter": p('r', "asserter")},
	"Coverage": {"status": p('t', "status"), "type": p('t', "type"), "payor": p('r', "payor")},
	"Device":   {"type": p('t', "type"), "status": p('t', "status"), "udi-carrier": p('s', "udiCarrier.carrierHRF")},
	"DiagnosticReport": {"category": p('t', "category"), "code": p('t', "code"), "status": p('t', "status"), "date": p('d', "effectiveDateTime", "effectivePeriod"),
		"issued": p('d', "issued"), "encounter": p('r', "encounter"), "result": p('r', "result"), "performer": p('r', "performer")},
	"DocumentReference": {"category": p('t', "category"), "type": p('t', "type"), "status": p('t', "status"), "date": p('d', "date"), "period": p('d', "context.period"),
		"encounter": p('r', "context.encounter"), "author": p('r', "author"), "contenttype": p('t', "content.attachment.contentType")},
	"Encounter": {"class": p('t', "class"), "type": p('t', "type"), "status": p('t', "status"), "date": p('d', "period"), "practitioner": p('r', "participant.individual"),
		"participant": p('r', "participant.individual"), "location": p('r', "location.location"), "service-provider": p('r', "serviceProvider"), "diagnosis": p('r', "diagnosis.condition")},
	"EpisodeOfCare":        {"type": p('t', "type"), "status": p('t', "status"), "date": p('d', "period")},
	"ExplanationOfBenefit": {"status": p('t', "status"), "created": p('d', "created"), "claim": p('r', "claim"), "encounter": p('r', "item.encounter")},
	"FamilyMemberHistory":  {"status": p('t', "status"), "code": p('t', "condition.code"), "relationship": p('t', "relationship"), "date": p('d', "date")},
	"Goal": {"lifecycle-status": p('t', "lifecycleStatus"), "achievement-status": p('t', "achievementStatus"), "category": p('t', "category"),
		"start-date": p('d', "startDate"), "target-date": p('d', "target.dueDate"), "description": p('t', "description")},
	"ImagingStudy": {"status": p('t', "status"), "started": p('d', "started"), "modality": p('t', "series.modality"), "encounter": p('r', "encounter")},
	"Immunization": {"status": p('t', "status"), "vaccine-code": p('t', "vaccineCode"), "date": p('d', "occurrenceDateTime"), "lot-number": p('s', "lotNumber"),
		"performer": p('r', "performer.actor")},
	"Location":                 {"name": p('s', "name"), "type": p('t', "type"), "status": p('t', "status"), "organization": p('r', "managingOrganization"), "address": p('s', "address.line", "address.city", "address.state", "address.postalCode")},
	"Media":                    {"status": p('t', "status"), "encounter": p('r', "encounter"), "created": p('d', "createdDateTime")},
	"Medication":               {"code": p('t', "code"), "status": p('t', "status")},
	"MedicationAdministration": {"status": p('t', "status"), "code": p('t', "medicationCodeableConcept"), "effective-time": p('d', "effectiveDateTime", "effectivePeriod"), "medication": p('r', "medicationReference")},
	"MedicationDispense":       {"status": p('t', "status"), "code": p('t', "medicationCodeableConcept"), "whenhandedover": p('d', "whenHandedOver"), "type": p('t', "type"), "medication": p('r', "medicationReference")},
	"MedicationRequest": {"status": p('t', "status"), "intent": p('t', "intent"), "category": p('t', "category"), "code": p('t', "medicationCodeableConcept"),
		"medication": p('r', "medicationReference"), "authoredon": p('d', "authoredOn"), "encounter": p('r', "encounter"), "requester": p('r', "requester"), "priority": p('t', "priority")},
	"MedicationStatement": {"status": p('t', "status"), "code": p('t', "medicationCodeableConcept"), "effective": p('d', "effectiveDateTime", "effectivePeriod")},
	"Observation": {"category": p('t', "category"), "code": p('t', "code"), "combo-code": p('t', "code", "component.code"), "component-code": p('t', "component.code"),
		"status": p('t', "status"), "date": p('d', "effectiveDateTime", "effectivePeriod", "effectiveInstant"), "encounter": p('r', "encounter"), "performer": p('r', "performer"),
		"value-concept": p('t', "valueCodeableConcept"), "has-member": p('r', "hasMember"), "specimen": p('r', "specimen")},
	"Organization": {"name": p('s', "name"), "type": p('t', "type"), "active": p('t', "active"), "address": p('s', "address.line", "address.city", "address.state", "address.postalCode")},
	"Patient": {"family": p('s', "name.family"), "given": p('s', "name.given"), "name": p('s', "name.family", "name.given", "name.text"), "birthdate": p('d', "birthDate"),
		"gender": p('t', "gender"), "telecom": p('t', "telecom"), "phone": p('t', "telecom"), "email": p('t', "telecom"), "active": p('t', "active"), "legal-sex": p('t', "gender"),
		"address": p('s', "address.line", "address.city", "address.state", "address.postalCode"), "address-city": p('s', "address.city"),
		"address-state": p('s', "address.state"), "address-postalcode": p('s', "address.postalCode"), "general-practitioner": p('r', "generalPractitioner")},
	"Practitioner":          {"name": p('s', "name.family", "name.given", "name.text"), "family": p('s', "name.family"), "given": p('s', "name.given"), "active": p('t', "active")},
	"PractitionerRole":      {"practitioner": p('r', "practitioner"), "organization": p('r', "organization"), "specialty": p('t', "specialty")},
	"Procedure":             {"category": p('t', "category"), "code": p('t', "code"), "status": p('t', "status"), "date": p('d', "performedDateTime", "performedPeriod"), "encounter": p('r', "encounter"), "performer": p('r', "performer.actor")},
	"Provenance":            {"target": p('r', "target"), "agent": p('r', "agent.who"), "recorded": p('d', "recorded")},
	"QuestionnaireResponse": {"status": p('t', "status"), "authored": p('d', "authored"), "encounter": p('r', "encounter"), "questionnaire": p('t', "questionnaire")},
	"RelatedPerson":         {"name": p('s', "name.family", "name.given"), "active": p('t', "active")},
	"ServiceRequest": {"status": p('t', "status"), "intent": p('t', "intent"), "category": p('t', "category"), "code": p('t', "code"), "authored": p('d', "authoredOn"),
		"encounter": p('r', "encounter"), "requester": p('r', "requester"), "occurrence": p('d', "occurrenceDateTime", "occurrencePeriod")},
	"Specimen": {"type": p('t', "type"), "status": p('t', "status"), "collected": p('d', "collection.collectedDateTime")},
}

// lookup finds a parameter of a type.
func lookup(typ, name string) (param, bool) {
	if q, ok := typeParams[typ][name]; ok {
		return q, true
	}
	if q, ok := commonParams[name]; ok {
		return q, true
	}
	if name == "encounter" || name == "status" || name == "code" || name == "date" { // of the other types, where R4 mostly has them so
		return map[string]param{"encounter": p('r', "encounter"), "status": p('t', "status"), "code": p('t', "code"), "date": p('d', "date")}[name], typeParams[typ] == nil
	}
	return param{}, false
}

// knownTypes are the resource types of R4.
var knownTypes = func() map[string]bool {
	m := map[string]bool{}
	for _, t := range strings.Fields(`Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary
		BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem ChargeItemDefinition Claim
		ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest CompartmentDefinition Composition ConceptMap Condition Consent
		Contract Coverage CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest
		DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest
		EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit FamilyMemberHistory Flag Goal
		GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation
		ImplementationGuide InsurancePlan Invoice Library Linkage List Location Measure MeasureReport Media Medication MedicationAdministration
		MedicationDispense MedicationKnowledge MedicationRequest MedicationStatement MedicinalProduct MessageDefinition MessageHeader
		MolecularSequence NamingSystem NutritionOrder Observation ObservationDefinition OperationDefinition OperationOutcome Organization
		OrganizationAffiliation Parameters Patient PaymentNotice PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole Procedure
		Provenance Questionnaire QuestionnaireResponse RelatedPerson RequestGroup ResearchDefinition ResearchElementDefinition ResearchStudy
		ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition
		StructureDefinition StructureMap Subscription Substance SupplyDelivery SupplyRequest Task TerminologyCapabilities TestReport TestScript
		ValueSet VerificationResult VisionPrescription`) {
		m[t] = true
	}
	return m
}()
