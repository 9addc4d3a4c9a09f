package match_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord/mpi"
	"concord/mpi/match"
)

func TestSearchForms(t *testing.T) {
	param := func(kv ...string) match.Search {
		var s match.Search
		for i := 0; i < len(kv); i += 2 {
			s = append(s, match.Param{Key: kv[i], Value: kv[i+1]})
		}
		return s
	}
	byName := param("family", "Abernathy", "given", "John", "birthdate", "1961-04-17")
	byPhone := param("phone", "6175552368", "birthdate", "1961-04-17")
	tests := []struct {
		name string
		d    mpi.Demographics
		want []match.Search
	}{
		{"name and phone", john(), []match.Search{byName, byPhone}},
		{"an SSN, but no other identifier", john(ids(ssn("412-33-9078"), id("urn:oid:1.2.840.114350.1.13.861.1.7.5.737384.14", "Z6130"))),
			[]match.Search{byName, param("identifier", "http://hl7.org/fhir/sid/us-ssn|412-33-9078"), byPhone}},
		{"a driver licence", john(bare, ids(id("urn:oid:2.16.840.1.113883.4.3.25", "S1234"))),
			[]match.Search{byName, param("identifier", "urn:oid:2.16.840.1.113883.4.3.25|S1234")}},
		{"a former name, and three forms at most", john(former("Achterberg", "John"), former("Ibarra"), ids(ssn("412-33-9078"))),
			[]match.Search{byName, param("family", "Achterberg", "given", "John", "birthdate", "1961-04-17"), param("identifier", "http://hl7.org/fhir/sid/us-ssn|412-33-9078")}},
		{"the name in use comes first", john(bare, func(d *mpi.Demographics) {
			d.Names = []mpi.Name{{Family: "Ibarra", Given: []string{"Jo"}, Old: true}, {Use: "nickname", Given: []string{"Jack"}}, {Use: "usual", Family: "Abernathy", Given: []string{"Johnny"}}, d.Names[0]}
		}), []match.Search{byName, param("family", "Ibarra", "given", "John", "birthdate", "1961-04-17")}},
		{"a suffix is no part of the name, nor a second given name", john(bare, name("Abernathy, Jr.", "John Quincy")), []match.Search{byName}},
		{"what separates values is escaped", john(bare, name(`Aber,nat|hy$\`, "John")), []match.Search{param("family", `Aber\,nat\|hy\$\\`, "given", "John", "birthdate", "1961-04-17")}},
		{"a newborn without a name", john(name("Abernathy", "Baby Boy")), []match.Search{byPhone}},
		{"a test patient", john(name("Test", "John"), bare), nil},
		{"no birth date", john(born("1961"), ids(ssn("412-33-9078"))), []match.Search{param("identifier", "http://hl7.org/fhir/sid/us-ssn|412-33-9078")}},
		{"a placeholder for one", john(born("1900-01-01")), nil},
		{"identifiers that are none", john(bare, born(""), ids(ssn("000-00-0000"), mpi.Identifier{System: "http://hl7.org/fhir/sid/us-ssn", Value: "412-33-9078", Old: true})), nil},
		{"nothing", mpi.Demographics{}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, match.SearchForms(tt.d)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchFormsAreFewAndDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		forms := match.SearchForms(people().Draw(t, "patient"))
		if len(forms) > 3 {
			t.Fatalf("%d forms", len(forms))
		}
		for i, f := range forms {
			for j := range i {
				if cmp.Equal(f, forms[j]) {
					t.Fatal("one form twice")
				}
			}
			for _, p := range f {
				if p.Value == "" {
					t.Fatalf("no value for %s", p.Key)
				}
			}
		}
	})
}
