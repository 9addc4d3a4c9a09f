package smart_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/smart"
)

// TestAttackedScopes is the attack table for scopes, by its rows' numbers, as far as a Grant decides: each access is refused
// with what would suffice, for the reason that the log has.
func TestAttackedScopes(t *testing.T) {
	theirs := smart.Access{Type: "Observation", Interaction: fhir.SearchType, Patient: other}
	both := smart.Access{Type: "Observation", Interaction: fhir.SearchType, Patient: me, OtherPatient: true}
	do := func(i fhir.Interaction, typ fhir.ResourceType) smart.Access {
		return smart.Access{Type: typ, Interaction: i}
	}
	start := smart.Access{Type: "Patient", Interaction: fhir.Everything, Patient: other}
	const scope = "insufficient-scope: patient/Observation.rs"
	for _, c := range []struct {
		name, scope string
		a           smart.Access
		want        string
	}{
		{"13 another type, v1", "patient/Patient.read", search("Observation"), scope},
		{"13 another type, v2", "patient/Patient.rs", search("Observation"), scope},
		{"15 another patient", "patient/Observation.rs", theirs, "other-patient: user/Observation.rs"},
		{"15 mine, and another", "patient/Observation.rs", both, "other-patient: user/Observation.rs"},
		{"17 everything of another", "patient/*.rs", start, "other-patient: user/Patient.rs"},
		{"20 chain over another type", "patient/Observation.rs", search("Patient"), "insufficient-scope: patient/Patient.rs"},
		{"20 chain over what may only be read", "patient/Observation.rs patient/Patient.r", search("Patient"), "insufficient-scope: patient/Patient.rs"},
		{"22 no parameter", "patient/Observation.rs?foo=bar", search("Observation"), scope},
		{"22 a modifier", "patient/Observation.rs?category:not=laboratory", search("Observation"), scope},
		{"22 a chain", "patient/Observation.rs?performer.name=x", search("Observation"), scope},
		{"22 a filter", "patient/Observation.rs?_filter=code%20eq%20x", search("Observation"), scope},
		{"22 one of two", "patient/Observation.rs?category=laboratory&foo=bar", search("Observation"), scope},
		{"22 no value", "patient/Observation.rs?category=", search("Observation"), scope},
		{"23 letters out of order", "patient/Observation.sr", search("Observation"), scope},
		{"23 a letter twice", "patient/Observation.rrs", search("Observation"), scope},
		{"23 a letter too many", "patient/Observation.rsx", search("Observation"), scope},
		{"23 no letters", "patient/Observation.", search("Observation"), scope},
		{"23 prefix in capitals", "PATIENT/Observation.rs", search("Observation"), scope},
		{"23 type in lower case", "patient/observation.rs", search("Observation"), scope},
		{"23 a tab behind", "patient/*.read\t", search("Observation"), scope},
		{"23 a tab between", "openid\tpatient/*.read", search("Observation"), scope},
		{"23 a space that is none", "openid\u00a0patient/*.read", search("Observation"), scope},
		{"40 what it created", "patient/Observation.c", do(fhir.Read, "Observation"), scope},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := granted(c.scope).Check(c.a)
			var m *smart.Missing
			if !errors.Is(err, concord.Forbidden) || !errors.As(err, &m) || m.Error() != c.want {
				t.Errorf("%v (%v), want %s", err, m, c.want)
			}
		})
	}
	t.Run("14 no patient in the token", func(t *testing.T) {
		scopes, _ := smart.ParseScopes("patient/*.rs")
		err := smart.NewGrant(smart.Token{Scope: "patient/*.rs"}, scopes, smart.Context{}).Check(search("Observation"))
		var m *smart.Missing
		if !errors.Is(err, concord.Forbidden) || !errors.As(err, &m) || m.Lack != smart.LacksContext {
			t.Errorf("%v (%v)", err, m)
		}
	})
	t.Run("31 two scopes, two kinds of answer", func(t *testing.T) {
		if granted("patient/Observation.rs").Digest() == granted("patient/*.rs").Digest() {
			t.Error("they share what is remembered")
		}
	})
}

// TestAttackedContent is the same for what a Grant decides on the resources themselves: of what a source gave, the rows'
// attackers get only what is theirs.
func TestAttackedContent(t *testing.T) {
	mine := `"subject":{"reference":"Patient/a"},"performer":[{"reference":"Practitioner/p"}]`
	all := map[string]string{
		"lab":          `{"resourceType":"Observation","id":"lab",` + mine + `,` + labs + `}`,
		"vital":        `{"resourceType":"Observation","id":"vital",` + mine + `,` + vitals + `}`,
		"theirs":       `{"resourceType":"Observation","id":"theirs","subject":{"reference":"Patient/z"}}`,
		"me":           `{"resourceType":"Patient","id":"a"}`,
		"them":         `{"resourceType":"Patient","id":"z","link":[{"other":{"reference":"Patient/a"},"type":"seealso"}]}`,
		"practitioner": `{"resourceType":"Practitioner","id":"p"}`,
		"provenance":   `{"resourceType":"Provenance","id":"v","target":[{"reference":"Observation/lab"}]}`,
		"holds":        `{"resourceType":"Observation","id":"holds",` + mine + `,"contained":[{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/z"}}]}`,
		"bundle":       `{"resourceType":"Bundle","id":"b","type":"collection","entry":[{"resource":{"resourceType":"Observation","subject":{"reference":"Patient/z"}}}]}`,
	}
	for _, c := range []struct {
		name, scope string
		i           fhir.Interaction
		of          []string // what is there
		want        []string
	}{
		{"16 read of another's", "patient/Observation.rs", fhir.Read, []string{"theirs"}, nil},
		{"17 the other by id, or by a link", "patient/*.rs", fhir.SearchType, []string{"me", "them"}, []string{"Patient/a"}},
		{"18 include without the scope", "patient/Observation.rs", fhir.SearchType, []string{"lab", "me", "practitioner"}, []string{"Observation/lab"}},
		{"18 include with it", "patient/Observation.rs patient/Practitioner.rs", fhir.SearchType, []string{"lab", "me", "practitioner"}, []string{"Observation/lab", "Practitioner/p"}},
		{"19 revinclude without the scope", "patient/Observation.rs", fhir.SearchType, []string{"lab", "provenance"}, []string{"Observation/lab"}},
		{"21 granular, read", "patient/Observation.rs?category=" + lab, fhir.Read, []string{"vital"}, nil},
		{"21 granular, search", "patient/Observation.rs?category=" + lab, fhir.SearchType, []string{"lab", "vital"}, []string{"Observation/lab"}},
		{"38 create that hides another", "patient/*.cruds", fhir.Create, []string{"holds"}, nil},
		{"38 create of a bundle", "patient/*.cruds", fhir.Create, []string{"bundle"}, nil},
		{"38 create for another", "patient/*.cruds", fhir.Create, []string{"theirs"}, nil},
		{"39 patch, by its result", "patient/*.cruds", fhir.Patch, []string{"theirs"}, nil},
		{"39 update out of a granular scope", "patient/Observation.cruds?category=" + lab, fhir.Update, []string{"vital"}, nil},
		{"40 what it created", "patient/Observation.c", fhir.Read, []string{"lab"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := merge.Batch{Source: "epic"}
			for _, name := range c.of {
				b.Resources = append(b.Resources, copyOf(t, "epic", all[name]).Resource)
			}
			var got []string
			for _, r := range granted(c.scope).Narrow([]merge.Batch{b}, smart.Access{Type: "Observation", Interaction: c.i})[0].Resources {
				got = append(got, string(r.Type())+"/"+r.ID())
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestRevokedMidPage is row 35 of the attack table: a token that its issuer takes back opens the next page for as long as its
// answer was believed, and no longer.
func TestRevokedMidPage(t *testing.T) {
	for name, keep := range map[string]time.Duration{"by default": 0, "believed for ten seconds": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			knowing(t, func(c *smart.Config) { c.Issuers[0].Introspection.Keep = keep }, func(t *testing.T, k *knower, v *smart.Verifier) {
				k.know(opaque, goodAnswer(time.Now()))
				try(t, v, opaque, 0)
				k.know(opaque, nil)
				if keep == 0 {
					keep = time.Minute
				}
				time.Sleep(keep - time.Millisecond)
				try(t, v, opaque, 0)
				time.Sleep(time.Millisecond)
				try(t, v, opaque, smart.Inactive)
			})
		})
	}
}
