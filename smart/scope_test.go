package smart_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/smart"
)

const lab = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"

// words writes scopes for comparison: name, permissions and, when granular, "granular".
func words(scopes []smart.Scope) []string {
	var out []string
	for _, s := range scopes {
		w := s.String() + " = " + s.Prefix().String() + " " + s.Permissions().String()
		if s.Granular() {
			w += " granular"
		}
		out = append(out, w)
	}
	return out
}

func TestParseScopes(t *testing.T) {
	for _, c := range []struct {
		name, claim string
		want        []string
		invalid     int
	}{
		{"empty", "", nil, 0},
		{"v1", "patient/Observation.read user/Patient.write system/*.*", []string{
			"patient/Observation.read = patient rs", "user/Patient.write = user cud", "system/*.* = system cruds"}, 0},
		{"v2", "patient/Observation.rs user/*.cruds system/Patient.s user/Condition.cd", []string{
			"patient/Observation.rs = patient rs", "user/*.cruds = user cruds", "system/Patient.s = system s", "user/Condition.cd = user cd"}, 0},
		{"several spaces", "  user/Patient.r   user/Patient.s ", []string{"user/Patient.r = user r", "user/Patient.s = user s"}, 0},
		{"others grant nothing", "openid fhirUser profile launch launch/patient launch/encounter online_access offline_access https://x.test/y", nil, 0},
		{"letters out of order", "patient/Observation.sr patient/Observation.dus patient/Observation.rr patient/Observation.src", nil, 4},
		{"letters unknown", "patient/Observation.rsx patient/Observation.R patient/Observation.reads patient/Observation.rea patient/Observation.Read", nil, 5},
		{"no letters", "patient/Observation. patient/Observation patient/Observation.? patient/Observation.**", nil, 4},
		{"case of prefix", "PATIENT/Observation.rs Patient/Observation.rs USER/*.rs", nil, 3},
		{"case of type", "patient/observation.rs patient/OBSERVATION.rs", nil, 2},
		{"type unknown", "patient/Resource.rs patient/DomainResource.rs patient/patient.rs patient/.rs patient/Observatio.rs patient/Observation2.rs user/**.rs", nil, 7},
		{"tab is no space", "patient/*.read\tuser/*.rs", nil, 1},
		{"new line is no space", "patient/*.rs\nuser/*.rs", nil, 1},
		{"no-break space", "patient/*.rs\u00a0", nil, 1},
		{"two slashes", "patient//Observation.rs user/Patient/Observation.rs", nil, 2},
		{"granular", "patient/Observation.rs?category=" + lab, []string{
			"patient/Observation.rs?category=" + lab + " = patient rs granular"}, 0},
		{"granular, encoded", "patient/Observation.rs?category=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fobservation-category%7Claboratory", []string{
			"patient/Observation.rs?category=" + lab + " = patient rs granular"}, 0},
		{"granular, values that could tell of a person are not shown", "user/Observation.rs?code=http://loinc.org|4548-4&category=laboratory", []string{
			"user/Observation.rs?code&category=laboratory = user rs granular"}, 0},
		{"granular for all types waits for the type", "patient/*.rs?category=laboratory", []string{
			"patient/*.rs?category=laboratory = patient rs granular"}, 0},
		{"granular v1", "patient/Observation.read?category=" + lab, []string{
			"patient/Observation.read?category=" + lab + " = patient rs granular"}, 0},
		{"parameter unknown", "patient/Observation.rs?foo=bar", nil, 1},
		{"one of two unknown", "patient/Observation.rs?category=laboratory&foo=bar", nil, 1},
		{"of another type", "patient/Patient.rs?category=laboratory", nil, 1},
		{"modifier", "patient/Observation.rs?category:not=laboratory patient/Observation.rs?category:missing=true patient/Observation.rs?code:in=http://x", nil, 3},
		{"chain", "patient/Observation.rs?patient.name=x", nil, 1},
		{"control parameters", "patient/Observation.rs?_include=Observation:subject patient/Observation.rs?_count=1 patient/Observation.rs?_filter=x patient/Observation.rs?_has:Condition:subject:code=x", nil, 4},
		{"query empty", "patient/Observation.rs? patient/Observation.rs?category patient/Observation.rs?category= patient/Observation.rs?=x", nil, 4},
		{"query with holes", "patient/Observation.rs?category=laboratory& patient/Observation.rs?&category=laboratory", nil, 2},
		{"bad escapes", "patient/Observation.rs?category=%7 patient/Observation.rs?categor%zz=laboratory", nil, 2},
		{"decoded once", "patient/Observation.rs?category=laboratory%2526", []string{
			"patient/Observation.rs?category=laboratory%26 = patient rs granular"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, invalid := smart.ParseScopes(c.claim)
			if d := cmp.Diff(c.want, words(got)); d != "" {
				t.Error(d)
			}
			if invalid != c.invalid {
				t.Errorf("%d invalid, want %d", invalid, c.invalid)
			}
		})
	}
}

// FuzzParseScopes holds the parser to its own grammar: a plain scope that is taken is one of a short list of words, and
// what is taken is taken by itself too.
func FuzzParseScopes(f *testing.F) {
	for _, s := range []string{"patient/Observation.rs user/*.cruds", "patient/*.read\t", "system/Patient.s?_id=1%2C2&_id=3", "launch/patient openid",
		"patient/Observation.rs?category=" + lab, "PATIENT/*.*", "user/Observation.rs?code=%7C"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, claim string) {
		scopes, invalid := smart.ParseScopes(claim)
		if n := len(strings.Split(claim, " ")); len(scopes)+invalid > n {
			t.Fatalf("%d scopes and %d invalid of %d words", len(scopes), invalid, n)
		}
		for _, s := range scopes {
			if s.Permissions() == 0 || s.Prefix() == 0 {
				t.Fatalf("%q grants nothing and was taken", s.String())
			}
			_, perms, _ := strings.Cut(strings.SplitN(s.String(), "?", 2)[0], ".")
			switch perms {
			case "read", "write", "*", s.Permissions().String():
			default:
				t.Fatalf("%q was read as %q", s.String(), s.Permissions())
			}
			if !s.Granular() {
				again, bad := smart.ParseScopes(s.String())
				if bad != 0 || len(again) != 1 || again[0].Permissions() != s.Permissions() {
					t.Fatalf("%q is not taken again", s.String())
				}
				if !strings.Contains(claim, s.String()) {
					t.Fatalf("%q is not in the claim", s.String())
				}
			}
		}
	})
}
