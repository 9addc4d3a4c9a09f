package compare

import (
	"slices"
	"strings"

	"concord/fhir"
	"concord/merge"
)

// priorityOf says how bad it is when an event is not known everywhere.
func priorityOf(t fhir.ResourceType, copies []merge.Copy) Priority {
	switch t {
	case fhir.TypeAllergyIntolerance:
		return Allergy
	case fhir.TypeMedicationRequest, fhir.TypeMedicationStatement:
		if slices.ContainsFunc(copies, func(c merge.Copy) bool { return hasCode(c.Get("status"), "active", "on-hold", "intended") }) {
			return ActiveMedication
		}
	case fhir.TypeCondition:
		if slices.ContainsFunc(copies, isProblem) {
			return ActiveProblem
		}
	}
	return Other
}

// isProblem tells of a condition that is there now, and not only a visit's diagnosis.
func isProblem(c merge.Copy) bool {
	if s := c.Get("clinicalStatus"); s.Exists() && !hasCode(s, "active", "recurrence", "relapse") {
		return false
	}
	if len((element{path: "abatement[x]"}).of(c.Value)) > 0 || hasCode(c.Get("verificationStatus"), "refuted", "entered-in-error") {
		return false
	}
	k := c.Get("category")
	return !hasCode(k, "encounter-diagnosis") || hasCode(k, "problem-list-item", "health-concern")
}

// title says what an event is: what most of the copies call it, and of as many the name that comes first in the alphabet,
// so that no source is the right one.
func (c *comparison) title(copies []merge.Copy) string {
	count := map[string]int{}
	best := ""
	for _, x := range copies {
		s := c.what(x)
		if s == "" {
			continue
		}
		count[s]++
		if best == "" || count[s] > count[best] || count[s] == count[best] && s < best {
			best = s
		}
	}
	return best
}

// what is what one copy calls the event.
func (c *comparison) what(x merge.Copy) string {
	for _, v := range first(x.Value, whatElements(x.Type())) {
		for i := range v.Items() {
			if s := c.wordsOf(x, i); s != "" {
				return s
			}
		}
	}
	return ""
}

// wordsOf are the words of a value of x; of a reference, those of what it refers to, if that is at hand.
func (c *comparison) wordsOf(x merge.Copy, v fhir.Value) string {
	if ref := v.Get("reference"); ref.IsString() {
		if d := v.Get("display"); d.IsString() {
			return clip(d.Text())
		}
		return words(c.target(x, ref.Text()).Get("code"))
	}
	return words(v)
}

// target is the resource that a reference of x means: contained, or of the same source and at hand.
func (c *comparison) target(x merge.Copy, ref string) fhir.Value {
	r := fhir.ParseReference(ref, "")
	if r.Kind == fhir.ContainedReference {
		for k := range x.Get("contained").Items() {
			if k.Get("id").Is(r.ID) {
				return k
			}
		}
		return fhir.Value{}
	}
	return c.all[place{x.Source, r.Type, r.ID}]
}

// date is when an event was, as stated: the finest, and of these the earliest.
func date(copies []merge.Copy) string {
	best := ""
	for _, x := range copies {
		for _, v := range first(x.Value, whenElements(x.Type())) {
			if v.IsObject() {
				if s := v.Get("start"); s.Exists() {
					v = s
				} else {
					v = v.Get("end")
				}
			}
			if _, ok := fhir.DateOf(v); !ok {
				continue
			}
			if s := day(v.Text()); len(s) > len(best) || len(s) == len(best) && s < best {
				best = s
			}
		}
	}
	return best
}

// day is the date of a time, as its writer's calendar has it.
func day(s string) string {
	d, _, _ := strings.Cut(s, "T")
	return d
}
