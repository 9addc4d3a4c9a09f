package merge

import "concord/fhir"

// diagnosticReport: the same accession, else the same code at the same time with the same results or the same document.
func diagnosticReport() Rule {
	return &clinical{
		typ:       fhir.TypeDiagnosticReport,
		what:      []string{"code"},
		when:      []string{"effectiveDateTime", "effectivePeriod"},
		late:      []string{"issued"},
		tolerance: 60,
		checks: []check{
			results,
			forms,
			excludes("conclusion", ConflictValue, byValue),
			excludes("conclusionCode", ConflictValue, byValue),
			resultStatus("status"),
			sameEncounter,
		},
	}
}

// results compares which results two reports hold, as far as those were merged: reports without a result in common may be
// two, or one whose results are in dispute.
func results(p *pair) finding {
	x, y := reported(p.a), reported(p.b)
	if len(x) == 0 || len(y) == 0 {
		return fine()
	}
	common := 0
	for g := range x {
		if y[g] {
			common++
		}
	}
	switch n := min(len(x), len(y)); {
	case common == 0 && p.same == 0 && n > 1:
		return atMost(Loosely)
	case 2*common >= n && common > 0:
		return found(byResults)
	}
	return fine()
}

// reported are the numbers of what a report's results were merged into.
func reported(f *Facts) map[int32]bool {
	var out map[int32]bool
	for r := range f.Get("result").Items() {
		if _, g := f.world.target(f.Copy, r); g != 0 {
			if out == nil {
				out = map[int32]bool{}
			}
			out[g] = true
		}
	}
	return out
}

// forms compares presented documents by their hash.
func forms(p *pair) finding {
	x, y := hashOf(p.a.Get("presentedForm")), hashOf(p.b.Get("presentedForm"))
	switch {
	case x == 0 || y == 0:
		return fine()
	case x == y:
		return found(byAttachment)
	case p.same == 0:
		return atMost(Loosely)
	}
	return fine()
}
