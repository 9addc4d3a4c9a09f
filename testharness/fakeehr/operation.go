package fakeehr

import (
	"encoding/json"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"

	"concord/testharness/population"
)

// operation answers Epic's Patient/$match; others have none.
func (c *call) operation() {
	if !c.e.is(population.Epic) || c.typ != "Patient" || c.op != "$match" || c.r.Method != http.MethodPost {
		c.problem(http.StatusNotFound, "error", "not-supported", "", "no such operation")
		return
	}
	var in struct {
		ResourceType string `json:"resourceType"`
		Parameter    []struct {
			Name     string         `json:"name"`
			Resource map[string]any `json:"resource"`
			Boolean  bool           `json:"valueBoolean"`
			Integer  int            `json:"valueInteger"`
		} `json:"parameter"`
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, 1<<20))
	if err != nil || json.Unmarshal(b, &in) != nil || in.ResourceType != "Parameters" {
		c.problem(http.StatusBadRequest, "fatal", "structure", "59177", "the body is not Parameters")
		return
	}
	var patient map[string]any
	only, count := false, 100
	for _, p := range in.Parameter {
		switch p.Name {
		case "resource":
			patient = p.Resource
		case "onlyCertainMatches", "onlySingleMatch":
			only = only || p.Boolean
		case "count":
			if p.Integer > 0 {
				count = p.Integer
			}
		}
	}
	if patient == nil {
		c.problem(http.StatusBadRequest, "fatal", "required", "59159", "resource is required")
		return
	}
	type hit struct {
		r     *record
		score float64
	}
	var hits []hit
	for _, r := range c.e.store.all("Patient", "") {
		if s := likeness(patient, r.doc()); s >= 0.6 && (!only || s >= 0.95) {
			hits = append(hits, hit{r, s})
		}
	}
	sort.SliceStable(hits, func(i, j int) bool { return hits[i].score > hits[j].score })
	hits = hits[:min(len(hits), count)]
	out := newBundle(c)
	for _, h := range hits {
		grade := "possible"
		switch {
		case h.score >= 0.95:
			grade = "certain"
		case h.score >= 0.8:
			grade = "probable"
		}
		out.record(h.r, "match")
		mode := []byte(`"search":{"mode":"match"}}`)
		out.buf = append(out.buf[:len(out.buf)-len(mode)], `"search":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/match-grade","valueCode":"`+grade+
			`"}],"mode":"match","score":`+strconv.FormatFloat(h.score, 'f', 2, 64)+`}}`...)
	}
	out.total = len(hits)
	c.send(http.StatusOK, c.mediaType(), out.close())
}

// likeness is between 0 and 1: certain only with name, birth date and one of identifier, telecom or address agreeing.
func likeness(a, b map[string]any) float64 {
	texts := func(m map[string]any, path string) map[string]bool {
		out := map[string]bool{}
		for _, v := range collect(nil, m, strings.Split(path, ".")) {
			if s, ok := v.(string); ok && s != "" {
				out[strings.ToLower(s)] = true
			}
		}
		return out
	}
	shared := func(path string) bool {
		x := texts(a, path)
		for s := range texts(b, path) {
			if x[s] {
				return true
			}
		}
		return false
	}
	if !shared("name.family") || !shared("birthDate") {
		return 0
	}
	score := 0.5
	if shared("name.given") {
		score += 0.3
	}
	if a["gender"] == b["gender"] {
		score += 0.03
	}
	telecom := false
	for _, x := range collect(nil, a, []string{"telecom", "value"}) {
		for _, y := range collect(nil, b, []string{"telecom", "value"}) {
			want, _ := x.(string)
			telecom = telecom || sameTelecom(y, want)
		}
	}
	if shared("identifier.value") || telecom || shared("address.line") {
		score += 0.16
	}
	return min(score, 1)
}
