package scenarios_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// spans is an OTLP collector.
type spans struct {
	mu  sync.Mutex
	raw []byte
	all []*tracepb.Span
}

func (s *spans) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	var req collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(b, &req) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw = append(s.raw, b...)
	for _, rs := range req.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			s.all = append(s.all, ss.Spans...)
		}
	}
}

// TestTraces: a request is a span with one below it for each source and type, which says what became of it; nothing that a
// client or a source wrote is in any.
func TestTraces(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 71, Persons: 1, Registered: 3, Noise: population.AllNoise()}})
	p := w.Population.Persons[0]
	var got spans
	s := httptest.NewServer(&got)
	defer s.Close()
	r := startKeyed(t, w, "700ms", t.TempDir(), map[string]string{"": "traces: {endpoint: \"" + s.URL + "/v1/traces\"}\n"})
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	w.EHRs[1].Set(fakeehr.Fault{Kind: fakeehr.ServerError, Type: "Condition"})
	defer w.Heal()
	const parent = "4bf92f3577b34da6a3ce929d0e0e4736"
	r.get(t, "Condition?patient="+id, "traceparent", "00-"+parent+"-00f067aa0ba902b7-00", "tracestate", "x="+p.SSN, "X-Request-Id", p.SSN, "User-Agent", p.Family)
	r.get(t, "Patient?family="+p.Family+"&birthdate="+p.Birth.Format("2006-01-02"))
	r.get(t, "Patient/"+p.SSN)
	r.ask(t, `{Patient(id:"`+id+`"){name{family}}}`, nil)
	r.stop()
	got.mu.Lock()
	defer got.mu.Unlock()
	var sources []string
	request := ""
	for _, x := range got.all {
		if x.Name == "search-type" && slices.ContainsFunc(got.all, func(c *tracepb.Span) bool { return string(c.ParentSpanId) == string(x.SpanId) }) && strings.Contains(x.String(), "/fhir/r4/Condition") {
			request = string(x.SpanId)
			if hex.EncodeToString(x.TraceId) != parent {
				t.Error("it is not of the caller's trace")
			}
		}
	}
	for _, x := range got.all {
		if request != "" && string(x.ParentSpanId) == request {
			sources = append(sources, attribute(x, "concord.source")+" "+attribute(x, "concord.outcome"))
			if x.EndTimeUnixNano < x.StartTimeUnixNano {
				t.Error("a span ends before it begins")
			}
		}
	}
	slices.Sort(sources)
	if want := []string{"athena ok", "cerner failed", "epic ok"}; !slices.Equal(sources, want) {
		t.Errorf("%d spans: %q", len(got.all), sources)
	}
	for secret, what := range canaries(t, w, p) {
		if strings.Contains(string(got.raw), secret) {
			t.Errorf("%s is in a span", what)
		}
	}
	if strings.Contains(string(got.raw), id) || strings.Contains(string(got.raw), r.token) || strings.Contains(string(got.raw), "UPSTREAM-CANARY") {
		t.Error("an id, a token or a source's text is in a span")
	}
}

func attribute(x *tracepb.Span, key string) string {
	for _, a := range x.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}
