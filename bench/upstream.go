package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// people are those whom an upstream knows: each has a searchset of its own, so that no cache can hide the cost.
const people = 8

// searchset is what source s has of person p: results of that person, a third of them the same events at the three
// sources of a group, which are neighbours.
func searchset(s, p, size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","type":"searchset","link":[{"relation":"self","url":"http://ehr.example.org/Observation?patient=1"}],"entry":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		code, minute := 1000+i%40, i+20_000*(s/3)
		if i%3 != 0 { // this source's alone
			minute = i + 20_000*(100+s)
		}
		at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * 17 * time.Minute).Format(time.RFC3339)
		fmt.Fprintf(&b, `{"fullUrl":"http://ehr.example.org/fhir/Observation/L-%d-%d","resource":{"resourceType":"Observation","id":"L-%d-%d","meta":{"versionId":"1","lastUpdated":"2024-05-01T10:00:00.000Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}],"text":"Laboratory"}],"code":{"coding":[{"system":"urn:oid:1.2.3.%d","code":"%d","display":"Local name of the test","userSelected":true},{"system":"http://loinc.org","code":"%d-3","display":"A substance [Moles/volume] in Serum or Plasma"}],"text":"Local name of the test"},"subject":{"reference":"Patient/p%d","display":"EXAMPLE, PERSON"},"encounter":{"reference":"Encounter/%d"},"effectiveDateTime":"%s","issued":"%s","valueQuantity":{"value":4.%d,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"},"referenceRange":[{"low":{"value":3.5,"unit":"mmol/L"},"high":{"value":5.1,"unit":"mmol/L"},"text":"3.5-5.1"}]},"search":{"mode":"match"}}`,
			p, i, p, i, s, code, code, p, i/5, at, at, i%90)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// patient is person p's Patient at source s.
func patient(s, p int) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Patient","id":"p%d","identifier":[{"system":"urn:oid:1.2.3.%d","value":"%d"}],"name":[{"family":"Example%c","given":["Person"]}],"telecom":[{"system":"phone","value":"617424%04d"}],"gender":"female","birthDate":"1970-02-%02d"}`, p, s, p, 'a'+p, 1000+p, p+1)
}

// number is a patient's number of its id, such as 3 of "Patient/p3"; negative for anything else.
func number(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(id, "Patient/"), "p"))
	if err != nil || n >= people {
		return -1
	}
	return n
}

// upstream is an EHR that answers after a delay.
func upstream(s, size int, delay func() time.Duration) http.Handler {
	bodies := make([][]byte, people)
	for p := range bodies {
		bodies[p] = searchset(s, p, size)
	}
	send := func(w http.ResponseWriter, r *http.Request, b []byte) {
		if !pause(r.Context(), delay()) {
			return
		}
		w.Header().Set("Content-Type", "application/fhir+json")
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		_, _ = w.Write(b)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fhir/Observation", func(w http.ResponseWriter, r *http.Request) {
		p := number(r.URL.Query().Get("patient"))
		if p < 0 {
			http.Error(w, "no such patient", http.StatusBadRequest)
			return
		}
		send(w, r, bodies[p])
	})
	mux.HandleFunc("GET /fhir/Patient/{id}", func(w http.ResponseWriter, r *http.Request) {
		p := number(r.PathValue("id"))
		if p < 0 {
			http.NotFound(w, r)
			return
		}
		send(w, r, patient(s, p))
	})
	mux.HandleFunc("GET /fhir/Patient", func(w http.ResponseWriter, r *http.Request) {
		var hits [][]byte
		for p := range people {
			if strings.EqualFold(r.URL.Query().Get("family"), fmt.Sprintf("Example%c", 'a'+p)) {
				hits = append(hits, fmt.Appendf(nil, `{"resource":%s,"search":{"mode":"match"}}`, patient(s, p)))
			}
		}
		send(w, r, fmt.Appendf(nil, `{"resourceType":"Bundle","type":"searchset","entry":[%s]}`, bytes.Join(hits, []byte(","))))
	})
	return mux
}

// pause waits for d and tells whether ctx still holds.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// crowded is a source that works on so many requests at once, and lets the others wait.
func crowded(next http.Handler, places int) http.Handler {
	free := make(chan struct{}, places)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		free <- struct{}{}
		defer func() { <-free }()
		next.ServeHTTP(w, r)
	})
}
