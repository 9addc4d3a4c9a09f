package connectors

import (
	"maps"

	"concord/fhir"
)

// Types begins a vendor's table: the types that are only read, since they belong to no patient, and then the vendor's own.
func Types(own map[fhir.ResourceType]TypeRule) map[fhir.ResourceType]TypeRule {
	all := map[fhir.ResourceType]TypeRule{"Patient": {}}
	for _, t := range []fhir.ResourceType{"Binary", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole", "Provenance"} {
		all[t] = TypeRule{ReadOnly: true}
	}
	maps.Copy(all, own)
	return all
}
