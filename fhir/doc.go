// Package fhir is FHIR R4 (4.0.1) without network or vendor: resources as the bytes that were sent with an index beside
// them, Bundles, search parameters, OperationOutcomes, the patient compartment. It never decodes a resource into a
// struct, never reformats one, and never prints one.
package fhir
