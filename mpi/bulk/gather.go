package bulk

import (
	"context"

	"concord"
	"concord/mpi"
	"concord/mpi/linkage"
)

// step is how many patients become persons in one step of the store.
const step = 20_000

// gather makes the clusters the index's persons. Those that are so already are passed over; those that share a person now
// go together, as Index.Gather wants it.
func (im *importer) gather(ctx context.Context, persons []linkage.Person) error {
	parts, err := im.apart(ctx, persons)
	if err != nil {
		return err
	}
	var chunk [][]mpi.Link
	patients, done := 0, 0
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		if _, err := im.index.Gather(ctx, chunk...); err != nil {
			return err
		}
		done += patients
		im.o.Progress(Storing, done)
		chunk, patients = chunk[:0], 0
		return nil
	}
	for _, part := range parts {
		for _, i := range part {
			im.reseed(persons[i].Members)
			chunk = append(chunk, persons[i].Members)
			patients += len(persons[i].Members)
		}
		if patients >= step {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// reseed gives the first member, from whom a new person would be made, the score by which it joins another who is a person
// already.
func (im *importer) reseed(members []mpi.Link) {
	if im.quick.persons[members[0].Ref] {
		return
	}
	for _, l := range members[1:] {
		if im.quick.persons[l.Ref] {
			members[0].Score, members[0].Rule = l.Score, l.Rule
			return
		}
	}
}

// apart are the clusters that the index has not as they are, those together that have patients of one person now.
func (im *importer) apart(ctx context.Context, persons []linkage.Person) ([][]int, error) {
	at := make(map[concord.PatientRef]int32, im.report.Linkage.Records)
	for i, p := range persons {
		for _, l := range p.Members {
			at[l.Ref] = int32(i)
		}
	}
	root := make([]int32, len(persons))
	owners := make([]int32, len(persons)) // how many persons of the index have some of its patients
	named := make([]int32, len(persons))  // how many of its patients have a person
	for i := range root {
		root[i] = int32(i)
	}
	find := func(i int32) int32 {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	had := map[concord.PatientRef]bool{}
	for p, err := range im.store.All(ctx) {
		if err != nil {
			return nil, err
		}
		first := int32(-1)
		seen := map[int32]bool{}
		for _, l := range p.Links {
			had[l.Ref] = true
			i, ok := at[l.Ref]
			if !ok {
				continue
			}
			named[i]++
			if !seen[i] {
				seen[i] = true
				owners[i]++
			}
			if first < 0 {
				first = i
			} else if a, b := find(first), find(i); a != b {
				root[max(a, b)] = min(a, b)
			}
		}
	}
	im.quick.persons = had
	size := make([]int32, len(persons))
	for i := range root {
		size[find(int32(i))]++
	}
	var parts [][]int
	where := map[int32]int{}
	for i := range root {
		r := find(int32(i))
		if size[r] == 1 {
			if owners[i] != 1 || int(named[i]) != len(persons[i].Members) {
				parts = append(parts, []int{i})
			}
			continue
		}
		k, ok := where[r]
		if !ok {
			k = len(parts)
			where[r] = k
			parts = append(parts, nil)
		}
		parts[k] = append(parts[k], i)
	}
	return parts, nil
}

// pair is two patients, the lesser first.
type pair struct{ a, b concord.PatientRef }

func pairOf(a, b concord.PatientRef) pair {
	if mpi.CompareRefs(a, b) > 0 {
		a, b = b, a
	}
	return pair{a, b}
}

// queueStep is how many pairs are queued in one step.
const queueStep = 5_000

// queue has somebody look at what is not certain. What was queued before and is no match by now is told so.
func (im *importer) queue(ctx context.Context, result linkage.Result) error {
	var chunk []mpi.Review
	done := 0
	flush := func() error {
		fresh, err := im.index.Queue(ctx, chunk...)
		im.report.Queued += fresh
		done += len(chunk)
		chunk = chunk[:0]
		im.o.Progress(Queueing, done)
		return err
	}
	add := func(r mpi.Review) error {
		if chunk = append(chunk, r); len(chunk) == queueStep {
			return flush()
		}
		return nil
	}
	now := make(map[pair]bool, len(result.Review))
	for _, p := range result.Review {
		if p.Decision.Contradicts {
			continue
		}
		now[pairOf(p.A, p.B)] = true
		if err := add(mpi.Review{A: p.A, B: p.B, Decision: p.Decision}); err != nil {
			return err
		}
	}
	if err := flush(); err != nil {
		return err
	}
	var stale []mpi.Review
	for r, err := range im.store.Reviews(ctx, mpi.ReviewOpen, 0) {
		if err != nil {
			return err
		}
		if r.Reason == mpi.ReasonMatch && r.Decision.Grade > 0 && !now[pairOf(r.A, r.B)] {
			stale = append(stale, mpi.Review{A: r.A, B: r.B, Decision: mpi.Decision{Rule: ruleGone, Model: result.Model.Version()}})
		}
	}
	for _, r := range stale {
		if err := add(r); err != nil {
			return err
		}
	}
	return flush()
}

// ruleGone is the rule of a pair that was queued before and is no match by what is known now.
const ruleGone = "no-match"
