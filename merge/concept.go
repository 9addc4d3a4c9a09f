package merge

import (
	"slices"
	"strings"

	"concord/fhir"
)

// concept is what a CodeableConcept says: codes of standard systems, whose meaning is the same everywhere, and words.
type concept struct {
	codes []coded
	texts []Key
	// locals are codes of the site's own, whose meaning is the same within one source.
	locals []Key
	// sides are the sides of the body that words name.
	sides laterality
	// gloss is what words and codes of the site's own stand for elsewhere in the record, and what is left of a code that was
	// cut off may stand for; known those of them that are the only one of their system. See makeGlossary.
	gloss, known []coded
}

// likeness is how two concepts compare.
type likeness uint8

const (
	unlike     likeness = iota
	silent              // one says nothing
	translated          // the same words, and codes of systems that can't be compared
	worded              // the same words, and no code to compare
	contrary            // a code in common, and others that exclude each other
	shared              // a code in common
)

// byWords tells that no code is in common.
func (l likeness) byWords() bool { return l == worded || l == translated }

// reader collects what concepts say.
type reader struct {
	codes  []coded
	texts  []Key
	locals []Key
	sides  laterality
	cut    []coded // codes that were cut off, made whole
}

// readConcept adds what v says, a CodeableConcept, a Coding, or an array of either.
func (w *reader) readConcept(v fhir.Value) {
	for c := range v.Items() {
		if !c.IsObject() {
			continue
		}
		if c.Get("code").IsString() { // a Coding
			w.readCoding(c)
			continue
		}
		for x := range c.Get("coding").Items() {
			w.readCoding(x)
		}
		w.readText(c.Get("text"))
	}
}

func (w *reader) readCoding(v fhir.Value) {
	sys, code := v.Get("system"), v.Get("code")
	canonical := fhir.CanonicalSystem(sys.Text())
	if c, ok := standard(canonical, code.Text()); ok {
		if !hasCode(w.codes, c.key) {
			w.codes = append(w.codes, c)
		}
	} else if c, ok := wholeLOINC(canonical, strings.TrimSpace(code.Text())); ok {
		w.cut = append(w.cut, c)
	} else if code.IsString() && !fhir.StandardSystem(canonical) && !placeholder(fold(code.Text())) {
		w.locals = append(w.locals, digest("local", canonical, strings.TrimSpace(code.Text())))
	}
	if d := v.Get("display"); d.IsString() && !nullFlavor(sys.Text()) {
		w.readText(d)
	}
}

func (w *reader) readText(v fhir.Value) {
	if !v.IsString() {
		return
	}
	k, ok := textKey(v.Text())
	if !ok {
		return
	}
	if !slices.Contains(w.texts, k) {
		w.texts = append(w.texts, k)
		w.sides |= sidesIn(v.Text())
	}
}

// conceptOf is what v says.
func conceptOf(v fhir.Value) *concept {
	var r reader
	r.readConcept(v)
	return &concept{codes: r.codes, texts: r.texts, locals: r.locals, sides: r.sides, gloss: r.cut, known: sole(r.cut)}
}

// concept is what v says, in the world's memory.
func (w *World) concept(v fhir.Value) *concept {
	w.reset()
	w.readConcept(v)
	return w.take()
}

func (w *World) take() *concept {
	cut := w.codeArena.take(w.cut)
	return &concept{codes: w.codeArena.take(w.codes), texts: w.keyArena.take(w.texts), locals: w.keyArena.take(w.locals), sides: w.sides, gloss: cut, known: sole(cut)}
}

// reset begins another concept.
func (w *reader) reset() {
	w.codes, w.texts, w.locals, w.sides = w.codes[:0], w.texts[:0], w.locals[:0], 0
	w.cut = w.cut[:0]
}

// alike compares two concepts. Where both have codes of one of the decisive systems, those of one must be among those of
// the other.
func alike(a, b *concept, decisive ...system) likeness {
	switch {
	case len(a.codes) > 0 && len(b.codes) > 0:
		return alikeCodes(a, b, decisive)
	case overlap(a.texts, b.texts), overlapCodes(a.known, b.codes), overlapCodes(a.codes, b.known):
		return sided(worded, a, b)
	case len(a.codes)+len(b.codes) == 0 && overlapCodes(a.known, b.known):
		return sided(worded, a, b)
	case len(a.texts) == 0 || len(b.texts) == 0:
		return silent // one says nothing, or a code here and words there
	}
	return unlike
}

func alikeCodes(a, b *concept, decisive []system) likeness {
	if !overlapCodes(a.codes, b.codes) {
		return translatedCodes(a, b)
	}
	for _, s := range decisive {
		if overA, overB := beyond(a.codes, b.codes, s), beyond(b.codes, a.codes, s); overA && overB {
			return contrary
		}
	}
	return sided(shared, a, b)
}

// translatedCodes compares the words of two concepts that have no code in common, and no system.
func translatedCodes(a, b *concept) likeness {
	switch {
	case oneSystem(a, b) || a.sides.excludes(b.sides):
		return unlike
	case overlap(a.texts, b.texts), overlapCodes(a.known, b.codes), overlapCodes(a.codes, b.known):
		return translated
	}
	return unlike
}

// sided is l, unless the words name one side here and the other there: a code may leave the side to them.
func sided(l likeness, a, b *concept) likeness {
	if a.sides.excludes(b.sides) {
		return contrary
	}
	return l
}

// oneSystem tells whether both have a code of one system, so that what is unlike excludes each other.
func oneSystem(a, b *concept) bool {
	for _, x := range a.codes {
		for _, y := range b.codes {
			if x.sys == y.sys {
				return true
			}
		}
	}
	return false
}

func overlapCodes(a, b []coded) bool {
	for _, x := range a {
		for _, y := range b {
			if x.key == y.key {
				return true
			}
		}
	}
	return false
}

// beyond tells whether a has a code of a system that b has not.
func beyond(a, b []coded, s system) bool {
next:
	for _, x := range a {
		if x.sys != s {
			continue
		}
		for _, y := range b {
			if x.key == y.key {
				continue next
			}
		}
		return true
	}
	return false
}

// alikeDrugs compares what is a drug. A package code that both have is enough; RxNorm's must not exclude each other, and
// go before SNOMED's; of packages there are many for one drug.
func alikeDrugs(a, b *concept) likeness {
	if len(a.codes) == 0 || len(b.codes) == 0 {
		return alike(a, b)
	}
	if a == b {
		return shared
	}
	for _, x := range a.codes {
		if x.sys == ndc && hasCode(b.codes, x.key) {
			return shared
		}
	}
	for _, s := range [...]system{rxNorm, snomed} {
		common, both := compareIn(a.codes, b.codes, s)
		switch {
		case both && !common:
			return unlike
		case both && beyond(a.codes, b.codes, s) && beyond(b.codes, a.codes, s):
			return contrary
		case both:
			return shared
		}
	}
	if overlapCodes(a.codes, b.codes) {
		return shared
	}
	return translatedCodes(a, b)
}

// compareIn tells whether both have codes of a system, and whether they have one in common.
func compareIn(a, b []coded, s system) (common, both bool) {
	var hasA, hasB bool
	for _, x := range a {
		if x.sys == s {
			hasA = true
			common = common || hasCode(b, x.key)
		}
	}
	for _, y := range b {
		hasB = hasB || y.sys == s
	}
	return common, hasA && hasB
}

func hasCode(list []coded, k Key) bool {
	for _, x := range list {
		if x.key == k {
			return true
		}
	}
	return false
}
