package scenarios_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// TestShed: what is more than the gateway can do is refused soon, told when to come back, and is in the trail; who asks what it
// is and how it does is answered all the same, and once there is room everybody is.
func TestShed(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 91, Persons: 1, Registered: 3}})
	r := startKeyed(t, w, "1500ms", t.TempDir(), map[string]string{"": "admission: {max_concurrent: 2, max_wait: 100ms}\n"})
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	for _, e := range w.EHRs {
		e.Set(fakeehr.Fault{Kind: fakeehr.Hang, Type: "Condition"})
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if a := r.get(t, "Condition?patient="+id); a.code != http.StatusGatewayTimeout {
				t.Errorf("of what was let in: HTTP %d", a.code)
			}
		})
	}
	for deadline := time.Now().Add(time.Second); !strings.Contains(metrics(t, r), "concord_admission_running 2"); {
		if time.Now().After(deadline) {
			t.Fatal("the requests are not under way")
		}
		wait := time.NewTimer(5 * time.Millisecond)
		<-wait.C
	}
	before := w.EHRs[0].Hits("Observation", "search")
	began := time.Now()
	a := r.get(t, "Observation?patient="+id)
	seconds, _ := strconv.Atoi(a.header.Get("Retry-After"))
	if a.code != http.StatusServiceUnavailable || seconds < 1 || seconds > 5 || a.json["resourceType"] != "OperationOutcome" || !strings.Contains(string(a.body), `"code":"throttled"`) {
		t.Errorf("HTTP %d, Retry-After %q, %v", a.code, a.header.Get("Retry-After"), a.json["resourceType"])
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("refused after %v", took)
	}
	if w.EHRs[0].Hits("Observation", "search") != before {
		t.Error("a source was asked for what is refused")
	}
	for _, path := range []string{"metadata", ".well-known/smart-configuration"} {
		if a := r.with("").get(t, path); a.code != http.StatusOK {
			t.Errorf("%s: HTTP %d", path, a.code)
		}
	}
	if a := r.with("no token").get(t, "Observation?patient="+id); a.code != http.StatusUnauthorized {
		t.Errorf("without a token that holds: HTTP %d", a.code)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		rec := httptest.NewRecorder()
		r.admin.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if rec.Code != http.StatusOK {
			t.Errorf("%s: HTTP %d", path, rec.Code)
		}
	}
	wg.Wait()
	w.Heal()
	if a := r.get(t, "Observation?patient="+id); a.code != http.StatusOK || a.json["total"] == nil {
		t.Errorf("with room: HTTP %d", a.code)
	}
	denied := 0
	for line := range strings.Lines(r.trail(t)) {
		if strings.Contains(line, `"overloaded"`) {
			denied++
			if !strings.Contains(line, `"fhir.api.denied"`) || !strings.Contains(line, `"refused"`) || !strings.Contains(line, "503") {
				t.Error("a record of another sort")
			}
		}
	}
	if m := metrics(t, r); denied != 1 || !strings.Contains(m, `concord_shed_total{reason="waited"} 1`) || !strings.Contains(m, "concord_admission_running 0") {
		t.Errorf("%d records of a request that was shed", denied)
	}
	r.leaks(t, p)
}

// TestCrowdedSource: a source that takes one request at a time answers as many as it can; of the others' answers it is missing,
// and said to be, mostly without being asked; and it is not taken for one that has failed.
func TestCrowdedSource(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 92, Persons: 1, Registered: 3}})
	small := w.EHRs[1]
	r := startKeyed(t, w, "700ms", t.TempDir(), map[string]string{string(small.Source()): "max_concurrent: 1"})
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	small.Set(fakeehr.Fault{Kind: fakeehr.Slow, Type: "Condition", Delay: 150 * time.Millisecond})
	defer w.Heal()
	var mu sync.Mutex
	whole, without := 0, 0
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			a := r.get(t, "Condition?patient="+id+"&_count=1000")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case a.code == http.StatusOK && a.json["total"] != nil:
				whole++
			case a.code == http.StatusOK && slices.Contains(a.issues(small.Source()), "warning throttled"):
				without++
			case a.code == http.StatusOK && slices.Contains(a.issues(small.Source()), "warning timeout"): // its turn came just too late
			default:
				t.Errorf("HTTP %d, %v", a.code, a.issues(small.Source()))
			}
			for _, e := range w.EHRs {
				if e != small && !onlyInformation(a.issues(e.Source())) {
					t.Errorf("%s is missing too", e.Source())
				}
			}
		})
	}
	wg.Wait()
	if whole == 0 || without == 0 {
		t.Errorf("%d whole answers, %d without", whole, without)
	}
	if m := metrics(t, r); strings.Contains(m, `concord_source_guard_open{source="`+string(small.Source())+`"} 1`) {
		t.Error("the guard is open")
	}
	if a := r.get(t, "Condition?patient="+id); a.code != http.StatusOK || a.json["total"] == nil {
		t.Errorf("when it is quiet: HTTP %d, %v", a.code, a.issues(small.Source()))
	}
}

// TestFloodingTenant: while one tenant asks for many times what can be done, each request of another tenant is answered.
func TestFloodingTenant(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 93, Persons: 1, Registered: 3}})
	r := startKeyed(t, w, "5s", t.TempDir(), map[string]string{"": "admission: {max_concurrent: 8, max_wait: 400ms}\n"})
	p := w.Population.Persons[0]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	for _, e := range w.EHRs {
		e.Set(fakeehr.Fault{Kind: fakeehr.Slow, Type: "Condition", Delay: 100 * time.Millisecond})
	}
	defer w.Heal()
	flood, small := r.with(r.tokenOf(t, "user/*.rs", "tenant", "flood")), r.with(r.tokenOf(t, "user/*.rs", "tenant", "small"))
	done := make(chan struct{})
	var mu sync.Mutex
	codes := map[int]int{}
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				a := flood.get(t, "Condition?patient="+id)
				mu.Lock()
				codes[a.code]++
				mu.Unlock()
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(metrics(t, r), `status="503"`); {
		if time.Now().After(deadline) {
			t.Error("the flood is none")
			break
		}
		wait := time.NewTimer(20 * time.Millisecond)
		<-wait.C
	}
	for range 10 {
		if a := small.get(t, "Condition?patient="+id); a.code != http.StatusOK {
			t.Errorf("the small tenant: HTTP %d", a.code)
		}
	}
	close(done)
	wg.Wait()
	if codes[http.StatusOK] == 0 || codes[http.StatusServiceUnavailable] == 0 || len(codes) != 2 {
		t.Errorf("the flood: %v", codes)
	}
}
