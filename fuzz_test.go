package concord_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFuzzTargets: docs/fuzzing.md names each fuzz target of the product, once, and none that there is not; and what is kept
// in testdata/fuzz is of a target that there is, and small.
func TestFuzzTargets(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("docs", "fuzzing.md"))
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile("(?m)^\\| [^|]+ \\| `([a-z/]+)` `(Fuzz[A-Za-z]+)` \\| [^|]+ \\|$").FindAllStringSubmatch(string(text), -1) {
		told = append(told, m[1]+" "+m[2])
	}
	var there []string
	for _, f := range goFiles(t) {
		if !f.test || forTests(f.pkg) {
			continue
		}
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				there = append(there, f.pkg+" "+fn.Name.Name)
			}
		}
	}
	slices.Sort(told)
	slices.Sort(there)
	for _, x := range there {
		if !slices.Contains(told, x) {
			t.Errorf("%s is in no row of docs/fuzzing.md", x)
		}
	}
	for i, x := range told {
		if !slices.Contains(there, x) {
			t.Errorf("docs/fuzzing.md names %s, which there is not", x)
		}
		if i > 0 && told[i-1] == x {
			t.Errorf("docs/fuzzing.md names %s twice", x)
		}
	}
	if len(there) < 30 {
		t.Errorf("only %d targets found: the search no longer sees them", len(there))
	}
	kept, err := filepath.Glob("*/testdata/fuzz/*/*")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob("*/*/testdata/fuzz/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(kept, deeper...) {
		pkg, rest, _ := strings.Cut(filepath.ToSlash(name), "/testdata/fuzz/")
		target, _, _ := strings.Cut(rest, "/")
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(there, pkg+" "+target) || info.Size() > 4<<10 {
			t.Errorf("%s: of no target, or %d bytes large", name, info.Size())
		}
	}
}
