package compare

import (
	"slices"
	"strings"

	"concord/fhir"
)

// maxText bounds what one value is told in, in bytes: a report is read by people, and the copy is a click away.
const maxText = 400

// words says a value as its source does: the words of a concept, a quantity with its unit, a dose as a line.
func words(v fhir.Value) string { return clip(wordsOf(v, 0)) }

// clip cuts a long text at the end of a character, and takes out what can't be printed.
func clip(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }), " ")
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for len(s) > 0 && s[len(s)-1]&0xc0 == 0x80 {
		s = s[:len(s)-1]
	}
	if len(s) > 0 && s[len(s)-1] >= 0xc0 {
		s = s[:len(s)-1]
	}
	return s + "…"
}

func wordsOf(v fhir.Value, depth int) string {
	switch {
	case depth > 6:
		return ""
	case v.IsArray():
		var all []string
		for x := range v.Items() {
			if s := wordsOf(x, depth+1); s != "" && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		return strings.Join(all, "; ")
	case v.IsObject():
		return wordsOfObject(v, depth)
	}
	return v.Text()
}

func wordsOfObject(v fhir.Value, depth int) string {
	has := func(n string) bool { return v.Get(n).Exists() }
	switch {
	case has("coding"):
		return conceptWords(v)
	case has("family") || has("given"):
		return nameText(v)
	case has("line") || has("city") || has("postalCode"):
		return addressText(v)
	case has("doseAndRate") || has("timing") || has("asNeededBoolean") || has("asNeededCodeableConcept"):
		return doseText(v, depth)
	case v.Get("value").IsNumber():
		return strings.TrimSpace(v.Get("comparator").Text() + v.Get("value").Text() + " " + unitText(v))
	case has("start") || has("end"):
		return v.Get("start").Text() + " to " + v.Get("end").Text()
	case has("low") || has("high"):
		return strings.TrimSpace(wordsOf(v.Get("low"), depth+1) + " to " + wordsOf(v.Get("high"), depth+1))
	case has("numerator") || has("denominator"):
		return wordsOf(v.Get("numerator"), depth+1) + " per " + wordsOf(v.Get("denominator"), depth+1)
	case has("display"):
		return v.Get("display").Text()
	case v.Get("text").IsString():
		return v.Get("text").Text()
	case v.Get("value").IsString(): // a telecom, an identifier
		return strings.TrimSpace(v.Get("system").Text() + " " + v.Get("value").Text())
	case v.Get("code").IsString():
		return v.Get("code").Text()
	}
	var all []string
	for m := range v.Members() {
		switch m.Name() {
		case "id", "extension", "modifierExtension", "reference", "referenceRange", "sequence":
			continue
		}
		if s := wordsOf(m, depth+1); s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, " ")
}

func conceptWords(v fhir.Value) string {
	if t := strings.TrimSpace(v.Get("text").Text()); t != "" {
		return t
	}
	code := ""
	for c := range v.Get("coding").Items() {
		if d := strings.TrimSpace(c.Get("display").Text()); d != "" {
			return d
		}
		if code == "" {
			code = c.Get("code").Text()
		}
	}
	return code
}

func unitText(q fhir.Value) string {
	if u := q.Get("unit").Text(); u != "" {
		return u
	}
	return q.Get("code").Text()
}

func nameText(v fhir.Value) string {
	if t := v.Get("text").Text(); t != "" {
		return t
	}
	var parts []string
	for g := range v.Get("given").Items() {
		parts = append(parts, g.Text())
	}
	parts = append(parts, v.Get("family").Text())
	for s := range v.Get("suffix").Items() {
		parts = append(parts, s.Text())
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

func addressText(v fhir.Value) string {
	var parts []string
	for l := range v.Get("line").Items() {
		parts = append(parts, l.Text())
	}
	for _, n := range []string{"city", "state", "postalCode"} {
		if s := v.Get(n).Text(); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

// doseText is the amount, how often and by which route, with the instruction's own words behind it.
func doseText(v fhir.Value, depth int) string {
	var parts []string
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(parts, s) {
			parts = append(parts, s)
		}
	}
	for d := range v.Get("doseAndRate").Items() {
		for m := range d.Members() {
			if m.Name() != "type" {
				add(wordsOf(m, depth+1))
			}
		}
	}
	if r := v.Path("timing", "repeat"); r.Get("period").Exists() {
		n := r.Get("frequency").Text()
		if n == "" {
			n = "1"
		}
		add(n + " per " + r.Get("period").Text() + " " + r.Get("periodUnit").Text())
	}
	add(conceptWords(v.Path("timing", "code")))
	add(conceptWords(v.Get("route")))
	if a := v.Get("asNeededBoolean"); a.Text() == "true" || v.Get("asNeededCodeableConcept").Exists() {
		add("as needed")
	}
	if t := v.Get("text").Text(); t != "" {
		if len(parts) == 0 {
			return t
		}
		return strings.Join(parts, ", ") + " (" + t + ")"
	}
	return strings.Join(parts, ", ")
}
