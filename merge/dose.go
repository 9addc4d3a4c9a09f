package merge

import (
	"slices"
	"strings"
	"unicode"

	"concord/fhir"
)

// dose compares instructions: how much, how often, by which route. Words count as far as the structure leaves anything
// open, and then by their numbers.
func dose(element string) check {
	return func(p *pair) finding {
		x, y := p.a.Get(element), p.b.Get(element)
		if x.Len() == 0 || y.Len() == 0 {
			return fine()
		}
		switch dosages(x, y) {
		case differ:
			return conflict(ConflictDose)
		case equal:
			return found(byDose)
		case unknown:
		}
		return fine()
	}
}

// dosages compares two lists: each of one must be one of the other.
func dosages(x, y fhir.Value) agreement {
	if x.Len() != y.Len() || x.Len() > 32 {
		return differ
	}
	var ys []fhir.Value
	for d := range y.Items() {
		ys = append(ys, d)
	}
	out := equal
	for d := range x.Items() {
		best, at := differ, -1
		for j, o := range ys {
			if s := dosage(d, o); s > best {
				best, at = s, j
			}
		}
		if at < 0 {
			return differ
		}
		ys = slices.Delete(ys, at, at+1)
		out = out.and(best)
	}
	return out
}

// dosage compares two instructions.
func dosage(x, y fhir.Value) agreement {
	if string(x.Raw()) == string(y.Raw()) {
		return equal
	}
	much, often := howMuch(x, y), howOften(x.Get("timing"), y.Get("timing"))
	if much == differ || often == differ {
		return differ
	}
	for _, n := range [...]string{"route", "site", "asNeededBoolean", "asNeededCodeableConcept", "maxDosePerPeriod", "maxDosePerAdministration", "maxDosePerLifetime"} {
		if u, v := x.Get(n), y.Get(n); u.Exists() && v.Exists() && says(u, v) == differ {
			return differ
		}
	}
	if much == equal && often == equal {
		return equal
	}
	if tx, ty := x.Get("text").Text(), y.Get("text").Text(); tx != "" || ty != "" {
		if tx != "" && ty != "" {
			return much.and(often).or(inWords(tx, ty))
		}
		if much == unknown && (contradicts(tx, y) || contradicts(ty, x)) {
			return differ
		}
	}
	return much.and(often)
}

// or lets words decide what the structure left unknown.
func (a agreement) or(b agreement) agreement {
	if a == unknown {
		return b
	}
	return a
}

// howMuch compares doses and rates.
func howMuch(x, y fhir.Value) agreement {
	a, b := x.Get("doseAndRate"), y.Get("doseAndRate")
	if !a.Exists() || !b.Exists() {
		return unknown
	}
	if a.Len() != b.Len() {
		return unknown // one says it ordered and calculated
	}
	out := unknown
	var bs []fhir.Value
	for v := range b.Items() {
		bs = append(bs, v)
	}
	i := 0
	for v := range a.Items() {
		for _, n := range [...]string{"dose", "rate"} {
			u, w := choice(v, n), choice(bs[i], n)
			if !u.Exists() || !w.Exists() || u.Name() != w.Name() {
				continue
			}
			switch says(u, w) {
			case differ:
				return differ
			case equal:
				out = equal
			case unknown:
			}
		}
		i++
	}
	return out
}

// howOften compares timings by how many times there are in a day, or by the times of day.
func howOften(x, y fhir.Value) agreement {
	if !x.Exists() || !y.Exists() {
		return unknown
	}
	a, b := x.Get("repeat"), y.Get("repeat")
	for _, n := range [...]string{"timeOfDay", "dayOfWeek", "when"} {
		if u, v := a.Get(n), b.Get(n); u.Exists() && v.Exists() && says(u, v) == differ {
			return differ
		}
	}
	if u, v := a.Get("frequencyMax"), b.Get("frequencyMax"); u.Exists() != v.Exists() || u.Exists() && u.Text() != v.Text() {
		return unknownOr(u.Exists() && v.Exists())
	}
	fx, fy := perDay(x), perDay(y)
	if fx == 0 || fy == 0 {
		return unknown
	}
	if d := fx - fy; d > 1e-9 || d < -1e-9 {
		return differ
	}
	return equal
}

func unknownOr(different bool) agreement {
	if different {
		return differ
	}
	return unknown
}

// perDay is how many times there are in a day; 0 when that is not said.
func perDay(timing fhir.Value) float64 {
	r := timing.Get("repeat")
	if p := r.Get("period"); p.IsNumber() && !r.Get("periodMax").Exists() {
		unit := 0.0
		switch r.Get("periodUnit").Text() {
		case "min":
			unit = 1440
		case "h":
			unit = 24
		case "d":
			unit = 1
		case "wk":
			unit = 1.0 / 7
		}
		times, okTimes := parseNumber(r.Get("frequency").Text())
		if !r.Get("frequency").Exists() {
			times, okTimes = number{mantissa: 1}, true
		}
		period, okPeriod := parseNumber(p.Text())
		if okTimes && okPeriod && period.mantissa > 0 {
			n, _ := times.rat().Float64()
			d, _ := period.rat().Float64()
			return n / d * unit
		}
	}
	for c := range timing.Path("code", "coding").Items() {
		switch strings.ToUpper(c.Get("code").Text()) {
		case "QD", "AM", "PM", "BED", "HS":
			return 1
		case "BID", "Q12H":
			return 2
		case "TID", "Q8H":
			return 3
		case "QID", "Q6H":
			return 4
		case "Q4H":
			return 6
		case "Q1H":
			return 24
		case "QOD":
			return 0.5
		case "WK":
			return 1.0 / 7
		}
	}
	return 0
}

// inWords compares two texts: the same, or with other numbers.
func inWords(a, b string) agreement {
	switch {
	case a == "" || b == "":
		return unknown
	case sameText(a, b):
		return equal
	case !slices.Equal(numbersIn(a), numbersIn(b)):
		return differ
	}
	return unknown
}

// contradicts tells whether words give numbers, and the amount that an instruction states in its structure is not one of
// them.
func contradicts(text string, d fhir.Value) bool {
	ns := numbersIn(text)
	if len(ns) == 0 {
		return false
	}
	for r := range d.Get("doseAndRate").Items() {
		for _, q := range []fhir.Value{r.Path("doseQuantity", "value"), r.Path("doseRange", "low", "value"), r.Path("doseRange", "high", "value")} {
			if q.IsNumber() && !slices.ContainsFunc(ns, func(n string) bool { return sameNumber(n, q.Text()) }) {
				return true
			}
		}
	}
	return false
}

// numbersIn are the numbers of a text, in digits or in words, sorted.
func numbersIn(s string) []string {
	out := strings.FieldsFunc(fold(s), func(c rune) bool { return !unicode.IsLetter(c) && (c < '0' || c > '9') && c != '.' && c != '/' })
	for i, n := range out {
		out[i] = numberWord(strings.Trim(n, "./"))
	}
	out = slices.DeleteFunc(out, func(n string) bool { return n == "" })
	slices.Sort(out)
	return out
}

// numberWord is the number that a word is or begins with, such as 500 of "500mg"; "" for other words.
func numberWord(s string) string {
	switch s {
	case "half":
		return "0.5"
	case "one", "once":
		return "1"
	case "two", "twice":
		return "2"
	case "three", "thrice":
		return "3"
	case "four":
		return "4"
	case "five":
		return "5"
	case "six":
		return "6"
	case "1/2":
		return "0.5"
	}
	i := 0
	for i < len(s) && (s[i]-'0' <= 9 || s[i] == '.') {
		i++
	}
	return strings.Trim(s[:i], ".")
}
