package render

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"

	"concord/compare"
)

//go:embed report.html
var page string

//go:embed report.css
var style string

// HTML writes a report as one file that needs nothing else: no script, nothing loaded, and a policy that forbids both. Its
// title holds no PHI. The error is the writer's.
func HTML(w io.Writer, r compare.Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"join": join, "plain": plain, "title": titleOf, "told": toldText, "unknown": unknownWords, "marks": marks,
	}).Parse(page)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(style))
	return t.Execute(w, struct {
		outline
		Subtitle, Policy string
		Style            template.CSS
	}{
		outlineOf(r), outlineOf(r).subtitle(),
		"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		template.CSS(style), //nolint:gosec // ours, embedded
	})
}
