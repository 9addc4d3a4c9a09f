package merge_test

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"concord/fhir"
	"concord/merge"
	"concord/testharness/population"
)

// tally counts pairs of copies of one event, by type.
type tally struct {
	right, wrong, missed int // joined as they should be; joined and not one event; one event and not joined
	lost                 int // copies that are in no entry, or in two
	planted, unmarked    int // planted disagreements, and those of which a side is not marked
	marked               int // entries that are marked as disagreeing
	copies               int
}

func (t *tally) add(o tally) {
	t.right += o.right
	t.wrong += o.wrong
	t.missed += o.missed
	t.lost += o.lost
	t.planted += o.planted
	t.unmarked += o.unmarked
	t.marked += o.marked
	t.copies += o.copies
}

func (t tally) precision() float64 { return float64(t.right) / float64(max(1, t.right+t.wrong)) }
func (t tally) recall() float64    { return float64(t.right) / float64(max(1, t.right+t.missed)) }

// chart is a person's record as the sources give it: what is the person's, and what that refers to.
func chart(t testing.TB, pop *population.Population, p *population.Person) []merge.Batch {
	t.Helper()
	mine := map[population.Copy]string{}
	for _, c := range p.Copies {
		mine[population.Copy{Source: c.Source, Type: "Patient", ID: c.ID}] = c.ID
	}
	var out []merge.Batch
	for _, s := range pop.Sites {
		b := merge.Batch{Source: s.Source.ID}
		shared := map[string]fhir.Resource{}
		var todo []fhir.Resource
		for _, r := range s.Resources {
			x := resource(t, string(r.Body))
			if r.Patient == "" {
				shared[r.Type+"/"+r.ID] = x
			} else if mine[population.Copy{Source: s.Source.ID, Type: "Patient", ID: r.Patient}] != "" && r.Type != "Patient" {
				todo = append(todo, x)
			}
		}
		for len(todo) > 0 {
			x := todo[0]
			todo = todo[1:]
			b.Resources = append(b.Resources, x)
			for ref := range x.References() {
				to := strings.TrimPrefix(ref.Text(), s.Source.BaseURL()+"/")
				if y, ok := shared[to]; ok {
					delete(shared, to)
					todo = append(todo, y)
				}
			}
		}
		out = append(out, b)
	}
	return out
}

func copyOf(c merge.Copy) population.Copy {
	return population.Copy{Source: c.Source, Type: string(c.Type()), ID: c.ID()}
}

// judge compares a record with the truth.
func judge(truth *population.Truth, batches []merge.Batch, rec merge.Record, tell func(string, ...any)) map[string]tally {
	out := map[string]*tally{}
	of := func(typ string) *tally {
		if out[typ] == nil {
			out[typ] = &tally{}
		}
		return out[typ]
	}
	entry := map[population.Copy]int{}
	byID := map[population.Copy]merge.Copy{}
	apart := map[[2]population.Copy]bool{}
	for _, c := range truth.Conflicts {
		for i, s := range c.Sides {
			for j, o := range c.Sides {
				for _, a := range s {
					for _, b := range o {
						if i != j {
							apart[[2]population.Copy{a, b}] = true
						}
					}
				}
			}
		}
	}
	same := func(a, b population.Copy) bool {
		return !apart[[2]population.Copy{a, b}] && (truth.Event[a] == truth.Event[b] || truth.Alike[truth.Event[a]] == truth.Alike[truth.Event[b]])
	}
	for i, e := range rec.Entries {
		for _, c := range e.Copies {
			k := copyOf(c)
			if _, twice := entry[k]; twice {
				of(k.Type).lost++
			}
			entry[k], byID[k] = i, c
		}
		if len(e.Conflicts) > 0 {
			of(string(e.Survivor.Type())).marked++
		}
		for j, a := range e.Copies {
			for _, b := range e.Copies[j+1:] {
				if x, y := copyOf(a), copyOf(b); same(x, y) {
					of(x.Type).right++
				} else {
					of(x.Type).wrong++
					tell("joined, and not one: by %v\n  %s\n  %s", e.Why.Agreed.Names(), a.Raw(), b.Raw())
				}
			}
		}
	}
	events := map[population.EventKey][]population.Copy{}
	for _, b := range batches {
		for _, r := range b.Resources {
			k := population.Copy{Source: b.Source, Type: string(r.Type()), ID: r.ID()}
			of(k.Type).copies++
			if _, ok := entry[k]; !ok {
				of(k.Type).lost++
			}
			events[truth.Event[k]] = append(events[truth.Event[k]], k)
		}
	}
	// swapped tells whether a was joined with another copy at b's source that says what b says
	swapped := func(a, b population.Copy) bool {
		for _, c := range rec.Entries[entry[a]].Copies {
			if k := copyOf(c); c.Source == b.Source && k != b && same(k, b) {
				return true
			}
		}
		return false
	}
	for _, key := range slices.Sorted(maps.Keys(events)) {
		copies := events[key]
		slices.SortFunc(copies, func(a, b population.Copy) int { return strings.Compare(a.String(), b.String()) })
		for i, a := range copies {
			for _, b := range copies[i+1:] {
				if entry[a] != entry[b] && !apart[[2]population.Copy{a, b}] && !swapped(a, b) && !swapped(b, a) {
					of(a.Type).missed++
					tell("one event, and not joined (%v %v, %v %v)\n  %s\n  %s", rec.Entries[entry[a]].Conflicts, rec.Entries[entry[a]].PossibleDuplicate,
						rec.Entries[entry[b]].Conflicts, rec.Entries[entry[b]].PossibleDuplicate, byID[a].Raw(), byID[b].Raw())
				}
			}
		}
	}
	for _, c := range truth.Conflicts {
		for _, s := range c.Sides {
			for _, k := range s {
				if _, here := entry[k]; !here {
					continue
				}
				of(k.Type).planted++
				if len(rec.Entries[entry[k]].Conflicts) == 0 {
					of(k.Type).unmarked++
					tell("planted %v, and not marked\n  %s", c.Kind, byID[k].Raw())
					for _, o := range c.Sides {
						for _, x := range o {
							tell("  other side %s: %v %s", x, rec.Entries[entry[x]].Conflicts, byID[x].Raw())
						}
					}
				}
			}
		}
	}
	flat := map[string]tally{}
	for k, v := range out {
		flat[k] = *v
	}
	return flat
}

// TestTable prints how well copies of one event are found, by type, with every kind of noise on; -v shows it:
//
//	go test -run TestTable -v ./merge
func TestTable(t *testing.T) {
	for _, mode := range []string{"the whole chart at once", "each type for itself", "without the events' identifiers"} {
		t.Run(mode, func(t *testing.T) {
			e := merge.NewEngine(merge.Default())
			sum := map[string]tally{}
			told := map[string]int{}
			for _, o := range worlds() {
				pop := population.Generate(o)
				for i := range pop.Persons {
					batches := chart(t, pop, &pop.Persons[i])
					tell := func(f string, a ...any) {
						s := fmt.Sprintf(f, a...)
						kind := between(s, `"resourceType":"`, `"`) + s[:8]
						if told[kind]++; told[kind] <= 2 {
							t.Log(s)
						}
					}
					parts := [][]merge.Batch{batches}
					switch mode {
					case "each type for itself":
						parts = split(batches)
					case "without the events' identifiers":
						parts[0] = unnumbered(t, batches)
					}
					for _, part := range parts {
						for typ, x := range judge(&pop.Truth, part, e.Merge(part), tell) {
							s := sum[typ]
							s.add(x)
							sum[typ] = s
						}
					}
				}
			}
			report(t, sum)
		})
	}
}

var numbers = regexp.MustCompile(`"(identifier|masterIdentifier)":(\[\{[^\]]*\}\]|\{[^}]*\}),`)

// unnumbered is the batches without the identifiers of events, so that nothing but what they say tells them; plans and
// teams have nothing else.
func unnumbered(t *testing.T, batches []merge.Batch) []merge.Batch {
	t.Helper()
	out := make([]merge.Batch, len(batches))
	for i, b := range batches {
		out[i].Source = b.Source
		for _, r := range b.Resources {
			switch r.Type() {
			case "Practitioner", "Organization", "Location", "CarePlan", "CareTeam", "Goal":
			default:
				r = resource(t, numbers.ReplaceAllString(string(r.Raw()), ""))
			}
			out[i].Resources = append(out[i].Resources, r)
		}
	}
	return out
}

func worlds() []population.Options {
	return []population.Options{
		{Seed: 11, Persons: 8, Conflicts: 4, Noise: population.AllNoise()},
		{Seed: 12, Persons: 5, Conflicts: 6, Registered: 3, Copies: 3, Noise: population.AllNoise()},
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// split is the batches by type.
func split(batches []merge.Batch) (out [][]merge.Batch) {
	types := map[fhir.ResourceType]bool{}
	for _, b := range batches {
		for _, r := range b.Resources {
			types[r.Type()] = true
		}
	}
	for _, t := range slices.Sorted(maps.Keys(types)) {
		var part []merge.Batch
		for _, b := range batches {
			x := merge.Batch{Source: b.Source}
			for _, r := range b.Resources {
				if r.Type() == t {
					x.Resources = append(x.Resources, r)
				}
			}
			part = append(part, x)
		}
		out = append(out, part)
	}
	return out
}

// report prints the table and holds it to what is promised.
func report(t *testing.T, sum map[string]tally) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-22s %7s %7s %6s %6s %9s %7s %5s %8s %8s %6s\n", "type", "copies", "right", "wrong", "missed", "precision", "recall", "lost", "planted", "unmarked", "marked")
	var all tally
	line := func(name string, x tally) {
		fmt.Fprintf(&b, "%-22s %7d %7d %6d %6d %9.4f %7.4f %5d %8d %8d %6d\n", name, x.copies, x.right, x.wrong, x.missed, x.precision(), x.recall(), x.lost, x.planted, x.unmarked, x.marked)
	}
	for _, typ := range slices.SortedFunc(maps.Keys(sum), cmp.Compare[string]) {
		x := sum[typ]
		if x.right+x.missed == 0 {
			x.right = 0
		}
		line(typ, x)
		all.add(x)
		if x.lost > 0 || x.precision() < 0.999 && x.wrong > 0 || x.recall() < 0.97 && x.missed > 0 {
			t.Errorf("%s falls short", typ)
		}
	}
	line("all", all)
	t.Log(b.String())
	if all.unmarked > 0 {
		t.Errorf("%d planted disagreements are not marked", all.unmarked)
	}
}
