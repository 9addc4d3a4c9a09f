package fakeehr

import (
	"encoding/json"
	"net/http"
	"sort"

	"concord/testharness/population"
)

// served are the types that a vendor's capability statement lists at least; what is held besides is added.
var served = []string{"AllergyIntolerance", "Binary", "CarePlan", "CareTeam", "Condition", "Coverage", "Device", "DiagnosticReport", "DocumentReference",
	"Encounter", "Goal", "Immunization", "Location", "Medication", "MedicationRequest", "Observation", "Organization", "Patient", "Practitioner",
	"Procedure", "Provenance", "RelatedPerson", "ServiceRequest", "Specimen"}

// metadata answers with the capability statement; it needs no token.
func (c *call) metadata() {
	e := c.e
	types := map[string]bool{}
	for _, t := range served {
		types[t] = true
	}
	e.store.mu.RLock()
	for t := range e.store.types {
		types[t] = true
	}
	e.store.mu.RUnlock()
	for _, t := range e.o.Deny {
		delete(types, t)
	}
	names := make([]string, 0, len(types))
	for t := range types {
		names = append(names, t)
	}
	sort.Strings(names)
	resources := make([]any, 0, len(names))
	for _, t := range names {
		resources = append(resources, c.capability(t))
	}
	statement := map[string]any{
		"resourceType": "CapabilityStatement", "status": "active", "date": "2025-02-04", "kind": "instance", "fhirVersion": "4.0.1",
		"instantiates": []string{"http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server"},
		"format":       []string{"json"}, "implementation": map[string]any{"description": "sandbox", "url": e.URL()},
		"rest": []any{map[string]any{"mode": "server", "resource": resources,
			"security": map[string]any{"service": []any{map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}}}},
				"extension": []any{map[string]any{"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "extension": []any{map[string]any{"url": "token", "valueUri": e.TokenURL()}}}}}}},
	}
	switch e.o.Vendor {
	case population.Epic:
		statement["software"] = map[string]any{"name": "Epic", "version": "February 2025", "releaseDate": "2025-02-04"}
		statement["format"] = []string{"xml", "json"}
	case population.Cerner:
		statement["publisher"] = "Oracle Health"
	case population.Athena:
		statement["publisher"] = "athenahealth"
		statement["software"] = map[string]any{"name": "athenahealth FHIR Server", "version": "24.11"}
	default:
		statement["software"] = map[string]any{"name": "sandbox", "version": "1"}
	}
	c.json(statement)
}

func (c *call) capability(typ string) map[string]any {
	interactions := []any{map[string]any{"code": "read"}}
	out := map[string]any{"type": typ}
	if typ != "Binary" {
		interactions = append(interactions, map[string]any{"code": "search-type"})
		var params []any
		names := map[string]byte{}
		for _, n := range []string{"_id", "identifier"} {
			names[n] = 't'
		}
		if !standalone[typ] {
			names["patient"] = 'r'
		}
		for n, q := range typeParams[typ] {
			names[n] = q.kind
		}
		if !c.e.is(population.Epic) {
			names["_lastUpdated"] = 'd'
		}
		if c.e.is(population.Athena) {
			names["ah-practice"] = 'r'
		}
		sorted := make([]string, 0, len(names))
		for n := range names {
			sorted = append(sorted, n)
		}
		sort.Strings(sorted)
		for _, n := range sorted {
			params = append(params, map[string]any{"name": n, "type": map[byte]string{'t': "token", 'd': "date", 'r': "reference", 's': "string"}[names[n]]})
		}
		out["searchParam"] = params
		if !standalone[typ] {
			out["searchRevInclude"] = []string{"Provenance:target"}
		}
	}
	out["interaction"] = interactions
	if typ == "Patient" && c.e.is(population.Epic) {
		out["operation"] = []any{map[string]any{"name": "match", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-match"}}
	}
	return out
}

// smartConfiguration answers .well-known/smart-configuration.
func (c *call) smartConfiguration() {
	capabilities := []string{"client-confidential-asymmetric", "permission-v1", "permission-v2"}
	methods := []string{"private_key_jwt"}
	if !c.e.is(population.Epic) {
		methods = append(methods, "client_secret_basic", "client_secret_post")
	}
	issuer := c.e.root()
	if c.e.is(population.Athena) { // not the host of the API
		issuer = "https://athena.okta.com/oauth2/aus2hfei6ookPyyCA297"
	}
	c.json(map[string]any{
		"issuer": issuer, "token_endpoint": c.e.TokenURL(), "authorization_endpoint": c.e.root() + "/authorize",
		"token_endpoint_auth_methods_supported":            methods,
		"token_endpoint_auth_signing_alg_values_supported": []string{"RS384", "ES384"},
		"grant_types_supported":                            []string{"client_credentials", "authorization_code"},
		"scopes_supported":                                 []string{"system/*.read", "system/*.rs"},
		"capabilities":                                     capabilities, "code_challenge_methods_supported": []string{"S256"},
	})
}

func (c *call) json(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		c.problem(http.StatusInternalServerError, "fatal", "exception", "", "internal error")
		return
	}
	c.send(http.StatusOK, "application/json", b)
}
