package compare_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"concord"
	"concord/compare"
	"concord/fhir"
	"concord/merge"
	"concord/testharness/population"
)

// record is what sources hold, by source; each is JSON.
type record map[concord.SourceID][]string

func parse(tb testing.TB, s string) fhir.Resource {
	tb.Helper()
	r, err := fhir.Parse([]byte(s), fhir.Limits{})
	if err != nil {
		tb.Fatalf("%v: %s", err, s)
	}
	return r
}

// input merges a record as the gateway does, with every source answering in full for every type.
func input(tb testing.TB, rec record) compare.Input {
	tb.Helper()
	in := compare.Input{Patient: "p"}
	var batches []merge.Batch
	var patients []merge.Copy
	for s, all := range rec {
		in.Options.Sources = append(in.Options.Sources, s)
		b := merge.Batch{Source: s}
		for _, text := range all {
			r := parse(tb, text)
			if r.Type() == fhir.TypePatient {
				patients = append(patients, merge.Copy{Source: s, Resource: r})
				continue
			}
			b.Resources = append(b.Resources, r)
		}
		batches = append(batches, b)
	}
	finish(&in, batches, patients)
	return in
}

func finish(in *compare.Input, batches []merge.Batch, patients []merge.Copy) {
	slices.Sort(in.Options.Sources)
	if len(patients) > 0 {
		in.Entries = append(in.Entries, merge.Unify(patients))
	}
	in.Entries = append(in.Entries, merge.NewEngine(merge.Default()).Merge(batches).Entries...)
	for _, s := range in.Options.Sources {
		for _, t := range compare.Types() {
			in.Answers = append(in.Answers, compare.Answer{Source: s, Type: t})
		}
	}
}

// fails makes a source's answer for a type not whole.
func fails(in compare.Input, s concord.SourceID, t fhir.ResourceType, why compare.Reason) compare.Input {
	in.Answers = slices.Clone(in.Answers)
	for i, a := range in.Answers {
		if a.Source == s && a.Type == t {
			in.Answers[i].Reason = why
		}
	}
	return in
}

// told is a report in a line for each event.
func told(r compare.Report) (out []string) {
	for _, e := range r.Events {
		s := fmt.Sprintf("%s %s %s %s in%v", e.Priority, e.Type, e.Title, e.Date, e.In)
		if len(e.Missing) > 0 {
			s += fmt.Sprintf(" missing%v", e.Missing)
		}
		if len(e.Unknown) > 0 {
			s += fmt.Sprintf(" unknown%v", e.Unknown)
		}
		if len(e.Conflicts) > 0 {
			s += fmt.Sprintf(" conflicts%v", e.Conflicts)
		}
		for _, d := range e.Disagreements {
			s += fmt.Sprintf(" | %s %s:", d.Path, d.Aspect)
			for _, x := range d.Told {
				s += fmt.Sprintf(" %s=%q", x.Source, x.Text)
			}
		}
		out = append(out, s)
	}
	return out
}

// chart is one person's record as a population's sites hold it.
func chart(tb testing.TB, pop *population.Population, p *population.Person) compare.Input {
	tb.Helper()
	in := compare.Input{Patient: string(p.Key)}
	var batches []merge.Batch
	var patients []merge.Copy
	for _, site := range pop.Sites {
		s := site.Source.ID
		in.Options.Sources = append(in.Options.Sources, s)
		b := merge.Batch{Source: s}
		for _, r := range site.Resources {
			c := population.Copy{Source: s, Type: r.Type, ID: r.ID}
			switch {
			case pop.Truth.Person[c] == p.Key:
				patients = append(patients, merge.Copy{Source: s, Resource: parse(tb, string(r.Body))})
			case r.Patient != "" && pop.Truth.Event[c].Person() == p.Key:
				b.Resources = append(b.Resources, parse(tb, string(r.Body)))
			case r.Type == "Medication": // what requests refer to
				b.Resources = append(b.Resources, parse(tb, string(r.Body)))
			}
		}
		batches = append(batches, b)
	}
	finish(&in, batches, patients)
	return in
}

// dump is a report for a failure's message.
func dump(r compare.Report) string { return strings.Join(told(r), "\n") }
