package merge

import (
	"bytes"
	"slices"
	"strings"

	"concord/fhir"
)

// adder collects what a survivor gains.
type adder struct {
	survivor Copy
	own      index
	person   bool
	out      []Addition
}

// additions are what the survivor lacks and other copies have: elements, items of lists, codings of concepts; each once.
// scratch is room to work in.
func additions(s Copy, copies []Copy, scratch *[]Addition) []Addition {
	a := adder{survivor: s, person: s.Type() == fhir.TypePatient, out: (*scratch)[:0]}
	a.own.read(s.Value)
	for _, c := range copies {
		if c == s {
			continue
		}
		for m := range c.Members() {
			a.member(c, m)
		}
	}
	*scratch = a.out
	return slices.Clone(a.out)
}

func (a *adder) member(c Copy, m fhir.Value) {
	n := m.Name()
	if !movable(n) && (n != "extension" || !a.person) {
		return
	}
	own := a.own.get(a.survivor.Value, n)
	if own.Exists() && bytes.Equal(own.Raw(), m.Raw()) {
		return
	}
	switch {
	case own.IsArray():
		if m.IsArray() && unites(n) && (n != "interpretation" && n != "referenceRange" || a.together(c, n)) {
			a.items(c, "", own, n, m)
		}
	case own.IsObject() && m.IsObject() && isConcept(own):
		a.concept(c, n, own, m)
	case own.Exists() || has(a.survivor.Value, n) || local(c, m) || !a.together(c, n):
	case m.IsArray() && unites(n) && ofObjects(m):
		a.items(c, "", own, n, m)
	case !a.added("", n):
		a.add(c, m, "", "")
	}
}

// ofObjects tells whether the items of a list are objects; lists of words, such as an allergy's categories, move as a whole.
func ofObjects(list fhir.Value) bool {
	for x := range list.Items() {
		return x.IsObject()
	}
	return true
}

func (a *adder) add(c Copy, v fhir.Value, into, name string) {
	a.out = append(a.out, Addition{From: c.Source, ID: c.ID(), Value: v, Into: into, Name: name})
}

// items adds the items of list that own, the survivor's, lacks.
func (a *adder) items(c Copy, into string, own fhir.Value, name string, list fhir.Value) {
next:
	for x := range list.Items() {
		if !x.IsObject() || local(c, x) || !tells(name, x) {
			continue
		}
		for y := range own.Items() {
			if alikeItems(name, x, y) {
				continue next
			}
		}
		for _, o := range a.out {
			if o.Into == into && o.Name == name && alikeItems(name, x, o.Value) {
				continue next
			}
		}
		a.add(c, x, into, name)
	}
}

// concept adds the codings of a concept to the survivor's, and its words where that has none.
func (a *adder) concept(c Copy, name string, own, m fhir.Value) {
	if codings := own.Get("coding"); codings.IsArray() || !codings.Exists() {
		a.items(c, name, codings, "coding", m.Get("coding"))
	}
	if t := m.Get("text"); t.IsString() && !own.Get("text").Exists() && !own.Get("_text").Exists() && !a.added(name, "text") {
		a.add(c, t, name, "")
	}
}

// added tells whether the survivor gains an element already.
func (a *adder) added(into, name string) bool {
	for _, o := range a.out {
		if o.Into == into && (o.Name == name || o.Name == "" && sameElement(o.Value.Name(), name)) {
			return true
		}
	}
	return false
}

// movable tells whether an element means the same in another copy. Narrative tells of its own copy only; the rest is
// made anew, or bound to the copy's own parts.
func movable(name string) bool {
	switch name {
	case "resourceType", "id", "meta", "text", "contained", "implicitRules", "language", "modifierExtension", "extension", "link":
		return false
	}
	return name != "" && name[0] != '_'
}

// unites tells of the lists that are put together item by item. Lists whose items belong together, such as instructions
// and components, stay those of one copy.
func unites(name string) bool {
	switch name {
	case "identifier", "note", "telecom", "address", "name", "alias", "category", "reaction", "interpretation", "referenceRange",
		"reasonCode", "communication", "qualification", "extension", "type":
		return true
	}
	return false
}

// tells tells whether an item says anything that is worth having beside others.
func tells(name string, x fhir.Value) bool {
	switch name {
	case "coding":
		return x.Get("code").IsString()
	case "extension": // of a person: what US Core says of one, and nothing of how a source files it
		return strings.HasPrefix(x.Get("url").Text(), "http://hl7.org/fhir/")
	}
	return true
}

// alikeItems tells whether two items of a list are the same.
func alikeItems(name string, x, y fhir.Value) bool {
	if string(x.Raw()) == string(y.Raw()) {
		return true
	}
	switch name {
	case "coding":
		return x.Get("code").Text() == y.Get("code").Text() && fhir.CanonicalSystem(x.Get("system").Text()) == fhir.CanonicalSystem(y.Get("system").Text())
	case "identifier":
		return strings.TrimSpace(x.Get("value").Text()) == strings.TrimSpace(y.Get("value").Text()) &&
			fhir.CanonicalSystem(x.Get("system").Text()) == fhir.CanonicalSystem(y.Get("system").Text())
	case "telecom":
		return x.Get("system").Text() == y.Get("system").Text() && numberKey(x) == numberKey(y)
	case "note":
		return sameText(x.Get("text").Text(), y.Get("text").Text())
	case "name":
		return says(x, y) == equal && sameText(humanName(x), humanName(y))
	case "address":
		k, okx := addressKey(x)
		l, oky := addressKey(y)
		return okx && oky && k == l
	case "extension":
		return x.Get("url").Text() == y.Get("url").Text()
	case "communication":
		return concepts(x.Get("language"), y.Get("language")) == equal
	case "reaction":
		return says(x, y) == equal && x.Get("manifestation").Exists() == y.Get("manifestation").Exists()
	case "referenceRange":
		return sameText(rangeText(x), rangeText(y)) && says(x, y) == equal
	}
	return says(x, y) == equal
}

// numberKey is a telephone number's last ten digits, or an address in lower case.
func numberKey(x fhir.Value) string {
	v := x.Get("value").Text()
	if x.Get("system").Is("email") || x.Get("system").Is("url") {
		return fold(v)
	}
	d := letters(v)
	if digits(d) && len(d) > 10 {
		d = d[len(d)-10:]
	}
	return d
}

func rangeText(x fhir.Value) string {
	return x.Get("text").Text() + "|" + x.Path("type", "text").Text()
}

// together tells whether an element may move to the survivor without those that it depends on: what the survivor has of
// these, the copy says alike.
func (a *adder) together(c Copy, name string) bool {
	for _, g := range dependents() {
		in := false
		for _, n := range g {
			in = in || n == name || stem(name, n)
		}
		if !in {
			continue
		}
		for _, n := range g {
			own := choice(a.survivor.Value, n)
			if !own.Exists() || sameElement(own.Name(), name) {
				continue
			}
			theirs := choice(c.Value, n)
			if n == "interpretation" || n == "referenceRange" { // lists of which each may say more than the other
				continue
			}
			if !theirs.Exists() || values(own, theirs) != equal {
				return false
			}
			if name == "referenceRange" && n == "value" && own.IsObject() && !unitNames(own).same(unitNames(theirs)) {
				return false // a range in another unit
			}
		}
	}
	return true
}

// dependents are elements that mean something only together.
func dependents() [6][]string {
	return [...][]string{{"value", "dataAbsentReason", "interpretation", "referenceRange"}, {"clinicalStatus", "abatement"}, {"status", "statusReason"},
		{"lotNumber", "expirationDate"}, {"period", "length"}, {"subscriberId", "dependent"}}
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
