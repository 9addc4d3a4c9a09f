// Package fakeehr is a sandbox EHR: a real HTTP server that speaks FHIR R4 with the manners of Epic, Oracle Health
// (Cerner) or athenahealth, and misbehaves as a script says. It shares no code with the gateway, so that it can be an
// independent oracle, and it keeps nothing on disk.
package fakeehr
