package match

import (
	"cmp"
	"slices"

	"concord"
	"concord/mpi"
)

// Best compares target with each candidate, once for each Ref, and leaves out target's own. certain are those that are the
// target with certainty; several of one source may be among them, of which mpi.Index.Attach links none. review are the
// others that have a grade at all. A candidate that is certain but contradicts another certain one, or one of others (which
// are further patients of the target's person), is for review: one record must not bring two together that can't be one.
// Both lists have the highest score first, and then go by source and id, whatever the order of the arguments.
func Best(target mpi.Demographics, candidates []mpi.Demographics, others ...mpi.Demographics) (certain, review []mpi.Candidate) {
	type compared struct {
		mpi.Candidate
		view Record
	}
	var all []compared
	seen := map[concord.PatientRef]bool{target.Ref: true}
	aim := Prepare(target)
	for _, c := range candidates {
		if seen[c.Ref] {
			continue
		}
		seen[c.Ref] = true
		v := Prepare(c)
		if d := compare(&aim, &v); d.Grade > 0 {
			all = append(all, compared{mpi.Candidate{Demographics: c, Decision: d}, v})
		}
	}
	known := make([]compared, len(others))
	for i, o := range others {
		known[i] = compared{mpi.Candidate{Demographics: o}, Prepare(o)}
	}
	slices.SortFunc(all, func(a, b compared) int {
		return cmp.Or(cmp.Compare(b.Decision.Grade, a.Decision.Grade), cmp.Compare(b.Decision.Score, a.Decision.Score),
			mpi.CompareRefs(a.Ref(), b.Ref()))
	})
	for _, c := range all {
		against := func(o compared) bool {
			return o.Ref() != c.Ref() && (o.Decision.Grade == mpi.Certain || o.Decision.Grade == 0) && compare(&c.view, &o.view).Contradicts
		}
		if c.Decision.Grade == mpi.Certain && !slices.ContainsFunc(all, against) && !slices.ContainsFunc(known, against) {
			certain = append(certain, c.Candidate)
		} else {
			review = append(review, c.Candidate)
		}
	}
	return certain, review
}
