package scenarios_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concord"
	"concord/internal/app"
	"concord/internal/config"
	"concord/mpi"
	"concord/testharness"
	"concord/testharness/population"
)

// queued puts pairs into the index of a running gateway, as an import beside it does.
func (r *rig) queued(t *testing.T, pairs ...mpi.Review) {
	t.Helper()
	cfg, err := config.Load(filepath.Join(r.dir, "concord.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	reg, err := app.OpenRegistry(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reg.Close() }()
	if n, err := reg.Index.Queue(t.Context(), pairs...); err != nil || n != len(pairs) {
		t.Fatalf("%d of %d queued: %v", n, len(pairs), err)
	}
}

// wholeTrail is all that the audit trail holds.
func (r *rig) wholeTrail(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.dir, "audit", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err == nil {
			b.Write(text)
		}
	}
	return b.String()
}

// numbers are those of the reviews in an answer.
func numbers(a reply) (out []string) {
	all, _ := a.json["parameter"].([]any)
	for _, x := range all {
		p, _ := x.(resource)
		if parts, ok := p["part"].([]any); ok && p["name"] == "review" {
			out = append(out, fmt.Sprint(parts[0].(resource)["valueString"]))
		}
	}
	return out
}

// TestReviewQueue: whoever may search for and change any patient works the queue; each decision is in the trail, and holds.
func TestReviewQueue(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 95, Persons: 3, Registered: 1, NoHistory: true}})
	var refs []concord.PatientRef
	for _, p := range w.Population.Persons {
		for _, c := range p.Copies {
			refs = append(refs, concord.NewPatientRef(c.Source, c.ID))
		}
	}
	if len(refs) < 3 || refs[0].Source == refs[2].Source && refs[0].Source == refs[1].Source {
		t.Fatal("the population is not what this test wants")
	}
	hidden := refs[2].Source
	for _, ref := range refs[:2] {
		if ref.Source == hidden {
			t.Fatal("the population is not what this test wants")
		}
	}
	r := startKeyed(t, w, "5s", t.TempDir(), map[string]string{string(hidden): "tenants: [inside]"})
	both := r.with(r.tokenOf(t, "user/Patient.us user/Patient.r", "tenant", "inside"))
	for _, ref := range refs[:3] {
		both.person(t, ref.Source, ref.Reveal())
	}
	d := mpi.Decision{Grade: mpi.Probable, Score: 0.7, Rule: "weights", Fields: []mpi.FieldLevel{{Field: mpi.FieldFamily, Level: mpi.Equal, Weight: 9.5}}}
	r.queued(t, mpi.Review{A: refs[0], B: refs[1], Decision: d}, mpi.Review{A: refs[0], B: refs[2], Decision: d})

	a := both.get(t, "$mpi-review")
	all := numbers(a)
	if a.code != 200 || len(all) != 2 || !strings.Contains(string(a.body), `"probable"`) {
		t.Fatalf("HTTP %d, %d reviews", a.code, len(all))
	}
	for _, p := range w.Population.Persons {
		if strings.Contains(string(a.body), p.Family) {
			t.Error("a name is in the list")
		}
	}
	if one := both.get(t, "$mpi-review?_count=1"); len(numbers(one)) != 1 || len(one.json["parameter"].([]any)) != 2 {
		t.Error("a page of one does not say that there is more")
	}
	if rest := both.get(t, "$mpi-review?after="+all[0]); len(numbers(rest)) != 1 || numbers(rest)[0] != all[1] {
		t.Error("what is after the first is not the second")
	}
	outside := r.with(r.tokenOf(t, "user/Patient.us", "tenant", "outside"))
	if a := outside.get(t, "$mpi-review"); a.code != 200 || len(numbers(a)) != 1 || strings.Contains(string(a.body), string(hidden)+".") {
		t.Errorf("another tenant: HTTP %d, %d reviews", a.code, len(numbers(a)))
	}
	decide := func(number, decision string) string { return "number=" + number + "&decision=" + decision }
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, token, body string
		code              int
	}{
		{"a patient's token", r.tokenOf(t, "patient/*.cruds", "patient", string(refs[0].Source)+"."+refs[0].Reveal(), "tenant", "inside"), decide(all[0], "link"), 403},
		{"a patient's update beside a search", r.tokenOf(t, "user/Patient.s patient/Patient.u", "patient", string(refs[0].Source)+"."+refs[0].Reveal(), "tenant", "inside"), decide(all[0], "link"), 403},
		{"who only reads", r.tokenOf(t, "user/Patient.rs", "tenant", "inside"), decide(all[0], "link"), 403},
		{"who only writes", r.tokenOf(t, "user/Patient.cud", "tenant", "inside"), decide(all[0], "link"), 403},
		{"another tenant", outside.token, decide(all[1], "link"), 404},
		{"no such review", both.token, decide("999999", "link"), 404},
		{"no decision", both.token, "number=" + all[0], 400},
		{"another decision", both.token, decide(all[0], "maybe"), 400},
		{"two decisions", both.token, decide(all[0], "link") + "&decision=reject", 400},
		{"no number", both.token, "decision=link", 400},
	} {
		if a := r.with(c.token).do(t, "POST", "$mpi-review", c.body, "Content-Type", form); a.code != c.code {
			t.Errorf("%s: HTTP %d, want %d", c.name, a.code, c.code)
		}
	}
	if a := r.with("").get(t, "$mpi-review"); a.code != 401 {
		t.Errorf("without a token: HTTP %d", a.code)
	}
	if a := both.get(t, "Observation/$mpi-review"); a.code != 404 {
		t.Errorf("on a type: HTTP %d", a.code)
	}
	if a := both.do(t, "POST", "$mpi-review", decide(all[0], "link"), "Content-Type", form); a.code != 200 {
		t.Fatalf("HTTP %d: %s", a.code, a.body)
	}
	one, _ := both.person(t, refs[0].Source, refs[0].Reveal())
	if two, _ := both.person(t, refs[1].Source, refs[1].Reveal()); one != two {
		t.Error("what was linked is two persons")
	}
	if a := both.do(t, "POST", "$mpi-review", decide(all[0], "reject"), "Content-Type", form); a.code != 409 {
		t.Errorf("settled already: HTTP %d", a.code)
	}
	body := `{"resourceType":"Parameters","parameter":[{"name":"number","valueString":"` + all[1] + `"},{"name":"decision","valueCode":"reject"}]}`
	if a := both.do(t, "POST", "$mpi-review", body, "Content-Type", jsonBody); a.code != 200 {
		t.Errorf("HTTP %d: %s", a.code, a.body)
	}
	if a := both.get(t, "$mpi-review"); len(numbers(a)) != 0 {
		t.Errorf("%d are left", len(numbers(a)))
	}
	text := r.wholeTrail(t)
	for _, want := range []string{`"confirmed"`, `"rejected"`, one} {
		if !strings.Contains(text, want) {
			t.Errorf("the trail has no %s", want)
		}
	}
}

// TestDoubtfulOnDemand: a record that may be the person's, found while a request is answered, is in no answer and waits for
// somebody to look at it; once somebody has said that it is, the next answer has it. Each link is in the trail.
func TestDoubtfulOnDemand(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 96, Persons: 1, Registered: 1}})
	c := w.Population.Persons[0].Copies[0]
	elsewhere := concord.SourceID("cerner")
	if c.Source == elsewhere {
		elsewhere = "epic"
	}
	var patient map[string]any
	if err := json.Unmarshal(filed(t, w.EHR(c.Source), c.ID), &patient); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"id", "meta", "identifier", "telecom", "address", "text", "extension"} {
		delete(patient, k)
	}
	body, err := json.Marshal(patient)
	if err != nil {
		t.Fatal(err)
	}
	theirs := string(elsewhere) + "." + file(t, w.EHR(elsewhere), body)
	r := start(t, w, "5s")
	r = r.with(r.tokenOf(t, "user/*.rus"))
	id, records := r.person(t, c.Source, c.ID)
	if len(records) != 1 {
		t.Fatalf("the person has %d records", len(records))
	}
	a := r.get(t, "$mpi-review")
	all := numbers(a)
	if len(all) != 1 || !strings.Contains(string(a.body), theirs) {
		t.Fatalf("HTTP %d, %d reviews", a.code, len(all))
	}
	if a := r.get(t, "Patient/"+id+"/$everything?_count=1000"); strings.Contains(string(a.body), theirs) {
		t.Error("it is in an answer")
	}
	if a := r.get(t, "$mpi-review"); len(numbers(a)) != 1 {
		t.Errorf("%d reviews after another request", len(numbers(a)))
	}
	if a := r.do(t, "POST", "$mpi-review", "number="+all[0]+"&decision=link", "Content-Type", "application/x-www-form-urlencoded"); a.code != 200 {
		t.Fatalf("HTTP %d: %s", a.code, a.body)
	}
	if _, records := r.person(t, c.Source, c.ID); len(records) != 2 {
		t.Errorf("the person has %d records", len(records))
	}
	text := r.wholeTrail(t)
	if !strings.Contains(text, `"link_action":"confirmed"`) || strings.Contains(text, theirs) {
		t.Error("the trail does not have it, or has the source's id")
	}
}

// TestLinksAreInTheTrail: a link that a request makes is recorded at whose request it was, before the answer.
func TestLinksAreInTheTrail(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 97, Persons: 1, Registered: 3, NoHistory: true}})
	r := start(t, w, "5s")
	c := w.Population.Persons[0].Copies[0]
	a := r.get(t, "Patient/"+string(c.Source)+"."+c.ID)
	if a.code != 200 {
		t.Fatalf("HTTP %d", a.code)
	}
	id, records := r.person(t, c.Source, c.ID)
	if len(records) != 3 {
		t.Fatalf("the person has %d records", len(records))
	}
	linked := 0
	for line := range strings.SplitSeq(r.wholeTrail(t), "\n") {
		if strings.Contains(line, `"link_action":"linked"`) && strings.Contains(line, id) {
			linked++
			for _, want := range []string{`"principal_id":"`, `"request_id":"`, `.x-`} {
				if !strings.Contains(line, want) {
					t.Errorf("a record has no %s", want)
				}
			}
		}
	}
	if linked != 2 {
		t.Errorf("%d links are in the trail", linked)
	}
}
