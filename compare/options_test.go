package compare_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/compare"
	"concord/fhir"
)

// TestOptions: the operation's parameters.
func TestOptions(t *testing.T) {
	for _, c := range []struct {
		name, key, value string
		want             compare.Options
		ok               bool
		err              error
	}{
		{"types", "_type", "Condition, Observation,Condition", compare.Options{Types: []fhir.ResourceType{"Condition", "Observation"}}, true, nil},
		{"a type that is none", "_type", "Condition,Thing", compare.Options{Types: []fhir.ResourceType{"Condition"}}, true, compare.ErrType},
		{"a type that can't be compared", "_type", "Consent", compare.Options{}, true, compare.ErrType},
		{"since", "_since", "2024-01", compare.Options{Since: "2024-01"}, true, nil},
		{"since when", "_since", "soon", compare.Options{}, true, compare.ErrDate},
		{"sources", "source", "epic,cerner,epic", compare.Options{Sources: []concord.SourceID{"epic", "cerner"}}, true, nil},
		{"a source that is none", "source", "Epic!", compare.Options{}, true, compare.ErrSource},
		{"a mode", "mode", "missing", compare.Options{Mode: compare.OnlyMissing}, true, nil},
		{"a mode that is none", "mode", "both", compare.Options{}, true, compare.ErrMode},
		{"partial", "partial", "true", compare.Options{Partial: true}, true, nil},
		{"partial or not", "partial", "maybe", compare.Options{}, true, compare.ErrPartial},
		{"something else", "_count", "3", compare.Options{}, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var o compare.Options
			ok, err := o.Set(c.key, c.value)
			if ok != c.ok || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Error(ok, err)
			}
			if d := cmp.Diff(c.want, o); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestOptionsCheck: at least two sources, and none that is not there.
func TestOptionsCheck(t *testing.T) {
	known := []concord.SourceID{"epic", "athena", "cerner"}
	for _, c := range []struct {
		name  string
		given []concord.SourceID
		known []concord.SourceID
		want  []concord.SourceID
		err   error
	}{
		{"all", nil, known, []concord.SourceID{"athena", "cerner", "epic"}, nil},
		{"two", []concord.SourceID{"epic", "athena"}, known, []concord.SourceID{"athena", "epic"}, nil},
		{"one", []concord.SourceID{"epic"}, known, nil, compare.ErrSources},
		{"one, twice", []concord.SourceID{"epic", "epic"}, known, nil, compare.ErrSources},
		{"another", []concord.SourceID{"epic", "other"}, known, nil, compare.ErrSource},
		{"only one there is", nil, known[:1], nil, compare.ErrSources},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := compare.Options{Sources: c.given}
			if err := o.Check(c.known); !errors.Is(err, c.err) || err == nil && !slices.Equal(o.Sources, c.want) {
				t.Error(err, o.Sources)
			}
		})
	}
}

// TestWanted: what is fetched is what was asked for, worst first, whatever the order of asking.
func TestWanted(t *testing.T) {
	o := compare.Options{Types: []fhir.ResourceType{"Coverage", "AllergyIntolerance"}}
	if d := cmp.Diff([]fhir.ResourceType{"AllergyIntolerance", "Coverage"}, o.Wanted()); d != "" {
		t.Error(d)
	}
	if all := new(compare.Options).Wanted(); len(all) != len(compare.Types()) || !slices.Contains(all, fhir.TypePatient) {
		t.Error(all)
	}
}

// TestRefusal: a source that did not answer refuses the comparison unless it may be partial, or the gap is one that stays.
func TestRefusal(t *testing.T) {
	answers := []compare.Answer{
		{Source: "epic", Type: "Observation", Reason: compare.Timeout},
		{Source: "epic", Type: "Condition"},
		{Source: "cerner", Type: "Device", Reason: compare.NotSupported},
		{Source: "cerner", Type: "Observation", Reason: compare.Limited},
		{Source: "athena", Type: "Condition", Reason: compare.Incomplete},
		{Source: "other", Type: "Condition", Reason: compare.Exception},
	}
	o := compare.Options{Sources: []concord.SourceID{"athena", "cerner", "epic"}}
	want := []compare.Gap{{Source: "athena", Type: "Condition", Reason: compare.Incomplete}, {Source: "epic", Type: "Observation", Reason: compare.Timeout}}
	if d := cmp.Diff(want, compare.Refusal(answers, o)); d != "" {
		t.Error(d)
	}
	o.Sources = []concord.SourceID{"cerner", "other"}
	if got := compare.Refusal(answers[:5], o); len(got) != 0 {
		t.Error("a source that is not compared:", got)
	}
	o.Sources, o.Partial = []concord.SourceID{"athena", "epic"}, true
	if got := compare.Refusal(answers, o); len(got) != 0 {
		t.Error("partial:", got)
	}
}
