// Package balp shows events of the audit trail as FHIR R4 AuditEvent resources in the patterns of IHE Basic Audit Log
// Patterns. It is a view of the trail and will not stand in for it, nor tell more than it: a search's parameters are not
// in the trail, so they are not here.
package balp
