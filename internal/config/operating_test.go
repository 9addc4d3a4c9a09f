package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"concord/internal/config"
)

// TestOperatingNamesEveryKey: docs/operating.md has a row for each key that a file may have, and for no other.
func TestOperatingNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text2, ok := strings.Cut(string(text), "\n## Every key\n")
	if !ok {
		t.Fatal("no section about keys")
	}
	text2, _, _ = strings.Cut(text2, "\n## ")
	var told []string
	for line := range strings.Lines(text2) {
		first, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !ok || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(first, -1) {
			told = append(told, m[1])
		}
	}
	keys := everyKey(t, nil)
	if len(keys) < 90 {
		t.Fatalf("only %d keys are found: the search no longer sees them", len(keys))
	}
	for _, k := range keys {
		if !slices.Contains(told, k) {
			t.Errorf("%s is not told of", k)
		}
	}
	for i, k := range told {
		if !slices.Contains(keys, k) {
			t.Errorf("%s is told of, and is no key", k)
		}
		if slices.Index(told, k) != i {
			t.Errorf("%s is told of twice", k)
		}
	}
}

// everyKey is each key below a place, which is the keys on the way there, a list's with [] at its end. It is found by what
// Parse says the keys are when it is given one that is none.
func everyKey(t *testing.T, place []string) (out []string) {
	t.Helper()
	text, end := "", ""
	for _, k := range place {
		if name, list := strings.CutSuffix(k, "[]"); list {
			text, end = text+"{"+name+": [", "]}"+end
		} else {
			text, end = text+"{"+k+": ", "}"+end
		}
	}
	_, err := config.Parse("concord.yaml", []byte(text+"{no_such_key: 1}"+end))
	var all config.Errors
	if !errors.As(err, &all) {
		t.Fatal("taken for good")
	}
	for _, e := range all {
		_, keys, ok := strings.Cut(e.Msg, "is not a key here; the keys are ")
		if !ok || !strings.HasSuffix(e.Key, "no_such_key") {
			continue
		}
		for k := range strings.SplitSeq(keys, ", ") {
			below := everyKey(t, append(slices.Clone(place), k))
			if below == nil {
				below = everyKey(t, append(slices.Clone(place), k+"[]"))
			}
			if below == nil {
				below = []string{strings.Join(append(slices.Clone(place), k), ".")}
			}
			out = append(out, below...)
		}
	}
	return out
}
