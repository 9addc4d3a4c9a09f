package fhir_test

import (
	"testing"

	"concord/fhir"
)

func TestCanonicalSystem(t *testing.T) {
	for in, want := range map[string]string{
		"":                                         "",
		"http://snomed.info/sct":                   fhir.SystemSNOMED,
		"https://snomed.info/sct/":                 fhir.SystemSNOMED,
		"urn:oid:2.16.840.1.113883.6.96":           fhir.SystemSNOMED,
		"URN:OID:2.16.840.1.113883.6.96":           fhir.SystemSNOMED,
		"2.16.840.1.113883.6.96":                   fhir.SystemSNOMED,
		"urn:oid:2.16.840.1.113883.6.1":            fhir.SystemLOINC,
		"urn:oid:2.16.840.1.113883.6.88":           fhir.SystemRxNorm,
		"urn:oid:2.16.840.1.113883.6.90":           fhir.SystemICD10CM,
		"urn:oid:2.16.840.1.113883.6.103":          fhir.SystemICD9CM,
		"urn:oid:2.16.840.1.113883.6.69":           fhir.SystemNDC,
		"urn:oid:2.16.840.1.113883.12.292":         fhir.SystemCVX,
		"urn:oid:2.16.840.1.113883.12.227":         fhir.SystemMVX,
		"urn:oid:2.16.840.1.113883.6.12":           fhir.SystemCPT,
		"urn:oid:2.16.840.1.113883.4.6":            fhir.SystemNPI,
		"urn:oid:2.16.840.1.113883.6.238":          fhir.SystemCDCRace,
		"2.16.840.1.113883.6.238":                  fhir.SystemCDCRace,
		"urn:oid:2.16.840.1.113883.12.203":         "http://terminology.hl7.org/CodeSystem/v2-0203",
		"urn:oid:2.16.840.1.113883.5.4":            "http://terminology.hl7.org/CodeSystem/v3-ActCode",
		"http://hl7.org/fhir/v3/ActCode":           "http://terminology.hl7.org/CodeSystem/v3-ActCode",
		"http://hl7.org/fhir/v2/0203":              "http://terminology.hl7.org/CodeSystem/v2-0203",
		"http://hl7.org/fhir/observation-category": "http://terminology.hl7.org/CodeSystem/observation-category",
		"http://hl7.org/fhir/observation-status":   "http://hl7.org/fhir/observation-status",
		"https://acme.example/codes/":              "https://acme.example/codes/",
		"urn:oid:1.2.840.114350.1.13.0":            "urn:oid:1.2.840.114350.1.13.0",
		"HTTP://LOINC.ORG":                         "HTTP://LOINC.ORG",
		"URN:OID:1.2.3":                            "urn:oid:1.2.3",
	} {
		got := fhir.CanonicalSystem(in)
		if got != want {
			t.Errorf("CanonicalSystem(%q) is %q, want %q", in, got, want)
		}
		if again := fhir.CanonicalSystem(got); again != got {
			t.Errorf("CanonicalSystem(%q) is %q", got, again)
		}
	}
}

func FuzzCanonicalSystem(f *testing.F) {
	f.Add("urn:oid:2.16.840.1.113883.12.3")
	f.Add(" https://loinc.org// ")
	f.Fuzz(func(t *testing.T, s string) {
		c := fhir.CanonicalSystem(s)
		if again := fhir.CanonicalSystem(c); again != c {
			t.Fatalf("CanonicalSystem(%q) is %q, and of that %q", s, c, again)
		}
		if fhir.StandardSystem(s) != fhir.StandardSystem(c) {
			t.Fatalf("StandardSystem differs between %q and %q", s, c)
		}
	})
}

func TestStandardSystem(t *testing.T) {
	for s, want := range map[string]bool{
		fhir.SystemLOINC: true, "urn:oid:2.16.840.1.113883.6.96": true, fhir.SystemCVX: true, fhir.SystemNPI: true, fhir.SystemUCUM: true,
		"http://terminology.hl7.org/CodeSystem/v3-ActCode": true, "http://hl7.org/fhir/us/core/CodeSystem/us-core-category": true,
		fhir.SystemCDCRace: true, "urn:oid:2.16.840.1.113883.12.203": true,
		"": false, "urn:oid:1.2.840.114350.1.13.0": false, "http://open.epic.com/FHIR/StructureDefinition/x": false,
		"http://hl7.org.evil/fhir/x": false, "http://loinc.org.evil": false,
	} {
		if fhir.StandardSystem(s) != want {
			t.Errorf("StandardSystem(%q) is %v", s, !want)
		}
	}
}
