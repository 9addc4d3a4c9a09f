package demo_test

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"concord/compare"
	"concord/compare/render"
	"concord/internal/app/demo"
)

// report is the comparison of the demo's sample patient.
func report(t *testing.T, d *demo.Demo) compare.Report {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+"/fhir/r4/Patient/"+d.Sample.Person+"/$compare", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.Sample.Token)
	a, err := d.HTTPClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	var b bytes.Buffer
	if _, err := b.ReadFrom(a.Body); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d, %v", a.StatusCode, err)
	}
	out, err := compare.Decode(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// terminalPicture draws a terminal's text with its colours as an SVG: the first lines of it.
func terminalPicture(text string, most int) string {
	const size, line, width = 13, 18, 96
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > most {
		lines = append(lines[:most], "…")
	}
	colours := map[string]string{"1": `font-weight="bold"`, "2": `fill="#8b949e"`, "31": `fill="#ff7b72"`, "32": `fill="#7ee787"`, "33": `fill="#e3b341"`, "36": `fill="#76e3ea"`}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img" aria-label="The output of concord diff"><rect width="100%%" height="100%%" rx="8" fill="#161b22"/>`,
		width*8+32, (len(lines)+2)*line)
	fmt.Fprintf(&b, `<g font-family="ui-monospace,SFMono-Regular,Menlo,monospace" font-size="%d" fill="#e6edf3" xml:space="preserve">`, size)
	style := regexp.MustCompile(`\x1b\[([0-9;]*)m`)
	for i, l := range lines {
		fmt.Fprintf(&b, `<text x="16" y="%d">`, (i+2)*line-6)
		at := 0
		now := ""
		span := func(s string) {
			if s != "" {
				fmt.Fprintf(&b, `<tspan %s>%s</tspan>`, now, html.EscapeString(s))
			}
		}
		for _, m := range style.FindAllStringSubmatchIndex(l, -1) {
			span(l[at:m[0]])
			now = ""
			for code := range strings.SplitSeq(l[m[2]:m[3]], ";") {
				now += colours[code] + " "
			}
			at = m[1]
		}
		span(l[at:])
		b.WriteString(`</text>`)
	}
	b.WriteString("</g></svg>\n")
	return b.String()
}

// keepDiff writes the picture of the comparison, as `concord diff` prints it on a terminal 96 wide.
func keepDiff(t *testing.T, d *demo.Demo) {
	t.Helper()
	var text bytes.Buffer
	if err := render.Text(&text, report(t, d), render.TextOptions{Width: 96, Color: true}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("CONCORD_SCREENSHOTS"), "diff.svg"), []byte(terminalPicture(text.String(), 44)), 0o600); err != nil {
		t.Fatal(err)
	}
}
