package portal_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"concord/testharness/browser"
)

// tab is a browser at a fake gateway.
type tab struct {
	ctx  context.Context //nolint:containedctx // a browser's tab is one
	fake *fakeGateway
}

func newTab(t *testing.T, s browser.Size) tab {
	t.Helper()
	return tab{ctx: browser.New(t, s)}
}

// open gives the page a token, and opens the chart of the person who is found.
func (b tab) open(t *testing.T) {
	t.Helper()
	browser.Do(b.ctx, t, chromedp.Navigate(b.fake.URL+"/"), chromedp.WaitVisible(chromedp.CSS("#sign-in")))
	browser.Do(b.ctx, t, chromedp.Evaluate[chromedp.Void](`(() => { document.querySelector(".token").open = true; document.querySelector("#token").value = "good"; document.querySelector(".token form").requestSubmit(); document.querySelector("#family").value = "Any"; document.querySelector("form.find").requestSubmit(); })()`))
	browser.Until(b.ctx, t, `document.querySelector("#found .person")`)
	browser.Do(b.ctx, t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#found .person").click()`))
	browser.Until(b.ctx, t, `document.querySelector("#reload:not([aria-disabled])") && !document.querySelector('[aria-busy="true"]')`)
}

func (b tab) text(t *testing.T, selector string) string {
	t.Helper()
	return strings.Join(strings.Fields(browser.Text(b.ctx, t, selector)), " ")
}

func (b tab) view(t *testing.T, name string) {
	t.Helper()
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS(`nav.views a[href="#`+name+`"]`)))
	browser.Until(b.ctx, t, `document.querySelector("nav.views a[aria-current]")?.getAttribute("href") === "#`+name+`" && !document.querySelector('[aria-busy="true"]')`)
}

const patient = `{"resourceType":"Patient","id":"p1","name":[{"family":"Roe","given":["Jane"]}],"birthDate":"1950-02-03","meta":{"extension":[{"url":"urn:concord:contributor","valueReference":{"reference":"Patient/epic.1"}}]}}`

func tagged(source string) string {
	return `"meta":{"extension":[{"url":"urn:concord:contributor","valueReference":{"reference":"AllergyIntolerance/` + source + `.1"}}],"tag":[{"system":"urn:concord:source","code":"` + source + `"}]}`
}

// TestComparison: the view of $compare, whole, refused for want of a source, and where it is not offered.
func TestComparison(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1200, Height: 900})
	b.fake = startFake(t)
	b.fake.say(map[string]string{"Patient": searchset("", patient), "Patient/p1": patient})
	b.open(t)
	b.view(t, "compare")
	browser.Until(b.ctx, t, `document.querySelector("#view .notice")`)
	if got := b.text(t, "#view .notice"); !strings.Contains(got, "does not offer the comparison") {
		t.Errorf("not offered: %q", got)
	}
	b.fake.say(map[string]string{
		"Patient/p1/$compare":              `503 {"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"timeout","details":{"coding":[{"system":"urn:concord:source","code":"epic"}]}}]}`,
		"Patient/p1/$compare?partial=true": poisoned(comparison, "<b>"),
	})
	b.view(t, "summary")
	b.view(t, "compare")
	browser.Until(b.ctx, t, `document.querySelector("#view .notice button")`)
	if got := b.text(t, "#view .notice"); !strings.Contains(got, "Epic did not answer in time") {
		t.Errorf("a source is missing: %q", got)
	}
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS("#view .notice button")), chromedp.WaitVisible(chromedp.CSS("table.matrix")))
	got := b.text(t, "#view")
	for _, want := range []string{"Epic did not answer in time: immunizations", "Penicillin <b>", "1 Sep 2021", "✕ missing", "2 tablets <b>", "The sources give different doses", "not known: Epic did not answer in time", "Active medications"} {
		if !strings.Contains(got, want) {
			t.Errorf("the comparison does not say %q: %s", want, got)
		}
	}
	browser.Screenshot(b.ctx, t, "comparison")
	browser.Accessible(b.ctx, t, "comparison")
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS(`input[value="missing"]`)))
	if got := b.text(t, "#view"); strings.Contains(got, "losartan") || !strings.Contains(got, "Penicillin") {
		t.Errorf("only what is missing: %s", got)
	}
	browser.Resize(b.ctx, t, browser.Size{Width: 360, Height: 740})
	if w := browser.Eval[int](b.ctx, t, `document.documentElement.scrollWidth`); w > 360 {
		t.Errorf("%d pixels wide on a phone", w)
	}
	browser.Screenshot(b.ctx, t, "comparison-phone")
}

// TestWhatIsMissing: a list with gaps, a list that goes on over pages, and a list that is refused are told apart from lists
// that are empty.
func TestWhatIsMissing(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1200, Height: 900})
	b.fake = startFake(t)
	page := func(id, next string) string {
		return strings.Replace(searchset("", `{"resourceType":"AllergyIntolerance","id":"`+id+`","code":{"text":"Allergen `+id+`"},`+tagged("epic")+`}`), `"entry"`, `"link":[{"relation":"next","url":"`+next+`"}],"entry"`, 1)
	}
	b.fake.say(map[string]string{
		"Patient": searchset("", patient), "Patient/p1": patient,
		"AllergyIntolerance":        page("epic.1", "https://elsewhere.example.org/fhir/r4/AllergyIntolerance?page=2"),
		"AllergyIntolerance?page=2": searchset("", `{"resourceType":"AllergyIntolerance","id":"epic.2","code":{"text":"Allergen two"},"criticality":"high",`+tagged("epic")+`}`),
		"MedicationRequest":         page("epic.1", "https://elsewhere.example.org/other"),
		"Condition":                 searchset(`{"severity":"warning","code":"timeout","details":{"coding":[{"system":"urn:concord:source","code":"athena"}]},"expression":["Condition"]}`),
		"Immunization":              `403 {"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"forbidden"}]}`,
	})
	b.open(t)
	cards := browser.Eval[[]string](b.ctx, t, `[...document.querySelectorAll("#view section.card")].map(c => c.innerText.replace(/\s+/g, " "))`)
	for i, want := range [][]string{
		{"Allergen epic.1", "Allergen two", "High risk"},
		{"Athena did not answer in time: this list may be incomplete", "No problems at Epic"},
		{"The gateway did not answer", "That does not mean that there are none"},
		{"Your sign-in does not cover immunizations"},
	} {
		for _, w := range want {
			if len(cards) != 4 || !strings.Contains(cards[i], w) {
				t.Errorf("without %q: %q", w, cards)
			}
		}
	}
	if got := b.text(t, ".allergies"); !strings.Contains(got, "Allergen two") {
		t.Errorf("the allergies over every view: %q", got)
	}
	if got := b.text(t, "#incomplete"); !strings.Contains(got, "Athena did not answer in time. What only Athena may know is missing from: problems.") {
		t.Errorf("over everything: %q", got)
	}
	for _, r := range b.fake.requests() {
		if strings.Contains(r, "Any") || strings.Contains(r, "1950") || strings.Contains(r, "elsewhere") || strings.Contains(r, "other") {
			t.Errorf("asked %s", r)
		}
	}
	if !slices.Contains(b.fake.requests(), "GET AllergyIntolerance?page=2") {
		t.Error("the second page was not read from the gateway itself")
	}
}

// TestExplained: where $explain is offered, it says why copies are one, and which entry a conflict is with.
func TestExplained(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1200, Height: 900})
	b.fake = startFake(t)
	marked := func(id string) string {
		return `{"resourceType":"AllergyIntolerance","id":"` + id + `","code":{"text":"Allergen of ` + id + `"},"meta":{"extension":[{"url":"urn:concord:contributor","valueReference":{"reference":"AllergyIntolerance/` + id +
			`"}}],"tag":[{"system":"urn:concord:source","code":"` + id[:4] + `"},{"system":"urn:concord:conflict","code":"negation"}]}}`
	}
	b.fake.say(map[string]string{
		"Patient": searchset("", patient), "Patient/p1": patient, "AllergyIntolerance": searchset("", marked("epic.1"), marked("oaks.7"), marked("oaks.9")),
		"AllergyIntolerance/epic.1": marked("epic.1"), "AllergyIntolerance/oaks.7": marked("oaks.7"), "AllergyIntolerance/oaks.9": marked("oaks.9"),
		"Patient/p1/$explain?resource=AllergyIntolerance%2Fepic.1": `{"resourceType":"Parameters","parameter":[{"name":"survivor","valueReference":{"reference":"AllergyIntolerance/epic.1"}},{"name":"copy","valueReference":{"reference":"AllergyIntolerance/epic.1"}},
			{"name":"strength","valueCode":"nearly"},{"name":"agreed","valueCode":"code"},{"name":"agreed","valueCode":"time"},{"name":"gained","part":[{"name":"from","valueReference":{"reference":"AllergyIntolerance/oaks.2"}},{"name":"element","valueString":"code.coding"}]},
			{"name":"conflict","part":[{"name":"with","valueReference":{"reference":"AllergyIntolerance/oaks.9"}},{"name":"in","valueCode":"negation"}]}]}`,
	})
	b.open(t)
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS("#view .origin")), chromedp.WaitVisible(chromedp.CSS("details.explained")))
	got := b.text(t, "dialog")
	for _, want := range []string{"within what rounding", "agree in code and time", "From Oaks's copy the entry has coding", "It disagrees with Allergen of oaks.9 at Oaks", "The entry that it disagrees with is beside it"} {
		if !strings.Contains(got, want) {
			t.Errorf("without %q: %s", want, got)
		}
	}
	if table := b.text(t, "dialog table.compare"); !strings.Contains(table, "oaks.9") || strings.Contains(table, "oaks.7") {
		t.Errorf("another entry than the one that is named stands beside it: %s", table)
	}
	browser.Screenshot(b.ctx, t, "explained")
	browser.Accessible(b.ctx, t, "explained")
}

// TestReview: the pages about no one person are there when the gateway offers them: the review queue shows two records side
// by side, takes a decision after asking once more, and says when it was taken meanwhile; the sources tell how they are.
func TestReview(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1200, Height: 900})
	b.fake = startFake(t)
	review := func(n int) string {
		return fmt.Sprintf(`{"name":"review","part":[{"name":"number","valueString":"%d"},{"name":"reason","valueCode":"match"},{"name":"grade","valueCode":"probable"},{"name":"queued","valueInstant":"2026-01-02T03:04:05Z"},
			{"name":"patient","valueReference":{"reference":"Patient/epic.%d"}},{"name":"patient","valueReference":{"reference":"Patient/oaks.%d"}},
			{"name":"field","part":[{"name":"name","valueCode":"family"},{"name":"level","valueCode":"equal"}]},{"name":"field","part":[{"name":"name","valueCode":"birthdate"},{"name":"level","valueCode":"near"}]}]}`, n, n, n)
	}
	person := func(id, birth string) string {
		return `{"resourceType":"Patient","id":"` + id + `","name":[{"family":"Roe","given":["<b>Jane</b>"]}],"birthDate":"` + birth + `"}`
	}
	b.fake.say(map[string]string{
		"Patient": searchset("", patient), "Patient/p1": patient, "Patient/epic.4": person("epic.4", "1950-02-03"), "Patient/oaks.4": person("oaks.4", "1950-02-04"),
		"$mpi-review": `{"resourceType":"Parameters","parameter":[` + review(4) + `,` + review(5) + `]}`,
		"$sources":    `{"resourceType":"Parameters","parameter":[{"name":"source","part":[{"name":"name","valueCode":"epic"},{"name":"state","valueCode":"failing"},{"name":"since","valueInstant":"2026-01-02T03:04:05Z"}]}]}`,
	})
	browser.Do(b.ctx, t, chromedp.Navigate(b.fake.URL+"/"), chromedp.WaitVisible(chromedp.CSS("#sign-in")))
	browser.Do(b.ctx, t, chromedp.Evaluate[chromedp.Void](`(() => { document.querySelector(".token").open = true; document.querySelector("#token").value = "good"; document.querySelector(".token form").requestSubmit(); })()`),
		chromedp.WaitVisible(chromedp.CSS(`.tools a[href="#review"]`)), chromedp.Click(chromedp.CSS(`.tools a[href="#review"]`)), chromedp.WaitVisible(chromedp.CSS(".card.review")))
	if got := b.text(t, "main"); !strings.Contains(got, "2 entries") || !strings.Contains(got, "Birthdate near") || !strings.Contains(got, "Epic and Oaks") {
		t.Errorf("the queue: %s", got)
	}
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS(".card.review button.inline")), chromedp.WaitVisible(chromedp.CSS(".card.review table")))
	if got := b.text(t, ".card.review table"); !strings.Contains(got, "<b>Jane</b>") || !strings.Contains(got, "3 Feb 1950") || !strings.Contains(got, "4 Feb 1950") {
		t.Errorf("the records: %s", got)
	}
	browser.Screenshot(b.ctx, t, "review")
	browser.Accessible(b.ctx, t, "review")
	b.fake.say(map[string]string{"$mpi-review": `409 {"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"conflict"}]}`})
	before := len(b.fake.requests())
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS(".card.review .decide button")), chromedp.WaitVisible(chromedp.CSS(".sure button.main")))
	if n := len(b.fake.requests()); n != before {
		t.Error("a decision was sent before it was confirmed")
	}
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS(".sure button.main")), chromedp.WaitVisible(chromedp.CSS(".card.review .notice.bad")))
	if got := b.text(t, ".card.review .notice.bad"); !strings.Contains(got, "decided meanwhile") {
		t.Errorf("%q", got)
	}
	b.fake.say(map[string]string{"$mpi-review": `{"resourceType":"Parameters","parameter":[` + review(4) + `]}`})
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS(".card.review .decide button")), chromedp.WaitVisible(chromedp.CSS(".sure button.main")), chromedp.Click(chromedp.CSS(".sure button.main")),
		chromedp.WaitVisible(chromedp.CSS(".notice.info")))
	if !slices.Contains(b.fake.requests(), "POST $mpi-review") {
		t.Error("the decision was not sent")
	}
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS(`.tools a[href="#sources"]`)), chromedp.WaitVisible(chromedp.CSS("main .lines")))
	if got := b.text(t, "main"); !strings.Contains(got, "Epic") || !strings.Contains(got, "not asked for a while") || !strings.Contains(got, "2 Jan 2026") {
		t.Errorf("the sources: %s", got)
	}
	browser.Accessible(b.ctx, t, "sources")
	browser.Resize(b.ctx, t, browser.Size{Width: 360, Height: 740})
	if w := browser.Eval[int](b.ctx, t, `document.documentElement.scrollWidth`); w > 360 {
		t.Errorf("%d pixels wide on a phone", w)
	}
}

// TestSignIn: a good answer of the issuer signs in; one that is not for this sign-in, or holds no token, does not. Whatever
// it is, it is out of the address at once, and nothing stays in the storage.
func TestSignIn(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1000, Height: 700})
	for _, tt := range []struct {
		name  string
		authz func(url.Values) url.Values
		token func(url.Values) (int, map[string]any)
		want  string // "" for signed in
	}{
		{name: "good"},
		{name: "another state", authz: func(q url.Values) url.Values {
			return url.Values{"code": {q.Get("code_challenge")}, "state": {"other"}}
		}, want: "not begun in this tab"},
		{name: "no state", authz: func(q url.Values) url.Values { return url.Values{"code": {q.Get("code_challenge")}} }, want: "not begun in this tab"},
		{name: "cancelled", authz: func(q url.Values) url.Values {
			return url.Values{"error": {"access_denied"}, "state": {q.Get("state")}}
		}, want: "cancelled"},
		{name: "refused", authz: func(q url.Values) url.Values {
			return url.Values{"error": {"<img src=x onerror=window.pwned=1>"}, "error_description": {"<script>"}, "state": {q.Get("state")}}
		}, want: "refused the request"},
		{name: "no code", authz: func(q url.Values) url.Values { return url.Values{"state": {q.Get("state")}} }, want: "gave no code"},
		{name: "no token", token: func(url.Values) (int, map[string]any) { return http.StatusBadRequest, nil }, want: "gave no token"},
		{name: "another kind of token", token: func(url.Values) (int, map[string]any) { return 200, map[string]any{"token_type": "mac"} }, want: "gave no token that can be used"},
		{name: "another nonce", token: func(url.Values) (int, map[string]any) {
			return 200, map[string]any{"id_token": idToken(map[string]any{"nonce": "other"})}
		}, want: "not for this sign-in"},
		{name: "no ID token", token: func(url.Values) (int, map[string]any) { return 200, map[string]any{"id_token": nil} }, want: "not for this sign-in"},
		{name: "a token that ends", token: func(url.Values) (int, map[string]any) { return 200, map[string]any{"expires_in": 1} }, want: "Your session has ended"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := startFake(t)
			f.authz, f.token = tt.authz, tt.token
			browser.Do(b.ctx, t, chromedp.Navigate(f.URL+"/"), chromedp.Click(chromedp.CSS("#sign-in")))
			if tt.want == "" {
				browser.Do(b.ctx, t, chromedp.WaitVisible(chromedp.CSS("#sign-out")))
				if got := b.text(t, "#top"); !strings.Contains(got, "Dr. Ada") {
					t.Errorf("who: %q", got)
				}
			} else {
				browser.Do(b.ctx, t, chromedp.WaitVisible(chromedp.CSS(".welcome .notice")))
				if got := b.text(t, ".welcome .notice"); !strings.Contains(got, tt.want) {
					t.Errorf("%q", got)
				}
			}
			if got := browser.Eval[string](b.ctx, t, `location.search + sessionStorage.length + localStorage.length + String(window.pwned)`); got != "00undefined" {
				t.Errorf("left: %s", got)
			}
		})
	}
	for _, c := range browser.Complaints(b.ctx) {
		t.Errorf("the browser complains: %s", c)
	}
}

// TestWithoutSignIn: a gateway with the least configuration serves a page that says what is missing.
func TestWithoutSignIn(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1000, Height: 700})
	f := startBare(t)
	browser.Do(b.ctx, t, chromedp.Navigate(f+"/"), chromedp.WaitVisible(chromedp.CSS(".welcome .notice")))
	if got := b.text(t, ".welcome"); !strings.Contains(got, "Signing in is not set up") || strings.Contains(got, "token") {
		t.Errorf("%q", got)
	}
	browser.Accessible(b.ctx, t, "without sign-in")
}

// TestTrends: values of one measurement are put together whatever a source calls it, plotted by unit, with the digits that
// were sent; what was entered in error is listed and not plotted.
func TestTrends(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1200, Height: 900})
	b.fake = startFake(t)
	observation := func(id, day, code, status, value string) string {
		return `{"resourceType":"Observation","id":"epic.` + id + `","status":"` + status + `","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}],"text":"Hemoglobin A1c"},"effectiveDateTime":"` + day + `","valueQuantity":` + value + `,` + strings.ReplaceAll(tagged("epic"), "AllergyIntolerance/epic.1", "Observation/epic."+id) + `}`
	}
	b.fake.say(map[string]string{"Patient": searchset("", patient), "Patient/p1": patient, "Observation": searchset("",
		observation("1", "2024-01-05", "4548-4", "final", `{"value":7.10,"unit":"percent","system":"http://unitsofmeasure.org","code":"%"}`),
		observation("2", "2023-01-05", "4548", "final", `{"value":6.0,"unit":"percent"}`), // the same unit: another copy says which code the word has
		observation("3", "2022-01-05", "4548-4", "entered-in-error", `{"value":17.5,"unit":"percent"}`),
		observation("4", "2021-01-05", "4548-4", "final", `{"value":48,"unit":"mmol/mol"}`),
		observation("5", "2020-01-05", "4548-4", "final", `{"value":51,"unit":"mmol/mol","comparator":"<"}`))})
	b.open(t)
	b.view(t, "results")
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS(".toggle")), chromedp.WaitVisible(chromedp.CSS(".history svg")))
	if rows := browser.Eval[int](b.ctx, t, `document.querySelectorAll(".measurement").length`); rows != 1 {
		t.Errorf("%d measurements", rows)
	}
	got := browser.Eval[[]string](b.ctx, t, `[...document.querySelectorAll("figure.plot")].map(f => f.querySelector("figcaption").textContent + ": " + [...f.querySelectorAll("svg title")].map(t => t.textContent).join("; "))`)
	if want := []string{"In percent: 5 Jan 2023: 6.0 percent; 5 Jan 2024: 7.10 percent", "In mmol/mol: 5 Jan 2020: <51 mmol/mol; 5 Jan 2021: 48 mmol/mol"}; !slices.Equal(got, want) {
		t.Errorf("plotted %q", got)
	}
	if text := b.text(t, "table.values"); !strings.Contains(text, "17.5 percent Entered in error") || !strings.Contains(text, "7.10 percent") {
		t.Errorf("listed %s", text)
	}
	browser.Screenshot(b.ctx, t, "trends")
	browser.Accessible(b.ctx, t, "trends")
}

// TestOwnRecord: a token that names its patient as one source does leads to the person, and to nobody else.
func TestOwnRecord(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1000, Height: 700})
	b.fake = startFake(t)
	b.fake.token = func(url.Values) (int, map[string]any) { return http.StatusOK, map[string]any{"patient": "epic.1"} }
	b.fake.say(map[string]string{"Patient": `503 {"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"transient","details":{"coding":[{"system":"urn:concord:source","code":"epic"}]}}]}`})
	browser.Do(b.ctx, t, chromedp.Navigate(b.fake.URL+"/"), chromedp.Click(chromedp.CSS("#sign-in")), chromedp.WaitVisible(chromedp.CSS("main .notice button")))
	if got := b.text(t, "main"); !strings.Contains(got, "Epic did not answer.") {
		t.Errorf("%q", got)
	}
	b.fake.say(map[string]string{"Patient": searchset("", patient), "Patient/p1": patient})
	browser.Do(b.ctx, t, chromedp.Click(chromedp.CSS("main .notice button")), chromedp.WaitVisible(chromedp.CSS("#person-name")))
	if got := b.text(t, "#person-name"); got != "Jane Roe" {
		t.Errorf("%q", got)
	}
	browser.Do(b.ctx, t, chromedp.Evaluate[chromedp.Void](`void (location.hash = "find")`))
	browser.Until(b.ctx, t, `document.querySelector("#person-name") && !document.querySelector("#family")`)
}
