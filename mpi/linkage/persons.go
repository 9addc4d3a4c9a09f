package linkage

import (
	"cmp"
	"iter"
	"slices"

	"concord"
	"concord/mpi"
)

// persons are the clusters, with what is probably theirs.
func (l *linker) persons() []Person {
	within, between := l.strongest(false), l.strongest(true)
	members := map[int32][]int32{} // by the smallest record
	for i, p := range l.person {
		members[p] = append(members[p], int32(i))
	}
	homes := map[int32]int32{} // of each group of persons, the one that has the others as Likely: the largest, then the first
	for i, p := range l.person {
		if int32(i) != p {
			continue
		}
		home, ok := homes[l.likely[i]]
		if !ok || len(members[p]) > len(members[home]) {
			homes[l.likely[i]] = p
		}
	}
	rest := map[int32][]int32{}
	for i, p := range l.person {
		if home := homes[l.likely[i]]; home != p {
			rest[home] = append(rest[home], int32(i))
		}
	}
	var out []Person
	for i, p := range l.person {
		if int32(i) != p {
			continue
		}
		person := Person{Members: make([]mpi.Link, 0, len(members[p]))}
		for _, r := range members[p] {
			link := mpi.Link{Ref: l.table.refs[r], Grade: mpi.Certain, Score: 1, Rule: mpi.RuleSeed}
			if r != p {
				link = l.link(r, within[r], mpi.Certain)
			}
			person.Members = append(person.Members, link)
		}
		for _, r := range rest[p] {
			by, ok := between[r]
			if !ok { // another record of its person has it
				by = within[r]
			}
			person.Likely = append(person.Likely, l.link(r, by, mpi.Probable))
		}
		out = append(out, person)
	}
	return out
}

// strongest is, of each record, the surest pair that keeps it where it is: within its person, or, to be likely, with one of
// another person of the group.
func (l *linker) strongest(likely bool) map[int32]edge {
	best := map[int32]edge{}
	for _, e := range l.edges {
		one := l.person[e.a] == l.person[e.b]
		switch {
		case likely && (one || l.likely[e.a] != l.likely[e.b] || e.grade < mpi.Probable):
			continue
		case !likely && (!one || e.grade < mpi.Certain || l.apart(e.a, e.b)): // a pair may weigh more and not be certain
			continue
		}
		for _, i := range [2]int32{e.a, e.b} {
			if _, ok := best[i]; !ok {
				best[i] = e
			}
		}
	}
	return best
}

// link is the record as one that is linked because of the pair.
func (l *linker) link(record int32, by edge, grade mpi.Grade) mpi.Link {
	d := l.decision(by)
	out := mpi.Link{Ref: l.table.refs[record], Grade: grade, Score: d.Score, Rule: d.Rule}
	if grade != mpi.Certain {
		out.Score = min(d.Score, mostProbable)
	}
	return out
}

// mostProbable is the highest score of what is not certain.
const mostProbable = 0.89

// decision explains a pair; one of which something beside the two keeps it from being certain is probable.
func (l *linker) decision(e edge) mpi.Decision {
	d := l.model.Explain(l.table.records[e.a], l.table.records[e.b])
	if d.Grade == mpi.Certain && l.person[e.a] != l.person[e.b] {
		d.Grade, d.Score, d.Rule = mpi.Probable, mostProbable, RuleContested
		if l.apart(e.a, e.b) {
			d.Rule = RuleOneSource
		}
	}
	return d
}

// review are the pairs with a grade that are not of one person.
func (l *linker) review() []Pair {
	var out []Pair
	for _, e := range l.edges {
		if l.person[e.a] != l.person[e.b] {
			out = append(out, Pair{A: l.table.refs[e.a], B: l.table.refs[e.b], Decision: l.decision(e)})
		}
	}
	slices.SortStableFunc(out, func(a, b Pair) int { // the edges are in order of weight and refs
		return cmp.Compare(b.Decision.Score, a.Decision.Score)
	})
	return out
}

// Pairs are the pairs of records that are one person: with least Certain those of the Members of each person, and with
// Probable those of Members and Likely together. Each comes once.
func (r Result) Pairs(least mpi.Grade) iter.Seq2[concord.PatientRef, concord.PatientRef] {
	return func(yield func(a, b concord.PatientRef) bool) {
		elsewhere := map[concord.PatientRef]bool{} // whose pairs come with those of another person
		if least < mpi.Certain {
			for _, p := range r.Persons {
				for _, l := range p.Likely {
					elsewhere[l.Ref] = true
				}
			}
		}
		for _, p := range r.Persons {
			all := p.Members
			switch {
			case elsewhere[all[0].Ref]:
				continue
			case least < mpi.Certain:
				all = slices.Concat(p.Members, p.Likely)
			}
			for i := range all {
				for j := range i {
					if !yield(all[j].Ref, all[i].Ref) {
						return
					}
				}
			}
		}
	}
}
