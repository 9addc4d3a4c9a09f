package merge

import (
	"concord/fhir"
)

// allergyIntolerance: the same substance, by a code of it. Reactions may differ, and are put together. A class and its
// members are different substances. Statements that nothing is known are one kind of their own.
func allergyIntolerance() Rule {
	return &clinical{
		typ:      fhir.TypeAllergyIntolerance,
		what:     []string{"code", "reaction"},
		primary:  rxNorm,
		decisive: []system{rxNorm}, // SNOMED has a code for the substance, and another for the allergy to it
		undated:  Exactly,
		extra:    noteAbsence,
		identify: func(p *pair) Relation {
			switch {
			case p.a.absent != p.b.absent:
				return Distinct
			case p.like == shared:
				return Exactly
			case p.like.byWords():
				return Loosely
			}
			return Distinct
		},
		checks: []check{
			presence,
			verification,
			excludes("type", ConflictValue, byType),
			excludes("criticality", ConflictValue, 0),
		},
	}
}

// active tells of the clinical statuses of an AllergyIntolerance or a Condition that mean that it is there now.
func active(status string) bool {
	return status == "active" || status == "recurrence" || status == "relapse"
}

// clinicalStatusOf is the status in HL7's words; "" without one. Sites put codes of their own beside it.
func clinicalStatusOf(f *Facts) string {
	return codeOf(f.Get("clinicalStatus"), "active", "recurrence", "relapse", "inactive", "remission", "resolved")
}

// codeOf is the first code of a concept that is one of those; "" when none is.
func codeOf(v fhir.Value, codes ...string) string {
	for c := range v.Get("coding").Items() {
		for _, s := range codes {
			if c.Get("code").Is(s) {
				return s
			}
		}
	}
	return ""
}

// presence compares whether both say that it is there now.
func presence(p *pair) finding {
	x, y := clinicalStatusOf(p.a), clinicalStatusOf(p.b)
	switch {
	case x == "" || y == "":
		return fine()
	case active(x) != active(y):
		return conflict(ConflictStatus)
	}
	return found(byStatus)
}

// verification compares how sure both are: one may not be confirmed yet; one of several possible diagnoses is none.
func verification(p *pair) finding {
	x, y := p.a.Get("verificationStatus"), p.b.Get("verificationStatus")
	if x.Exists() && y.Exists() && (codeOf(x, "differential") == "") != (codeOf(y, "differential") == "") {
		return conflict(ConflictStatus)
	}
	return fine()
}

// absence is what a copy says that there is none of. The zero value is that it says no such thing.
type absence uint8

const (
	noneSuch   absence = iota
	noneAtAll          // no known allergies, no known problems
	noDrugs            // no known drug allergies
	noFood             // no known food allergies
	noSurround         // no known environmental, insect or latex allergies
	notAsked           // nothing is said at all
)

func noteAbsence(_ *World, f *Facts) { f.absent = absenceOf(f.Get("code")) }

// absenceOf reads a "no known …" from a concept.
func absenceOf(v fhir.Value) absence {
	for c := range v.Get("coding").Items() {
		switch c.Get("code").Text() {
		case "716186003", "160244002", "160245001", "no-known-allergies", "no-known-problems", "no-known-medications":
			return noneAtAll
		case "409137002", "no-known-medication-allergies":
			return noDrugs
		case "429625007", "no-known-food-allergies":
			return noFood
		case "428607008", "428197003", "1003774007", "no-known-environmental-allergies":
			return noSurround
		case "1631000175102", "no-allergy-info", "no-problem-info", "no-medication-info":
			return notAsked
		}
	}
	for _, t := range []fhir.Value{v.Get("text"), v.Get("coding")} {
		for x := range t.Items() {
			if x.IsObject() {
				x = x.Get("display")
			}
			if a := absenceInWords(x.Text()); a != noneSuch {
				return a
			}
		}
	}
	return noneSuch
}

func absenceInWords(s string) absence {
	if len(s) > 48 {
		return noneSuch
	}
	switch fold(s) {
	case "nka", "no known allergies", "no known allergy", "no known active allergies", "no allergies", "no known problems", "no current problems or disability":
		return noneAtAll
	case "nkda", "no known drug allergies", "no known drug allergy", "no known medication allergies":
		return noDrugs
	case "no known food allergies", "no known food allergy":
		return noFood
	case "no known environmental allergy", "no known environmental allergies", "no known latex allergy":
		return noSurround
	case "not on file", "patient not asked", "no allergy information", "allergies not on file":
		return notAsked
	}
	return noneSuch
}

// denies tells whether the statement that there is none speaks against the real entry f.
func (a absence) denies(f *Facts) bool {
	if a == noneSuch || a == notAsked || f.absent != noneSuch || f.standing != live {
		return false
	}
	if s := clinicalStatusOf(f); s != "" && !active(s) {
		return false
	}
	if a == noneAtAll {
		return true
	}
	for c := range f.Get("category").Items() {
		switch c.Text() {
		case "medication":
			if a == noDrugs {
				return true
			}
		case "food":
			if a == noFood {
				return true
			}
		case "environment":
			if a == noSurround {
				return true
			}
		}
	}
	return false
}
