package scenarios_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// parts are the values of a Parameters resource's parameters of that name.
func (a reply) parts(name string) (out []string) {
	all, _ := a.json["parameter"].([]any)
	for _, x := range all {
		p, _ := x.(resource)
		if p["name"] != name {
			continue
		}
		for k, v := range p {
			if strings.HasPrefix(k, "value") {
				if ref, ok := v.(resource); ok {
					v = ref["reference"]
				}
				out = append(out, fmt.Sprint(v))
			}
		}
	}
	return out
}

// TestExplain: each entry that stands for several copies is explained by any of them: which, by which rule, how surely and by
// what; with no value in it, and for nobody who may not search it.
func TestExplain(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 81, Persons: 2, Registered: 3, Conflicts: 2, Noise: population.AllNoise()}})
	r := start(t, w, "5s")
	p, q := w.Population.Persons[0], w.Population.Persons[1]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	other, _ := r.person(t, q.Copies[0].Source, q.Copies[0].ID)
	explained, conflicts := 0, 0
	for _, typ := range []string{"Observation", "Condition", "MedicationRequest", "AllergyIntolerance", "Encounter", "Patient"} {
		path := typ + "?patient=" + id + "&_count=10000"
		if typ == "Patient" {
			path = "Patient?_id=" + id
		}
		for _, e := range r.get(t, path).entries("match") {
			all := contributors(e)
			tagged := strings.Contains(fmt.Sprint(e["meta"]), "urn:concord:conflict")
			if len(all) < 2 && !tagged {
				continue
			}
			a := r.get(t, "Patient/"+id+"/$explain?resource="+url.QueryEscape(all[len(all)-1]))
			copies := a.parts("copy")
			slices.Sort(copies)
			slices.Sort(all)
			if a.code != 200 || !slices.Equal(copies, all) || len(all) > 1 && (len(a.parts("strength")) != 1 || len(a.parts("agreed")) == 0 && typ != "Patient") {
				t.Fatalf("%s: HTTP %d, %d copies of %d, strength %v", typ, a.code, len(copies), len(all), a.parts("strength"))
			}
			if tagged {
				conflicts++
				if len(a.parts("disagreement")) == 0 {
					t.Errorf("%s: a conflict is not told", typ)
				}
			}
			for secret, what := range map[string]string{p.Family: "the name", p.Phone: "the phone", "Patient/" + id: "the person"} {
				if strings.Contains(string(a.body), secret) {
					t.Errorf("%s is in an explanation", what)
				}
			}
			explained++
		}
	}
	if explained < 20 || conflicts == 0 {
		t.Errorf("%d entries explained, %d of them with a conflict", explained, conflicts)
	}
	first := r.get(t, "Condition?patient="+id+"&_count=1").entries("match")[0]
	name := contributors(first)[0]
	for _, c := range []struct {
		name, token, path string
		code              int
	}{
		{"another patient's token", r.tokenOf(t, "patient/*.rs", "patient", other), "Patient/" + id + "/$explain?resource=" + name, 403},
		{"another type's scope", r.tokenOf(t, "user/Observation.rs"), "Patient/" + id + "/$explain?resource=" + name, 403},
		{"in another's record", r.token, "Patient/" + other + "/$explain?resource=" + name, 404},
		{"of what is not", r.token, "Patient/" + id + "/$explain?resource=Condition/epic.nothing", 404},
		{"of nothing", r.token, "Patient/" + id + "/$explain", 400},
		{"of two", r.token, "Patient/" + id + "/$explain?resource=" + name + "&resource=" + name, 400},
		{"of no type", r.token, "Patient/" + id + "/$explain?resource=x/y", 400},
	} {
		if a := r.with(c.token).get(t, c.path); a.code != c.code {
			t.Errorf("%s: HTTP %d, want %d", c.name, a.code, c.code)
		}
	}
	source := strings.SplitN(strings.TrimPrefix(name, "Condition/"), ".", 2)[0]
	for _, e := range w.EHRs {
		if string(e.Source()) != source {
			e.Set(fakeehr.Fault{Kind: fakeehr.ServerError, Type: "Condition"})
			defer e.Clear()
			break
		}
	}
	if a := r.get(t, "Patient/"+id+"/$explain?resource="+name); a.code != 200 || !strings.Contains(string(a.body), "OperationOutcome") {
		t.Errorf("a source that is missing is not said: HTTP %d", a.code)
	}
}

// TestCompare: a comparison asserts absence, so it is refused when a source did not answer, and made when that is asked for.
func TestCompare(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 82, Persons: 2, Registered: 3, Conflicts: 2}})
	r := start(t, w, "700ms")
	p, q := w.Population.Persons[0], w.Population.Persons[1]
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	other, _ := r.person(t, q.Copies[0].Source, q.Copies[0].ID)
	if a := r.get(t, "Patient/"+id+"/$compare"); a.code != 200 || a.json["resourceType"] != "Parameters" || strings.Contains(string(a.body), q.Family) {
		t.Errorf("HTTP %d", a.code)
	}
	narrow := r.with(r.tokenOf(t, "patient/Patient.r patient/Condition.rs", "patient", id))
	if a := narrow.get(t, "Patient/"+id+"/$compare"); a.code != 200 || strings.Contains(string(a.body), "AllergyIntolerance/") || strings.Contains(string(a.body), "Observation/") {
		t.Errorf("a narrow token: HTTP %d, or a type that it does not cover", a.code)
	}
	for path, code := range map[string]int{"Patient/" + other + "/$compare": 403, "Patient/" + id + "/$compare?_type=Observation": 403, "Patient/" + id + "/$compare?source=nowhere": 400, "Patient/" + id + "/$compare?colour=red": 400, "Patient/nobody/$compare": 403} {
		if a := narrow.get(t, path); a.code != code {
			t.Errorf("%s: HTTP %d, want %d", strings.NewReplacer(id, "{me}", other, "{other}").Replace(path), a.code, code)
		}
	}
	w.EHRs[1].Set(fakeehr.Fault{Kind: fakeehr.ServerError, Type: "Condition"})
	defer w.Heal()
	if a := r.get(t, "Patient/"+id+"/$compare"); a.code < 500 || len(a.issues(w.EHRs[1].Source())) == 0 {
		t.Errorf("a source that failed: HTTP %d", a.code)
	}
	if a := r.get(t, "Patient/"+id+"/$compare?partial=true"); a.code != 200 || !strings.Contains(string(a.body), string(w.EHRs[1].Source())) {
		t.Errorf("in part: HTTP %d", a.code)
	}
	if a := r.get(t, "Patient/"+id+"/$compare?_type=AllergyIntolerance"); a.code != 200 {
		t.Errorf("of what answered: HTTP %d", a.code)
	}
}
