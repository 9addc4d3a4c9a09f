package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// TestFaults: one source misbehaves in every way that the sandbox knows; the others' copies are all there, the source is
// named, nothing of anybody else comes through, and nothing of a fixture is in log or trail.
func TestFaults(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 11, Persons: 2, Registered: 3}})
	p := w.Population.Persons[0]
	for i, kind := range []fakeehr.Kind{fakeehr.Hang, fakeehr.ServerError, fakeehr.BadGateway, fakeehr.Unavailable, fakeehr.Throttled, fakeehr.Forbidden, fakeehr.NotFound,
		fakeehr.Unauthorized, fakeehr.BadJSON, fakeehr.HTML, fakeehr.Empty, fakeehr.Truncated, fakeehr.CutClean, fakeehr.Trickle, fakeehr.Reset, fakeehr.WrongPatient,
		fakeehr.WrongType, fakeehr.Endless, fakeehr.ForeignNext, fakeehr.PathNext, fakeehr.Redirect, fakeehr.OutcomeAs200, fakeehr.FatalInside, fakeehr.Withheld} {
		t.Run(string(kind), func(t *testing.T) {
			r := start(t, w, "700ms")
			id, records := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
			if len(records) != 3 {
				t.Fatalf("%d records are linked", len(records))
			}
			bad := w.EHRs[i%len(w.EHRs)]
			bad.Set(fakeehr.Fault{Kind: kind, Type: "Condition"})
			defer bad.Clear()
			began := time.Now()
			a := r.get(t, "Condition?patient="+id+"&_count=1000")
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if a.code != 200 {
				t.Fatalf("HTTP %d", a.code)
			}
			warned := false
			for _, s := range a.issues(bad.Source()) {
				warned = warned || strings.HasPrefix(s, "warning ")
			}
			if !warned {
				t.Errorf("%s is not said to be missing: %v", bad.Source(), a.issues(bad.Source()))
			}
			if !strings.Contains(a.header.Get("Server-Timing"), string(bad.Source())) {
				t.Error("Server-Timing does not name it")
			}
			if _, ok := a.json["total"]; ok {
				t.Error("a total of what is not all there")
			}
			seen := map[string]bool{}
			for _, e := range a.entries("match") {
				for _, c := range contributors(e) {
					seen[c] = true
				}
			}
			mine := map[string]bool{}
			for c, ev := range w.Truth.Event {
				name := c.Type + "/" + string(c.Source) + "." + c.ID
				if c.Type != "Condition" || personOf(string(ev)) != string(p.Key) {
					continue
				}
				mine[name] = true
				if c.Source != bad.Source() && !seen[name] {
					t.Errorf("a copy at %s is missing", c.Source)
				}
			}
			for c := range seen {
				if !mine[c] {
					t.Error("a copy of somebody else came through")
				}
			}
			if bad.Strayed() > 0 {
				t.Error("a link to another host was followed")
			}
			r.leaks(t, p)
		})
	}
}

// leaks looks for the person's data in log and trail.
func (r *rig) leaks(t *testing.T, p population.Person) {
	t.Helper()
	text := r.log.String() + r.trail(t)
	for _, c := range []string{p.Family, p.SSN, p.Phone, p.Email, p.Birth.Format("2006-01-02"), p.Copies[0].ID, r.token} {
		if len(c) > 3 && strings.Contains(text, c) {
			t.Errorf("a string of the fixture is in log or trail, %d bytes long", len(c))
		}
	}
}

// trail is the whole audit trail.
func (r *rig) trail(t *testing.T) string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(r.dir, "audit", "*"))
	var b strings.Builder
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil {
			b.Write(text)
		}
	}
	if b.Len() == 0 {
		t.Error("there is no trail")
	}
	return b.String()
}

// TestAllDown: no source answers, so there is no answer, and never an empty chart.
func TestAllDown(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 12, Persons: 1, Registered: 3}})
	r := start(t, w, "700ms")
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	for _, e := range w.EHRs {
		if err := e.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"Condition?patient=" + id, "Patient/" + id, "Patient/" + id + "/$everything", "Patient?_id=" + id} {
		if a := r.get(t, path); a.code < 502 || a.code > 504 || a.json["resourceType"] != "OperationOutcome" {
			t.Errorf("%s: HTTP %d %v", strings.Split(path, "?")[0], a.code, a.json["resourceType"])
		}
	}
}

// TestArrival: whichever source comes last, the answer is the same to the byte.
func TestArrival(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 13, Persons: 1, Registered: 3, Noise: population.AllNoise()}})
	r := start(t, w, "5s")
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	answers := map[string]bool{}
	for _, slow := range w.EHRs {
		slow.Set(fakeehr.Fault{Kind: fakeehr.Slow, Delay: 60 * time.Millisecond})
		answers[string(r.get(t, "Observation?patient="+id+"&_count=1000").body)] = true
		slow.Clear()
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers", len(answers))
	}
}

// TestPages: pages hold each match once and no more than asked for, whatever a source does meanwhile, and only for the
// caller that they were given to.
func TestPages(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 14, Persons: 1, Registered: 3}})
	r := start(t, w, "5s")
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	whole := r.get(t, "Observation?patient="+id+"&_sort=-date&_count=10000").entries("match")
	seen := map[string]bool{}
	next := fmt.Sprintf("Observation?patient=%s&_sort=-date&_count=9", id)
	for n := 0; next != ""; n++ {
		a := r.get(t, next)
		if a.code != 200 {
			t.Fatalf("page %d: HTTP %d", n, a.code)
		}
		list := a.entries("match")
		if len(list) > 9 {
			t.Errorf("%d matches on a page of 9", len(list))
		}
		for _, e := range list {
			if seen[fmt.Sprint(e["id"])] {
				t.Error("a match came twice")
			}
			seen[fmt.Sprint(e["id"])] = true
		}
		if n == 1 {
			_ = w.EHRs[0].Stop()
			good := r.token
			c := r.issuer.Claims("http://127.0.0.1:8080/fhir/r4", "user/*.rs").With("sub", "somebody-else-1")
			r.token, _ = r.issuer.Token(c)
			if x := r.get(t, next); x.code != 403 && x.code != 404 {
				t.Errorf("another caller's token opened a page: HTTP %d", x.code)
			}
			r.token, _ = r.issuer.Token(r.issuer.Claims("http://127.0.0.1:8080/fhir/r4", "user/Condition.rs"))
			if x := r.get(t, next); x.code != 403 && x.code != 404 {
				t.Errorf("a token without the scope opened a page: HTTP %d", x.code)
			}
			r.token = good
		}
		next = ""
		links, _ := a.json["link"].([]any)
		for _, l := range links {
			if m, _ := l.(resource); m["relation"] == "next" {
				next = fmt.Sprint(m["url"])
			}
		}
	}
	if len(seen) != len(whole) || len(seen) < 10 {
		t.Errorf("%d matches by pages, %d at once", len(seen), len(whole))
	}
}
