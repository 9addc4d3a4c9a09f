package validate

import "concord/fhir"

const absentReason = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

// ofProfiles evaluates the invariants of US Core and of R4's vital signs. typ tells apart two that share a key.
func (x *run) ofProfiles(key, typ string, v fhir.Value) verdict {
	switch key {
	case "vs-1", "us-core-1": // a dateTime is precise to the day at least
		d, ok := fhir.ParseDate(v.Text())
		return test(!v.IsString() || !ok || d.Precision >= fhir.PrecisionDay)
	case "vs-2", "us-core-2":
		return test(has(v, "component", "hasMember", "dataAbsentReason") || hasChoice(v, "value"))
	case "vs-3", "us-core-26":
		return test(has(v, "dataAbsentReason") || hasChoice(v, "value"))
	case "us-core-3": // at Observation in one profile, at its value in others
		q := v
		if typ == "Observation" {
			q = v.Get("valueQuantity")
		}
		return test(typ != "Observation" && typ != "Quantity" || ucum(q))
	case "us-core-4":
		return test(typ != "CodeableConcept" || every(v, "coding", func(c fhir.Value) bool { return !has(c, "system") }) || snomed(v))
	case "us-core-6":
		if typ == "Attachment" {
			return test(has(v, "url", "data"))
		}
		return test(has(v, "family", "given") != extended(v, absentReason))
	case "us-core-7":
		return test(!is(v, "status", "completed", "in-progress") || hasChoice(v, "performed"))
	case "us-core-8", "us-core-10":
		return test(!reported(v) || hasChoice(v, "effective"))
	case "us-core-9":
		return test(!reported(v) || has(v, "issued"))
	case "us-core-13":
		return test(has(v, "practitioner", "organization", "healthcareService", "location"))
	case "pd-1":
		return test(has(v, "telecom", "endpoint"))
	case "us-core-14":
		return test(has(v, "name", "relationship"))
	case "us-core-15":
		return test(has(v, "subscriberId") || !every(v, "identifier", func(i fhir.Value) bool {
			return !coded(i.Get("type"), terminology+"v2-0203", "MB")
		}))
	case "us-core-20":
		return test(!is(v, "status", "completed") || has(v, "whenHandedOver"))
	case "us-core-21":
		return test(!is(v, "intent", "order", "original-order", "reflex-order", "filler-order", "instance-order") || has(v, "requester"))
	case "us-core-22":
		return test(ucum(v.Get("low")) && ucum(v.Get("high")))
	case "us-core-23": // who is unknown, or was not asked, is of no race beside
		return test(!askedInVain(v) || countOf(v, "ombCategory") == 1)
	case "us-core-24":
		return test(!coded(v.Get("code"), "", "72166-2", "11367-0") || has(v, "valueCodeableConcept"))
	case "us-core-25":
		return test(!coded(v.Get("code"), "", "401201003", "782516008") || has(v, "valueQuantity"))
	case "provenance-1":
		return x.whose(v)
	}
	return ofIdentifiers(key, v)
}

// reported tells whether a report has come to have content.
func reported(v fhir.Value) bool {
	return is(v, "status", "partial", "preliminary", "final", "amended", "corrected", "appended")
}

func snomed(v fhir.Value) bool {
	return !every(v, "coding", func(c fhir.Value) bool { return !is(c, "system", fhir.SystemSNOMED) })
}

// extended tells whether v has an extension with that URL.
func extended(v fhir.Value, url string) bool {
	return !every(v, "extension", func(e fhir.Value) bool { return !is(e, "url", url) })
}

// askedInVain tells whether a race is that it is unknown.
func askedInVain(v fhir.Value) bool {
	return !every(v, "extension", func(e fhir.Value) bool {
		return !is(e, "url", "ombCategory") || !is(e.Get("valueCoding"), "code", "ASKU", "UNK")
	})
}

// countOf is how many extensions with that URL v has.
func countOf(v fhir.Value, url string) int {
	n := 0
	for e := range v.Get("extension").Items() {
		if is(e, "url", url) {
			n++
		}
	}
	return n
}

// whose keeps provenance-1: practitioners and devices act on behalf of somebody.
func (x *run) whose(v fhir.Value) verdict {
	if has(v, "onBehalfOf") || !has(v, "who") {
		return holds
	}
	typ := x.referred(v.Get("who"))
	if typ == "" {
		return unknown
	}
	return test(typ != "Practitioner" && typ != "Device")
}

// ofIdentifiers evaluates those of the form of American identifiers. An identifier without a value keeps them.
func ofIdentifiers(key string, v fhir.Value) verdict {
	s := v.Get("value").Text()
	if s == "" {
		s = map[string]string{"us-core-16": "1234567893", "us-core-17": "1234567893", "us-core-18": "00D0000000", "us-core-19": "00000"}[key]
	}
	switch key {
	case "us-core-16":
		return test(len(s) == 10 && digits(s))
	case "us-core-17":
		return test(len(s) != 10 || !digits(s) || luhn(s))
	case "us-core-18":
		return test(len(s) == 10 && digits(s[:2]) && s[2] == 'D' && digits(s[3:]))
	case "us-core-19":
		return test(len(s) == 5 && digits(s))
	}
	return unknown
}

// luhn tells whether the check digit of a National Provider Identifier fits; 24 is what its prefix 80840 comes to.
func luhn(s string) bool {
	sum := 24
	for i := 0; i < len(s); i++ {
		d := int(s[i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
