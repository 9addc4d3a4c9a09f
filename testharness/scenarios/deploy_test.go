package scenarios_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/goccy/go-yaml"

	"concord/testharness"
	"concord/testharness/population"
	"concord/testharness/servers"
)

// TestDeploy: the alerts and the dashboard can be read, and each metric that they name is one that a gateway has.
func TestDeploy(t *testing.T) {
	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "prometheus", "concord-alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(text, &alerts); err != nil {
		t.Fatal(err)
	}
	board, err := os.ReadFile(filepath.Join("..", "..", "deploy", "grafana", "concord.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(board, &dashboard); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Expr == "" || r.Annotations["summary"] == "" {
				t.Errorf("%s lacks a part", r.Alert)
			}
			all = append(all, r.Expr)
		}
	}
	for _, p := range dashboard.Panels {
		for _, x := range p.Targets {
			all = append(all, x.Expr)
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d expressions", len(all))
	}
	redis := servers.StartRedis(t)
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 76, Persons: 1, Registered: 3}})
	r := startKeyed(t, w, "5s", t.TempDir(), map[string]string{"limits": "  store: redis://" + redis.Addr + "/0\n"})
	// a metric with labels is there when its first value is; the definitions tell of those that have none yet
	known := metrics(t, r)
	for _, dir := range []string{"gateway", filepath.Join("internal", "app")} {
		files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			known += string(b)
		}
	}
	for _, e := range all {
		for _, name := range regexp.MustCompile(`\b(?:concord|go|process)_[a-z_]+`).FindAllString(e, -1) {
			name = regexp.MustCompile(`_bucket$`).ReplaceAllString(name, "")
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(known) {
				t.Errorf("there is no metric %s", name)
			}
		}
	}
}
