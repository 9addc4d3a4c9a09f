// Package connectors is how one speaks FHIR R4 to an EHR over HTTP: asking, retrying, following pages, tokens, and a
// guard against an EHR that is down, by rules that each vendor's package gives as data. It never merges, never writes to
// an EHR, and lets no URL, body, token or query value into an error.
package connectors
