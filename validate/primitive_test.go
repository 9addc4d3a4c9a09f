package validate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/validate"
)

func TestPrimitives(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, x := range []struct {
		typ       string
		good, bad []string // JSON
	}{
		{"Boolean", []string{`true`, `false`}, []string{`"true"`, `1`}},
		{"Integer", []string{`0`, `-1`, `2147483647`, `-2147483648`}, []string{`2147483648`, `1.0`, `1e2`, `-0`, `"1"`}},
		{"UnsignedInt", []string{`0`, `7`}, []string{`-1`, `4294967296`}},
		{"PositiveInt", []string{`1`}, []string{`0`, `-1`}},
		{"Decimal", []string{`0`, `-1.50`, `1e10`, `0.000000000000000000000000001`}, []string{`"1"`}},
		{"String", []string{`" a "`, `"a\n\tb"`, `"é"`, `"\u00e9"`}, []string{`""`, `"a\u0000b"`, `"a\u001bb"`, `7`}},
		{"Markdown", []string{`"# a\n"`}, []string{`""`}},
		{"Code", []string{`"a"`, `"a b"`, `"<="`}, []string{`" a"`, `"a "`, `"a  b"`, `" "`, `""`}},
		{"Id", []string{`"a-1.B"`, `"` + long + `"`}, []string{`"` + long + `a"`, `"a_b"`, `"a b"`, `"é"`}},
		{"Uri", []string{`"urn:oid:1.2"`, `"a"`, `"https://a.example/é"`}, []string{`"a b"`, `" a"`, `"a\nb"`}},
		{"Url", []string{`"https://a.example"`}, []string{`"https://a.example/ b"`}},
		{"Canonical", []string{`"http://a.example|1"`}, []string{`"a b"`}},
		{"Oid", []string{`"urn:oid:2.16.0"`}, []string{`"2.16"`, `"urn:oid:3.1"`, `"urn:oid:1.01"`, `"urn:oid:1."`, `"urn:oid:1.a"`}},
		{"Uuid", []string{`"urn:uuid:0b1c2d3e-0000-4000-8000-00000000000f"`},
			[]string{`"0b1c2d3e-0000-4000-8000-00000000000f"`, `"urn:uuid:0B1C2D3E-0000-4000-8000-00000000000F"`, `"urn:uuid:0b1c2d3e00000-4000-8000-00000000000f"`}},
		{"Base64Binary", []string{`"YQ=="`, `"YWI="`, `"YWJj\nYWJj"`}, []string{`"YQ"`, `"YQ=a"`, `"Y==="`, `"Y*=="`, `" "`}},
		{"Date", []string{`"2020"`, `"2020-02"`, `"2020-02-29"`, `"0001"`},
			[]string{`"2021-02-29"`, `"2020-13"`, `"2020-00-01"`, `"20"`, `"0000"`, `"2020-2-1"`, `"2020-01-01T00:00:00Z"`, `"2020-04-31"`, `"2020-01-01 "`}},
		{"DateTime", []string{`"2020"`, `"2020-02-29"`, `"2020-02-29T23:59:59Z"`, `"2020-02-29T23:59:60.123456789+14:00"`, `"2020-02-29T00:00:00-05:00"`},
			[]string{`"2020-02-29T23:59:59"`, `"2020-02-29T23:59Z"`, `"2020-02-29T24:00:00Z"`, `"2020-02-30T00:00:00Z"`, `"2020-02-29T00:00:00+14:30"`,
				`"2020-02-29T00:00:00+15:00"`, `"2020-02-29T00:00:00z"`, `"2020-02-29T00:00:00+0500"`, `"2020-02T00:00:00Z"`, `"2020-02-29T00:00:00.Z"`}},
		{"Instant", []string{`"2020-02-29T23:59:59Z"`, `"2020-02-29T23:59:59.5+01:00"`}, []string{`"2020-02-29"`, `"2020-02-29T23:59Z"`, `"2020"`, `"2020-02-29T23:59:59"`}},
		{"Time", []string{`"00:00:00"`, `"23:59:60.25"`}, []string{`"24:00:00"`, `"00:60:00"`, `"00:00"`, `"00:00:00Z"`, `"0:00:00"`, `"00:00:00."`, `"aa:00:00"`, `"00:0000:"`}},
	} {
		t.Run(x.typ, func(t *testing.T) {
			for i, v := range append(x.good, x.bad...) {
				report := validate.Resource(parse(t, `{"resourceType":"Basic","code":{"text":"a"},"extension":[{"url":"a","value`+x.typ+`":`+v+`}]}`), validate.Options{})
				errs := errorsOf(report)
				if i < len(x.good) && len(errs) > 0 {
					t.Errorf("%s: %s", v, errs)
				}
				if i >= len(x.good) && (len(errs) != 1 || !strings.HasSuffix(errs[0], " Basic.extension[0].value")) {
					t.Errorf("%s: %s", v, errs)
				}
			}
		})
	}
}

func TestLongString(t *testing.T) {
	for n, want := range map[int][]string{1 << 20: nil, 1<<20 + 1: {"value Basic.code.text"}} {
		report := validate.Resource(parse(t, `{"resourceType":"Basic","code":{"text":"`+strings.Repeat("é", n)+`"}}`), validate.Options{})
		if d := cmp.Diff(want, errorsOf(report)); d != "" {
			t.Error(n, d)
		}
	}
}

func TestNarrative(t *testing.T) {
	const open = `<div xmlns="http://www.w3.org/1999/xhtml"`
	for _, x := range []struct {
		name, div string
		ok        bool
	}{
		{"text", open + `>a &amp; b&nbsp;&#160;<!-- c --><p class="x">d</p></div>`, true},
		{"image", open + `><img src="#a"/></div>`, true},
		{"prefix", `<h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:p>a</h:p></h:div>`, true},
		{"white space around", "\n" + open + ">a</div>\n", true},
		{"no namespace", `<div>a</div>`, false},
		{"another namespace", `<div xmlns="http://a.example">a</div>`, false},
		{"no div", `<p xmlns="http://www.w3.org/1999/xhtml">a</p>`, false},
		{"two divs", open + `>a</div>` + open + `>a</div>`, false},
		{"text behind", open + `>a</div>b`, false},
		{"text alone", `a`, false},
		{"empty", open + `></div>`, false},
		{"blank", open + "> \n </div>", false},
		{"not closed", open + `><p>a</div>`, false},
		{"cut off", open + `>a`, false},
		{"script", open + `>a<script>b</script></div>`, false},
		{"event", open + ` onclick="b">a</div>`, false},
		{"event in a child", open + `><p OnLoad="b">a</p></div>`, false},
		{"form", open + `>a<input/></div>`, false},
		{"declaration", `<!DOCTYPE a [<!ENTITY b "c">]>` + open + `>a</div>`, false},
		{"instruction", open + `>a<?b c?></div>`, false},
		{"unknown entity", open + `>&b;</div>`, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			div, err := json.Marshal(x.div)
			if err != nil {
				t.Fatal(err)
			}
			errs := errorsOf(validate.Resource(parse(t, `{"resourceType":"Patient","text":{"status":"generated","div":`+string(div)+`}}`), validate.Options{}))
			if x.ok != (len(errs) == 0) || !x.ok && !strings.HasSuffix(errs[0], " Patient.text.div") {
				t.Error(errs)
			}
		})
	}
}
