package demo_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"concord/internal/app/demo"
	"concord/testharness/browser"
)

// shared is a demo for all tests that leave it as it is, and isShared tells that it was started.
var (
	shared = sync.OnceValues(func() (*demo.Demo, error) {
		isShared = true
		return demo.Start(context.Background(), demo.Options{Listen: "127.0.0.1:0"}, io.Discard)
	})
	isShared bool
)

func TestMain(m *testing.M) {
	code := m.Run()
	if isShared {
		if d, err := shared(); err == nil {
			if err := d.Close(); err != nil {
				code = max(code, 1)
			}
		}
	}
	os.Exit(code)
}

// sharedDemo is one demo for many tests: none of them may stop an EHR.
func sharedDemo(t *testing.T) *demo.Demo {
	t.Helper()
	d, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// startDemo is the demo as the command runs it, on a port that is free.
func startDemo(t *testing.T) *demo.Demo {
	t.Helper()
	d, err := demo.Start(t.Context(), demo.Options{Listen: "127.0.0.1:0"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestGraphiQL: in a real browser, GraphiQL takes a token, reads the schema and runs a query against the demo; nothing is
// loaded from elsewhere, and nothing stays in the browser's storage.
func TestGraphiQL(t *testing.T) {
	ctx := browser.New(t, browser.Size{Width: 1280, Height: 800})
	d := sharedDemo(t)
	browser.Do(ctx, t, chromedp.Navigate(d.URL+"/graphiql"), chromedp.SendKeys(chromedp.CSS("#token"), d.Sample.Token+"\n"),
		chromedp.WaitVisible(chromedp.CSS(".graphiql-execute-button")))
	query := `query Chart { Patient(id: "` + d.Sample.Person + `") { id gender ConditionList(_reference: "patient") { id code { text } } } }`
	set, err := json.Marshal(query)
	if err != nil {
		t.Fatal(err)
	}
	browser.Do(ctx, t, chromedp.Evaluate[chromedp.Void](`document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror.setValue(`+string(set)+`)`),
		chromedp.Click(chromedp.CSS(".graphiql-execute-button")),
		chromedp.Poll[chromedp.Void](`document.querySelector(".result-window .CodeMirror")?.CodeMirror.getValue().includes("ConditionList")`))
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector(".result-window .CodeMirror").CodeMirror.getValue()`))
	if err != nil {
		t.Fatal(err)
	}
	browser.Screenshot(ctx, t, "result")
	var got struct {
		Data struct {
			Patient struct {
				ID            string
				ConditionList []struct{ ID string }
			}
		}
		Errors []any
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || got.Data.Patient.ID != d.Sample.Person || len(got.Data.Patient.ConditionList) == 0 || len(got.Errors) > 0 {
		t.Errorf("%v: %d conditions, %d errors", err, len(got.Data.Patient.ConditionList), len(got.Errors))
	}
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS(`button[aria-label="Show Documentation Explorer"]`)),
		chromedp.Poll[chromedp.Void](`document.querySelector(".graphiql-doc-explorer")?.textContent.includes("Query")`))
	kept, err := chromedp.Run(ctx, chromedp.Evaluate[int](`localStorage.length + sessionStorage.length`))
	if err != nil || kept != 0 {
		t.Errorf("%d things stay in the browser's storage (%v)", kept, err)
	}
	loaded, err := chromedp.Run(ctx, chromedp.Evaluate[string](`performance.getEntriesByType("resource").map(e => e.name).join(" ")`))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range strings.Fields(loaded) {
		if !strings.HasPrefix(u, d.URL) && !strings.HasPrefix(u, "data:") {
			t.Errorf("something is loaded from elsewhere")
		}
	}
}
