package merge

import (
	"strings"

	"concord/fhir"
)

// FNV-1a: the same in every process, so that nothing depends on which gateway answers.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// digest begins a key.
func digest(parts ...string) Key {
	k := Key(fnvOffset)
	for _, p := range parts {
		k = k.with(p)
	}
	return k
}

// with is the key of k and s.
func (k Key) with(s string) Key {
	for i := 0; i < len(s); i++ {
		k = (k ^ Key(s[i])) * fnvPrime
	}
	return (k ^ 0xff) * fnvPrime // a byte that no text holds, so that "ab","c" is not "a","bc"
}

// withInt is the key of k and n.
func (k Key) withInt(n int64) Key {
	for range 8 {
		k = (k ^ Key(n&0xff)) * fnvPrime
		n >>= 8
	}
	return (k ^ 0xfe) * fnvPrime
}

// overlap tells whether two short lists share a key.
func overlap(a, b []Key) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// codes are the keys of the first of elements that c has: each coding of a standard system, under one name of the
// system; without any, the text. A local code means nothing outside its tenant.
func codes(c Copy, elements []string) []Key {
	for _, n := range elements {
		v := c.Get(n)
		if !v.Exists() {
			continue
		}
		if isReference(v) {
			v = contained(c, v.Get("reference").Text()).Get("code")
		}
		var out []Key
		for concept := range v.Items() {
			out = conceptKeys(out, concept)
		}
		return out
	}
	return nil
}

func conceptKeys(out []Key, v fhir.Value) []Key {
	standard := false
	for coding := range codings(v) {
		sys, code := fhir.CanonicalSystem(coding.Get("system").Text()), coding.Get("code").Text()
		if code == "" || !fhir.StandardSystem(sys) || placeholder(code) {
			continue
		}
		standard = true
		out = append(out, digest("code", sys, code))
	}
	if standard {
		return out
	}
	if t := fold(conceptText(v)); t != "" && !placeholder(t) {
		out = append(out, digest("text", t))
	}
	return out
}

// codings are those of a CodeableConcept, or a Coding itself.
func codings(v fhir.Value) func(func(fhir.Value) bool) {
	if v.Get("code").IsString() {
		return v.Items()
	}
	return v.Get("coding").Items()
}

// placeholder tells of codes and texts that say that nothing is known; they never make two things the same
// (NullFlavor, data-absent-reason).
func placeholder(s string) bool {
	switch strings.ToLower(s) {
	case "unk", "unknown", "ni", "na", "nask", "asku", "nav", "oth", "other", "masked", "not-applicable", "not on file", "none", "n/a", "no information", "1631000175102":
		return true
	}
	return false
}

// contained is the contained resource that a reference such as "#m1" means.
func contained(c Copy, ref string) fhir.Value {
	if id, ok := strings.CutPrefix(ref, "#"); ok && id != "" {
		for r := range c.Get("contained").Items() {
			if r.Get("id").Is(id) {
				return r
			}
		}
	}
	return fhir.Value{}
}

// identifierKey is the key of a business identifier whose system is a URI, and so means the same everywhere.
func identifierKey(id fhir.Value) (Key, bool) {
	sys, val := id.Get("system").Text(), strings.TrimSpace(id.Get("value").Text())
	if val == "" || !strings.Contains(sys, ":") || placeholder(val) {
		return 0, false
	}
	return digest("identifier", sys, val), true
}

// sharesIdentifier tells whether two copies have a business identifier in common.
func sharesIdentifier(a, b Copy) bool {
	for _, n := range []string{"masterIdentifier", "identifier"} {
		for x := range a.Get(n).Items() {
			kx, ok := identifierKey(x)
			if !ok {
				continue
			}
			for y := range b.Get(n).Items() {
				if ky, ok := identifierKey(y); ok && kx == ky {
					return true
				}
			}
		}
	}
	return false
}
