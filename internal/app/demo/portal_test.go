package demo_test

import (
	"context"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"concord/internal/app/demo"
	"concord/testharness/browser"
)

// signIn goes from the portal to the issuer and back, as one of its users.
func signIn(ctx context.Context, t *testing.T, d *demo.Demo, user string) {
	t.Helper()
	browser.Do(ctx, t, chromedp.Navigate(d.URL+"/"), chromedp.Click(chromedp.CSS("#sign-in")), chromedp.Click(chromedp.CSS(`button[value="`+user+`"]`)),
		chromedp.WaitVisible(chromedp.CSS("#sign-out")))
}

// find searches for the sample patient and opens the chart.
func find(ctx context.Context, t *testing.T, d *demo.Demo) {
	t.Helper()
	browser.Do(ctx, t, chromedp.SendKeys(chromedp.CSS("#family"), d.Sample.Family), chromedp.SetValue(chromedp.CSS("#birthdate"), d.Sample.Birth), chromedp.Click(chromedp.CSS(`form.find button[type="submit"]`)),
		chromedp.Click(chromedp.CSS("#found .person")))
	read(ctx, t)
}

// read waits until the chart has been read.
func read(ctx context.Context, t *testing.T) {
	t.Helper()
	browser.Until(ctx, t, `document.querySelector("#reload:not([aria-disabled])") && !document.querySelector('[aria-busy="true"]')`)
}

// view opens a part of the chart.
func view(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS(`nav.views a[href="#`+name+`"]`)))
	browser.Until(ctx, t, `document.querySelector('nav.views a[aria-current]')?.getAttribute("href") === "#`+name+`" && !document.querySelector('[aria-busy="true"]')`)
}

// plug stops or starts an EHR by the demo's own switch.
func plug(t *testing.T, d *demo.Demo, ehr, do string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.Control+"/ehr/"+ehr+"/"+do, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Body.Close(); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: HTTP %d, %v", do, ehr, a.StatusCode, err)
	}
}

func hasText(ctx context.Context, t *testing.T, selector, want string) {
	t.Helper()
	if got := strings.Join(strings.Fields(browser.Text(ctx, t, selector)), " "); !strings.Contains(got, want) {
		t.Errorf("%s says %q, without %q", selector, got, want)
	}
}

// wide is a desk's screen, phone the narrowest that the portal is made for.
var (
	wide  = browser.Size{Width: 1280, Height: 900}
	phone = browser.Size{Width: 360, Height: 740}
)

// clean fails the test when the page left something where it does not belong, or broke its own policy.
func clean(ctx context.Context, t *testing.T, d *demo.Demo) {
	t.Helper()
	if kept := browser.Eval[int](ctx, t, `localStorage.length + sessionStorage.length + document.cookie.length`); kept != 0 {
		t.Errorf("%d things stay in the browser's storage", kept)
	}
	at := browser.Eval[string](ctx, t, `location.pathname + location.search + location.hash + " " + document.title`)
	for _, secret := range []string{d.Sample.Person, d.Sample.Family, d.Sample.Birth, "code=", "state=", "token"} {
		if strings.Contains(at, secret) {
			t.Errorf("the address or the title holds %q", secret)
		}
	}
	for _, c := range browser.Complaints(ctx) {
		t.Errorf("the browser complains: %s", c)
	}
	for _, u := range strings.Fields(browser.Eval[string](ctx, t, `performance.getEntriesByType("resource").map(e => e.name).join(" ")`)) {
		if !strings.HasPrefix(u, d.URL+"/") && u != d.Issuer.TokenURL() {
			t.Errorf("something is loaded from elsewhere: %s", u)
		}
		if strings.Contains(u, d.Sample.Family) || strings.Contains(u, d.Sample.Birth) {
			t.Errorf("a name or a birth date is in a URL: %s", u)
		}
	}
}

// TestPortal is a coordinator's way through the portal: sign in, find a person, read every part of the chart, see where lines
// are from, open a document, sign out.
func TestPortal(t *testing.T) {
	ctx := browser.New(t, wide)
	d := sharedDemo(t)
	browser.Do(ctx, t, chromedp.Navigate(d.URL+"/"), chromedp.WaitVisible(chromedp.CSS("#sign-in")))
	browser.Accessible(ctx, t, "welcome")
	signIn(ctx, t, d, "usr-coordinator")
	hasText(ctx, t, "#top", "Care coordinator")
	browser.Accessible(ctx, t, "find")
	clean(ctx, t, d)
	find(ctx, t, d)
	hasText(ctx, t, "#person-name", d.Sample.Family)
	for _, source := range []string{"Athena answered", "Cerner answered", "Epic answered"} {
		hasText(ctx, t, ".sources", source)
	}
	for _, v := range []string{"summary", "results", "vitals", "timeline", "documents", "compare"} {
		view(ctx, t, v)
		browser.Screenshot(ctx, t, v)
		browser.Accessible(ctx, t, v)
		if rows := browser.Eval[int](ctx, t, `document.querySelectorAll("#view .line, #view .measurement, #view .notice, #view .empty, #view tr").length`); rows == 0 {
			t.Errorf("%s shows nothing", v)
		}
	}
	clean(ctx, t, d)

	t.Run("the way back leads through the views", func(t *testing.T) {
		browser.Do(ctx, t, chromedp.NavigateBack())
		browser.Until(ctx, t, `document.querySelector("nav.views a[aria-current]")?.textContent === "Documents"`)
	})
	t.Run("a document opens as text", func(t *testing.T) {
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS(".openers button")), chromedp.WaitVisible(chromedp.CSS("dialog pre.document")))
		if text := browser.Text(ctx, t, "dialog pre.document"); len(text) < 20 || strings.Contains(text, "<p>") {
			t.Errorf("it reads %q", text)
		}
		browser.Screenshot(ctx, t, "document")
		browser.Accessible(ctx, t, "document")
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS("dialog .close")))
	})
	t.Run("values are plotted, one unit in each plot", func(t *testing.T) {
		view(ctx, t, "vitals")
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS(".measurements .toggle")), chromedp.WaitVisible(chromedp.CSS(".history svg")))
		hasText(ctx, t, ".history .key", "mmHg")
		browser.Screenshot(ctx, t, "trend")
		browser.Accessible(ctx, t, "trend")
	})
	t.Run("a merged line shows its copies", func(t *testing.T) {
		view(ctx, t, "summary")
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS(`.origin[title^="Merged"]`)), chromedp.WaitVisible(chromedp.CSS("table.compare")))
		if n := browser.Eval[int](ctx, t, `document.querySelectorAll("table.compare thead tr:last-child .chip").length`); n < 2 {
			t.Errorf("%d copies are side by side", n)
		}
		browser.Screenshot(ctx, t, "copies")
		browser.Accessible(ctx, t, "copies")
		browser.Do(ctx, t, chromedp.KeyEvent("\u001b"), chromedp.WaitNotPresent(chromedp.CSS("dialog")))
	})
	t.Run("copies that disagree are shown against each other", func(t *testing.T) {
		n := browser.Eval[int](ctx, t, `(() => { for (const d of document.querySelectorAll("details")) d.open = true; return document.querySelectorAll(".line.disputed .origin").length; })()`)
		if n == 0 {
			t.Fatal("the sample patient has no disagreement to show")
		}
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS(".line.disputed .origin")), chromedp.WaitVisible(chromedp.CSS("table.compare .differs")))
		hasText(ctx, t, "dialog", "What it disagrees with")
		browser.Screenshot(ctx, t, "disagreement")
		browser.Accessible(ctx, t, "disagreement")
		browser.Do(ctx, t, chromedp.KeyEvent("\u001b"), chromedp.WaitNotPresent(chromedp.CSS("dialog")))
	})
	clean(ctx, t, d)
	t.Run("signed out, nothing of the record is left", func(t *testing.T) {
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#sign-out")), chromedp.WaitVisible(chromedp.CSS("#sign-in")))
		if browser.Eval[bool](ctx, t, `document.documentElement.outerHTML.includes(`+"`"+d.Sample.Family+"`"+`)`) {
			t.Error("the page still names the patient")
		}
		browser.Do(ctx, t, chromedp.NavigateBack())
		browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS("#sign-in")))
		clean(ctx, t, d)
	})
}

// TestPortalSourceDown: an EHR fails while somebody looks. It is said above everything and at every list, and no list looks as
// if it were whole; when all fail, none looks empty.
func TestPortalSourceDown(t *testing.T) {
	ctx := browser.New(t, wide)
	d := startDemo(t)
	signIn(ctx, t, d, "usr-coordinator")
	find(ctx, t, d)
	if browser.Eval[bool](ctx, t, `document.querySelector("#incomplete").textContent !== ""`) {
		t.Error("a whole record is called incomplete")
	}
	plug(t, d, "cerner", "stop")
	browser.Eval[chromedp.Void](ctx, t, `[...document.querySelectorAll(".origin")].find(b => b.textContent.includes("Cerner")).click()`)
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS("table.compare .gone")))
	hasText(ctx, t, "table.compare .gone", "Cerner did not answer")
	browser.Screenshot(ctx, t, "copy-gone")
	browser.Do(ctx, t, chromedp.KeyEvent("\u001b"), chromedp.WaitNotPresent(chromedp.CSS("dialog")))
	hasText(ctx, t, ".sources .ill", "Cerner did not answer")

	browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#reload")))
	read(ctx, t)
	hasText(ctx, t, "#incomplete", "This record is incomplete")
	hasText(ctx, t, "#incomplete", "Cerner did not answer")
	hasText(ctx, t, ".allergies", "may be incomplete: Cerner did not answer")
	if n := browser.Eval[int](ctx, t, `[...document.querySelectorAll("#view .card .notice")].filter(n => n.textContent.includes("Cerner did not answer: this list may be incomplete")).length`); n != 4 {
		t.Errorf("%d of 4 lists say what they lack", n)
	}
	browser.Screenshot(ctx, t, "summary")
	browser.Accessible(ctx, t, "a source is down")
	view(ctx, t, "results")
	browser.Screenshot(ctx, t, "results")
	hasText(ctx, t, "#view .notice", "Cerner did not answer")

	for _, e := range []string{"epic", "athena"} {
		plug(t, d, e, "stop")
	}
	view(ctx, t, "summary")
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#reload")))
	read(ctx, t)
	hasText(ctx, t, ".allergies", "not known: no source answered")
	hasText(ctx, t, "#view .card .notice", "That does not mean that there are none")
	if browser.Eval[bool](ctx, t, `/No allergies|none recorded/.test(document.querySelector("main").textContent)`) {
		t.Error("a list that nobody answered looks empty")
	}
	browser.Screenshot(ctx, t, "all-down")
	browser.Accessible(ctx, t, "all sources are down")
	for _, c := range browser.Complaints(ctx) {
		t.Errorf("the browser complains: %s", c)
	}
}

// TestPortalUsers: a patient sees their own chart at once and nobody else's; somebody without clinical scopes is told that
// lists are not covered, and is not shown empty ones.
func TestPortalUsers(t *testing.T) {
	ctx := browser.New(t, wide)
	d := sharedDemo(t)
	signIn(ctx, t, d, "usr-patient")
	read(ctx, t)
	hasText(ctx, t, "#person-name", d.Sample.Family)
	if browser.Eval[bool](ctx, t, `[...document.querySelectorAll("button")].some(b => b.textContent === "Another person")`) {
		t.Error("a patient is offered other people")
	}
	clean(ctx, t, d)
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#sign-out")))
	signIn(ctx, t, d, "usr-registration")
	find(ctx, t, d)
	hasText(ctx, t, ".allergies", "not covered by your sign-in")
	hasText(ctx, t, "#view .card .notice", "Your sign-in does not cover allergies")
	browser.Screenshot(ctx, t, "registration")
	browser.Accessible(ctx, t, "registration")
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#sign-out")), chromedp.WaitVisible(chromedp.CSS("#sign-in")))

	t.Run("a sign-in that is cancelled", func(t *testing.T) {
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#sign-in")), chromedp.Click(chromedp.CSS(`button.quiet[value=""]`)), chromedp.WaitVisible(chromedp.CSS(".notice.bad")))
		hasText(ctx, t, ".notice.bad", "cancelled")
		clean(ctx, t, d)
	})
	t.Run("an answer that this tab did not ask for", func(t *testing.T) {
		browser.Do(ctx, t, chromedp.Navigate(d.URL+"/?code=stolen&state=made-up"), chromedp.WaitVisible(chromedp.CSS(".notice.bad")))
		hasText(ctx, t, ".notice.bad", "not begun in this tab")
		clean(ctx, t, d)
	})
	t.Run("a token that is pasted", func(t *testing.T) {
		browser.Do(ctx, t, chromedp.Navigate(d.URL+"/"), chromedp.Click(chromedp.CSS(".token summary")), chromedp.SetValue(chromedp.CSS("#token"), d.Sample.Token), chromedp.Click(chromedp.CSS(`.token button`)), chromedp.WaitVisible(chromedp.CSS("#family")))
		clean(ctx, t, d)
	})
	t.Run("a token that does not hold", func(t *testing.T) {
		browser.Do(ctx, t, chromedp.Navigate(d.URL+"/"), chromedp.Click(chromedp.CSS(".token summary")), chromedp.SendKeys(chromedp.CSS("#token"), "nonsense\n"))
		browser.Until(ctx, t, `document.querySelector(".notice")?.textContent.includes("ended")`) // the first thing that is asked with it says so
		hasText(ctx, t, ".notice", "Your session has ended")
	})
}

// TestPortalReview: records that may be one person's wait for the data steward, who sees them side by side and decides.
func TestPortalReview(t *testing.T) {
	ctx := browser.New(t, wide)
	d := startDemo(t)
	signIn(ctx, t, d, "usr-coordinator")
	if browser.Eval[bool](ctx, t, `!!document.querySelector('.tools a[href="#review"]')`) {
		t.Error("the queue is offered to somebody who may not decide")
	}
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#sign-out")))
	signIn(ctx, t, d, "usr-steward")
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS(`.tools a[href="#review"]`)), chromedp.Click(chromedp.CSS(`.tools a[href="#review"]`)), chromedp.WaitVisible(chromedp.CSS(".card.review")))
	count := func() int { return browser.Eval[int](ctx, t, `document.querySelectorAll(".card.review").length`) }
	before := count()
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS(".card.review button.inline")), chromedp.WaitVisible(chromedp.CSS(".card.review table")))
	browser.Screenshot(ctx, t, "review")
	browser.Accessible(ctx, t, "review")
	clean(ctx, t, d)
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS(".card.review .decide button")), chromedp.WaitVisible(chromedp.CSS(".sure button.main")), chromedp.Click(chromedp.CSS(".sure button.main")))
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS(".card.review .notice.info")))
	hasText(ctx, t, ".card.review .notice.info", "they are one person's")
	browser.Do(ctx, t, chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS("#sign-in")))
	signIn(ctx, t, d, "usr-steward")
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS(`.tools a[href="#review"]`)), chromedp.Click(chromedp.CSS(`.tools a[href="#review"]`)))
	browser.Until(ctx, t, `document.querySelectorAll(".card.review").length === `+strconv.Itoa(before-1)+` && !document.querySelector('[aria-busy="true"]')`)
}

// TestPortalPhone: nothing is wider than a phone, in light and dark, and all of it passes the same checks.
func TestPortalPhone(t *testing.T) {
	ctx := browser.New(t, wide)
	d := sharedDemo(t)
	browser.Resize(ctx, t, phone)
	signIn(ctx, t, d, "usr-coordinator")
	find(ctx, t, d)
	fits := func(where string) {
		t.Helper()
		if w := browser.Eval[int](ctx, t, `document.documentElement.scrollWidth`); w > phone.Width {
			t.Errorf("%s is %d pixels wide", where, w)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		browser.Scheme(ctx, t, scheme)
		for _, v := range []string{"summary", "results", "timeline", "documents", "compare", "vitals"} {
			view(ctx, t, v)
			fits(scheme + " " + v)
			browser.Screenshot(ctx, t, scheme+"-"+v)
			browser.Accessible(ctx, t, scheme+" "+v+" on a phone")
		}
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS(".measurements .toggle")), chromedp.ScrollIntoView(chromedp.CSS(".history")))
		fits(scheme + " trend")
		browser.Screenshot(ctx, t, scheme+"-trend")
		view(ctx, t, "summary")
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS(`.origin[title^="Merged"]`)), chromedp.WaitVisible(chromedp.CSS("table.compare")))
		fits(scheme + " copies")
		browser.Screenshot(ctx, t, scheme+"-copies")
		browser.Accessible(ctx, t, scheme+" copies on a phone")
		browser.Do(ctx, t, chromedp.Click(chromedp.CSS("dialog .close")), chromedp.WaitNotPresent(chromedp.CSS("dialog")))
	}
	browser.Resize(ctx, t, wide)
	for _, v := range []string{"summary", "results", "compare"} {
		view(ctx, t, v)
		browser.Screenshot(ctx, t, "dark-wide-"+v)
	}
	clean(ctx, t, d)
}

// TestPortalKeyboard goes the whole way without a pointer, from sign-in to the copies behind a line and back.
func TestPortalKeyboard(t *testing.T) {
	ctx := browser.New(t, wide)
	d := sharedDemo(t)
	browser.Do(ctx, t, chromedp.Navigate(d.URL+"/"), chromedp.WaitVisible(chromedp.CSS("#sign-in")))
	// tab moves the focus until what has it matches, as a user would.
	tab := func(selector string) {
		t.Helper()
		for range 80 {
			if browser.Eval[bool](ctx, t, `document.activeElement.matches(`+"`"+selector+"`"+`)`) {
				if !browser.Eval[bool](ctx, t, `getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
					t.Errorf("the focus on %s can't be seen", selector)
				}
				return
			}
			browser.Do(ctx, t, chromedp.KeyEvent("\t"))
		}
		t.Fatalf("no key leads to %s", selector)
	}
	press := func(keys string) { browser.Do(ctx, t, chromedp.KeyEvent(keys)) }
	tab("#sign-in")
	press("\r")
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS(`button[value="usr-coordinator"]`)))
	tab(`button[value="usr-coordinator"]`)
	press("\r")
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS("#family")))
	if !browser.Eval[bool](ctx, t, `document.activeElement.tagName === "H1"`) {
		t.Error("the focus is not at the beginning of the page")
	}
	tab("#family")
	press(d.Sample.Family + "\r")
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS("#found .person")))
	tab("#found .person")
	press("\r")
	read(ctx, t)
	tab(`nav.views a[href="#vitals"]`)
	press("\r")
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS(".measurements")))
	tab(".toggle")
	press("\r")
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS(".history svg")))
	tab(".measurement .origin")
	press("\r")
	browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS("table.compare")))
	for range 12 { // the focus stays in the dialog
		press("\t")
		if browser.Eval[bool](ctx, t, `!!document.activeElement.closest("main, header")`) {
			t.Fatal("the focus left the dialog")
		}
	}
	press("\u001b")
	browser.Do(ctx, t, chromedp.WaitNotPresent(chromedp.CSS("dialog")))
	if !browser.Eval[bool](ctx, t, `document.activeElement.matches(".measurement .origin")`) {
		t.Error("the focus is not back where it was")
	}
}

// TestPortalGraphiQL: the editor that the portal opens has the user's token already.
func TestPortalGraphiQL(t *testing.T) {
	ctx := browser.New(t, wide)
	d := sharedDemo(t)
	signIn(ctx, t, d, "usr-coordinator")
	browser.Eval[chromedp.Void](ctx, t, `void (window.opened = [], window.open = (open => (...a) => { const w = open.apply(window, a); window.opened.push(w); return w; })(window.open))`)
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#top button.quiet")))
	browser.Until(ctx, t, `window.opened[0]?.document.querySelector(".graphiql-execute-button") !== null && window.opened[0].document.querySelector("#state")?.textContent.includes("in use")`)
}

// TestScreenshots makes the pictures of the README, in the folder that CONCORD_SCREENSHOTS names: the chart as it is, and
// while an EHR is down, and the comparison as the program prints it.
func TestScreenshots(t *testing.T) {
	if os.Getenv("CONCORD_SCREENSHOTS") == "" {
		t.Skip("CONCORD_SCREENSHOTS names no folder for the pictures")
	}
	ctx := browser.New(t, wide)
	d := startDemo(t)
	browser.Resize(ctx, t, wide)
	signIn(ctx, t, d, "usr-coordinator")
	find(ctx, t, d)
	browser.Screenshot(ctx, t, "portal")
	keepDiff(t, d)
	plug(t, d, "cerner", "stop")
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#reload")))
	read(ctx, t)
	browser.Screenshot(ctx, t, "portal-incomplete")
}
