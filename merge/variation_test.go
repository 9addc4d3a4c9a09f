package merge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"concord/fhir"
	"concord/merge"
)

const day = 24 * time.Hour

// variation is another way to say the same.
type variation struct {
	name string
	part string // what it changes
	// codes and words tell that it takes these away; of two copies one must have kept what the other has lost.
	codes, words bool
	apply        func(o object)
}

func concept(o object) object {
	for _, k := range []string{"code", "vaccineCode", "medicationCodeableConcept"} {
		if cc, ok := o[k].(object); ok {
			return cc
		}
	}
	return nil
}

func eachCoding(o object, f func(c object)) {
	if cc := concept(o); cc != nil {
		codings, _ := cc["coding"].([]any)
		for _, c := range codings {
			f(c.(object))
		}
	}
}

// instants rewrites the times of a copy that are instants.
func instants(o object, f func(t time.Time) string) {
	for _, k := range []string{"effectiveDateTime", "authoredOn", "performedDateTime"} {
		s, _ := o[k].(string)
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			o[k] = f(t)
		}
	}
}

// days rewrites the times of a copy that are days.
func days(o object, f func(s string) string) {
	for _, k := range []string{"onsetDateTime", "occurrenceDateTime"} {
		if s, _ := o[k].(string); len(s) == len(time.DateOnly) {
			o[k] = f(s)
		}
	}
}

func quantity(o object, f func(q object)) {
	if q, ok := o["valueQuantity"].(object); ok {
		f(q)
	}
}

func variations() []variation {
	drop := func(names ...string) func(object) {
		return func(o object) {
			for _, n := range names {
				delete(o, n)
			}
		}
	}
	words := func(o object) string {
		if cc := concept(o); cc != nil {
			s, _ := cc["text"].(string)
			return s
		}
		return ""
	}
	return []variation{
		{"the same", "", false, false, func(object) {}},
		{"an OID for the code system", "code", false, false, func(o object) { eachCoding(o, func(c object) { c["system"] = alias(c["system"]) }) }},
		{"https and a slash", "code", false, false, func(o object) {
			eachCoding(o, func(c object) { c["system"] = strings.Replace(c["system"].(string), "http://", "https://", 1) + "/" })
		}},
		{"a local code before the standard one", "code", false, false, func(o object) {
			if cc := concept(o); cc != nil {
				cc["coding"] = append([]any{object{"system": "urn:oid:1.2.840.114350.1.13.9.2.1", "code": "771", "display": words(o), "userSelected": true}}, cc["coding"].([]any)...)
			}
		}},
		{"a local code alone", "code", true, false, func(o object) {
			if words(o) != "" {
				concept(o)["coding"] = []any{object{"system": "urn:oid:1.2.840.114350.1.13.9.2.1", "code": "771"}}
			}
		}},
		{"words alone", "code", true, false, func(o object) {
			if words(o) != "" {
				delete(concept(o), "coding")
			}
		}},
		{"words in capitals and more space", "code", false, false, func(o object) {
			if s := words(o); s != "" {
				concept(o)["text"] = " " + strings.ToUpper(strings.ReplaceAll(s, " ", "  "))
			}
		}},
		{"no words", "code", false, true, func(o object) {
			if cc := concept(o); cc != nil {
				delete(cc, "text")
				eachCoding(o, func(c object) { delete(c, "display") })
			}
		}},
		{"codes in the other order", "code", false, false, func(o object) {
			if cc := concept(o); cc != nil {
				slices.Reverse(cc["coding"].([]any))
			}
		}},
		{"in Chicago", "time", false, false, func(o object) {
			instants(o, func(t time.Time) string { return t.In(time.FixedZone("", -6*3600)).Format(time.RFC3339) })
		}},
		{"milliseconds", "time", false, false, func(o object) {
			instants(o, func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") })
		}},
		{"to the minute", "time", false, false, func(o object) {
			instants(o, func(t time.Time) string { return t.Truncate(time.Minute).Format(time.RFC3339) })
		}},
		{"the day of an instant", "time", false, false, func(o object) {
			instants(o, func(t time.Time) string { return t.In(time.FixedZone("", -5*3600)).Format(time.DateOnly) })
		}},
		{"a day as midnight", "time", false, false, func(o object) { days(o, func(s string) string { return s + "T00:00:00-05:00" }) }},
		{"a day as midnight in Greenwich", "time", false, false, func(o object) { days(o, func(s string) string { return s + "T00:00:00Z" }) }},
		{"a day as midnight that moved", "time", false, false, func(o object) { days(o, func(s string) string { return s + "T05:00:00.000Z" }) }},
		{"a month", "time", false, false, func(o object) { days(o, func(s string) string { return s[:7] }) }},
		{"no category, visit, performer or recorder", "context", false, false, drop("category", "encounter", "performer", "requester", "recorder", "serviceProvider", "issued", "recordedDate", "asserter", "interpretation", "referenceRange")},
		{"no status of the problem", "rest", false, false, drop("clinicalStatus", "lotNumber", "primarySource", "reaction")},
		{"an identifier and a note of its own", "rest2", false, false, func(o object) {
			o["identifier"] = []any{object{"system": "https://ehr.example.org/ids", "value": "8812-x"}}
			o["note"] = []any{object{"text": "imported"}}
			o["meta"] = object{"versionId": "4"}
		}},
		{"references", "rest3", false, false, func(o object) {
			o["encounter"] = object{"reference": "Encounter/4711"}
			o["subject"] = object{"reference": "Patient/0815", "display": "Jane Roe"}
		}},
		{"a unit in words", "value", false, false, func(o object) {
			quantity(o, func(q object) {
				q["unit"] = map[any]string{"mg/dL": "MG/DL", "kg": "kilograms"}[q["unit"]]
				delete(q, "code")
				delete(q, "system")
			})
		}},
		{"another unit", "value", false, false, func(o object) {
			quantity(o, func(q object) {
				v, err := strconv.ParseFloat(string(q["value"].(json.Number)), 64)
				if err != nil {
					panic(err)
				}
				unit, factor, digits := "g/L", 0.01, 3
				if q["unit"] == "kg" {
					unit, factor, digits = "[lb_av]", 1/0.45359237, 1
				}
				q["value"], q["unit"], q["code"] = json.Number(strconv.FormatFloat(v*factor, 'f', digits, 64)), unit, unit
			})
		}},
		{"a zero more", "value", false, false, func(o object) {
			quantity(o, func(q object) { q["value"] = q["value"].(json.Number) + "0" })
		}},
		{"components in the other order", "value", false, false, func(o object) {
			if c, ok := o["component"].([]any); ok {
				slices.Reverse(c)
			}
		}},
		{"in a Period", "time", false, false, func(o object) {
			for _, k := range []string{"effective", "performed"} {
				if s, ok := o[k+"DateTime"].(string); ok {
					delete(o, k+"DateTime")
					o[k+"Period"] = object{"start": s}
				}
			}
		}},
	}
}

// drawEvent is an event of a kind, at some time.
func drawEvent(t *rapid.T, tb testing.TB, k kind) object {
	o := decode(tb, k.base)
	at := time.Date(rapid.IntRange(2003, 2024).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"),
		rapid.IntRange(12, 22).Draw(t, "hour"), rapid.IntRange(1, 59).Draw(t, "minute"), rapid.IntRange(0, 59).Draw(t, "second"), 0, time.UTC)
	switch {
	case k.when == "period":
		o["period"] = object{"start": at.Format(time.RFC3339), "end": at.Add(20 * time.Minute).Format(time.RFC3339)}
	case k.day:
		o[k.when] = at.Format(time.DateOnly)
	case k.when != "":
		o[k.when] = at.Format(time.RFC3339)
	}
	return o
}

func clone(tb testing.TB, o object) object { return decode(tb, encode(tb, o)) }

func copyOf2(tb testing.TB, o object, id string) fhir.Resource {
	o["id"] = id
	return resource(tb, encode(tb, o))
}

// TestVariations: one event, said in two ways, is one entry that disagrees with nothing.
func TestVariations(t *testing.T) {
	all := variations()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				o := drawEvent(rt, t, k)
				a, b := rapid.SampledFrom(all).Draw(rt, "a"), rapid.SampledFrom(all).Draw(rt, "b")
				c := rapid.SampledFrom(all).Draw(rt, "c")
				if a.part == c.part || (a.codes || c.codes) && b.words || (a.words || c.words) && b.codes {
					return
				}
				x, y := clone(t, o), clone(t, o)
				a.apply(x)
				c.apply(x)
				b.apply(y)
				rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{
					{Source: "a", Resources: []fhir.Resource{copyOf2(t, x, "1")}}, {Source: "b", Resources: []fhir.Resource{copyOf2(t, y, "2")}},
				})
				if len(rec.Entries) != 1 || len(rec.Entries[0].Conflicts) > 0 {
					rt.Fatalf("%s and %s, and %s: %v\n%s\n%s", a.name, c.name, b.name, told(rec), encode(t, x), encode(t, y))
				}
			})
		})
	}
}

// TestNearMisses: two events, or one that is contradicted, are two entries, however they are said.
func TestNearMisses(t *testing.T) {
	all := variations()
	for _, k := range kinds() {
		for _, name := range sortedKeys(k.misses) {
			t.Run(k.name+"/"+name, func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					o := drawEvent(rt, t, k)
					a, b := rapid.SampledFrom(all).Draw(rt, "a"), rapid.SampledFrom(all).Draw(rt, "b")
					x, y := clone(t, o), clone(t, o)
					k.misses[name](y)
					if veils(k, name, a) || veils(k, name, b) || a.part == "rest2" && b.part == "rest2" { // one identifier for two
						return
					}
					a.apply(x)
					b.apply(y)
					rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{
						{Source: "a", Resources: []fhir.Resource{copyOf2(t, x, "1")}}, {Source: "b", Resources: []fhir.Resource{copyOf2(t, y, "2")}},
					})
					if len(rec.Entries) != 2 {
						rt.Fatalf("%s and %s: %v\n%s\n%s", a.name, b.name, told(rec), encode(t, x), encode(t, y))
					}
				})
			})
		}
	}
}

func sortedKeys(m map[string]func(object)) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// veils tells whether a variation takes away what tells two events apart, so that nobody could.
func veils(k kind, miss string, v variation) bool {
	switch {
	case strings.HasSuffix(miss, "later") && (v.name == "the day of an instant" || v.name == "a month"),
		v.name == "a month" && strings.Contains(miss, "day"),
		v.name == "in a Period" && strings.HasSuffix(miss, "later") && k.name == "vaccination",
		strings.HasPrefix(v.name, "no category") && (miss == "another prescriber" || miss == "by somebody else" || miss == "at another house" || miss == "an encounter's diagnosis"),
		strings.HasPrefix(v.name, "no status") && (miss == "resolved" || miss == "over" || miss == "another lot"),
		v.name == "another unit" && miss == "another unit", v.name == "a unit in words" && miss == "another unit",
		v.name == "a local code alone" && strings.HasPrefix(miss, "another"), v.name == "words alone" && strings.HasPrefix(miss, "another"):
		return true
	}
	return false
}

// TestSameDayVitals: of many measurements of a day, some of them alike, each is joined with its own copy or with none.
func TestSameDayVitals(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 8).Draw(rt, "n")
		day := time.Date(2024, 3, 5, 8, 0, 0, 0, time.UTC)
		a, b := merge.Batch{Source: "a"}, merge.Batch{Source: "b"}
		minute := 0
		for i := range n {
			minute += rapid.IntRange(2, 90).Draw(rt, "minutes later")
			o := decode(t, weight)
			at := day.Add(time.Duration(minute) * time.Minute)
			o["effectiveDateTime"] = at.Format(time.RFC3339)
			o["valueQuantity"].(object)["value"] = json.Number(rapid.SampledFrom([]string{"70.3", "70.4", "71.0"}).Draw(rt, "value"))
			id := fmt.Sprint(i)
			if rapid.IntRange(0, 3).Draw(rt, "at a") > 0 {
				a.Resources = append(a.Resources, copyOf2(t, clone(t, o), id))
			}
			if rapid.IntRange(0, 3).Draw(rt, "at b") > 0 {
				p := clone(t, o)
				p["effectiveDateTime"] = at.In(time.FixedZone("", -5*3600)).Add(time.Duration(rapid.IntRange(-20, 20).Draw(rt, "seconds")) * time.Second).Format(time.RFC3339)
				b.Resources = append(b.Resources, copyOf2(t, p, id))
			}
		}
		for _, e := range merge.NewEngine(merge.Default()).Merge([]merge.Batch{a, b}).Entries {
			if len(e.Copies) == 2 && e.Copies[0].ID() != e.Copies[1].ID() {
				rt.Fatal("two measurements are joined")
			}
			if len(e.Copies) == 1 && len(e.Conflicts) == 0 {
				for _, x := range [][]fhir.Resource{a.Resources, b.Resources} {
					for _, r := range x {
						if r.ID() == e.Copies[0].ID() && r != e.Copies[0].Resource {
							rt.Fatal("a measurement and its copy are not joined")
						}
					}
				}
			}
		}
	})
}
