package merge

import (
	"maps"
	"slices"

	"concord/fhir"
)

// diagnosticReport: the same accession, else the same code at the same time, or on one day with the same results or the
// same document. What is called nothing that can be compared is told by these alone.
func diagnosticReport() Rule {
	r := &clinical{
		typ:       fhir.TypeDiagnosticReport,
		what:      []string{"code"},
		primary:   loinc,
		when:      elEffective,
		late:      elIssued,
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
	r.extra = func(w *World, f *Facts) {
		if all := reported(f); len(all) > 0 {
			w.keys = append(w.keys, digest("results").withInt(int64(slices.Min(slices.Collect(maps.Keys(all))))))
		}
		if h := hashOf(f.Get("presentedForm")); h != 0 {
			w.keys = append(w.keys, h.with("form"))
		}
	}
	r.identify = func(p *pair) Relation {
		rel := r.usual(p)
		if rel >= Nearly || p.like == unlike || p.like == contrary || p.time == timesDiffer && !oneDay(p.a.when, p.b.when) || !sameContents(p) {
			return rel
		}
		return Nearly
	}
	return r
}

// oneDay tells whether two times may be of one day.
func oneDay(a, b moment) bool {
	return a.kind > partial && b.kind > partial && a.dayLo <= b.dayHi && b.dayLo <= a.dayHi
}

// sameContents tells whether two reports hold the same results, as far as these were merged, or the same document.
func sameContents(p *pair) bool {
	if x, y := hashOf(p.a.Get("presentedForm")), hashOf(p.b.Get("presentedForm")); x != 0 && x == y {
		return true
	}
	x, y := reported(p.a), reported(p.b)
	return len(x) > 0 && maps.Equal(x, y) && p.a.Get("result").Len() == len(x) && p.b.Get("result").Len() == len(y)
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
