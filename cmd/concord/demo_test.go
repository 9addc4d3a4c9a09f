package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"concord/compare"
	"concord/internal/app/demo"
	"concord/testharness/population"
)

// TestDiffOfTheDemo: over the whole way, from sandbox EHRs through the gateway to the program, every difference that was
// planted in the demo's sample patient is told, and of events no disagreement is that was not planted.
func TestDiffOfTheDemo(t *testing.T) {
	d, err := demo.Start(t.Context(), demo.Options{Listen: "127.0.0.1:0"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	token, file := filepath.Join(dir, "token"), filepath.Join(dir, "report.json")
	if err := os.WriteFile(token, []byte(d.Sample.Token), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"diff", "--server", d.URL, "--token-file", token, "--patient", d.Sample.Person, "--format", "json", "-o", file}
	if code := run(context.WithoutCancel(t.Context()), args); code != 1 {
		t.Fatalf("exit code %d, want 1", code)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r compare.Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	judge(t, &d.World.Population.Truth, r)
}

// judge holds a report against the truth.
func judge(t *testing.T, truth *population.Truth, r compare.Report) {
	t.Helper()
	disputed, listed := map[population.EventKey]bool{}, map[population.Copy]compare.Event{}
	var person population.PersonKey
	for _, e := range r.Events {
		planted := e.Type == "Patient" // spellings differ at the sites
		for _, c := range e.Copies {
			typ, id, _ := strings.Cut(c.Reference, "/")
			x := population.Copy{Source: c.Source, Type: typ, ID: strings.TrimPrefix(id, string(c.Source)+".")}
			listed[x] = e
			key := truth.Event[x]
			if p := key.Person(); p != "" {
				person = p
			}
			disputed[key] = disputed[key] || e.Disagrees()
			planted = planted || slices.ContainsFunc(truth.Conflicts, func(k population.Conflict) bool { return k.Event == key })
		}
		if e.Disagrees() && !planted {
			t.Errorf("invented: %s, %v", e.Type, e.Disagreements)
		}
	}
	planted, lacking := 0, 0
	for _, k := range truth.Conflicts {
		if k.Event.Person() == person {
			if planted++; !disputed[k.Event] {
				t.Errorf("not told: %s", k.Kind)
			}
		}
	}
	offered := map[string]bool{}
	for _, x := range r.Types {
		offered[string(x.Type)] = true
	}
	for key, copies := range truth.Copies() {
		c := copies[0]
		_, ok := listed[c]
		hidden := strings.Contains(string(key), "+") || len(c.ID)+len(c.Source) > 63 // repeated, withdrawn, or under a stand-in's name
		if key.Person() != person || !offered[c.Type] || hidden || len(copies) == len(r.Sources) {
			continue
		}
		lacks := slices.ContainsFunc(r.Sources, func(s compare.Source) bool {
			gap := slices.ContainsFunc(r.Gaps, func(g compare.Gap) bool { return g.Source == s.Name && string(g.Type) == c.Type })
			return !gap && !slices.ContainsFunc(copies, func(x population.Copy) bool { return x.Source == s.Name })
		})
		if lacks {
			if lacking++; !ok {
				t.Errorf("missing somewhere, and not told: %s", c.Type)
			}
		}
	}
	if planted == 0 || lacking == 0 {
		t.Errorf("%d planted, %d lacking: nothing was judged", planted, lacking)
	}
}
