package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"concord"
	"concord/audit"
	"concord/federation"
	"concord/fhir"
	"concord/gateway"
	"concord/gateway/ratelimit"
	"concord/graphql"
	"concord/internal/obs"
	"concord/merge"
	"concord/mpi"
	"concord/mpi/memstore"
	"concord/smart"
	"concord/testharness/issuer"
)

// canary is in what is of another patient, and must never come out.
const canary = "CANARY-7361"

// site is a source in memory: a patient p1, whom everybody knows, and p2, who is somebody else.
type site struct{ name concord.SourceID }

func (s site) About() federation.About {
	return federation.About{Source: s.name, Base: "https://" + string(s.name) + ".example.org/r4", Budget: 2 * time.Second}
}

func (s site) Supports(t fhir.ResourceType) bool { return t != "Goal" }

func (s site) Search(_ context.Context, q federation.Query) (federation.Page, error) {
	var p federation.Page
	for _, text := range s.all() {
		r, err := fhir.Parse([]byte(text), fhir.Limits{})
		if err != nil {
			return p, err
		}
		if r.Type() == q.Type && q.Patient.Reveal() != "" && strings.Contains(text, "Patient/"+q.Patient.Reveal()+`"`) {
			p.Matches = append(p.Matches, r)
		}
	}
	return p, nil
}

func (s site) Read(_ context.Context, t fhir.ResourceType, id string) (fhir.Resource, error) {
	for _, text := range s.all() {
		if r, err := fhir.Parse([]byte(text), fhir.Limits{}); err == nil && r.Type() == t && r.ID() == id {
			return r, nil
		}
	}
	return fhir.Resource{}, &concord.Fault{Op: "read", Kind: concord.NotFound, Source: s.name}
}

func (s site) Create(_ context.Context, t fhir.ResourceType, body []byte) (federation.Created, error) {
	if !json.Valid(body) {
		return federation.Created{}, &concord.Fault{Op: "create", Kind: concord.Internal, Source: s.name}
	}
	return federation.Created{ID: "new-" + string(t)}, nil
}

func (s site) all() []string {
	out := []string{`{"resourceType":"Patient","id":"p2","name":[{"family":"` + canary + `"}]}`}
	for _, p := range []string{"p1", "p2"} {
		text := "well"
		if p == "p2" {
			text = canary
		} else {
			out = append(out, `{"resourceType":"Patient","id":"p1","name":[{"family":"Example","given":["Person"]}],"birthDate":"1970-02-03","telecom":[{"system":"phone","value":"6174245555"}]}`)
		}
		for i := range 3 {
			out = append(out, fmt.Sprintf(`{"resourceType":"Condition","id":"%s-c%d","subject":{"reference":"Patient/%s"},"code":{"text":"%s %d"},"onsetDateTime":"201%d"}`, p, i, p, text, i, i),
				fmt.Sprintf(`{"resourceType":"Observation","id":"%s-o%d","status":"final","subject":{"reference":"Patient/%s"},"code":{"coding":[{"system":"http://loinc.org","code":"%d-1"}],"text":"%s"},"valueQuantity":{"value":%d.50,"unit":"mg"},"effectiveDateTime":"2020-01-0%d"}`, p, i, p, i, text, i, i+1))
		}
	}
	return out
}

// counting is a sink that counts.
type counting struct{ records atomic.Int64 }

func (c *counting) Append(_ context.Context, e audit.Event) error {
	if strings.Contains(string(e.AppendJSON(nil)), canary) {
		return &concord.Fault{Op: "audit", Kind: concord.Invalid}
	}
	c.records.Add(1)
	return nil
}
func (*counting) Health(context.Context) error { return nil }
func (*counting) Durable() bool                { return true }
func (*counting) Close() error                 { return nil }

// edge is a whole gateway over two sources in memory.
type edge struct {
	gateway *gateway.Gateway
	trail   *counting
	log     *strings.Builder
	token   string // of a patient/ scope for p1, who is a person of both sources
}

func newEdge(f *testing.F) *edge {
	f.Helper()
	const public = "https://hie.example.org"
	iss, err := issuer.Start(issuer.Options{Lifetime: 12 * time.Hour})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = iss.Close() })
	index := mpi.NewIndex(memstore.New())
	person, err := index.Register(f.Context(), mpi.Demographics{Ref: concord.NewPatientRef("epic", "p1")})
	if err != nil {
		f.Fatal(err)
	}
	if person, err = index.Link(f.Context(), person.ID, concord.NewPatientRef("cerner", "p1")); err != nil {
		f.Fatal(err)
	}
	if _, err := index.Register(f.Context(), mpi.Demographics{Ref: concord.NewPatientRef("epic", "p2")}); err != nil {
		f.Fatal(err)
	}
	engine := merge.NewEngine(merge.Default())
	sites := []federation.Connector{site{"epic"}, site{"cerner"}}
	fed, err := federation.New(sites, index, engine, federation.Options{Creators: map[concord.SourceID]federation.Creator{"epic": site{"epic"}}})
	if err != nil {
		f.Fatal(err)
	}
	verifier, err := smart.NewVerifier(smart.Config{Audience: public + "/fhir/r4", MaxLifetime: 24 * time.Hour, Issuers: []smart.Issuer{{Name: iss.URL(), JWKSURL: iss.JWKSURL()}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(verifier.Close)
	queries, err := graphql.New()
	if err != nil {
		f.Fatal(err)
	}
	e := &edge{trail: &counting{}, log: &strings.Builder{}}
	trail, err := audit.NewTrail([]byte("key"), e.trail)
	if err != nil {
		f.Fatal(err)
	}
	e.gateway = gateway.New(gateway.Config{PublicURL: public, Version: "1", Federator: fed, Engine: engine, GraphQL: queries, StandIns: memstore.New(), Verifier: verifier, Trail: trail,
		Sources: map[concord.SourceID]gateway.Policy{"epic": {Creates: []fhir.ResourceType{"Condition"}}}, Limits: gateway.Limits{BreakGlass: ratelimit.NewBreakGlass([]byte("glass"), nil)},
		Log: slog.New(obs.NewHandler(e.log, slog.LevelError, obs.Keys()...)), Metrics: gateway.NewMetrics(prometheus.NewRegistry())})
	if e.token, err = iss.Token(iss.Claims(public+"/fhir/r4", "patient/*.cruds").With("patient", string(person.ID))); err != nil {
		f.Fatal(err)
	}
	return e
}

// serve is the answer to a request as it was sent; nil for one that net/http refuses. TOKEN stands for the token.
func (e *edge) serve(t testing.TB, sent []byte) *httptest.ResponseRecorder {
	t.Helper()
	head, body, _ := strings.Cut(strings.ReplaceAll(string(sent), "TOKEN", e.token), "\r\n\r\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\n\r\n")))
	if err != nil {
		return nil
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(strings.NewReader(body)), int64(len(body)), nil // however it was framed
	r.RemoteAddr = "192.0.2.1:1234"
	w := httptest.NewRecorder()
	e.gateway.ServeHTTP(w, r.WithContext(t.Context()))
	return w
}

// FuzzServe: whatever is sent over a connection, there is an answer of a known kind, in JSON where it says so, behind its
// record; nothing of another patient's is in it, no header is broken, and nothing panics.
func FuzzServe(f *testing.F) {
	e := newEdge(f)
	for _, x := range []struct {
		status int
		sent   string
	}{
		{200, "GET /fhir/r4/Condition?patient=epic.p1&_count=1&_sort=-onset-date HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nAccept: application/fhir+json;q=0.9, */*\r\nPrefer: handling=strict\r\n\r\n"},
		{200, "GET /fhir/r4/Patient/epic.p1/$everything?_type=Condition,Observation&start=2010 HTTP/1.1\r\nHost: x\r\nAuthorization: bearer TOKEN\r\nIf-None-Match: W/\"x\", *\r\n\r\n"},
		{200, "GET /fhir/r4/Patient/cerner.p1/$explain?resource=Condition/epic.p1-c0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n\r\n"},
		{200, "GET /fhir/r4/Patient/epic.p1/$compare?source=epic,cerner&mode=all&partial=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n\r\n"},
		{403, "GET /fhir/r4/Patient/epic.p2 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nX-Request-Id: a\tb\r\n\r\n"},
		{403, "GET /fhir/r4/Observation?patient=Patient/epic.p2&code:not=http://loinc.org%7C1-1&value-quantity=gt1%7C%7Cmg&_include=Observation:subject HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n\r\n"},
		{200, "POST /fhir/r4/Condition/_search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\npatient=epic.p1"},
		{201, "POST /fhir/r4/Condition HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nContent-Type: application/fhir+json\r\n\r\n{\"resourceType\":\"Condition\",\"subject\":{\"reference\":\"Patient/epic.p1\"}}\n"},
		{200, "POST /fhir/r4/Observation/$validate?profile=x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nContent-Type: application/json\r\n\r\n{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Observation\"}}]}"},
		{200, "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nContent-Type: application/json\r\n\r\n{\"query\":\"{ConditionList(patient:\\\"epic.p1\\\"){id code{text}}}  \"}"},
		{200, "GET /fhir/r4/$graphql?query=%7BPatient(id:%22epic.p2%22)%7Bname%7Bfamily%7D%7D%7D HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n\r\n"},
		{406, "GET /fhir/r4/metadata HTTP/1.0\r\nAccept: application/fhir+xml\r\n\r\n"}, {404, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"}, {200, "HEAD /fhir/r4/.well-known/smart-configuration HTTP/1.1\r\nHost: x\r\n\r\n"},
		{400, "DELETE /fhir/r4/Patient/..%2f..%00;x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nAuthorization: Bearer x\r\n\r\n"},
		{400, "GET /fhir/r4/Condition?_page=00.1&access_token=x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nX-Break-Glass: t=1,n=x,sig=00\r\n\r\n"},
		{415, "POST /fhir/r4/Patient HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n0\r\n\r\n"},
	} {
		// what is begun from does what it is there for
		if w := e.serve(f, []byte(x.sent)); w == nil || w.Code != x.status {
			f.Errorf("%.60q is HTTP %d, not %d: %s", x.sent, w.Code, x.status, w.Body)
		}
		f.Add([]byte(x.sent))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		before := e.trail.records.Load()
		w := e.serve(t, sent)
		if w == nil {
			return
		}
		a := w.Result()
		body, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		if a.StatusCode < 200 || a.StatusCode == http.StatusInternalServerError || a.StatusCode == http.StatusServiceUnavailable || a.StatusCode > 504 {
			t.Errorf("HTTP %d: %s", a.StatusCode, body)
		}
		public := strings.HasPrefix(a.Header.Get("Cache-Control"), "public")
		if records := e.trail.records.Load() - before; records < 1 && !public {
			t.Errorf("HTTP %d, without a record", a.StatusCode)
		}
		if strings.Contains(string(body), canary) && !strings.Contains(string(sent), canary) {
			t.Errorf("another patient's came out: %s", body)
		}
		if len(body) > 0 && strings.Contains(a.Header.Get("Content-Type"), "json") && !json.Valid(body) {
			t.Errorf("not JSON: %s", body)
		}
		if bytes.HasPrefix(sent, []byte("HEAD ")) && len(body) > 0 {
			t.Error("a body for HEAD")
		}
		for k, all := range a.Header {
			for _, v := range all {
				if strings.ContainsFunc(k+v, func(c rune) bool { return c < ' ' || c == 0x7f }) {
					t.Errorf("a header that is none: %s: %q", k, v)
				}
			}
		}
		if e.log.Len() > 0 {
			t.Errorf("the log says: %s", e.log.String())
			e.log.Reset()
		}
	})
}
