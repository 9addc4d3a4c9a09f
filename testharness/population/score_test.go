package population_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/testharness/population"
)

func TestScore(t *testing.T) {
	c := func(source, id string) population.Copy {
		return population.Copy{Source: map[string]population.Source{"e": {ID: "epic"}, "c": {ID: "cerner"}, "a": {ID: "athena"}}[source].ID, Type: "Observation", ID: id}
	}
	e1, c1, a1, e2, c2, a3, e4 := c("e", "1"), c("c", "1"), c("a", "1"), c("e", "2"), c("c", "2"), c("a", "3"), c("e", "4")
	truth := population.Truth{
		Event: map[population.Copy]population.EventKey{e1: "p/Observation/1", c1: "p/Observation/1", a1: "p/Observation/1", e2: "p/Observation/2", c2: "p/Observation/2", a3: "p/Observation/3", e4: "p/Observation/4"},
		Alike: map[population.EventKey]string{"p/Observation/1": "one", "p/Observation/2": "two", "p/Observation/3": "three", "p/Observation/4": "one"},
	}
	for _, tt := range []struct {
		name   string
		groups [][]population.Copy
		want   population.Quality
	}{
		{"perfect", [][]population.Copy{{e1, c1, a1}, {e2, c2}, {a3}, {e4}}, population.Quality{Right: 4}},
		{"nothing merged", [][]population.Copy{{e1}, {c1}, {a1}, {e2}, {c2}, {a3}, {e4}}, population.Quality{Apart: 4}},
		{"one too many", [][]population.Copy{{e1, c1, a1, a3}, {e2, c2}, {e4}}, population.Quality{Right: 4, Wrong: 3}},
		{"lost and twice", [][]population.Copy{{e1, c1}, {e1, a1}, {e2, c2}, {e4}}, population.Quality{Right: 3, Apart: 1, Lost: 1, Twice: 1}},
		{"the twin of an event stood in", [][]population.Copy{{e4, c1, a1}, {e1}, {e2, c2}, {a3}}, population.Quality{Right: 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := truth.Score(tt.groups, nil)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	truth.Conflicts = []population.Conflict{{Event: "p/Observation/2", Kind: population.ConflictValue, Sides: [][]population.Copy{{e2}, {c2}}}}
	if got := truth.Score([][]population.Copy{{e1, c1, a1}, {e2, c2}, {a3}, {e4}}, nil); got.Silent != 1 || got.Right != 3 {
		t.Errorf("a conflict merged silently: %+v", got)
	}
	if got := truth.Score([][]population.Copy{{e1, c1, a1}, {e2}, {c2}, {a3}, {e4}}, nil); got.Apart != 0 || got.Silent != 0 {
		t.Errorf("a conflict kept apart: %+v", got)
	}
}

func TestScoreOfTheTruthIsPerfect(t *testing.T) {
	p := population.Generate(noisy(81, 6))
	odd := map[population.Copy]bool{}
	for _, c := range p.Truth.Conflicts {
		for _, x := range c.Sides[1] {
			odd[x] = true
		}
	}
	var groups [][]population.Copy
	for _, copies := range p.Truth.Copies() {
		same := slices.DeleteFunc(slices.Clone(copies), func(c population.Copy) bool { return odd[c] })
		groups = append(groups, same)
		for _, c := range copies {
			if odd[c] {
				groups = append(groups, []population.Copy{c})
			}
		}
	}
	q := p.Truth.Score(groups, nil)
	if q.Wrong+q.Apart+q.Silent+q.Lost+q.Twice+q.Unknown != 0 || q.Right == 0 || q.F1() != 1 {
		t.Errorf("%+v", q)
	}
	var persons [][]population.Copy
	for _, cs := range p.Truth.Patients() {
		persons = append(persons, cs)
	}
	if q := p.Truth.ScorePersons(persons); q.F1() != 1 || q.Right == 0 {
		t.Errorf("persons: %+v", q)
	}
}
