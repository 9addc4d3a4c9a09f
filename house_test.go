package concord_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module   = "concord"
	maxLines = 500 // of a file that is no test and not generated

	// Words of mayImport for a whole row.
	product  = "(product)"  // every package but commands, test suites and the harness
	anything = "(anything)" // every package but commands
)

// mayImport is who may import whom, in code that is no test; docs/architecture.md says why. A package that is not listed
// may not be in the module. Any package may import the root. A row may be here before its package is.
var mayImport = map[string][]string{
	".": {},

	"fhir":     {},
	"fhir/gen": {},

	"merge":          {"fhir"},
	"compare":        {"fhir", "merge"},
	"compare/render": {"fhir", "compare"},
	"mpi":            {"fhir"},
	"audit":          {"fhir"},

	"mpi/match":     {"fhir", "mpi"},
	"mpi/feed":      {"fhir", "mpi"},
	"mpi/synthetic": {"mpi"},
	"mpi/bulk":      {"mpi", "mpi/match", "mpi/linkage", "mpi/feed"},
	"mpi/linkage":   {"mpi", "mpi/match"},
	"mpi/cached":    {"fhir", "mpi"},
	"mpi/memstore":  {"fhir", "mpi"},
	"mpi/sqlstore":  {"fhir", "mpi"},
	"mpi/mpitest":   {"fhir", "mpi"},

	"audit/chain":    {"audit"},
	"audit/commit":   {"audit"},
	"audit/filesink": {"audit", "audit/chain", "audit/commit"},
	"audit/s3sink":   {"audit", "audit/chain", "audit/commit"},
	"audit/shipsink": {"audit", "audit/commit"},
	"audit/balp":     {"audit", "audit/shipsink"},
	"audit/sinktest": {"audit"},

	"federation": {"fhir", "merge", "mpi", "mpi/match"},
	"smart":      {"fhir", "merge", "mpi"},

	"connectors":               {"fhir", "federation"},
	"connectors/epic":          {"fhir", "federation", "connectors"},
	"connectors/cerner":        {"fhir", "federation", "connectors"},
	"connectors/athena":        {"fhir", "federation", "connectors"},
	"connectors/generic":       {"fhir", "federation", "connectors"},
	"connectors/connectortest": {"fhir", "federation", "connectors", "testharness/fakeehr"},

	"validate":     {"fhir"},
	"validate/gen": {},

	"graphql":     {"fhir", "merge", "mpi", "federation", "smart"},
	"graphql/gen": {"fhir"},
	"portal":      {},

	"gateway":                      {"fhir", "merge", "mpi", "audit", "federation", "smart", "graphql", "validate", "compare", "mpi/match", "gateway/ratelimit", "gateway/admission", "internal/obs"},
	"gateway/admission":            {},
	"gateway/ratelimit":            {},
	"gateway/ratelimit/redislimit": {"gateway/ratelimit"},
	"gateway/ratelimit/limittest":  {"gateway/ratelimit"},

	"internal/config":   {"."},
	"internal/obs":      {},
	"internal/tlsfiles": {},
	"internal/app":      {product},
	"internal/app/demo": {anything},

	"cmd/concord": {
		"fhir", "merge", "compare", "compare/render", "mpi", "mpi/match", "mpi/linkage", "mpi/bulk", "mpi/feed", "mpi/synthetic",
		"audit", "audit/chain", "audit/filesink", "audit/s3sink", "internal/app", "internal/app/demo", "internal/config",
	},

	"testharness":            {anything},
	"testharness/browser":    {anything},
	"testharness/devca":      {anything},
	"testharness/drills":     {anything},
	"testharness/servers":    {anything},
	"testharness/fakeehr":    {anything},
	"testharness/issuer":     {anything},
	"testharness/population": {anything},
	"testharness/scenarios":  {anything},

	"testharness/internal/ojson": {},

	"bench": {anything},
}

// forTests tells whether pkg exists for tests only.
func forTests(pkg string) bool {
	return pkg == "bench" || pkg == "testharness" || strings.HasPrefix(pkg, "testharness/") ||
		slices.Contains([]string{"connectortest", "mpitest", "sinktest", "limittest"}, path.Base(pkg))
}

// isCommand tells whether pkg is a program: the product's, or a generator of code.
func isCommand(pkg string) bool { return strings.HasPrefix(pkg, "cmd/") || path.Base(pkg) == "gen" }

// goFile is one Go file of the module.
type goFile struct {
	name string // from the module's root, with slashes
	pkg  string // its folder, "." for the root
	test bool
	text []byte
	tree *ast.File
	set  *token.FileSet
}

func (f goFile) at(n ast.Node) string {
	return f.name + ":" + strconv.Itoa(f.set.Position(n.Pos()).Line)
}

// imports are the module's packages that f imports, each with its place.
func (f goFile) imports(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, spec := range f.tree.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if name == module {
			found["."] = f.at(spec)
		} else if pkg, ok := strings.CutPrefix(name, module+"/"); ok {
			found[pkg] = f.at(spec)
		}
	}
	return found
}

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (base == "testdata" || base == "bin" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil && name != "." {
				return filepath.SkipDir // another module
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		f := goFile{name: filepath.ToSlash(name), test: strings.HasSuffix(name, "_test.go"), set: token.NewFileSet()}
		f.pkg = path.Dir(f.name)
		if f.text, err = os.ReadFile(name); err != nil {
			return err
		}
		f.tree, err = parser.ParseFile(f.set, name, f.text, parser.SkipObjectResolution)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 4 {
		t.Fatalf("only %d Go files found: the search no longer sees the module", len(files))
	}
	return files
}

func allowed(from, to string) bool {
	row := mayImport[from]
	return to == "." || slices.Contains(row, to) ||
		slices.Contains(row, product) && !forTests(to) && !isCommand(to) ||
		slices.Contains(row, anything) && !isCommand(to)
}

// The house rules that no linter knows. Each failure names the file and the line.
func TestHouse(t *testing.T) {
	files := goFiles(t)

	t.Run("every package is in the table", func(t *testing.T) {
		said := map[string]bool{}
		for _, f := range files {
			if _, ok := mayImport[f.pkg]; !ok && !said[f.pkg] {
				said[f.pkg] = true
				t.Errorf("%s: package %s is not in mayImport: a new package is a decision", f.name, f.pkg)
			}
		}
	})
	t.Run("imports follow the table", func(t *testing.T) {
		for _, f := range files {
			for to, at := range f.imports(t) {
				switch {
				case f.test && isCommand(to):
					t.Errorf("%s: a command can't be imported", at)
				case !f.test && !allowed(f.pkg, to):
					t.Errorf("%s: %s may not import %s", at, f.pkg, to)
				}
			}
		}
	})
	t.Run("no init", func(t *testing.T) {
		for _, f := range files {
			for _, d := range f.tree.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: an init function: wire by name in internal/app", f.at(fn))
				}
			}
		}
	})
	t.Run("no exported variables", func(t *testing.T) {
		for _, f := range files {
			if f.test {
				continue
			}
			for _, v := range exportedVars(f.tree) {
				t.Errorf("%s: %s is an exported variable that is neither an error nor an embedded file", f.at(v), v.Name)
			}
		}
	})
	t.Run("no long files", func(t *testing.T) {
		for _, f := range files {
			if n := bytes.Count(f.text, []byte("\n")); n > maxLines && !f.test && !strings.HasSuffix(f.name, "_gen.go") {
				t.Errorf("%s: %d lines, above %d: one file, one thing", f.name, n, maxLines)
			}
		}
	})
	t.Run("nothing left undone", func(t *testing.T) {
		undone := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
		for _, f := range files {
			if f.test {
				continue
			}
			for i, line := range bytes.Split(f.text, []byte("\n")) {
				if undone.Match(line) {
					t.Errorf("%s:%d: do it, or put it where work is planned", f.name, i+1)
				}
			}
		}
	})
}

// exportedVars are the exported package variables of file but for errors and embedded files.
func exportedVars(file *ast.File) []*ast.Ident {
	var found []*ast.Ident
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.VAR {
			continue
		}
		for _, s := range decl.Specs {
			spec, ok := s.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, name := range spec.Names {
				isError := nameOf(spec.Type) == "error" || nameOf(spec.Type) == "embed.FS" ||
					i < len(spec.Values) && makesError(spec.Values[i])
				if name.IsExported() && !isError {
					found = append(found, name)
				}
			}
		}
	}
	return found
}

func makesError(value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	return ok && slices.Contains([]string{"errors.New", "fmt.Errorf"}, nameOf(call.Fun))
}

// nameOf is the name or package.name that x consists of; empty when it is anything else.
func nameOf(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		if pkg, ok := x.X.(*ast.Ident); ok {
			return pkg.Name + "." + x.Sel.Name
		}
	}
	return ""
}

// The rules above see what they are meant to see.
func TestHouseRulesBite(t *testing.T) {
	imports := []struct {
		name, from, to string
		want           bool
	}{
		{"the root, by all", "fhir", ".", true},
		{"policy from mechanism", "connectors", "federation", true},
		{"mechanism from policy", "federation", "connectors", false},
		{"network from merge", "merge", "connectors", false},
		{"the app, a connector", "internal/app", "connectors/epic", true},
		{"the app, the harness", "internal/app", "testharness/fakeehr", false},
		{"the app, a suite", "internal/app", "mpi/mpitest", false},
		{"the demo, the harness", "internal/app/demo", "testharness/fakeehr", true},
		{"the harness, a command", "testharness", "cmd/concord", false},
		{"the diff command round scopes", "cmd/concord", "federation", false},
		{"a package that is not listed", "utils", "fhir", false},
	}
	for _, tt := range imports {
		t.Run(tt.name, func(t *testing.T) {
			if got := allowed(tt.from, tt.to); got != tt.want {
				t.Errorf("allowed(%q, %q) = %v", tt.from, tt.to, got)
			}
		})
	}
	t.Run("variables", func(t *testing.T) {
		const text = `package p
var ErrGone = errors.New("gone")
var Other error = ErrGone
var Files embed.FS
var Limit = 3
var table = map[string]int{}
var ErrA, Names = errors.New("a"), []string{"a"}
`
		tree, err := parser.ParseFile(token.NewFileSet(), "p.go", text, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range exportedVars(tree) {
			got = append(got, v.Name)
		}
		if want := []string{"Limit", "Names"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
