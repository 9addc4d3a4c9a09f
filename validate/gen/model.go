package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// definition is the part of a StructureDefinition that is needed.
type definition struct {
	URL, Kind, Type, Derivation, BaseDefinition string
	Abstract                                    bool
	Snapshot, Differential                      struct{ Element []element }
}

// element is the part of an ElementDefinition that is needed.
type element struct {
	ID, Path, SliceName, Max, ContentReference string
	Min                                        *int
	Type                                       []elementType
	Binding                                    *binding
	Constraint                                 []struct{ Key, Severity string }
	Slicing                                    *slicing
	fixed, pattern                             json.RawMessage // whatever their type
}

type slicing struct {
	Rules         string
	Discriminator []discriminator
}

type discriminator struct{ Type, Path string }

type elementType struct {
	Code                   string
	Profile, TargetProfile []string
	Extension              []struct{ URL, ValueURL string }
}

type binding struct {
	Strength, ValueSet string
	Extension          []struct{ URL, ValueCanonical string }
}

const maxValueSet = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"

// set is the value set that values must be of; "" for none.
func (b *binding) set() string {
	if b == nil {
		return ""
	}
	for _, x := range b.Extension {
		if x.URL == maxValueSet {
			return unversioned(x.ValueCanonical)
		}
	}
	if b.Strength == "required" {
		return unversioned(b.ValueSet)
	}
	return ""
}

func unversioned(url string) string {
	url, _, _ = strings.Cut(url, "|")
	return url
}

// UnmarshalJSON also takes fixed[x] and pattern[x], whose names tell their types.
func (e *element) UnmarshalJSON(b []byte) error {
	type plain element
	if err := json.Unmarshal(b, (*plain)(e)); err != nil {
		return err
	}
	if !bytes.Contains(b, []byte(`"fixed`)) && !bytes.Contains(b, []byte(`"pattern`)) {
		return nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for name, v := range all {
		switch {
		case strings.HasPrefix(name, "fixed"):
			e.fixed = v
		case strings.HasPrefix(name, "pattern"):
			e.pattern = v
		}
	}
	return nil
}

// typeCode is a type's name; those of FHIRPath's system types stand for the FHIR type that an extension names.
func (t elementType) typeCode() string {
	if !strings.HasPrefix(t.Code, "http://hl7.org/fhirpath/") {
		return t.Code
	}
	for _, x := range t.Extension {
		if strings.HasSuffix(x.URL, "structuredefinition-fhir-type") {
			return x.ValueURL
		}
	}
	return "string"
}

// model is what was read.
type model struct {
	base       []definition          // R4's types and resources, that are no constraints
	profiles   map[string]definition // constraints, by URL
	sets       map[string]valueSet
	systems    map[string]codeSystem
	expansions map[string]expansion
}

// open finds a file of the definitions, gzipped or not, in the folder or where the npm package has it.
func open(folder, name string) (io.ReadCloser, error) {
	for _, dir := range []string{folder, filepath.Join(folder, "dist", "fhir", "r4")} {
		f, err := os.Open(filepath.Join(dir, name))
		if err == nil {
			return f, nil
		}
		z, err := os.Open(filepath.Join(dir, name+".gz"))
		if err != nil {
			continue
		}
		r, err := gzip.NewReader(z)
		if err != nil {
			return nil, errors.Join(err, z.Close())
		}
		return struct {
			io.Reader
			io.Closer
		}{r, z}, nil
	}
	return nil, fmt.Errorf("%s: no %s there", folder, name)
}

func readModel(folder string) (*model, error) {
	m := &model{profiles: map[string]definition{}, sets: map[string]valueSet{}, systems: map[string]codeSystem{}, expansions: externalSets()}
	for _, name := range []string{"profiles-types.json", "profiles-resources.json", "extension-definitions.json", "valuesets.json", "v3-codesystems.json"} {
		if err := m.readBundle(folder, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	vital, err := vitalSigns()
	if err != nil {
		return nil, err
	}
	m.profiles[vital.URL] = vital
	return m, nil
}

func (m *model) readBundle(folder, name string) (err error) {
	f, err := open(folder, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var b struct {
		Entry []struct{ Resource json.RawMessage }
	}
	if err := json.NewDecoder(f).Decode(&b); err != nil {
		return err
	}
	for _, e := range b.Entry {
		if err := m.take(e.Resource); err != nil {
			return err
		}
	}
	return nil
}

// readGuide reads a folder of resources; those that were there are replaced.
func (m *model) readGuide(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s: nothing there", folder)
	}
	for url := range m.profiles { // an earlier version's are not this one's
		if strings.HasPrefix(url, usCore) {
			delete(m.profiles, url)
		}
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := m.take(b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	m.expansions = externalSets()
	return nil
}

// take keeps a resource of a form that is of use.
func (m *model) take(b []byte) error {
	var head struct{ ResourceType, URL string }
	if err := json.Unmarshal(b, &head); err != nil {
		return err
	}
	switch head.ResourceType {
	case "StructureDefinition":
		var d definition
		if err := json.Unmarshal(b, &d); err != nil {
			return err
		}
		if d.Derivation == "constraint" {
			m.profiles[d.URL] = d
		} else if !slices.ContainsFunc(m.base, func(o definition) bool { return o.URL == d.URL }) {
			m.base = append(m.base, d)
		}
	case "ValueSet":
		var v valueSet
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		m.sets[head.URL] = v
	case "CodeSystem":
		var c codeSystem
		if err := json.Unmarshal(b, &c); err != nil {
			return err
		}
		m.systems[head.URL] = c
	}
	return nil
}
