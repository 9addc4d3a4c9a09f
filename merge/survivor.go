package merge

import (
	"strings"

	"concord/fhir"
)

// survivor is the copy that tells most: more elements, then more bytes, then the first by source and id.
func survivor(copies []Copy) Copy {
	best, members := copies[0], count(copies[0])
	for _, c := range copies[1:] {
		if n := count(c); n > members || n == members && len(c.Raw()) > len(best.Raw()) {
			best, members = c, n
		}
	}
	return best
}

func count(c Copy) (n int) {
	for range c.Members() {
		n++
	}
	return n
}

// additions are the elements that the survivor lacks, each from the first other copy that has it.
func additions(s Copy, copies []Copy) (out []Addition) {
	for _, c := range copies {
		if c.Source == s.Source && c.ID() == s.ID() {
			continue
		}
		for m := range c.Members() {
			n := m.Name()
			if s.Get(n).Exists() || !movable(n) || has(s.Value, n) || added(out, n) || local(c, m) {
				continue
			}
			out = append(out, Addition{From: c.Source, Value: m})
		}
	}
	return out
}

// movable tells whether an element means the same in another copy. Narrative tells of its own copy only; the rest is
// made anew, or bound to the copy's own parts.
func movable(name string) bool {
	switch name {
	case "resourceType", "id", "meta", "text", "contained", "implicitRules", "language", "modifierExtension", "extension", "link":
		return false
	}
	return !strings.HasPrefix(name, "_")
}

func added(out []Addition, name string) bool {
	for _, a := range out {
		if sameElement(a.Value.Name(), name) {
			return true
		}
	}
	return false
}

// has tells whether v has the element, under any type of its choice, or says why it has none.
func has(v fhir.Value, name string) bool {
	for m := range v.Members() {
		if sameElement(strings.TrimPrefix(m.Name(), "_"), name) {
			return true
		}
	}
	return false
}

// choices are the stems of R4's choice elements at the top of the types that are merged.
var choices = []string{"value", "effective", "onset", "abatement", "performed", "occurrence", "medication", "deceased", "multipleBirth", "asNeeded", "reported", "product", "serviced", "start", "born", "age", "timing"}

// sameElement tells whether two names are one element, such as onsetDateTime and onsetAge.
func sameElement(a, b string) bool {
	if a == b {
		return true
	}
	for _, c := range choices {
		if stem(a, c) && stem(b, c) {
			return true
		}
	}
	return false
}

func stem(name, choice string) bool {
	return len(name) > len(choice) && name[:len(choice)] == choice && name[len(choice)] >= 'A' && name[len(choice)] <= 'Z'
}

// local tells whether an element refers to a contained resource of its own copy.
func local(c Copy, m fhir.Value) bool {
	if !c.Get("contained").Exists() {
		return false
	}
	for v := range m.Within() {
		if v.Name() == "reference" && strings.HasPrefix(v.Text(), "#") {
			return true
		}
	}
	return false
}
