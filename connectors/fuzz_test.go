package connectors_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/connectors"
	ct "concord/connectors/connectortest"
	"concord/connectors/epic"
)

// memory is a source whose answers are made by f, without a network.
func memory(t *testing.T, f func(r *http.Request) (status int, body []byte)) connectors.Source {
	t.Helper()
	c, err := epic.New(connectors.Config{Source: source, Base: "http://ehr.example/a/r4", Limits: connectors.Limits{Pages: 8, PageBytes: 1 << 20},
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if u := r.URL; u.Scheme != "http" || u.Host != "ehr.example" || u.User != nil || u.Path != "/a/r4" && !strings.HasPrefix(u.Path, "/a/r4/") || strings.Contains(u.Path, "/..") {
				t.Errorf("a request to elsewhere")
			}
			code, body := f(r)
			return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/fhir+json"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: -1, Request: r}, nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// FuzzAnswer: whatever a source answers, on the first page and on the next, there is a page of the right type with each
// id once, or a Fault that says nothing of the answer.
func FuzzAnswer(f *testing.F) {
	outcome := `{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"exception","details":{"coding":[{"code":"4113"}]}}]}`
	for _, body := range []string{
		ct.Searchset("http://ehr.example/a/r4/Goal?p=2", goal, goal, outcome), ct.Searchset("Goal?p=2"), ct.Searchset("//x/"), outcome, "{}", "[]", "", "<html>",
		`{"resourceType":"Bundle","type":"searchset","link":{"relation":"next","url":7},"entry":{"resource":{"resourceType":"Goal","id":"a"}}}`,
		`{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"OperationOutcome","issue":{"severity":1,"details":[]}}},null,1]}`,
	} {
		f.Add(uint16(200), []byte(body), uint16(200), []byte(outcome))
		f.Add(uint16(400), []byte(body), uint16(500), []byte(body))
	}
	f.Fuzz(func(t *testing.T, status1 uint16, body1 []byte, status2 uint16, body2 []byte) {
		asked := 0
		c := memory(t, func(*http.Request) (int, []byte) {
			if asked++; asked == 1 {
				return 200 + int(status1)%400, body1
			}
			return 200 + int(status2)%400, body2
		})
		ctx := t.Context()
		page, err := c.Search(ctx, goals())
		if asked > 30 {
			t.Errorf("asked %d times", asked)
		}
		ids := map[string]bool{}
		for _, r := range page.Matches {
			if r.Type() != "Goal" || r.ID() == "" || ids[r.ID()] {
				t.Error("a match that is none, or is there twice")
			}
			ids[r.ID()] = true
		}
		check(t, err, body1, body2)
		asked = 0
		r, err := c.Read(ctx, "Goal", "a")
		if err == nil && (r.Type() != "Goal" || r.ID() != "a") {
			t.Error("read something else")
		}
		check(t, err, body1, body2)
		asked = 0
		b, err := c.Read(ctx, "Binary", "a")
		if err == nil && b.Type() != "Binary" {
			t.Error("read no Binary")
		}
		check(t, err, body1, body2)
	})
}

func check(t *testing.T, err error, bodies ...[]byte) {
	t.Helper()
	if err == nil {
		return
	}
	var fault *concord.Fault
	if !errors.As(err, &fault) || fault.Kind == concord.Unknown || fault.Kind == concord.Conflict || fault.Source != source {
		t.Errorf("fault %v", err)
	}
	text := fmt.Sprintf("%+v", err)
	for _, b := range bodies {
		if s := string(b); len(s) > 12 && strings.Contains(text, s) {
			t.Error("the error holds the answer")
		}
	}
}

// FuzzNext: whatever a next link says, it is at the source or is not followed.
func FuzzNext(f *testing.F) {
	for _, s := range []string{"http://ehr.example/a/r4/Goal?x", "https://ehr.example/a/r4", "/a/r4?x", "Goal?x=%2e", "../x", "//ehr.example/a/r4", "http://ehr.example:80/a/r4/..;/x", `\\x`, "http://ehr.example%2Fa/r4", "http://EHR.example/a/r4/%2E./x", "?x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, link string) {
		u, ok := connectors.Resolve("http://ehr.example/a/r4", link)
		if !ok {
			return
		}
		// read it again, as whoever is on the way would
		again, err := url.Parse(u.String())
		if err != nil {
			t.Fatalf("not a URL: %v", err)
		}
		clean := again.JoinPath().Path
		if again.Scheme != "http" || !strings.EqualFold(again.Hostname(), "ehr.example") || again.Port() != "" && again.Port() != "80" || again.User != nil ||
			clean != "/a/r4" && !strings.HasPrefix(clean, "/a/r4/") {
			t.Errorf("%q leads to %q", link, again)
		}
	})
}

// TestPaging: however a source cuts and repeats its resources over pages, each comes once, and as its newest version.
func TestPaging(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type version struct {
			ID      string
			Version int
		}
		all := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) version {
			return version{rapid.StringMatching(`[a-e]`).Draw(rt, "id"), rapid.IntRange(1, 12).Draw(rt, "version")}
		}), 0, 30).Draw(rt, "resources")
		want, order := map[string]int{}, []string{}
		var pages [][]string
		pages = append(pages, nil)
		for _, v := range all {
			if _, ok := want[v.ID]; !ok {
				order = append(order, v.ID)
			}
			want[v.ID] = max(want[v.ID], v.Version)
			if len(pages) < 8 && rapid.Bool().Draw(rt, "page ends") {
				pages = append(pages, nil)
			}
			pages[len(pages)-1] = append(pages[len(pages)-1], fmt.Sprintf(`{"resourceType":"Goal","id":%q,"meta":{"versionId":"%d"}}`, v.ID, v.Version))
		}
		c := memory(t, func(r *http.Request) (int, []byte) {
			n, _ := strconv.Atoi(r.URL.Query().Get("p"))
			next := ""
			if n+1 < len(pages) {
				next = fmt.Sprintf("Goal?p=%d", n+1)
			}
			return 200, []byte(ct.Searchset(next, pages[n]...))
		})
		page, err := c.Search(t.Context(), goals())
		if err != nil || page.Requests != len(pages) {
			rt.Fatalf("%d requests for %d pages, error %v", page.Requests, len(pages), err)
		}
		got, gotOrder := map[string]int{}, []string{}
		for _, r := range page.Matches {
			gotOrder = append(gotOrder, r.ID())
			got[r.ID()], _ = strconv.Atoi(r.Path("meta", "versionId").Text())
		}
		if d := cmp.Diff(want, got) + cmp.Diff(order, gotOrder); d != "" {
			rt.Fatal(d)
		}
	})
}
