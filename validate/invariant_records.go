package validate

import "concord/fhir"

const terminology = "http://terminology.hl7.org/CodeSystem/"

// mistaken tells whether the concept called name says that the record was entered in error.
func mistaken(v fhir.Value, system string) bool {
	return coded(v.Get("verificationStatus"), terminology+system, "entered-in-error")
}

// ofRecords evaluates the invariants of clinical and administrative resources.
func (x *run) ofRecords(key, _ string, v fhir.Value) verdict {
	switch key {
	case "ait-1":
		return test(mistaken(v, "allergyintolerance-verification") || has(v, "clinicalStatus"))
	case "ait-2":
		return test(!mistaken(v, "allergyintolerance-verification") || !has(v, "clinicalStatus"))
	case "con-1":
		return test(has(v, "summary", "assessment"))
	case "con-2":
		return test(has(v, "code", "detail"))
	case "con-3":
		return test(has(v, "clinicalStatus") || mistaken(v, "condition-ver-status") || !coded(v.Get("category"), "", "problem-list-item"))
	case "con-4":
		return test(!hasChoice(v, "abatement") || coded(v.Get("clinicalStatus"), terminology+"condition-clinical", "resolved", "remission", "inactive"))
	case "con-5":
		return test(!mistaken(v, "condition-ver-status") || !has(v, "clinicalStatus"))
	case "obs-3":
		return test(has(v, "low", "high", "text"))
	case "obs-6":
		return test(!has(v, "dataAbsentReason") || !hasChoice(v, "value"))
	case "obs-7":
		return test(!hasChoice(v, "value") || every(v, "component", componentOther(v.Get("code"))))
	case "pat-1":
		return test(has(v, "name", "telecom", "address", "organization"))
	case "org-1", "ipn-1":
		return test(has(v, "identifier", "name"))
	case "org-2", "org-3":
		return test(!is(v, "use", "home"))
	case "app-1":
		return test(has(v, "type", "actor"))
	case "app-2":
		return test(has(v, "start") == has(v, "end"))
	case "app-3":
		return test(hasAll(v, "start", "end") || is(v, "status", "proposed", "cancelled", "waitlist"))
	case "app-4":
		return test(!has(v, "cancelationReason") || is(v, "status", "noshow", "cancelled"))
	case "apr-1":
		return test(has(v, "participantType", "actor"))
	case "cpl-3":
		return test(!has(v, "detail") || !has(v, "reference"))
	case "ctm-1":
		return x.onBehalf(v)
	case "fhs-1":
		return test(!hasChoice(v, "age") || !hasChoice(v, "born"))
	case "fhs-2":
		return test(hasChoice(v, "age") || !has(v, "estimatedAge"))
	case "gol-1":
		return test(!hasChoice(v, "detail") || has(v, "measure"))
	case "grp-1":
		return test(!has(v, "member") || string(v.Get("actual").Raw()) == "true")
	case "imm-1":
		return test(has(v, "documentType", "reference"))
	case "imr-1":
		return test(has(v, "vaccineCode", "targetDisease"))
	case "lst-1":
		return test(!has(v, "emptyReason") || !has(v, "entry"))
	case "lst-2":
		return test(is(v, "mode", "changes") || every(v, "entry", func(e fhir.Value) bool { return !has(e, "deleted") }))
	case "lst-3":
		return test(is(v, "mode", "working") || every(v, "entry", func(e fhir.Value) bool { return !has(e, "date") }))
	case "mad-1":
		return test(has(v, "dose") || hasChoice(v, "rate"))
	case "mdd-1":
		return test(!after(v.Get("whenPrepared"), v.Get("whenHandedOver")))
	case "prr-1":
		return test(!has(v, "orderDetail") || has(v, "code"))
	}
	return ofFurtherRecords(key, v)
}

// ofFurtherRecords evaluates those of documents, questionnaires, claims and the rest.
func ofFurtherRecords(key string, v fhir.Value) verdict {
	switch key {
	case "cmp-1":
		return test(has(v, "text", "entry", "section"))
	case "cmp-2":
		return test(!has(v, "emptyReason") || !has(v, "entry"))
	case "ces-1":
		return test(has(v, "category") != has(v, "productOrService"))
	case "lnk-1":
		return test(count(v, "item") > 1)
	case "mrp-1":
		return test(!is(v, "type", "data-collection") || !has(v, "group"))
	case "mrp-2":
		return test(every(v, "group", func(g fhir.Value) bool {
			return every(g, "stratifier", func(s fhir.Value) bool {
				return every(s, "stratum", func(t fhir.Value) bool { return has(t, "value") != has(t, "component") })
			})
		}))
	case "msq-3":
		return test(v.Get("coordinateSystem").Text() == "0" || v.Get("coordinateSystem").Text() == "1")
	case "msq-5":
		return test(has(v, "chromosome") == has(v, "genomeBuild"))
	case "msq-6":
		return test(count(v, "genomeBuild", "referenceSeqId", "referenceSeqPointer", "referenceSeqString") == 1)
	case "nor-1":
		return test(has(v, "oralDiet", "supplement", "enteralFormula"))
	case "ppc-1":
		return test(has(v, "policy", "policyRule"))
	case "ppc-2", "ppc-3", "ppc-4", "ppc-5":
		code := map[string]string{"ppc-2": "patient-privacy", "ppc-3": "research", "ppc-4": "adr", "ppc-5": "treatment"}[key]
		return test(has(v, "patient") || !coded(v.Get("scope"), "something", code)) // R4 has that system
	case "qrs-1":
		return test(!hasAll(v, "answer", "item"))
	case "ras-1":
		return test(percent(v.Get("low")) && percent(v.Get("high")))
	case "ras-2":
		return test(!v.Get("probabilityDecimal").IsNumber() || !over(v.Get("probabilityDecimal"), 100))
	case "rqg-1":
		return test(has(v, "resource") != has(v, "action"))
	case "sev-1":
		return test(!has(v, "name") || !has(v, "query"))
	case "sst-1":
		return test(!is(v, "type", "event-notification") || has(v, "notificationEvent"))
	}
	return unknown
}

// componentOther tells of a component whether it has no coding of the concept.
func componentOther(concept fhir.Value) func(fhir.Value) bool {
	type pair struct{ system, code string }
	of := map[pair]bool{}
	for c := range concept.Get("coding").Items() {
		of[pair{c.Get("system").Text(), c.Get("code").Text()}] = has(c, "code")
	}
	return func(component fhir.Value) bool {
		return every(component.Get("code"), "coding", func(c fhir.Value) bool {
			return !of[pair{c.Get("system").Text(), c.Get("code").Text()}]
		})
	}
}

// onBehalf keeps ctm-1: only a practitioner acts on behalf of an organization. It is unknown when the reference does not
// tell who that is.
func (x *run) onBehalf(v fhir.Value) verdict {
	if !has(v, "onBehalfOf") || !has(v, "member") {
		return holds
	}
	typ := x.referred(v.Get("member"))
	if typ == "" {
		return unknown
	}
	return test(typ == "Practitioner")
}

// percent tells whether a quantity is absent or in per cent.
func percent(v fhir.Value) bool {
	return !v.Exists() || is(v, "code", "%") && is(v, "system", fhir.SystemUCUM)
}
