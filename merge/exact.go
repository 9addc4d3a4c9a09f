package merge

import (
	"time"

	"concord/fhir"
)

// exact is the rule of a type as a table: copies are one event when they share a code, their times agree, and nothing
// that both say differs. A business identifier that both have stands for code and time.
type exact struct {
	name string
	// code are the elements that say what the event is, the first that exists counts.
	code []string
	// when are the elements that say when, the first that exists counts; of a Period the start.
	when []string
	// tolerance is by how much two instants may differ.
	tolerance time.Duration
	// undated lets copies merge that both have no time.
	undated bool
	// coded is false for types that no code describes well enough: they merge by identifier only.
	byIdentifier bool
	// apart are elements that tell events apart: where both have them and they differ, there are two events.
	apart []string
	// clash are elements in which two accounts of one event exclude each other.
	clash []clash
}

type clash struct {
	element string
	in      ConflictCode
}

// negations are the statuses that take a statement back, of every type.
var negations = map[string]bool{"entered-in-error": true, "refuted": true, "not-done": true, "cancelled": true}

// exactRules is the table, after the keys of the R4 resource definitions.
func exactRules() map[fhir.ResourceType]Rule {
	rules := []struct {
		t fhir.ResourceType
		r exact
	}{
		{"AllergyIntolerance", exact{code: []string{"code"}, undated: true, clash: []clash{{"verificationStatus", ConflictStatus}, {"clinicalStatus", ConflictStatus}, {"type", ConflictValue}, {"criticality", ConflictValue}}}},
		{"Condition", exact{code: []string{"code"}, when: []string{"onsetDateTime", "onsetPeriod"}, undated: true, apart: []string{"category", "onsetAge", "onsetString"},
			clash: []clash{{"verificationStatus", ConflictStatus}, {"clinicalStatus", ConflictStatus}, {"bodySite", ConflictSite}, {"abatementDateTime", ConflictStatus}, {"severity", ConflictValue}}}},
		{"Observation", exact{code: []string{"code"}, when: []string{"effectiveDateTime", "effectiveInstant", "effectivePeriod"}, tolerance: time.Minute, apart: []string{"bodySite", "method"},
			clash: []clash{{"value", ConflictValue}, {"component", ConflictValue}, {"dataAbsentReason", ConflictValue}, {"status", ConflictStatus}}}},
		{"MedicationRequest", exact{code: []string{"medicationCodeableConcept", "medicationReference"}, when: []string{"authoredOn"}, apart: []string{"intent"},
			clash: []clash{{"doNotPerform", ConflictNegation}, {"dosageInstruction", ConflictDose}, {"status", ConflictStatus}}}},
		{"MedicationStatement", exact{code: []string{"medicationCodeableConcept", "medicationReference"}, when: []string{"effectiveDateTime", "effectivePeriod"},
			clash: []clash{{"dosage", ConflictDose}, {"status", ConflictStatus}}}},
		{"MedicationDispense", exact{code: []string{"medicationCodeableConcept", "medicationReference"}, when: []string{"whenHandedOver"}, apart: []string{"quantity"},
			clash: []clash{{"dosageInstruction", ConflictDose}, {"status", ConflictStatus}}}},
		{"MedicationAdministration", exact{code: []string{"medicationCodeableConcept", "medicationReference"}, when: []string{"effectiveDateTime", "effectivePeriod"}, tolerance: 5 * time.Minute,
			clash: []clash{{"dosage", ConflictDose}, {"status", ConflictStatus}}}},
		{"Immunization", exact{code: []string{"vaccineCode"}, when: []string{"occurrenceDateTime"}, apart: []string{"lotNumber"}, clash: []clash{{"status", ConflictStatus}, {"doseQuantity", ConflictDose}, {"site", ConflictSite}}}},
		{"Procedure", exact{code: []string{"code"}, when: []string{"performedDateTime", "performedPeriod"}, apart: []string{"category"}, clash: []clash{{"status", ConflictStatus}, {"bodySite", ConflictSite}, {"outcome", ConflictValue}}}},
		{"DiagnosticReport", exact{code: []string{"code"}, when: []string{"effectiveDateTime", "effectivePeriod"}, tolerance: time.Minute, clash: []clash{{"conclusion", ConflictValue}, {"conclusionCode", ConflictValue}, {"status", ConflictStatus}}}},
		{"Encounter", exact{code: []string{"class", "type"}, when: []string{"period"}, tolerance: 15 * time.Minute, apart: []string{"type", "serviceProvider", "class", "reasonCode"}, clash: []clash{{"status", ConflictStatus}}}},
		{"ServiceRequest", exact{code: []string{"code"}, when: []string{"authoredOn"}, apart: []string{"intent", "occurrenceDateTime"}, clash: []clash{{"doNotPerform", ConflictNegation}, {"status", ConflictStatus}, {"bodySite", ConflictSite}}}},
		{"DocumentReference", exact{byIdentifier: true, apart: []string{"type"}, clash: []clash{{"status", ConflictStatus}, {"docStatus", ConflictStatus}}}},
		{"CarePlan", exact{byIdentifier: true, clash: []clash{{"status", ConflictStatus}}}},
		{"CareTeam", exact{byIdentifier: true, clash: []clash{{"status", ConflictStatus}}}},
		{"Goal", exact{byIdentifier: true, clash: []clash{{"lifecycleStatus", ConflictStatus}}}},
		{"Coverage", exact{byIdentifier: true, apart: []string{"subscriberId", "dependent"}, clash: []clash{{"status", ConflictStatus}}}},
		{"Device", exact{byIdentifier: true, apart: []string{"serialNumber", "lotNumber", "type"}, clash: []clash{{"status", ConflictStatus}}}},
		{"Specimen", exact{byIdentifier: true, apart: []string{"type"}, clash: []clash{{"status", ConflictStatus}}}},
		{"ImagingStudy", exact{byIdentifier: true, clash: []clash{{"status", ConflictStatus}}}},
		{"Practitioner", exact{byIdentifier: true}},
		{"Organization", exact{byIdentifier: true}},
		{"Location", exact{byIdentifier: true, apart: []string{"name"}}},
		{"Medication", exact{byIdentifier: true, apart: []string{"code", "form"}}},
	}
	out := make(map[fhir.ResourceType]Rule, len(rules))
	for _, x := range rules {
		r := x.r
		r.name = string(x.t) + ":code+time"
		if r.byIdentifier {
			r.name = string(x.t) + ":identifier"
		}
		out[x.t] = &r
	}
	return out
}

// Name is the type and what is compared.
func (e *exact) Name() string { return e.name }

// Read reads codes, time and identifiers.
func (e *exact) Read(c Copy) Facts {
	f := Facts{Copy: c, LocalID: c.ID()}
	if c.Get("implicitRules").Exists() || c.Get("modifierExtension").Exists() {
		return f // either may change the meaning of all the rest (R4, Extensibility)
	}
	for id := range c.Get("identifier").Items() {
		if k, ok := identifierKey(id); ok {
			f.Keys = append(f.Keys, k)
		}
	}
	if m := c.Get("masterIdentifier"); m.Exists() {
		if k, ok := identifierKey(m); ok {
			f.Keys = append(f.Keys, k)
		}
	}
	if e.byIdentifier {
		return f
	}
	f.Codes = codes(c, e.code)
	for _, n := range e.when {
		v := c.Get(n)
		if v.IsObject() {
			v = v.Get("start")
		}
		if d, ok := fhir.ParseDate(v.Text()); ok {
			f.When = d
			break
		}
	}
	for _, code := range f.Codes {
		switch {
		case f.When.Precision == 0:
			if e.undated {
				f.Keys = append(f.Keys, code.with("undated"))
			}
		case f.When.HasZone:
			for _, k := range e.slots(f.When.Lo) {
				f.Keys = append(f.Keys, code.withInt(k))
			}
			f.Seek = append(f.Seek, code.with("day").withInt(day(f.When)))
		case f.When.Precision >= fhir.PrecisionDay:
			f.Keys = append(f.Keys, code.with("day").withInt(day(f.When)))
		}
	}
	return f
}

// slots are the two stretches of time of the tolerance's length such that two instants within it share one.
func (e *exact) slots(t time.Time) []int64 {
	width := max(int64(e.tolerance/time.Second), 1)
	n := t.Unix() / width
	if e.tolerance == 0 {
		return []int64{n}
	}
	return []int64{n, n + 1}
}

// day counts the day of a date as it was written: whoever wrote the date alone was where that was the day.
func day(d fhir.Date) int64 {
	s := d.Lo.Unix() + int64(d.Offset/time.Second)
	return (s - (s%86400+86400)%86400) / 86400 // towards the past, also before 1970
}

// Compare says whether two copies are one event.
func (e *exact) Compare(a, b *Facts) Verdict {
	var rel Relation
	switch shared := sharesIdentifier(a.Copy, b.Copy); {
	case e.byIdentifier && !shared:
		return Verdict{}
	case e.byIdentifier:
		rel = Exactly
	default:
		// an identifier may stand for a whole order, so it never joins what the codes tell apart
		if codesShared := overlap(a.Codes, b.Codes); !codesShared && (!shared || len(a.Codes) > 0 && len(b.Codes) > 0) {
			return Verdict{}
		}
		if rel = e.times(a.When, b.When); rel == Distinct && shared {
			rel = Exactly
		}
	}
	if rel == Distinct || e.endsApart(a, b) {
		return Verdict{}
	}
	for _, n := range e.apart {
		x, y := a.Get(n), b.Get(n)
		if x.Exists() && y.Exists() && says(x, y) == differ || displaysDiffer(x, y) {
			return Verdict{}
		}
	}
	for _, c := range e.clash {
		if in, ok := c.between(a, b); ok {
			return Verdict{Relation: Conflict, In: in}
		}
	}
	return Verdict{Relation: rel}
}

// endsApart tells whether two periods end at times that can't be one: what begins together and ends apart is two events.
func (e *exact) endsApart(a, b *Facts) bool {
	for _, n := range e.when {
		x, y := a.Get(n).Get("end"), b.Get(n).Get("end")
		if !x.Exists() || !y.Exists() {
			continue
		}
		dx, ok := fhir.DateOf(x)
		dy, ok2 := fhir.DateOf(y)
		return ok && ok2 && e.times(dx, dy) == Distinct
	}
	return false
}

// displaysDiffer tells of two references that name their targets in words, and differently.
func displaysDiffer(x, y fhir.Value) bool {
	if !isReference(x) && !isReference(y) {
		return false
	}
	dx, dy := fold(x.Get("display").Text()), fold(y.Get("display").Text())
	return dx != "" && dy != "" && dx != dy
}

func (e *exact) times(a, b fhir.Date) Relation {
	switch {
	case a.Precision == 0 && b.Precision == 0:
		if e.undated {
			return Exactly
		}
		return Distinct
	case a.Precision < fhir.PrecisionDay || b.Precision < fhir.PrecisionDay:
		return Distinct // a year may hold many
	case a.HasZone && b.HasZone:
		switch d := a.Lo.Sub(b.Lo).Abs(); {
		case d == 0:
			return Exactly
		case d <= e.tolerance:
			return Nearly
		}
		return Distinct
	case day(a) != day(b):
		return Distinct
	case !a.HasZone && !b.HasZone:
		return Exactly
	}
	return Loosely
}

// between tells whether two copies exclude each other in c.
func (c clash) between(a, b *Facts) (ConflictCode, bool) {
	var x, y fhir.Value
	if c.element == "value" || c.element == "dosage" {
		x, y = choice(a.Copy.Value, c.element), choice(b.Copy.Value, c.element)
	} else {
		x, y = a.Get(c.element), b.Get(c.element)
	}
	switch c.element {
	case "doNotPerform":
		return c.in, (x.Text() == "true") != (y.Text() == "true") // absent is false
	case "dataAbsentReason":
		// no value is not the same as a value, though only one of them has the element
		return c.in, x.Exists() && choice(b.Copy.Value, "value").Exists() || y.Exists() && choice(a.Copy.Value, "value").Exists()
	}
	if !x.Exists() || !y.Exists() || says(x, y) == equal {
		return "", false
	}
	if c.in == ConflictStatus && (negated(x) != negated(y)) {
		return ConflictNegation, true
	}
	return c.in, true
}

// negated tells whether a status takes back what the resource says.
func negated(v fhir.Value) bool {
	if v.IsString() {
		return negations[v.Text()]
	}
	for c := range v.Get("coding").Items() {
		if negations[c.Get("code").Text()] {
			return true
		}
	}
	return false
}

// choice is the element of a choice such as value[x], whichever type it has.
func choice(v fhir.Value, name string) fhir.Value {
	for m := range v.Members() {
		if n := m.Name(); len(n) >= len(name) && n[:len(name)] == name && (len(n) == len(name) || n[len(name)] >= 'A' && n[len(name)] <= 'Z') {
			return m
		}
	}
	return fhir.Value{}
}
