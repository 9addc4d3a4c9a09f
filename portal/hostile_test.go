package portal_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"concord/testharness/browser"
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// idToken is a JWT that nobody signed: the page gets it over TLS from the token endpoint and looks at its claims only.
func idToken(claims map[string]any) string {
	b, err := json.Marshal(claims)
	if err != nil {
		return ""
	}
	return "e30." + base64.RawURLEncoding.EncodeToString(b) + ".x"
}

// canaries are strings that run, load or break something wherever they are not taken for text.
var canaries = []string{
	`<img src=x onerror="window.pwned=1">"><script>window.pwned=1</script><b title="'-window.pwned=1-'</title></style></textarea><svg onload=window.pwned=1>` +
		`{{constructor.constructor("window.pwned=1")()}}${window.pwned=1}&lt;img src=x onerror=window.pwned=1&gt;`,
	"javascript:window.pwned=1//\u202egnp.exe\u0000\u2028", "__proto__", "constructor",
}

// chartOf is a record in which $X stands for each text that a source chooses.
func chartOf() map[string][]string {
	const meta = `"meta":{"extension":[{"url":"urn:concord:contributor","valueReference":{"reference":"T/epic.1"}},{"url":"urn:concord:contributor","valueReference":{"reference":"T/athena.1"}},{"url":"urn:concord:contributor","valueReference":{"reference":"T/$X"}}],
		"tag":[{"system":"urn:concord:source","code":"epic"},{"system":"urn:concord:source","code":"athena"},{"system":"urn:concord:source","code":"$X"},{"system":"urn:concord:conflict","code":"value"},{"system":"urn:concord:conflict","code":"$X"},{"system":"urn:concord:possible-duplicate","code":"repeated"}]}`
	const code = `{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"$X"},{"system":"$X","code":"$X","display":"$X"}],"text":"$X"}`
	const who = `{"reference":"Practitioner/epic.9","display":"$X"}`
	of := func(t, rest string) string {
		return `{"resourceType":"` + t + `","id":"epic.1",` + strings.ReplaceAll(meta, `"T/`, `"`+t+`/`) + `,"text":{"status":"generated","div":"<div>$X</div>"},"status":"$X",` + rest + `}`
	}
	return map[string][]string{
		"Patient":            {of("Patient", `"name":[{"family":"$X","given":["$X"],"text":"$X"}],"birthDate":"1981-12-17","gender":"$X","identifier":[{"type":{"coding":[{"code":"MR"}],"text":"$X"},"system":"$X","value":"$X"}],"telecom":[{"system":"phone","value":"$X"}],"address":[{"city":"$X","state":"$X"}],"link":[{"type":"seealso","other":{"reference":"Patient/epic.1"}},{"type":"seealso","other":{"reference":"Patient/$X.2"}}]`)},
		"AllergyIntolerance": {of("AllergyIntolerance", `"code":`+code+`,"criticality":"high","reaction":[{"manifestation":[`+code+`],"severity":"$X","description":"$X"}],"note":[{"text":"$X"}],"clinicalStatus":`+code+`,"recordedDate":"$X"`)},
		"Condition":          {of("Condition", `"code":`+code+`,"onsetString":"$X","abatementString":"$X","severity":`+code+`,"bodySite":[`+code+`],"verificationStatus":`+code)},
		"MedicationRequest":  {of("MedicationRequest", `"medicationReference":{"reference":"#m","display":"$X"},"contained":[{"resourceType":"Medication","id":"m","code":`+code+`}],"dosageInstruction":[{"text":"$X"},{"route":`+code+`,"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"$X"}},"doseAndRate":[{"doseQuantity":{"value":1,"unit":"$X"}}]}],"requester":`+who+`,"authoredOn":"2024-01-01","doNotPerform":true`)},
		"Immunization":       {of("Immunization", `"vaccineCode":`+code+`,"occurrenceString":"$X","lotNumber":"$X","site":`+code+`,"manufacturer":`+who+`,"statusReason":`+code+`,"protocolApplied":[{"doseNumberString":"$X"}]`)},
		"Observation": {
			of("Observation", `"category":[{"coding":[{"code":"laboratory"}]}],"code":`+code+`,"effectiveDateTime":"2024-01-01","valueQuantity":{"value":7.10,"unit":"$X","comparator":"$X"},"interpretation":[`+code+`],"referenceRange":[{"low":{"value":1,"unit":"$X"},"text":"$X"}],"performer":[`+who+`]`),
			strings.Replace(of("Observation", `"category":[{"coding":[{"code":"laboratory"}]}],"code":`+code+`,"effectiveDateTime":"2023-01-01","valueQuantity":{"value":6.0,"unit":"$X"}`), `"epic.1"`, `"epic.2"`, 1),
			strings.Replace(of("Observation", `"category":[{"coding":[{"code":"vital-signs"}]}],"code":`+code+`,"effectiveDateTime":"$X","component":[{"code":`+code+`,"valueQuantity":{"value":1e2,"unit":"$X"}}]`), `"epic.1"`, `"epic.3"`, 1),
			strings.Replace(of("Observation", `"code":`+code+`,"valueString":"$X"`), `"epic.1"`, `"epic.4"`, 1),
		},
		"DiagnosticReport":  {of("DiagnosticReport", `"code":`+code+`,"conclusion":"$X","result":[{"reference":"Observation/epic.1"}],"presentedForm":[{"contentType":"application/pdf","title":"$X","data":"JVBERi0="}]`)},
		"Encounter":         {of("Encounter", `"class":{"code":"$X","display":"$X"},"type":[`+code+`],"period":{"start":"2024-02-03T10:00:00Z","end":"$X"},"participant":[{"individual":`+who+`}],"location":[{"location":`+who+`}],"reasonCode":[`+code+`]`)},
		"Procedure":         {of("Procedure", `"code":`+code+`,"performer":[{"actor":`+who+`}],"performedString":"$X"`)},
		"DocumentReference": {of("DocumentReference", `"type":`+code+`,"description":"$X","docStatus":"$X","author":[`+who+`],"content":[{"attachment":{"contentType":"text/html","title":"$X","data":"$D"}},{"attachment":{"contentType":"$X","url":"javascript:window.pwned=1"}},{"attachment":{"contentType":"text/html","url":"Binary/epic.7"}}]`)},
	}
}

// poisoned puts a canary in the place of each $X, and a hostile page in that of $D.
func poisoned(resource, canary string) string {
	text, err := json.Marshal(canary)
	if err != nil {
		return ""
	}
	page := base64.StdEncoding.EncodeToString([]byte("<html><body><p>plain words</p><script>window.pwned=1</script>" + canary + "</body></html>"))
	return strings.ReplaceAll(strings.ReplaceAll(resource, "$X", string(text[1:len(text)-1])), "$D", page)
}

// comparison is an answer of $compare, in the encoding of the package compare.
const comparison = `{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"reference":"Patient/p1"}},{"name":"mode","valueCode":"all"},
{"name":"source","part":[{"name":"name","valueCode":"athena"},{"name":"events","valueUnsignedInt":12},{"name":"only","valueUnsignedInt":3},{"name":"missing","valueUnsignedInt":1},{"name":"stranger","valueBoolean":false}]},
{"name":"source","part":[{"name":"name","valueCode":"epic"},{"name":"events","valueUnsignedInt":10},{"name":"only","valueUnsignedInt":1},{"name":"missing","valueUnsignedInt":3},{"name":"stranger","valueBoolean":false}]},
{"name":"type","part":[{"name":"type","valueCode":"AllergyIntolerance"},{"name":"events","valueUnsignedInt":2},{"name":"same","valueUnsignedInt":1},{"name":"missing","valueUnsignedInt":1},{"name":"disagree","valueUnsignedInt":0},{"name":"unknown","valueUnsignedInt":0}]},
{"name":"gap","part":[{"name":"source","valueCode":"epic"},{"name":"type","valueCode":"Immunization"},{"name":"reason","valueCode":"timeout"}]},
{"name":"event","part":[{"name":"priority","valueCode":"allergy"},{"name":"type","valueCode":"AllergyIntolerance"},{"name":"title","valueString":"Penicillin $X"},{"name":"date","valueDate":"2021-09-01"},{"name":"in","valueCode":"athena"},{"name":"missing","valueCode":"epic"},{"name":"copy","part":[{"name":"source","valueCode":"athena"},{"name":"reference","valueReference":{"reference":"AllergyIntolerance/athena.1"}}]}]},
{"name":"event","part":[{"name":"priority","valueCode":"active-medication"},{"name":"type","valueCode":"MedicationRequest"},{"name":"title","valueString":"losartan"},{"name":"in","valueCode":"athena"},{"name":"in","valueCode":"epic"},{"name":"conflict","valueCode":"dose"},
 {"name":"disagreement","part":[{"name":"path","valueString":"MedicationRequest.dosageInstruction"},{"name":"aspect","valueCode":"dose"},{"name":"told","part":[{"name":"source","valueCode":"athena"},{"name":"copy","valueReference":{"reference":"MedicationRequest/athena.2"}},{"name":"text","valueString":"2 tablets $X"}]},{"name":"told","part":[{"name":"source","valueCode":"epic"},{"name":"copy","valueReference":{"reference":"MedicationRequest/epic.2"}},{"name":"text","valueString":"1 tablet"}]}]}]},
{"name":"event","part":[{"name":"priority","valueCode":"other"},{"name":"type","valueCode":"Immunization"},{"name":"title","valueString":"Influenza"},{"name":"in","valueCode":"athena"},{"name":"unknown","part":[{"name":"source","valueCode":"epic"},{"name":"reason","valueCode":"timeout"}]}]}
]}`

// harmless fails the test when a canary did something, or stands in the page as anything but text.
func harmless(t *testing.T, b tab, where string) {
	t.Helper()
	if got := browser.Eval[string](b.ctx, t, `String(window.pwned) + " " + [...document.querySelectorAll("img, iframe, object, embed, script:not([src^='/portal/']), [onload], [onerror], a[href^='javascript'], body svg[onload], body b[title]")].map(e => e.outerHTML.slice(0, 200)).join(" ")`); got != "undefined " {
		t.Errorf("%s: %s", where, got)
	}
	if browser.Eval[bool](b.ctx, t, `document.body.textContent.includes("This page failed")`) {
		t.Errorf("%s: the page failed", where)
	}
	for _, c := range browser.Complaints(b.ctx) {
		t.Fatalf("%s: the browser complains: %s", where, c)
	}
}

// everywhere opens all that there is to open in every view.
func everywhere(t *testing.T, b tab, name string) {
	t.Helper()
	b.open(t)
	for _, v := range []string{"summary", "results", "vitals", "timeline", "documents", "compare"} {
		browser.Do(b.ctx, t, chromedp.Evaluate[chromedp.Void](`void (location.hash = "`+v+`")`))
		browser.Until(b.ctx, t, `document.querySelector("nav.views a[aria-current]")?.getAttribute("href") === "#`+v+`" && !document.querySelector('[aria-busy="true"]')`)
		for n := range browser.Eval[int](b.ctx, t, `(() => { for (const d of document.querySelectorAll("details")) d.open = true; for (const b of document.querySelectorAll(".toggle")) b.click(); return document.querySelectorAll("#view .origin, #view .openers button").length; })()`) {
			browser.Do(b.ctx, t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelectorAll("#view .origin, #view .openers button")[%d].click()`, n)))
			browser.Until(b.ctx, t, `document.querySelector("dialog") && !document.querySelector("dialog").textContent.includes("Reading")`)
			harmless(t, b, name+", a dialog of "+v)
			browser.Do(b.ctx, t, chromedp.Evaluate[chromedp.Void](`document.querySelector("dialog .close").click()`))
		}
		harmless(t, b, name+", "+v)
	}
}

// TestHostileRecord: whatever texts a source sends, they are shown as text; nothing of them runs, loads or breaks the page.
func TestHostileRecord(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1100, Height: 800})
	for _, canary := range canaries {
		f := startFake(t)
		answers := map[string]string{}
		for typ, all := range chartOf() {
			var resources []string
			for _, r := range all {
				resources = append(resources, poisoned(r, canary))
			}
			issue := poisoned(`{"severity":"warning","code":"$X","details":{"coding":[{"system":"urn:concord:source","code":"$X"}],"text":"$X"},"expression":["$X"]},{"severity":"information","code":"$X","details":{"coding":[{"system":"urn:concord:source","code":"epic"}],"text":"$X"}}`, canary)
			answers[typ] = searchset(issue, resources...)
			answers[typ+"/epic.1"], answers[typ+"/athena.1"] = resources[0], resources[0]
		}
		answers["Binary/epic.7"] = poisoned(`{"resourceType":"Binary","id":"epic.7","contentType":"text/html","data":"$D"}`, canary)
		answers["Patient/epic.1/$compare"] = poisoned(comparison, canary)
		answers["Patient/epic.1/$explain?resource=Observation%2Fepic.1"] = poisoned(`{"resourceType":"Parameters","parameter":[{"name":"$X","valueString":"$X"},{"name":"verdict","part":[{"name":"$X","valueCode":"$X"}]}]}`, canary)
		f.say(answers)
		b.fake = f
		everywhere(t, b, canary)
	}
}

// TestMisshapenRecord: elements of shapes that R4 does not have break nothing.
func TestMisshapenRecord(t *testing.T) {
	b := newTab(t, browser.Size{Width: 1100, Height: 800})
	for _, shape := range []string{`null`, `7`, `"text"`, `[null, [1]]`, `{"coding":5,"value":"x","start":1,"reference":7,"given":3,"low":[],"text":{}}`, `[{"coding":[null,5],"text":7,"attachment":"x","value":[]}]`} {
		f := startFake(t)
		answers := map[string]string{}
		for typ, all := range chartOf() {
			var whole map[string]json.RawMessage
			if err := json.Unmarshal([]byte(poisoned(all[0], "plain")), &whole); err != nil {
				t.Fatal(err)
			}
			for k := range whole {
				if k != "resourceType" && k != "id" && k != "meta" && k != "category" {
					whole[k] = json.RawMessage(shape)
				}
			}
			bent, err := json.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			answers[typ] = searchset("", string(bent))
			answers[typ+"/epic.1"], answers[typ+"/athena.1"] = string(bent), string(bent)
		}
		answers["Patient/epic.1/$compare"] = `{"resourceType":"Parameters","parameter":` + shape + `}`
		f.say(answers)
		b.fake = f
		everywhere(t, b, shape)
	}
}
