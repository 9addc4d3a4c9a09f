package population_test

import (
	"bytes"
	"testing"

	"concord/testharness/population"
)

func TestSmoke(t *testing.T) {
	p := population.Generate(population.Options{Seed: 1, Persons: 20, Decoys: 0.3, Conflicts: 2, Noise: population.AllNoise()})
	n := map[string]int{}
	for _, s := range p.Sites {
		for _, r := range s.Resources {
			n[r.Type]++
		}
	}
	t.Log(len(p.Persons), n, len(p.Truth.Conflicts), len(p.Truth.Copies()))
	var b bytes.Buffer
	_ = p.Truth.WriteTruth(&b)
	for _, s := range p.Sites {
		seen := map[string]int{}
		for _, r := range s.Resources {
			if seen[r.Type]++; seen[r.Type] == 3 {
				t.Logf("%s", r.Body)
			}
		}
	}
}
