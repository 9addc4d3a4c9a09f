package compare_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"concord"
	"concord/compare"
	"concord/fhir"
	"concord/testharness/population"
)

// aspects are what a planted conflict must be told as.
var aspects = map[population.ConflictKind][]compare.Aspect{
	population.ConflictValue:    {compare.AboutValue},
	population.ConflictDose:     {compare.AboutDose},
	population.ConflictStatus:   {compare.AboutStatus},
	population.ConflictNegation: {compare.AboutStatus},
}

// TestTruth: over generated patients, every event that a source lacks is said to be missing there, every planted conflict
// is told with its element and each side's value, and nothing else is.
func TestTruth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := population.Options{Seed: rapid.Uint64Range(0, 1<<20).Draw(rt, "seed"), Persons: 1, Registered: 3, Conflicts: rapid.IntRange(0, 6).Draw(rt, "conflicts")}
		pop := population.Generate(o)
		in := chart(t, pop, &pop.Persons[0])
		judge(rt, pop, in, compare.Compare(in))
	})
}

type fataler interface{ Fatalf(string, ...any) }

func judge(rt fataler, pop *population.Population, in compare.Input, r compare.Report) {
	types := compare.Types()
	ours := func(c population.Copy) bool {
		return slices.Contains(types, fhir.ResourceType(c.Type)) && !withdrawn(in, c)
	}
	found := map[population.Copy]*compare.Event{}
	for i := range r.Events {
		for _, c := range r.Events[i].Copies {
			found[copyOf(c)] = &r.Events[i]
		}
	}
	conflicts := map[population.EventKey]population.Conflict{}
	for _, c := range pop.Truth.Conflicts {
		conflicts[c.Event] = c
	}
	for key, copies := range pop.Truth.Copies() {
		if !ours(copies[0]) || key.Person() == "" {
			continue
		}
		want := lacking(in, copies)
		e := found[copies[0]]
		c, planted := conflicts[key]
		switch {
		case len(want) == 0 && !planted:
			if e != nil {
				rt.Fatalf("invented: %s %v\n%s", key, *e, dump(r))
			}
			continue
		case e == nil:
			rt.Fatalf("not found: %s %v lacking %v planted %v", key, copies, want, c.Kind)
		case !slices.Equal(e.Missing, want):
			rt.Fatalf("%s: missing %v, want %v: %+v", key, e.Missing, want, *e)
		case planted != e.Disagrees():
			rt.Fatalf("%s: planted %v: %+v", key, planted, *e)
		}
		for _, x := range copies {
			if found[x] != e {
				rt.Fatalf("%s is in two events of the report", key)
			}
		}
		if planted && !slices.ContainsFunc(e.Disagreements, func(d compare.Disagreement) bool {
			return slices.Contains(aspects[c.Kind], d.Aspect) && len(d.Told) == len(copies) && sides(d, c)
		}) {
			rt.Fatalf("%s: %s is not told: %+v", key, c.Kind, *e)
		}
	}
}

// sides tells whether each side of a conflict is told, and otherwise than the other.
func sides(d compare.Disagreement, c population.Conflict) bool {
	said := map[string]int{}
	for i, side := range c.Sides {
		for _, x := range side {
			for _, t := range d.Told {
				if copyOf(compare.Copy{Source: t.Source, Reference: t.Reference}) == x {
					if j, ok := said[t.Text]; ok && j != i {
						return false
					}
					said[t.Text] = i
				}
			}
		}
	}
	return len(said) >= 2
}

func copyOf(c compare.Copy) population.Copy {
	typ, id, _ := strings.Cut(c.Reference, "/")
	return population.Copy{Source: c.Source, Type: typ, ID: strings.TrimPrefix(id, string(c.Source)+".")}
}

func lacking(in compare.Input, copies []population.Copy) []concord.SourceID {
	out := []concord.SourceID{}
	for _, s := range in.Options.Sources {
		if !slices.ContainsFunc(copies, func(c population.Copy) bool { return c.Source == s }) {
			out = append(out, s)
		}
	}
	return out
}

// withdrawn tells of copies that say nothing.
func withdrawn(in compare.Input, c population.Copy) bool {
	for _, e := range in.Entries {
		for _, x := range e.Copies {
			if x.Source == c.Source && string(x.Type()) == c.Type && x.ID() == c.ID {
				return strings.Contains(string(x.Raw()), "entered-in-error")
			}
		}
	}
	return false
}

// TestTruthInNoise: with every vendor's manners on, every planted conflict is told, and of events no other is. What is
// written down twice, or withdrawn, is an event of its own in the truth, and may be told with its like.
func TestTruthInNoise(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := population.Options{Seed: rapid.Uint64Range(0, 1<<20).Draw(rt, "seed"), Persons: 1, Registered: 3, Conflicts: rapid.IntRange(0, 6).Draw(rt, "conflicts"), Noise: population.AllNoise()}
		pop := population.Generate(o)
		r := compare.Compare(chart(t, pop, &pop.Persons[0]))
		disputed := map[population.EventKey]bool{}
		for _, e := range r.Events {
			if !e.Disagrees() || e.Type == fhir.TypePatient {
				continue
			}
			planted := false
			for _, c := range e.Copies {
				key := pop.Truth.Event[copyOf(c)]
				disputed[key] = true
				planted = planted || slices.ContainsFunc(pop.Truth.Conflicts, func(x population.Conflict) bool { return x.Event == key })
			}
			if !planted {
				rt.Fatalf("invented: %s", told(compare.Report{Events: []compare.Event{e}}))
			}
		}
		for _, c := range pop.Truth.Conflicts {
			if c.Event.Person() == pop.Persons[0].Key && !disputed[c.Event] {
				rt.Fatalf("not found: %s %s", c.Event, c.Kind)
			}
		}
	})
}

// BenchmarkCompare is a comparison of a long chart.
func BenchmarkCompare(b *testing.B) {
	pop := population.Generate(population.Options{Seed: 1, Persons: 1, Registered: 3, Observations: 3000, Conflicts: 20, Noise: population.AllNoise()})
	in := chart(b, pop, &pop.Persons[0])
	n := 0
	for _, e := range in.Entries {
		n += len(e.Copies)
	}
	for b.Loop() {
		compare.Compare(in)
	}
	b.ReportMetric(float64(n), "copies")
}
