package app

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"concord/internal/config"
)

// TestEveryKeyIsDecided: each part of the configuration either can be changed while the program runs, or its change is
// refused; a new one is a decision.
func TestEveryKeyIsDecided(t *testing.T) {
	changes := []string{"ShutdownGrace", "DrainDelay", "Pprof", "FreshFor", "Auth", "MPI.Repeats", "MPI.ModelFile", "Portal", "Sources", "Digest", "Admission",
		"RateLimit.Enabled", "RateLimit.Read", "RateLimit.Write", "RateLimit.Bulk", "RateLimit.Validation", "RateLimit.Hook", "RateLimit.BreakGlass"}
	split := []string{"MPI", "RateLimit", "Audit", "Traces", "TLS", "RateLimit.Store"} // whose parts are looked at one by one
	named := map[string]bool{}
	var walk func(path string, of reflect.Type, at func(*config.Config) reflect.Value)
	walk = func(path string, of reflect.Type, at func(*config.Config) reflect.Value) {
		if slices.Contains(split, path) || path == "" {
			for i := range of.NumField() {
				f := of.Field(i)
				name := f.Name
				if path != "" {
					name = path + "." + name
				}
				walk(name, f.Type, func(c *config.Config) reflect.Value { return at(c).Field(i) })
			}
			return
		}
		var before, after config.Config
		another(at(&after), 1)
		refused := ""
		for _, k := range fixedKeys() {
			if !reflect.DeepEqual(k.of(&before), k.of(&after)) {
				refused += k.name
				named[k.name] = true
			}
		}
		if may := slices.Contains(changes, path); may == (refused != "") {
			t.Errorf("%s: refused as %q, said to be changeable: %v", path, refused, may)
		}
	}
	walk("", reflect.TypeFor[config.Config](), func(c *config.Config) reflect.Value { return reflect.ValueOf(c).Elem() })
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, said, _ := strings.Cut(string(text), "What lasts as long as the process")
	said, _, _ = strings.Cut(said, "\n\n")
	for _, k := range fixedKeys() {
		if !named[k.name] {
			t.Errorf("%s is never refused", k.name)
		}
		if !strings.Contains(said, "`"+k.name+"`") {
			t.Errorf("docs/operating.md does not say that %s needs a restart", k.name)
		}
	}
}

// another makes v something else than its zero value.
func another(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("x", n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		another(v.Index(0), n)
	case reflect.Array:
		another(v.Index(0), n)
	case reflect.Map:
	case reflect.Struct:
		for i := range v.NumField() {
			another(v.Field(i), n)
		}
	}
}
