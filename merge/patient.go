package merge

import (
	"slices"
	"strings"

	"concord/fhir"
)

// Unify is the one entry of a person: the Patients of all sources, which the index says are one human. What they tell of
// the person is put together; where they can't both be right, the entry is marked. The order of the copies, which must
// not be empty, changes nothing.
func Unify(copies []Copy) Entry {
	copies = slices.Clone(copies)
	slices.SortStableFunc(copies, func(a, b Copy) int {
		if n := strings.Compare(string(a.Source), string(b.Source)); n != 0 {
			return n
		}
		return strings.Compare(a.ID(), b.ID())
	})
	e := Entry{Survivor: copies[0], Copies: copies}
	if len(copies) < 2 {
		return e
	}
	e.Rule = "Patient"
	most := worth{}
	for i, c := range copies {
		w := worthOf(&Facts{Copy: c}, fhir.TypePatient)
		if i == 0 || better(c, w, e.Survivor, most) {
			e.Survivor, most = c, w
		}
	}
	e.Add = additions(e.Survivor, copies, new([]Addition))
	e.Why = Why{Strength: "index", Agreed: ^Evidence(0)}
	for i, a := range copies {
		for _, b := range copies[i+1:] {
			agreed, in := samePerson(a, b)
			e.Why.Agreed &= agreed
			e.Why.Some |= agreed
			for _, c := range in {
				if !slices.Contains(e.Conflicts, c) {
					e.Conflicts = append(e.Conflicts, c)
				}
			}
		}
	}
	e.Why.Some &^= e.Why.Agreed
	slices.Sort(e.Conflicts)
	return e
}

// samePerson compares two records of one person: what they say alike, and in what they can't both be right.
func samePerson(a, b Copy) (agreed Evidence, in []ConflictCode) {
	compare := func(x, y fhir.Value, e Evidence, code ConflictCode) {
		switch {
		case !x.Exists() || !y.Exists() || vague(x) || vague(y):
		case says(x, y) == equal:
			agreed |= e
		default:
			in = append(in, code)
		}
	}
	compare(a.Get("birthDate"), b.Get("birthDate"), byBirthDate, ConflictBirthDate)
	compare(a.Get("gender"), b.Get("gender"), byGender, ConflictGender)
	if x, y := choice(a.Value, "deceased"), choice(b.Value, "deceased"); x.Exists() && y.Exists() {
		switch {
		case (x.Text() == "false") != (y.Text() == "false"):
			in = append(in, ConflictDeceased)
		case x.IsString() && y.IsString() && x.Name() == y.Name() && timingOf(momentOf(x), momentOf(y), 0, true) == timesDiffer:
			in = append(in, ConflictDeceased)
		}
	}
	for _, l := range [...]struct {
		name string
		e    Evidence
	}{{"identifier", byIdentifier}, {"name", byName}, {"telecom", byTelecom}, {"address", byAddress}} {
		if anyAlike(l.name, a, b) {
			agreed |= l.e
		}
	}
	return agreed, in
}

func anyAlike(name string, a, b Copy) bool {
	for x := range a.Get(name).Items() {
		for y := range b.Get(name).Items() {
			if name == "identifier" && strings.TrimSpace(x.Get("value").Text()) == "" {
				continue
			}
			if alikeItems(name, x, y) {
				return true
			}
		}
	}
	return false
}
