package fakeehr

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"concord/testharness/population"
)

// send writes an answer, with the fault that bites in the body of a good one.
func (c *call) send(status int, mediaType string, body []byte) {
	c.status(status)
	h := c.w.Header()
	if mediaType != "" {
		h.Set("Content-Type", mediaType)
	}
	if status != http.StatusOK || c.what == "token" {
		c.put(status, body)
		return
	}
	switch c.fault.Kind {
	case Truncated: // the server ends the connection, for it promised more
		h.Set("Content-Length", strconv.Itoa(len(body)))
		c.put(status, body[:len(body)/2])
	case CutClean:
		c.put(status, body[:len(body)/2])
	case Trickle:
		c.w.WriteHeader(status)
		flush := http.NewResponseController(c.w)
		for i := range body {
			if _, err := c.w.Write(body[i : i+1]); err != nil || flush.Flush() != nil || !c.pause(c.fault.Delay) {
				return
			}
		}
	default:
		c.put(status, body)
	}
}

func (c *call) put(status int, body []byte) {
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // the client may be gone; that is its business
}

func (c *call) html(status int, title string) {
	c.send(status, "text/html; charset=utf-8", []byte("<!DOCTYPE html><html><head><title>"+title+"</title></head><body><h1>"+title+"</h1><p>UPSTREAM-CANARY Jane Doe 1970-01-01</p></body></html>"))
}

// mediaType is what the vendor calls FHIR JSON.
func (c *call) mediaType() string {
	switch {
	case c.e.is(population.Epic) && c.e.manners.OldMediaType && c.e.requests.Load()%2 == 0:
		return "application/json+fhir; charset=utf-8"
	case c.e.is(population.Athena):
		return "application/fhir+json;charset=UTF-8"
	}
	return "application/fhir+json"
}

// epicCodes is the system of Epic's outcome codes.
func (e *EHR) epicCodes() string {
	return "urn:oid:1.2.840.114350.1.13." + e.src.SiteCode() + ".1.7.2.657369"
}

// outcome is an OperationOutcome in the vendor's style; code is Epic's number and may be empty.
func (e *EHR) outcome(severity, issue, code, text string, expression ...string) []byte {
	i := map[string]any{"severity": severity, "code": issue}
	details := map[string]any{"text": text}
	if code != "" && e.is(population.Epic) {
		details["coding"] = []any{map[string]any{"system": e.epicCodes(), "code": code, "display": text}}
	}
	i["details"] = details
	if e.is(population.Athena) || len(expression) > 0 {
		i["expression"] = append([]string{}, expression...)
		i["diagnostics"] = text
	}
	b, err := json.Marshal(map[string]any{"resourceType": "OperationOutcome", "issue": []any{i}})
	if err != nil {
		return []byte(`{"resourceType":"OperationOutcome"}`)
	}
	return b
}

func (c *call) problem(status int, severity, issue, code, text string, expression ...string) {
	c.send(status, c.mediaType(), c.e.outcome(severity, issue, code, text, expression...))
}

// refuse is 403 for a type or an interaction that the client was not granted.
func (c *call) refuse() {
	switch c.e.o.Vendor {
	case population.Epic:
		c.w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", error_description="The access token provided does not have sufficient scope for the request"`)
		c.send(http.StatusForbidden, "", nil)
	case population.Athena:
		c.problem(http.StatusForbidden, "fatal", "forbidden", "", "Invalid Token Scope", c.typ)
	default:
		c.problem(http.StatusForbidden, "error", "forbidden", "", "not permitted")
	}
}

func (c *call) unauthorized() {
	c.w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token provided is expired"`)
	switch c.e.o.Vendor {
	case population.Epic:
		c.send(http.StatusUnauthorized, "", nil)
	case population.Athena:
		c.send(http.StatusUnauthorized, "application/json", []byte(`{"error":"Token expired"}`))
	default:
		c.problem(http.StatusUnauthorized, "error", "login", "", "the token has expired")
	}
}

// unknownPath is what the vendor's server, or the gateway before it, says to a URL that is nothing.
func (c *call) unknownPath() {
	switch {
	case c.e.is(population.Epic):
		c.html(http.StatusNotFound, "404 - File or directory not found.")
	case c.e.is(population.Athena):
		c.send(http.StatusNotFound, "application/json", []byte(`"Service not registered with API gateway"`))
	case c.e.is(population.Cerner) && c.typ == "":
		c.send(http.StatusForbidden, "text/plain", []byte("Tenant not valid or accessible"))
	default:
		c.problem(http.StatusNotFound, "error", "not-supported", "", "no such resource type")
	}
}

// outcomeAs200 is a failed search as athena answers it.
func (c *call) outcomeAs200() {
	b := newBundle(c)
	b.entry("urn:uuid:0b5a2e0c-93f1-4b52-8f1f-1d6b6f0a7c55", c.e.outcome("error", "invalid", "4113", "the search could not be carried out"), "outcome")
	c.send(http.StatusOK, c.mediaType(), b.close())
}

func (e *EHR) now() time.Time { return e.o.Now() }
