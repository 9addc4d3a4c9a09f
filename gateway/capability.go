package gateway

import (
	"bytes"
	"encoding/json"
	"slices"

	"concord/fhir"
	"concord/smart"
	"concord/validate"
)

// The CapabilityStatement, as far as this gateway has something to say (R4 CapabilityStatement).
type (
	capabilityStatement struct {
		ResourceType   string              `json:"resourceType"`
		Status         string              `json:"status"`
		Date           string              `json:"date"`
		Kind           string              `json:"kind"`
		Software       capabilitySoftware  `json:"software"`
		Implementation capabilityImplement `json:"implementation"`
		FHIRVersion    string              `json:"fhirVersion"`
		Format         []string            `json:"format"`
		Rest           []capabilityRest    `json:"rest"`
	}
	capabilitySoftware  struct{ Name, Version string }
	capabilityImplement struct {
		Description string `json:"description"`
		URL         string `json:"url"`
	}
	capabilityRest struct {
		Mode      string                `json:"mode"`
		Security  capabilitySecurity    `json:"security"`
		Resource  []capabilityResource  `json:"resource"`
		Operation []capabilityOperation `json:"operation"`
	}
	capabilitySecurity struct {
		Service []capabilityConcept `json:"service"`
	}
	capabilityConcept struct {
		Coding []map[string]string `json:"coding"`
	}
	capabilityResource struct {
		Type             fhir.ResourceType     `json:"type"`
		SupportedProfile []string              `json:"supportedProfile,omitempty"` // that $validate knows
		Interaction      []map[string]string   `json:"interaction"`
		SearchInclude    []string              `json:"searchInclude,omitempty"`
		SearchRevInclude []string              `json:"searchRevInclude,omitempty"`
		SearchParam      []capabilityParam     `json:"searchParam,omitempty"`
		Operation        []capabilityOperation `json:"operation,omitempty"`
	}
	capabilityParam struct {
		Name string         `json:"name"`
		Type fhir.ParamKind `json:"type"`
	}
	capabilityOperation struct {
		Name       string `json:"name"`
		Definition string `json:"definition"`
	}
)

// MarshalJSON writes the two members as FHIR names them.
func (s capabilitySoftware) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"name": s.Name, "version": s.Version})
}

// capabilities answers GET metadata, made from the tables by which requests are answered. It names no source and no
// tenant.
func (g *Gateway) capabilities() *answer {
	rest := capabilityRest{Mode: "server"}
	rest.Security.Service = []capabilityConcept{{Coding: []map[string]string{{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}}}}
	for _, t := range g.offeredTypes() {
		res := capabilityResource{Type: t, Interaction: []map[string]string{{"code": "read"}}}
		for _, p := range g.cfg.Sources {
			if slices.Contains(p.Creates, t) {
				res.Interaction = append(res.Interaction, map[string]string{"code": "create"})
				break
			}
		}
		if slices.Contains(chart, t) || t == fhir.TypePatient {
			res.Interaction = append(res.Interaction, map[string]string{"code": "search-type"})
			res.SearchRevInclude = []string{"Provenance:target"}
			for _, p := range fhir.Params(t) {
				if p.Name == "_lastUpdated" {
					continue
				}
				res.SearchParam = append(res.SearchParam, capabilityParam{p.Name, p.Kind})
				if p.Kind == fhir.KindReference {
					if _, ok := fhir.IncludeParam(t, p.Name); ok {
						res.SearchInclude = append(res.SearchInclude, string(t)+":"+p.Name)
					}
				}
			}
		}
		if t == fhir.TypePatient {
			res.SearchInclude, res.SearchRevInclude = nil, []string{"Provenance:target"}
			res.Operation = []capabilityOperation{{"everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"},
				{"match", "http://hl7.org/fhir/OperationDefinition/Patient-match"}, {"ihe-pix", "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix"}}
		}
		res.Operation = append(res.Operation, capabilityOperation{"validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate"})
		res.SupportedProfile = validate.Profiles(t)
		rest.Resource = append(rest.Resource, res)
	}
	rest.Operation = []capabilityOperation{{"graphql", "http://hl7.org/fhir/OperationDefinition/Resource-graphql"}}
	c := capabilityStatement{
		ResourceType: "CapabilityStatement", Status: "active", Date: "2026-11-24", Kind: "instance",
		Software:       capabilitySoftware{"Concord", g.cfg.Version},
		Implementation: capabilityImplement{"One FHIR API over several EHRs", g.base},
		FHIRVersion:    "4.0.1", Format: []string{"json"}, Rest: []capabilityRest{rest},
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		return ofFault(err).answer()
	}
	a := okay(bytes.TrimSpace(b.Bytes()))
	a.etag = `W/"` + g.cfg.Version + `"`
	return a
}

// offeredTypes are the types that can be asked for of some source, sorted.
func (g *Gateway) offeredTypes() []fhir.ResourceType {
	out := append(slices.Clone(chart), fhir.TypePatient, fhir.TypePractitioner, fhir.TypePractitionerRole, fhir.TypeOrganization, fhir.TypeLocation, fhir.TypeMedication, fhir.TypeBinary, fhir.TypeProvenance)
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(t fhir.ResourceType) bool { return !g.offered(t) })
}

// smartConfiguration answers GET .well-known/smart-configuration (SMART App Launch 2.2).
func (g *Gateway) smartConfiguration() (*answer, *problem) {
	body, err := smart.Configuration(g.cfg.AuthServer, g.offeredTypes())
	if err != nil {
		return nil, ofFault(err)
	}
	return &answer{status: 200, contentType: "application/json", body: body}, nil
}
