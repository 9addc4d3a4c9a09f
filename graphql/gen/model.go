package main

import (
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

// element is what a definition says of one child of a type.
type element struct {
	name   string
	types  []string // codes; none when it shares the content of refers
	refers string   // path of the element whose content it shares
	many   bool
}

// model is every type by the path of its definition, such as "Observation" or "Observation.component", with its children
// in their order.
type model struct {
	types     map[string][]element
	resources []string // the concrete resource types, sorted
}

// definition is the part of a StructureDefinition that is needed.
type definition struct {
	Kind, Type, Derivation string
	Abstract               bool
	Snapshot               struct {
		Element []struct {
			Path, Max, ContentReference string
			Type                        []struct{ Code string }
		}
	}
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
	m := &model{types: map[string][]element{}}
	for _, name := range []string{"profiles-types.json", "profiles-resources.json"} {
		if err := m.read(folder, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	slices.Sort(m.resources)
	m.resources = slices.Compact(m.resources)
	return m, nil
}

func (m *model) read(folder, name string) (err error) {
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
		var head struct{ ResourceType string }
		if err := json.Unmarshal(e.Resource, &head); err != nil {
			return err
		}
		if head.ResourceType != "StructureDefinition" {
			continue // of another form
		}
		var d definition
		if err := json.Unmarshal(e.Resource, &d); err != nil {
			return err
		}
		if d.Derivation == "constraint" {
			continue
		}
		if d.Kind == "resource" && !d.Abstract {
			m.resources = append(m.resources, d.Type)
		}
		m.add(d)
	}
	return nil
}

func (m *model) add(d definition) {
	for _, x := range d.Snapshot.Element {
		i := strings.LastIndexByte(x.Path, '.')
		if i < 0 || x.Max == "0" {
			continue
		}
		e := element{name: x.Path[i+1:], refers: strings.TrimPrefix(x.ContentReference, "#"), many: x.Max != "1"}
		for _, t := range x.Type {
			code := t.Code
			if strings.HasPrefix(code, "http://hl7.org/fhirpath/") {
				code = "string"
			}
			e.types = append(e.types, code)
		}
		m.types[x.Path[:i]] = append(m.types[x.Path[:i]], e)
	}
}
