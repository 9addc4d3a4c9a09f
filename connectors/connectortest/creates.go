package connectortest

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"concord"
	"concord/connectors"
	"concord/federation"
)

// creates: one request, whatever becomes of it; and who can't tell whether it was done says so.
func creates(t *testing.T, f Factory) {
	const body = `{"resourceType":"Condition","subject":{"reference":"Patient/` + patientID + `"}}`
	location := func(w http.ResponseWriter, at string) { w.Header().Set("Location", at) }
	cut := func(_ *Site, w http.ResponseWriter, _ *http.Request) {
		if h, ok := w.(http.Hijacker); ok {
			if conn, _, err := h.Hijack(); err == nil {
				_ = conn.Close()
			}
		}
	}
	for _, x := range []struct {
		name   string
		answer func(s *Site, w http.ResponseWriter, r *http.Request)
		id     string // "" when it fails
		shown  bool   // the resource came back
		kind   concord.Kind
		unsure bool
	}{
		{name: "a relative Location with a version", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			location(w, "Condition/new-1/_history/1")
			w.WriteHeader(http.StatusCreated)
		}, id: "new-1"},
		{name: "an absolute Location", answer: func(s *Site, w http.ResponseWriter, _ *http.Request) {
			location(w, s.Base()+"/Condition/new%2F2")
			w.WriteHeader(http.StatusCreated)
		}, id: "new/2"},
		{name: "the resource, and 200", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) { Write(w, condition("new-3", "1")) }, id: "new-3", shown: true},
		{name: "Location and resource", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			location(w, "Condition/new-4")
			w.WriteHeader(http.StatusCreated)
			Write(w, condition("new-4", "1"))
		}, id: "new-4", shown: true},
		{name: "they name different ones", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			location(w, "Condition/new-5")
			w.WriteHeader(http.StatusCreated)
			Write(w, condition("other", "1"))
		}, id: "new-5"},
		{name: "an outcome beside the Location", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			location(w, "Condition/new-6")
			w.WriteHeader(http.StatusCreated)
			Write(w, outcome("information", "informational"))
		}, id: "new-6"},
		{name: "neither", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }, kind: concord.Malformed, unsure: true},
		{name: "a Location elsewhere", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			location(w, "https://elsewhere.invalid/api/FHIR/R4/Condition/x")
			w.WriteHeader(http.StatusCreated)
		}, kind: concord.Malformed, unsure: true},
		{name: "400", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			Write(w, outcome("error", "invalid"))
		}, kind: concord.Invalid},
		{name: "422", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnprocessableEntity) }, kind: concord.Invalid},
		{name: "401", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, kind: concord.Unauthorized},
		{name: "403", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, kind: concord.Forbidden},
		{name: "404", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, kind: concord.Unsupported},
		{name: "405", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }, kind: concord.Unsupported},
		{name: "429", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		}, kind: concord.RateLimited},
		{name: "500", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			Write(w, "<html>"+secret)
		}, kind: concord.Internal, unsure: true},
		{name: "503", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, kind: concord.Unavailable, unsure: true},
		{name: "504", answer: func(_ *Site, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) }, kind: concord.Timeout, unsure: true},
		{name: "a redirect", answer: func(s *Site, w http.ResponseWriter, _ *http.Request) {
			location(w, s.Base()+"/Condition")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, kind: concord.Malformed, unsure: true},
		{name: "no answer", answer: func(_ *Site, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, kind: concord.Timeout, unsure: true},
		{name: "the connection is cut", answer: cut, kind: concord.Unavailable, unsure: true},
	} {
		t.Run(x.name, func(t *testing.T) {
			var got atomic.Value
			s := NewSite(t, func(s *Site, w http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(bufio.NewReader(r.Body))
				if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/fhir+json" {
					t.Errorf("%s %s, %v", r.Method, r.Header.Get("Content-Type"), err)
				}
				got.Store(string(b))
				x.answer(s, w, r)
			})
			c := connect(t, f, s, func(cfg *connectors.Config) { cfg.Budget = time.Second })
			done, err := c.Create(t.Context(), asked, []byte(body))
			if n := len(s.Requests()); n != 1 || s.Requests()[0] != basePath+"/Condition" {
				t.Errorf("%d requests", n)
			}
			if got.Load() != body {
				t.Error("the body is not what was given")
			}
			if x.id != "" {
				if err != nil || done.ID != x.id || (done.Resource.ID() != "") != x.shown {
					t.Errorf("%v, id as expected: %t, shown: %t", err, done.ID == x.id, done.Resource.ID() != "")
				}
				return
			}
			fault(t, err, x.kind)
			if errors.Is(err, federation.ErrUnsure) != x.unsure {
				t.Errorf("unsure: %t", !x.unsure)
			}
			if strings.Contains(err.Error(), patientID) {
				t.Error("the error tells of the patient")
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		s := NewSite(t, func(*Site, http.ResponseWriter, *http.Request) {})
		c := connect(t, f, s)
		s.Close()
		_, err := c.Create(t.Context(), asked, []byte(body))
		fault(t, err, concord.Unavailable)
		if errors.Is(err, federation.ErrUnsure) {
			t.Error("nothing was sent, and it says that it may have been done")
		}
	})
}
