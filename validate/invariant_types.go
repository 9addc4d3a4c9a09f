package validate

import (
	"strconv"
	"strings"
	"time"

	"concord/fhir"
)

// ofTypes evaluates the invariants of the data types.
func (x *run) ofTypes(key, _ string, v fhir.Value) verdict {
	switch key {
	case "ref-1":
		id, local := strings.CutPrefix(v.Get("reference").Text(), "#")
		return test(!local || x.containedShape(id) != nil)
	case "per-1":
		return test(!after(v.Get("start"), v.Get("end")))
	case "qty-3":
		return test(!has(v, "code") || has(v, "system"))
	case "sqt-1":
		return test(!has(v, "comparator"))
	case "rng-2":
		return test(!hasAll(v, "low", "high") || !greater(v.Get("low"), v.Get("high")))
	case "rat-1":
		return test(has(v, "numerator") == has(v, "denominator") && (has(v, "numerator") || has(v, "extension")))
	case "att-1":
		return test(!has(v, "data") || has(v, "contentType"))
	case "cpt-2":
		return test(!has(v, "value") || has(v, "system"))
	case "exp-1":
		return test(has(v, "expression", "reference"))
	case "drq-1", "drq-2":
		return test(has(v, "path") != has(v, "searchParam"))
	case "age-1":
		return test(ucum(v) && (has(v, "code") || !has(v, "value")) && (!v.Get("value").IsNumber() || sign(v.Get("value")) > 0))
	case "cnt-3":
		return test(ucum(v) && (has(v, "code") || !has(v, "value")) && (!has(v, "code") || is(v, "code", "1")) &&
			!strings.Contains(v.Get("value").Text(), "."))
	case "dis-1":
		return test(ucum(v) && (has(v, "code") || !has(v, "value")))
	case "drt-1":
		return test(!has(v, "code") || is(v, "system", fhir.SystemUCUM) && has(v, "value"))
	case "trd-1":
		return test(!has(v, "data") || !hasChoice(v, "timing"))
	case "trd-2":
		return test(!has(v, "condition") || has(v, "data"))
	case "trd-3":
		return test((!is(v, "type", "named-event") || has(v, "name")) && (!is(v, "type", "periodic") || hasChoice(v, "timing")) &&
			(!strings.HasPrefix(v.Get("type").Text(), "data-") || has(v, "data")))
	case "txt-1", "txt-2": // both are kept where the narrative is read
		return holds
	}
	return ofTiming(key, v)
}

// ofTiming evaluates the invariants of Timing.repeat.
func ofTiming(key string, v fhir.Value) verdict {
	switch key {
	case "tim-1":
		return test(!has(v, "duration") || has(v, "durationUnit"))
	case "tim-2":
		return test(!has(v, "period") || has(v, "periodUnit"))
	case "tim-4":
		return test(!v.Get("duration").IsNumber() || sign(v.Get("duration")) >= 0)
	case "tim-5":
		return test(!v.Get("period").IsNumber() || sign(v.Get("period")) >= 0)
	case "tim-6":
		return test(!has(v, "periodMax") || has(v, "period"))
	case "tim-7":
		return test(!has(v, "durationMax") || has(v, "duration"))
	case "tim-8":
		return test(!has(v, "countMax") || has(v, "count"))
	case "tim-9":
		return test(!has(v, "offset") || has(v, "when") && every(v, "when", func(w fhir.Value) bool { return !listed("|C|CM|CD|CV|", w.Text()) }))
	case "tim-10":
		return test(!has(v, "timeOfDay") || !has(v, "when"))
	}
	return unknown
}

// ucum tells whether a quantity has UCUM's system, or none.
func ucum(v fhir.Value) bool { return !has(v, "system") || is(v, "system", fhir.SystemUCUM) }

// sign is that of a number: -1, 0 or 1.
func sign(v fhir.Value) int {
	s := v.Text()
	mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
	switch {
	case strings.Trim(mantissa, "-0.") == "":
		return 0
	case s[0] == '-':
		return -1
	}
	return 1
}

// after tells whether date a is wholly behind date b, whatever the zone of one without. False when either is no date.
func after(a, b fhir.Value) bool {
	from, ok1 := fhir.ParseDate(a.Text())
	to, ok2 := fhir.ParseDate(b.Text())
	if !ok1 || !ok2 {
		return false
	}
	slack := time.Duration(0)
	if from.HasZone != to.HasZone {
		slack = 14 * time.Hour
	}
	return from.Lo.Add(-slack).Compare(to.Hi) >= 0
}

// greater tells whether quantity a is more than quantity b; false when their units differ or either has no number.
func greater(a, b fhir.Value) bool {
	for _, name := range []string{"system", "code", "unit"} {
		if a.Get(name).Text() != b.Get(name).Text() {
			return false
		}
	}
	x, err1 := strconv.ParseFloat(a.Get("value").Text(), 64)
	y, err2 := strconv.ParseFloat(b.Get("value").Text(), 64)
	return err1 == nil && err2 == nil && x > y
}
