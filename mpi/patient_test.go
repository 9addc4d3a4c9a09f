package mpi_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"concord"
	"concord/fhir"
	"concord/mpi"
)

var refEq = cmpopts.EquateComparable(concord.PatientRef{})

func ref(source, id string) concord.PatientRef {
	return concord.NewPatientRef(concord.SourceID(source), id)
}

func parse(t testing.TB, s string) fhir.Resource {
	t.Helper()
	r, err := fhir.Parse([]byte(s), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFromPatient(t *testing.T) {
	tests := []struct {
		name, json string
		want       mpi.Demographics
	}{
		{"all of it", `{"resourceType":"Patient","id":"eAB3","name":[
			{"use":"official","family":"Abernathy","given":["John","Quincy"],"suffix":["JR.","PHD"]},
			{"use":"maiden","family":"Ibarra"},
			{"use":"official","given":["Jake"],"family":"Abernathy","period":{"end":"1999-12-31T23:59:59Z"}}],
			"birthDate":"1961-04-17","gender":"male",
			"telecom":[{"system":"phone","value":" 617-555-2368 "},{"system":"sms","value":"617-555-2369"},{"system":"email","value":"a@b.example.org"},
				{"system":"fax","value":"617-555-2370"},{"system":"phone","use":"old","value":"617-555-2371"},{"system":"phone","value":"617-555-2372","period":{"end":"1999"}},{"value":"617-555-2373"}],
			"address":[{"line":["12 Main Street","Apt 4"],"city":"Boston","state":"MA","postalCode":"02118-1234"},{"use":"old","line":["9 Elm Street"],"city":"Salem"}],
			"identifier":[{"system":"http://hl7.org/fhir/sid/us-ssn","value":"412-33-9078"}],
			"multipleBirthInteger":2,
			"link":[{"type":"seealso","other":{"reference":"Patient/eAB4"}},{"type":"replaced-by","other":{"reference":"Patient/eAB5"}}]}`,
			mpi.Demographics{Ref: ref("epic", "eAB3"), Names: []mpi.Name{
				{Use: "official", Family: "Abernathy", Given: []string{"John", "Quincy"}, Suffix: []string{"JR.", "PHD"}},
				{Use: "maiden", Family: "Ibarra", Old: true},
				{Use: "official", Family: "Abernathy", Given: []string{"Jake"}, Old: true}},
				BirthDate: "1961-04-17", Gender: "male", Phones: []string{"617-555-2368", "617-555-2369"}, Emails: []string{"a@b.example.org"},
				Addresses: []mpi.Address{{Lines: []string{"12 Main Street", "Apt 4"}, City: "Boston", State: "MA", PostalCode: "02118-1234"},
					{Lines: []string{"9 Elm Street"}, City: "Salem", Old: true}},
				Identifiers: []mpi.Identifier{{System: "http://hl7.org/fhir/sid/us-ssn", Value: "412-33-9078"}},
				BirthOrder:  2, Multiple: true, ReplacedBy: "Patient/eAB5"}},
		{"identifiers of all kinds", `{"resourceType":"Patient","id":"1","identifier":[
			{"system":"urn:oid:1","value":"     Z6130"},{"system":"urn:oid:1","value":"Z6130","type":{"text":"EXTERNAL"}},
			{"system":"urn:oid:2.16.840.1.113883.4.1","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/rendered-value","valueString":"xxx-xx-7418"}]},
			{"system":"urn:oid:2.16.840.1.113883.4.1","value":"xxx-xx-7418"},{"system":"urn:oid:2.16.840.1.113883.4.1","value":"***-**-7418"},
			{"system":"urn:oid:3","value":"9","_value":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}},
			{"system":"urn:oid:3","value":"65161","_value":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/rendered-value","valueString":"00000065161"}]}},
			{"value":"1","_system":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}},
			{"system":"urn:oid:4"},{"system":"urn:oid:4","value":"  "},{"system":" ","value":"1"},
			{"system":"urn:oid:5","value":"o1","period":{"end":"2001-02-03"}},{"system":"urn:oid:5","value":"o2","use":"old"},{"system":"urn:oid:5","value":"o3","period":{"end":"gone"}},
			{"system":"urn:oid:5","value":"n1","period":{"end":"9999-12-31"}},{"system":"urn:oid:5","value":"n2","period":{"start":"2001"}}]}`,
			mpi.Demographics{Ref: ref("epic", "1"), Identifiers: []mpi.Identifier{
				{System: "urn:oid:1", Value: "Z6130"}, {System: "urn:oid:3", Value: "65161"},
				{System: "urn:oid:5", Value: "o1", Old: true}, {System: "urn:oid:5", Value: "o2", Old: true}, {System: "urn:oid:5", Value: "o3", Old: true},
				{System: "urn:oid:5", Value: "n1"}, {System: "urn:oid:5", Value: "n2"}}}},
		{"twins without order", `{"resourceType":"Patient","id":"1","multipleBirthBoolean":true}`, mpi.Demographics{Ref: ref("epic", "1"), Multiple: true}},
		{"no twin", `{"resourceType":"Patient","id":"1","multipleBirthBoolean":false}`, mpi.Demographics{Ref: ref("epic", "1")}},
		{"orders that are none", `{"resourceType":"Patient","id":"1","multipleBirthInteger":99999999999999999999}`, mpi.Demographics{Ref: ref("epic", "1")}},
		{"order zero", `{"resourceType":"Patient","id":"1","multipleBirthInteger":0}`, mpi.Demographics{Ref: ref("epic", "1")}},
		{"one in the place of many", `{"resourceType":"Patient","id":"1","name":{"family":"Abernathy","given":"John"},"telecom":{"system":"phone","value":"1"},"identifier":{"system":"s","value":"v"}}`,
			mpi.Demographics{Ref: ref("epic", "1"), Names: []mpi.Name{{Family: "Abernathy", Given: []string{"John"}}}, Phones: []string{"1"}, Identifiers: []mpi.Identifier{{System: "s", Value: "v"}}}},
		{"the wrong types throughout", `{"resourceType":"Patient","id":"1","name":[null,1,"x",{"family":{},"given":[[],null,{"a":1},7]},{"family":["A"]}],"birthDate":1961,"gender":[],
			"telecom":"x","address":[{"line":{"a":"b"}},null],"identifier":[{"system":1,"value":2},[]],"multipleBirthBoolean":"true","multipleBirthInteger":"2","link":[1,{"type":"replaced-by"}]}`,
			mpi.Demographics{Ref: ref("epic", "1")}},
		{"no Patient", `{"resourceType":"Observation","id":"1","name":[{"family":"Abernathy"}]}`, mpi.Demographics{Ref: ref("epic", "1")}},
		{"no id", `{"resourceType":"Patient","birthDate":"1961-04-17"}`, mpi.Demographics{BirthDate: "1961-04-17"}},
		{"a name that is only text", `{"resourceType":"Patient","id":"1","name":[{"text":"Abernathy, John"}]}`, mpi.Demographics{Ref: ref("epic", "1")}},
		{"strings beyond bounds", `{"resourceType":"Patient","id":"1","name":[{"family":"` + strings.Repeat("a", 257) + `","given":["` + strings.Repeat(`\u00e9`, 128) + `","` + strings.Repeat("b", 100_000) + `"]}]}`,
			mpi.Demographics{Ref: ref("epic", "1"), Names: []mpi.Name{{Given: []string{strings.Repeat("é", 128)}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mpi.FromPatient("epic", parse(t, tt.json)), refEq); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff(mpi.Demographics{}, mpi.FromPatient("epic", fhir.Resource{}), refEq); diff != "" {
		t.Errorf("of the zero Resource (-want +got):\n%s", diff)
	}
}

// The bubble's clock stands at 2000-01-01T00:00:00Z.
func TestPeriodEnds(t *testing.T) {
	tests := []struct {
		end string
		old bool
	}{
		{"1999", true}, {"2000", false}, {"1999-12", true}, {"2000-01", false}, {"1999-12-31", true}, {"2000-01-01", false},
		{"1999-12-31T23:59:59.999Z", true}, {"2000-01-01T00:00:01+00:00", false}, {"2000-01-01T01:00:00+02:00", true}, {"2000-13-01", true}, {"", true},
	}
	for _, tt := range tests {
		t.Run(tt.end, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := mpi.FromPatient("epic", parse(t, `{"resourceType":"Patient","name":[{"family":"A","period":{"end":"`+tt.end+`"}}]}`))
				if d.Names[0].Old != tt.old {
					t.Errorf("Old = %t", d.Names[0].Old)
				}
			})
		})
	}
}

func TestFromPatientIsBounded(t *testing.T) {
	many := func(item string) string { return "[" + strings.Repeat(item+",", 9999) + item + "]" }
	d := mpi.FromPatient("epic", parse(t, `{"resourceType":"Patient","name":`+many(`{"family":"A","given":["B"`+strings.Repeat(`,"B"`, 20)+`]}`)+
		`,"telecom":`+many(`{"system":"phone","value":"1"}`)+`,"address":`+many(`{"line":["1"]}`)+`,"identifier":`+many(`{"system":"s","value":"v"}`)+`}`))
	if len(d.Names) > 16 || len(d.Names[0].Given) > 8 || len(d.Phones) > 32 || len(d.Addresses) > 16 || len(d.Identifiers) != 1 {
		t.Errorf("%d names, %d given, %d phones, %d addresses, %d identifiers", len(d.Names), len(d.Names[0].Given), len(d.Phones), len(d.Addresses), len(d.Identifiers))
	}
}

// Samples that a vendor published are read as far as they go.
func TestPublishedSamples(t *testing.T) {
	file := filepath.Join("..", "..", "shared", "data", "ehr", "epic", "explorer", "Patient-Read.json")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Skip("the sample is not here")
	}
	d := mpi.FromPatient("epic", parse(t, string(b)))
	if len(d.Names) != 1 || len(d.Phones) != 2 || len(d.Emails) != 1 || len(d.Addresses) != 1 || d.BirthDate == "" {
		t.Errorf("%d names, %d phones, %d e-mails, %d addresses", len(d.Names), len(d.Phones), len(d.Emails), len(d.Addresses))
	}
	if slices.ContainsFunc(d.Identifiers, func(i mpi.Identifier) bool { return strings.Contains(i.System, "113883.4.1") }) {
		t.Error("a masked social security number was read")
	}
}

func FuzzFromPatient(f *testing.F) {
	f.Add(`{"resourceType":"Patient","id":"1","name":[{"family":"A","given":["B"],"period":{"end":"2001"}}],"telecom":[{"system":"phone","value":"1"}]}`)
	f.Add(`{"resourceType":"Patient","identifier":[{"system":"s","value":"\ud800","_value":{"extension":[null]}}],"multipleBirthInteger":1e3,"link":[{"type":"replaced-by","other":[]}]}`)
	f.Add(`{"resourceType":"Patient","address":[{"line":[" \u00a0x"]}],"birthDate":null}`)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := fhir.Parse([]byte(s), fhir.Limits{})
		if err != nil {
			return
		}
		d := mpi.FromPatient("epic", r)
		check := func(s string) {
			if len(s) > 256 || !utf8.ValidString(s) {
				t.Errorf("a string of %d bytes, valid UTF-8: %t", len(s), utf8.ValidString(s))
			}
		}
		for _, n := range d.Names {
			check(n.Family)
			for _, g := range slices.Concat(n.Given, n.Suffix) {
				check(g)
			}
		}
		for _, i := range d.Identifiers {
			check(i.System)
			check(i.Value)
			if i.System == "" || i.Value == "" || i.Value != strings.TrimSpace(i.Value) {
				t.Error("an identifier that is none")
			}
		}
		for _, p := range slices.Concat(d.Phones, d.Emails) {
			check(p)
		}
	})
}
