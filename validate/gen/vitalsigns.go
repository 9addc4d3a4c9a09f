package main

import "encoding/json"

const vitalSignsURL = "http://hl7.org/fhir/StructureDefinition/vitalsigns"

// vitalSigns is R4's profile of vital signs, which US Core's builds on and the files that are read lack, as far as it
// constrains Observation (https://hl7.org/fhir/R4/vitalsigns.html).
func vitalSigns() (definition, error) {
	d := definition{URL: vitalSignsURL, Kind: "resource", Type: "Observation", Derivation: "constraint",
		BaseDefinition: "http://hl7.org/fhir/StructureDefinition/Observation"}
	err := json.Unmarshal([]byte(`[
		{"id": "Observation", "path": "Observation", "constraint": [{"key": "vs-2", "severity": "error"}]},
		{"id": "Observation.category", "path": "Observation.category", "min": 1,
		 "slicing": {"rules": "open", "discriminator": [{"type": "value", "path": "coding.code"}, {"type": "value", "path": "coding.system"}]}},
		{"id": "Observation.category:VSCat", "path": "Observation.category", "sliceName": "VSCat", "min": 1, "max": "1"},
		{"id": "Observation.category:VSCat.coding", "path": "Observation.category.coding", "min": 1},
		{"id": "Observation.category:VSCat.coding.system", "path": "Observation.category.coding.system", "min": 1,
		 "fixedUri": "http://terminology.hl7.org/CodeSystem/observation-category"},
		{"id": "Observation.category:VSCat.coding.code", "path": "Observation.category.coding.code", "min": 1, "fixedCode": "vital-signs"},
		{"id": "Observation.subject", "path": "Observation.subject", "min": 1},
		{"id": "Observation.effective[x]", "path": "Observation.effective[x]", "min": 1,
		 "type": [{"code": "dateTime"}, {"code": "Period"}], "constraint": [{"key": "vs-1", "severity": "error"}]},
		{"id": "Observation.component", "path": "Observation.component", "constraint": [{"key": "vs-3", "severity": "error"}]},
		{"id": "Observation.component.value[x]", "path": "Observation.component.value[x]",
		 "binding": {"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/ucum-vitals-common"}}
	]`), &d.Differential.Element)
	return d, err
}
