package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"concord/internal/config"
)

// Whatever the text, Parse gives either a configuration that keeps its promises or errors in the promised form.
func FuzzParse(f *testing.F) {
	good, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(good, badFiles(f)...) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("testdata/good/fuzz.yaml", data)
		if err == nil {
			if len(c.Sources) == 0 || len(c.Auth.Issuers) == 0 || c.Audit.Dir == "" || c.MPI.Store.Kind == "" || c.PublicURL == "" {
				t.Errorf("taken for good, and lacks what is required: %+v", c)
			}
			for _, s := range c.Sources {
				if !s.Name.Valid() || s.Vendor == "" || s.BaseURL == "" || s.Timeout <= 0 || s.Auth.Type == "" {
					t.Errorf("taken for good, and not usable: %+v", s)
				}
			}
			return
		}
		var all config.Errors
		if !errors.As(err, &all) || len(all) == 0 {
			t.Fatalf("not an Errors: %v", err)
		}
		if !slices.IsSortedFunc(all, func(a, b config.Error) int { return a.Line - b.Line }) {
			t.Errorf("not sorted by line:\n%v", err)
		}
		lines := 1 + strings.Count(string(data), "\n") + strings.Count(string(data), "\r")
		for _, e := range all {
			if e.Line < 1 || e.Line > lines+1 || e.Key == "" || e.Msg == "" || strings.Contains(e.Error(), "\n") {
				t.Errorf("not in the promised form, with %d lines: %#v", lines, e)
			}
		}
	})
}
