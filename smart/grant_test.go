package smart_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/fhir"
	"concord/mpi"
	"concord/smart"
)

const (
	me    = mpi.PersonID("person-me")
	other = mpi.PersonID("person-other")
)

// myContext is me: patient a at epic, b at cerner.
func myContext() smart.Context {
	return smart.Context{Person: me,
		Refs:  []concord.PatientRef{concord.NewPatientRef("epic", "a"), concord.NewPatientRef("cerner", "b")},
		Bases: map[concord.SourceID]string{"epic": "https://epic.test/R4", "cerner": "https://cerner.test/r4"}}
}

// granted makes a Grant of a signed-in user's token with scope, in the context of me.
func granted(scope string) smart.Grant { return grantedIn(scope, myContext()) }

func grantedIn(scope string, c smart.Context) smart.Grant {
	scopes, _ := smart.ParseScopes(scope)
	return smart.NewGrant(smart.Token{Caller: smart.Caller{Subject: "u-1", Client: "app"}, Scope: scope}, scopes, c)
}

func search(t fhir.ResourceType) smart.Access {
	return smart.Access{Type: t, Interaction: fhir.SearchType, Patient: me}
}

func read(t fhir.ResourceType) smart.Access { return smart.Access{Type: t, Interaction: fhir.Read} }

// lacks is what Check misses: "" when nothing.
func lacks(g smart.Grant, a smart.Access) string {
	err := g.Check(a)
	if err == nil {
		return ""
	}
	var f *concord.Fault
	var m *smart.Missing
	if !errors.As(err, &f) || f.Kind != concord.Forbidden || !errors.As(err, &m) {
		return fmt.Sprintf("not a Fault, Forbidden, with Missing: %#v", err)
	}
	return m.Error()
}

func TestCheck(t *testing.T) {
	all := smart.Access{Type: "Observation", Interaction: fhir.SearchType}
	theirs := smart.Access{Type: "Observation", Interaction: fhir.SearchType, Patient: other}
	both := smart.Access{Type: "Observation", Interaction: fhir.SearchType, Patient: me, OtherPatient: true}
	do := func(i fhir.Interaction, typ fhir.ResourceType) smart.Access {
		return smart.Access{Type: typ, Interaction: i}
	}
	for _, c := range []struct {
		scope string
		a     smart.Access
		want  string
	}{
		{"patient/Patient.read", do(fhir.Read, "Patient"), ""},
		{"patient/Patient.read", search("Observation"), "insufficient-scope: patient/Observation.rs"},
		{"patient/Observation.read", search("Observation"), ""},
		{"patient/Observation.read", all, ""},
		{"patient/Observation.read", theirs, "other-patient: user/Observation.rs"},
		{"patient/Observation.read", both, "other-patient: user/Observation.rs"},
		{"patient/*.rs", theirs, "other-patient: user/Observation.rs"},
		{"patient/Observation.rs user/Observation.s", theirs, ""},
		{"patient/Observation.rs user/Observation.r", theirs, "other-patient: user/Observation.rs"},
		{"patient/Observation.r", search("Observation"), "insufficient-scope: patient/Observation.rs"},
		{"patient/Observation.s", do(fhir.Read, "Observation"), "insufficient-scope: patient/Observation.rs"},
		{"patient/Observation.s", do(fhir.VRead, "Observation"), "insufficient-scope: patient/Observation.rs"},
		{"patient/Observation.s", do(fhir.History, "Observation"), ""},
		{"patient/Observation.s", do(fhir.Page, "Observation"), ""},
		{"patient/Observation.sr", search("Observation"), "insufficient-scope: patient/Observation.rs"},
		{"patient/observation.rs", search("Observation"), "insufficient-scope: patient/Observation.rs"},
		{"patient/Observation.write", search("Observation"), "insufficient-scope: patient/Observation.rs"},
		{"patient/Observation.rs?foo=bar", search("Observation"), "insufficient-scope: patient/Observation.rs"},
		{"patient/Observation.rs?category=" + lab, search("Observation"), ""},
		{"patient/*.rs?category=" + lab, search("Observation"), ""},
		{"patient/*.rs?category=" + lab, search("Patient"), "insufficient-scope: patient/Patient.rs"},
		{"user/Observation.rs", theirs, ""},
		{"system/Observation.rs", theirs, ""},
		{"user/*.read", theirs, ""},
		{"", search("Condition"), "insufficient-scope: patient/Condition.rs"},
		{"openid fhirUser launch/patient", search("Condition"), "insufficient-scope: patient/Condition.rs"},
		{"user/Observation.rs", search("Condition"), "insufficient-scope: user/Condition.rs"},
		{"system/Observation.rs", search("Condition"), "insufficient-scope: system/Condition.rs"},
		{"user/*.cruds", do(fhir.SearchType, "Nonsense"), "insufficient-scope: "},
		{"user/*.cruds", do("unheard-of", "Observation"), "insufficient-scope: "},
		{"user/*.cruds", do("", "Observation"), "insufficient-scope: "},

		// what nobody owns is not looked through under a patient's scope
		{"patient/*.rs", search("Practitioner"), "other-patient: user/Practitioner.rs"},
		{"patient/*.rs", do(fhir.Read, "Practitioner"), ""},
		{"patient/*.rs", search("Device"), ""},
		{"patient/*.rs", search("Patient"), ""},

		{"patient/Patient.r", do(fhir.Everything, "Patient"), ""},
		{"patient/Patient.s", do(fhir.Everything, "Patient"), "insufficient-scope: patient/Patient.rs"},
		{"patient/Condition.rs", do(fhir.Everything, "Patient"), "insufficient-scope: patient/Patient.rs"},
		{"patient/Condition.s", do(fhir.Everything, "Condition"), ""},
		{"patient/Condition.r", do(fhir.Everything, "Condition"), ""},
		{"patient/*.r", smart.Access{Type: "Patient", Interaction: fhir.Everything, Patient: other}, "other-patient: user/Patient.rs"},

		{"patient/*.cruds", do(fhir.Match, "Patient"), "insufficient-scope: user/Patient.rs"},
		{"patient/*.cruds", do(fhir.Pix, "Patient"), "insufficient-scope: user/Patient.rs"},
		{"user/Patient.s", do(fhir.Match, "Patient"), ""},
		{"system/Patient.s", do(fhir.Pix, "Patient"), ""},
		{"user/*.cruds", do(fhir.Export, "Patient"), "insufficient-scope: system/Patient.rs"},
		{"system/*.read", do(fhir.Export, "Patient"), ""},
		{"system/Patient.r system/Patient.s", do(fhir.Export, "Patient"), ""},
		{"system/Patient.s", do(fhir.Export, "Patient"), "insufficient-scope: system/Patient.rs"},
		{"system/Observation.rs?category=" + lab, do(fhir.Export, "Observation"), "insufficient-scope: system/Observation.rs"},

		{"user/Observation.read", do(fhir.Create, "Observation"), "insufficient-scope: user/Observation.c"},
		{"user/Observation.c", do(fhir.Create, "Observation"), ""},
		{"user/Observation.c", do(fhir.Read, "Observation"), "insufficient-scope: user/Observation.rs"},
		{"user/Observation.write", do(fhir.Patch, "Observation"), ""},
		{"user/Observation.cd", do(fhir.Update, "Observation"), "insufficient-scope: user/Observation.u"},
		{"user/Observation.cu", do(fhir.Delete, "Observation"), "insufficient-scope: user/Observation.d"},

		{"", do(fhir.GraphQL, ""), ""},
		{"", do(fhir.Validate, "Observation"), ""},
		{"", do(fhir.Capabilities, ""), ""},
	} {
		if got := lacks(granted(c.scope), c.a); got != c.want {
			t.Errorf("%q on %s %s: %q, want %q", c.scope, c.a.Interaction, c.a.Type, got, c.want)
		}
	}
}

func TestCheckWithoutContext(t *testing.T) {
	g := grantedIn("patient/Observation.rs", smart.Context{Refs: []concord.PatientRef{concord.NewPatientRef("epic", "a")}})
	if got, want := lacks(g, search("Observation")), "no-patient-context: launch/patient patient/Observation.rs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if g.Visible(copyOf(t, "epic", `{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/a"}}`), search("Observation")) {
		t.Error("refs without a person are a context")
	}
	if got := g.UsedScopes(search("Observation")); got != nil {
		t.Errorf("UsedScopes = %q", got)
	}
	if got, all := g.Types(fhir.SearchType); got != nil || all {
		t.Errorf("Types = %q, %v", got, all)
	}
}

// TestUserScopeNeedsAUser: a backend's token has nobody whose rights user/ could be.
func TestUserScopeNeedsAUser(t *testing.T) {
	scopes, _ := smart.ParseScopes("user/*.rs system/Patient.rs")
	g := smart.NewGrant(smart.Token{Caller: smart.Caller{Client: "batch"}}, scopes, smart.Context{})
	if got, want := lacks(g, search("Observation")), "insufficient-scope: system/Observation.rs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := lacks(g, search("Patient")); got != "" {
		t.Errorf("got %q, want nothing lacking", got)
	}
}

func TestUsedScopes(t *testing.T) {
	scope := "openid patient/Observation.read user/Observation.r user/*.s patient/*.rs user/Observation.s?category=" + lab + " system/Condition.rs user/*.s"
	for _, c := range []struct {
		name string
		a    smart.Access
		want []string
	}{
		{"read", smart.Access{Type: "Observation", Interaction: fhir.Read, Patient: me}, []string{"patient/Observation.read", "user/Observation.r", "patient/*.rs"}},
		{"read of another's", smart.Access{Type: "Observation", Interaction: fhir.Read, Patient: other}, []string{"user/Observation.r"}},
		{"search", search("Observation"), []string{"patient/Observation.read", "user/*.s", "patient/*.rs", "user/Observation.s?category=" + lab}},
		{"another type", search("Condition"), []string{"user/*.s", "patient/*.rs", "system/Condition.rs"}},
		{"refused", smart.Access{Type: "Observation", Interaction: fhir.Create}, nil},
		{"free", smart.Access{Interaction: fhir.GraphQL}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, granted(scope).UsedScopes(c.a)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		scope string
		i     fhir.Interaction
		want  []fhir.ResourceType
		all   bool
	}{
		{"patient/Patient.rs patient/Condition.rs patient/Condition.rs", fhir.SearchType, []fhir.ResourceType{"Condition", "Patient"}, false},
		{"patient/Patient.r patient/Condition.s", fhir.SearchType, []fhir.ResourceType{"Condition"}, false},
		{"patient/Patient.s patient/Condition.s", fhir.Everything, []fhir.ResourceType{"Condition"}, false},
		{"user/*.rs user/Patient.rs", fhir.SearchType, []fhir.ResourceType{"Patient"}, true},
		{"user/*.r", fhir.SearchType, nil, false},
		{"user/*.rs?category=x", fhir.SearchType, nil, false},
		{"user/*.cruds", fhir.GraphQL, nil, false},
		{"user/Patient.rs", fhir.GraphQL, nil, false},
	} {
		got, all := granted(c.scope).Types(c.i)
		if !slices.Equal(got, c.want) || all != c.all {
			t.Errorf("%q for %s: %q, %v, want %q, %v", c.scope, c.i, got, all, c.want, c.all)
		}
	}
}

func TestConstraints(t *testing.T) {
	const s = "user/Observation.rs?"
	for _, c := range []struct {
		name, scope string
		want        []smart.Param
	}{
		{"plain", "user/Observation.rs", nil},
		{"none", "user/Condition.rs", nil},
		{"one", s + "category=a&code=b", []smart.Param{{Key: "category", Value: "a"}, {Key: "code", Value: "b"}}},
		{"one, twice", s + "category=a&code=b " + s + "category=a&code=b", []smart.Param{{Key: "category", Value: "a"}, {Key: "code", Value: "b"}}},
		{"two of one parameter", s + "category=a " + s + "category=b", []smart.Param{{Key: "category", Value: "a,b"}}},
		{"two of different parameters", s + "category=a " + s + "code=b", nil},
		{"a plain one besides", s + "category=a patient/*.s", nil},
		{"a plain one for something else", s + "category=a user/Observation.r", []smart.Param{{Key: "category", Value: "a"}}},
		{"for all types", "user/*.rs?category=a", []smart.Param{{Key: "category", Value: "a"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, granted(c.scope).Constraints(search("Observation"))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestConfined(t *testing.T) {
	for scope, want := range map[string]bool{
		"patient/*.rs": true, "user/Observation.r": true, "": true,
		"user/Observation.s": false, "patient/*.rs system/*.s": false, "user/Observation.s?category=x": false,
	} {
		if got := granted(scope).Confined(search("Observation")); got != want {
			t.Errorf("%q: %v, want %v", scope, got, want)
		}
	}
}

func TestDigest(t *testing.T) {
	alike := [][]string{
		{"user/Observation.rs", "user/Observation.read", "user/Observation.r user/Observation.s", "openid user/Observation.s user/Observation.r launch",
			"user/Observation.rs patient/Observation.r", "user/Observation.rs user/Observation.rs?category=x", "user/Observation.rs user/Nonsense.rs"},
		{"user/*.rs", "user/*.read user/Observation.rs", "patient/Condition.s user/*.rs user/Patient.r?_id=1"},
		{"user/*.rs user/Observation.c", "user/Observation.crs user/*.rs"},
		{"patient/*.rs"}, {"system/*.rs"}, {"user/*.r"}, {"", "openid"},
		{"user/Observation.rs?category=x&code=y", "user/Observation.rs?code=y&category=x&code=y"},
		{"user/Observation.rs?category=x user/Observation.rs?code=y"},
		{"user/Observation.rs?category=x"}, {"user/Observation.rs?category=y"},
	}
	seen := make(map[[32]byte]string)
	for _, group := range alike {
		d := granted(group[0]).Digest()
		if was, ok := seen[d]; ok {
			t.Errorf("%q and %q have one digest", was, group[0])
		}
		seen[d] = group[0]
		for _, s := range group[1:] {
			if granted(s).Digest() != d {
				t.Errorf("%q and %q differ", group[0], s)
			}
		}
	}
	if _, ok := seen[smart.Grant{}.Digest()]; ok {
		t.Error("the zero Grant is like another")
	}
	c := myContext()
	c.Person = other
	if grantedIn("patient/*.rs", c).Digest() == granted("patient/*.rs").Digest() {
		t.Error("another person's context makes no difference")
	}
	c = myContext()
	c.Refs = c.Refs[:1] // a link found later gives no other rights
	if grantedIn("patient/*.rs", c).Digest() != granted("patient/*.rs").Digest() {
		t.Error("the context's links make a difference")
	}
}

func TestGrantPrintsNothing(t *testing.T) {
	scopes, _ := smart.ParseScopes("patient/Patient.rs?identifier=secret")
	tok := smart.Token{Caller: smart.Caller{Subject: "secret"}, PatientClaim: "secret"}
	c := myContext()
	c.Person = "secret"
	g := smart.NewGrant(tok, scopes, c)
	if g.Person() != "secret" || g.Token() != tok || (smart.Grant{}).Person() != "" || (smart.Grant{}).Token() != (smart.Token{}) {
		t.Error("Person or Token is not what the Grant was made of")
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", tok, "tokens", []smart.Token{tok}, "grant", g)
	for _, s := range []string{fmt.Sprint(g), fmt.Sprintf("%#v %+v", g, g), log.String(), fmt.Sprint(tok), fmt.Sprintf("%#v %+v %d", tok, tok, tok),
		fmt.Sprint(g.UsedScopes(read("Patient"))), fmt.Sprint(g.Check(search("Condition")))} {
		if strings.Contains(s, "secret") {
			t.Errorf("%q shows what is within", s)
		}
	}
}

// TestZeroGrant: nothing, whatever is asked.
func TestZeroGrant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAccess(t)
		if (smart.Grant{}).Check(a) == nil {
			t.Errorf("%v passes", a.Interaction)
		}
		rec := anyRecord(t)
		if v := (smart.Grant{}).View(rec, a); v.Len() != 0 {
			t.Error("the view has entries")
		}
		for _, e := range rec.Entries {
			if (smart.Grant{}).Visible(e.Survivor, a) || (smart.Grant{}).Reached(e.Survivor, a, e.Copies...) {
				t.Error("a copy may be seen")
			}
		}
	})
}

// TestMoreScopesMoreRights: scopes are a union, so one more never takes anything away; and what both show, and nothing
// else, is what one of them shows, but for what is seen from what the other shows.
func TestMoreScopesMoreRights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s1, s2 := anyScope(t), anyScope(t)
		a, rec := anyAccess(t), anyRecord(t)
		one, two, sum := granted(s1), granted(s2), granted(s1+" "+s2)
		if (one.Check(a) == nil || two.Check(a) == nil) && sum.Check(a) != nil {
			t.Errorf("%q and %q each pass, together not", s1, s2)
		}
		for _, e := range rec.Entries {
			c := e.Survivor
			if got, want := sum.Visible(c, a), one.Visible(c, a) || two.Visible(c, a); got != want {
				t.Errorf("%q and %q on %s %s: together %v, apart %v", s1, s2, a.Interaction, c.Type(), got, want)
			}
		}
		if sum.View(rec, a).Len() < max(one.View(rec, a).Len(), two.View(rec, a).Len()) {
			t.Errorf("%q and %q show less together", s1, s2)
		}
	})
}

var someTypes = []string{"Observation", "Condition", "Patient", "Practitioner", "Provenance", "*", "Nonsense"}

func anyScope(t *rapid.T) string {
	s := rapid.SampledFrom([]string{"patient", "user", "system", "Patient"}).Draw(t, "prefix") + "/" +
		rapid.SampledFrom(someTypes).Draw(t, "type") + "." +
		rapid.SampledFrom([]string{"r", "s", "rs", "read", "cruds", "sr", "write", "*"}).Draw(t, "permissions")
	return s + rapid.SampledFrom([]string{"", "", "?category=laboratory", "?category=" + lab, "?foo=bar", "?category:not=x"}).Draw(t, "query")
}

func anyAccess(t *rapid.T) smart.Access {
	return smart.Access{
		Type: fhir.ResourceType(rapid.SampledFrom(someTypes).Draw(t, "type")),
		Interaction: rapid.SampledFrom([]fhir.Interaction{fhir.Read, fhir.SearchType, fhir.Everything, fhir.Page, fhir.Match, fhir.Export,
			fhir.GraphQL, fhir.Create, "x", ""}).Draw(t, "interaction"),
		Patient:      rapid.SampledFrom([]mpi.PersonID{"", me, other}).Draw(t, "patient"),
		OtherPatient: rapid.Bool().Draw(t, "other"),
	}
}
