package population

import (
	"fmt"
	"time"

	"concord/testharness/internal/ojson"
)

func (c *chart) childhoodVaccines() {
	if c.age(AsOf()) > 18 {
		return
	}
	for _, v := range childhood {
		for n, m := range v.months {
			at := c.p.Birth.AddDate(0, m, c.r.IntN(20))
			if at.Before(AsOf()) {
				c.immunization(at, c.p.home, v, n+1)
			}
		}
	}
}

func (c *chart) allergies(begin time.Time) {
	site := c.homeSite()
	at := local(begin.AddDate(0, 0, 1+c.r.IntN(90)), 10, c.r.IntN(60), 0)
	by := choose(c.r, c.staff[site].doctors)
	if c.r.Float64() < 0.45 {
		c.add("AllergyIntolerance", site, "", c.resource("AllergyIntolerance",
			"clinicalStatus", bare(hl7Code+"allergyintolerance-clinical", "active", "Active"),
			"verificationStatus", bare(hl7Code+"allergyintolerance-verification", "confirmed", "Confirmed"),
			"code", concept(noKnownAllergy), "patient", c.patient(), "recordedDate", instant(at), "recorder", ref(by.key, by.name)))
		return
	}
	for _, i := range c.r.Perm(len(substances))[:1+c.r.IntN(3)] {
		s := substances[i]
		typ := "allergy"
		if s.category == "food" && c.r.IntN(2) == 0 {
			typ = "intolerance"
		}
		criticality := choose(c.r, []string{"low", "high", "unable-to-assess"})
		what := choose(c.r, reactions)
		c.add("AllergyIntolerance", site, "", c.resource("AllergyIntolerance",
			"clinicalStatus", bare(hl7Code+"allergyintolerance-clinical", "active", "Active"),
			"verificationStatus", bare(hl7Code+"allergyintolerance-verification", "confirmed", "Confirmed"),
			"type", typ, "category", ojson.List(s.category), "criticality", criticality,
			"code", concept(s.codes...), "patient", c.patient(), "recordedDate", instant(at.Add(time.Duration(i)*time.Minute)),
			"recorder", ref(by.key, by.name),
			"reaction", ojson.List(ojson.New("manifestation", ojson.List(concept(what)), "severity", choose(c.r, []string{"mild", "moderate", "severe"})))))
	}
}

func (c *chart) careTeam() {
	site := c.p.home
	lead := c.staff[site].doctors[c.s.pick(len(c.staff[site].doctors), "pcp", string(c.p.Key))]
	c.add("CareTeam", site, "", c.resource("CareTeam", "identifier", c.identifier("careteam"), "status", "active",
		"category", ojson.List(concept(code{loinc, "LA28865-6", "Longitudinal care-coordination focused care team"})),
		"name", "Longitudinal care team", "subject", c.patient(),
		"participant", ojson.List(
			ojson.New("role", ojson.List(concept(code{snomed, "446050000", "Primary care provider"})), "member", ref(lead.key, lead.name)),
			ojson.New("role", ojson.List(concept(code{snomed, "116154003", "Patient"})), "member", c.patient())),
		"managingOrganization", ojson.List(ref(c.staff[site].org, c.staff[site].orgName))))
}

// carePlan comes with a goal.
func (c *chart) carePlan(v visit) {
	goal := code{snomed, "135840009", "Blood pressure monitoring"}
	target := ojson.New("measure", concept(code{loinc, "8480-6", "Systolic blood pressure"}),
		"detailQuantity", ojson.New("value", number(130, 0), "comparator", "<", "unit", "mm[Hg]", "system", ucum, "code", "mm[Hg]"),
		"dueDate", day(v.at.AddDate(1, 0, 0)))
	text := "Keep systolic blood pressure below 130"
	for _, d := range c.has {
		if d.icd.code == "E11.9" {
			goal, text = code{snomed, "36048009", "Glucose measurement"}, "Keep hemoglobin A1c below 7"
			target = ojson.New("measure", concept(code{loinc, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"}),
				"detailQuantity", ojson.New("value", number(7, 1), "comparator", "<", "unit", "%", "system", ucum, "code", "%"), "dueDate", day(v.at.AddDate(1, 0, 0)))
		}
	}
	key := c.add("Goal", v.site, "", c.resource("Goal", "identifier", c.identifier("goal"), "lifecycleStatus", "active",
		"description", ojson.New("text", text), "subject", c.patient(), "startDate", day(v.at), "target", ojson.List(target)))
	var addresses []any
	for i, p := range c.problems {
		addresses = append(addresses, ref(p, c.has[i].sct.display))
	}
	c.add("CarePlan", v.site, "", c.resource("CarePlan", "identifier", c.identifier("careplan"), "status", "active", "intent", "plan",
		"category", ojson.List(bare("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan", "Assessment and Plan of Treatment"),
			concept(code{snomed, "38717003", "Longitudinal care plan"})),
		"title", "Longitudinal care plan", "subject", c.patient(), "encounter", ref(v.encounter, ""), "period", ojson.New("start", instant(v.at)),
		"author", ref(v.doctor.key, v.doctor.name), "addresses", addresses, "goal", ojson.List(ref(key, text)),
		"activity", ojson.List(ojson.New("detail", ojson.New("code", concept(goal), "status", "in-progress", "description", goal.display)))))
}

// monitoring fills the chart up to the number of Observations that the options ask for: a stay in hospital under
// continuous measurement.
func (c *chart) monitoring() {
	missing := c.o.Observations - c.counts["Observation"]
	if missing <= 0 {
		return
	}
	minutes := (missing/len(vitals) + 1) * 5
	end := AsOf().AddDate(0, 0, -2)
	begin := end.Add(-time.Duration(minutes) * time.Minute)
	site := c.p.home
	v := visit{at: begin, end: end, site: site, doctor: c.staff[site].doctors[0], class: "IMP"}
	v.encounter = c.encounter(v, code{snomed, "32485007", "Hospital admission"}, "Observation", nil)
	for i := 0; missing > 0; i++ {
		at := begin.Add(time.Duration(i) * 5 * time.Minute)
		for _, t := range vitals {
			if missing == 0 {
				break
			}
			missing--
			c.observation(v, at, fmt.Sprintf("%s/monitor/%d", c.p.Key, i/12), "vital-signs", "Vital Signs",
				concept(code{loinc, t.code, t.display}), "valueQuantity", quantity(c.value(t, false, at), t.unit))
		}
	}
}
