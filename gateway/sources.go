package gateway

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"concord/fhir"
)

// sources answers $sources: which sources the caller's tenant reaches, and how each is doing. It is about no patient, so any
// token that holds will do.
func (x *exchange) sources() (*answer, *problem) {
	type part struct {
		Name    string `json:"name"`
		Code    string `json:"valueCode,omitempty"`
		Instant string `json:"valueInstant,omitempty"`
		Part    []part `json:"part,omitempty"`
	}
	out := struct {
		Type      string `json:"resourceType"`
		Parameter []part `json:"parameter,omitempty"`
	}{Type: string(fhir.TypeParameters)}
	for _, s := range slices.Sorted(maps.Keys(x.g.bases)) {
		if !x.may(s) {
			continue
		}
		parts := []part{{Name: "name", Code: string(s)}}
		policy := x.g.cfg.Sources[s]
		if policy.Vendor != "" {
			parts = append(parts, part{Name: "vendor", Code: policy.Vendor})
		}
		if x.g.cfg.Health != nil {
			h := x.g.cfg.Health(s)
			parts = append(parts, part{Name: "state", Code: h.State}, part{Name: "since", Instant: h.Since.UTC().Format(time.RFC3339)})
		}
		for _, t := range policy.Creates {
			parts = append(parts, part{Name: "creates", Code: string(t)})
		}
		out.Parameter = append(out.Parameter, part{Name: "source", Part: parts})
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, ofFault(err)
	}
	return okay(body), nil
}
