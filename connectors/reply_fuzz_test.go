package connectors_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"concord"
	"concord/connectors"
	"concord/connectors/generic"
)

// FuzzToken: whatever a token endpoint answers, what is taken for a token is the access_token that another JSON reader finds,
// can stand in a header, and is no other kind of token; otherwise there is a Fault that says nothing of the answer.
func FuzzToken(f *testing.F) {
	for _, s := range []string{
		`{"access_token":"a.b-c","token_type":"Bearer","expires_in":300}`, `{"access_token":"x","token_type":"bearer","expires_in":"60"}`, `{"access_token":"x y"}`, `{"access_token":""}`,
		`{"access_token":"x","expires_in":-1}`, `{"access_token":"x","expires_in":1e99}`, `{"access_token":"x","token_type":"DPoP"}`, `{"access_token":7}`, `[]`, ``, `{"error":"invalid_client","error_description":"who is CANARY-0123456789?"}`, "{\"access_token\":\"x\\ny\"}",
	} {
		f.Add(uint16(0), s, "")
		f.Add(uint16(200), s, "3")
	}
	f.Fuzz(func(t *testing.T, status uint16, body, wait string) {
		synctest.Test(t, func(t *testing.T) {
			code := 200 + int(status)%400
			tokens, err := connectors.NewClientSecret(connectors.Endpoint{Source: source, TokenURL: "https://ehr.example/token", ClientID: "c", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: code, Header: http.Header{"Retry-After": {wait}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r}, nil
			})}, "secret")
			if err != nil {
				t.Fatal(err)
			}
			token, err := tokens.Token(t.Context())
			if err != nil {
				var fault *concord.Fault
				if token != "" || !errors.As(err, &fault) || fault.Source != source {
					t.Fatalf("%q, %v", token, err)
				}
				switch fault.Kind {
				case concord.Unauthorized, concord.RateLimited, concord.Unavailable, concord.Timeout, concord.Canceled, concord.Malformed:
				default:
					t.Errorf("of kind %v", fault.Kind)
				}
				if len(body) > 12 && strings.Contains(err.Error(), body) || strings.Contains(err.Error(), "CANARY") {
					t.Error("the error holds the answer")
				}
				return
			}
			var m struct {
				Token string `json:"access_token"`
				Type  string `json:"token_type"`
			}
			if code != http.StatusOK || json.Unmarshal([]byte(body), &m) != nil || m.Token != token || m.Type != "" && !strings.EqualFold(m.Type, "bearer") {
				t.Errorf("HTTP %d gave %q", code, token)
			}
			for _, c := range []byte(token) {
				if c <= ' ' || c > '~' {
					t.Errorf("%q can't stand in a header", token)
				}
			}
		})
	})
}

// FuzzCreated: whatever a source answers to a create, the new resource's id is one that its body or its Location at the
// source itself has, and a resource that is handed on is of the type and id; an answer that leaves it open is a Fault.
func FuzzCreated(f *testing.F) {
	for _, x := range [][2]string{
		{"https://ehr.example/r4/Goal/77/_history/1", ""}, {"Goal/77", `{"resourceType":"Goal","id":"77"}`}, {"https://elsewhere.example/r4/Goal/9", `{"resourceType":"Goal","id":"77"}`}, {"", ""},
		{"Goal/a%2Fb", ""}, {"https://ehr.example/r4/Patient/1", `{"resourceType":"Patient","id":"1"}`}, {"/r4/Goal/%zz", "{"}, {"//x/Goal/1", `{"resourceType":"OperationOutcome","issue":[{"severity":"error"}]}`}, {"Goal/..", ""},
	} {
		f.Add(uint16(1), x[0], x[1])
		f.Add(uint16(222), x[0], x[1])
	}
	f.Fuzz(func(t *testing.T, status uint16, location, body string) {
		code := 200 + int(status)%400
		c, err := generic.New(connectors.Config{Source: source, Base: "https://ehr.example/r4", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, err
			}
			return &http.Response{StatusCode: code, Header: http.Header{"Location": {location}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		done, err := c.Create(t.Context(), "Goal", []byte(`{"resourceType":"Goal"}`))
		if err != nil {
			check(t, err, []byte(body), []byte(location))
			return
		}
		var m map[string]any
		own := json.Unmarshal([]byte(body), &m) == nil && m["resourceType"] == "Goal" && m["id"] == done.ID
		if done.ID == "" || code >= 300 {
			t.Fatalf("HTTP %d, id %q", code, done.ID)
		}
		if done.Resource.Exists() && (done.Resource.Type() != "Goal" || done.Resource.ID() != done.ID || !own) {
			t.Fatalf("a %s with id %q, and the create's is %q", done.Resource.Type(), done.Resource.ID(), done.ID)
		}
		if own {
			return
		}
		u, err := url.Parse(location)
		if err != nil || u.Host != "" && !strings.EqualFold(u.Hostname(), "ehr.example") || !strings.Contains(u.EscapedPath(), "Goal/") {
			t.Fatalf("%q is of neither the body nor %q", done.ID, location)
		}
		said := false
		for _, at := range []string{u.EscapedPath(), path.Clean(u.EscapedPath())} { // "Goal/./7" is Goal/7
			at, err := url.PathUnescape(at)
			said = said || err == nil && strings.Contains(at, "Goal/"+done.ID)
		}
		if !said {
			t.Fatalf("%q is not in %q", done.ID, location)
		}
	})
}

// FuzzRetryAfter: whatever a source says of when to come back, it is never in the past, and seconds are what they say.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"0", "3", "-1", " 7 ", "99999999999999999999", "Wed, 21 Oct 2026 07:28:00 GMT", "Wednesday, 21-Oct-26 07:28:00 GMT", "soon", "1.5", ""} {
		f.Add(s)
	}
	now := time.Date(2026, 10, 21, 7, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		wait, ok := connectors.RetryAfter(s, now)
		if wait < 0 || !ok && wait != 0 {
			t.Fatalf("%v, %v", wait, ok)
		}
		if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n >= 0 && n < 1<<31 && (!ok || wait != time.Duration(n)*time.Second) {
			t.Fatalf("%q is %v, %v", s, wait, ok)
		}
		if !ok {
			if _, err := http.ParseTime(strings.TrimSpace(s)); err == nil {
				t.Fatalf("%q is a date", s)
			}
		}
	})
}

// pieces gives a body in pieces of a size, and ends it as err says.
type pieces struct {
	left []byte
	size int
	err  error
}

func (p *pieces) Read(b []byte) (int, error) {
	n := min(len(b), p.size, len(p.left))
	copy(b, p.left[:n])
	if p.left = p.left[n:]; len(p.left) == 0 {
		return n, p.err
	}
	return n, nil
}

// FuzzBody: a body comes whole or not at all, however it is cut into pieces and whatever its Content-Length says; never more
// than the limit is kept.
func FuzzBody(f *testing.F) {
	f.Add([]byte("abc"), uint16(1), int64(3), uint16(10), false)
	f.Add(bytes.Repeat([]byte("x"), 40_000), uint16(700), int64(-1), uint16(39_999), false)
	f.Add([]byte(""), uint16(0), int64(1<<40), uint16(0), true)
	f.Add([]byte("abcdef"), uint16(2), int64(2), uint16(60_000), true)
	cut := errors.New("cut off")
	f.Fuzz(func(t *testing.T, body []byte, size uint16, length int64, limit uint16, broken bool) {
		r := &pieces{left: body, size: max(1, int(size)), err: io.EOF}
		if broken {
			r.err = cut
		}
		got, err := connectors.ReadBody(r, length, int(limit))
		switch {
		case err == nil && (broken || !bytes.Equal(got, body) || len(got) > int(limit)):
			t.Fatalf("%d bytes of %d, with a limit of %d, broken: %v", len(got), len(body), limit, broken)
		case err != nil && got != nil:
			t.Fatal("an error, and a body")
		case err != nil && !broken && len(body) <= int(limit) && length <= int64(limit):
			t.Fatalf("refused: %v", err)
		case cap(got) > len(got)+64<<10:
			t.Fatalf("%d bytes are kept for %d", cap(got), len(got))
		}
	})
}

// FuzzKey: whatever a key file holds, there is a key that can sign, or an error that holds nothing of it.
func FuzzKey(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDA=\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte(`{"kty":"EC","crv":"P-384","kid":"a","x":"AA","y":"AA","d":"AA"}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}]}`))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, kid, err := connectors.ParsePrivateKey(text)
		switch {
		case err != nil && (key != nil || kid != ""):
			t.Fatal("an error, and a key")
		case err != nil && len(text) > 12 && strings.Contains(err.Error(), string(text)):
			t.Fatal("the error holds the file")
		case err == nil && key.Public() == nil:
			t.Fatal("no key, and no error")
		}
	})
}
