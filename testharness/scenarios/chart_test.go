package scenarios_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"concord"
	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// charted are the types that $everything gives by patient, as the sandbox EHRs hold them.
var charted = map[string]bool{"AllergyIntolerance": true, "Condition": true, "DiagnosticReport": true, "Encounter": true, "Immunization": true,
	"MedicationRequest": true, "Observation": true, "Procedure": true, "DocumentReference": true, "Goal": true, "CareTeam": true}

// judge holds a whole chart to the truth: each copy of the person at the sources that are linked stands behind exactly one
// entry, and no copy of anybody else.
func judge(t *testing.T, r *rig, p population.Person, byPerson map[population.PersonKey]map[string]population.EventKey) (copies, joined, falsely int) {
	t.Helper()
	first := p.Copies[0]
	id, records := r.person(t, first.Source, first.ID)
	linked := map[concord.SourceID]bool{}
	mine := map[string]bool{}
	for _, c := range p.Copies {
		mine["Patient/"+string(c.Source)+"."+c.ID] = true
	}
	for _, ref := range records {
		source, _, _ := strings.Cut(strings.TrimPrefix(ref, "Patient/"), ".")
		linked[concord.SourceID(source)] = true
		if !mine[ref] && !strings.Contains(ref, ".x-") {
			t.Errorf("%s: a record of somebody else is linked", p.Key)
		}
	}
	a := r.get(t, "Patient/"+id+"/$everything?_count=10000")
	if a.code != 200 {
		t.Fatalf("%s: HTTP %d", p.Key, a.code)
	}
	want := byPerson[p.Key]
	seen := map[string]int{}
	standIns := map[string]int{}
	for _, e := range a.entries("match") {
		typ := fmt.Sprint(e["resourceType"])
		cs := contributors(e)
		if len(cs) == 0 {
			t.Errorf("%s: a %s without a contributor", p.Key, typ)
		}
		self := false
		for i, c := range cs {
			seen[c]++
			self = self || c == typ+"/"+fmt.Sprint(e["id"]) || typ == "Patient"
			if typ == "Patient" || !charted[typ] {
				continue
			}
			if strings.Contains(c, ".x-") {
				source, _, _ := strings.Cut(strings.TrimPrefix(c, typ+"/"), ".")
				standIns[typ+"/"+source]++
				continue
			}
			ev, ok := want[c]
			if !ok {
				t.Errorf("%s: a %s of somebody else", p.Key, typ)
			}
			for _, d := range cs[i+1:] {
				if other, ok := want[d]; ok {
					if joined++; other != ev {
						falsely++
					}
				}
			}
		}
		if !self {
			t.Errorf("%s: a %s whose id is none of its copies'", p.Key, typ)
		}
	}
	long := map[string]int{}
	for c := range want {
		typ, rest, _ := strings.Cut(c, "/")
		source, local, _ := strings.Cut(rest, ".")
		if !charted[typ] || !linked[concord.SourceID(source)] {
			continue
		}
		copies++
		if len(source)+1+len(local) > 64 {
			long[typ+"/"+source]++
			continue
		}
		if seen[c] != 1 {
			t.Errorf("%s: %s at %s is in %d entries", p.Key, typ, source, seen[c])
		}
	}
	for k, n := range long {
		if standIns[k] != n {
			t.Errorf("%s: %d of %d copies with long ids at %s", p.Key, standIns[k], n, k)
		}
	}
	return copies, joined, falsely
}

// truthByPerson is each person's copies by the name that the gateway gives them.
func truthByPerson(w *testharness.World) map[population.PersonKey]map[string]population.EventKey {
	out := map[population.PersonKey]map[string]population.EventKey{}
	for c, ev := range w.Truth.Event {
		key := population.PersonKey(personOf(string(ev)))
		if out[key] == nil {
			out[key] = map[string]population.EventKey{}
		}
		if alike, ok := w.Truth.Alike[ev]; ok { // two events that say the same are nobody's to tell apart
			ev = population.EventKey(alike)
		}
		out[key][c.Type+"/"+string(c.Source)+"."+c.ID] = ev
	}
	return out
}

// personOf is the person in an event's key.
func personOf(event string) string {
	p, _, _ := strings.Cut(event, "/")
	return p
}

func TestOneChart(t *testing.T) {
	for _, c := range []struct {
		name  string
		noise population.Noise
	}{{"copies that are alike", population.Noise{}}, {"copies as sites have them", population.AllNoise()}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, testharness.Options{Population: population.Options{Seed: 5, Persons: 4, Decoys: 1, Conflicts: 2, Noise: c.noise}})
			r := start(t, w, "10s")
			truth := truthByPerson(w)
			copies, joined, falsely := 0, 0, 0
			for _, p := range w.Population.Persons {
				n, j, f := judge(t, r, p, truth)
				copies, joined, falsely = copies+n, joined+j, falsely+f
			}
			t.Logf("%d people, %d copies, %d pairs joined, %d of them falsely", len(w.Population.Persons), copies, joined, falsely)
			if copies == 0 || joined == 0 {
				t.Error("nothing was looked at")
			}
			if falsely > 0 {
				t.Errorf("%d pairs of different events were joined", falsely)
			}
		})
	}
}

// TestSynthea: every patient of the shared data, dealt out to three EHRs and back.
func TestSynthea(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/data/synthea/*.json.gz")
	large, _ := filepath.Glob("../../../shared/data/synthea/large/*.json.gz")
	files = append(files, large...)
	if len(files) == 0 {
		t.Skip("no ../shared/data/synthea beside the module")
	}
	sort.Strings(files)
	manners := fakeehr.AllManners()
	manners.Categories, manners.RequiredParams = false, false // Synthea's categories are not those by which Epic can be searched
	copies, joined, falsely := 0, 0, 0
	for from := 0; from < len(files); from += 5 {
		var bundles [][]byte
		for _, f := range files[from:min(from+5, len(files))] {
			bundles = append(bundles, unpack(t, f))
		}
		w, err := testharness.NewWorld(testharness.Options{Population: population.Options{Seed: uint64(from + 1)}, Bundles: bundles, Manners: &manners})
		if err != nil {
			t.Fatal(err)
		}
		r := start(t, w, "20s")
		truth := truthByPerson(w)
		for _, p := range w.Population.Persons {
			n, j, f := judge(t, r, p, truth)
			copies, joined, falsely = copies+n, joined+j, falsely+f
		}
		_ = w.Close()
	}
	t.Logf("%d patients, %d copies, %d pairs joined, %d of them falsely", len(files), copies, joined, falsely)
	// a few of its patients have two events that differ in nothing but the wording of one code's display
	if falsely*1000 > joined {
		t.Errorf("%d of %d pairs of different events were joined", falsely, joined)
	}
}

func unpack(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
