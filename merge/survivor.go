package merge

import (
	"bytes"
	"cmp"
	"strings"

	"concord/fhir"
)

// worth is what makes a copy stand for the event, the most telling first.
type worth struct {
	settled  int8  // final rather than preliminary, verified rather than not
	original int8  // authored rather than imported or reported
	precise  uint8 // how finely its time is stated
	codes    int16 // of standard systems
	elements int16
}

func (a worth) compare(b worth) int {
	return cmp.Or(cmp.Compare(a.settled, b.settled), cmp.Compare(a.original, b.original), cmp.Compare(a.precise, b.precise), cmp.Compare(a.codes, b.codes),
		cmp.Compare(a.elements, b.elements))
}

// survivor is the copy of a group that is worth most; of several the one written down last, then the longest, then the
// first by source and id.
func (l *linker) survivor(members []int32) Copy {
	best, most := Copy{}, worth{}
	for i, m := range members {
		f, w := l.at(m), l.worths[l.place[m]]
		if i == 0 || better(f.Copy, w, best, most) {
			best, most = f.Copy, w
		}
	}
	return best
}

func better(c Copy, w worth, best Copy, most worth) bool {
	n := w.compare(most)
	if n == 0 {
		if !recordedAlike(c, best) {
			n = cmp.Compare(recorded(c), recorded(best))
		}
		n = cmp.Or(n, cmp.Compare(len(c.Raw()), len(best.Raw())))
	}
	return n > 0
}

func worthOf(f *Facts, t fhir.ResourceType) (w worth) {
	for range f.Members() {
		w.elements++
	}
	w.precise = uint8(f.when.kind)
	if f.what != nil {
		w.codes = int16(min(len(f.what.codes), 1<<14))
	}
	c := f
	w.original = 1
	switch t {
	case fhir.TypeCondition, fhir.TypeAllergyIntolerance:
		if codeOf(c.Get("verificationStatus"), "confirmed") != "" {
			w.settled = 1
		}
	case fhir.TypeDocumentReference:
		if s := c.Get("docStatus").Text(); s != "" && !preliminary(s) {
			w.settled = 1
		}
	case fhir.TypeImmunization:
		if c.Get("primarySource").Text() == "false" {
			w.original = 0
		}
	case fhir.TypeMedicationRequest:
		if c.Get("reportedBoolean").Text() == "true" {
			w.original = 0
		}
	case fhir.TypePatient:
		if c.Get("active").Text() == "false" {
			w.settled = -1
		}
	}
	if s := c.Get("status").Text(); s != "" && !preliminary(s) && s != "unknown" {
		w.settled++
	}
	if _, imported := originKey(t, c.Path("meta", "source").Text()); imported {
		w.original = 0
	}
	return w
}

// recordings are the elements that say when a copy was written down.
var recordings = [...]string{"issued", "recordedDate", "recorded", "authoredOn", "dateAsserted", "date"}

// recordedAlike tells whether the first of recordings that either copy has says the same of both, to the letter.
func recordedAlike(a, b Copy) bool {
	for _, n := range recordings {
		x, y := a.Get(n), b.Get(n)
		if x.Exists() || y.Exists() {
			return bytes.Equal(x.Raw(), y.Raw())
		}
	}
	return false
}

// recorded is when a copy says that it was written down; 0 when it does not.
func recorded(c Copy) int64 {
	for _, n := range recordings {
		if m := momentOf(c.Get(n)); m.kind != timeless {
			return m.lo
		}
	}
	return momentOf(c.Path("meta", "lastUpdated")).lo
}

// has tells whether v has the element, which is not there under this name, under another type of its choice, or says why
// it has none.
func has(v fhir.Value, name string) bool {
	if v.Get("_" + name).Exists() {
		return true
	}
	for _, c := range choices() {
		if !stem(name, c) {
			continue
		}
		for m := range v.Members() {
			if n := strings.TrimPrefix(m.Name(), "_"); stem(n, c) {
				return true
			}
		}
	}
	return false
}

// choices are the stems of R4's choice elements at the top of the types that are merged.
func choices() [17]string {
	return [...]string{"value", "effective", "onset", "abatement", "performed", "occurrence", "medication", "deceased", "multipleBirth", "asNeeded",
		"reported", "product", "serviced", "start", "born", "age", "timing"}
}

// sameElement tells whether two names are one element, such as onsetDateTime and onsetAge.
func sameElement(a, b string) bool {
	if a == b {
		return true
	}
	if a == "" || b == "" || a[0] != b[0] {
		return false
	}
	for _, c := range choices() {
		if stem(a, c) && stem(b, c) {
			return true
		}
	}
	return false
}

func stem(name, choice string) bool {
	return len(name) > len(choice) && name[:len(choice)] == choice && name[len(choice)] >= 'A' && name[len(choice)] <= 'Z'
}
