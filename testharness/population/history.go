package population

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// chart collects what happens to one person.
type chart struct {
	s      seed
	o      Options
	p      *Person
	r      *rand.Rand
	staff  staff
	events []*event
	counts map[string]int

	has      []diagnosis // chronic conditions
	since    []time.Time
	problems []EventKey
	height   float64 // as an adult, cm
	weight   float64 // as an adult, kg
	tobacco  int
	booked   map[string]bool // days on which there is a visit
}

// visit is one encounter while it is written down.
type visit struct {
	at        time.Time
	end       time.Time
	site      int
	encounter EventKey
	doctor    doctor
	class     string
}

// history is a person's events, in the order in which they were recorded.
func history(s seed, o Options, p *Person, st staff) []*event {
	c := &chart{s: s, o: o, p: p, r: s.stream("history", string(p.Key)), staff: st, counts: map[string]int{}, booked: map[string]bool{}}
	c.height, c.weight = 163+6*c.r.NormFloat64(), 70+13*c.r.NormFloat64()
	if p.Gender == "male" {
		c.height, c.weight = c.height+13, c.weight+12
	}
	c.weight = max(c.weight, 44)
	c.tobacco = c.r.IntN(len(smoking))
	begin := AsOf().AddDate(-2-c.r.IntN(2), 0, -c.r.IntN(300))
	if p.Birth.After(begin) {
		begin = p.Birth.AddDate(0, 0, 3)
	}
	c.problemsSince(begin)
	c.allergies(begin)
	c.childhoodVaccines()
	first := true
	for from := begin; from.Before(AsOf()); from = from.AddDate(1, 0, 0) {
		c.year(from, first)
		first = false
	}
	c.careTeam()
	c.monitoring()
	return c.events
}

// add files an event; its key counts up per type.
func (c *chart) add(typ string, site int, group string, body *object) EventKey {
	c.counts[typ]++
	key := EventKey(fmt.Sprintf("%s/%s/%04d", c.p.Key, typ, c.counts[typ]))
	if group == "" {
		group = string(key)
	}
	c.events = append(c.events, &event{key: key, typ: typ, body: body, origin: site, group: group})
	return key
}

func (c *chart) age(at time.Time) int { return years(c.p.Birth, at) }

// day draws a free working day within a year from a time, not after the end of all histories.
func (c *chart) day(from time.Time, within int) (time.Time, bool) {
	for range 8 {
		d := from.AddDate(0, 0, c.r.IntN(max(within, 1)))
		if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
			d = d.AddDate(0, 0, 2)
		}
		k := d.Format(dateForm)
		if !c.booked[k] && d.Before(AsOf()) {
			c.booked[k] = true
			return d, true
		}
	}
	return time.Time{}, false
}

// homeSite is where the person mostly goes.
func (c *chart) homeSite() int {
	if c.r.Float64() < 0.65 {
		return c.p.home
	}
	return choose(c.r, c.p.sites)
}

func (c *chart) problemsSince(begin time.Time) {
	age := c.age(AsOf())
	for _, d := range chronic {
		if age < d.from || c.r.Float64() >= d.likely || len(c.has) == 4 {
			continue
		}
		earliest := c.p.Birth.AddDate(d.from, 0, 0)
		span := int(AsOf().AddDate(0, -6, 0).Sub(earliest).Hours() / 24)
		if span < 1 {
			continue
		}
		onset := earliest.AddDate(0, 0, c.r.IntN(span))
		recorded := onset
		if recorded.Before(begin) {
			recorded = begin.AddDate(0, 0, c.r.IntN(60))
		}
		site := c.homeSite()
		c.has, c.since = append(c.has, d), append(c.since, onset)
		c.problems = append(c.problems, c.condition(conditionFacts{site: site, dx: [2]code{d.sct, d.icd}, problem: true, onset: onset, recorded: recorded,
			doctor: choose(c.r, c.staff[site].doctors)}))
	}
}

// year is what a year brings: a check-up, follow-ups, illnesses, vaccines.
func (c *chart) year(from time.Time, first bool) {
	if d, ok := c.day(from, 300); ok {
		c.checkUp(d, first)
	}
	for i, dx := range c.has {
		for range dx.visitsAYear {
			if d, ok := c.day(from, 330); ok && d.After(c.since[i]) {
				c.followUp(d, i)
			}
		}
	}
	ill := 0
	for ill < 3 && c.r.Float64() < 0.55 {
		ill++
	}
	for range ill {
		if d, ok := c.day(from, 340); ok {
			c.illness(d)
		}
	}
	if c.r.Float64() < 0.12 && c.age(from) > 8 {
		if d, ok := c.day(from, 320); ok {
			c.surgery(d)
		}
	}
	flu := time.Date(from.Year(), time.October, 1+c.r.IntN(25), 0, 0, 0, 0, time.UTC)
	if c.age(from) >= 1 && c.r.Float64() < 0.6 && flu.After(from) && flu.Before(AsOf()) {
		c.immunization(flu, c.homeSite(), fluVaccine(), 1)
	}
}

func fluVaccine() vaccine { return flu }

func (c *chart) begin(d time.Time, hour, minutes int, class, typeCode, typeText, reason string, dx []EventKey, home bool) visit {
	site := c.homeSite()
	if home {
		site = c.p.home
	}
	at := local(d, hour, c.r.IntN(12)*5, 0)
	v := visit{at: at, end: at.Add(time.Duration(minutes) * time.Minute), site: site, doctor: choose(c.r, c.staff[site].doctors), class: class}
	v.encounter = c.encounter(v, code{snomed, typeCode, typeText}, reason, dx)
	return v
}

func (c *chart) checkUp(d time.Time, first bool) {
	v := c.begin(d, 8+c.r.IntN(8), 30, "AMB", "185349003", "Encounter for check up", "", nil, true)
	c.vitalSigns(v, true)
	c.smokingStatus(v)
	if c.age(v.at) >= 18 {
		if c.r.Float64() < 0.6 {
			c.panel(v, "cbc", false)
		}
		c.panel(v, choose(c.r, []string{"cmp", "bmp"}), false)
		if c.age(v.at) >= 12 {
			c.phq2(v)
		}
	}
	if first {
		c.bloodGroup(v)
		c.carePlan(v)
	}
	if c.r.Float64() < 0.5 {
		c.note(v, "11506-3", "Progress note", "Annual check-up. No acute complaints. Plan: continue present treatment, return in one year.")
	}
	switch age := c.age(v.at); {
	case age >= 65 && c.r.Float64() < 0.2:
		c.immunization(v.at, v.site, pneumo, 1)
	case age >= 50 && c.r.Float64() < 0.2:
		c.immunization(v.at, v.site, zoster, 1)
	case age >= 19 && c.r.Float64() < 0.12:
		c.immunization(v.at, v.site, td, 1)
	case age >= 16 && v.at.Year() >= 2021 && c.r.Float64() < 0.3:
		c.immunization(v.at, v.site, covid, 1)
	}
}

func (c *chart) followUp(d time.Time, i int) {
	dx := c.has[i]
	v := c.begin(d, 8+c.r.IntN(9), 20, "AMB", "185345009", "Encounter for symptom", dx.sct.display, c.problems[i:i+1], false)
	c.vitalSigns(v, false)
	for _, p := range dx.panels {
		if c.r.Float64() < 0.7 {
			c.panel(v, p, true)
		}
	}
	if len(dx.drugs) > 0 && c.r.Float64() < 0.8 {
		c.prescription(v, choose(c.r, dx.drugs), c.problems[i], 365)
	}
	if c.r.Float64() < 0.3 {
		c.procedure(v, choose(c.r, slices.DeleteFunc(slices.Clone(operations), func(o operation) bool { return !o.anyTime || o.from > c.age(v.at) })))
	}
	if c.r.Float64() < 0.25 {
		c.note(v, "11506-3", "Progress note", "Follow-up of "+dx.sct.display+". Stable.")
	}
}

func (c *chart) illness(d time.Time) {
	e := choose(c.r, episodes)
	class, typeCode, typeText, hour := "AMB", "185345009", "Encounter for symptom", 9+c.r.IntN(8)
	if c.r.Float64() < 0.2 { // in the evening it is the next day in UTC
		class, typeCode, typeText, hour = "EMER", "50849002", "Emergency room admission", 19+c.r.IntN(4)
	}
	v := c.begin(d, hour, 40+c.r.IntN(90), class, typeCode, typeText, e.sct.display, nil, false)
	key := c.condition(conditionFacts{site: v.site, dx: [2]code{e.sct, e.icd}, onset: v.at.AddDate(0, 0, -c.r.IntN(4)), recorded: v.at,
		abated: v.at.AddDate(0, 0, e.days), encounter: v.encounter, doctor: v.doctor})
	c.vitalSigns(v, false)
	if len(e.drugs) > 0 {
		c.prescription(v, choose(c.r, e.drugs), key, e.days)
	}
	switch e.icd.code {
	case "N39.0":
		c.panel(v, "ua", false)
	case "U07.1":
		c.covidTest(v)
	}
	if class == "EMER" {
		c.panel(v, "cbc", false)
		c.note(v, "34111-5", "Emergency department note", "Seen for "+e.sct.display+". Discharged home in good condition.")
	}
}

func (c *chart) surgery(d time.Time) {
	fit := slices.DeleteFunc(slices.Clone(operations), func(o operation) bool {
		return o.anyTime || o.from > c.age(d) || o.sct.code == "71651007" && c.p.Gender != "female"
	})
	if len(fit) == 0 {
		return
	}
	op := choose(c.r, fit)
	v := c.begin(d, 7+c.r.IntN(6), 300, "AMB", "185347001", "Encounter for problem", op.sct.display, nil, false)
	c.procedure(v, op)
	if op.hours > 1 {
		c.note(v, "18842-5", "Discharge summary", op.sct.display+" without complication. Wound check in two weeks.")
	}
}
