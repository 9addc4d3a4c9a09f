// Package browser starts a real Chromium for tests. It stands in for none: where there is no Chromium the test is skipped.
package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Size is a window's, in CSS pixels.
type Size struct{ Width, Height int }

// New is the context of a tab in a browser of its own, which ends with the test or after two minutes. A failed test leaves a
// screenshot in the folder that CONCORD_SCREENSHOTS names.
func New(t testing.TB, s Size) context.Context {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Skip("no Chromium is installed")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(program), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.DisableGPU,
		chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(s.Width, s.Height), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-dev-shm-usage", true))
	t.Cleanup(cancel)
	heard := &complaints{}
	ctx, cancel = chromedp.NewContext(context.WithValue(ctx, complaintsKey{}, heard), chromedp.WithListener(heard.listen))
	t.Cleanup(cancel)
	t.Cleanup(func() {
		if t.Failed() {
			Screenshot(ctx, t, "failed")
		}
	})
	return ctx
}

// Do runs actions, and fails the test when one can't be done. One whose element the page replaced before anything was done
// with it is begun again.
func Do(ctx context.Context, t testing.TB, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for _, a := range actions {
		err := chromedp.Do(ctx, a)
		for range 5 {
			if err == nil || !strings.Contains(err.Error(), "Could not find node with given id") {
				break
			}
			err = chromedp.Do(ctx, a)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Text is the visible text of an element.
func Text(ctx context.Context, t testing.TB, selector string) string {
	t.Helper()
	s, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Eval is what a script comes to in the page.
func Eval[T any](ctx context.Context, t testing.TB, script string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Until waits until a script comes to something true in the page.
func Until(ctx context.Context, t testing.TB, script string) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](script, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(30*time.Second))); err != nil {
		Screenshot(ctx, t, "waiting")
		t.Fatalf("waiting for %s: %v", script, err)
	}
}

// Scheme is what the user prefers from now on, light or dark.
func Scheme(ctx context.Context, t testing.TB, scheme string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	if err != nil {
		t.Fatal(err)
	}
}

// Resize makes the window another size, down to a phone's.
func Resize(ctx context.Context, t testing.TB, s Size) {
	t.Helper()
	Do(ctx, t, chromedp.EmulateViewport(int64(s.Width), int64(s.Height)))
}

// complaints are what the browser had to say against a page.
type complaints struct {
	mu  sync.Mutex
	all []string
}

type complaintsKey struct{}

func (c *complaints) listen(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			c.all = append(c.all, e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		c.all = append(c.all, e.ExceptionDetails.Text)
		if e.ExceptionDetails.Exception != nil {
			c.all = append(c.all, e.ExceptionDetails.Exception.Description)
		}
	}
}

// Complaints are the errors of the page's scripts and its breaches of its policy, since New. An answer that is an HTTP error
// is none.
func Complaints(ctx context.Context) []string {
	c, ok := ctx.Value(complaintsKey{}).(*complaints)
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// Screenshot keeps a picture of the page for a person to look at, if CONCORD_SCREENSHOTS names a folder.
func Screenshot(ctx context.Context, t testing.TB, name string) {
	t.Helper()
	dir := os.Getenv("CONCORD_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Logf("screenshot: %v", err)
		return
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // the tester names it
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(t.Name())+"-"+name+".png"), png, 0o600); err != nil { //nolint:gosec // the tester names it
		t.Fatal(err)
	}
}
