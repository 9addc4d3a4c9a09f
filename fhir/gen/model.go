package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// load reads a JSON file, gzipped or not.
func load(name string, into any) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := json.NewDecoder(r).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// element is what a definition says of one path.
type element struct {
	Types   []string // codes of the types that it may have
	Targets []string // resource types that its references may go to; empty for any
	Systems []string // code systems of its binding, if that is required
	Refers  string   // path of the element whose content it shares
}

// model is every element by its path, such as "Observation.value[x]" or "Coding.code".
type model struct {
	elements  map[string]element
	resources []string // the concrete resource types
}

// readBundle decodes the resources of one type in a Bundle.
func readBundle[T any](file, typ string) ([]T, error) {
	var b struct {
		Entry []struct{ Resource json.RawMessage }
	}
	if err := load(file, &b); err != nil {
		return nil, err
	}
	var out []T
	for _, e := range b.Entry {
		var head struct{ ResourceType string }
		if err := json.Unmarshal(e.Resource, &head); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if head.ResourceType != typ {
			continue
		}
		var r T
		if err := json.Unmarshal(e.Resource, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, r)
	}
	return out, nil
}

type structure struct {
	Kind, Type, Derivation string
	Abstract               bool
	Snapshot               struct {
		Element []struct {
			Path, ContentReference string
			Type                   []struct {
				Code          string
				TargetProfile []string
			}
			Binding struct{ Strength, ValueSet string }
		}
	}
}

type valueSet struct {
	URL     string
	Compose struct {
		Include []struct{ System string }
	}
}

func readModel(resources, types, sets string) (*model, error) {
	systems, err := readSystems(sets)
	if err != nil {
		return nil, err
	}
	m := &model{elements: map[string]element{}}
	for _, name := range []string{types, resources} {
		defs, err := readBundle[structure](name, "StructureDefinition")
		if err != nil {
			return nil, err
		}
		for _, s := range defs {
			if s.Derivation == "constraint" {
				continue
			}
			if s.Kind == "resource" && !s.Abstract {
				m.resources = append(m.resources, s.Type)
			}
			m.add(s, systems)
		}
	}
	// Parameters is a resource type whose definition may stand elsewhere than in the bundle of resources
	if !slices.Contains(m.resources, "Parameters") {
		m.resources = append(m.resources, "Parameters")
	}
	slices.Sort(m.resources)
	return m, nil
}

func (m *model) add(s structure, systems map[string][]string) {
	for _, x := range s.Snapshot.Element {
		e := element{Refers: strings.TrimPrefix(x.ContentReference, "#")}
		for _, t := range x.Type {
			code := t.Code
			if strings.HasPrefix(code, "http://hl7.org/fhirpath/") {
				code = "string"
			}
			e.Types = append(e.Types, code)
			for _, p := range t.TargetProfile {
				if _, name, ok := strings.Cut(p, "StructureDefinition/"); ok && name != "Resource" {
					e.Targets = append(e.Targets, name)
				}
			}
		}
		if x.Binding.Strength == "required" {
			url, _, _ := strings.Cut(x.Binding.ValueSet, "|")
			e.Systems = systems[url]
		}
		m.elements[x.Path] = e
	}
}

// readSystems is the code systems of each value set that lists them.
func readSystems(name string) (map[string][]string, error) {
	sets, err := readBundle[valueSet](name, "ValueSet")
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, v := range sets {
		for _, i := range v.Compose.Include {
			if i.System != "" && !slices.Contains(out[v.URL], i.System) {
				out[v.URL] = append(out[v.URL], i.System)
			}
		}
	}
	return out, nil
}
