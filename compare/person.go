package compare

import (
	"slices"
	"strings"

	"concord/fhir"
)

// alikeNames tells whether two names can be one person's written down twice: a family name, or a part of it, and the first
// given name, or its beginning, are the same. Former names are as good as present ones, since a site may know no other.
func alikeNames(a, b fhir.Value) bool {
	fa, fb := fold(a.Get("family").Text()), fold(b.Get("family").Text())
	ga, gb := fold(given(a)), fold(given(b))
	if fa == "" && ga == "" || fb == "" && gb == "" { // text only
		ta, tb := nameText(a), nameText(b)
		return fold(ta) == fold(tb)
	}
	family := fa == "" || fb == "" || fa == fb || strings.HasPrefix(fa, fb) || strings.HasPrefix(fb, fa) || shareWord(fa, fb) ||
		strings.ReplaceAll(fa, " ", "") == strings.ReplaceAll(fb, " ", "")
	first := ga == "" || gb == "" || strings.HasPrefix(ga, gb) || strings.HasPrefix(gb, ga)
	return family && first
}

// given is the first given name.
func given(v fhir.Value) string {
	for g := range v.Get("given").Items() {
		return g.Text()
	}
	return ""
}

func shareWord(a, b string) bool {
	words := strings.Fields(b)
	for w := range strings.FieldsSeq(a) {
		if len(w) > 2 && slices.Contains(words, w) {
			return true
		}
	}
	return false
}

// alikeAddresses tells whether two addresses are one house: the number of the house and the postal code, or the town.
func alikeAddresses(a, b fhir.Value) bool {
	na, nb := digits(firstLine(a)), digits(firstLine(b))
	if na != "" && nb != "" && na != nb {
		return false
	}
	za, zb := zip(a), zip(b)
	if za != "" && zb != "" {
		return za == zb
	}
	ca, cb := fold(a.Get("city").Text()), fold(b.Get("city").Text())
	return ca == "" || cb == "" || ca == cb
}

func firstLine(v fhir.Value) string {
	for l := range v.Get("line").Items() {
		return l.Text()
	}
	return ""
}

func zip(v fhir.Value) string {
	z := digits(v.Get("postalCode").Text())
	return z[:min(5, len(z))]
}

// alikeTelecoms tells whether two are one number or address. Those of different systems do not contradict one another.
func alikeTelecoms(a, b fhir.Value) bool {
	if a.Get("system").Text() != b.Get("system").Text() {
		return true
	}
	va, vb := a.Get("value").Text(), b.Get("value").Text()
	if a.Get("system").Is("email") || a.Get("system").Is("url") {
		return strings.EqualFold(va, vb)
	}
	da, db := digits(va), digits(vb)
	if len(da) >= 7 && len(db) >= 7 {
		n := min(len(da), len(db), 10)
		return da[len(da)-n:] == db[len(db)-n:]
	}
	return fold(va) == fold(vb)
}
