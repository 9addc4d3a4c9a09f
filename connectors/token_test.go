package connectors_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/connectors"
)

// authServer is a token endpoint that checks assertions as one would, and then answers as told.
type authServer struct {
	*httptest.Server
	asked  atomic.Int64
	answer func(n int, w http.ResponseWriter)

	mu     sync.Mutex
	forms  []map[string][]string
	header http.Header
}

func newAuthServer(t *testing.T, answer func(n int, w http.ResponseWriter)) *authServer {
	t.Helper()
	a := &authServer{answer: answer}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(a.asked.Add(1))
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		a.mu.Lock()
		a.forms, a.header = append(a.forms, r.PostForm), r.Header
		a.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		a.answer(n, w)
	}))
	t.Cleanup(a.Close)
	return a
}

// grants answers with tokens t1, t2, … that live for so many seconds.
func grants(seconds string) func(int, http.ResponseWriter) {
	return func(n int, w http.ResponseWriter) {
		_, _ = fmt.Fprintf(w, `{"access_token":"t%d","token_type":"Bearer","expires_in":%s}`, n, seconds)
	}
}

var rsaKey = sync.OnceValue(func() crypto.Signer {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func ecKey(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func endpoint(a *authServer) connectors.Endpoint {
	return connectors.Endpoint{Source: source, TokenURL: a.URL + "/token", ClientID: "client-1", Scopes: []string{"system/Patient.read", "system/Observation.read"}}
}

func TestBackendServices(t *testing.T) {
	for _, x := range []struct {
		name, audience, kid string
		key                 crypto.Signer
		alg                 jose.SignatureAlgorithm
	}{
		{"RSA", "", "", rsaKey(), jose.RS384},
		{"ECDSA", "https://aud.example/token", "k1", ecKey(t, elliptic.P384()), jose.ES384},
	} {
		t.Run(x.name, func(t *testing.T) {
			a := newAuthServer(t, grants("0"))
			src, err := connectors.NewBackendServices(endpoint(a), connectors.Signing{Key: x.key, KeyID: x.kid, Audience: x.audience})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 2 { // a token that has no life is asked for anew
				if token, err := src.Token(t.Context()); err != nil || token != fmt.Sprintf("t%d", i+1) {
					t.Fatalf("token %d: %v", i, err)
				}
			}
			jtis := map[string]bool{}
			for _, form := range a.forms {
				assertion := form["client_assertion"][0]
				delete(form, "client_assertion")
				want := map[string][]string{
					"grant_type":            {"client_credentials"},
					"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
					"scope":                 {"system/Patient.read system/Observation.read"},
				}
				if d := cmp.Diff(want, form); d != "" {
					t.Error(d)
				}
				tok, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{x.alg})
				if err != nil {
					t.Fatal(err)
				}
				if tok.Headers[0].KeyID != x.kid || tok.Headers[0].ExtraHeaders["typ"] != "JWT" {
					t.Errorf("header %+v", tok.Headers[0])
				}
				var c struct {
					Iss string `json:"iss"`
					Sub string `json:"sub"`
					Aud string `json:"aud"`
					Jti string `json:"jti"`
					Exp int64  `json:"exp"`
					Iat int64  `json:"iat"`
				}
				if err := tok.Claims(x.key.Public(), &c); err != nil {
					t.Fatalf("the signature does not hold: %v", err)
				}
				aud := x.audience
				if aud == "" {
					aud = a.URL + "/token"
				}
				now := time.Now().Unix()
				if c.Iss != "client-1" || c.Sub != "client-1" || c.Aud != aud || c.Exp-now > 300 || c.Exp <= now || c.Iat > now || jtis[c.Jti] || len(c.Jti) < 20 || len(c.Jti) > 151 {
					t.Errorf("claims %+v", c)
				}
				jtis[c.Jti] = true
			}
		})
	}
}

func TestTokenIsKept(t *testing.T) {
	a := newAuthServer(t, grants(`"3600"`))
	src, err := connectors.NewClientSecret(endpoint(a), "s:e/cret")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if token, err := src.Token(t.Context()); err != nil || token != "t1" {
				t.Errorf("%q %v", token, err)
			}
		})
	}
	wg.Wait()
	if n := a.asked.Load(); n != 1 {
		t.Errorf("%d requests for 50 callers", n)
	}
	if got := a.header.Get("Authorization"); got != "Basic Y2xpZW50LTE6cyUzQWUlMkZjcmV0" { // client-1:s%3Ae%2Fcret
		t.Error("not the credentials that RFC 6749 2.3.1 has")
	}
}

// TestRefusedToken: a token that the source refuses is replaced, but not again and again.
func TestRefusedToken(t *testing.T) {
	asked := 0
	src := connectors.NewCache("old", time.Hour, time.Minute, func() (string, time.Duration, *concord.Fault) {
		asked++
		return fmt.Sprintf("new%d", asked), time.Hour, nil
	})
	for _, x := range []struct{ refused, want string }{{"another", "old"}, {"old", "new1"}, {"old", "new1"}, {"new1", "new1"}} {
		src.Refused(x.refused)
		if token, err := src.Token(t.Context()); err != nil || token != x.want {
			t.Errorf("after %q was refused: %q, %v", x.refused, token, err)
		}
	}
}

// TestRefresh: at 80 % of its life a token is replaced, and used on where that fails.
func TestRefresh(t *testing.T) {
	down := &concord.Fault{Op: "token", Kind: concord.Unavailable}
	for _, x := range []struct {
		name  string
		used  time.Duration // of an hour
		fault *concord.Fault
		want  string
		asked int
	}{
		{"young", 47 * time.Minute, nil, "old", 0},
		{"at 80 %", 49 * time.Minute, nil, "new", 1},
		{"at 80 %, and the endpoint is down", 49 * time.Minute, down, "old", 1},
		{"over, and the endpoint is down", time.Hour, down, "", 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			asked := 0
			src := connectors.NewCache("old", time.Hour, x.used, func() (string, time.Duration, *concord.Fault) {
				asked++
				return "new", time.Hour, x.fault
			})
			for range 2 { // the second time within the rest that a failure brings
				token, err := src.Token(t.Context())
				if token != x.want || (err != nil) != (x.want == "") {
					t.Errorf("%q %v", token, err)
				}
			}
			if asked != x.asked {
				t.Errorf("asked %d times, want %d", asked, x.asked)
			}
		})
	}
	t.Run("a panic is a fault", func(t *testing.T) {
		src := connectors.NewCache("", 0, 0, func() (string, time.Duration, *concord.Fault) { panic("no") })
		if _, err := src.Token(t.Context()); concord.KindOf(err) != concord.Malformed {
			t.Errorf("error %v", err)
		}
	})
}

// TestCallerLeaves: one who does not wait for a refresh does not end it for the others.
func TestCallerLeaves(t *testing.T) {
	asked, goOn := make(chan struct{}), make(chan struct{})
	src := connectors.NewCache("", 0, 0, func() (string, time.Duration, *concord.Fault) {
		close(asked)
		<-goOn
		return "new", time.Hour, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := src.Token(ctx); concord.KindOf(err) != concord.Canceled {
		t.Errorf("who left: %v", err)
	}
	close(goOn)
	if token, err := src.Token(t.Context()); token != "new" || err != nil {
		t.Errorf("who stayed: %q %v", token, err)
	}
}

func TestTokenEndpointFails(t *testing.T) {
	const canary = "CANARY"
	for _, x := range []struct {
		name   string
		answer func(n int, w http.ResponseWriter)
		asked  int
		kind   concord.Kind
	}{
		{"400 once", func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			grants("60")(n, w)
		}, 2, concord.Unknown},
		{"400 for ever", answer(400, `{"error":"invalid_client","error_description":"`+canary+`"}`), 3, concord.Unauthorized},
		{"401", answer(401, canary), 1, concord.Unauthorized},
		{"403", answer(403, canary), 1, concord.Unauthorized},
		{"500", answer(500, canary), 1, concord.Unavailable},
		{"503 for ever", answer(503, canary), 3, concord.Unavailable},
		{"429", answer(429, canary), 1, concord.RateLimited},
		{"a redirect", func(_ int, w http.ResponseWriter) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, 1, concord.Unauthorized},
		{"HTML", answer(200, "<html>"+canary), 1, concord.Malformed},
		{"no token", answer(200, `{"token_type":"bearer"}`), 1, concord.Malformed},
		{"a token that would break a header", answer(200, `{"access_token":"a\r\nX: `+canary+`"}`), 1, concord.Malformed},
		{"another type of token", answer(200, `{"access_token":"`+canary+`","token_type":"mac"}`), 1, concord.Malformed},
		{"endless", func(_ int, w http.ResponseWriter) {
			for {
				if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
					return
				}
			}
		}, 1, concord.Malformed},
		{"nobody there", nil, 0, concord.Unavailable},
	} {
		t.Run(x.name, func(t *testing.T) {
			a := newAuthServer(t, x.answer)
			src, err := connectors.NewClientSecret(endpoint(a), "secret-CANARY")
			if err != nil {
				t.Fatal(err)
			}
			if x.answer == nil {
				a.Close()
			}
			for range 2 { // the second time the endpoint rests
				_, err = src.Token(t.Context())
				if k := concord.KindOf(err); k != x.kind {
					t.Errorf("kind %v, want %v", k, x.kind)
				}
				for e := err; e != nil; e = errors.Unwrap(e) {
					if s := fmt.Sprintf("%v %+v", e, e); strings.Contains(s, canary) || strings.Contains(s, "://") {
						t.Errorf("the error says %q", s)
					}
				}
			}
			if n := int(a.asked.Load()); n != x.asked {
				t.Errorf("asked %d times, want %d", n, x.asked)
			}
		})
	}
}

func answer(status int, body string) func(int, http.ResponseWriter) {
	return func(_ int, w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestBearerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	src := connectors.NewBearerFile(source, path)
	want := func(token string) {
		t.Helper()
		got, err := src.Token(t.Context())
		if got != token || (concord.KindOf(err) == concord.Unauthorized) != (token == "") {
			t.Errorf("%q, error %v", got, err)
		}
	}
	put := func(content string, when time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	noon := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	want("")
	put(" one\n", noon)
	want("one")
	put("twoo\n", noon)
	put(" two\n", noon) // as long and as old: not seen until the source refuses
	want("one")
	src.Refused("one")
	want("two")
	put("three", noon.Add(time.Second))
	want("three")
	put("two words", noon.Add(2*time.Second))
	want("")
	put("", noon.Add(3*time.Second))
	want("")
}

func TestEndpointConfig(t *testing.T) {
	good := connectors.Endpoint{Source: source, TokenURL: "https://a.example/token", ClientID: "c"} // #nosec G101 -- no credentials
	for _, x := range []struct {
		name   string
		change func(*connectors.Endpoint)
		secret string
		key    crypto.Signer
	}{
		{"no URL", func(e *connectors.Endpoint) { e.TokenURL = "" }, "s", rsaKey()},
		{"a URL that is none", func(e *connectors.Endpoint) { e.TokenURL = "token" }, "s", rsaKey()},
		{"no client", func(e *connectors.Endpoint) { e.ClientID = "" }, "s", rsaKey()},
		{"no secret and no key", func(*connectors.Endpoint) {}, "", nil},
		{"a key on another curve", func(*connectors.Endpoint) {}, "", ecKey(t, elliptic.P256())},
	} {
		t.Run(x.name, func(t *testing.T) {
			e := good
			x.change(&e)
			if _, err := connectors.NewClientSecret(e, x.secret); concord.KindOf(err) != concord.Invalid {
				t.Errorf("secret: %v", err)
			}
			if _, err := connectors.NewBackendServices(e, connectors.Signing{Key: x.key}); concord.KindOf(err) != concord.Invalid {
				t.Errorf("key: %v", err)
			}
		})
	}
}
