package browser

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Finding is something that axe-core holds against a page.
type Finding struct {
	ID, Impact, Help string
	Targets          []string
}

// Accessible fails the test when axe-core finds something of the impact serious or critical on the page as it is, and logs
// what is less. The folder of the package axe-core is named by CONCORD_AXE; without it, nothing is looked at, which is logged.
func Accessible(ctx context.Context, t testing.TB, where string) {
	t.Helper()
	dir := os.Getenv("CONCORD_AXE")
	if dir == "" {
		t.Logf("%s: not looked at: CONCORD_AXE names no folder with axe-core", where)
		return
	}
	script, err := os.ReadFile(filepath.Join(dir, "axe.min.js")) //nolint:gosec // the tester names it
	if err != nil {
		t.Fatal(err)
	}
	Do(ctx, t, chromedp.Evaluate[chromedp.Void](string(script)+"\n;undefined"))
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => (
		{ID: v.id, Impact: v.impact, Help: v.help, Targets: v.nodes.map(n => n.target.join(" "))}))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var found []Finding
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		line := where + ": " + f.Impact + ": " + f.ID + ": " + f.Help + ": " + strings.Join(f.Targets[:min(5, len(f.Targets))], ", ")
		if f.Impact == "serious" || f.Impact == "critical" {
			t.Error(line)
		} else {
			t.Log(line)
		}
	}
}
