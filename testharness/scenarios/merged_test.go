package scenarios_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"concord"
	"concord/mpi"
	"concord/mpi/sqlstore"
	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// twin files a second record of the same patient at an EHR, and is its id.
func twin(t *testing.T, e *fakeehr.EHR, id string) string {
	t.Helper()
	return file(t, e, filed(t, e, id))
}

// filed is the Patient that an EHR has.
func filed(t *testing.T, e *fakeehr.EHR, id string) []byte {
	t.Helper()
	a := tell(t, http.MethodGet, e.URL()+"/Patient/"+id, "")
	defer func() { _ = a.Body.Close() }()
	b, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d %v", a.StatusCode, err)
	}
	return b
}

// file has an EHR take a Patient, and is its id.
func file(t *testing.T, e *fakeehr.EHR, patient []byte) string {
	t.Helper()
	a := tell(t, http.MethodPost, e.URL()+"/Patient", string(patient))
	_ = a.Body.Close()
	at := a.Header.Get("Location")
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("HTTP %d", a.StatusCode)
	}
	return at[strings.LastIndexByte(at, '/')+1:]
}

// tell sends an EHR a request.
func tell(t *testing.T, method, url, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/fhir+json")
	r.Header.Set("Content-Type", "application/fhir+json")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestMergedAtItsSource: a source merges a patient that is linked into another of its own. What it has is in the next answer
// all the same, whether the source says so or just finds nothing under the old id, and the old id means the person still.
func TestMergedAtItsSource(t *testing.T) {
	for _, source := range []concord.SourceID{"epic", "cerner"} {
		t.Run(string(source), func(t *testing.T) {
			w := newWorld(t, testharness.Options{Population: population.Options{Seed: 92, Persons: 1, Registered: 3}})
			p := w.Population.Persons[0]
			dir := t.TempDir()
			first := startIn(t, w, "5s", dir)
			id, records := first.person(t, p.Copies[0].Source, p.Copies[0].ID)
			if len(records) != 3 {
				t.Fatalf("%d records", len(records))
			}
			old := ""
			for _, c := range p.Copies {
				if c.Source == source {
					old = c.ID
				}
			}
			theirs := func(a reply) (out []string) {
				for _, e := range a.entries("match") {
					for _, c := range contributors(e) {
						if strings.Contains(c, "/"+string(source)+".") {
							out = append(out, c)
						}
					}
				}
				slices.Sort(out)
				return out
			}
			paths := []string{"Condition?patient=" + id + "&_count=1000", "Observation?patient=" + string(source) + "." + old + "&_count=10000", "Patient/" + id + "/$everything?_type=Condition,Observation&_count=10000"}
			var before [][]string
			for _, path := range paths {
				before = append(before, theirs(first.get(t, path)))
			}
			first.stop()
			e := w.EHR(source)
			survivor := twin(t, e, old)
			e.Merge(old, survivor)
			r := startIn(t, w, "5s", dir)
			for i, path := range paths {
				a := r.get(t, path)
				if a.code != 200 || len(before[i]) == 0 || !slices.Equal(theirs(a), before[i]) || len(a.issues(source)) > 0 && slices.Contains(a.issues(source), "warning incomplete") {
					t.Errorf("%d: HTTP %d, %d of %d copies, %v", i, a.code, len(theirs(a)), len(before[i]), a.issues(source))
				}
				if strings.Contains(string(a.body), "Patient/"+string(source)+"."+old+`"`) && i < 2 {
					t.Error("a reference does not go to the person")
				}
			}
			if a := r.get(t, "Patient/"+id); a.code != 200 || !strings.Contains(string(a.body), string(source)+"."+survivor) {
				t.Errorf("the unified patient: HTTP %d, without the survivor", a.code)
			}
			mine := r.with(r.tokenOf(t, "patient/*.rs", "patient", string(source)+"."+old))
			if a := mine.get(t, paths[0]); a.code != 200 || !slices.Equal(theirs(a), before[0]) {
				t.Errorf("by a patient's token with the old id: HTTP %d, %d of %d copies", a.code, len(theirs(a)), len(before[0]))
			}
			r.leaks(t, p)
		})
	}
}

// TestOverlay: a record whose name, birth date and sex all become others is another human's until somebody has looked: it is
// in no answer, its absence is said, and it is in the queue; when it is found to be right, it is back in the next answer.
func TestOverlay(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 93, Persons: 1, Registered: 3}})
	p := w.Population.Persons[0]
	dir := t.TempDir()
	r := startIn(t, w, "5s", dir)
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	ref := ""
	for _, c := range p.Copies {
		if c.Source == "cerner" {
			ref = c.ID
		}
	}
	e := w.EHR("cerner")
	r.get(t, "Patient/"+id)
	if err := e.Overlay(ref, "Brandnew", "Someone", "1911-01-09"); err != nil {
		t.Fatal(err)
	}
	a := r.get(t, "Patient/"+id)
	if a.code != 200 || strings.Contains(string(a.body), "Brandnew") || strings.Contains(string(a.body), "cerner."+ref) || !strings.Contains(a.header.Get("Server-Timing"), "cerner") {
		t.Errorf("HTTP %d: the other human's data are shown", a.code)
	}
	for _, path := range []string{"Condition?patient=" + id, "Patient/" + id + "/$everything"} {
		if a := r.get(t, path); a.code != 200 || strings.Contains(string(a.body), "/cerner.") || !slices.Contains(a.issues("cerner"), "warning incomplete") {
			t.Errorf("HTTP %d: %v", a.code, a.issues("cerner"))
		}
	}
	if a := r.get(t, "Condition?patient=cerner."+ref); a.code != 404 {
		t.Errorf("by its own id: HTTP %d", a.code)
	}
	keys, err := sqlstore.ReadKeys(dir + "/mpi.db.key")
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), "sqlite:"+dir+"/mpi.db", sqlstore.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	var number int64
	for v, err := range store.Reviews(t.Context(), mpi.ReviewOpen, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if v.Reason == mpi.ReasonOverlay {
			number = v.Number
		}
	}
	if _, err := mpi.NewIndex(store).By("usr-1").Resolve(t.Context(), number, mpi.ReviewLinked); err != nil {
		t.Fatal(err)
	}
	if a := r.get(t, "Condition?patient="+id); a.code != 200 || !strings.Contains(string(a.body), "/cerner.") || len(a.issues("cerner")) > 0 {
		t.Errorf("found right: HTTP %d, %v", a.code, a.issues("cerner"))
	}
}

// TestMergedBeforeFirstUse: a patient whom the source had merged away before anybody asked is the survivor's person from the
// first request on.
func TestMergedBeforeFirstUse(t *testing.T) {
	for _, source := range []concord.SourceID{"epic", "cerner"} {
		t.Run(string(source), func(t *testing.T) {
			w := newWorld(t, testharness.Options{Population: population.Options{Seed: 98, Persons: 1, Registered: 3}})
			old := ""
			for _, c := range w.Population.Persons[0].Copies {
				if c.Source == source {
					old = c.ID
				}
			}
			e := w.EHR(source)
			survivor := twin(t, e, old)
			e.Merge(old, survivor)
			r := start(t, w, "5s")
			a := r.get(t, "Observation?patient="+string(source)+"."+old+"&_count=10000")
			if a.code != 200 || a.json["total"] == nil || !strings.Contains(string(a.body), "\"Observation/"+string(source)+".") {
				t.Errorf("HTTP %d, total %v", a.code, a.json["total"])
			}
			id, records := r.person(t, source, old)
			if again, _ := r.person(t, source, survivor); again != id || len(records) != 3 || !slices.Contains(records, "Patient/"+string(source)+"."+survivor) {
				t.Errorf("%d records, the survivor's person: %t", len(records), again == id)
			}
		})
	}
}
