package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

type valueSet struct{ Compose *compose }

type compose struct{ Include, Exclude []include }

type include struct {
	System   string
	Concept  []struct{ Code string }
	Filter   []filter
	ValueSet []string
}

type filter struct{ Property, Op, Value string }

type codeSystem struct {
	Content string
	Concept []concept
}

type concept struct {
	Code    string
	Concept []concept
}

// coding is one code of one system.
type coding struct{ system, code string }

// expansion is the codes of a value set; nil when they can't be told from what was read.
type expansion map[coding]bool

// externalSets are small value sets that US Core's include from a registry which publishes no definitions that can be
// read here; the codes are those of the expansions on US Core's pages. One that is not here leaves a binding unchecked.
func externalSets() map[string]expansion {
	const (
		vsac   = "http://cts.nlm.nih.gov/fhir/ValueSet/"
		race   = "urn:oid:2.16.840.1.113883.6.238"
		v3     = "http://terminology.hl7.org/CodeSystem/v3-"
		null   = v3 + "NullFlavor"
		gender = v3 + "AdministrativeGender"
	)
	return map[string]expansion{
		vsac + "2.16.840.1.114222.4.11.836": {
			{race, "1002-5"}: true, {race, "2028-9"}: true, {race, "2054-5"}: true, {race, "2076-8"}: true, {race, "2106-3"}: true,
		},
		vsac + "2.16.840.1.114222.4.11.837":     {{race, "2135-2"}: true, {race, "2186-5"}: true},
		vsac + "2.16.840.1.113762.1.4.1021.102": {{null, "ASKU"}: true, {null, "UNK"}: true},
		vsac + "2.16.840.1.113762.1.4.1":        {{gender, "F"}: true, {gender, "M"}: true},
		vsac + "2.16.840.1.113762.1.4.1021.103": {{null, "ASKU"}: true, {null, "OTH"}: true, {null, "UNK"}: true},
	}
}

// expand gives the codes of a value set, or nil. A set that is met within its own expansion can't be told either.
func (m *model) expand(url string) expansion {
	url = unversioned(url)
	if x, ok := m.expansions[url]; ok {
		return x
	}
	m.expansions[url] = nil // until it is known, and for cycles
	v, ok := m.sets[url]
	if !ok || v.Compose == nil {
		return nil
	}
	all := expansion{}
	for _, i := range v.Compose.Include {
		x := m.included(i)
		if x == nil {
			return nil
		}
		maps.Copy(all, x)
	}
	for _, i := range v.Compose.Exclude {
		x := m.included(i)
		if x == nil {
			return nil
		}
		maps.DeleteFunc(all, func(c coding, _ bool) bool { return x[c] })
	}
	m.expansions[url] = all
	return all
}

func (m *model) included(i include) expansion {
	var x expansion
	switch {
	case i.System == "" || len(i.Concept) > 0:
		for _, c := range i.Concept {
			if x == nil {
				x = expansion{}
			}
			x[coding{i.System, c.Code}] = true
		}
	case len(i.Filter) == 0: // a filter asks for properties of a terminology that is not here
		if s, ok := m.systems[i.System]; ok && s.Content == "complete" {
			x = expansion{}
			x.add(i.System, s.Concept)
		}
	}
	if i.System != "" && x == nil {
		return nil
	}
	for _, url := range i.ValueSet {
		y := m.expand(url)
		if y == nil {
			return nil
		}
		if x == nil {
			x = maps.Clone(y)
			continue
		}
		maps.DeleteFunc(x, func(c coding, _ bool) bool { return !y[c] })
	}
	return x
}

func (x expansion) add(system string, list []concept) {
	for _, c := range list {
		x[coding{system, c.Code}] = true
		x.add(system, c.Concept)
	}
}

// setRow is a value set as the table has it.
type setRow struct {
	url   string
	codes expansion
}

// set is the index of a value set in the table, from 1; 0 for none.
func (t *tables) set(m *model, url string) int {
	if url == "" {
		return 0
	}
	x := m.expand(url)
	if i := slices.IndexFunc(t.sets, func(r setRow) bool { return r.url == url && maps.Equal(r.codes, x) }); i >= 0 {
		return i + 1
	}
	t.sets = append(t.sets, setRow{url, x})
	return len(t.sets)
}

// systemCodes is the codes by system, each as the table has them: every code between two bars.
func (r setRow) systemCodes() [][2]string {
	by := map[string][]string{}
	for c := range r.codes {
		by[c.system] = append(by[c.system], c.code)
	}
	var out [][2]string
	for s, codes := range by {
		slices.Sort(codes)
		out = append(out, [2]string{s, "|" + strings.Join(codes, "|") + "|"})
	}
	slices.SortFunc(out, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	return out
}

// check refuses what the table's form can't hold.
func (r setRow) check() error {
	for c := range r.codes {
		if strings.Contains(c.code, "|") {
			return fmt.Errorf("%s: a code with a bar", r.url)
		}
	}
	return nil
}
