package merge_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"concord/fhir"
	"concord/merge"
	"concord/testharness/population"
)

// noisier is what charts suffer beyond what the harness does to them: each copy by itself, with a draw of its own.
type noisier struct{ coin func() bool }

type object = map[string]any

// noisy draws each kind of noise with probability p.
func noisy(seed uint64, p float64) noisier {
	r := rand.New(rand.NewPCG(seed, 6))
	return noisier{func() bool { return r.Float64() < p }}
}

// batches are b with more noise. A resource's id stays.
func (n noisier) batches(tb testing.TB, b []merge.Batch) []merge.Batch {
	tb.Helper()
	out := make([]merge.Batch, len(b))
	for i, x := range b {
		out[i].Source = x.Source
		for _, r := range x.Resources {
			out[i].Resources = append(out[i].Resources, n.resource(tb, r))
		}
	}
	return out
}

func (n noisier) resource(tb testing.TB, r fhir.Resource) fhir.Resource {
	tb.Helper()
	switch r.Type() {
	case "Provenance", "Binary", "Practitioner", "Organization", "Location", "CarePlan", "CareTeam", "Goal":
		return r
	}
	o := decode(tb, string(r.Raw()))
	n.concepts(o)
	n.times(o)
	n.quantities(o)
	n.leaveOut(o)
	return resource(tb, encode(tb, o))
}

func decode(tb testing.TB, s string) (o object) {
	tb.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		tb.Fatal(s, err)
	}
	return o
}

func encode(tb testing.TB, o object) string {
	tb.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// concepts says a code under another name of its system, in other words, by a code of the site alone, or in words alone.
func (n noisier) concepts(o object) {
	for _, k := range []string{"code", "vaccineCode", "medicationCodeableConcept"} {
		cc, _ := o[k].(object)
		codings, _ := cc["coding"].([]any)
		if cc == nil || len(codings) == 0 {
			continue
		}
		if n.coin() { // the order of codings
			slices.Reverse(codings)
		}
		for _, x := range codings {
			c := x.(object)
			if n.coin() {
				c["system"] = alias(c["system"])
			}
			if d, ok := c["display"].(string); ok && n.coin() {
				c["display"] = strings.ToUpper(d)
			}
			if n.coin() {
				delete(c, "display")
			}
		}
		text, _ := cc["text"].(string)
		switch {
		case text == "":
		case n.coin():
			delete(cc, "coding")
		case n.coin():
			cc["coding"] = []any{object{"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.696580", "code": "L" + strconv.Itoa(len(text)), "display": text}}
		case n.coin():
			cc["text"] = strings.ToUpper(text)
		case n.coin():
			delete(cc, "text")
		}
	}
}

func alias(system any) any {
	switch system {
	case "http://snomed.info/sct":
		return "urn:oid:2.16.840.1.113883.6.96"
	case "http://loinc.org":
		return "https://loinc.org/"
	case "http://www.nlm.nih.gov/research/umls/rxnorm":
		return "urn:oid:2.16.840.1.113883.6.88"
	case "http://hl7.org/fhir/sid/icd-10-cm":
		return "2.16.840.1.113883.6.90"
	case "http://hl7.org/fhir/sid/cvx":
		return "urn:oid:2.16.840.1.113883.12.292"
	}
	return system
}

// times writes them in another zone, less finely, as midnight, or not at all.
func (n noisier) times(o object) {
	for _, k := range slices.Sorted(maps.Keys(o)) {
		s, ok := o[k].(string)
		if !ok || !strings.HasSuffix(k, "DateTime") && k != "authoredOn" && k != "recordedDate" && k != "issued" && k != "date" {
			continue
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			if day, err := time.Parse(time.DateOnly, s); err == nil {
				switch {
				case n.coin():
					o[k] = day.Format(time.RFC3339)
				case n.coin():
					o[k] = s + "T00:00:00-05:00"
				case (k == "onsetDateTime" || k == "occurrenceDateTime") && n.coin():
					o[k] = s[:7]
				}
			}
			continue
		}
		if h, m, s := t.Clock(); h+m+s == 0 { // a day in the place's own zone
			continue
		}
		switch {
		case n.coin():
			o[k] = t.In(time.FixedZone("", -6*3600)).Format(time.RFC3339)
		case n.coin():
			o[k] = t.Truncate(time.Minute).Format(time.RFC3339)
		case n.coin() && k != "effectiveDateTime":
			o[k] = t.In(time.FixedZone("", -5*3600)).Format(time.DateOnly)
		}
	}
}

// quantities writes units in other words, and numbers less finely.
func (n noisier) quantities(o object) {
	q, _ := o["valueQuantity"].(object)
	v, _ := q["value"].(json.Number)
	if q == nil || v == "" {
		return
	}
	if n.coin() {
		delete(q, "code")
		delete(q, "system")
	}
	if u, ok := q["unit"].(string); ok && n.coin() {
		q["unit"] = strings.NewReplacer("mg/dL", "MG/DL", "mmol/L", "mmol/l", "/min", "bpm", "mm[Hg]", "mmHg", "Cel", "deg C", "10*3/uL", "K/uL", "g/dL", "gm/dL").Replace(u)
		delete(q, "code")
	}
	if whole, part, ok := strings.Cut(string(v), "."); ok && len(whole) > 1 && len(part) == 1 && n.coin() {
		if f, err := v.Float64(); err == nil {
			q["value"] = json.Number(strconv.FormatFloat(f, 'f', 0, 64))
		}
	}
}

// leaveOut takes away what copies often lack.
func (n noisier) leaveOut(o object) {
	for _, k := range []string{"category", "encounter", "performer", "requester", "participant", "serviceProvider", "issued", "recordedDate", "recorder", "lotNumber",
		"interpretation", "referenceRange", "identifier", "reasonCode", "onsetDateTime", "site", "route"} {
		if _, ok := o[k]; ok && n.coin() {
			delete(o, k)
		}
	}
}

// TestNoisier is TestTable with twice the noise: what the harness does to copies, and as much again.
func TestNoisier(t *testing.T) {
	sum, n := map[string]tally{}, noisy(5, 0.08)
	o := population.Options{Seed: 13, Persons: 4, Conflicts: 4, Registered: 3, Noise: population.AllNoise()}
	measureWorld(t, o, func(b []merge.Batch) []merge.Batch { return n.batches(t, b) }, sum)
	report(t, sum)
}

// measureWorld adds how well a population's charts are merged to sum.
func measureWorld(t *testing.T, o population.Options, spoil func([]merge.Batch) []merge.Batch, sum map[string]tally) {
	t.Helper()
	e := merge.NewEngine(merge.Default())
	told := map[string]int{}
	pop := population.Generate(o)
	for i := range pop.Persons {
		batches := spoil(chart(t, pop, &pop.Persons[i]))
		for typ, x := range judge(&pop.Truth, batches, e.Merge(batches), func(f string, a ...any) {
			s := fmt.Sprintf(f, a...)
			kind := between(s, `"resourceType":"`, `"`) + s[:8]
			if told[kind]++; told[kind] <= 2 && testing.Verbose() {
				t.Log(s)
			}
		}) {
			s := sum[typ]
			s.add(x)
			sum[typ] = s
		}
	}
}
