package validate_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/validate"
)

// invariantCase is an invariant, the type of a resource, and members of one that keeps it and one that breaks it; what
// else is wrong with them does not matter.
type invariantCase struct{ key, typ, good, bad string }

// value makes a case of a data type, as the value of an extension.
func value(key, typ, good, bad string) invariantCase {
	wrap := func(s string) string { return `"extension":[{"url":"a","value` + typ + `":{` + s + `}}]` }
	return invariantCase{key, "Basic", wrap(good), wrap(bad)}
}

// within makes a case of an element that repeats, or does not.
func within(key, typ, at, good, bad string) invariantCase {
	wrap := func(s string) string {
		for _, name := range slices.Backward(strings.Split(at, ".")) {
			if one, ok := strings.CutSuffix(name, "!"); ok {
				s = `"` + one + `":{` + s + `}`
			} else {
				s = `"` + name + `":[{` + s + `}]`
			}
		}
		return s
	}
	return invariantCase{key, typ, wrap(good), wrap(bad)}
}

const (
	refuted  = `"coding":[{"system":"http://terminology.hl7.org/CodeSystem/`
	mistaken = `","code":"entered-in-error"}]`
	ucum     = `"system":"http://unitsofmeasure.org"`
)

func typeCases() []invariantCase {
	repeat := func(key, good, bad string) invariantCase {
		return within(key, "ServiceRequest", "occurrenceTiming!.repeat!", good, bad)
	}
	return []invariantCase{
		{"ref-1", "Patient", `"managingOrganization":{"reference":"#a"},"contained":[{"resourceType":"Organization","id":"a"}]`, `"managingOrganization":{"reference":"#b"}`},
		value("per-1", "Period", `"start":"2020-01-01","end":"2020"`, `"start":"2020-01-02","end":"2020-01-01"`),
		value("qty-3", "Quantity", `"code":"a","system":"urn:a"`, `"code":"a"`),
		value("rng-2", "Range", `"low":{"value":1},"high":{"value":1}`, `"low":{"value":2},"high":{"value":1.5}`),
		value("rng-2", "Range", `"low":{"value":2,"unit":"m"},"high":{"value":1,"unit":"km"}`, `"low":{"value":2,"unit":"m"},"high":{"value":1,"unit":"m"}`),
		value("rat-1", "Ratio", `"numerator":{"value":1},"denominator":{"value":1}`, `"numerator":{"value":1}`),
		value("att-1", "Attachment", `"data":"YQ==","contentType":"a/b"`, `"data":"YQ=="`),
		value("cpt-2", "ContactPoint", `"value":"1","system":"phone"`, `"value":"1"`),
		value("exp-1", "Expression", `"language":"a","expression":"a"`, `"language":"a"`),
		value("age-1", "Age", `"value":1,"code":"a",`+ucum, `"value":0,"code":"a",`+ucum),
		value("cnt-3", "Count", `"value":1,"code":"1",`+ucum, `"value":1.5,"code":"1",`+ucum),
		value("dis-1", "Distance", `"value":1,"code":"m",`+ucum, `"value":1`),
		value("drt-1", "Duration", `"value":1,"code":"s",`+ucum, `"code":"s",`+ucum),
		value("trd-1", "TriggerDefinition", `"timingDate":"2020"`, `"timingDate":"2020","data":[{"type":"Patient"}]`),
		value("trd-2", "TriggerDefinition", `"type":"a"`, `"condition":{"language":"a"}`),
		value("trd-3", "TriggerDefinition", `"type":"named-event","name":"a"`, `"type":"named-event"`),
		within("drq-1", "Basic", "extension.valueDataRequirement!.codeFilter", `"path":"a"`, `"path":"a","searchParam":"a"`),
		within("drq-2", "Basic", "extension.valueDataRequirement!.dateFilter", `"searchParam":"a"`, `"valueDateTime":"2020"`),
		within("sqt-1", "Observation", "referenceRange.low!", `"value":1`, `"value":1,"comparator":"<"`),
		repeat("tim-1", `"duration":1,"durationUnit":"s"`, `"duration":1`),
		repeat("tim-2", `"period":1,"periodUnit":"s"`, `"period":1`),
		repeat("tim-4", `"duration":0`, `"duration":-1`),
		repeat("tim-5", `"period":0.0`, `"period":-0.5`),
		repeat("tim-6", `"period":1,"periodMax":2`, `"periodMax":2`),
		repeat("tim-7", `"duration":1,"durationMax":2`, `"durationMax":2`),
		repeat("tim-8", `"count":1,"countMax":2`, `"countMax":2`),
		repeat("tim-9", `"offset":1,"when":["HS"]`, `"offset":1,"when":["C"]`),
		repeat("tim-10", `"when":["HS"]`, `"when":["HS"],"timeOfDay":["12:00:00"]`),
	}
}

func resourceCases() []invariantCase {
	const organization = `{"resourceType":"Organization","id":"a","name":"a"`
	return []invariantCase{
		{"dom-2", "Patient", `"contained":[` + organization + `}]`, `"contained":[` + organization + `,"contained":[{"resourceType":"Patient"}]}]`},
		{"dom-3", "Patient", `"managingOrganization":{"reference":"#a"},"contained":[` + organization + `}]`, `"contained":[` + organization + `}]`},
		{"dom-3", "Patient", `"contained":[{"resourceType":"Organization","id":"a","partOf":{"reference":"#"}}]`, `"contained":[{"resourceType":"Organization","name":"a"}]`},
		{"dom-4", "Patient", `"contained":[` + organization + `}]`, `"contained":[` + organization + `,"meta":{"versionId":"1"}}]`},
		{"dom-5", "Patient", `"contained":[` + organization + `}]`, `"contained":[` + organization + `,"meta":{"security":[{"code":"a"}]}}]`},
		{"dom-6", "Patient", `"text":{"status":"generated","div":"a"}`, `"active":true`},
		{"bdl-1", "Bundle", `"type":"history","total":1`, `"type":"batch","total":1`},
		{"bdl-2", "Bundle", `"type":"searchset","entry":[{"search":{"mode":"match"}}]`, `"type":"batch","entry":[{"search":{"mode":"match"}}]`},
		{"bdl-3", "Bundle", `"type":"batch","entry":[{"request":{"method":"GET","url":"a"}}]`, `"type":"batch","entry":[{"fullUrl":"a"}]`},
		{"bdl-3", "Bundle", `"type":"searchset","entry":[{"fullUrl":"a"}]`, `"type":"searchset","entry":[{"request":{"method":"GET","url":"a"}}]`},
		{"bdl-4", "Bundle", `"type":"batch-response","entry":[{"response":{"status":"200"}}]`, `"type":"batch-response","entry":[{"fullUrl":"a"}]`},
		{"bdl-5", "Bundle", `"entry":[{"request":{"method":"GET","url":"a"}}]`, `"entry":[{"fullUrl":"a"}]`},
		{"bdl-7", "Bundle", `"type":"collection","entry":[{"fullUrl":"a"},{"fullUrl":"b"},{"id":"1"},{"id":"2"}]`, `"type":"collection","entry":[{"fullUrl":"a"},{"fullUrl":"a"}]`},
		{"bdl-7", "Bundle", `"type":"history","entry":[{"fullUrl":"a"},{"fullUrl":"a"}]`, `"type":"collection","entry":[{"fullUrl":"a","resource":{"meta":{"versionId":"1"}}},{"fullUrl":"a","resource":{"meta":{"versionId":"1"}}}]`},
		{"bdl-8", "Bundle", `"entry":[{"fullUrl":"http://a.example/Patient/1"}]`, `"entry":[{"fullUrl":"http://a.example/Patient/1/_history/1"}]`},
		{"bdl-9", "Bundle", `"type":"document","identifier":{"system":"a","value":"1"}`, `"type":"document","identifier":{"system":"a"}`},
		{"bdl-10", "Bundle", `"type":"document","timestamp":"2020-01-01T00:00:00Z"`, `"type":"document"`},
		{"bdl-11", "Bundle", `"type":"document","entry":[{"resource":{"resourceType":"Composition"}}]`, `"type":"document","entry":[{"resource":{"resourceType":"Patient"}}]`},
		{"bdl-12", "Bundle", `"type":"message","entry":[{"resource":{"resourceType":"MessageHeader"}}]`, `"type":"message"`},
	}
}

func recordCases() []invariantCase {
	const clinical = `"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"resolved"}]}`
	allergy := `"verificationStatus":{` + refuted + "allergyintolerance-verification" + mistaken + `}`
	condition := `"verificationStatus":{` + refuted + "condition-ver-status" + mistaken + `}`
	const loinc = `{"coding":[{"system":"http://loinc.org","code":"1-8"}]}`
	return []invariantCase{
		{"ait-1", "AllergyIntolerance", allergy, `"type":"allergy"`},
		{"ait-2", "AllergyIntolerance", `"clinicalStatus":{"text":"a"}`, `"clinicalStatus":{"text":"a"},` + allergy},
		within("con-1", "Condition", "stage", `"summary":{"text":"a"}`, `"type":{"text":"a"}`),
		within("con-2", "Condition", "evidence", `"code":[{"text":"a"}]`, `"id":"a"`),
		{"con-3", "Condition", `"category":[{"text":"a"}]`, `"category":[{"coding":[{"code":"problem-list-item"}]}]`},
		{"con-4", "Condition", `"abatementString":"a",` + clinical, `"abatementString":"a"`},
		{"con-5", "Condition", condition, condition + "," + clinical},
		within("obs-3", "Observation", "referenceRange", `"text":"a"`, `"type":{"text":"a"}`),
		{"obs-6", "Observation", `"valueString":"a"`, `"valueString":"a","dataAbsentReason":{"text":"a"}`},
		{"obs-7", "Observation", `"valueString":"a","code":` + loinc + `,"component":[{"code":{"coding":[{"system":"urn:a","code":"1-8"}]}}]`,
			`"valueString":"a","code":` + loinc + `,"component":[{"code":` + loinc + `}]`},
		within("pat-1", "Patient", "contact", `"name":{"text":"a"}`, `"gender":"male"`),
		{"org-1", "Organization", `"name":"a"`, `"active":true`},
		within("org-2", "Organization", "address", `"use":"work"`, `"use":"home"`),
		within("org-3", "Organization", "telecom", `"use":"work"`, `"use":"home"`),
		{"ipn-1", "InsurancePlan", `"identifier":[{"value":"a"}]`, `"status":"draft"`},
		within("app-1", "Appointment", "participant", `"actor":{"display":"a"}`, `"status":"accepted"`),
		{"app-2", "Appointment", `"start":"2020-01-01T00:00:00Z","end":"2020-01-01T00:00:00Z"`, `"start":"2020-01-01T00:00:00Z"`},
		{"app-3", "Appointment", `"status":"proposed"`, `"status":"booked"`},
		{"app-4", "Appointment", `"status":"noshow","cancelationReason":{"text":"a"}`, `"status":"booked","cancelationReason":{"text":"a"}`},
		{"apr-1", "AppointmentResponse", `"actor":{"display":"a"}`, `"participantStatus":"accepted"`},
		within("cpl-3", "CarePlan", "activity", `"reference":{"display":"a"}`, `"reference":{"display":"a"},"detail":{"status":"unknown"}`),
		within("ctm-1", "CareTeam", "participant", `"member":{"reference":"Practitioner/1"},"onBehalfOf":{"display":"a"}`, `"member":{"reference":"Patient/1"},"onBehalfOf":{"display":"a"}`),
		{"fhs-1", "FamilyMemberHistory", `"ageString":"a"`, `"ageString":"a","bornString":"a"`},
		{"fhs-2", "FamilyMemberHistory", `"ageString":"a","estimatedAge":true`, `"estimatedAge":true`},
		within("gol-1", "Goal", "target", `"measure":{"text":"a"},"detailString":"a"`, `"detailString":"a"`),
		{"grp-1", "Group", `"actual":true,"member":[{"entity":{"display":"a"}}]`, `"actual":false,"member":[{"entity":{"display":"a"}}]`},
		within("imm-1", "Immunization", "education", `"documentType":"a"`, `"publicationDate":"2020"`),
		within("imr-1", "ImmunizationRecommendation", "recommendation", `"vaccineCode":[{"text":"a"}]`, `"series":"a"`),
		{"lst-1", "List", `"emptyReason":{"text":"a"}`, `"emptyReason":{"text":"a"},"entry":[{"item":{"display":"a"}}]`},
		{"lst-2", "List", `"mode":"changes","entry":[{"deleted":true}]`, `"mode":"working","entry":[{"deleted":true}]`},
		{"lst-3", "List", `"mode":"working","entry":[{"date":"2020"}]`, `"mode":"changes","entry":[{"date":"2020"}]`},
		within("mad-1", "MedicationAdministration", "dosage!", `"dose":{"value":1}`, `"text":"a"`),
		{"mdd-1", "MedicationDispense", `"whenPrepared":"2020","whenHandedOver":"2020-01-01"`, `"whenPrepared":"2020","whenHandedOver":"2019"`},
		{"prr-1", "ServiceRequest", `"orderDetail":[{"text":"a"}],"code":{"text":"a"}`, `"orderDetail":[{"text":"a"}]`},
		within("cmp-1", "Composition", "section", `"entry":[{"display":"a"}]`, `"title":"a"`),
		within("cmp-2", "Composition", "section", `"emptyReason":{"text":"a"}`, `"emptyReason":{"text":"a"},"entry":[{"display":"a"}]`),
		within("ces-1", "CoverageEligibilityResponse", "insurance.item", `"category":{"text":"a"}`, `"category":{"text":"a"},"productOrService":{"text":"a"}`),
		{"lnk-1", "Linkage", `"item":[{"type":"source"},{"type":"source"}]`, `"item":[{"type":"source"}]`},
		{"mrp-1", "MeasureReport", `"type":"summary","group":[{"id":"a"}]`, `"type":"data-collection","group":[{"id":"a"}]`},
		within("mrp-2", "MeasureReport", "group.stratifier.stratum", `"value":{"text":"a"}`, `"id":"a"`),
		{"msq-3", "MolecularSequence", `"coordinateSystem":1`, `"coordinateSystem":2`},
		within("msq-5", "MolecularSequence", "referenceSeq!", `"chromosome":{"text":"a"},"genomeBuild":"a"`, `"genomeBuild":"a"`),
		within("msq-6", "MolecularSequence", "referenceSeq!", `"genomeBuild":"a"`, `"genomeBuild":"a","referenceSeqString":"a"`),
		{"nor-1", "NutritionOrder", `"supplement":[{"id":"a"}]`, `"status":"draft"`},
		{"ppc-1", "Consent", `"policyRule":{"text":"a"}`, `"status":"draft"`},
		{"ppc-2", "Consent", `"patient":{"display":"a"}`, `"scope":{"coding":[{"system":"something","code":"patient-privacy"}]}`},
		{"ppc-3", "Consent", `"patient":{"display":"a"}`, `"scope":{"coding":[{"system":"something","code":"research"}]}`},
		{"ppc-4", "Consent", `"patient":{"display":"a"}`, `"scope":{"coding":[{"system":"something","code":"adr"}]}`},
		{"ppc-5", "Consent", `"patient":{"display":"a"}`, `"scope":{"coding":[{"system":"something","code":"treatment"}]}`},
		within("qrs-1", "QuestionnaireResponse", "item", `"item":[{"linkId":"a"}]`, `"item":[{"linkId":"a"}],"answer":[{"valueString":"a"}]`),
		within("ras-1", "RiskAssessment", "prediction.probabilityRange!", `"low":{"code":"%",`+ucum+`}`, `"low":{"code":"m",`+ucum+`}`),
		within("ras-2", "RiskAssessment", "prediction", `"probabilityDecimal":100`, `"probabilityDecimal":100.1`),
		within("rqg-1", "RequestGroup", "action", `"resource":{"display":"a"}`, `"title":"a"`),
		within("sev-1", "AuditEvent", "entity", `"name":"a"`, `"name":"a","query":"YQ=="`),
		{"sst-1", "SubscriptionStatus", `"type":"heartbeat"`, `"type":"event-notification"`},
	}
}

func definitionCases() []invariantCase {
	item := func(key, good, bad string) invariantCase { return within(key, "Questionnaire", "item", good, bad) }
	out := []invariantCase{
		within("cmd-1", "ConceptMap", "group.element.target", `"equivalence":"equal"`, `"equivalence":"narrower"`),
		within("cmd-2", "ConceptMap", "group.unmapped!", `"mode":"fixed","code":"a"`, `"mode":"fixed"`),
		within("cmd-3", "ConceptMap", "group.unmapped!", `"mode":"other-map","url":"a"`, `"mode":"other-map"`),
		{"cpb-1", "CapabilityStatement", `"rest":[{"mode":"server"}]`, `"kind":"instance"`},
		{"cpb-2", "CapabilityStatement", `"description":"a"`, `"kind":"instance"`},
		{"cpb-3", "CapabilityStatement", `"kind":"capability","messaging":[{"documentation":"a"}]`, `"kind":"capability","messaging":[{"endpoint":[{"address":"a"}]}]`},
		{"cpb-7", "CapabilityStatement", `"document":[{"mode":"producer","profile":"a"},{"mode":"consumer","profile":"a"}]`, `"document":[{"mode":"producer","profile":"a"},{"mode":"producer","profile":"a"}]`},
		within("cpb-9", "CapabilityStatement", "rest", `"resource":[{"type":"Patient"},{"type":"Goal"}]`, `"resource":[{"type":"Goal"},{"type":"Goal"}]`),
		within("cpb-12", "CapabilityStatement", "rest.resource", `"searchParam":[{"name":"a"},{"name":"b"}]`, `"searchParam":[{"name":"a"},{"name":"a"}]`),
		{"cpb-14", "CapabilityStatement", `"kind":"instance","implementation":{"description":"a"}`, `"kind":"instance"`},
		{"cpb-15", "CapabilityStatement", `"kind":"capability","software":{"name":"a"}`, `"kind":"capability"`},
		{"cpb-16", "CapabilityStatement", `"kind":"requirements"`, `"kind":"requirements","software":{"name":"a"}`},
		{"tcp-2", "TerminologyCapabilities", `"description":"a"`, `"kind":"instance"`},
		{"tcp-3", "TerminologyCapabilities", `"kind":"instance","implementation":{"description":"a"}`, `"kind":"instance"`},
		{"tcp-4", "TerminologyCapabilities", `"kind":"capability","software":{"name":"a"}`, `"kind":"capability"`},
		{"tcp-5", "TerminologyCapabilities", `"kind":"requirements"`, `"kind":"requirements","software":{"name":"a"}`},
		{"nsd-1", "NamingSystem", `"kind":"root","uniqueId":[{"type":"oid"}]`, `"kind":"root","uniqueId":[{"type":"uuid"}]`},
		{"nsd-2", "NamingSystem", `"uniqueId":[{"type":"oid","preferred":true},{"type":"oid"}]`, `"uniqueId":[{"type":"oid","preferred":true},{"type":"oid","preferred":true}]`},
		within("opd-1", "OperationDefinition", "parameter", `"type":"string"`, `"name":"a"`),
		within("opd-2", "OperationDefinition", "parameter", `"type":"string","searchType":"token"`, `"type":"code","searchType":"token"`),
		within("opd-3", "OperationDefinition", "parameter", `"type":"canonical","targetProfile":["a"]`, `"type":"code","targetProfile":["a"]`),
		within("smp-1", "StructureMap", "group.rule.target", `"element":"a","context":"a"`, `"element":"a"`),
		within("smp-2", "StructureMap", "group.rule.target", `"context":"a","contextType":"type"`, `"context":"a"`),
		{"spd-1", "SearchParameter", `"xpath":"a","xpathUsage":"normal"`, `"xpath":"a"`},
		{"spd-2", "SearchParameter", `"type":"reference","chain":["a"]`, `"type":"token","chain":["a"]`},
		within("vsd-1", "ValueSet", "compose!.include", `"system":"a"`, `"version":"a"`),
		within("vsd-2", "ValueSet", "compose!.include", `"system":"a","concept":[{"code":"a"}]`, `"concept":[{"code":"a"}]`),
		within("vsd-3", "ValueSet", "compose!.include", `"concept":[{"code":"a"}]`, `"concept":[{"code":"a"}],"filter":[{"op":"="}]`),
		within("vsd-6", "ValueSet", "expansion!.contains", `"display":"a"`, `"abstract":true`),
		within("vsd-9", "ValueSet", "expansion!.contains", `"display":"a","abstract":true`, `"display":"a"`),
		within("vsd-10", "ValueSet", "expansion!.contains", `"code":"a","system":"a"`, `"code":"a"`),
		item("que-1", `"type":"group","item":[{"linkId":"a"}]`, `"type":"display","item":[{"linkId":"a"}]`),
		{"que-2", "Questionnaire", `"item":[{"linkId":"a","item":[{"linkId":"b"}]}]`, `"item":[{"linkId":"a","item":[{"linkId":"a"}]}]`},
		item("que-3", `"type":"string","code":[{"code":"a"}]`, `"type":"display","code":[{"code":"a"}]`),
		item("que-4", `"answerValueSet":"a"`, `"answerValueSet":"a","answerOption":[{"valueString":"a"}]`),
		item("que-5", `"type":"choice","answerValueSet":"a"`, `"type":"group","answerValueSet":"a"`),
		item("que-6", `"type":"string","required":true`, `"type":"display","required":true`),
		within("que-7", "Questionnaire", "item.enableWhen", `"operator":"exists","answerBoolean":true`, `"operator":"exists","answerString":"a"`),
		item("que-8", `"type":"string","initial":[{"valueString":"a"}]`, `"type":"group","initial":[{"valueString":"a"}]`),
		item("que-9", `"type":"string","readOnly":true`, `"type":"display","readOnly":true`),
		item("que-10", `"type":"string","maxLength":1`, `"type":"date","maxLength":1`),
		item("que-11", `"initial":[{"valueString":"a"}]`, `"initial":[{"valueString":"a"}],"answerOption":[{"valueString":"a"}]`),
		item("que-12", `"enableBehavior":"all","enableWhen":[{"id":"a"},{"id":"b"},{"id":"c"}]`, `"enableWhen":[{"id":"a"},{"id":"b"},{"id":"c"}]`),
		item("que-13", `"repeats":true,"initial":[{"valueString":"a"},{"valueString":"b"}]`, `"initial":[{"valueString":"a"},{"valueString":"b"}]`),
	}
	for key, typ := range map[string]string{"adf-0": "ActivityDefinition", "cpb-0": "CapabilityStatement", "cid-0": "ChargeItemDefinition",
		"csd-0": "CodeSystem", "cpd-0": "CompartmentDefinition", "cmd-0": "ConceptMap", "ees-0": "EffectEvidenceSynthesis", "evd-0": "EventDefinition",
		"evi-0": "Evidence", "evv-0": "EvidenceVariable", "esc-0": "ExampleScenario", "gdf-0": "GraphDefinition", "ig-0": "ImplementationGuide",
		"lib-0": "Library", "mea-0": "Measure", "msd-0": "MessageDefinition", "nsd-0": "NamingSystem", "opd-0": "OperationDefinition",
		"pdf-0": "PlanDefinition", "que-0": "Questionnaire", "rsd-0": "ResearchDefinition", "red-0": "ResearchElementDefinition",
		"rvs-0": "RiskEvidenceSynthesis", "spd-0": "SearchParameter", "sdf-0": "StructureDefinition", "smp-0": "StructureMap",
		"tcp-0": "TerminologyCapabilities", "tst-0": "TestScript", "vsd-0": "ValueSet"} {
		out = append(out, invariantCase{key, typ, `"name":"A_1"`, `"name":"a b"`})
	}
	return out
}

// claim makes a case of a profile of US Core.
func claim(c invariantCase, profile string) invariantCase {
	meta := `"meta":{"profile":["` + profile + `"]},`
	c.good, c.bad = meta+c.good, meta+c.bad
	return c
}

func profileCases() []invariantCase {
	const vital = "http://hl7.org/fhir/StructureDefinition/vitalsigns"
	observation := func(key, good, bad string) invariantCase {
		return claim(invariantCase{key, "Observation", good, bad}, usCore+"us-core-observation-clinical-result")
	}
	report := func(key, profile, good string) invariantCase {
		return claim(invariantCase{key, "DiagnosticReport", `"status":"final",` + good, `"status":"final"`}, usCore+profile)
	}
	identifier := func(key, system, good, bad string) invariantCase {
		return claim(within(key, "Organization", "identifier", `"system":"`+system+`","value":"`+good+`"`, `"system":"`+system+`","value":"`+bad+`"`), usCore+"us-core-organization")
	}
	return []invariantCase{
		claim(invariantCase{"vs-1", "Observation", `"effectiveDateTime":"2020-01-01"`, `"effectiveDateTime":"2020-01"`}, vital),
		claim(invariantCase{"vs-2", "Observation", `"hasMember":[{"display":"a"}]`, `"status":"final"`}, vital),
		claim(within("vs-3", "Observation", "component", `"valueString":"a"`, `"code":{"text":"a"}`), vital),
		observation("us-core-1", `"effectivePeriod":{"start":"2020"}`, `"effectiveDateTime":"2020"`),
		observation("us-core-2", `"dataAbsentReason":{"text":"a"}`, `"status":"final"`),
		observation("us-core-3", `"valueQuantity":{`+ucum+`}`, `"valueQuantity":{"system":"urn:a"}`),
		claim(invariantCase{"us-core-3", "Observation", `"valueString":"a"`, `"valueQuantity":{"system":"urn:a"}`}, usCore+"us-core-observation-screening-assessment"),
		claim(invariantCase{"us-core-4", "Observation", `"valueCodeableConcept":{"coding":[{"system":"urn:a"},{"system":"http://snomed.info/sct"}]}`,
			`"valueCodeableConcept":{"coding":[{"system":"urn:a"}]}`}, usCore+"us-core-observation-lab"),
		claim(within("us-core-6", "Patient", "name", `"given":["a"]`, `"text":"a"`), usCore+"us-core-patient"),
		claim(within("us-core-6", "Patient", "name", `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]`,
			`"family":"a","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]`), usCore+"us-core-patient"),
		claim(within("us-core-6", "DocumentReference", "content.attachment!", `"url":"a"`, `"title":"a"`), usCore+"us-core-documentreference"),
		claim(invariantCase{"us-core-7", "Procedure", `"status":"completed","performedString":"a"`, `"status":"completed"`}, usCore+"us-core-procedure"),
		report("us-core-8", "us-core-diagnosticreport-lab", `"effectiveDateTime":"2020"`),
		report("us-core-9", "us-core-diagnosticreport-lab", `"issued":"2020-01-01T00:00:00Z"`),
		report("us-core-10", "us-core-diagnosticreport-note", `"effectiveDateTime":"2020"`),
		claim(invariantCase{"us-core-13", "PractitionerRole", `"organization":{"display":"a"}`, `"active":true`}, usCore+"us-core-practitionerrole"),
		claim(invariantCase{"pd-1", "PractitionerRole", `"endpoint":[{"display":"a"}]`, `"active":true`}, usCore+"us-core-practitionerrole"),
		claim(invariantCase{"us-core-14", "RelatedPerson", `"name":[{"text":"a"}]`, `"active":true`}, usCore+"us-core-relatedperson"),
		claim(invariantCase{"us-core-15", "Coverage", `"identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MB"}]}}]`, `"status":"active"`}, usCore+"us-core-coverage"),
		identifier("us-core-16", "http://hl7.org/fhir/sid/us-npi", "1234567893", "12345678930"),
		identifier("us-core-17", "http://hl7.org/fhir/sid/us-npi", "1234567893", "1234567890"),
		identifier("us-core-18", "urn:oid:2.16.840.1.113883.4.7", "12D3456789", "1234567890"),
		identifier("us-core-19", "urn:oid:2.16.840.1.113883.6.300", "12345", "1234A"),
		claim(invariantCase{"us-core-20", "MedicationDispense", `"status":"completed","whenHandedOver":"2020"`, `"status":"completed"`}, usCore+"us-core-medicationdispense"),
		claim(invariantCase{"us-core-21", "MedicationRequest", `"intent":"plan"`, `"intent":"order"`}, usCore+"us-core-medicationrequest"),
		claim(within("us-core-22", "Observation", "referenceRange", `"low":{`+ucum+`}`, `"low":{"system":"urn:a"}`), usCore+"us-core-observation-lab|7.0.0"),
		claim(within("us-core-23", "Patient", "extension", `"url":"`+usCore+`us-core-race","extension":[{"url":"ombCategory","valueCoding":{"code":"UNK"}}]`,
			`"url":"`+usCore+`us-core-race","extension":[{"url":"ombCategory","valueCoding":{"code":"UNK"}},{"url":"ombCategory","valueCoding":{"code":"2106-3"}}]`), usCore+"us-core-patient|7.0.0"),
		claim(invariantCase{"us-core-24", "Observation", `"code":{"coding":[{"code":"72166-2"}]},"valueCodeableConcept":{"text":"a"}`, `"code":{"coding":[{"code":"72166-2"}]}`}, usCore+"us-core-smokingstatus|7.0.0"),
		claim(invariantCase{"us-core-25", "Observation", `"code":{"coding":[{"code":"401201003"}]},"valueQuantity":{"value":1}`, `"code":{"coding":[{"code":"401201003"}]}`}, usCore+"us-core-smokingstatus|7.0.0"),
		claim(within("us-core-26", "Observation", "component", `"valueString":"a"`, `"code":{"text":"a"}`), usCore+"us-core-average-blood-pressure|7.0.0"),
		claim(within("provenance-1", "Provenance", "agent", `"who":{"reference":"Organization/1"}`, `"who":{"reference":"Practitioner/1"}`), usCore+"us-core-provenance"),
	}
}

// breaks tells whether a report says that the invariant is broken.
func breaks(r validate.Report, key string) bool {
	return slices.ContainsFunc(r.Issues, func(i validate.Issue) bool {
		return i.Code == validate.CodeInvariant && i.Text == "invariant "+key+" is broken"
	})
}

func TestInvariants(t *testing.T) {
	tested := map[string]bool{"txt-1": true, "txt-2": true} // by TestNarrative
	for _, x := range slices.Concat(typeCases(), resourceCases(), recordCases(), definitionCases(), profileCases()) {
		t.Run(x.key, func(t *testing.T) {
			tested[x.key] = true
			for doc, want := range map[string]bool{x.good: false, x.bad: true} {
				doc = `{"resourceType":"` + x.typ + `",` + doc + `}`
				if got := breaks(validate.Resource(parse(t, doc), validate.Options{}), x.key); got != want {
					t.Errorf("broken: %t by %s", got, doc)
				}
			}
		})
	}
	evaluated, rest := validate.EvaluatedKeys()
	slices.Sort(evaluated)
	evaluated = slices.Compact(evaluated) // one may be an error here and a warning there
	if d := cmp.Diff(evaluated, slices.Sorted(maps.Keys(tested))); d != "" {
		t.Error("not tested, or not evaluated:", d)
	}
	for _, key := range rest { // those that are told of as not evaluated: all about resources that define others, and one
		family, _, _ := strings.Cut(key, "-")
		if !slices.Contains([]string{"eld", "sdf", "tst", "csd", "ig", "mea", "md", "inv", "evv", "tcp"}, family) && key != "us-core-5" {
			t.Errorf("%s is not evaluated", key)
		}
	}
}
