//go:build unix

package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"concord"
	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/issuer"
	"concord/testharness/population"
	"concord/testharness/servers"
)

// process is `concord serve` in a process of its own, in front of a world of sandbox EHRs that want a client's secret.
type process struct {
	t      *testing.T
	world  *testharness.World
	issuer *issuer.Issuer
	dir    string
	config string // the file
	public string
	admin  string
	token  string
	cmd    *exec.Cmd
	log    *buffer
	ended  chan error
}

// buffer may be written and read at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// settings are what the tests change in a configuration.
type settings struct {
	top     string // further keys
	read    string // the rate
	timeout string // of all sources
}

func serveProcess(t *testing.T, s settings) *process {
	t.Helper()
	w, err := testharness.NewWorld(testharness.Options{Auth: fakeehr.AuthSecret, Population: population.Options{Seed: 81, Persons: 1, Registered: 3}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	iss, err := issuer.Start(issuer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = iss.Close() })
	p := &process{t: t, world: w, issuer: iss, dir: t.TempDir(), log: &buffer{}, ended: make(chan error, 1)}
	p.config = filepath.Join(p.dir, "concord.yaml")
	p.public = fmt.Sprintf("127.0.0.1:%d", servers.FreePort(t))
	p.admin = fmt.Sprintf("127.0.0.1:%d", servers.FreePort(t))
	p.secrets(w.Client.Secret)
	if err := os.WriteFile(filepath.Join(p.dir, "glass"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.write(p.text(s))
	if p.token, err = iss.Token(iss.Claims("http://"+p.public+"/fhir/r4", "user/*.rs")); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("concord")
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(program, "serve", "--config", p.config)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it ended before, unless the test failed
		if t.Failed() {
			t.Log(p.log.String())
		}
	})
	p.until("ready", func() bool {
		code, _ := p.ask(p.admin, "/readyz")
		return code == http.StatusOK
	})
	return p
}

// secrets writes what the sources are told for a secret.
func (p *process) secrets(secret string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "secret"), []byte(secret+"\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// text is a configuration.
func (p *process) text(s settings) string {
	text := s.top + fmt.Sprintf("listen: %s\nadmin_listen: %s\npublic_url: http://%s\nauth:\n  audience: http://%s/fhir/r4\n  issuers:\n    - issuer: %s\n      jwks_url: %s\nmpi:\n  store: sqlite:mpi.db\naudit:\n  dir: audit\nrate_limit:\n  read: %s\nsources:\n",
		p.public, p.admin, p.public, p.public, p.issuer.URL(), p.issuer.JWKSURL(), s.read)
	for _, e := range p.world.EHRs {
		text += fmt.Sprintf("  - name: %s\n    vendor: %s\n    base_url: %s\n    timeout: %s\n    auth: {type: client_secret, token_url: %q, client_id: %s, secret_file: secret, scopes: [system/Patient.read, system/Condition.read]}\n",
			e.Source(), e.Vendor(), e.URL(), s.timeout, e.TokenURL(), p.world.Client.ID)
		if e.Vendor() == population.Athena {
			text += "    practice: " + strings.TrimPrefix(e.Practice(), "Organization/") + "\n"
		}
	}
	return text
}

func (p *process) write(text string) {
	p.t.Helper()
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// until waits for something to happen.
func (p *process) until(what string, happened func() bool) {
	p.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if happened() {
			return
		}
	}
	p.t.Fatalf("not %s within 30 s", what)
}

// ask is an answer's status and body; 0 without an answer. Each question has a connection of its own.
func (p *process) ask(host, path string, headers ...string) (int, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	a, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		return 0, ""
	}
	return a.StatusCode, string(body)
}

// answer is what the gateway said.
type answer struct {
	code    int
	limit   string // X-RateLimit-Limit
	left    int    // X-RateLimit-Remaining
	missing string // Server-Timing
	err     error
}

// search asks for the conditions of the one person.
func (p *process) search() answer {
	person := p.world.Population.Persons[0].Copies[0]
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, fmt.Sprintf("http://%s/fhir/r4/Condition?patient=%s.%s", p.public, person.Source, person.ID), nil)
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	a, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = a.Body.Close() }()
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return answer{err: err}
	}
	left, _ := strconv.Atoi(a.Header.Get("X-RateLimit-Remaining"))
	return answer{code: a.StatusCode, limit: a.Header.Get("X-RateLimit-Limit"), left: left, missing: a.Header.Get("Server-Timing")}
}

// slowly has a search under way that its sources answer late, and gives its answer when it is there. It is under way when
// slowly returns.
func (p *process) slowly(kind fakeehr.Kind, delay time.Duration) <-chan answer {
	p.t.Helper()
	e := p.world.EHRs[1]
	e.Set(fakeehr.Fault{Kind: kind, Type: "Condition", Interaction: "search", Delay: delay, Count: 1})
	hits := e.Hits("Condition", "search")
	out := make(chan answer, 1)
	go func() { out <- p.search() }()
	p.until("asked", func() bool { return e.Hits("Condition", "search") > hits })
	return out
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// reload has the configuration read again, and waits for the log to say what came of it.
func (p *process) reload(says string) {
	p.t.Helper()
	before := strings.Count(p.log.String(), says)
	p.signal(syscall.SIGHUP)
	p.until("said: "+says, func() bool { return strings.Count(p.log.String(), says) > before })
}

// metric is a metric without labels.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	_, body := p.ask(p.admin, "/metrics")
	for line := range strings.Lines(body) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return f
		}
	}
	p.t.Fatalf("there is no metric %s", name)
	return 0
}

// end waits for the program's end, which must be a good one, and for a whole trail. It is the trail's records by type and
// status.
func (p *process) end(within time.Duration) map[string]int {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Fatalf("ended by %v", err)
		}
	case <-time.After(within):
		p.t.Fatalf("not ended after %v", within)
	}
	var out bytes.Buffer
	verify := exec.Command(p.cmd.Path, "audit", "verify", "--config", p.config)
	verify.Stdout, verify.Stderr = &out, &out
	if err := verify.Run(); err != nil {
		p.t.Fatalf("the trail: %v\n%s", err, out.String())
	}
	found := map[string]int{}
	files, err := filepath.Glob(filepath.Join(p.dir, "audit", "*.jsonl"))
	if err != nil || len(files) == 0 {
		p.t.Fatalf("no trail: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			p.t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var e struct {
				Type   string `json:"event_type"`
				Status int    `json:"http_status"`
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				p.t.Fatal(err)
			}
			found[strings.TrimSpace(e.Type+" "+strings.TrimPrefix(strconv.Itoa(e.Status), "0"))]++
		}
	}
	return found
}

// TestReload: what SIGHUP changes is seen by the next request; one that is under way ends as it began; what is broken, or
// would need a restart, changes nothing at all, and is told; and the trail is whole.
func TestReload(t *testing.T) {
	t.Parallel() // it waits more than it works
	base := settings{read: "600/minute", timeout: "8s"}
	p := serveProcess(t, base)
	epic := p.world.EHRs[0]
	if a := p.search(); a.code != 200 || a.limit != "600" || !strings.Contains(a.missing, `desc="ok"`) {
		t.Fatalf("at first: %+v", a)
	}

	// an EHR wants another secret: its tokens end, and the gateway learns the new one from the file
	p.secrets("wrong")
	other := base
	other.read = "500/minute"
	p.write(p.text(other))
	slow := p.slowly(fakeehr.Slow, 1500*time.Millisecond)
	first := p.metric("concord_config_reload_success_timestamp_seconds")
	p.reload("the configuration is taken")
	a := p.search()
	if a.code != 503 && a.code != 502 || a.limit != "500" {
		t.Errorf("with a wrong secret: %+v", a)
	}
	if a := <-slow; a.err != nil || a.code != 200 || a.limit != "600" || strings.Contains(a.missing, "forbidden") {
		t.Errorf("the request under way: %+v", a)
	}
	p.secrets(p.world.Client.Secret)
	p.reload("the configuration is taken")
	b := p.search()
	if b.code != 200 || b.limit != "500" || b.left != a.left-1 {
		t.Errorf("with the right one again: %+v, after %+v", b, a)
	}
	if p.metric("concord_config_reload_success") != 1 || p.metric("concord_config_reload_success_timestamp_seconds") <= first {
		t.Error("the metrics do not tell")
	}

	// broken, then in need of a restart: nothing changes
	hits := epic.Tokens()
	for _, tt := range []struct{ name, text, says, and string }{
		{"broken", strings.Replace(p.text(base), "timeout: 8s", "timeout: soon", 1), p.config + ":19: sources[0].timeout", "must be a duration above zero"},
		{"unknown", "colour: green\n" + p.text(base), p.config + ":1: colour", "is not a key here"},
		{"fixed", strings.Replace(p.text(base), "public_url: ", "public_url: https://gateway.example.org #", 1), `"config":"public_url"`, "a change that needs a restart"},
		{"a key file without a key", strings.NewReplacer("client_secret", "backend_services", "secret_file", "key_file").Replace(p.text(base)), string(epic.Source()), "invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := *p
			p.t = t
			before := len(p.log.String())
			p.write(tt.text)
			p.reload("the configuration before stays in force")
			said := p.log.String()[before:]
			if !strings.Contains(said, tt.says) || !strings.Contains(said, tt.and) {
				t.Errorf("said: %s", said)
			}
			if p.metric("concord_config_reload_success") != 0 {
				t.Error("the metric does not tell")
			}
			if a := p.search(); a.code != 200 || a.limit != "500" {
				t.Errorf("%+v", a)
			}
		})
	}
	if epic.Tokens() != hits {
		t.Error("a refused configuration had a source asked for a token")
	}
	p.write(p.text(base))
	p.reload("the configuration is taken")
	if a := p.search(); a.code != 200 || a.limit != "600" || p.metric("concord_config_reload_success") != 1 {
		t.Errorf("at last: %+v", a)
	}
	p.signal(syscall.SIGTERM)
	if got := p.end(10 * time.Second); got["config.changed"] != 4 {
		t.Errorf("the trail has %v", got)
	}
}

// TestReloadOfSources: a source that is taken out is not there to the next request, a page link that holds of it is gone,
// and metrics tell of it no more; one that is put back is asked again.
func TestReloadOfSources(t *testing.T) {
	t.Parallel()
	s := settings{read: "600/minute", timeout: "8s"}
	p := serveProcess(t, s)
	whole := p.text(s)
	gone := p.world.EHRs[len(p.world.EHRs)-1].Source()
	if a := p.search(); !strings.Contains(a.missing, string(gone)) {
		t.Fatalf("at first: %+v", a)
	}
	if _, m := p.ask(p.admin, "/metrics"); !strings.Contains(m, guardOf(gone)) {
		t.Error("no metric tells of it")
	}
	page := p.nextPage()
	p.write(whole[:strings.Index(whole, "  - name: "+string(gone))])
	p.reload("the configuration is taken")
	if a := p.search(); a.code != 200 || strings.Contains(a.missing, string(gone)) {
		t.Errorf("without it: %+v", a)
	}
	if code, _ := p.ask(p.public, page, "Authorization", "Bearer "+p.token); code != http.StatusGone {
		t.Errorf("a page with what is of it: HTTP %d", code)
	}
	if _, m := p.ask(p.admin, "/metrics"); strings.Contains(m, guardOf(gone)) {
		t.Error("a metric still tells of it")
	}
	p.write(whole)
	p.reload("the configuration is taken")
	if a := p.search(); a.code != 200 || !strings.Contains(a.missing, string(gone)) {
		t.Errorf("with it again: %+v", a)
	}
	p.write(strings.Replace(whole, "name: "+string(gone)+"\n", "name: "+string(gone)+"\n    tenants: [elsewhere]\n", 1))
	page = p.nextPage()
	p.reload("the configuration is taken")
	if code, _ := p.ask(p.public, page, "Authorization", "Bearer "+p.token); code != http.StatusGone {
		t.Errorf("a page with what the tenant does not reach any more: HTTP %d", code)
	}
	p.signal(syscall.SIGTERM)
	p.end(10 * time.Second)
}

// TestReloadOfAdmission: how many requests may be under way is changed for those that come, of which those that began before
// take places too.
func TestReloadOfAdmission(t *testing.T) {
	t.Parallel()
	s := settings{read: "600/minute", timeout: "8s"}
	p := serveProcess(t, s)
	slow := p.slowly(fakeehr.Slow, 1500*time.Millisecond)
	s.top = "admission: {max_concurrent: 1, max_wait: 20ms}\n"
	p.write(p.text(s))
	p.reload("the configuration is taken")
	if p.metric("concord_admission_limit") != 1 || p.metric("concord_admission_running") != 1 {
		t.Error("the request that began before has no place")
	}
	if a := p.search(); a.code != http.StatusServiceUnavailable {
		t.Errorf("one too many: %+v", a)
	}
	if a := <-slow; a.err != nil || a.code != http.StatusOK {
		t.Errorf("the request under way: %+v", a)
	}
	if a := p.search(); a.code != http.StatusOK {
		t.Errorf("with room: %+v", a)
	}
	p.signal(syscall.SIGTERM)
	p.end(10 * time.Second)
}

// TestReloadForgetsNothing: page links hold, an emergency header that was used does not hold again, and an issuer that can't
// be reached costs nobody's access.
func TestReloadForgetsNothing(t *testing.T) {
	t.Parallel()
	s := settings{read: "600/minute\n  break_glass: {key_file: glass}", timeout: "8s"}
	p := serveProcess(t, s)
	if err := os.WriteFile(filepath.Join(p.dir, "glass"), []byte("a key for emergencies\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.reload("the configuration is taken")
	page := p.nextPage()
	claims := p.issuer.Claims("", "")
	mac := hmac.New(sha256.New, []byte("a key for emergencies"))
	now := strconv.FormatInt(time.Now().Unix(), 10)
	mac.Write([]byte(strings.Join([]string{now, "once", fmt.Sprint(claims["sub"]), http.MethodGet, "/fhir/r4/$sources"}, ".")))
	emergency := func() int {
		code, _ := p.ask(p.public, "/fhir/r4/$sources", "Authorization", "Bearer "+p.token, "X-Break-Glass", "t="+now+",n=once,sig="+hex.EncodeToString(mac.Sum(nil)))
		return code
	}
	if code := emergency(); code != http.StatusOK {
		t.Fatalf("an emergency: HTTP %d", code)
	}
	p.reload("the configuration is taken")
	if code := emergency(); code != http.StatusForbidden {
		t.Errorf("the same emergency once more: HTTP %d", code)
	}
	if code, _ := p.ask(p.public, page, "Authorization", "Bearer "+p.token); code != http.StatusOK {
		t.Errorf("a page: HTTP %d", code)
	}
	p.issuer.SetDown(true)
	p.reload("the configuration is taken")
	if a := p.search(); a.code != http.StatusOK {
		t.Errorf("with the issuer down: %+v", a)
	}
	p.write(strings.Replace(p.text(s), "mpi:", "    - {issuer: \"http://127.0.0.1:1\", jwks_url: \"http://127.0.0.1:1/jwks\"}\nmpi:", 1))
	p.reload("the configuration before stays in force")
	if a := p.search(); a.code != http.StatusOK {
		t.Errorf("with an issuer that can't be reached: %+v", a)
	}
	p.signal(syscall.SIGTERM)
	p.end(10 * time.Second)
}

// nextPage is the path and query of a search's second page.
func (p *process) nextPage() string {
	p.t.Helper()
	person := p.world.Population.Persons[0].Copies[0]
	code, body := p.ask(p.public, fmt.Sprintf("/fhir/r4/Condition?patient=%s.%s&_count=1", person.Source, person.ID), "Authorization", "Bearer "+p.token)
	var b struct {
		Link []struct{ Relation, URL string }
	}
	if err := json.Unmarshal([]byte(body), &b); err != nil || code != http.StatusOK {
		p.t.Fatalf("HTTP %d, %v", code, err)
	}
	for _, l := range b.Link {
		if l.Relation == "next" {
			return strings.TrimPrefix(l.URL, "http://"+p.public)
		}
	}
	p.t.Fatal("no further page")
	return ""
}

func guardOf(s concord.SourceID) string {
	return fmt.Sprintf("concord_source_guard_open{source=%q}", string(s))
}

// TestDrain: after SIGTERM readiness says no while requests are still taken for the configured delay; then none is, those
// under way end, the program ends well, and the trail has them all.
func TestDrain(t *testing.T) {
	t.Parallel()
	p := serveProcess(t, settings{top: "shutdown_grace: 10s\ndrain_delay: 1s\n", read: "600/minute", timeout: "8s"})
	if a := p.search(); a.code != 200 {
		t.Fatalf("at first: %+v", a)
	}
	slow := p.slowly(fakeehr.Slow, 3*time.Second)
	p.signal(syscall.SIGTERM)
	p.until("draining", func() bool { return strings.Contains(p.log.String(), "draining") })
	if code, body := p.ask(p.admin, "/readyz"); code != http.StatusServiceUnavailable || strings.TrimSpace(body) != "draining" {
		t.Errorf("readiness while draining: %d %s", code, body)
	}
	if code, _ := p.ask(p.admin, "/healthz"); code != http.StatusOK {
		t.Errorf("liveness while draining: %d", code)
	}
	if a := p.search(); a.code != 200 {
		t.Errorf("a request within the delay: %+v", a)
	}
	p.until("closed", func() bool {
		c, err := net.Dial("tcp", p.public)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	select {
	case <-slow:
		t.Error("the request under way ended before new ones were refused")
	default:
	}
	if code, _ := p.ask(p.admin, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("readiness while requests end: %d", code)
	}
	p.signal(syscall.SIGHUP) // must not matter any more
	if a := <-slow; a.err != nil || a.code != 200 {
		t.Errorf("the request under way: %+v", a)
	}
	if got := p.end(10 * time.Second); got["fhir.api.access 200"] != 3 || got["config.changed"] != 1 {
		t.Errorf("the trail has %v", got)
	}
}

// TestDrainEnds: a request that outlasts the grace is cut off; the program ends well all the same, and the trail is whole and
// tells of it.
func TestDrainEnds(t *testing.T) {
	t.Parallel()
	p := serveProcess(t, settings{top: "shutdown_grace: 300ms\n", read: "600/minute", timeout: "30s"})
	if a := p.search(); a.code != 200 {
		t.Fatalf("at first: %+v", a)
	}
	slow := p.slowly(fakeehr.Hang, 0)
	p.signal(syscall.SIGTERM)
	if a := <-slow; a.err == nil {
		t.Errorf("the request under way: %+v", a)
	}
	got := p.end(10 * time.Second)
	total := 0
	for what, n := range got {
		if strings.HasPrefix(what, "fhir.api.access") {
			total += n
		}
	}
	if total != 2 {
		t.Errorf("the trail has %v", got)
	}
}

// TestProfiles: Go's profiles are on the admin listener when the configuration says so, from the next reload on, and never
// on the public one.
func TestProfiles(t *testing.T) {
	t.Parallel()
	off := settings{read: "600/minute", timeout: "8s"}
	p := serveProcess(t, off)
	paths := []string{"/debug/pprof/", "/debug/pprof/heap?debug=1", "/debug/pprof/profile?seconds=1", "/debug/pprof/cmdline", "/debug/pprof/symbol"}
	check := func(want map[string]int) {
		t.Helper()
		for _, path := range paths {
			if code, _ := p.ask(p.admin, path); code != want[path] {
				t.Errorf("admin %s: HTTP %d", path, code)
			}
			if code, _ := p.ask(p.public, path); code != http.StatusNotFound && code != http.StatusUnauthorized {
				t.Errorf("public %s: HTTP %d", path, code)
			}
		}
	}
	none := map[string]int{}
	for _, path := range paths {
		none[path] = http.StatusNotFound
	}
	check(none)
	on := off
	on.top = "pprof: true\n"
	p.write(p.text(on))
	p.reload("the configuration is taken")
	check(map[string]int{"/debug/pprof/": 200, "/debug/pprof/heap?debug=1": 200, "/debug/pprof/profile?seconds=1": 200, "/debug/pprof/cmdline": 404, "/debug/pprof/symbol": 200})
	p.write(p.text(off))
	p.reload("the configuration is taken")
	check(none)
	p.signal(syscall.SIGTERM)
	p.end(10 * time.Second)
}
