package connectortest

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/federation"
)

// reads: a resource comes as it was sent, or a Fault says why not.
func reads(t *testing.T, f Factory) {
	long := "eSze1tdkvIKKSk2u6Emf0Y5QLGKf47NX05p-dLHYN8BhydN9TbCdUNNcpL2Cfv.d3" + strings.Repeat("Q", 64)
	for _, x := range []struct{ name, id, uri string }{
		{"plain", "a", basePath + "/Condition/a"},
		{"over 64 characters", long, basePath + "/Condition/" + long},
		{"what a URL would take amiss", "a/b?c#d%2e e", basePath + "/Condition/a%2Fb%3Fc%23d%252e%20e"},
	} {
		t.Run(x.name, func(t *testing.T) {
			body := " \n" + condition(x.id, "1")
			s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) { Write(w, body) })
			r, err := connect(t, f, s).Read(t.Context(), asked, x.id)
			resource(t, r, err, strings.TrimSpace(body))
			if seen := s.Requests(); len(seen) != 1 || seen[0] != x.uri {
				t.Errorf("%d requests; the id was kept: %t", len(seen), len(seen) == 1 && seen[0] == x.uri)
			}
		})
	}
	for _, x := range []struct {
		name   string
		status int
		body   string
		want   concord.Kind
	}{
		{"404", 404, outcome("error", "not-found"), concord.NotFound},
		{"404 HTML", 404, "<html>" + secret, concord.NotFound},
		{"410", 410, "", concord.NotFound},
		{"403", 403, "", concord.Forbidden},
		{"another id", 200, condition("other-CANARY", "1"), concord.Malformed},
		{"another type", 200, `{"resourceType":"Observation","id":"a"}`, concord.Malformed},
		{"not JSON", 200, secret, concord.Malformed},
		{"an error outcome", 200, outcome("error", "not-found"), concord.NotFound},
		{"an outcome of no error", 200, outcome("information", "informational"), concord.Malformed},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(x.status)
				Write(w, x.body)
			})
			_, err := connect(t, f, s).Read(t.Context(), asked, "a")
			fault(t, err, x.want)
		})
	}
	t.Run("what can't be read is not asked for", func(t *testing.T) {
		s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) { Write(w, condition("a", "1")) })
		c := connect(t, f, s)
		for _, id := range []string{"", ".", ".."} {
			_, err := c.Read(t.Context(), asked, id)
			fault(t, err, concord.NotFound)
		}
		_, err := c.Read(t.Context(), "Nonesuch", "a")
		fault(t, err, concord.Unsupported)
		if n := len(s.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

// readsByID: a search by _id alone, and one of the Patient that is known.
func readsByID(t *testing.T, f Factory) {
	s := NewSite(t, func(_ *Site, w http.ResponseWriter, r *http.Request) {
		switch path := strings.TrimPrefix(r.URL.Path, basePath); path {
		case "/Condition/a", "/Condition/b":
			Write(w, condition(strings.TrimPrefix(path, "/Condition/"), "1"))
		case "/Patient/" + patientID:
			Write(w, `{"resourceType":"Patient","id":"`+patientID+`"}`)
		case "/Condition/down":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	c := connect(t, f, s)
	for _, x := range []struct {
		name, id string
		want     []string
		kind     concord.Kind
	}{
		{"some", "a,gone,b", []string{"a", "b"}, concord.Unknown},
		{"none", "gone", []string{}, concord.Unknown},
		{"one fails", "a,down", []string{"a"}, concord.Incomplete},
		{"all fail", "down", []string{}, concord.Internal},
		{"no id at all", ",", []string{}, concord.Invalid},
	} {
		t.Run(x.name, func(t *testing.T) {
			page, err := c.Search(t.Context(), federation.Query{Type: asked, Params: []federation.Param{{Key: "_id", Value: x.id}}})
			if x.kind != concord.Unknown {
				fault(t, err, x.kind)
			} else if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(x.want, ids(page)); d != "" {
				t.Error(d)
			}
		})
	}
	page, err := c.Search(t.Context(), federation.Query{Type: "Patient", Patient: query().Patient})
	if err != nil || len(page.Matches) != 1 {
		t.Errorf("the known Patient: %d matches, error %v", len(page.Matches), err)
	}
	_, err = c.Search(t.Context(), federation.Query{Type: "Patient", Patient: concord.NewPatientRef(source, "gone")})
	fault(t, err, concord.NotFound)
	_, err = c.Search(t.Context(), federation.Query{Type: asked, Params: []federation.Param{{Key: "code", Value: "x"}}})
	fault(t, err, concord.Unsupported)
	_, err = c.Search(t.Context(), federation.Query{Type: "Patient", Params: []federation.Param{{Key: "gender", Value: "female"}}})
	fault(t, err, concord.Unsupported)
}

// binary: content comes as a Binary whether the source wraps it or not.
func binary(t *testing.T, f Factory) {
	const wrapped = `{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"eA=="}`
	for _, x := range []struct{ name, media, body, want string }{
		{"wrapped", "application/fhir+json", wrapped, wrapped},
		{"HTML", "text/html; charset=utf-8", "<p>\x00</p>", `{"resourceType":"Binary","id":"b","contentType":"text/html","data":"` + base64.StdEncoding.EncodeToString([]byte("<p>\x00</p>")) + `"}`},
		{"nothing said", "", "", `{"resourceType":"Binary","id":"b","contentType":"application/octet-stream","data":""}`},
		{"JSON that is the content", "application/json", `{"a":1}`, `{"resourceType":"Binary","id":"b","contentType":"application/json","data":"eyJhIjoxfQ=="}`},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{x.media}
				Write(w, x.body)
			})
			r, err := connect(t, f, s).Read(t.Context(), "Binary", "b")
			resource(t, r, err, x.want)
		})
	}
	s := NewSite(t, func(_ *Site, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	_, err := connect(t, f, s).Read(t.Context(), "Binary", "b")
	fault(t, err, concord.Forbidden)
}
