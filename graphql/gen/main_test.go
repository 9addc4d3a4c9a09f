package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func definitions(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data", "fhir", "r4")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the definitions of R4 are not here")
	}
	return dir
}

// The committed code is what the definitions say.
func TestCodeIsCurrent(t *testing.T) {
	out := t.TempDir()
	if err := run(definitions(t), "core", out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schema_gen.go", "types_gen.go", "queries_gen.go"} {
		got, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the definitions give", name)
		}
	}
}

// All of R4 compiles, and its resolvers fit its schema.
func TestAllBinds(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles all resource types")
	}
	out := t.TempDir()
	if err := run(definitions(t), "all", out); err != nil {
		t.Fatal(err)
	}
	pkg, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for _, name := range []string{"schema_gen.go", "types_gen.go", "queries_gen.go"} {
		replace[filepath.Join(pkg, name)] = filepath.Join(out, name)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(out, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", file, "-run", "^TestSchemaBinds$", ".")
	cmd.Dir = pkg
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

func TestRunRefuses(t *testing.T) {
	if err := run(t.TempDir(), "core", t.TempDir()); err == nil {
		t.Error("no definitions, and no error")
	}
	if err := run(definitions(t), "some", t.TempDir()); err == nil {
		t.Error("no such set, and no error")
	}
}

// visit is a small model with an element of each form.
func visit(more ...element) *model {
	return &model{resources: []string{"Patient"}, types: map[string][]element{
		"Patient": append([]element{
			{name: "id", types: []string{"string"}},
			{name: "when[x]", types: []string{"dateTime", "Coding"}},
			{name: "leg", types: []string{"BackboneElement"}, many: true},
			{name: "extension", types: []string{"Extension"}, many: true},
			{name: "contained", types: []string{"Resource"}, many: true},
		}, more...),
		"Patient.leg": {{name: "code", types: []string{"code"}, many: true}, {name: "leg", refers: "Patient.leg", many: true}},
		"Coding":      {{name: "code", types: []string{"code"}}},
		"Extension":   {{name: "url", types: []string{"string"}}},
		"Element":     {{name: "id", types: []string{"string"}}},
	}}
}

func TestSchemaOfModel(t *testing.T) {
	s, err := visit().schema([]string{"Patient"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, o := range s.objects {
		writeObject(&b, object{name: o.name, owner: o.owner, fields: o.fields})
	}
	const want = `type Coding{
code:code
_code:Element
}
type Element{
id:String
}
type Extension{
url:String
_url:Element
}
type Patient{
resourceType:code!
id:ID
whenDateTime:dateTime
_whenDateTime:Element
whenCoding:Coding
leg:[PatientLeg]
extension(url:String,_count:Int,_offset:Int):[Extension]
contained:[Resource]
}
type PatientLeg{
code:[code]
_code:[Element]
leg:[PatientLeg]
}
`
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
}

func TestSchemaRefuses(t *testing.T) {
	for name, m := range map[string]*model{
		"an unknown type":       visit(element{name: "x", types: []string{"Nothing"}}),
		"names that look alike": visit(element{name: "When_Coding", types: []string{"code"}}),
		"a type of its own":     visit(element{name: "resource_type", types: []string{"code"}}),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := m.schema([]string{"Patient"}); err == nil {
				t.Error("no error")
			}
		})
	}
	if _, err := visit().schema([]string{"Nothing"}); err == nil {
		t.Error("no definition, and no error")
	}
}
