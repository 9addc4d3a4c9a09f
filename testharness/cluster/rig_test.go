package cluster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"concord/gateway/shelf"
	"concord/mpi/sqlstore"
	"concord/testharness"
	"concord/testharness/issuer"
	"concord/testharness/servers"
)

// cluster is gateways that share all that gateways can share, behind a balancer.
type cluster struct {
	world     *testharness.World
	issuer    *issuer.Issuer
	redis     *servers.Redis
	nats      *servers.NATS
	index     string // the URL of its database
	indexKeys string
	program   string
	nodes     []*node
	url       string // of the balancer
	token     string
}

// node is one gateway: a process, and what is its own.
type node struct {
	name       string
	dir        string
	url, admin string
	config     string
	program    string
	down       atomic.Bool // the balancer does not send it anything

	mu  sync.Mutex
	cmd *exec.Cmd // nil while it does not run
	log *os.File
}

// gatewayHeader is what the balancer adds to an answer: who gave it.
const gatewayHeader = "X-Test-Gateway"

// build makes the program.
func build(t testing.TB) string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command to build the gateway with")
	}
	program := filepath.Join(t.TempDir(), "concord")
	c := exec.Command(tool, "build", "-o", program, "concord/cmd/concord")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// start starts n gateways.
func start(t testing.TB, pg *servers.Postgres, n int, o testharness.Options) *cluster {
	t.Helper()
	c := &cluster{index: pg.Database(t), redis: servers.StartRedis(t), nats: servers.StartNATS(t)}
	c.program = build(t)
	w, err := testharness.NewWorld(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	c.world = w
	if c.issuer, err = issuer.Start(issuer.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.issuer.Close() })
	dir := t.TempDir()
	c.indexKeys = filepath.Join(dir, "index.key")
	if err := sqlstore.MakeKeyFile(c.indexKeys); err != nil {
		t.Fatal(err)
	}
	sharedKey := filepath.Join(dir, "shared.key")
	if err := os.WriteFile(sharedKey, []byte(shelf.NewKeyLine()), 0o600); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(c.balancer())
	t.Cleanup(front.Close)
	c.url = front.URL
	for i := range n {
		g := &node{name: fmt.Sprint("gw", i+1), dir: filepath.Join(dir, fmt.Sprint("gw", i+1)), program: c.program}
		if err := os.Mkdir(g.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		g.url, g.admin = fmt.Sprintf("http://127.0.0.1:%d", servers.FreePort(t)), fmt.Sprintf("http://127.0.0.1:%d", servers.FreePort(t))
		g.config = filepath.Join(g.dir, "concord.yaml")
		if err := os.WriteFile(g.config, []byte(c.configuration(g, sharedKey)), 0o600); err != nil {
			t.Fatal(err)
		}
		c.nodes = append(c.nodes, g)
		t.Cleanup(g.kill)
	}
	for _, g := range c.nodes {
		if err := g.start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range c.nodes {
		if err := g.ready(); err != nil {
			t.Fatal(err)
		}
	}
	claims := c.issuer.Claims(c.url+"/fhir/r4", "user/*.rs")
	if c.token, err = c.issuer.Token(claims); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cluster) configuration(g *node, sharedKey string) string {
	address := func(u string) string { return strings.TrimPrefix(u, "http://") }
	text := fmt.Sprintf(`listen: %s
admin_listen: %s
public_url: %s
auth:
  audience: %s/fhir/r4
  issuers: [{issuer: "%s", jwks_url: "%s"}]
mpi: {store: "%s", key_file: %s}
audit: {dir: %s/audit}
rate_limit: {store: "redis://%s/0", read: 1000000/minute, bulk: 1000000/hour}
shared: {store: "redis://%s/1", key_file: %s}
events: {nats: {url: "%s"}}
sources:
`, address(g.url), address(g.admin), c.url, c.url, c.issuer.URL(), c.issuer.JWKSURL(), c.index, c.indexKeys, g.dir, c.redis.Addr, c.redis.Addr, sharedKey, c.nats.URL)
	for _, e := range c.world.EHRs {
		text += fmt.Sprintf("  - {name: %s, vendor: %s, base_url: \"%s\", timeout: 10s, auth: {type: none}", e.Source(), e.Vendor(), e.URL())
		if e.Vendor() == "athena" {
			text += ", practice: " + strings.TrimPrefix(e.Practice(), "Organization/")
		}
		text += "}\n"
	}
	return text
}

// start starts the process.
func (g *node) start() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	log, err := os.OpenFile(filepath.Join(g.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(g.program, "serve", "--config", g.config)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	g.cmd, g.log = cmd, log
	return nil
}

// ready waits until it serves.
func (g *node) ready() error {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		a, err := http.Get(g.admin + "/readyz")
		if err == nil {
			_ = a.Body.Close()
			if a.StatusCode == http.StatusOK {
				g.down.Store(false)
				return nil
			}
		}
		<-time.After(20 * time.Millisecond)
	}
	said, _ := os.ReadFile(filepath.Join(g.dir, "log"))
	return fmt.Errorf("%s is not ready: %s", g.name, said)
}

// kill ends the process as a power cut does.
func (g *node) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cmd == nil {
		return
	}
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait() // says that it was killed
	_ = g.log.Close()
	g.cmd = nil
}

// balancer sends each request to the next gateway, and to another one when that can't be connected to.
func (c *cluster) balancer() http.Handler {
	var next atomic.Int64
	inner := &http.Transport{MaxIdleConnsPerHost: 64}
	return &httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {},
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			last := errors.New("no gateway")
			for range 2 * len(c.nodes) {
				g := c.nodes[int(next.Add(1))%len(c.nodes)]
				if g.down.Load() {
					continue
				}
				q := r.Clone(r.Context())
				q.URL.Scheme, q.URL.Host = "http", strings.TrimPrefix(g.url, "http://")
				a, err := inner.RoundTrip(q)
				if err == nil {
					a.Header.Set(gatewayHeader, g.name)
					return a, nil
				}
				var op *net.OpError
				if last = err; errors.As(err, &op) && op.Op == "dial" {
					g.down.Store(true)
				} else {
					return nil, err // it may have been heard: the client decides
				}
			}
			return nil, last
		}),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type resource = map[string]any

// answer is one that was received as a whole.
type answer struct {
	status  int
	by, id  string // which gateway gave it, and what that called it
	header  http.Header
	entries int // that are no outcome
	json    resource
	took    time.Duration
}

// ask asks base, or the balancer when it is "", and asks again when the connection fails.
func (c *cluster) ask(ctx context.Context, base, path string) (answer, error) {
	if base == "" {
		base = c.url
	}
	if link, err := url.Parse(path); err == nil && link.IsAbs() {
		path = strings.TrimPrefix(path, c.url+"/fhir/r4/")
	}
	var last error
	for range 20 {
		began := time.Now()
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/fhir/r4/"+path, nil)
		if err != nil {
			return answer{}, err
		}
		q.Header.Set("Authorization", "Bearer "+c.token)
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			last = err
			continue
		}
		body, err := io.ReadAll(a.Body)
		_ = a.Body.Close()
		if err != nil {
			last = err
			continue
		}
		out := answer{status: a.StatusCode, by: a.Header.Get(gatewayHeader), id: a.Header.Get("X-Request-Id"), header: a.Header, took: time.Since(began)}
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&out.json); err != nil {
			return out, fmt.Errorf("HTTP %d is not JSON: %w", out.status, err)
		}
		out.entries = len(out.list("match")) + len(out.list("include"))
		return out, nil
	}
	return answer{}, last
}

// list are the resources of a Bundle with that search mode.
func (a answer) list(mode string) (out []resource) {
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

func (a answer) next() string {
	links, _ := a.json["link"].([]any)
	for _, l := range links {
		if m, _ := l.(resource); m["relation"] == "next" {
			return fmt.Sprint(m["url"])
		}
	}
	return ""
}

// missing are the sources that the answer says it lacks something of.
func (a answer) missing() map[string]bool {
	out := map[string]bool{}
	for _, o := range append(a.list("outcome"), a.json) {
		list, _ := o["issue"].([]any)
		for _, i := range list {
			m, _ := i.(resource)
			d, _ := m["details"].(resource)
			codings, _ := d["coding"].([]any)
			for _, x := range codings {
				if k, _ := x.(resource); k["system"] == "urn:concord:source" && m["severity"] != "information" {
					out[fmt.Sprint(k["code"])] = true
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
