package fhir_test

import (
	"testing"

	"concord/fhir"
)

func BenchmarkFilter(b *testing.B) {
	r := resource(b, potassium)
	for _, x := range [][2]string{{"category", "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"}, {"code", "http://loinc.org|4548-4"},
		{"code", "http://acme.example|k-Lvl"}, {"status", "final"}, {"date", "ge2024-01-01"}, {"patient", "p1"}, {"value-quantity", "gt5"}} {
		f, err := fhir.ParseFilter("Observation", x[0], x[1])
		if err != nil {
			b.Fatal(err)
		}
		b.Run(x[0], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Match(r)
			}
		})
	}
}

func BenchmarkParseDate(b *testing.B) {
	for _, s := range []string{"2024-05-01", "2024-05-01T23:30:00.000-05:00"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				fhir.ParseDate(s)
			}
		})
	}
}

func BenchmarkPatientReferences(b *testing.B) {
	r := resource(b, potassium)
	b.ReportAllocs()
	for b.Loop() {
		for v := range fhir.PatientReferences(r) {
			if v.Is("Patient/p1") {
				break
			}
		}
	}
}
