package smart

import (
	"encoding/json"
	"slices"

	"concord"
	"concord/fhir"
)

// AuthServer is what the configuration document says of the authorization server, which is not part of this gateway.
// What is empty is left out.
type AuthServer struct {
	Issuer                string   // published together with JWKSURL, or not at all
	JWKSURL               string   //
	TokenEndpoint         string   //
	AuthorizationEndpoint string   // adds the grant type authorization_code
	IntrospectionEndpoint string   //
	RevocationEndpoint    string   //
	Capabilities          []string // what it can do, such as "launch-standalone"; those of this gateway are added
	ClientCredentials     bool     // it serves backend clients with signed assertions (SMART Backend Services)
}

// configuration is the document of SMART App Launch 2.2 §4.2.
type configuration struct {
	Issuer                string   `json:"issuer,omitempty"`
	JWKSURI               string   `json:"jwks_uri,omitempty"`
	AuthorizationEndpoint string   `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string   `json:"token_endpoint,omitempty"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	TokenAuthAlgs         []string `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	GrantTypes            []string `json:"grant_types_supported"`
	Scopes                []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported,omitempty"`
	IntrospectionEndpoint string   `json:"introspection_endpoint,omitempty"`
	RevocationEndpoint    string   `json:"revocation_endpoint,omitempty"`
	Capabilities          []string `json:"capabilities"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
}

// Configuration is the body of .well-known/smart-configuration, to be sent as application/json without authentication.
// types are those that the gateway serves. Its error is a Fault, Internal, and can't come of any input.
func Configuration(s AuthServer, types []fhir.ResourceType) ([]byte, error) {
	c := configuration{
		AuthorizationEndpoint: s.AuthorizationEndpoint,
		TokenEndpoint:         s.TokenEndpoint,
		GrantTypes:            []string{},
		Scopes:                ScopesSupported(types),
		IntrospectionEndpoint: s.IntrospectionEndpoint,
		RevocationEndpoint:    s.RevocationEndpoint,
		Capabilities:          append([]string{"permission-patient", "permission-user", "permission-v1", "permission-v2"}, s.Capabilities...),
		ChallengeMethods:      []string{"S256"},
	}
	if s.Issuer != "" && s.JWKSURL != "" {
		c.Issuer, c.JWKSURI = s.Issuer, s.JWKSURL
	}
	if s.AuthorizationEndpoint != "" {
		c.GrantTypes = append(c.GrantTypes, "authorization_code")
		c.ResponseTypes = []string{"code"}
	}
	if s.ClientCredentials {
		c.GrantTypes = append(c.GrantTypes, "client_credentials")
		c.TokenAuthMethods = []string{"private_key_jwt"}
		c.TokenAuthAlgs = []string{"RS384", "ES384"}
		c.Capabilities = append(c.Capabilities, "client-confidential-asymmetric")
	}
	slices.Sort(c.Capabilities)
	c.Capabilities = slices.Compact(c.Capabilities)
	b, err := json.Marshal(c)
	if err != nil {
		return nil, &concord.Fault{Op: "smart configuration", Kind: concord.Internal, Err: err}
	}
	return b, nil
}

// categories are the granular scopes that US Core 6.1 asks a server to support, by type.
var categories = map[fhir.ResourceType][]string{
	fhir.TypeCondition: {
		"http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis",
		"http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item",
		"http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern",
	},
	fhir.TypeObservation: {
		"http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
		"http://terminology.hl7.org/CodeSystem/observation-category|social-history",
		"http://terminology.hl7.org/CodeSystem/observation-category|survey",
		"http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
		"http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh",
	},
	fhir.TypeDocumentReference: {
		"http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category|clinical-note",
	},
}

// ScopesSupported are the scopes for reading types, each prefix with "*" first, then by type.
func ScopesSupported(types []fhir.ResourceType) []string {
	types = slices.Compact(slices.Sorted(slices.Values(types)))
	var out []string
	for p := PatientScope; p <= SystemScope; p++ {
		out = append(out, p.String()+"/*.rs")
		for _, t := range types {
			plain := p.String() + "/" + string(t) + ".rs"
			out = append(out, plain)
			for _, c := range categories[t] {
				out = append(out, plain+"?category="+c)
			}
		}
	}
	return out
}
