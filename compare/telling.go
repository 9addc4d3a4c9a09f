package compare

import (
	"cmp"
	"slices"
	"strings"

	"concord"
	"concord/fhir"
	"concord/merge"
)

// telling is one event with all copies that tell of it, in agreement or not.
type telling struct {
	copies    []merge.Copy
	conflicts []merge.ConflictCode
	maybe     []concord.SourceID // sources that have something that may be the event
	contrary  []concord.SourceID // sources that have what the event says there is none of
	against   []merge.Copy       // statements that there is none of it, or that of which the event says there is none
}

// tellings are the events of the record, those that the merge holds apart because they exclude each other put together
// again. What says nothing, or was withdrawn by all that held it, is none.
func (c *comparison) tellings() (out []telling) {
	owner := make([]int, len(c.entries))
	for i := range owner {
		owner[i] = i
	}
	root := func(i int) int {
		for owner[i] != i {
			i = owner[i]
		}
		return i
	}
	for i, e := range c.entries {
		for _, o := range e.Others {
			if j, ok := c.other(e, o); ok && disputes(o) {
				a, b := root(i), root(j)
				owner[max(a, b)] = min(a, b)
			}
		}
	}
	members := map[int][]int{}
	for i := range c.entries {
		members[root(i)] = append(members[root(i)], i)
	}
	for i := range c.entries {
		if root(i) != i {
			continue
		}
		t := c.telling(c.meant(members[i]))
		if slices.ContainsFunc(t.copies, says) && c.recent(t.copies) {
			out = append(out, t)
		}
	}
	return out
}

// meant is entries of one event without those that were withdrawn at sources which hold it all the same: a record that was
// entered in error, and then again, is no dispute.
func (c *comparison) meant(entries []int) []int {
	var live []concord.SourceID
	for _, i := range entries {
		if slices.ContainsFunc(c.entries[i].Copies, says) {
			live = append(live, c.entries[i].SourcesOf()...)
		}
	}
	return slices.DeleteFunc(entries, func(i int) bool {
		e := c.entries[i]
		return !slices.ContainsFunc(e.Copies, says) &&
			!slices.ContainsFunc(e.SourcesOf(), func(s concord.SourceID) bool { return !slices.Contains(live, s) })
	})
}

// telling puts entries of one event together.
func (c *comparison) telling(entries []int) telling {
	t := telling{conflicts: []merge.ConflictCode{}}
	for _, i := range entries {
		c.add(&t, i, entries)
	}
	slices.SortFunc(t.copies, compareCopies)
	slices.SortFunc(t.against, compareCopies)
	slices.Sort(t.conflicts)
	t.conflicts = slices.Compact(t.conflicts)
	return t
}

// other is the entry that an entry was not joined with, if it is compared too.
func (c *comparison) other(e merge.Entry, o merge.Other) (int, bool) {
	j, ok := c.at[place{o.Source, e.Copies[0].Type(), o.ID}]
	return j, ok
}

// disputes tells whether two entries are one event told in ways that exclude each other. That one says there is none of
// what the other is makes them two events.
func disputes(o merge.Other) bool {
	return slices.ContainsFunc(o.Conflicts, func(k merge.ConflictCode) bool { return k != merge.ConflictNoKnown })
}

// add puts entry i to the telling of which within are the entries.
func (c *comparison) add(t *telling, i int, within []int) {
	e := c.entries[i]
	t.copies = append(t.copies, e.Copies...)
	if e.Copies[0].Type() == fhir.TypePatient { // one entry, whose copies may exclude each other
		t.conflicts = append(t.conflicts, e.Conflicts...)
		return
	}
	for _, o := range e.Others {
		j, ok := c.other(e, o)
		if !ok {
			continue
		}
		none := slices.Contains(o.Conflicts, merge.ConflictNoKnown)
		switch {
		case slices.Contains(within, j):
			t.conflicts = append(t.conflicts, o.Conflicts...)
		case none:
			t.conflicts = append(t.conflicts, merge.ConflictNoKnown)
			t.against = append(t.against, c.entries[j].Copies...)
		}
		if o.Duplicate != "" {
			t.maybe = append(t.maybe, c.entries[j].SourcesOf()...)
		}
		if none && isNone(e.Copies) {
			t.contrary = append(t.contrary, c.entries[j].SourcesOf()...)
		}
	}
}

func compareCopies(a, b merge.Copy) int {
	return cmp.Or(strings.Compare(string(a.Source), string(b.Source)), strings.Compare(a.ID(), b.ID()), strings.Compare(string(a.Raw()), string(b.Raw())))
}

// says tells whether a copy says anything: one that was entered in error does not, nor does one that tells that nobody
// was asked.
func says(c merge.Copy) bool {
	for _, n := range []string{"status", "verificationStatus", "clinicalStatus"} {
		if hasCode(c.Get(n), "entered-in-error") {
			return false
		}
	}
	t := c.Type()
	if t != fhir.TypeAllergyIntolerance && t != fhir.TypeCondition {
		return true
	}
	if hasCode(c.Get("code"), "1631000175102", "no-allergy-info", "no-problem-info", "no-medication-info") {
		return false
	}
	switch fold(conceptWords(c.Get("code"))) {
	case "not on file", "patient not asked", "no allergy information", "allergies not on file":
		return false
	}
	return true
}

// isNone tells whether copies say of a kind of thing that there is none.
func isNone(copies []merge.Copy) bool {
	return slices.ContainsFunc(copies, func(c merge.Copy) bool {
		w := fold(conceptWords(c.Get("code")))
		return hasCode(c.Get("code"), "716186003", "160244002", "160245001", "409137002", "429625007", "428607008", "428197003", "1003774007") ||
			strings.HasPrefix(w, "no known") || strings.HasPrefix(w, "no current") || w == "nka" || w == "nkda" || w == "no allergies"
	})
}

// recent tells whether an event was not over before the date that was asked for. One that has no date, or of which only
// some copies have, is judged by what there is.
func (c *comparison) recent(copies []merge.Copy) bool {
	if !c.dated {
		return true
	}
	met := false
	for _, x := range copies {
		for _, v := range first(x.Value, whenElements(x.Type())) {
			if v.IsObject() && !v.Get("end").Exists() && v.Get("start").Exists() {
				return true // it goes on
			}
			if v.IsObject() {
				v = v.Get("end")
			}
			if d, ok := fhir.DateOf(v); ok {
				if met = true; d.Hi.After(c.since.Lo) {
					return true
				}
			}
		}
	}
	return !met
}
