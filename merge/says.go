package merge

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"concord/fhir"
)

// agreement is whether two elements say the same.
type agreement uint8

const (
	differ  agreement = iota
	unknown           // nothing that both have can be compared
	equal
)

func agree(same bool) agreement {
	if same {
		return equal
	}
	return differ
}

// and is the weaker of two; the members of an element must all agree.
func (a agreement) and(b agreement) agreement { return min(a, b) }

// says compares two elements by their meaning: decimals by their value, times by the instant, concepts by a code of a
// standard system that both have, quantities with their units. What only one of them has does not make them differ,
// and references are not compared, since each source names its own resources.
func says(a, b fhir.Value) agreement {
	switch {
	case a.IsObject() && b.IsObject():
		return objects(a, b)
	case a.IsArray() || b.IsArray():
		return arrays(a, b)
	case a.IsString() && b.IsString():
		return agree(a.Text() == b.Text() || sameInstant(a.Text(), b.Text()))
	case a.IsNumber() && b.IsNumber():
		return agree(sameDecimal(a.Text(), b.Text()))
	}
	return agree(string(a.Raw()) == string(b.Raw()))
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
		return agree(a.Get("code").Text() == b.Get("code").Text() &&
			fhir.CanonicalSystem(a.Get("system").Text()) == fhir.CanonicalSystem(b.Get("system").Text()))
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

// concepts share a code of a standard system, or, where one has none, the text.
func concepts(a, b fhir.Value) agreement {
	standardA, standardB := false, false
	for x := range a.Get("coding").Items() {
		sx := fhir.CanonicalSystem(x.Get("system").Text())
		if !fhir.StandardSystem(sx) {
			continue
		}
		standardA = true
		for y := range b.Get("coding").Items() {
			if x.Get("code").Text() == y.Get("code").Text() && sx == fhir.CanonicalSystem(y.Get("system").Text()) {
				return equal
			}
		}
	}
	for y := range b.Get("coding").Items() {
		standardB = standardB || fhir.StandardSystem(fhir.CanonicalSystem(y.Get("system").Text()))
	}
	if ta, tb := fold(conceptText(a)), fold(conceptText(b)); ta != "" && ta == tb && !(standardA && standardB) {
		return equal
	}
	if standardA && standardB {
		return differ
	}
	return unknown
}

// conceptText is a concept's text, or the first display of its codings.
func conceptText(v fhir.Value) string {
	if t := v.Get("text").Text(); t != "" {
		return t
	}
	for c := range v.Get("coding").Items() {
		if d := c.Get("display").Text(); d != "" {
			return d
		}
	}
	return ""
}

func quantities(a, b fhir.Value) agreement {
	if !sameDecimal(a.Get("value").Text(), b.Get("value").Text()) || a.Get("comparator").Text() != b.Get("comparator").Text() {
		return differ
	}
	ca, cb, ua, ub := a.Get("code").Text(), b.Get("code").Text(), a.Get("unit").Text(), b.Get("unit").Text()
	switch {
	case ca != "" && cb != "":
		return agree(ca == cb)
	case ca == "" && ua == "" || cb == "" && ub == "":
		return equal
	}
	return agree(fold(ua) == fold(ub) || ca != "" && ca == ub || cb != "" && cb == ua)
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

// sameInstant tells whether two dateTimes that have a time and a zone are one instant.
func sameInstant(a, b string) bool {
	if len(a) < 20 || len(b) < 20 || a[0]-'0' > 9 || b[0]-'0' > 9 {
		return false
	}
	x, ok := fhir.ParseDate(a)
	y, ok2 := fhir.ParseDate(b)
	return ok && ok2 && x.HasZone && y.HasZone && x.Lo.Equal(y.Lo)
}

// fold is a text for comparison: composed, without case, with single spaces.
func fold(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
	}
	if plain {
		return s
	}
	return strings.Join(strings.Fields(cases.Fold().String(norm.NFC.String(s))), " ")
}

// sameDecimal compares two JSON numbers by their value: 1.50 is 1.5 and 15e-1.
func sameDecimal(a, b string) bool {
	if a == b {
		return true
	}
	na, da, ea := decimal(a)
	nb, db, eb := decimal(b)
	return da == db && (da == "" || na == nb && ea == eb)
}

// decimal is a number's sign, its digits without zeros at either end, and the exponent of the last digit.
func decimal(s string) (negative bool, digits string, exp int) {
	if strings.HasPrefix(s, "-") {
		negative, s = true, s[1:]
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exp = smallInt(s[i+1:])
		s = s[:i]
	}
	if i := strings.IndexByte(s, '.'); i >= 0 {
		exp -= len(s) - i - 1
		s = s[:i] + s[i+1:]
	}
	s = strings.TrimLeft(s, "0")
	t := strings.TrimRight(s, "0")
	return negative, t, exp + len(s) - len(t)
}

// smallInt reads an exponent; beyond a million they are all alike, and no measurement.
func smallInt(s string) int {
	n, neg := 0, strings.HasPrefix(s, "-")
	for _, c := range strings.TrimLeft(s, "+-") {
		if n = n*10 + int(c-'0'); n > 1e6 {
			n = 1e6
		}
	}
	if neg {
		return -n
	}
	return n
}
