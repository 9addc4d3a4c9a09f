package merge

import (
	"strings"

	"concord/fhir"
)

// and is the weaker of two; the members of an element must all agree.
func (a agreement) and(b agreement) agreement { return min(a, b) }

// says compares two elements by their meaning: decimals by their value, times as far as both were stated, concepts by a
// code of a standard system that both have, quantities with their units. What only one of them has does not make them
// differ, and references are not compared, since each source names its own resources.
func says(a, b fhir.Value) agreement {
	switch {
	case a.IsObject() && b.IsObject():
		return objects(a, b)
	case a.IsArray() || b.IsArray():
		return arrays(a, b)
	case a.IsString() && b.IsString():
		return agree(sayTexts(a, b))
	case a.IsNumber() && b.IsNumber():
		return agree(sameNumber(a.Text(), b.Text()))
	}
	return agree(string(a.Raw()) == string(b.Raw()))
}

// sayTexts compares two strings: as times, where both are, or as text.
func sayTexts(a, b fhir.Value) bool {
	x, y := a.Text(), b.Text()
	if x == y {
		return true
	}
	if isTime(x) && isTime(y) {
		return timingOf(momentOf(a), momentOf(b), 59, false) >= roughly
	}
	return sameText(x, y)
}

func isTime(s string) bool {
	return len(s) >= 4 && digits(s[:4]) && (len(s) == 4 || len(s) >= 7 && s[4] == '-' && digits(s[5:7]))
}

func objects(a, b fhir.Value) agreement {
	switch {
	case isReference(a) || isReference(b):
		return equal
	case isConcept(a) || isConcept(b):
		return concepts(a, b)
	case isCoding(a) && isCoding(b):
		if !a.Get("system").Exists() || !b.Get("system").Exists() {
			return agree(a.Get("code").Text() == b.Get("code").Text())
		}
		return concepts(a, b)
	case a.Get("value").IsNumber() && b.Get("value").IsNumber():
		return quantities(a, b)
	}
	out := equal
	for m := range a.Members() {
		switch n := m.Name(); n {
		case "id", "extension", "display":
		default:
			if o := b.Get(n); o.Exists() {
				out = out.and(says(m, o))
			}
		}
	}
	return out
}

func isReference(v fhir.Value) bool { return v.Get("reference").IsString() }

// isConcept tells a CodeableConcept, also one of nothing but text, from other elements that have a text beside more.
func isConcept(v fhir.Value) bool {
	if v.Get("coding").Exists() {
		return true
	}
	text := false
	for m := range v.Members() {
		switch m.Name() {
		case "text":
			text = true
		case "id", "extension":
		default:
			return false
		}
	}
	return text
}

func isCoding(v fhir.Value) bool { return v.Get("code").IsString() && !v.Get("value").Exists() }

// concepts share a code of a standard system and have none that exclude each other; where they have no system in common,
// the words tell.
func concepts(a, b fhir.Value) agreement {
	if string(a.Raw()) == string(b.Raw()) {
		return equal
	}
	x, y := conceptOf(a), conceptOf(b)
	switch alike(x, y, snomed, icd10) {
	case shared, worded, translated:
		return equal
	case contrary:
		return differ
	case silent:
		return unknown
	case unlike:
	}
	if len(x.codes) > 0 && len(y.codes) > 0 && !commonSystem(a, b) {
		switch {
		case overlap(x.texts, y.texts):
			return equal
		case len(x.texts) == 0 || len(y.texts) == 0:
			return unknown
		}
	}
	return differ
}

// commonSystem tells whether both have a code of one standard system.
func commonSystem(a, b fhir.Value) bool {
	for x := range codings(a) {
		sx := fhir.CanonicalSystem(x.Get("system").Text())
		if !fhir.StandardSystem(sx) {
			continue
		}
		for y := range codings(b) {
			if sx == fhir.CanonicalSystem(y.Get("system").Text()) {
				return true
			}
		}
	}
	return false
}

// codings are those of a CodeableConcept, or a Coding itself.
func codings(v fhir.Value) func(func(fhir.Value) bool) {
	if v.Get("code").IsString() {
		return v.Items()
	}
	return v.Get("coding").Items()
}

// arrays say the same when the items of the shorter one find a partner each in the longer, and both have as many.
func arrays(a, b fhir.Value) agreement {
	n, m := a.Len(), b.Len()
	if n != m {
		return differ
	}
	const searched = 64 // beyond that, in order only: the search is quadratic
	var ys []fhir.Value
	for y := range b.Items() {
		ys = append(ys, y)
	}
	taken := make([]bool, len(ys))
	out, i := equal, 0
	for x := range a.Items() {
		best, at := differ, -1
		for j, y := range ys {
			if taken[j] || n > searched && j != i {
				continue
			}
			if s := says(x, y); s > best {
				if best, at = s, j; s == equal {
					break
				}
			}
		}
		if at < 0 {
			return differ
		}
		taken[at] = true
		out = out.and(best)
		i++
	}
	return out
}

// choice is the element of a choice such as value[x], whichever type it has.
func choice(v fhir.Value, name string) fhir.Value {
	if name == "value" { // the common ones first: names are dear
		for _, n := range [...]string{"valueQuantity", "valueCodeableConcept", "valueString"} {
			if m := v.Get(n); m.Exists() {
				return m
			}
		}
	}
	for m := range v.Members() {
		if stem(m.Name(), name) || m.Name() == name {
			return m
		}
	}
	return fhir.Value{}
}

// values compares two values of a choice that may be of different types: a number is the same with a unit or without,
// and words are the same as a text or a concept.
func values(x, y fhir.Value) agreement {
	if x.Name() == y.Name() {
		return says(x, y)
	}
	nx, okx := numberOf(x)
	ny, oky := numberOf(y)
	if okx && oky {
		return agree(sameNumber(nx, ny))
	}
	tx, ty := wordsOf(x), wordsOf(y)
	if overlap(tx, ty) {
		return equal
	}
	return differ
}

// numberOf is the number of a bare number, or of a quantity without comparator.
func numberOf(v fhir.Value) (string, bool) {
	if v.IsObject() && !v.Get("comparator").Exists() {
		v = v.Get("value")
	}
	if v.IsNumber() {
		return v.Text(), true
	}
	if v.IsString() {
		s := strings.TrimSpace(v.Text())
		_, ok := parseNumber(s)
		return s, ok
	}
	return "", false
}

// wordsOf are the texts of a string or a concept.
func wordsOf(v fhir.Value) []Key {
	var w reader
	if v.IsString() {
		w.readText(v)
	} else if isConcept(v) || isCoding(v) {
		w.readConcept(v)
	}
	return w.texts
}
