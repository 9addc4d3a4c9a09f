package scenarios_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// TestFoundLater: a person first seen while an EHR is down is found there when it is back, also by a patient's token,
// and what is missing until then is said for every type.
func TestFoundLater(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 41, Persons: 1, Registered: 3}})
	r := start(t, w, "2s")
	p := w.Population.Persons[0]
	down := w.EHRs[1]
	if err := down.Stop(); err != nil {
		t.Fatal(err)
	}
	id, records := r.person(t, w.EHRs[0].Source(), w.Patient(p.Key, w.EHRs[0].Source()))
	if len(records) != 2 {
		t.Fatalf("%d records while one EHR is down", len(records))
	}
	for _, path := range []string{"Condition?patient=" + id, "Patient/" + id + "/$everything", "Patient?_id=" + id} {
		a := r.get(t, path)
		if a.code != 200 || len(a.issues(down.Source())) == 0 || a.json["total"] != nil {
			t.Errorf("HTTP %d, %v, total %v", a.code, a.issues(down.Source()), a.json["total"])
		}
	}
	for _, issue := range []string{`"expression":["Goal"]`, `"expression":["Observation"]`, `"expression":["Patient"]`} {
		if !strings.Contains(string(r.get(t, "Patient/"+id+"/$everything").body), issue) {
			t.Errorf("no %s", issue)
		}
	}
	if err := down.Restart(); err != nil {
		t.Fatal(err)
	}
	r = startIn(t, w, "2s", r.dir2(t)) // a new gateway on the same index: its breakers know nothing of the outage
	r = r.with(r.tokenOf(t, "patient/*.rs", "patient", id))
	a := r.get(t, "Condition?patient="+id+"&_count=10000")
	seen := map[string]bool{}
	for _, e := range a.entries("match") {
		for _, c := range contributors(e) {
			seen[c] = true
		}
	}
	for _, c := range held(t, w, p, "Condition") {
		if !seen[c.name] {
			t.Error("a copy is missing, and a patient's token is not told")
		}
	}
	if a.json["total"] == nil {
		t.Error("no total though everybody answered")
	}
}

// dir2 ends the gateway and gives its folder to another one.
func (r *rig) dir2(t *testing.T) string {
	t.Helper()
	r.stop()
	return r.dir
}

// TestDecoys: twins, juniors and namesakes are not linked, whoever is asked for first.
func TestDecoys(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 42, Persons: 12, Decoys: 1, NoHistory: true, Noise: population.AllNoise()}})
	r := start(t, w, "10s")
	mine := map[string]population.PersonKey{}
	for c, key := range w.Truth.Person {
		mine["Patient/"+string(c.Source)+"."+c.ID] = key
	}
	together, apart := 0, 0
	for _, p := range w.Population.Persons {
		for _, c := range p.Copies {
			_, records := r.person(t, c.Source, c.ID)
			for _, ref := range records {
				if key, ok := mine[ref]; ok && key != p.Key {
					t.Errorf("%s of %s is linked with %s", p.DecoyKind, p.DecoyOf, key)
				}
			}
			together += len(records)
			apart += len(p.Copies) - len(records)
		}
	}
	t.Logf("%d records together, %d apart that are one", together, apart)
	if apart*4 > together {
		t.Error("hardly anybody is recognised")
	}
}

// TestSeveralCertain: an EHR that keeps somebody twice shows neither, and is said to be incomplete.
func TestSeveralCertain(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 43, Persons: 1, Registered: 3, NoHistory: true}})
	p := w.Population.Persons[0]
	twice := w.EHRs[2]
	for _, res := range w.Population.Site(twice.Source()).Resources {
		if res.Type == "Patient" {
			if err := twice.Load([]byte(strings.Replace(string(res.Body), res.ID, "second-"+res.ID[:min(len(res.ID), 20)], 1))); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := start(t, w, "5s")
	id, records := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	for _, ref := range records {
		if strings.HasPrefix(ref, "Patient/"+string(twice.Source())+".") {
			t.Error("one of two was linked")
		}
	}
	if a := r.get(t, "Condition?patient="+id); a.code != 200 || !slices.Contains(a.issues(twice.Source()), "warning incomplete") || a.json["total"] != nil {
		t.Errorf("HTTP %d, %v", a.code, a.issues(twice.Source()))
	}
}

// TestFirstUseAtOnce: one person asked for by all of the records at once is one person in the end.
func TestFirstUseAtOnce(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 44, Persons: 4, Registered: 3, NoHistory: true}})
	r := start(t, w, "10s")
	for _, p := range w.Population.Persons {
		var wg sync.WaitGroup
		for _, c := range slices.Concat(p.Copies, p.Copies) {
			wg.Go(func() {
				if a := r.get(t, "Condition?patient="+string(c.Source)+"."+c.ID); a.code != 200 {
					t.Errorf("HTTP %d", a.code)
				}
			})
		}
		wg.Wait()
		ids := map[string]bool{}
		for _, c := range p.Copies {
			id, records := r.person(t, c.Source, c.ID)
			ids[id] = true
			if len(records) != 3 {
				t.Errorf("%d records", len(records))
			}
		}
		if len(ids) != 1 {
			t.Errorf("one human is %d persons", len(ids))
		}
		a := r.get(t, "Patient?family="+p.Family+"&given="+p.Given[0]+"&birthdate="+p.Birth.Format("2006-01-02"))
		if a.code != 200 || len(a.entries("match")) != 1 {
			t.Errorf("HTTP %d, %d found by name", a.code, len(a.entries("match")))
		}
	}
}

// TestPatientSearch: a person is found by what only one EHR knows.
func TestPatientSearch(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 45, Persons: 3, Registered: 3, NoHistory: true}})
	r := start(t, w, "10s")
	for _, p := range w.Population.Persons {
		want, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
		for _, c := range p.Copies {
			e := w.EHR(c.Source)
			var patient struct {
				Identifier []struct{ System, Value string }
			}
			for _, res := range w.Population.Site(c.Source).Resources {
				if res.Type == "Patient" && res.ID == c.ID {
					if err := json.Unmarshal(res.Body, &patient); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, i := range patient.Identifier {
				if i.System != e.MRNSystem() {
					continue
				}
				for _, path := range []string{"Patient?identifier=" + i.System + "|" + i.Value, "Condition?patient.identifier=" + i.System + "|" + i.Value} {
					a := r.get(t, path)
					if a.code != 200 || strings.HasPrefix(path, "Patient") && (len(a.entries("match")) != 1 || a.entries("match")[0]["id"] != want) {
						t.Errorf("by the number of %s: HTTP %d, %d found", c.Source, a.code, len(a.entries("match")))
					}
				}
			}
		}
	}
}

// TestReferences: every reference of a chart leads to something, and ids too long for FHIR have stand-ins that still do so
// after a restart.
func TestReferences(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 46, Persons: 1, Registered: 3, Noise: population.AllNoise()}})
	r := start(t, w, "20s")
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	a := r.get(t, "Patient/"+id+"/$everything?_count=10000")
	refs := map[string]bool{}
	here := map[string]bool{}
	merged := map[string]bool{}
	for _, mode := range []string{"match", "include"} {
		for _, e := range a.entries(mode) {
			self := fmt.Sprint(e["resourceType"], "/", e["id"])
			if here[self] {
				t.Error("an entry came twice")
			}
			here[self] = true
			for _, c := range contributors(e) {
				if c != self && e["resourceType"] != "Patient" {
					merged[c] = true
				}
			}
			if delete(e, "meta"); e["resourceType"] == "Patient" {
				delete(e, "link")
			}
			gather(e, refs)
		}
	}
	standIns := 0
	for ref := range refs {
		switch {
		case strings.HasPrefix(ref, "#"):
			continue
		case strings.Contains(ref, "://"):
			t.Error("an absolute reference")
		case merged[ref]:
			t.Error("a reference to a copy that was merged")
		case strings.HasPrefix(ref, "Patient/") && ref != "Patient/"+id:
			t.Error("a reference to a source's patient")
		}
		if strings.Contains(ref, ".x-") {
			standIns++
		}
	}
	if len(refs) < 20 {
		t.Fatalf("only %d references", len(refs))
	}
	r = startIn(t, w, "20s", r.dir2(t))
	lost := 0
	for ref := range refs {
		if strings.HasPrefix(ref, "#") {
			continue
		}
		b := r.get(t, ref)
		if b.code != 200 || fmt.Sprint(b.json["resourceType"], "/", b.json["id"]) != ref {
			if lost++; lost < 10 {
				t.Errorf("a reference to %s: HTTP %d", strings.Split(ref, "/")[0], b.code)
			}
		}
	}
	t.Logf("%d references, %d of them to stand-ins, %d lost", len(refs), standIns, lost)
	if standIns == 0 {
		t.Error("no stand-in was looked at")
	}
}

// gather collects every reference, and URLs that attachments have here.
func gather(v any, into map[string]bool) {
	switch v := v.(type) {
	case resource:
		if s, ok := v["reference"].(string); ok {
			into[s] = true
		}
		if s, ok := v["url"].(string); ok && strings.HasPrefix(s, public) {
			into[strings.TrimPrefix(s, public+"/fhir/r4/")] = true
		}
		for _, x := range v {
			gather(x, into)
		}
	case []any:
		for _, x := range v {
			gather(x, into)
		}
	}
}

// TestDocuments: a patient's token reads the documents of its own patient, and no other's.
func TestDocuments(t *testing.T) {
	x := startTwo(t)
	urls := func(person string) []string {
		refs := map[string]bool{}
		for _, e := range x.get(t, "DocumentReference?patient="+person+"&_count=10000").entries("match") {
			gather(e["content"], refs)
		}
		var out []string
		for ref := range refs {
			if strings.HasPrefix(ref, "Binary/") {
				out = append(out, ref)
			}
		}
		return out
	}
	mine, theirs := urls(x.me), urls(x.other)
	if len(mine) == 0 || len(theirs) == 0 {
		t.Fatalf("%d and %d documents", len(mine), len(theirs))
	}
	r := x.with(x.tokenOf(t, "patient/Binary.rs patient/DocumentReference.rs", "patient", x.me))
	if a := r.get(t, mine[0]); a.code != 200 || a.json["data"] == nil {
		t.Errorf("mine: HTTP %d", a.code)
	}
	if a := r.get(t, theirs[0]); a.code != 403 {
		t.Errorf("another's: HTTP %d", a.code)
	}
	if a := x.with(x.tokenOf(t, "patient/Binary.rs", "patient", x.me)).get(t, mine[0]); a.code != 403 {
		t.Errorf("without the scope of what refers to it: HTTP %d", a.code)
	}
}

// TestSomeIDs: ids at an EHR that is down are missing from an answer, and that is said.
func TestSomeIDs(t *testing.T) {
	x := startTwo(t)
	down := x.world.EHRs[1]
	var ids []string
	for _, e := range x.world.EHRs {
		for c := range x.myCopies {
			if id, ok := strings.CutPrefix(c, "Observation/"+string(e.Source())+"."); ok && len(id) < 50 {
				ids = append(ids, string(e.Source())+"."+id)
				break
			}
		}
	}
	down.Set(fakeehr.Fault{Kind: fakeehr.ServerError, Type: "Observation"})
	a := x.get(t, "Observation?_id="+strings.Join(ids, ","))
	if a.code != 200 || len(a.entries("match")) != len(ids)-1 || len(a.issues(down.Source())) == 0 || a.json["total"] != nil {
		t.Errorf("HTTP %d, %d of %d, %v", a.code, len(a.entries("match")), len(ids), a.issues(down.Source()))
	}
	if a := x.get(t, "Observation?_id="+ids[1]); a.code < 502 || a.code > 504 {
		t.Errorf("nothing but what is down: HTTP %d", a.code)
	}
	down.Clear()
	if a := x.get(t, "Observation?_include=Observation:encounter&_id="+strings.Join(ids, ",")); a.code != 200 || len(a.entries("match")) != len(ids) || len(a.entries("include")) == 0 {
		t.Errorf("HTTP %d, %d matches, %d included", a.code, len(a.entries("match")), len(a.entries("include")))
	}
}
