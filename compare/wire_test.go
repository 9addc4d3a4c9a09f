package compare_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/compare"
	"concord/fhir"
	"concord/merge"
	"concord/testharness/population"
)

// drawReport is any report that Compare could make, with odd texts.
func drawReport(t *rapid.T) compare.Report {
	source := rapid.SampledFrom([]concord.SourceID{"athena", "cerner", "epic"})
	typ := rapid.SampledFrom(compare.Types())
	text := rapid.StringN(1, 12, 40)
	id := rapid.StringMatching(`[A-Za-z0-9.-]{1,20}`)
	count := rapid.IntRange(0, 1000)
	reason := rapid.SampledFrom([]compare.Reason{compare.Timeout, compare.Limited, compare.Duplicate, compare.Unidentified, compare.NotSupported})
	sources := func(least int, label string) []concord.SourceID {
		return append([]concord.SourceID{}, rapid.SliceOfN(source, least, 3).Draw(t, label)...)
	}
	r := compare.Report{
		Patient: id.Draw(t, "patient"), Mode: rapid.SampledFrom([]compare.Mode{compare.All, compare.OnlyConflicts, compare.OnlyMissing}).Draw(t, "mode"),
		Since: rapid.SampledFrom([]string{"", "2024", "2024-02-29"}).Draw(t, "since"), Sources: []compare.Source{}, Types: []compare.Type{}, Gaps: []compare.Gap{}, Events: []compare.Event{},
	}
	for range rapid.IntRange(0, 3).Draw(t, "n sources") {
		r.Sources = append(r.Sources, compare.Source{Name: source.Draw(t, "name"), Events: count.Draw(t, "events"), Only: count.Draw(t, "only"), Missing: count.Draw(t, "missing"), Stranger: rapid.Bool().Draw(t, "stranger")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "n types") {
		r.Types = append(r.Types, compare.Type{Type: typ.Draw(t, "type"), Events: count.Draw(t, "e"), Same: count.Draw(t, "s"), Missing: count.Draw(t, "m"), Disagree: count.Draw(t, "d"), Unknown: count.Draw(t, "u")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "n gaps") {
		r.Gaps = append(r.Gaps, compare.Gap{Source: source.Draw(t, "source"), Type: typ.Draw(t, "type"), Reason: reason.Draw(t, "reason")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "n events") {
		e := compare.Event{
			Priority: rapid.SampledFrom([]compare.Priority{compare.Allergy, compare.ActiveMedication, compare.ActiveProblem, compare.Other}).Draw(t, "priority"),
			Type:     typ.Draw(t, "type"), Date: rapid.SampledFrom([]string{"", "2023", "2023-04-05"}).Draw(t, "date"),
			In: sources(1, "in"), Missing: sources(0, "missing"), Unknown: []compare.Unknown{}, Conflicts: []merge.ConflictCode{}, Disagreements: []compare.Disagreement{}, Copies: []compare.Copy{},
		}
		if rapid.Bool().Draw(t, "named") {
			e.Title = text.Draw(t, "title")
		}
		for range rapid.IntRange(0, 2).Draw(t, "n unknown") {
			e.Unknown = append(e.Unknown, compare.Unknown{Source: source.Draw(t, "source"), Reason: reason.Draw(t, "reason")})
		}
		if rapid.Bool().Draw(t, "marked") {
			e.Conflicts = append(e.Conflicts, merge.ConflictDose)
		}
		for range rapid.IntRange(0, 2).Draw(t, "n disagreements") {
			d := compare.Disagreement{Path: "Observation.value[x]", Aspect: compare.AboutValue}
			for range rapid.IntRange(1, 3).Draw(t, "n told") {
				d.Told = append(d.Told, compare.Told{Source: source.Draw(t, "source"), Reference: "Observation/" + id.Draw(t, "id"), Text: rapid.OneOf(rapid.Just(""), text).Draw(t, "text")})
			}
			e.Disagreements = append(e.Disagreements, d)
		}
		for range rapid.IntRange(0, 2).Draw(t, "n copies") {
			e.Copies = append(e.Copies, compare.Copy{Source: source.Draw(t, "source"), Reference: "Condition/" + id.Draw(t, "id")})
		}
		r.Events = append(r.Events, e)
	}
	return r
}

// TestWire: what was encoded is JSON, and decodes to the same report.
func TestWire(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := drawReport(rt)
		b := compare.Encode(want)
		if !json.Valid(b) {
			rt.Fatalf("no JSON: %s", b)
		}
		got, err := compare.Decode(b)
		if err != nil {
			rt.Fatalf("%v: %s", err, b)
		}
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatal(d)
		}
	})
}

// TestWireIsParameters: each parameter has a name and exactly one of a value and parts, none of them empty, as R4 demands.
func TestWireIsParameters(t *testing.T) {
	pop := population.Generate(population.Options{Seed: 5, Persons: 1, Registered: 3, Conflicts: 4, Noise: population.AllNoise()})
	in := fails(chart(t, pop, &pop.Persons[0]), "epic", fhir.TypeDevice, compare.NotSupported)
	var check func(list fhir.Value)
	check = func(list fhir.Value) {
		if list.Len() == 0 {
			t.Fatal("an empty list")
		}
		for p := range list.Items() {
			values := 0
			for m := range p.Members() {
				if strings.HasPrefix(m.Name(), "value") || m.Name() == "part" {
					values++
				}
				if m.IsString() && m.Text() == "" {
					t.Error("an empty text")
				}
			}
			if values != 1 || p.Get("name").Text() == "" {
				t.Fatalf("not a parameter: %s", p.Raw())
			}
			if p.Get("part").Exists() {
				check(p.Get("part"))
			}
		}
	}
	r := parse(t, string(compare.Encode(compare.Compare(in))))
	if r.Type() != fhir.TypeParameters {
		t.Fatal(r.Type())
	}
	check(r.Get("parameter"))
}

// TestDecodeRefuses: what is no report is refused, and the refusal says nothing of it.
func TestDecodeRefuses(t *testing.T) {
	const head = `{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"reference":"Patient/p"}},{"name":"mode","valueCode":"all"}`
	for _, c := range []struct{ name, text string }{
		{"not JSON", `secret`},
		{"cut off", head},
		{"an outcome", `{"resourceType":"OperationOutcome","issue":[]}`},
		{"empty", `{"resourceType":"Parameters"}`},
		{"no mode", `{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"reference":"Patient/p"}}]}`},
		{"a patient that is none", `{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"reference":"Group/secret"}},{"name":"mode","valueCode":"all"}]}`},
		{"a mode that is none", strings.Replace(head, `"all"`, `"secret"`, 1) + "]}"},
		{"a since that is none", head + `,{"name":"since","valueString":"secret"}]}`},
		{"a count that is none", head + `,{"name":"source","part":[{"name":"name","valueCode":"epic"},{"name":"events","valueUnsignedInt":-1}]}]}`},
		{"a source without a name", head + `,{"name":"source","part":[{"name":"events","valueUnsignedInt":1}]}]}`},
		{"a source that is none", head + `,{"name":"source","part":[{"name":"name","valueCode":"Secret!"}]}]}`},
		{"a type that is none", head + `,{"name":"type","part":[{"name":"type","valueCode":"Secret"}]}]}`},
		{"a gap without a reason", head + `,{"name":"gap","part":[{"name":"source","valueCode":"epic"},{"name":"type","valueCode":"Goal"}]}]}`},
		{"an event of no type", head + `,{"name":"event","part":[{"name":"priority","valueCode":"other"},{"name":"in","valueCode":"epic"}]}]}`},
		{"an event in no source", head + `,{"name":"event","part":[{"name":"priority","valueCode":"other"},{"name":"type","valueCode":"Goal"}]}]}`},
		{"a parameter that is none", head + `,"secret"]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := compare.Decode([]byte(c.text))
			if !errors.Is(err, concord.Malformed) || strings.Contains(err.Error(), "ecret") {
				t.Error(err)
			}
		})
	}
	if _, err := compare.Decode([]byte(head + `,{"name":"news","valueString":"x"}]}`)); err != nil {
		t.Error("a part that is not known:", err)
	}
}

// FuzzDecode: whatever is decoded can be encoded and decoded again, and is the same.
func FuzzDecode(f *testing.F) {
	pop := population.Generate(population.Options{Seed: 7, Persons: 1, Registered: 2, Conflicts: 3})
	f.Add(compare.Encode(compare.Compare(chart(f, pop, &pop.Persons[0]))))
	f.Add([]byte(`{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"reference":"Patient/p"}},{"name":"mode","valueCode":"all"},{"name":"event","part":[{"name":"type","valueCode":"Goal"},{"name":"priority","valueCode":"other"},{"name":"in","valueCode":"a"},{"name":"disagreement","part":[{"name":"path","valueString":"x"},{"name":"aspect","valueCode":"code"}]}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := compare.Decode(b)
		if err != nil {
			if concord.KindOf(err) != concord.Malformed {
				t.Fatal(err)
			}
			return
		}
		again, err := compare.Decode(compare.Encode(r))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, again); d != "" {
			t.Fatal(d)
		}
	})
}
