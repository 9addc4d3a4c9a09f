package merge

import (
	"concord/fhir"
)

// condition: the same code, both on the problem list or both diagnoses of an encounter, and the same onset. Another onset
// is another episode.
func condition() Rule {
	r := &clinical{
		typ:      fhir.TypeCondition,
		what:     []string{"code"},
		primary:  snomed,
		decisive: []system{snomed, icd10},
		when:     elOnset,
		daily:    always,
		undated:  Loosely,
		rough:    Loosely,
		extra:    noteAbsence,
		checks: []check{
			family,
			apart("onsetAge", 0),
			apart("onsetString", 0),
			site("bodySite"),
			verification,
			presence,
			abatement,
			excludes("severity", ConflictValue, 0),
			sameEncounter,
		},
	}
	r.identify = func(p *pair) Relation {
		if p.a.absent != p.b.absent {
			return Distinct
		}
		rel := r.usual(p)
		if rel == Distinct || p.time != oneTime && p.time != noTimes {
			return rel
		}
		// without an onset, when it was written down tells
		switch timingOf(timeOf(p.a.Get("recordedDate")), timeOf(p.b.Get("recordedDate")), 0, true) {
		case sameTime, nearby, sameDay:
			return Nearly
		case timesDiffer:
			if !lasting(p.a) || !lasting(p.b) {
				return Distinct // one for each time
			}
		case noTimes, oneTime, roughly:
		}
		if began(p.a, p.b) || began(p.b, p.a) {
			return Distinct
		}
		return rel
	}
	absences := r.extra
	r.extra = func(w *World, f *Facts) {
		absences(w, f)
		f.flags = families(f.Get("category"))
	}
	return r
}

// lasting tells of a problem that is still there, so that it does not matter when somebody wrote it down.
func lasting(f *Facts) bool {
	s := clinicalStatusOf(f)
	return f.flags&problem != 0 && (s == "" || active(s)) && !f.choice("abatement").Exists()
}

// began tells whether a began after b, which has no onset, was written down.
func began(a, b *Facts) bool {
	written := timeOf(b.Get("recordedDate"))
	return a.when.kind > partial && written.kind > partial && a.when.dayLo > written.dayHi
}

// The families of conditions, as flags: what is on a list of problems is not one visit's diagnosis.
const (
	problem uint32 = 1 << iota
	diagnosis
	concern
)

func families(v fhir.Value) (out uint32) {
	for c := range v.Items() {
		for x := range c.Get("coding").Items() {
			switch x.Get("code").Text() {
			case "problem-list-item":
				out |= problem
			case "encounter-diagnosis":
				out |= diagnosis
			case "health-concern":
				out |= concern
			}
		}
	}
	return out
}

func family(p *pair) finding {
	switch a, b := p.a.flags, p.b.flags; {
	case a == 0 || b == 0:
		return fine()
	case a&b == 0:
		return finding{}
	}
	return found(byCategory)
}

// abatement is that it ended at different times.
func abatement(p *pair) finding {
	x, y := p.a.choice("abatement"), p.b.choice("abatement")
	if !x.Exists() || !y.Exists() || x.Name() != y.Name() {
		return fine()
	}
	same := says(x, y) != differ
	if x.IsString() {
		same = timingOf(momentOf(x), momentOf(y), 0, true) != timesDiffer
	}
	if !same {
		return conflict(ConflictStatus)
	}
	return fine()
}
