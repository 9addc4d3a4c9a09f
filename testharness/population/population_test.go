package population_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/testharness/population"
)

type tree = map[string]any

func decode(t *testing.T, b []byte) tree {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m tree
	if err := d.Decode(&m); err != nil {
		t.Fatalf("a resource is not JSON: %v", err)
	}
	return m
}

func walk(v any, f func(tree)) {
	switch x := v.(type) {
	case tree:
		f(x)
		for _, c := range x {
			walk(c, f)
		}
	case []any:
		for _, c := range x {
			walk(c, f)
		}
	}
}

func noisy(seed uint64, persons int) population.Options {
	return population.Options{Seed: seed, Persons: persons, Decoys: 0.4, Conflicts: 3, Noise: population.AllNoise()}
}

func truthBytes(t *testing.T, p *population.Population) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Truth.WriteTruth(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDeterministic(t *testing.T) {
	a, b, c := population.Generate(noisy(7, 6)), population.Generate(noisy(7, 6)), population.Generate(noisy(8, 6))
	if !reflect.DeepEqual(a.Sites, b.Sites) {
		t.Error("same seed, other bytes")
	}
	if !bytes.Equal(truthBytes(t, a), truthBytes(t, b)) {
		t.Error("same seed, other truth")
	}
	if reflect.DeepEqual(a.Sites, c.Sites) {
		t.Error("another seed made the same")
	}
}

// checkConsistent holds a population to what it promises: ids unique, everything in the truth, references within a source.
func checkConsistent(t *testing.T, p *population.Population) {
	t.Helper()
	held := map[population.Copy]bool{}
	for _, s := range p.Sites {
		local := map[string]bool{}
		for _, r := range s.Resources {
			m := decode(t, r.Body)
			if m["resourceType"] != r.Type || m["id"] != r.ID {
				t.Fatalf("%s: body says %v/%v, the list %s/%s", s.Source.ID, m["resourceType"], m["id"], r.Type, r.ID)
			}
			if !bytes.HasPrefix(r.Body, []byte(`{"resourceType":"`+r.Type+`","id":"`)) {
				t.Errorf("%s: resourceType and id are not first in %.80s", s.Source.ID, r.Body)
			}
			if local[r.Type+"/"+r.ID] {
				t.Errorf("%s: %s/%s twice", s.Source.ID, r.Type, r.ID)
			}
			local[r.Type+"/"+r.ID] = true
			held[population.Copy{Source: s.Source.ID, Type: r.Type, ID: r.ID}] = true
		}
		for _, r := range s.Resources {
			walk(decode(t, r.Body), func(o tree) {
				for _, k := range []string{"reference", "url"} {
					ref, _ := o[k].(string)
					ref = strings.TrimPrefix(ref, s.Source.BaseURL()+"/")
					if strings.HasPrefix(ref, "event:") {
						t.Errorf("%s: %s/%s keeps %s", s.Source.ID, r.Type, r.ID, ref)
					}
					if ref != "" && (k == "reference" || strings.HasPrefix(ref, "Binary/")) && !strings.HasPrefix(ref, "#") && !local[ref] {
						t.Errorf("%s: %s/%s refers to %s, which is not held", s.Source.ID, r.Type, r.ID, ref)
					}
				}
			})
		}
	}
	for c := range held {
		_, isPerson := p.Truth.Person[c]
		event, isEvent := p.Truth.Event[c]
		if isPerson == isEvent || isPerson != (c.Type == "Patient") {
			t.Errorf("%v: person %v, event %v", c, isPerson, isEvent)
		}
		if isEvent && p.Truth.Alike[event] == "" {
			t.Errorf("%v: event %v is not in Alike", c, event)
		}
	}
	if n := len(p.Truth.Person) + len(p.Truth.Event); n != len(held) {
		t.Errorf("the truth knows %d copies, the sources hold %d", n, len(held))
	}
	copies := p.Truth.Copies()
	for _, c := range p.Truth.Conflicts {
		n := 0
		for _, side := range c.Sides {
			if len(side) == 0 {
				t.Errorf("%v: an empty side", c.Event)
			}
			for _, x := range side {
				n++
				if p.Truth.Event[x] != c.Event {
					t.Errorf("conflict %v names %v, a copy of %v", c.Event, x, p.Truth.Event[x])
				}
			}
		}
		if len(c.Sides) < 2 || n != len(copies[c.Event]) {
			t.Errorf("conflict %v: %d sides with %d copies", c.Event, len(c.Sides), n)
		}
	}
}

func TestConsistent(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    population.Options
	}{
		{"plain", population.Options{Seed: 3, Persons: 8}},
		{"all noise", noisy(3, 12)},
		{"one source each", population.Options{Seed: 4, Persons: 6, Registered: 1, Noise: population.AllNoise(), Conflicts: 2}},
		{"everything everywhere", population.Options{Seed: 5, Persons: 6, Registered: 3, Copies: 3, Conflicts: 4}},
		{"two Epics and a generic", population.Options{Seed: 6, Persons: 8, Noise: population.AllNoise(), Sources: []population.Source{
			{ID: "north", Vendor: population.Epic, Site: "101"}, {ID: "south", Vendor: population.Epic, Site: "202"}, {ID: "plain", Vendor: population.Generic}}}},
	} {
		t.Run(tt.name, func(t *testing.T) { checkConsistent(t, population.Generate(tt.o)) })
	}
}

// blank takes off what copies may differ in without noise.
func blank(m tree) {
	delete(m, "id")
	delete(m, "meta")
	walk(m, func(o tree) { delete(o, "reference") })
	walk(m, func(o tree) {
		if u, _ := o["url"].(string); strings.HasPrefix(u, "Binary/") {
			delete(o, "url")
		}
		for k, v := range o { // what is left of a reference without display
			if c, ok := v.(tree); ok && len(c) == 0 {
				delete(o, k)
			}
			if l, ok := v.([]any); ok {
				l = slices.DeleteFunc(l, func(e any) bool { c, ok := e.(tree); return ok && len(c) == 0 })
				o[k] = l
				if len(l) == 0 {
					delete(o, k)
				}
			}
		}
	})
}

func TestWithoutNoiseCopiesAreEqual(t *testing.T) {
	p := population.Generate(population.Options{Seed: 11, Persons: 10, Registered: 3})
	bodies := map[population.EventKey][]tree{}
	for _, s := range p.Sites {
		for _, r := range s.Resources {
			if k := p.Truth.Event[population.Copy{Source: s.Source.ID, Type: r.Type, ID: r.ID}]; k != "" && r.Type != "Provenance" {
				m := decode(t, r.Body)
				blank(m)
				bodies[k] = append(bodies[k], m)
			}
		}
	}
	pairs := 0
	for k, list := range bodies {
		for _, m := range list[1:] {
			pairs++
			if d := cmp.Diff(list[0], m); d != "" {
				t.Fatalf("%s: %s", k, d)
			}
		}
	}
	if pairs < 100 {
		t.Errorf("only %d pairs were compared", pairs)
	}
}

var personal = map[string]bool{"NameTruncated": true, "NameHyphens": true, "NameCase": true, "Nicknames": true, "MiddleInitials": true, "FormerNames": true,
	"SuffixDropped": true, "PhoneFormats": true, "StreetFormats": true, "AddressMoved": true, "BirthDateTypos": true, "ManyIdentifiers": true, "SSNHidden": true}

func TestEachNoiseIsOnItsOwn(t *testing.T) {
	few := population.Options{Seed: 21, Persons: 8}
	many := population.Options{Seed: 21, Persons: 400, NoHistory: true} // for what is said of persons
	plainFew, plainMany := population.Generate(few), population.Generate(many)
	ids := func(p *population.Population) map[population.EventKey][]population.Copy { return p.Truth.Copies() }
	rt := reflect.TypeOf(population.Noise{})
	for i := range rt.NumField() {
		name := rt.Field(i).Name
		t.Run(name, func(t *testing.T) {
			o, plain := few, plainFew
			if personal[name] {
				o, plain = many, plainMany
			}
			reflect.ValueOf(&o.Noise).Elem().Field(i).SetBool(true)
			p := population.Generate(o)
			if reflect.DeepEqual(plain.Sites, p.Sites) {
				t.Fatal("changes nothing")
			}
			if name == "LongIDs" {
				return
			}
			was, is := ids(plain), ids(p)
			for k, copies := range was {
				if name == "InlineNotes" && strings.Contains(string(k), "/Binary/") {
					continue
				}
				if !slices.Equal(copies, is[k]) {
					t.Fatalf("the copies of %s are others: %v, %v", k, copies, is[k])
				}
			}
		})
	}
}

func TestAllNoiseIsAll(t *testing.T) {
	v := reflect.ValueOf(population.AllNoise())
	for i := range v.NumField() {
		if !v.Field(i).Bool() {
			t.Errorf("%s is off", v.Type().Field(i).Name)
		}
	}
}

func TestConflicts(t *testing.T) {
	p := population.Generate(population.Options{Seed: 31, Persons: 16, Registered: 3, Conflicts: 4})
	kinds := map[population.ConflictKind]int{}
	body := map[population.Copy]tree{}
	for _, s := range p.Sites {
		for _, r := range s.Resources {
			body[population.Copy{Source: s.Source.ID, Type: r.Type, ID: r.ID}] = decode(t, r.Body)
		}
	}
	for _, c := range p.Truth.Conflicts {
		kinds[c.Kind]++
		a, b := body[c.Sides[0][0]], body[c.Sides[1][0]]
		blank(a)
		blank(b)
		if cmp.Equal(a, b) {
			t.Errorf("%s (%s): both sides say the same", c.Event, c.Kind)
		}
	}
	for _, k := range []population.ConflictKind{population.ConflictValue, population.ConflictDose, population.ConflictStatus, population.ConflictNegation} {
		if kinds[k] == 0 {
			t.Errorf("no conflict of kind %s among %v", k, kinds)
		}
	}
}

func TestDecoys(t *testing.T) {
	p := population.Generate(population.Options{Seed: 41, Persons: 60, Decoys: 1, NoHistory: true})
	kinds := map[string]int{}
	for _, d := range p.Persons {
		if d.DecoyOf == "" {
			continue
		}
		kinds[d.DecoyKind]++
		o := p.Person(d.DecoyOf)
		if o == nil || o.SSN == d.SSN {
			t.Fatalf("%s: decoy of nobody, or of the same SSN", d.Key)
		}
		switch d.DecoyKind {
		case "twin":
			if !o.Birth.Equal(d.Birth) || o.Address != d.Address || o.Given[0] == d.Given[0] || o.Family != d.Family {
				t.Errorf("%s is no twin of %s", d.Key, o.Key)
			}
		case "junior":
			if o.Suffix != "Sr" || d.Suffix != "Jr" || !d.Birth.After(o.Birth) || o.Given[0] != d.Given[0] {
				t.Errorf("%s is no junior of %s", d.Key, o.Key)
			}
		}
	}
	if len(p.Persons) != 120 || kinds["twin"] == 0 || kinds["junior"] == 0 || kinds["namesake"] == 0 {
		t.Errorf("%d persons, decoys %v", len(p.Persons), kinds)
	}
}

func TestSize(t *testing.T) {
	p := population.Generate(population.Options{Seed: 51, Persons: 25})
	perPerson := map[population.PersonKey]int{}
	types := map[string]int{}
	for k := range p.Truth.Copies() {
		if !strings.Contains(string(k), "/Provenance/") {
			perPerson[k.Person()]++
		}
		types[strings.Split(string(k), "/")[1]]++
	}
	var counts []int
	for k, n := range perPerson {
		if k != "" {
			counts = append(counts, n)
		}
	}
	slices.Sort(counts)
	if median := counts[len(counts)/2]; median < 60 || median > 220 {
		t.Errorf("the median person has %d events: %v", median, counts)
	}
	for _, typ := range []string{"Encounter", "Condition", "AllergyIntolerance", "MedicationRequest", "Immunization", "Observation", "Procedure", "DiagnosticReport",
		"DocumentReference", "CarePlan", "CareTeam", "Goal", "Practitioner", "Organization", "Location", "Provenance", "Binary"} {
		if types[typ] == 0 {
			t.Errorf("no %s", typ)
		}
	}
	big := population.Generate(population.Options{Seed: 51, Persons: 1, Observations: 5000})
	n := 0
	for k := range big.Truth.Copies() {
		if strings.Contains(string(k), "/Observation/") {
			n++
		}
	}
	if n != 5000 {
		t.Errorf("%d Observations where 5000 were asked for", n)
	}
}

func TestVendorIDs(t *testing.T) {
	p := population.Generate(noisy(61, 10))
	long := 0
	for _, s := range p.Sites {
		for _, r := range s.Resources {
			switch s.Source.Vendor {
			case population.Epic:
				if len(r.ID) < 24 || r.ID[0] != 'e' {
					t.Errorf("epic: %s", r.ID)
				}
				if len(r.ID) > 64 {
					long++
				}
			case population.Athena:
				if !strings.HasPrefix(r.ID, "a-195900.") && !strings.HasPrefix(r.ID, "a-1.") {
					t.Errorf("athena: %s", r.ID)
				}
			case population.Cerner:
				if len(r.ID) > 64 {
					t.Errorf("cerner: %s", r.ID)
				}
			}
		}
	}
	if long == 0 {
		t.Error("no id at Epic is longer than 64")
	}
}

func TestWriteTruth(t *testing.T) {
	p := population.Generate(population.Options{Seed: 71, Persons: 3, Conflicts: 1})
	var got struct {
		Persons, Events []struct{ Source, Type, ID, Key string }
		Alike           map[string]string
		Conflicts       []population.Conflict
	}
	if err := json.Unmarshal(truthBytes(t, p), &got); err != nil {
		t.Fatal(err)
	}
	events := map[population.Copy]population.EventKey{}
	for _, e := range got.Events {
		events[population.Copy{Source: concord.SourceID(e.Source), Type: e.Type, ID: e.ID}] = population.EventKey(e.Key)
	}
	if !maps.Equal(events, p.Truth.Event) || len(got.Persons) != len(p.Truth.Person) || !cmp.Equal(got.Conflicts, p.Truth.Conflicts) {
		t.Error(fmt.Sprint("the written truth is another: ", len(events), len(p.Truth.Event)))
	}
}
