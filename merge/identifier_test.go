package merge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/fhir"
	"concord/merge"
)

// TestIdentifiersOfDocumentExports: an identifier that a document export (C-CDA) carried along is the same however it is
// written, and what says nothing is none.
func TestIdentifiersOfDocumentExports(t *testing.T) {
	const plan = `{"resourceType":"CarePlan","status":"active","intent":"plan"}`
	id := func(json string) string { return plus(plan, `"identifier":[`+json+`]`) }
	of := func(system, value string) string { return id(`{"system":"` + system + `","value":"` + value + `"}`) }
	const (
		root = "1.2.840.114350.1.13.861.1.7.1.1988.1"
		uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
	)
	check(t, []case2{
		{"root and extension", []string{of("urn:oid:"+root, "6005500"), of("urn:oid:"+root, "6005500")}, one},
		{"root and extension, without urn:oid", []string{of("urn:oid:"+root, "6005500"), of(root, "6005500")}, one},
		{"root and extension, in capitals", []string{of("urn:oid:"+root, "AB-1"), of("URN:OID:"+root, " AB-1 ")}, one},
		{"another extension", []string{of("urn:oid:"+root, "6005500"), of("urn:oid:"+root, "6005501")}, apart2},
		{"another root", []string{of("urn:oid:"+root, "6005500"), of("urn:oid:1.2.840.114350.1.13.77", "6005500")}, apart2},
		{"root only, as a URI", []string{of("urn:ietf:rfc:3986", "urn:oid:"+root+".6005500"), of("urn:ietf:rfc:3986", "urn:oid:"+root+".6005500")}, one},
		{"root only, without urn:oid", []string{of("urn:ietf:rfc:3986", "urn:oid:"+root+".6005500"), of("urn:ietf:rfc:3986", root+".6005500")}, one},
		{"root only here, root and extension there", []string{of("urn:ietf:rfc:3986", "urn:oid:"+root+".6005500"), of("urn:oid:"+root, "6005500")}, one},
		{"two roots", []string{of("urn:ietf:rfc:3986", "urn:oid:"+root+".1"), of("urn:ietf:rfc:3986", "urn:oid:"+root+".2")}, apart2},
		{"the root in the extension", []string{of("urn:oid:"+root, root+".6005500"), of("urn:oid:"+root, "6005500")}, one},
		{"the root in the extension, as a URI", []string{of("urn:oid:"+root, "urn:oid:"+root+".6005500"), of("urn:ietf:rfc:3986", "urn:oid:"+root+".6005500")}, one},
		{"the root before the extension", []string{of("urn:oid:"+root, root+"^77-A"), of("urn:oid:"+root, "77-A")}, one},
		{"the root behind the extension, as version 2 has it", []string{id(`{"value":"77-A^^^&` + root + `&ISO"}`), of("urn:oid:"+root, "77-A")}, one},
		{"an extension of digits and points", []string{of("urn:oid:"+root, "77.5"), of("urn:ietf:rfc:3986", "urn:oid:"+root+".77.5")}, one},
		{"a UUID as a URI", []string{of("urn:ietf:rfc:3986", "urn:uuid:"+uuid), of("urn:ietf:rfc:3986", "urn:uuid:"+strings.ToUpper(uuid))}, one},
		{"a UUID here, a URI there", []string{of("urn:ietf:rfc:3986", "urn:uuid:"+uuid), of("urn:ietf:rfc:3986", uuid)}, one},
		{"a UUID under another's system", []string{of("urn:ietf:rfc:3986", "urn:uuid:"+uuid), of("https://ehr.example.org/plans", uuid)}, one},
		{"a UUID as root, and an extension", []string{of("urn:uuid:"+uuid, "7-1"), of("urn:uuid:"+strings.ToUpper(uuid), "7-1")}, one},
		{"a UUID as root, and another extension", []string{of("urn:uuid:"+uuid, "7-1"), of("urn:uuid:"+uuid, "7-2")}, apart2},
		{"another UUID", []string{of("urn:ietf:rfc:3986", "urn:uuid:"+uuid), of("urn:ietf:rfc:3986", "urn:uuid:"+strings.Replace(uuid, "3f", "4f", 1))}, apart2},
		{"the nil UUID", []string{of("urn:ietf:rfc:3986", "urn:uuid:00000000-0000-0000-0000-000000000000"), of("urn:ietf:rfc:3986", "urn:uuid:00000000-0000-0000-0000-000000000000")}, apart2},
		{"a URI that is an address", []string{of("urn:ietf:rfc:3986", "https://ehr.example.org/plan/7"), of("urn:ietf:rfc:3986", "https://ehr.example.org/plan/7")}, one},
		{"an address over http", []string{of("https://ehr.example.org/plans", "P-77"), of("http://ehr.example.org/plans/", "P-77")}, one},
		{"nullFlavor: no value", []string{id(`{"system":"urn:oid:` + root + `"}`), id(`{"system":"urn:oid:` + root + `"}`)}, apart2},
		{"nullFlavor: an extension says so", []string{
			id(`{"system":"urn:oid:` + root + `","value":"n","_value":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/iso21090-nullFlavor","valueCode":"NI"}]}}`),
			id(`{"system":"urn:oid:` + root + `","value":"n","_value":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/iso21090-nullFlavor","valueCode":"NI"}]}}`)}, apart2},
		{"nullFlavor: data-absent-reason", []string{
			id(`{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}],"system":"urn:oid:` + root + `","value":"77"}`),
			id(`{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}],"system":"urn:oid:` + root + `","value":"77"}`)}, apart2},
		{"nullFlavor: as the system", []string{of("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "UNK-1"), of("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "UNK-1")}, apart2},
		{"nullFlavor: as the value", []string{of("urn:oid:"+root, "UNK"), of("urn:oid:"+root, "UNK")}, apart2},
		{"a lone digit", []string{of("urn:oid:"+root, "1"), of("urn:oid:"+root, "1")}, apart2},
		{"a number of the patient", []string{
			id(`{"type":{"coding":[{"code":"MR"}]},"system":"urn:oid:` + root + `","value":"6005500"}`), id(`{"type":{"coding":[{"code":"MR"}]},"system":"urn:oid:` + root + `","value":"6005500"}`)}, apart2},
		{"a system of the site's own", []string{of("local", "6005500"), of("local", "6005500")}, apart2},
		{"a study's UID, as DICOM and as a URI", []string{
			`{"resourceType":"ImagingStudy","status":"available","identifier":[{"system":"urn:dicom:uid","value":"urn:oid:1.2.840.99.1.5"}]}`,
			`{"resourceType":"ImagingStudy","status":"available","identifier":[{"system":"urn:ietf:rfc:3986","value":"1.2.840.99.1.5"}]}`}, one},
		{"an entry of a document, told otherwise elsewhere", []string{
			plus(lab, `"identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:`+uuid+`"}]`),
			plus(strings.Replace(lab, "T13:30:00Z", "T19:10:00Z", 1), `"identifier":[{"system":"https://other.example.org","value":"`+uuid+`"}]`)}, one},
		{"an entry of a document, and another value", []string{
			plus(lab, `"identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:`+uuid+`"}]`),
			plus(strings.Replace(lab, "9.4", "9.9", 1), `"identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:`+uuid+`"}]`)}, clash("value")},
	})
}

// TestImportedCopies: a copy that one EHR has from another says so in one of several ways.
func TestImportedCopies(t *testing.T) {
	moved := strings.Replace(lab, "T13:30:00Z", "T13:42:00Z", 1)
	original := in("e1234567", lab)
	const upstream = "https://epic.example.org/api/FHIR/R4/Observation"
	prov := func(id, entity string) string {
		return `{"resourceType":"Provenance","id":"` + id + `","target":[{"reference":"Observation/99"}],"entity":[` + entity + `]}`
	}
	for _, c := range []struct {
		name   string
		a, b   []string
		joined bool
	}{
		{"nothing says so", []string{original}, []string{in("99", moved)}, false},
		{"meta.source, with the transaction", []string{original}, []string{in("99", plus(moved, `"meta":{"source":"`+upstream+`/e1234567#tx9"}`))}, true},
		{"meta.source of a version", []string{original}, []string{in("99", plus(moved, `"meta":{"source":"`+upstream+`/e1234567/_history/3"}`))}, true},
		{"meta.source of another type", []string{original}, []string{in("99", plus(moved, `"meta":{"source":"https://epic.example.org/api/FHIR/R4/Procedure/e1234567"}`))}, false},
		{"meta.source that is no resource", []string{original}, []string{in("99", plus(moved, `"meta":{"source":"https://epic.example.org"}`))}, false},
		{"an identifier that is the address", []string{original}, []string{in("99", plus(moved, `"identifier":[{"system":"urn:ietf:rfc:3986","value":"`+upstream+`/e1234567"}]`))}, true},
		{"an identifier under the type's address", []string{original}, []string{in("99", plus(moved, `"identifier":[{"system":"`+upstream+`","value":"e1234567"}]`))}, true},
		{"an identifier under another address", []string{original}, []string{in("99", plus(moved, `"identifier":[{"system":"https://epic.example.org/ids","value":"e1234567"}]`))}, false},
		{"Provenance.entity", []string{original}, []string{in("99", moved), prov("p", `{"role":"source","what":{"reference":"`+upstream+`/e1234567"}}`)}, true},
		{"Provenance.entity, derived", []string{original}, []string{in("99", moved), prov("p", `{"role":"derivation","what":{"reference":"`+upstream+`/e1234567"}}`)}, true},
		{"Provenance.entity, removed", []string{original}, []string{in("99", moved), prov("p", `{"role":"removal","what":{"reference":"`+upstream+`/e1234567"}}`)}, false},
		{"Provenance.entity by identifier", []string{in("e1234567", plus(lab, `"identifier":[{"system":"urn:oid:1.2.3.4","value":"F-9"}]`))},
			[]string{in("99", moved), prov("p", `{"role":"source","what":{"identifier":{"system":"urn:oid:1.2.3.4","value":"F-9"}}}`)}, true},
		{"a short id is nobody's", []string{in("7", lab)}, []string{in("99", plus(moved, `"meta":{"source":"https://epic.example.org/r4/Observation/7"}`))}, false},
		{"both from a third", []string{in("11", plus(lab, `"meta":{"source":"https://x.example.org/r4/Observation/777777"}`))}, []string{in("99", plus(moved, `"meta":{"source":"https://x.example.org/r4/Observation/777777"}`))}, true},
		{"an import that was changed since", []string{original}, []string{in("99", plus(strings.Replace(moved, "9.4", "9.9", 1), `"meta":{"source":"`+upstream+`/e1234567"}`))}, false},
		{"an import entered in error", []string{original}, []string{in("99", plus(strings.Replace(moved, "final", "entered-in-error", 1), `"meta":{"source":"`+upstream+`/e1234567"}`))}, false},
		{"an import of something else", []string{original}, []string{in("99", plus(strings.Replace(moved, "17861-6", "2345-7", 1), `"meta":{"source":"`+upstream+`/e1234567"}`))}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var batches []merge.Batch
			for i, list := range [][]string{c.a, c.b} {
				b := merge.Batch{Source: concord.SourceID(rune('a' + i))}
				for _, s := range list {
					b.Resources = append(b.Resources, resource(t, s))
				}
				batches = append(batches, b)
			}
			rec := merge.NewEngine(merge.Default()).Merge(batches)
			joined := false
			for _, e := range rec.Entries {
				joined = joined || len(e.Copies) == 2
				if names := e.Why.Agreed.Names(); len(e.Copies) == 2 && !slices.Contains(names, "identifier") && !slices.Contains(names, "origin") {
					t.Error("it is not said by what")
				}
			}
			if joined != c.joined {
				t.Errorf("got %v", told(rec))
			}
		})
	}
}

// TestOrderNumbers: a number that one source gives to several results is that of their order, and tells none of them.
func TestOrderNumbers(t *testing.T) {
	n := `"identifier":[{"system":"urn:oid:1.2.3.4","value":"ORD-9"}]`
	at := func(id, time string) fhir.Resource {
		return resource(t, in(id, plus(strings.Replace(lab, "T13:30:00Z", time, 1), n)))
	}
	rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{
		{Source: "a", Resources: []fhir.Resource{at("1", "T08:00:00Z"), at("2", "T12:00:00Z")}},
		{Source: "b", Resources: []fhir.Resource{at("3", "T16:00:00Z"), at("4", "T12:00:00Z")}},
	})
	if d := cmp.Diff([]string{"a.1", "a.2+b.4", "b.3"}, told(rec)); d != "" {
		t.Error(d)
	}
}
