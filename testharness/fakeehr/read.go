package fakeehr

import (
	"encoding/base64"
	"net/http"
	"strings"

	"concord/testharness/population"
)

// read answers GET Type/id.
func (c *call) read() {
	if c.typ == "Patient" && c.merged() {
		return
	}
	if c.e.store.isSealed(c.typ, c.id) {
		c.problem(http.StatusForbidden, "error", "forbidden", "4131", "access to this record is restricted")
		return
	}
	r := c.e.store.get(c.typ, c.id)
	if r == nil {
		c.problem(http.StatusNotFound, "error", "not-found", "59144", "no such resource")
		return
	}
	switch c.fault.Kind {
	case WrongPatient:
		if other := c.e.store.another(c.typ, r.patient, 1); len(other) > 0 {
			r = other[0]
		}
	case WrongType:
		for _, t := range []string{"Organization", "Practitioner", "Patient"} {
			if list := c.e.store.all(t, ""); t != c.typ && len(list) > 0 {
				r = list[0]
				break
			}
		}
	}
	if c.typ == "Binary" && (c.e.is(population.Epic) || !strings.Contains(c.r.Header.Get("Accept"), "fhir+json")) {
		doc := r.doc()
		mediaType, _ := doc["contentType"].(string)
		data, _ := doc["data"].(string)
		raw, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			c.problem(http.StatusInternalServerError, "fatal", "exception", "59177", "the document cannot be read")
			return
		}
		c.send(http.StatusOK, mediaType, raw)
		return
	}
	h := c.w.Header()
	if c.e.is(population.Epic) {
		h.Set("E-Tag", `W/"1"`)
	} else {
		h.Set("ETag", `W/"1"`)
	}
	c.send(http.StatusOK, c.mediaType(), r.body)
}

// merged answers a read of a patient that was merged into another: Epic with error 4107 and a redirect, Cerner with an
// inactive record that is replaced by the survivor, others as if it had never been.
func (c *call) merged() bool {
	to := c.e.store.survivor(c.id)
	if to == "" {
		return false
	}
	switch c.e.o.Vendor {
	case population.Epic:
		c.w.Header().Set("Location", c.e.URL()+"/Patient/"+to)
		c.problem(http.StatusMovedPermanently, "fatal", "not-found", "4107", "the patient has been merged")
	case population.Cerner:
		c.send(http.StatusOK, c.mediaType(), []byte(`{"resourceType":"Patient","id":"`+c.id+`","active":false,"link":[{"other":{"reference":"Patient/`+to+`"},"type":"replaced-by"}]}`))
	default:
		c.problem(http.StatusNotFound, "error", "not-found", "", "no such resource")
	}
	return true
}
