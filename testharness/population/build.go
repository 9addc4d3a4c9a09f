package population

import (
	"crypto/sha1" //nolint:gosec // Attachment.hash is SHA-1 by definition
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"concord/testharness/internal/ojson"
)

func (c *chart) resource(typ string, pairs ...any) *object {
	return ojson.New(append([]any{"resourceType", typ}, pairs...)...)
}

// patient refers to the person's record at whichever source the copy goes to.
func (c *chart) patient() *object { return ref(EventKey(string(c.p.Key)+"/Patient/0"), "") }

// identifier is one that travels with every copy: its assigner is known everywhere.
func (c *chart) identifier(kind string) []any {
	v := hash(uint64(c.s), "identifier", kind, string(c.p.Key), itoa(len(c.events)))
	return ojson.List(ojson.New("system", "urn:oid:2.16.840.1.113883.19.5."+itoa(len(kind)), "value", fmt.Sprintf("%s-%012d", kind, v%1e12)))
}

func number(x float64, decimals int) json.Number {
	return json.Number(strconv.FormatFloat(x, 'f', decimals, 64))
}

// quantity has its unit in UCUM.
func quantity(v json.Number, unit string) *object {
	text, ok := unitText[unit]
	if !ok {
		text = unit
	}
	return ojson.New("value", v, "unit", text, "system", ucum, "code", unit)
}

// value draws one, about the mean that fits the person.
func (c *chart) value(t test, chronic bool, at time.Time) json.Number {
	mean := t.mean
	if t.children != 0 && c.age(at) < 14 {
		mean = t.children
	}
	if chronic && t.chronic != 0 {
		mean = t.chronic
	}
	x := mean + t.sd*max(-2.6, min(2.6, c.r.NormFloat64()))
	return number(max(x, 0), t.decimals)
}

type conditionFacts struct {
	site      int
	dx        [2]code
	problem   bool
	onset     time.Time // a day
	recorded  time.Time
	abated    time.Time // zero: not yet
	encounter EventKey
	doctor    doctor
}

func (c *chart) condition(f conditionFacts) EventKey {
	category, display := "encounter-diagnosis", "Encounter Diagnosis"
	if f.problem {
		category, display = "problem-list-item", "Problem List Item"
	}
	clinical, abated := "active", ""
	if !f.abated.IsZero() && f.abated.Before(AsOf()) {
		clinical, abated = "resolved", day(f.abated)
	}
	return c.add("Condition", f.site, "", c.resource("Condition",
		"clinicalStatus", bare(hl7Code+"condition-clinical", clinical, ""),
		"verificationStatus", bare(hl7Code+"condition-ver-status", "confirmed", ""),
		"category", ojson.List(bare(hl7Code+"condition-category", category, display)),
		"code", concept(f.dx[0], f.dx[1]), "subject", c.patient(), "encounter", ref(f.encounter, ""),
		"onsetDateTime", f.onset.Format(dateForm), "abatementDateTime", abated, "recordedDate", f.recorded.Format(dateForm),
		"recorder", ref(f.doctor.key, f.doctor.name)))
}

var classText = map[string]string{"AMB": "ambulatory", "EMER": "emergency", "IMP": "inpatient encounter"}

func (c *chart) encounter(v visit, typ code, reason string, dx []EventKey) EventKey {
	st := c.staff[v.site]
	room := st.rooms[map[string]int{"AMB": 0, "EMER": 1, "IMP": 2}[v.class]]
	var reasonCode, diagnoses []any
	if reason != "" {
		reasonCode = ojson.List(ojson.New("text", reason))
	}
	for i, k := range dx {
		diagnoses = append(diagnoses, ojson.New("condition", ref(k, reason), "rank", i+1))
	}
	return c.add("Encounter", v.site, "", c.resource("Encounter", "identifier", c.identifier("visit"), "status", "finished",
		"class", coding(code{hl7Code + "v3-ActCode", v.class, classText[v.class]}), "type", ojson.List(concept(typ)), "subject", c.patient(),
		"participant", ojson.List(ojson.New("type", ojson.List(bare(hl7Code+"v3-ParticipationType", "ATND", "attender")),
			"period", ojson.New("start", instant(v.at), "end", instant(v.end)), "individual", ref(v.doctor.key, v.doctor.name))),
		"period", ojson.New("start", instant(v.at), "end", instant(v.end)), "reasonCode", reasonCode, "diagnosis", diagnoses,
		"location", ojson.List(ojson.New("location", ref(room, st.orgName+" "+roomNames[map[string]int{"AMB": 0, "EMER": 1, "IMP": 2}[v.class]]))),
		"serviceProvider", ref(st.org, st.orgName)))
}

// observation files one; value is the name and content of its value, or components.
func (c *chart) observation(v visit, at time.Time, group, category, categoryText string, what *object, pairs ...any) EventKey {
	all := append([]any{"status", "final", "category", ojson.List(bare(hl7Code+"observation-category", category, categoryText)), "code", what,
		"subject", c.patient(), "encounter", ref(v.encounter, ""), "effectiveDateTime", instant(at), "issued", instant(at.Add(7 * time.Minute)),
		"performer", ojson.List(ref(v.doctor.key, v.doctor.name))}, pairs...)
	return c.add("Observation", v.site, group, c.resource("Observation", all...))
}

// vitalSigns are all of them at a check-up, and the first few otherwise.
func (c *chart) vitalSigns(v visit, all bool) {
	at := v.at.Add(5 * time.Minute)
	group := string(v.encounter) + "/vitals"
	put := func(what code, value json.Number, unit string) {
		c.observation(v, at, group, "vital-signs", "Vital Signs", concept(what), "valueQuantity", quantity(value, unit))
	}
	high := 0.0
	for _, d := range c.has {
		if d.icd.code == "I10" {
			high = 16
		}
	}
	upper, lower := code{loinc, "8480-6", "Systolic blood pressure"}, code{loinc, "8462-4", "Diastolic blood pressure"}
	part := func(what code, mean, sd float64) *object {
		return ojson.New("code", concept(what), "valueQuantity", quantity(number(mean+sd*max(-2, min(2, c.r.NormFloat64())), 0), "mm[Hg]"))
	}
	c.observation(v, at, group, "vital-signs", "Vital Signs", concept(code{loinc, "85354-9", "Blood pressure panel with all children optional"}),
		"component", ojson.List(part(upper, 118+high, 8), part(lower, 75+high/2, 6)))
	rest := vitals
	if !all {
		rest = vitals[:1+c.r.IntN(len(vitals))]
	}
	for _, t := range rest {
		put(code{loinc, t.code, t.display}, c.value(t, false, v.at), t.unit)
	}
	if !all {
		return
	}
	height, weight := c.build(v.at)
	put(code{loinc, "8302-2", "Body height"}, number(height, 1), "cm")
	put(code{loinc, "29463-7", "Body weight"}, number(weight, 1), "kg")
	put(code{loinc, "39156-5", "Body mass index (BMI) [Ratio]"}, number(weight/(height*height/1e4), 1), "kg/m2")
}

// build is height and weight at a time: children grow into the adult.
func (c *chart) build(at time.Time) (cm, kg float64) {
	share := min(1, 0.3+0.7*at.Sub(c.p.Birth).Hours()/24/365/17)
	return c.height*share + 0.3*c.r.NormFloat64(), c.weight*share*share + 0.8*c.r.NormFloat64()
}

func (c *chart) smokingStatus(v visit) {
	if c.age(v.at) < 12 {
		return
	}
	c.observation(v, v.at.Add(2*time.Minute), "", "social-history", "Social History", concept(code{loinc, "72166-2", "Tobacco smoking status"}),
		"valueCodeableConcept", concept(smoking[c.tobacco]))
}

func (c *chart) phq2(v visit) {
	c.observation(v, v.at.Add(3*time.Minute), "", "survey", "Survey",
		concept(code{loinc, "55758-7", "Patient Health Questionnaire 2 item (PHQ-2) total score [Reported]"}),
		"valueQuantity", quantity(number(float64(c.r.IntN(5)), 0), "{score}"))
}

func (c *chart) bloodGroup(v visit) {
	c.observation(v, v.at.Add(20*time.Minute), "", "laboratory", "Laboratory", concept(code{loinc, "882-1", "ABO and Rh group [Type] in Blood"}),
		"valueCodeableConcept", concept(choose(c.r, bloodGroups)))
}

func (c *chart) covidTest(v visit) {
	c.observation(v, v.at.Add(15*time.Minute), "", "laboratory", "Laboratory",
		concept(code{loinc, "94500-6", "SARS-CoV-2 (COVID-19) RNA [Presence] in Respiratory system specimen by NAA with probe detection"}),
		"valueCodeableConcept", concept(code{snomed, "260373001", "Detected"}))
}

// panel files a laboratory report and its results.
func (c *chart) panel(v visit, name string, chronic bool) {
	p := panels[name]
	at := v.at.Add(20 * time.Minute)
	group := string(v.encounter) + "/" + name
	var results []any
	for _, t := range p.tests {
		value := c.value(t, chronic, v.at)
		key := c.observation(v, at, group, "laboratory", "Laboratory", concept(code{loinc, t.code, t.display}),
			append([]any{"valueQuantity", quantity(value, t.unit)}, judged(value, t)...)...)
		results = append(results, ref(key, t.display))
	}
	st := c.staff[v.site]
	c.add("DiagnosticReport", v.site, group, c.resource("DiagnosticReport", "identifier", c.identifier("accession"), "status", "final",
		"category", ojson.List(bare(hl7Code+"v2-0074", "LAB", "Laboratory")), "code", concept(code{loinc, p.code, p.display}),
		"subject", c.patient(), "encounter", ref(v.encounter, ""), "effectiveDateTime", instant(at), "issued", instant(at.Add(5*time.Hour)),
		"performer", ojson.List(ref(st.org, st.orgName)), "result", results))
}

// judged is interpretation and reference range, for a test that has one.
func judged(v json.Number, t test) []any {
	x, err := v.Float64()
	if err != nil || t.high == 0 {
		return nil
	}
	c, text := "N", "Normal"
	switch {
	case x < t.low:
		c, text = "L", "Low"
	case x > t.high:
		c, text = "H", "High"
	}
	low, high := number(t.low, t.decimals), number(t.high, t.decimals)
	return []any{"interpretation", ojson.List(bare(hl7Code+"v3-ObservationInterpretation", c, text)),
		"referenceRange", ojson.List(ojson.New("low", quantity(low, t.unit), "high", quantity(high, t.unit), "text", string(low)+" - "+string(high)))}
}

func (c *chart) immunization(at time.Time, site int, v vaccine, dose int) {
	by := choose(c.r, c.staff[site].doctors)
	lot := string(rune('A'+c.r.IntN(26))) + string(rune('A'+c.r.IntN(26))) + digits(c.r, 4)
	c.add("Immunization", site, "", c.resource("Immunization", "status", "completed",
		"vaccineCode", concept(code{cvx, v.cvx, v.display}), "patient", c.patient(), "occurrenceDateTime", day(at.Add(15*time.Hour)), "primarySource", true,
		"manufacturer", ojson.New("display", choose(c.r, vaxMakers)), "lotNumber", lot,
		"site", bare(hl7Code+"v3-ActSite", "LA", "left arm"), "route", bare(hl7Code+"v3-RouteOfAdministration", "IM", "Injection, intramuscular"),
		"performer", ojson.List(ojson.New("function", bare(hl7Code+"v2-0443", "AP", "Administering Provider"), "actor", ref(by.key, by.name))),
		"protocolApplied", ojson.List(ojson.New("doseNumberPositiveInt", dose))))
}

func (c *chart) prescription(v visit, name string, why EventKey, days int) {
	d := drugs[name]
	status := "completed"
	if d.chronic && v.at.AddDate(0, 0, days).After(AsOf()) {
		status = "active"
	}
	unit := map[string]string{"{tbl}": "tablet", "{capsule}": "capsule", "{puff}": "puff"}[d.unit]
	c.add("MedicationRequest", v.site, "", c.resource("MedicationRequest", "identifier", c.identifier("rx"), "status", status, "intent", "order",
		"category", ojson.List(bare(hl7Code+"medicationrequest-category", "outpatient", "Outpatient")),
		"medicationCodeableConcept", concept(code{rxnorm, d.code, d.display}), "subject", c.patient(), "encounter", ref(v.encounter, ""),
		"authoredOn", instant(v.at.Add(17*time.Minute)), "requester", ref(v.doctor.key, v.doctor.name), "reasonReference", ojson.List(ref(why, "")),
		"dosageInstruction", ojson.List(ojson.New("sequence", 1, "text", fmt.Sprintf("Take %s %s %d times a day", d.dose, unit, d.perDay),
			"timing", ojson.New("repeat", ojson.New("frequency", d.perDay, "period", 1, "periodUnit", "d")),
			"route", concept(code{snomed, "26643006", "Oral route"}),
			"doseAndRate", ojson.List(ojson.New("doseQuantity", ojson.New("value", json.Number(d.dose), "unit", unit, "system", ucum, "code", d.unit))))),
		"dispenseRequest", ojson.New("numberOfRepeatsAllowed", c.r.IntN(4), "expectedSupplyDuration", ojson.New("value", days, "unit", "days", "system", ucum, "code", "d"))))
}

func (c *chart) procedure(v visit, op operation) {
	at := v.at.Add(25 * time.Minute)
	when, what := "performedDateTime", any(instant(at))
	if op.hours > 0 {
		when, what = "performedPeriod", ojson.New("start", instant(at), "end", instant(at.Add(time.Duration(op.hours*60)*time.Minute)))
	}
	c.add("Procedure", v.site, "", c.resource("Procedure", "status", "completed", "code", concept(op.sct, code{cpt, op.cpt, ""}),
		"subject", c.patient(), "encounter", ref(v.encounter, ""), when, what,
		"performer", ojson.List(ojson.New("actor", ref(v.doctor.key, v.doctor.name)))))
}

// note files a DocumentReference, with its text in a Binary.
func (c *chart) note(v visit, typ, display, text string) {
	at := v.at.Add(55 * time.Minute)
	body := "<html><body><p>" + text + "</p><p>" + v.doctor.name + ", " + day(v.at) + "</p></body></html>"
	sum := sha1.Sum([]byte(body)) //nolint:gosec // Attachment.hash is SHA-1 by definition
	group := string(v.encounter) + "/note"
	doc := EventKey(fmt.Sprintf("%s/DocumentReference/%04d", c.p.Key, c.counts["DocumentReference"]+1))
	bin := c.add("Binary", v.site, group, c.resource("Binary", "contentType", "text/html", "data", base64.StdEncoding.EncodeToString([]byte(body))))
	c.events[len(c.events)-1].with = doc
	id := c.identifier("document")
	c.add("DocumentReference", v.site, group, c.resource("DocumentReference", "masterIdentifier", id[0], "identifier", id, "status", "current", "docStatus", "final",
		"type", concept(code{loinc, typ, display}),
		"category", ojson.List(bare("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note")),
		"subject", c.patient(), "date", instant(at), "author", ojson.List(ref(v.doctor.key, v.doctor.name)),
		"content", ojson.List(ojson.New("attachment", ojson.New("contentType", "text/html", "url", eventRef+string(bin), "size", len(body),
			"hash", base64.StdEncoding.EncodeToString(sum[:]), "title", display, "creation", instant(at)),
			"format", coding(code{"http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem", "urn:ihe:iti:xds:2017:mimeTypeSufficient", "mimeType Sufficient"}))),
		"context", ojson.New("encounter", ojson.List(ref(v.encounter, "")), "period", ojson.New("start", instant(v.at), "end", instant(v.end)))))
}
