package connectortest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/connectors"
	"concord/federation"
	"concord/fhir"
)

// entries: an entry is what its resource is, and what was not asked for is dropped and said.
func entries(t *testing.T, f Factory) {
	const provenance = `{"resourceType":"Provenance","id":"p"}`
	const stranger = `{"resourceType":"Device","id":"d"}`
	entry := func(resource, mode string) string { return resource + `,"search":{"mode":"` + mode + `"}` }
	for _, x := range []struct {
		name      string
		resources []string
		included  int
		notes     []federation.NoteCode
	}{
		{name: "nothing"},
		{name: "an include", resources: []string{entry(provenance, "include")}, included: 1},
		{name: "an include twice", resources: []string{entry(provenance, "include"), entry(provenance, "include")}, included: 1},
		{name: "another type as a match", resources: []string{stranger}, notes: []federation.NoteCode{federation.NoteDropped}},
		{name: "no resourceType", resources: []string{`{"id":"x"}`}, notes: []federation.NoteCode{federation.NoteDropped}},
		{name: "no id", resources: []string{`{"resourceType":"Condition"}`}, notes: []federation.NoteCode{federation.NoteDropped}},
		{name: "no resource", resources: []string{`null`}, notes: []federation.NoteCode{federation.NoteDropped}},
		{name: "an unknown warning", resources: []string{entry(outcome("warning", "processing"), "outcome")}, notes: []federation.NoteCode{federation.NoteOther}},
		{name: "data withheld", resources: []string{outcome("warning", "suppressed")}, notes: []federation.NoteCode{federation.NoteWithheld}},
		{name: "information", resources: []string{entry(outcome("information", "informational"), "match")}},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) {
				Write(w, Searchset("", append(x.resources, condition("a", "1"))...))
			})
			page, err := search(t, connect(t, f, s))
			if err != nil {
				t.Fatal(err)
			}
			var notes []federation.NoteCode
			for _, n := range page.Notes {
				notes = append(notes, n.Code)
			}
			if d := cmp.Diff(x.notes, notes); d != "" {
				t.Error(d)
			}
			if len(page.Included) != x.included || len(page.Matches) != 1 {
				t.Errorf("%d matches, %d included", len(page.Matches), len(page.Included))
			}
		})
	}
}

// badAnswers: an answer that can't be used is a Fault of the right kind, and never an empty page.
func badAnswers(t *testing.T, f Factory) {
	for _, x := range []struct {
		name   string
		status int
		header string // one, "Name: value"
		body   string
		want   concord.Kind
	}{
		{name: "400", status: 400, body: outcome("error", "invalid"), want: concord.Invalid},
		{name: "401 without a body", status: 401, want: concord.Unauthorized},
		{name: "403 without a body", status: 403, header: `WWW-Authenticate: Bearer error="insufficient_scope"`, want: concord.Forbidden},
		{name: "403 that is a quota", status: 403, body: outcome("error", "throttled"), want: concord.RateLimited},
		{name: "404 HTML, a type that is not there", status: 404, header: "Content-Type: text/html", body: "<html>" + secret, want: concord.Unsupported},
		{name: "404 JSON of a gateway", status: 404, body: `"Service not registered ` + secret + `"`, want: concord.Unsupported},
		{name: "406 without a body", status: 406, header: "Content-Length: 0", want: concord.Unsupported},
		{name: "408, and long to wait", status: 408, header: "Retry-After: 3600", want: concord.Timeout},
		{name: "422", status: 422, body: secret, want: concord.Invalid},
		{name: "429", status: 429, header: "Retry-After: 3600", body: outcome("error", "throttled"), want: concord.RateLimited},
		{name: "500 HTML", status: 500, header: "Content-Type: text/html", body: "<html>" + secret, want: concord.Internal},
		{name: "503", status: 503, header: "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT", want: concord.Unavailable},
		{name: "204", status: 204, want: concord.Malformed},
		{name: "200 without a body", status: 200, want: concord.Malformed},
		{name: "200 HTML", status: 200, header: "Content-Type: text/html", body: "<html>" + secret, want: concord.Malformed},
		{name: "200 not JSON", status: 200, body: `{"resourceType":"Bundle",,` + secret, want: concord.Malformed},
		{name: "200 JSON and more", status: 200, body: Searchset("") + secret, want: concord.Malformed},
		{name: "200 JSON, not FHIR", status: 200, body: `{"error":"` + secret + `"}`, want: concord.Malformed},
		{name: "200 an array", status: 200, body: `[]`, want: concord.Malformed},
		{name: "200 null", status: 200, body: `null`, want: concord.Malformed},
		{name: "200 another resource", status: 200, body: condition("a", "1"), want: concord.Malformed},
		{name: "200 another Bundle", status: 200, body: `{"resourceType":"Bundle","type":"collection"}`, want: concord.Malformed},
		{name: "200 an error outcome", status: 200, body: outcome("error", "forbidden"), want: concord.Forbidden},
		{name: "200 a searchset of an error", status: 200, body: Searchset("", outcome("error", "invalid")), want: concord.Invalid},
		{name: "200 a searchset of an exception", status: 200, body: Searchset("", outcome("fatal", "exception")), want: concord.Internal},
		{name: "200 matches beside an error", status: 200, body: Searchset("", condition("a", "1"), outcome("error", "exception")), want: concord.Incomplete},
		{name: "200 cut off", status: 200, header: "Content-Length: 100000", body: Searchset(""), want: concord.Malformed},
		{name: "200 that says it is too long", status: 200, header: "Content-Length: 99999999", body: Searchset(""), want: concord.Malformed},
		{name: "gzip that is none", status: 200, header: "Content-Encoding: gzip", body: secret, want: concord.Unavailable},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) {
				if name, value, ok := strings.Cut(x.header, ": "); ok {
					w.Header().Set(name, value)
				}
				w.WriteHeader(x.status)
				Write(w, x.body)
			})
			page, err := search(t, connect(t, f, s))
			fault(t, err, x.want)
			if x.want != concord.Incomplete && len(page.Matches) > 0 {
				t.Errorf("%d matches", len(page.Matches))
			}
			var got *concord.Fault
			if errors.As(err, &got); strings.HasPrefix(x.header, "Retry-After") && got.RetryAfter < time.Hour {
				t.Errorf("Retry-After is %v", got.RetryAfter)
			}
			if n := len(s.Requests()); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
	t.Run("endless", func(t *testing.T) {
		s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			Write(w, `{"resourceType":"Bundle","type":"searchset","entry":[`)
			chunk := strings.Repeat(`{"resource":{"resourceType":"Condition","id":"x"}},`, 2000)
			for {
				if _, err := w.Write([]byte(chunk)); err != nil {
					return
				}
			}
		})
		_, err := search(t, connect(t, f, s, func(c *connectors.Config) { c.Limits.PageBytes = 1 << 20 }))
		fault(t, err, concord.Malformed)
	})
	t.Run("nobody there", func(t *testing.T) {
		s := NewSite(t, func(*Site, http.ResponseWriter, *http.Request) {})
		c := connect(t, f, s)
		s.Close()
		_, err := search(t, c)
		fault(t, err, concord.Unavailable)
	})
}

// redirects are never followed, wherever they lead.
func redirects(t *testing.T, f Factory) {
	elsewhere := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) {
		Write(w, Searchset("", condition("stolen", "1")))
	})
	for _, x := range []struct{ name, to string }{
		{"elsewhere", elsewhere.Base() + "/Condition"},
		{"at the source", basePath + "/Condition?patient=other"},
		{"to a patient elsewhere", elsewhere.Base() + "/Patient/other"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", x.to)
				w.WriteHeader(http.StatusFound)
			})
			c := connect(t, f, s)
			_, err := search(t, c)
			fault(t, err, concord.Malformed)
			_, err = c.Read(t.Context(), "Patient", patientID)
			fault(t, err, concord.Malformed)
			for _, uri := range s.Requests() {
				if strings.Contains(uri, "other") {
					t.Error("a redirect was followed")
				}
			}
		})
	}
	if n := len(elsewhere.Requests()); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
}

// inTime: the caller's leaving and the end of the time are told apart, and both are heeded.
func inTime(t *testing.T, f Factory) {
	arrived := make(chan struct{}, 8)
	s := NewSite(t, func(_ *Site, w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		Write(w, `{"resourceType":"Bundle"`)
		w.(http.Flusher).Flush()
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	t.Run("canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		_, err := connect(t, f, s).Search(ctx, query())
		fault(t, err, concord.Canceled)
	})
	t.Run("canceled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := connect(t, f, s).Search(ctx, query())
		fault(t, err, concord.Canceled)
	})
	t.Run("the caller's deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := connect(t, f, s).Read(ctx, asked, "x")
		fault(t, err, concord.Timeout)
	})
	t.Run("the source's budget", func(t *testing.T) {
		_, err := search(t, connect(t, f, s, func(c *connectors.Config) { c.Budget = 100 * time.Millisecond }))
		fault(t, err, concord.Timeout)
	})
}

// concurrent: one connector serves many, and what one gets is not another's.
func concurrent(t *testing.T, f Factory) {
	s := NewSite(t, func(_ *Site, w http.ResponseWriter, r *http.Request) {
		Write(w, Searchset("", condition(r.URL.Query().Get("patient"), "1")))
	})
	c := connect(t, f, s)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			id := "p" + strconv.Itoa(i)
			page, err := c.Search(t.Context(), federation.Query{Type: asked, Patient: concord.NewPatientRef(source, id)})
			if err != nil || len(page.Matches) != 1 || page.Matches[0].ID() != id {
				t.Errorf("search %d: %d matches, error %v", i, len(page.Matches), err)
			}
		})
	}
	wg.Wait()
}

func resource(t *testing.T, r fhir.Resource, err error, want string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Raw()) != want {
		t.Errorf("the resource is not as it was sent (%d bytes, want %d)", len(r.Raw()), len(want))
	}
}
