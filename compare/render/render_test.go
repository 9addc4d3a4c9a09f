package render_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/width"
	"pgregory.net/rapid"

	"concord"
	"concord/compare"
	"concord/compare/render"
	"concord/merge"
)

var update = flag.Bool("update", false, "write the golden files anew")

type sources = []concord.SourceID

func event(e compare.Event) compare.Event {
	if e.Missing == nil {
		e.Missing = sources{}
	}
	if e.Unknown == nil {
		e.Unknown = []compare.Unknown{}
	}
	if e.Conflicts == nil {
		e.Conflicts = []merge.ConflictCode{}
	}
	if e.Disagreements == nil {
		e.Disagreements = []compare.Disagreement{}
	}
	if e.Copies == nil {
		e.Copies = []compare.Copy{}
	}
	return e
}

// differing is a report with one of each.
func differing() compare.Report {
	return compare.Report{
		Patient: "7f3a", Mode: compare.All, Since: "2020",
		Sources: []compare.Source{{Name: "athena", Events: 118, Only: 2, Missing: 9}, {Name: "cerner", Events: 120, Missing: 7}, {Name: "epic", Events: 125, Only: 4, Missing: 1}},
		Types:   []compare.Type{{Type: "AllergyIntolerance", Events: 3, Same: 1, Missing: 1, Disagree: 1}, {Type: "Observation", Events: 124, Same: 120, Missing: 3, Unknown: 1}},
		Gaps: []compare.Gap{{Source: "athena", Type: "Device", Reason: compare.NotSupported}, {Source: "athena", Type: "Specimen", Reason: compare.NotSupported},
			{Source: "cerner", Type: "Observation", Reason: compare.Timeout}},
		Events: []compare.Event{
			event(compare.Event{Priority: compare.Allergy, Type: "AllergyIntolerance", Title: "Penicillin V", Date: "2019-03-04", In: sources{"cerner", "epic"}, Missing: sources{"athena"},
				Conflicts: []merge.ConflictCode{merge.ConflictNegation},
				Disagreements: []compare.Disagreement{{Path: "AllergyIntolerance.verificationStatus", Aspect: compare.AboutStatus, Told: []compare.Told{
					{Source: "cerner", Reference: "AllergyIntolerance/cerner.1", Text: "refuted"}, {Source: "epic", Reference: "AllergyIntolerance/epic.a", Text: "confirmed"}}}},
				Copies: []compare.Copy{{Source: "cerner", Reference: "AllergyIntolerance/cerner.1"}, {Source: "epic", Reference: "AllergyIntolerance/epic.a"}}}),
			event(compare.Event{Priority: compare.ActiveMedication, Type: "MedicationRequest", Title: "24 HR metoprolol succinate 50 MG Extended Release Oral Tablet", Date: "2024-08-01", In: sources{"athena", "epic"},
				Unknown: []compare.Unknown{{Source: "cerner", Reason: compare.Duplicate}}, Conflicts: []merge.ConflictCode{merge.ConflictDose},
				Disagreements: []compare.Disagreement{{Path: "MedicationRequest.dosageInstruction", Aspect: compare.AboutDose, Told: []compare.Told{
					{Source: "athena", Reference: "MedicationRequest/athena.1", Text: "2 tablet, 1 per 1 d, Oral route (Take 2 tablets 1 times a day with a large glass of water)"},
					{Source: "epic", Reference: "MedicationRequest/epic.a"}}}}}),
			event(compare.Event{Priority: compare.ActiveProblem, Type: "Condition", Title: "高血圧症（本態性）", In: sources{"epic"}, Missing: sources{"athena", "cerner"}}),
			event(compare.Event{Priority: compare.Other, Type: "Patient", Title: "Jo Doe", In: sources{"athena", "cerner", "epic"}, Conflicts: []merge.ConflictCode{merge.ConflictBirthDate}}),
			event(compare.Event{Priority: compare.Other, Type: "Observation", Date: "2024-05", In: sources{"epic"}, Missing: sources{"athena"}, Unknown: []compare.Unknown{{Source: "cerner", Reason: compare.Timeout}}}),
		},
	}
}

func same() compare.Report {
	return compare.Report{Patient: "7f3a", Mode: compare.All, Sources: []compare.Source{{Name: "cerner", Events: 2}, {Name: "epic", Events: 2}},
		Types: []compare.Type{{Type: "Condition", Events: 2, Same: 2}}, Gaps: []compare.Gap{}, Events: []compare.Event{}}
}

// unknown is a report without differences of sources that did not say all.
func unknown() compare.Report {
	r := same()
	r.Gaps = []compare.Gap{{Source: "epic", Type: "Device", Reason: compare.Limited}}
	return r
}

func stranger() compare.Report {
	lacks := func(t, title string, p compare.Priority) compare.Event {
		return event(compare.Event{Priority: p, Type: "Condition", Title: title, In: sources{"epic"}, Missing: sources{"cerner"}})
	}
	r := compare.Report{Patient: "7f3a", Mode: compare.OnlyMissing, Sources: []compare.Source{{Name: "cerner", Missing: 3, Stranger: true}, {Name: "epic", Events: 3, Only: 3}},
		Types: []compare.Type{{Type: "Condition", Events: 2, Missing: 2}, {Type: "Patient", Events: 1, Missing: 1}}, Gaps: []compare.Gap{},
		Events: []compare.Event{lacks("Condition", "Asthma", compare.ActiveProblem), lacks("Condition", "Gout", compare.Other)}}
	r.Events = append(r.Events, event(compare.Event{Priority: compare.Other, Type: "Patient", Title: "Jo Doe", In: sources{"epic"}, Missing: sources{"cerner"}}))
	return r
}

// nasty would do harm if it got through.
const nasty = "\x1b[31m<script>alert(1)</script>\u202e|`*_[x](javascript:1) www.evil.example https://evil.example a@evil.example &amp; \n# h\t\u009b2J"

func hostile() compare.Report {
	r := differing()
	r.Patient = nasty
	for i := range r.Events {
		r.Events[i].Title = nasty
		for j := range r.Events[i].Disagreements {
			d := &r.Events[i].Disagreements[j]
			d.Path = nasty
			for k := range d.Told {
				d.Told[k].Text, d.Told[k].Reference = nasty, nasty
			}
		}
	}
	return r
}

// formats are all renderers.
var formats = []struct {
	name, ext string
	render    func(io.Writer, compare.Report) error
}{
	{"text", "txt", func(w io.Writer, r compare.Report) error { return render.Text(w, r, render.TextOptions{}) }},
	{"color", "ansi", func(w io.Writer, r compare.Report) error {
		return render.Text(w, r, render.TextOptions{Width: 60, Color: true})
	}},
	{"markdown", "md", render.Markdown},
	{"html", "html", render.HTML},
	{"json", "json", render.JSON},
}

// TestGolden: what people get to see.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name   string
		report compare.Report
	}{{"differing", differing()}, {"same", same()}, {"unknown", unknown()}, {"stranger", stranger()}, {"hostile", hostile()}} {
		for _, f := range formats {
			t.Run(c.name+"/"+f.name, func(t *testing.T) {
				var b bytes.Buffer
				if err := f.render(&b, c.report); err != nil {
					t.Fatal(err)
				}
				golden(t, c.name+"."+f.ext, b.Bytes())
			})
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if os.Getenv("CI") != "" {
			t.Fatal("golden files are not written in CI")
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Error(d)
	}
}

// TestHostile: no text of a report commands a terminal, or becomes markup.
func TestHostile(t *testing.T) {
	for _, f := range formats {
		var b bytes.Buffer
		if err := f.render(&b, hostile()); err != nil {
			t.Fatal(err)
		}
		s := b.String()
		if f.name != "text" && f.name != "color" && strings.Contains(s, "<script") { // a terminal has no scripts
			t.Error(f.name, "holds a script")
		}
		if f.name == "color" {
			s = regexp.MustCompile(`\x1b\[[0-9;]+m`).ReplaceAllString(s, "")
		}
		if i := strings.IndexFunc(s, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || r == '\u202e') && f.name != "json" }); i >= 0 {
			t.Errorf("%s: a control character at %d", f.name, i)
		}
	}
}

// TestTextWidth: no line is wider than the terminal, whatever is written and however wide its characters are, and nothing
// of it is lost.
func TestTextWidth(t *testing.T) {
	wide := rapid.StringOfN(rapid.RuneFrom([]rune("aé漢字ｗ👩 \u0301-"), unicode.Latin, unicode.Han, unicode.Arabic), 1, 60, -1)
	rapid.Check(t, func(rt *rapid.T) {
		r := differing()
		for i := range r.Events {
			r.Events[i].Title = wide.Draw(rt, "title")
			for j := range r.Events[i].Disagreements {
				for k := range r.Events[i].Disagreements[j].Told {
					r.Events[i].Disagreements[j].Told[k].Text = wide.Draw(rt, "text")
				}
			}
		}
		cols := rapid.IntRange(48, 200).Draw(rt, "cols")
		var b bytes.Buffer
		if err := render.Text(&b, r, render.TextOptions{Width: cols}); err != nil {
			rt.Fatal(err)
		}
		for l := range strings.SplitSeq(b.String(), "\n") {
			if n := columns(l); n > cols {
				rt.Fatalf("%d columns of %d: %q", n, cols, l)
			}
			if strings.HasSuffix(l, " ") {
				rt.Fatalf("a space at the end: %q", l)
			}
		}
		squeeze := func(s string) string { // spaces may become ends of lines; marks of direction are taken out
			return strings.Map(func(r rune) rune {
				if unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r) {
					return -1
				}
				return r
			}, s)
		}
		for _, e := range r.Events {
			if !strings.Contains(squeeze(b.String()), squeeze(e.Title)) {
				rt.Fatalf("lost: %q", e.Title)
			}
		}
	})
}

// columns is how wide a terminal shows s, counted by another table than the renderer's words.
func columns(s string) (n int) {
	for _, r := range s {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case k == width.EastAsianWide || k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// texts puts texts into every place of a report that holds words.
func texts(next func() string) compare.Report {
	r := differing()
	r.Patient = next()
	for i := range r.Events {
		r.Events[i].Title = next()
		for j := range r.Events[i].Disagreements {
			r.Events[i].Disagreements[j].Path = next()
			for k := range r.Events[i].Disagreements[j].Told {
				r.Events[i].Disagreements[j].Told[k].Text = next()
			}
		}
	}
	return r
}

// TestStructure: whatever the texts are, the markup is that of harmless ones.
func TestStructure(t *testing.T) {
	text := rapid.OneOf(rapid.StringN(1, 20, -1), rapid.StringOfN(rapid.RuneFrom([]rune("\\`*_{}[]()#+-.!|<>&~@:\"'= \nw")), 1, 30, -1))
	tags := regexp.MustCompile(`<[^>]*>`)
	escaped := regexp.MustCompile(`\\[!-/:-@\[-` + "`" + `{-~]|&lt;|&amp;`)
	special := regexp.MustCompile("[\\\\`*_{}\\[\\]()#|<>~@:\n]")
	for _, c := range []struct {
		name   string
		render func(io.Writer, compare.Report) error
		shape  func(string) []string
	}{
		{"html", render.HTML, func(s string) []string { return tags.FindAllString(s, -1) }},
		{"markdown", render.Markdown, func(s string) []string { return special.FindAllString(escaped.ReplaceAllString(s, ""), -1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.render(&b, texts(func() string { return "x" })); err != nil {
				t.Fatal(err)
			}
			want := c.shape(b.String())
			rapid.Check(t, func(rt *rapid.T) {
				var b bytes.Buffer
				if err := c.render(&b, texts(func() string { return "x" + text.Draw(rt, "text") })); err != nil {
					rt.Fatal(err)
				}
				if d := cmp.Diff(want, c.shape(b.String())); d != "" {
					rt.Fatalf("%s\n%s", d, b.String())
				}
			})
		})
	}
}

// TestHTMLStandsAlone: the file loads nothing and runs nothing, and says so to the browser; the policy allows its own style.
func TestHTMLStandsAlone(t *testing.T) {
	var b bytes.Buffer
	if err := render.HTML(&b, differing()); err != nil {
		t.Fatal(err)
	}
	s := b.String()
	for _, bad := range []string{"src=", "href=", "url(", "@import", "<script", "<link", "<img", "<iframe", "style=\""} {
		if i := strings.Index(s, bad); i >= 0 {
			t.Errorf("%q at %d", bad, i)
		}
	}
	if regexp.MustCompile(`<[^>]*\son[a-z]+=`).MatchString(s) {
		t.Error("an event handler")
	}
	style := s[strings.Index(s, "<style>")+len("<style>") : strings.Index(s, "</style>")]
	sum := sha256.Sum256([]byte(style))
	policy := "default-src &#39;none&#39;; style-src &#39;sha256-" + strings.NewReplacer("+", "&#43;").Replace(base64.StdEncoding.EncodeToString(sum[:])) + "&#39;"
	if !strings.Contains(s, policy) {
		t.Error("the policy does not allow the style that is there:", policy)
	}
	title := s[strings.Index(s, "<title>"):strings.Index(s, "</title>")]
	if strings.Contains(title, "7f3a") {
		t.Error("a patient in the title")
	}
}

// TestJSON: what is written is what the schema says, decodes to what was given, and the schema would notice.
func TestJSON(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(render.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	for _, r := range []compare.Report{differing(), same(), stranger(), hostile()} {
		var b bytes.Buffer
		if err := render.JSON(&b, r); err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if err := conforms(root, root, v, "$"); err != nil {
			t.Error(err)
		}
		var back compare.Report
		if err := json.Unmarshal(b.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, back); d != "" {
			t.Error(d)
		}
	}
	for _, bad := range []string{`{}`, `[]`, `{"patient":"x","mode":"some","sources":[],"types":[],"gaps":[],"events":[]}`, `{"patient":"x","mode":"all","sources":[{"name":"X","events":1,"only":0,"missing":0}],"types":[],"gaps":[],"events":[]}`,
		`{"patient":"x","mode":"all","sources":[{"name":"x","events":-1,"only":0,"missing":0}],"types":[],"gaps":[],"events":[]}`, `{"patient":"x","mode":"all","sources":[],"types":[],"gaps":[],"events":[],"more":1}`} {
		var v any
		if err := json.Unmarshal([]byte(bad), &v); err != nil {
			t.Fatal(err)
		}
		if conforms(root, root, v, "$") == nil {
			t.Error("conforms:", bad)
		}
	}
}

// conforms holds a value against the part of JSON Schema that the schema uses; a keyword that it does not know is an error.
func conforms(root, s map[string]any, v any, at string) error {
	for key, want := range s {
		switch key {
		case "$schema", "title", "description", "$defs", "properties", "items":
		case "$ref":
			name, _ := strings.CutPrefix(want.(string), "#/$defs/")
			if err := conforms(root, root["$defs"].(map[string]any)[name].(map[string]any), v, at); err != nil {
				return err
			}
		case "type":
			n, isNumber := v.(float64)
			_, isText := v.(string)
			_, isList := v.([]any)
			_, isObject := v.(map[string]any)
			_, isBool := v.(bool)
			if !(map[any]bool{"string": isText, "array": isList, "object": isObject, "boolean": isBool, "integer": isNumber && n == float64(int(n))})[want] {
				return fmt.Errorf("%s is no %v", at, want)
			}
		case "enum":
			if !slices.Contains(want.([]any), v) {
				return fmt.Errorf("%s: %v", at, v)
			}
		case "pattern":
			if text, _ := v.(string); !regexp.MustCompile(want.(string)).MatchString(text) {
				return fmt.Errorf("%s: %v", at, v)
			}
		case "minimum":
			if n, _ := v.(float64); n < want.(float64) {
				return fmt.Errorf("%s: %v", at, v)
			}
		case "required":
			for _, n := range want.([]any) {
				if m, _ := v.(map[string]any); m[n.(string)] == nil {
					return fmt.Errorf("%s has no %v", at, n)
				}
			}
		case "additionalProperties":
			m, _ := v.(map[string]any)
			for n := range m {
				if s["properties"].(map[string]any)[n] == nil {
					return fmt.Errorf("%s has %s", at, n)
				}
			}
		default:
			return fmt.Errorf("the check does not know %s", key)
		}
	}
	if props, ok := s["properties"].(map[string]any); ok {
		m, _ := v.(map[string]any)
		for n, x := range m {
			if p, ok := props[n].(map[string]any); ok {
				if err := conforms(root, p, x, at+"."+n); err != nil {
					return err
				}
			}
		}
	}
	if item, ok := s["items"].(map[string]any); ok {
		all, _ := v.([]any)
		for i, x := range all {
			if err := conforms(root, item, x, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestWriterFails: a writer that fails is told of.
func TestWriterFails(t *testing.T) {
	for _, f := range formats {
		if err := f.render(full{}, differing()); !errors.Is(err, errFull) {
			t.Error(f.name, err)
		}
	}
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }
