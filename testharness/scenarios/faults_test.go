package scenarios_test

import (
	"fmt"
	"math/rand/v2"
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
	t.Parallel() // it waits more than it works
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 11, Persons: 2, Registered: 3}})
	p := w.Population.Persons[0]
	for i, kind := range []fakeehr.Kind{fakeehr.Hang, fakeehr.ServerError, fakeehr.BadGateway, fakeehr.Unavailable, fakeehr.Throttled, fakeehr.Forbidden, fakeehr.NotFound,
		fakeehr.Unauthorized, fakeehr.BadJSON, fakeehr.HTML, fakeehr.Empty, fakeehr.Truncated, fakeehr.CutClean, fakeehr.Trickle, fakeehr.Reset, fakeehr.WrongPatient,
		fakeehr.WrongType, fakeehr.Endless, fakeehr.ForeignNext, fakeehr.PathNext, fakeehr.Redirect, fakeehr.OutcomeAs200, fakeehr.FatalInside, fakeehr.Withheld, fakeehr.RequiredField, fakeehr.PageLoop} {
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

// TestTwoFaults: two sources misbehave, each in a way of its own, and the third one's copies are all there.
func TestTwoFaults(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 15, Persons: 2, Registered: 3}})
	p := w.Population.Persons[0]
	kinds := []fakeehr.Kind{fakeehr.Hang, fakeehr.ServerError, fakeehr.Unavailable, fakeehr.Throttled, fakeehr.Forbidden, fakeehr.BadJSON, fakeehr.Truncated, fakeehr.CutClean,
		fakeehr.Trickle, fakeehr.Reset, fakeehr.WrongPatient, fakeehr.WrongType, fakeehr.Endless, fakeehr.PageFails, fakeehr.PageLoop, fakeehr.ForeignNext, fakeehr.PageExpired,
		fakeehr.OutcomeAs200, fakeehr.RequiredField}
	const seed = 7
	dice := rand.New(rand.NewPCG(seed, seed))
	for range 12 {
		first, second, good := kinds[dice.IntN(len(kinds))], kinds[dice.IntN(len(kinds))], dice.IntN(3)
		t.Run(string(first)+" and "+string(second), func(t *testing.T) {
			r := start(t, w, "700ms")
			id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
			bad := []*fakeehr.EHR{w.EHRs[(good+1)%3], w.EHRs[(good+2)%3]}
			bad[0].Set(fakeehr.Fault{Kind: first, Type: "Observation"})
			bad[1].Set(fakeehr.Fault{Kind: second, Type: "Observation"})
			defer w.Heal()
			began := time.Now()
			a := r.get(t, "Observation?patient="+id+"&_count=10000")
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if a.code != 200 || a.json["total"] != nil && len(a.issues(bad[0].Source()))+len(a.issues(bad[1].Source())) > 0 {
				t.Fatalf("HTTP %d, total %v", a.code, a.json["total"])
			}
			for i, e := range bad {
				late := map[int]fakeehr.Kind{0: first, 1: second}[i]
				if len(a.issues(e.Source())) == 0 && late != fakeehr.PageExpired { // a session that is over is begun anew, once
					t.Errorf("%s is not named", e.Source())
				}
				if e.Strayed() > 0 {
					t.Error("a link to another host was followed")
				}
			}
			mine := map[string]bool{}
			for _, c := range held(t, w, p, "Observation") {
				mine[c.name] = true
			}
			seen := map[string]bool{}
			for _, e := range a.entries("match") {
				for _, c := range contributors(e) {
					if seen[c] = true; !mine[c] {
						t.Error("a copy of somebody else")
					}
				}
			}
			for c := range mine {
				if strings.HasPrefix(c, "Observation/"+string(w.EHRs[good].Source())+".") && !seen[c] {
					t.Error("a copy of the good source is missing")
				}
			}
			if b := r.get(t, "Observation?patient="+id, "Prefer", "handling=strict"); b.code < 502 || b.code > 504 || len(b.issues(bad[0].Source()))+len(b.issues(bad[1].Source())) == 0 {
				t.Errorf("strictly: HTTP %d", b.code)
			}
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
	files, _ := filepath.Glob(filepath.Join(r.dir, "audit", "*.jsonl"))
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

// TestTokenFaults: a source whose token endpoint fails is a source that fails, and its client's secrets go nowhere.
func TestTokenFaults(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 17, Persons: 1, Registered: 3}, Auth: fakeehr.AuthKey})
	p := w.Population.Persons[0]
	first := start(t, w, "700ms")
	id, records := first.person(t, p.Copies[0].Source, p.Copies[0].ID)
	if len(records) != 3 {
		t.Fatalf("%d records", len(records))
	}
	dir := first.dir2(t)
	for i, kind := range []fakeehr.Kind{fakeehr.TokenFails, fakeehr.TokenDown, fakeehr.TokenGarbage, fakeehr.TokenHangs} {
		t.Run(string(kind), func(t *testing.T) {
			bad := w.EHRs[i%3]
			bad.Set(fakeehr.Fault{Kind: kind})
			defer bad.Clear()
			r := startIn(t, w, "700ms", dir)
			defer r.stop()
			a := r.get(t, "Condition?patient="+id+"&_count=1000")
			if a.code != 200 || len(a.issues(bad.Source())) == 0 || a.json["total"] != nil || len(a.entries("match")) == 0 {
				t.Errorf("HTTP %d, %v, %d matches", a.code, a.issues(bad.Source()), len(a.entries("match")))
			}
			r.leaks(t, p)
		})
	}
}

// TestWellAgain: a source that was down for long enough to be left alone is asked again.
func TestWellAgain(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 18, Persons: 1, Registered: 3}})
	r := start(t, w, "700ms")
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	bad := w.EHRs[0]
	bad.Set(fakeehr.Fault{Kind: fakeehr.ServerError})
	for range 8 {
		r.get(t, "Condition?patient="+id)
	}
	before := bad.Hits("Condition", "search")
	if a := r.get(t, "Condition?patient="+id); a.code != 200 || bad.Hits("Condition", "search") != before {
		t.Errorf("HTTP %d, and a source that is down is asked on", a.code)
	}
	bad.Clear()
	for deadline := time.Now().Add(60 * time.Second); ; {
		if a := r.get(t, "Condition?patient="+id); len(a.issues(bad.Source())) == 0 || onlyInformation(a.issues(bad.Source())) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a source that is well is not asked again")
		}
		wait := time.NewTimer(500 * time.Millisecond)
		<-wait.C
	}
	bad.Set(fakeehr.Fault{Kind: fakeehr.Forbidden})
	for range 8 {
		r.get(t, "Condition?patient="+id)
	}
	bad.Clear()
	if a := r.get(t, "Condition?patient="+id); !onlyInformation(a.issues(bad.Source())) {
		t.Error("403s were taken for a source that is down")
	}
}

func onlyInformation(issues []string) bool {
	for _, i := range issues {
		if !strings.HasPrefix(i, "information ") {
			return false
		}
	}
	return true
}

// TestTime: however many people a search finds, sources that hang cost no more than their budget.
func TestTime(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 19, Persons: 30, NoHistory: true}})
	r := start(t, w, "1s")
	for _, e := range w.EHRs[1:] {
		e.Set(fakeehr.Fault{Kind: fakeehr.Hang})
	}
	defer w.Heal()
	source := w.EHRs[0].Source()
	var ids []string
	for _, p := range w.Population.Persons {
		if id := w.Patient(p.Key, source); id != "" {
			ids = append(ids, string(source)+"."+id)
		}
	}
	began := time.Now()
	a := r.get(t, "Patient?_id="+strings.Join(ids, ","))
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v for %d people", took, len(ids))
	}
	if a.code != 200 || len(a.entries("match")) != len(ids) || len(a.issues(w.EHRs[1].Source())) == 0 || len(a.issues(w.EHRs[2].Source())) == 0 {
		t.Errorf("HTTP %d, %d of %d people", a.code, len(a.entries("match")), len(ids))
	}
}

// TestFirstUseWhileOneHangs: a person nobody has asked for before is shown with what the others have, in time.
func TestFirstUseWhileOneHangs(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 20, Persons: 3, Registered: 3}})
	r := start(t, w, "1s")
	for i, bad := range w.EHRs {
		bad.Set(fakeehr.Fault{Kind: fakeehr.Hang})
		p := w.Population.Persons[i]
		first := p.Copies[(i+1)%3]
		began := time.Now()
		a := r.get(t, "Condition?_count=1000&patient="+string(first.Source)+"."+first.ID)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
		seen := map[string]bool{}
		for _, e := range a.entries("match") {
			for _, c := range contributors(e) {
				seen[c] = true
			}
		}
		if a.code != 200 || len(a.issues(bad.Source())) == 0 {
			t.Errorf("HTTP %d, %v", a.code, a.issues(bad.Source()))
		}
		for _, c := range held(t, w, p, "Condition") {
			if !strings.HasPrefix(c.name, "Condition/"+string(bad.Source())) && !seen[c.name] {
				t.Error("a copy of a source that answers is missing")
			}
		}
		bad.Clear()
	}
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
	for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {0, 0, 0}} {
		for i, e := range w.EHRs {
			e.Set(fakeehr.Fault{Kind: fakeehr.Slow, Delay: time.Duration(order[i]*15+1) * time.Millisecond})
		}
		answers[string(r.get(t, "Observation?patient="+id+"&_count=1000").body)+string(r.get(t, "Patient/"+id+"/$everything?_count=10000").body)] = true
	}
	w.Heal()
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
			for name, token := range map[string]string{
				"another user's":       r.tokenOf(t, "user/*.rs", "sub", "somebody-else-1"),
				"another client's":     r.tokenOf(t, "user/*.rs", "client_id", "another-app"),
				"another tenant's":     r.tokenOf(t, "user/*.rs", "tenant", "elsewhere"),
				"a poorer":             r.tokenOf(t, "user/Condition.rs"),
				"a patient's":          r.tokenOf(t, "patient/*.rs", "patient", "nobody"),
				"a narrower, granular": r.tokenOf(t, "user/Observation.rs?category=imaging"),
			} {
				if x := r.with(token).get(t, next); x.code != 403 && x.code != 404 || len(x.entries("match")) > 0 {
					t.Errorf("%s token opened a page: HTTP %d", name, x.code)
				}
			}
			if x := r.with(r.tokenOf(t, "user/Observation.rs")).get(t, next); x.code != 200 {
				t.Errorf("another token of the same caller that covers the page: HTTP %d", x.code)
			}
			if x := r.get(t, next+"&patient="+id); x.code != 400 {
				t.Errorf("a page link with a further parameter: HTTP %d", x.code)
			}
		}
		next = a.link("next")
	}
	if len(seen) != len(whole) || len(seen) < 10 {
		t.Errorf("%d matches by pages, %d at once", len(seen), len(whole))
	}
}

// TestPagesOfAll: pages of a whole chart and of includes hold each entry once, for a user's and for a patient's token.
func TestPagesOfAll(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 16, Persons: 1, Registered: 3}})
	r := start(t, w, "5s")
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	for _, scope := range []string{"user/*.rs", "patient/*.rs"} {
		x := r.with(r.tokenOf(t, scope, "patient", id))
		for _, path := range []string{"Patient/" + id + "/$everything?", "Observation?patient=" + id + "&_include=Observation:encounter&_include=Observation:performer&_revinclude=Provenance:target&"} {
			t.Run(scope+" "+path[:5], func(t *testing.T) {
				keys := func(a reply) (out []string) {
					for _, mode := range []string{"match", "include"} {
						for _, e := range a.entries(mode) {
							key := fmt.Sprint(mode, e["resourceType"], e["id"])
							if e["id"] == nil {
								key += fmt.Sprint(e["target"])
							}
							out = append(out, key)
						}
					}
					return out
				}
				whole := x.get(t, path+"_count=10000")
				if whole.code != 200 || whole.link("next") != "" || len(whole.entries("include")) == 0 {
					t.Fatalf("HTTP %d, %d included", whole.code, len(whole.entries("include")))
				}
				for _, count := range []int{1, 7, 50} {
					seen := map[string]int{}
					pages := 0
					for next := fmt.Sprintf("%s_count=%d", path, count); next != ""; pages++ {
						a := x.get(t, next)
						if a.code != 200 || len(a.entries("match")) > count {
							t.Fatalf("page %d of %d each: HTTP %d, %d matches", pages, count, a.code, len(a.entries("match")))
						}
						for _, k := range keys(a) {
							if seen[k]++; seen[k] > 1 {
								t.Fatalf("an entry came twice in pages of %d", count)
							}
						}
						if fmt.Sprint(a.json["total"]) != fmt.Sprint(whole.json["total"]) {
							t.Fatal("another total")
						}
						if next = a.link("next"); pages == 30 && count == 1 {
							break
						}
					}
					if all := keys(whole); count > 1 && len(seen) != len(all) {
						t.Errorf("%d entries in %d pages, %d at once", len(seen), pages, len(all))
					}
				}
			})
		}
	}
}
