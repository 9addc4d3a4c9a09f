package fakeehr_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type tree = map[string]any

// client asks one EHR, as a gateway would: no redirects, no connection kept.
type client struct {
	t testing.TB
	e *fakeehr.EHR
	h *http.Client
}

type reply struct {
	status int
	header http.Header
	body   []byte
	json   tree
}

func start(t testing.TB, o fakeehr.Options, bodies ...string) *client {
	t.Helper()
	if o.Source == "" {
		o.Source = "src"
	}
	e, err := fakeehr.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bodies {
		if err := e.Load([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return &client{t, e, &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// try sends a request to a path below the base, or to an absolute URL.
func (c *client) try(ctx context.Context, method, path, body string, headers ...string) (reply, error) {
	u := path
	if !strings.HasPrefix(u, "http") {
		u = c.e.URL() + "/" + path
	}
	r, err := http.NewRequestWithContext(ctx, method, u, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if body == "" {
		r.Body = nil
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := c.h.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = a.Body.Close() }()
	b, err := io.ReadAll(a.Body)
	out := reply{status: a.StatusCode, header: a.Header, body: b}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		_ = d.Decode(&out.json)
	}
	return out, err
}

func (c *client) do(method, path, body string, headers ...string) reply {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := c.try(ctx, method, path, body, headers...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (c *client) get(path string, headers ...string) reply {
	c.t.Helper()
	return c.do(http.MethodGet, path, "", headers...)
}

func (r reply) entries(mode string) []tree {
	var out []tree
	list, _ := r.json["entry"].([]any)
	for _, x := range list {
		e := x.(tree)
		s, _ := e["search"].(tree)
		if s["mode"] == mode {
			out = append(out, e["resource"].(tree))
		}
	}
	return out
}

func (r reply) ids(mode string) []string {
	var out []string
	for _, e := range r.entries(mode) {
		id, _ := e["id"].(string)
		out = append(out, id)
	}
	return out
}

func (r reply) link(rel string) string {
	list, _ := r.json["link"].([]any)
	for _, x := range list {
		if l := x.(tree); l["relation"] == rel {
			s, _ := l["url"].(string)
			return s
		}
	}
	return ""
}

// codes are those of the issues of an OperationOutcome, given as the body or as entries: Epic's numbers where there are.
func (r reply) codes() []string {
	var out []string
	add := func(o tree) {
		issues, _ := o["issue"].([]any)
		for _, x := range issues {
			i := x.(tree)
			code := fmt.Sprint(i["code"])
			if d, ok := i["details"].(tree); ok {
				if l, ok := d["coding"].([]any); ok {
					code = fmt.Sprint(l[0].(tree)["code"])
				}
			}
			out = append(out, fmt.Sprint(i["severity"], " ", code))
		}
	}
	if r.json["resourceType"] == "OperationOutcome" {
		add(r.json)
	}
	for _, o := range r.entries("outcome") {
		add(o)
	}
	return out
}

func observation(id, patient, category, code, date string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"meta":{"lastUpdated":"2024-01-01T00:00:00Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":%q}]}],"code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":"Patient/%s"},"effectiveDateTime":%q,"valueQuantity":{"value":1.50}}`,
		id, category, code, patient, date)
}

func patient(id, family, given, birth, phone string) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"identifier":[{"system":"urn:mrn","value":"m-%s"}],"name":[{"family":%q,"given":[%q]}],"gender":"female","birthDate":%q,"telecom":[{"system":"phone","value":%q}],"address":[{"postalCode":"02118","city":"Boston"}]}`,
		id, id, family, given, birth, phone)
}

// chart is two patients, p1 with n laboratory observations, one of social history last, and a few other things.
func chart(n int) []string {
	out := []string{patient("p1", "O'Brien", "Mary", "1970-02-03", "617-555-2000"), patient("p2", "Smith", "John", "1980-04-05", "617-555-3000")}
	for i := range n {
		out = append(out, observation(fmt.Sprintf("o%03d", i), "p1", "laboratory", "2345-7", fmt.Sprintf("2024-01-%02dT10:00:00Z", 1+i%28)))
	}
	return append(out,
		observation("social", "p1", "social-history", "72166-2", "2024-02-01"),
		observation("other", "p2", "laboratory", "2345-7", "2024-01-01T10:00:00Z"),
		`{"resourceType":"Condition","id":"c1","clinicalStatus":{"coding":[{"code":"active"}]},"category":[{"coding":[{"code":"problem-list-item"}]}],"subject":{"reference":"Patient/p1"},"onsetDateTime":"2020"}`,
		`{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order","medicationReference":{"reference":"Medication/d1"},"subject":{"reference":"Patient/p1"},"authoredOn":"2024-03-01"}`,
		`{"resourceType":"Medication","id":"d1","code":{"text":"x"}}`,
		`{"resourceType":"CarePlan","id":"cp1","status":"active","category":[{"coding":[{"code":"assess-plan"}]},{"coding":[{"code":"38717003"}]}],"subject":{"reference":"Patient/p1"}}`,
		`{"resourceType":"Encounter","id":"e1","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p1"},"period":{"start":"2024-01-01T10:00:00Z","end":"2024-01-01T11:00:00Z"}}`,
		`{"resourceType":"Immunization","id":"i1","status":"completed","patient":{"reference":"Patient/p1"},"occurrenceDateTime":"2023-10-10"}`,
		`{"resourceType":"Binary","id":"b1","contentType":"text/plain","data":"aGVsbG8="}`,
		`{"resourceType":"Provenance","id":"pv1","target":[{"reference":"Observation/o000"},{"reference":"Condition/c1"}],"recorded":"2024-01-01T00:00:00Z"}`)
}

// plain turns all quirks off.
func plain() *fakeehr.Manners { return &fakeehr.Manners{} }

// follow reads a search to its end.
func (c *client) follow(path string) (pages []reply, ids []string) {
	c.t.Helper()
	for path != "" && len(pages) < 100 {
		r := c.get(path)
		if r.status != http.StatusOK {
			c.t.Fatalf("page %d: HTTP %d %s", len(pages), r.status, r.body)
		}
		pages = append(pages, r)
		ids = append(ids, r.ids("match")...)
		path = r.link("next")
	}
	return pages, ids
}

func athenaQuery(q string) string {
	return q + "&ah-practice=" + url.QueryEscape("Organization/a-1.Practice-195900")
}

func TestGenericSearch(t *testing.T) {
	c := start(t, fakeehr.Options{}, chart(7)...)
	for _, tt := range []struct {
		name, path string
		want       string
	}{
		{"by patient", "Condition?patient=p1", "c1"},
		{"by patient reference", "Condition?patient=Patient/p1", "c1"},
		{"by absolute patient", "Condition?subject=" + url.QueryEscape(c.e.URL()+"/Patient/p1"), "c1"},
		{"another patient", "Condition?patient=p2", ""},
		{"nobody", "Condition?patient=nobody", ""},
		{"by _id", "Observation?_id=o001,o003,nope", "o001 o003"},
		{"by _id of another", "Observation?_id=other&patient=p1", ""},
		{"by category", "Observation?patient=p1&category=social-history", "social"},
		{"by system and code", "Observation?patient=p1&category=http://terminology.hl7.org/CodeSystem/observation-category|social-history", "social"},
		{"by another system", "Observation?patient=p1&category=urn:x|social-history", ""},
		{"any of two codes", "Observation?patient=p1&code=http://loinc.org|72166-2,9999-9", "social"},
		{"not", "Observation?patient=p1&category:not=laboratory", "social"},
		{"missing", "Observation?patient=p1&encounter:missing=true&category=social-history", "social"},
		{"from a day", "Observation?patient=p1&date=ge2024-01-06", "o005 o006 social"},
		{"between", "Observation?patient=p1&date=ge2024-01-02&date=lt2024-01-04", "o001 o002"},
		{"on a day", "Observation?patient=p1&date=2024-01-03", "o002"},
		{"in a month", "Observation?patient=p1&date=2024-02", "social"},
		{"a period", "Encounter?patient=p1&date=2024-01-01", "e1"},
		{"after a period", "Encounter?patient=p1&date=sa2024-01-01", ""},
		{"before", "Immunization?patient=p1&date=eb2023-11", "i1"},
		{"sorted", "Observation?patient=p1&_sort=-date&_count=2", "social o006"},
		{"name starts with, any case", "Patient?family=o'b", "p1"},
		{"name in the middle", "Patient?family=brien", ""},
		{"name contains", "Patient?family:contains=brien", "p1"},
		{"name exactly", "Patient?given:exact=mary", ""},
		{"identifier", "Patient?identifier=urn:mrn|m-p2", "p2"},
		{"identifier of another system", "Patient?identifier=urn:x|m-p2", ""},
		{"birth date", "Patient?birthdate=1970-02-03", "p1"},
		{"birth year", "Patient?birthdate=1980", "p2"},
		{"phone in other digits", "Patient?phone=%2B16175552000", "p1"},
		{"post code", "Patient?address-postalcode=021&family=smith", "p2"},
		{"by target", "Provenance?target=Condition/c1", "pv1"},
		{"Patient by _id", "Patient?_id=p2", "p2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := c.get(tt.path)
			if got := strings.Join(r.ids("match"), " "); r.status != http.StatusOK || got != tt.want {
				t.Errorf("HTTP %d, %q, want %q", r.status, got, tt.want)
			}
		})
	}
	if r := c.get("Observation?patient=p1&_summary=count"); len(r.entries("match")) != 0 || r.json["total"] != json.Number("8") {
		t.Errorf("count: %s", r.body)
	}
	if r := c.get("Observation?patient=p1&date=yesterday"); r.status != http.StatusBadRequest {
		t.Errorf("a bad date: HTTP %d", r.status)
	}
	if r := c.do(http.MethodPost, "Condition/_search", "patient=p1", "Content-Type", "application/x-www-form-urlencoded"); strings.Join(r.ids("match"), "") != "c1" {
		t.Errorf("POST _search: %s", r.body)
	}
	if r := c.get("Observation?patient=p1&_id=o000&_revinclude=Provenance:target"); strings.Join(r.ids("include"), "") != "pv1" {
		t.Errorf("_revinclude: %s", r.body)
	}
	if r := c.get("MedicationRequest?patient=p1&_include=MedicationRequest:medication"); strings.Join(r.ids("include"), "") != "d1" {
		t.Errorf("_include: %s", r.body)
	}
}

func TestReadKeepsBytes(t *testing.T) {
	body := observation("o1", "p1", "laboratory", "2345-7", "2024-01-01")
	for _, v := range []population.Vendor{population.Epic, population.Cerner, population.Athena, population.Generic} {
		c := start(t, fakeehr.Options{Vendor: v}, body)
		if r := c.get("Observation/o1"); string(r.body) != body {
			t.Errorf("%s: %s", v, r.body)
		}
		if r := c.get("Observation/none"); r.status != http.StatusNotFound || r.json["resourceType"] != "OperationOutcome" {
			t.Errorf("%s: a read of nothing: HTTP %d", v, r.status)
		}
	}
}

func TestPublishedBaseIsReplaced(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Epic, PublishedBase: "https://epic.example.org/fhir"},
		`{"resourceType":"Condition","id":"c1","subject":{"reference":"https://epic.example.org/fhir/Patient/p1"}}`)
	if r := c.get("Condition/c1"); r.json["subject"].(tree)["reference"] != c.e.URL()+"/Patient/p1" {
		t.Errorf("%s", r.body)
	}
	if err := c.e.Load([]byte(`{"resourceType":"Condition","id":"c2","subject":{"reference":"https://epic.example.org/fhir/Patient/p1"}}`)); err != nil {
		t.Fatal(err)
	}
	if r := c.get("Condition/c2"); !strings.Contains(string(r.body), c.e.URL()) {
		t.Errorf("loaded after the start: %s", r.body)
	}
}

func TestLoadRefuses(t *testing.T) {
	e, err := fakeehr.New(fakeehr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []string{`{`, `{}`, `{"resourceType":"Patient"}`, `{"id":"x"}`} {
		if e.Load([]byte(b)) == nil {
			t.Errorf("%s was loaded", b)
		}
	}
}

func TestStopAndRestart(t *testing.T) {
	c := start(t, fakeehr.Options{}, chart(1)...)
	u := c.e.URL()
	if err := c.e.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.try(context.Background(), http.MethodGet, "Patient/p1", ""); err == nil {
		t.Errorf("while stopped: %v", err)
	}
	if c.e.Start() == nil {
		t.Error("started twice")
	}
	if err := c.e.Stop(); err != nil {
		t.Error("stopping twice:", err)
	}
	if err := c.e.Restart(); err != nil {
		t.Fatal(err)
	}
	if c.e.Restart() == nil {
		t.Error("restarted while running")
	}
	if r := c.get("Patient/p1"); r.status != http.StatusOK {
		t.Errorf("after the restart: HTTP %d", r.status)
	}
	if c.e.URL() != u {
		t.Error("restarted elsewhere")
	}
}

func TestRequestLog(t *testing.T) {
	c := start(t, fakeehr.Options{}, chart(1)...)
	c.get("Observation?patient=p1&category=laboratory", "X-Test", "1")
	c.get("Patient/p1")
	c.get("metadata")
	got := c.e.Requests()
	if len(got) != 3 || got[0].Type != "Observation" || got[0].Interaction != "search" || got[0].Query.Get("category") != "laboratory" || got[0].Status != http.StatusOK || got[0].Header.Get("X-Test") != "1" {
		t.Errorf("%+v", got)
	}
	if c.e.Hits("Observation", "") != 1 || c.e.Hits("", "read") != 1 || c.e.Hits("", "") != 3 {
		t.Errorf("hits %d %d %d", c.e.Hits("Observation", ""), c.e.Hits("", "read"), c.e.Hits("", ""))
	}
	c.e.ResetLog()
	if len(c.e.Requests()) != 0 {
		t.Error("not forgotten")
	}
}

func TestFixedBody(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Epic}, chart(200)...)
	body := c.e.Searchset("p1", "Observation", 20_000)
	if len(body) < 20_000 || len(body) > 22_000 || !json.Valid(body) {
		t.Fatalf("%d bytes", len(body))
	}
	c.e.Fix("p1", "Observation", body)
	if r := c.get("Observation?patient=p1&category=laboratory"); !bytes.Equal(r.body, body) {
		t.Error("another body")
	}
	if r := c.get("Observation?patient=p1"); r.status != http.StatusBadRequest {
		t.Errorf("manners do not hold any more: HTTP %d", r.status)
	}
	c.e.Fix("p1", "Observation", nil)
	if r := c.get("Observation?patient=p1&category=laboratory&_count=3"); len(r.entries("match")) != 3 {
		t.Error("still fixed")
	}
}

func TestConcurrentUse(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Epic}, chart(50)...)
	done := make(chan bool)
	for g := range 4 {
		go func() {
			defer func() { done <- true }()
			for i := range 15 {
				switch (g + i) % 4 {
				case 0:
					c.get("Observation?patient=p1&category=laboratory&date=ge2024-01-05&_count=10")
				case 1:
					if err := c.e.Load([]byte(observation(fmt.Sprintf("n%d-%d", g, i), "p1", "laboratory", "2345-7", "2024-05-05")), []byte(observation("o001", "p1", "laboratory", "2345-7", "2024-05-05"))); err != nil {
						t.Error(err)
					}
				case 2:
					c.e.Set(fakeehr.Fault{Kind: fakeehr.Slow, Delay: time.Millisecond})
					c.get("Patient/p1")
				default:
					c.e.Clear()
					_ = c.e.Requests()
					c.e.Merge("p2", "p1")
				}
			}
		}()
	}
	for range 4 {
		<-done
	}
}
