package app_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// operating is a section of docs/operating.md.
func operating(t *testing.T, title string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// TestOperatingNamesEveryMetric: docs/operating.md has a row for each metric that the program defines, and for no other.
func TestOperatingNamesEveryMetric(t *testing.T) {
	var told, defined []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(concord_[a-z_]+)` \\| \\S").FindAllStringSubmatch(operating(t, "What to watch"), -1) {
		told = append(told, m[1])
	}
	name := regexp.MustCompile(`"(concord_[a-z_]+)"`)
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{"testharness", "bench", "testdata", "bin", ".git"}, d.Name()) {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			defined = append(defined, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	slices.Sort(defined)
	if diff := cmp.Diff(slices.Compact(defined), told); diff != "" || len(told) < 10 {
		t.Errorf("(-defined +told):\n%s", diff)
	}
}

// TestEveryAlertHasARunbook: docs/operating.md says of each alert what to do, in the order of the rules, and of no other.
func TestEveryAlertHasARunbook(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "prometheus", "concord-alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct{ Rules []struct{ Alert string } }
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	var alerts, told []string
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			alerts = append(alerts, r.Alert)
		}
	}
	for _, part := range strings.Split(operating(t, "When an alert fires"), "\n### ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		told = append(told, title)
		if len(strings.Fields(body)) < 15 {
			t.Errorf("%s: what is to be done?", title)
		}
	}
	if diff := cmp.Diff(alerts, told); diff != "" || len(told) < 10 {
		t.Errorf("(-rules +told):\n%s", diff)
	}
}
