package scenarios_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"concord"
	"concord/internal/app"
	"concord/internal/config"
	"concord/testharness"
	"concord/testharness/issuer"
)

// rig is the gateway in front of a world.
type rig struct {
	world  *testharness.World
	issuer *issuer.Issuer
	base   string
	token  string
	dir    string
	log    *lines
	admin  http.Handler
	stop   func() // ends the gateway, as a restart does
}

// lines is a log that may be written and read at once.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t *testing.T, o testharness.Options) *testharness.World {
	t.Helper()
	w, err := testharness.NewWorld(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// start runs a gateway of its own, so that no breaker and no cache of another test is in it.
func start(t *testing.T, w *testharness.World, timeout string) *rig {
	t.Helper()
	return startIn(t, w, timeout, t.TempDir())
}

// startIn is start with the index and the trail of an earlier gateway.
func startIn(t *testing.T, w *testharness.World, timeout, dir string) *rig {
	t.Helper()
	return startKeyed(t, w, timeout, dir, nil)
}

// startKeyed is startIn with further keys of the configuration: those of sources by the source's name, such as "creates:
// [Condition]", those of the trail by "audit", of the index by "mpi", of the issuer and of the limits by "issuer" and "limits" as they stand, and those at the top by
// "".
func startKeyed(t *testing.T, w *testharness.World, timeout, dir string, keys map[string]string) *rig {
	t.Helper()
	iss, err := issuer.Start(issuer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = iss.Close() })
	r := &rig{world: w, issuer: iss, dir: dir, log: &lines{}}
	text := keys[""] + fmt.Sprintf("listen: 127.0.0.1:8080\nadmin_listen: 127.0.0.1:8081\npublic_url: %s\nauth:\n  audience: %s/fhir/r4\n  issuers:\n    - issuer: %s\n      jwks_url: %s\n%smpi:\n  %s\naudit:\n  dir: %s/audit\n%srate_limit:\n%ssources:\n",
		public, public, iss.URL(), iss.JWKSURL(), strings.NewReplacer("{issuer}", iss.URL(), "{dir}", r.dir).Replace(keys["issuer"]), cmp.Or(keys["mpi"], "store: sqlite:"+r.dir+"/mpi.db"), r.dir, indented(keys["audit"]), cmp.Or(keys["limits"], "  enabled: false\n"))
	for _, e := range w.EHRs {
		text += fmt.Sprintf("  - name: %s\n    vendor: %s\n    base_url: %s\n    timeout: %s\n    auth:\n", e.Source(), e.Vendor(), e.URL(), timeout)
		if w.Client.ID == "" {
			text += "      type: none\n"
		} else {
			key := filepath.Join(r.dir, "client.pem")
			if err := os.WriteFile(key, w.Client.KeyPEM, 0o600); err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprintf("      type: backend_services\n      token_url: %s\n      client_id: %s\n      key_file: %s\n      key_id: %s\n      scopes: [system/Patient.read, system/Condition.read, system/Observation.read]\n",
				e.TokenURL(), w.Client.ID, key, w.Client.KeyID)
		}
		if more := keys[string(e.Source())]; more != "" {
			text += "    " + more + "\n"
		}
		if e.Vendor() == "athena" {
			text += "    practice: " + strings.TrimPrefix(e.Practice(), "Organization/") + "\n"
		}
	}
	file := filepath.Join(r.dir, "concord.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(context.Background(), cfg, r.log)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(a.Public)
	r.stop = sync.OnceFunc(func() {
		s.Close()
		_ = a.Close()
	})
	t.Cleanup(r.stop)
	r.base, r.admin = s.URL+"/fhir/r4", a.Admin
	r.token = r.tokenOf(t, "user/*.rs")
	return r
}

// indented is a section's further keys.
func indented(keys string) string {
	if keys == "" {
		return ""
	}
	return "  " + keys + "\n"
}

// public is the gateway's URL as its configuration has it; links are followed to where it really listens.
const public = "http://127.0.0.1:8080"

// tokenOf is a good token with a scope and further claims, name and value by turns.
func (r *rig) tokenOf(t *testing.T, scope string, claims ...any) string {
	t.Helper()
	c := r.issuer.Claims(public+"/fhir/r4", scope)
	for pair := range slices.Chunk(claims, 2) {
		c = c.With(fmt.Sprint(pair[0]), pair[1])
	}
	token, err := r.issuer.Token(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// with is the same gateway, asked with another token.
func (r *rig) with(token string) *rig {
	other := *r
	other.token = token
	return &other
}

// resource is decoded JSON: the tests' own reading, which shares nothing with the gateway's.
type resource = map[string]any

// reply is an answer.
type reply struct {
	code   int
	header http.Header
	body   []byte
	json   resource
}

func (r *rig) get(t *testing.T, path string, headers ...string) reply {
	t.Helper()
	return r.do(t, http.MethodGet, path, "", headers...)
}

// do sends a request; path may be absolute or below the FHIR base. Headers are name and value by turns.
func (r *rig) do(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	if link, ok := strings.CutPrefix(path, public); ok {
		path = strings.TrimSuffix(r.base, "/fhir/r4") + link
	} else {
		path = r.base + "/" + path
	}
	q, err := http.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if r.token != "" {
		q.Header.Set("Authorization", "Bearer "+r.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{code: a.StatusCode, header: a.Header, body: b}
	if len(b) == 0 {
		return out
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&out.json); err != nil {
		t.Fatalf("HTTP %d: not JSON: %v", out.code, err)
	}
	return out
}

// link is a Bundle's link of that relation, "" without one.
func (a reply) link(relation string) string {
	links, _ := a.json["link"].([]any)
	for _, l := range links {
		if m, _ := l.(resource); m["relation"] == relation {
			return fmt.Sprint(m["url"])
		}
	}
	return ""
}

// entries are the resources of a Bundle with that search mode.
func (a reply) entries(mode string) (out []resource) {
	list, _ := a.json["entry"].([]any)
	for _, e := range list {
		m, _ := e.(resource)
		s, _ := m["search"].(resource)
		if res, ok := m["resource"].(resource); ok && s["mode"] == mode {
			out = append(out, res)
		}
	}
	return out
}

// issues are those of a source, by severity and code.
func (a reply) issues(source concord.SourceID) (out []string) {
	for _, o := range append(a.entries("outcome"), a.json) {
		list, _ := o["issue"].([]any)
		for _, i := range list {
			m, _ := i.(resource)
			d, _ := m["details"].(resource)
			codings, _ := d["coding"].([]any)
			for _, c := range codings {
				if x, _ := c.(resource); x["code"] == string(source) {
					out = append(out, fmt.Sprint(m["severity"], " ", m["code"]))
				}
			}
		}
	}
	return out
}

// contributors are the copies that a resource says it stands for.
func contributors(res resource) (out []string) {
	meta, _ := res["meta"].(resource)
	list, _ := meta["extension"].([]any)
	for _, e := range list {
		m, _ := e.(resource)
		v, _ := m["valueReference"].(resource)
		if ref, ok := v["reference"].(string); ok && m["url"] == "urn:concord:contributor" {
			out = append(out, ref)
		}
	}
	return out
}

// person is the unified Patient of a source's patient: its id, and the records that it stands for.
func (r *rig) person(t *testing.T, source concord.SourceID, id string) (string, []string) {
	t.Helper()
	a := r.get(t, "Patient?_id="+url.QueryEscape(string(source)+"."+id))
	for _, p := range a.entries("match") {
		return fmt.Sprint(p["id"]), contributors(p)
	}
	t.Fatalf("a patient of %s is nobody: HTTP %d", source, a.code)
	return "", nil
}
