package merge_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/testharness/population"
)

// charts are persons' records at three sources, made once for each way to make them.
type charts map[string][]merge.Batch

// draw is a part of one person's record, with whatever noise: from anywhere in it, so that every type has its turn.
func (c charts) draw(t *rapid.T, tb testing.TB) []merge.Batch {
	o := population.Options{Seed: rapid.Uint64Range(0, 3).Draw(t, "seed"), Persons: 1, Registered: 3, Conflicts: 4 * rapid.IntRange(0, 1).Draw(t, "conflicts")}
	if rapid.Bool().Draw(t, "noise") {
		o.Noise = population.AllNoise()
	}
	if rapid.Bool().Draw(t, "all copies") {
		o.Copies = 3
	}
	key := fmt.Sprint(o)
	if c[key] == nil {
		pop := population.Generate(o)
		c[key] = chart(tb, pop, &pop.Persons[0])
	}
	batches := slices.Clone(c[key])
	from, most := rapid.Float64Range(0, 1).Draw(t, "from"), rapid.IntRange(10, 60).Draw(t, "resources")
	for i, b := range batches { // a part of it, so that the shrunk counterexample is small
		rest := slices.DeleteFunc(slices.Clone(b.Resources), func(r fhir.Resource) bool { return r.Type() == fhir.TypeProvenance })
		rest = rest[int(from*float64(len(rest))*0.9):]
		batches[i].Resources = rest[:min(most, len(rest))]
	}
	return batches
}

// TestPopulationProperties: over the harness's populations, the properties that checkProperties tells.
func TestPopulationProperties(t *testing.T) {
	c := charts{}
	rapid.Check(t, func(rt *rapid.T) { checkProperties(rt, c.draw(rt, t)) })
}

// TestProperties of all types: over copies of every type that there is a rule for, told in various ways, with another's
// words, values, states and numbers among them.
func TestPropertiesOfAllTypes(t *testing.T) {
	texts := everyType()
	seen := map[fhir.ResourceType]bool{}
	for _, s := range texts {
		seen[resource(t, s).Type()] = true
	}
	for typ := range merge.Default() {
		if !seen[typ] {
			t.Errorf("no %s is drawn", typ)
		}
	}
	joined := map[fhir.ResourceType]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		n := noisier{func() bool { return rapid.IntRange(0, 9).Draw(rt, "noise") == 0 }}
		var batches []merge.Batch
		for _, s := range []concord.SourceID{"a", "b", "c"} {
			b := merge.Batch{Source: s}
			for i := range rapid.IntRange(0, 12).Draw(rt, "resources") {
				text := rapid.SampledFrom(texts).Draw(rt, "text")
				for _, r := range [...][2]string{{"2024", "2023"}, {`"final"`, `"corrected"`}, {`"active"`, `"stopped"`}, {`"value":"`, `"value":"9`}, {"Doe", "Roe"}, {"9.4", "9.5"}} {
					if rapid.IntRange(0, 11).Draw(rt, "change") == 0 {
						text = strings.Replace(text, r[0], r[1], 1)
					}
				}
				r := n.resource(t, resource(t, in(string(s)+strconv.Itoa(i), text)))
				b.Resources = append(b.Resources, r)
			}
			batches = append(batches, b)
		}
		for _, e := range checkProperties(rt, batches).Entries {
			joined[e.Survivor.Type()] = joined[e.Survivor.Type()] || len(e.Copies) > 1
		}
	})
	for typ := range merge.Default() {
		if !joined[typ] {
			t.Logf("no two copies of a %s met", typ)
		}
	}
}

// everyType is a resource of each type that there is a rule for.
func everyType() []string {
	taken := with(rx, "MedicationRequest", "MedicationStatement", "authoredOn", "effectiveDateTime", "dosageInstruction", "dosage")
	given := with(rx, "MedicationRequest", "MedicationDispense", `"active"`, `"completed"`, "authoredOn", "whenHandedOver")
	out := []string{allergy, nka, diag, rx, shot, lab, weight, smoking, bp, result, op, stay, cover, implant, family, doctor, house, room, order, drug, note, taken, given,
		`{"resourceType":"MedicationAdministration","status":"completed","medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"860975"}]},"effectiveDateTime":"2024-01-02T10:00:00Z","dosage":{"dose":{"value":5,"unit":"mg"}}}`,
		`{"resourceType":"Binary","contentType":"text/html","data":"aGVsbG8="}`,
		`{"resourceType":"Specimen","status":"available","type":{"text":"Serum"},"accessionIdentifier":{"system":"urn:oid:1.2.9","value":"S-100"}}`,
		`{"resourceType":"ImagingStudy","status":"available","identifier":[{"system":"urn:dicom:uid","value":"urn:oid:1.2.840.99.1"}]}`}
	have := map[string]bool{}
	for _, s := range out {
		have[between(s, `"resourceType":"`, `"`)] = true
	}
	for typ := range merge.Default() {
		if !have[string(typ)] { // told by its identifier
			out = append(out, `{"resourceType":"`+string(typ)+`","identifier":[{"system":"urn:oid:1.2.3","value":"P-77"}],"status":"active","note":[{"text":"one"}],"description":"a thing"}`)
		}
	}
	slices.Sort(out)
	return out
}

// checkProperties holds a merge to its promises: every copy is a contributor of exactly one entry, and is as it was sent;
// the order of sources and resources changes nothing; merging what was merged changes nothing; a source more takes no fact
// of another away; no entry has two copies of one source; and who names another entry is named by it.
func checkProperties(rt *rapid.T, batches []merge.Batch) merge.Record {
	e := merge.NewEngine(merge.Default())
	rec := e.Merge(batches)
	want := whole(rec)

	sent := map[string][]byte{}
	for _, b := range batches {
		for _, r := range b.Resources {
			sent[string(b.Source)+"/"+string(r.Type())+"/"+r.ID()] = r.Raw()
		}
	}
	seen := map[string]bool{}
	for _, x := range rec.Entries {
		checkAdditions(rt, x)
		survives := false
		sources := map[concord.SourceID]bool{}
		for _, c := range x.Copies {
			if sources[c.Source] {
				rt.Fatal("two copies of one source are joined")
			}
			sources[c.Source] = true
			k := string(c.Source) + "/" + string(c.Type()) + "/" + c.ID()
			if seen[k] {
				rt.Fatal("a copy is in two entries")
			}
			if seen[k] = true; !bytes.Equal(sent[k], c.Raw()) {
				rt.Fatal("a copy is not as it was sent")
			}
			survives = survives || c == x.Survivor
		}
		if !survives {
			rt.Fatal("the survivor is none of the copies")
		}
		if (len(x.Copies) > 1) != (x.Why.Strength != "") || len(x.Copies) > 1 && x.Why.Agreed|x.Why.Some == 0 {
			rt.Fatal("joined, and it is not said on what")
		}
	}
	if len(seen) != len(sent) {
		rt.Fatalf("%d copies of %d", len(seen), len(sent))
	}
	checkOthers(rt, rec)

	shuffled := slices.Clone(batches)
	for i := range shuffled {
		shuffled[i].Resources = rapid.Permutation(shuffled[i].Resources).Draw(rt, "order")
	}
	shuffled = rapid.Permutation(shuffled).Draw(rt, "sources")
	if d := cmp.Diff(want, whole(e.Merge(shuffled))); d != "" {
		rt.Fatal("the order changes the record:", d)
	}

	var again []merge.Batch
	one := merge.Batch{Source: "concord"}
	for _, x := range rec.Entries {
		for _, c := range x.Copies {
			again = append(again, merge.Batch{Source: c.Source, Resources: []fhir.Resource{c.Resource}})
		}
		one.Resources = append(one.Resources, x.Survivor.Resource)
	}
	if d := cmp.Diff(want, whole(e.Merge(again))); d != "" {
		rt.Fatal("merging it again changes the record:", d)
	}
	if n := len(e.Merge([]merge.Batch{one}).Entries); n != len(rec.Entries) {
		rt.Fatalf("%d entries, merged as one source's: %d", len(rec.Entries), n)
	}

	facts := factsOf(rec)
	for _, x := range e.Merge(batches[:2]).Entries {
		for _, c := range x.Copies {
			for m := range c.Members() {
				if f := fact(c, m); f != "" && !facts[string(c.Source)+"/"+string(c.Type())+"/"+c.ID()][f] {
					rt.Fatalf("the third source takes %s of a %s away", m.Name(), c.Type())
				}
			}
		}
	}
	return rec
}

// checkOthers: an entry that names another is named by it, and says of it what is marked.
func checkOthers(rt *rapid.T, rec merge.Record) {
	type name struct {
		typ    fhir.ResourceType
		source concord.SourceID
		id     string
	}
	nameOf := func(e merge.Entry) name { return name{e.Survivor.Type(), e.Survivor.Source, e.Survivor.ID()} }
	said := map[[2]name]string{}
	many := map[name]bool{}
	for _, e := range rec.Entries {
		many[nameOf(e)] = len(e.Others) == merge.MostOthers
		conflicts, duplicate := map[merge.ConflictCode]bool{}, false
		for _, o := range e.Others {
			said[[2]name{nameOf(e), {e.Survivor.Type(), o.Source, o.ID}}] = fmt.Sprint(o.Conflicts, o.Duplicate, o.Strength, o.Agreed.Names())
			for _, c := range o.Conflicts {
				conflicts[c] = true
			}
			duplicate = duplicate || o.Duplicate != ""
		}
		if !many[nameOf(e)] && (len(conflicts) != len(e.Conflicts) || duplicate && e.PossibleDuplicate == "") {
			rt.Fatalf("marked %v %v, and of others it says %v", e.Conflicts, e.PossibleDuplicate, relations(e))
		}
	}
	for k, s := range said {
		if back := said[[2]name{k[1], k[0]}]; back != s && !many[k[1]] {
			rt.Fatalf("says %s, and the other %s", s, back)
		}
	}
}

// whole is all that a record says, in words.
func whole(r merge.Record) (out []string) {
	for i, s := range told(r) {
		e := r.Entries[i]
		var add []string
		for _, a := range e.Add {
			add = append(add, string(a.From)+"."+a.ID+":"+a.Into+"/"+a.Name+"="+string(a.Value.Raw()))
		}
		for _, p := range e.Why.Pairs {
			add = append(add, fmt.Sprint(p.A, p.B, p.Relation, p.Agreed.Names()))
		}
		add = append(add, relations(e)...)
		out = append(out, string(e.Survivor.Type())+" "+s+" as "+string(e.Survivor.Source)+" "+strings.Join(add, " ")+" "+e.Why.Strength+strings.Join(e.Why.Agreed.Names(), ","))
	}
	return out
}

// fact is an element that must be found wherever the copy goes, by its name; "" for those that stay with their copy.
func fact(c merge.Copy, m fhir.Value) string {
	switch n := m.Name(); n {
	case "resourceType", "id", "meta", "text", "contained", "extension", "referenceRange", "link":
		return ""
	default:
		if strings.HasPrefix(n, "_") || bytes.Contains(m.Raw(), []byte(`"reference":"#`)) {
			return ""
		}
		for _, stem := range []string{"value", "effective", "onset", "abatement", "performed", "occurrence", "medication", "deceased"} {
			if strings.HasPrefix(n, stem) {
				return stem
			}
		}
		return n
	}
}

// factsOf are, for each copy, the elements that its entry has.
func factsOf(rec merge.Record) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, x := range rec.Entries {
		has := map[string]bool{}
		for m := range x.Survivor.Members() {
			has[fact(x.Survivor, m)] = true
			has[strings.TrimPrefix(m.Name(), "_")] = true
		}
		for _, a := range x.Add {
			if a.Into == "" && a.Name != "" {
				has[a.Name] = true
			} else if a.Into == "" {
				has[fact(x.Survivor, a.Value)] = true
			}
		}
		for m := range x.Survivor.Members() {
			if bytes.Contains(m.Raw(), []byte(`"reference":"#`)) {
				has[strings.TrimSuffix(m.Name(), "Reference")] = true
			}
		}
		for _, c := range x.Copies {
			out[string(c.Source)+"/"+string(c.Type())+"/"+c.ID()] = has
		}
	}
	return out
}

// TestAlike: of several alike the ones of one encounter find each other.
func TestAlike(t *testing.T) {
	visits := func(s string) []fhir.Resource {
		first := plus(stay, `"identifier":[{"system":"urn:oid:1.2.3","value":"V-1"}]`)
		second := with(plus(stay, `"identifier":[{"system":"urn:oid:1.2.3","value":"V-2"}]`), "2024-05-01", "2024-06-01")
		return []fhir.Resource{resource(t, in(s+"1", first)), resource(t, in(s+"2", second))}
	}
	undated := with(diag, `,"onsetDateTime":"2019-03-04"`, "", "problem-list-item", "encounter-diagnosis")
	at := func(id, visit string) fhir.Resource {
		return resource(t, in(id, plus(undated, `"encounter":{"reference":"Encounter/`+visit+`"}`)))
	}
	rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{
		{Source: "a", Resources: append(visits("a"), at("1", "a1"), at("2", "a2"))},
		{Source: "b", Resources: append(visits("b"), at("3", "b2"), at("4", "b1"))},
	})
	if d := cmp.Diff([]string{"a.1+b.4", "a.2+b.3", "a.a1+b.b1", "a.a2+b.b2"}, told(rec)); d != "" {
		t.Error(d)
	}
}

// TestImported: a copy that one EHR imported from another says so in meta.source or by a Provenance.
func TestImported(t *testing.T) {
	e := merge.NewEngine(merge.Default())
	original := in("e1234567", lab)
	imported := func(extra string) string {
		return in("99", plus(with(lab, "T13:30:00Z", "T13:42:00Z"), `"meta":{`+extra+`}`))
	}
	prov := `{"resourceType":"Provenance","id":"p","target":[{"reference":"Observation/99"}],"entity":[{"role":"source","what":{"reference":"https://epic.example.org/r4/Observation/e1234567"}}]}`
	for _, c := range []struct {
		name   string
		a, b   []string
		joined bool
	}{
		{"meta.source", []string{original}, []string{imported(`"source":"https://epic.example.org/r4/Observation/e1234567#1"`)}, true},
		{"both from a third", []string{in("1", plus(lab, `"meta":{"source":"https://x.example.org/r4/Observation/777777"}`))}, []string{imported(`"source":"https://x.example.org/r4/Observation/777777"`)}, true},
		{"a provenance", []string{original}, []string{imported(`"versionId":"1"`), prov}, true},
		{"from elsewhere", []string{original}, []string{imported(`"source":"https://epic.example.org/r4/Observation/e7654321"`)}, false},
		{"another value all the same", []string{original}, []string{strings.Replace(imported(`"source":"https://epic.example.org/r4/Observation/e1234567"`), "9.4", "9.9", 1)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			batches := []merge.Batch{{Source: "a"}, {Source: "b"}}
			for _, s := range c.a {
				batches[0].Resources = append(batches[0].Resources, resource(t, s))
			}
			for _, s := range c.b {
				batches[1].Resources = append(batches[1].Resources, resource(t, s))
			}
			rec := e.Merge(batches)
			if got := len(rec.Entries[0].Copies) == 2; got != c.joined {
				t.Errorf("got %v", told(rec))
			}
			if c.joined && rec.Entries[0].Survivor.Source != "a" && c.name != "both from a third" && c.name != "a provenance" {
				t.Error("the imported copy stands for it")
			}
		})
	}
}

// TestWhy: what is told of a merge is what was found, and nothing of the content.
func TestWhy(t *testing.T) {
	rec := mergeCopies(t, lab, with(lab, "T13:30:00Z", "T09:30:00-04:00"), with(lab, `"coding":[{"system":"http://loinc.org","code":"17861-6","display":"Calcium [Mass/volume] in Serum or Plasma"}],`, ""))
	w := rec.Entries[0].Why
	if d := cmp.Diff([]string{"text", "time", "value", "status"}, w.Agreed.Names()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"code"}, w.Some.Names()); d != "" {
		t.Error(d)
	}
	if w.Strength != "nearly" || rec.Entries[0].Rule != "Observation" {
		t.Error(w.Strength, rec.Entries[0].Rule)
	}
}

// TestCrowd: what very many have in common tells no event, and costs no time.
func TestCrowd(t *testing.T) {
	var batches []merge.Batch
	for _, s := range []concord.SourceID{"a", "b"} {
		b := merge.Batch{Source: s}
		for i := range 2000 {
			b.Resources = append(b.Resources, resource(t, in(string(s)+strings.Repeat("x", i%7)+string(rune('0'+i%10))+strings.Repeat("y", i/10), lab)))
		}
		batches = append(batches, b)
	}
	if n := len(merge.NewEngine(merge.Default()).Merge(batches).Entries); n != 4000 {
		t.Error(n)
	}
}
