package merge_test

import (
	"encoding/json"
	"strings"
	"time"
)

// kind is an event as it is drawn, and what makes another one of it.
type kind struct {
	name string
	base string
	when string // the element that holds its time, which is put in; "" for none
	day  bool   // the time is a day
	// misses are what another event, or a contradiction of this one, differs in: never to be joined.
	misses map[string]func(o object)
}

func set(k string, v any) func(object) { return func(o object) { o[k] = v } }

func later(k string, d time.Duration) func(object) {
	return func(o object) {
		s, _ := o[k].(string)
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			o[k] = t.Add(d).Format(time.RFC3339)
		} else if t, err := time.Parse(time.DateOnly, s); err == nil {
			o[k] = t.Add(d).Format(time.DateOnly)
		}
	}
}

// replaced is a resource with one part of its JSON replaced.
func replaced(from, to string) func(object) {
	return func(o object) {
		b, err := json.Marshal(o)
		if err != nil {
			panic(err)
		}
		var p object
		d := json.NewDecoder(strings.NewReader(strings.Replace(string(b), from, to, 1)))
		d.UseNumber()
		if err := d.Decode(&p); err != nil {
			panic(err)
		}
		clear(o)
		for k, v := range p {
			o[k] = v
		}
	}
}

func coded(text string) object { return object{"coding": []any{object{"code": text}}} }

// kinds are one event of each type that codes and times tell.
func kinds() []kind {
	negated := map[string]func(object){"not done": set("status", "not-done"), "entered in error": set("status", "entered-in-error"), "the next day": nil}
	with := func(m map[string]func(object), when string, more map[string]func(object)) map[string]func(object) {
		out := map[string]func(object){}
		for k, f := range m {
			out[k] = f
		}
		for k, f := range more {
			out[k] = f
		}
		out["the next day"] = later(when, day)
		return out
	}
	other := func(code string) func(object) {
		return func(o object) {
			for _, k := range []string{"code", "vaccineCode", "medicationCodeableConcept"} {
				if cc, ok := o[k].(object); ok {
					for _, c := range cc["coding"].([]any) {
						c.(object)["code"] = code
					}
					cc["text"] = "something else"
				}
			}
		}
	}
	return []kind{
		{"laboratory result", lab, "effectiveDateTime", false, with(nil, "effectiveDateTime", map[string]func(object){
			"another value": replaced("9.4", "9.9"), "five minutes later": later("effectiveDateTime", 5*time.Minute), "an hour later": later("effectiveDateTime", time.Hour),
			"another test": other("2345-7"), "another unit": func(o object) {
				o["valueQuantity"] = object{"value": json.Number("9.4"), "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}
			},
			"below a limit": replaced(`"value":9.4`, `"comparator":"<","value":9.4`), "cancelled": set("status", "cancelled"), "corrected": set("status", "corrected"),
			"no value": func(o object) { delete(o, "valueQuantity"); o["dataAbsentReason"] = object{"text": "hemolyzed"} },
		})},
		{"weight", weight, "effectiveDateTime", false, with(nil, "effectiveDateTime", map[string]func(object){
			"another weight": replaced("70.3", "71.3"), "ten minutes later": later("effectiveDateTime", 10*time.Minute), "entered in error": set("status", "entered-in-error"),
		})},
		{"blood pressure", bp, "effectiveDateTime", false, with(nil, "effectiveDateTime", map[string]func(object){
			"another systolic": replaced(`"value":120`, `"value":124`), "two minutes later": later("effectiveDateTime", 2*time.Minute),
			"exchanged": func(o object) {
				c := o["component"].([]any)
				a, b := c[0].(object), c[1].(object)
				a["valueQuantity"], b["valueQuantity"] = b["valueQuantity"], a["valueQuantity"]
			},
		})},
		{"problem", diag, "onsetDateTime", true, with(nil, "onsetDateTime", map[string]func(object){
			"refuted": set("verificationStatus", coded("refuted")), "entered in error": set("verificationStatus", coded("entered-in-error")), "resolved": set("clinicalStatus", coded("resolved")),
			"an encounter's diagnosis": set("category", []any{coded("encounter-diagnosis")}), "another problem": other("195967001"),
		})},
		{"order", rx, "authoredOn", false, with(nil, "authoredOn", map[string]func(object){
			"twice the dose": replaced(`"value":1}`, `"value":2}`), "three times a day": replaced(`"frequency":2`, `"frequency":3`), "stopped": set("status", "stopped"),
			"not to be given": set("doNotPerform", true), "a plan": set("intent", "plan"), "another drug": other("310798"),
			"another prescriber": set("requester", object{"display": "John Roe, MD"}), "by another route": replaced("26643006", "34206005"),
		})},
		{"vaccination", shot, "occurrenceDateTime", true, with(negated, "occurrenceDateTime", map[string]func(object){
			"another lot": set("lotNumber", "ZZ-9"), "another vaccine": other("10"), "a month later": later("occurrenceDateTime", 30*day),
		})},
		{"procedure", op, "performedDateTime", false, with(negated, "performedDateTime", map[string]func(object){
			"four hours later": later("performedDateTime", 4*time.Hour), "by somebody else": set("performer", []any{object{"actor": object{"display": "John Roe, MD"}}}), "another procedure": other("80146002"),
		})},
		{"allergy", allergy, "", false, map[string]func(object){
			"refuted": set("verificationStatus", coded("refuted")), "entered in error": set("verificationStatus", coded("entered-in-error")),
			"another substance": other("7980"), "over": set("clinicalStatus", coded("resolved")),
		}},
		{"visit", stay, "period", false, map[string]func(object){
			"at another house": set("serviceProvider", object{"display": "South Clinic"}), "an emergency": replaced("AMB", "EMER"), "cancelled": set("status", "cancelled"),
		}},
		{"report", with2(result), "effectiveDateTime", false, with(nil, "effectiveDateTime", map[string]func(object){
			"another panel": other("24331-1"), "entered in error": set("status", "entered-in-error"), "three hours later": later("effectiveDateTime", 3*time.Hour),
		})},
		{"referral", strings.Replace(order, `,"identifier":[{"system":"urn:oid:1.2.3.5","value":"PL-9"}]`, "", 1), "authoredOn", false, with(nil, "authoredOn", map[string]func(object){
			"another test": other("24323-8"), "not to be done": set("doNotPerform", true), "revoked": set("status", "revoked"), "by somebody else": set("requester", object{"display": "John Roe, MD"}),
		})},
	}
}

// with2 takes a report's accession off.
func with2(s string) string {
	return strings.Replace(s, `,"identifier":[{"system":"urn:oid:1.2.3.4","value":"ACC-1"}]`, "", 1)
}
