package merge

import (
	"slices"
	"strings"
	"unicode"

	"concord/fhir"
)

// party compares whom two references mean, by path from the copies: by identifiers, by what was merged, or else by name.
// Of several, one that both name is enough.
func party(a, b *Facts, path ...string) agreement {
	x, y := a.Path(path[:1]...), b.Path(path[:1]...)
	if !x.Exists() || !y.Exists() {
		return unknown
	}
	out, compared := differ, false
	for v := range x.Items() {
		v = v.Path(path[1:]...)
		for u := range y.Items() {
			switch sameParty(a, b, v, u.Path(path[1:]...)) {
			case equal:
				return equal
			case unknown:
				out = unknown
			case differ:
			}
			compared = true
		}
	}
	if !compared {
		return unknown
	}
	return out
}

func sameParty(a, b *Facts, x, y fhir.Value) agreement {
	rx, gx := a.world.target(a.Copy, x)
	ry, gy := b.world.target(b.Copy, y)
	if gx != 0 && gx == gy {
		return equal
	}
	if s := sharedNumber(x, rx, y, ry); s != unknown {
		return s
	}
	return sameName(nameOf(x, rx), nameOf(y, ry))
}

// sharedNumber compares national numbers, in the reference or the resource.
func sharedNumber(x, rx, y, ry fhir.Value) agreement {
	for _, v := range [...]fhir.Value{x, rx} {
		for i := range v.Get("identifier").Items() {
			k, ok := nationalKey(i)
			if !ok {
				continue
			}
			for _, u := range [...]fhir.Value{y, ry} {
				for j := range u.Get("identifier").Items() {
					if l, ok := nationalKey(j); ok {
						return agree(k == l)
					}
				}
			}
		}
	}
	return unknown
}

// nationalKey is the key of a National Provider Identifier whose check digit holds.
func nationalKey(id fhir.Value) (Key, bool) {
	v := strings.TrimSpace(id.Get("value").Text())
	if len(v) != 10 || fhir.CanonicalSystem(id.Get("system").Text()) != fhir.SystemNPI || !luhn(v) || repeated(v) {
		return 0, false
	}
	return digest("npi", v), true
}

// identified reads a copy of somebody, or of a house: the numbers that stand for themselves, and other identifiers, which
// a name has to bear out.
func (w *World) identified(c Copy, number func(id fhir.Value) (Key, bool)) Facts {
	f := w.begin(c)
	if w.opaque() {
		return f
	}
	f.Entity = true
	add := func(key func(fhir.Value) (Key, bool)) {
		for id := range c.Get("identifier").Items() {
			if k, ok := key(id); ok {
				w.keys = append(w.keys, k)
			}
		}
	}
	add(number)
	w.endIDs(&f)
	add(w.namedKey)
	w.end(&f)
	return f
}

// namedKey is the key of an identifier of somebody that has to be borne out by the name: any that is not a valid NPI.
func (w *World) namedKey(id fhir.Value) (Key, bool) {
	k, ok := w.identifierKey(id)
	if v := strings.TrimSpace(id.Get("value").Text()); !ok && v != "" && fhir.CanonicalSystem(id.Get("system").Text()) == fhir.SystemNPI {
		k, ok = digest("identifier", fhir.SystemNPI, v), true // too short for a number, but the name has to bear it out
	}
	return k.with("named"), ok
}

// luhn checks an NPI's last digit, over the prefix 80840 (ISO 7812, 45 CFR 162.406).
func luhn(npi string) bool { return digits(npi) && luhnDigit(npi[:9], 24) == npi[9] }

// luhnDigit is the check digit that follows digits s; sum is what stands before them is worth.
func luhnDigit(s string, sum int) byte {
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// nameOf is what a reference calls its target, or the target itself.
func nameOf(ref, r fhir.Value) string {
	if d := ref.Get("display").Text(); d != "" {
		return d
	}
	n := r.Get("name")
	if n.IsString() {
		return n.Text()
	}
	for h := range n.Items() {
		return humanName(h)
	}
	return ""
}

func humanName(v fhir.Value) string {
	if t := v.Get("text").Text(); t != "" {
		return t
	}
	var parts []string
	for g := range v.Get("given").Items() {
		parts = append(parts, g.Text())
	}
	return strings.Join(append(parts, v.Get("family").Text()), " ")
}

// sameName compares two names of persons or houses as sets of words. One that says more than the other may be another.
func sameName(a, b string) agreement {
	if a == "" || b == "" {
		return unknown
	}
	if a == b {
		return equal
	}
	x, y := nameWords(a), nameWords(b)
	switch {
	case len(x) == 0 || len(y) == 0:
		return unknown
	case len(x) == len(y) && within(x, y):
		return equal
	case len(x) < len(y) && within(x, y), len(y) < len(x) && within(y, x):
		return unknown
	}
	return differ
}

// within tells whether each word of a is one of b, or the first letter of one.
func within(a, b []string) bool {
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y string) bool {
			return x == y || len(x) == 1 && strings.HasPrefix(y, x) || len(y) == 1 && strings.HasPrefix(x, y)
		}) {
			return false
		}
	}
	return true
}

// nameWords are the words of a name without titles.
func nameWords(s string) []string {
	words := strings.FieldsFunc(strings.ReplaceAll(strings.ReplaceAll(fold(s), "'", ""), ".", ""), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	return slices.DeleteFunc(words, func(w string) bool {
		switch w {
		case "dr", "md", "do", "np", "pa", "pac", "rn", "lpn", "phd", "dds", "dmd", "dpm", "pharmd", "mr", "mrs", "ms", "the", "of", "inc", "llc", "pc", "pllc", "facp", "fnp", "aprn", "mph", "crnp":
			return true
		}
		return false
	})
}

// byParty tells events apart by who took part: other people, other events. An identifier says more than a name.
func byParty(e Evidence, path ...string) check {
	return func(p *pair) finding {
		switch party(p.a, p.b, path...) {
		case equal:
			return found(e)
		case differ:
			if p.same == 0 {
				return finding{}
			}
		case unknown:
		}
		return fine()
	}
}

// sameEncounter is that both belong to one encounter, as far as those were merged.
func sameEncounter(p *pair) finding {
	if p.a.visit != 0 && p.a.visit == p.b.visit {
		return found(byEncounter)
	}
	return fine()
}
