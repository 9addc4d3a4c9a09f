package drills_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"concord/internal/app"
	"concord/internal/config"
	"concord/testharness"
	"concord/testharness/drills"
	"concord/testharness/issuer"
	"concord/testharness/population"
	"concord/testharness/servers"
)

// Environment of this program when it is started again as a gateway.
const (
	envConfig = "CONCORD_DRILL_CONFIG"
	envNames  = "CONCORD_DRILL_NAMES"
)

// dns are the names of all tests of this process.
var dns *drills.Names

// postgres is the server of the tests that keep the index in one.
var postgres servers.Postgres

// TestMain has the names of the EHRs resolved by this program, or runs a gateway when it was started as one.
func TestMain(m *testing.M) {
	if file := os.Getenv(envConfig); file != "" {
		net.DefaultResolver = drills.Resolver(os.Getenv(envNames))
		if err := serve(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var err error
	if dns, err = drills.StartNames(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	net.DefaultResolver = drills.Resolver(dns.Addr())
	flag.Parse()
	_ = flag.Set("test.parallel", "8") // the drills wait more than they work
	code := m.Run()
	_ = dns.Close()
	_ = postgres.Stop()
	os.Exit(code)
}

// serve runs a gateway as the program does, until its input ends, and says where it is.
func serve(file string) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	a, err := app.New(ctx, cfg, io.Discard)
	if err != nil {
		return err
	}
	public, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	admin, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s http://%s\n", public.Addr(), admin.Addr())
	go func() {
		defer stop()
		for in := bufio.NewScanner(os.Stdin); in.Scan(); { // a line asks for all memory that is not in use to be given back
			debug.FreeOSMemory()
			fmt.Println("settled")
		}
	}()
	return errors.Join(a.ServeOn(ctx, public, admin), a.Close())
}

// rig is the gateway behind a faulty network.
type rig struct {
	net    *drills.Net
	dir    string // what the gateway writes
	budget time.Duration
	base   string
	admin  string // URL; "" in process
	pid    int    // of a gateway that is a process of its own; 0 in this one
	settle func() error
	stop   func(*testing.T) // ends a gateway that is a process of its own
	token  func() string
	http   *http.Client

	answers atomic.Int64 // of 2xx
}

const public = "http://127.0.0.1:8080"

// setup is what a test wants of its rig.
type setup struct {
	seed    uint64
	persons int
	budget  time.Duration // of each source
	alone   bool          // the gateway is a process of its own
	keys    string        // further keys of each source
	limits  string        // the key rate_limit's; "" for no limits
	store   string        // of the index; "" for SQLite
}

func newRig(t *testing.T, o setup) *rig {
	t.Helper()
	n, err := drills.Open(testharness.Options{Population: population.Options{Seed: o.seed, Persons: o.persons, Registered: 3, Decoys: .5}}, dns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	iss, err := issuer.Start(issuer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = iss.Close() })
	r := &rig{net: n, budget: o.budget, dir: t.TempDir(), http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}}
	t.Cleanup(r.http.CloseIdleConnections)
	var mu sync.Mutex
	var held string
	var until time.Time
	r.token = func() string { // good for five minutes
		mu.Lock()
		defer mu.Unlock()
		if time.Now().After(until) {
			c := iss.Claims(public+"/fhir/r4", "user/*.rs")
			if held, err = iss.Token(c); err != nil {
				t.Error(err)
			}
			until = time.Now().Add(3 * time.Minute)
		}
		return held
	}
	file := r.configure(t, iss, o)
	if o.alone {
		r.run(t, file)
		return r
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(context.Background(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(a.Public)
	t.Cleanup(func() {
		s.Close()
		_ = a.Close()
	})
	r.base = s.URL + "/fhir/r4"
	return r
}

// configure writes the gateway's configuration.
func (r *rig) configure(t *testing.T, iss *issuer.Issuer, o setup) string {
	t.Helper()
	write := func(name, text string) string {
		file := filepath.Join(r.dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	ca, key := write("ca.pem", string(r.net.CA.PEM())), write("client.pem", string(r.net.World.Client.KeyPEM))
	text := fmt.Sprintf("listen: 127.0.0.1:8080\nadmin_listen: 127.0.0.1:8081\npprof: true\npublic_url: %s\nauth:\n  audience: %s/fhir/r4\n  issuers:\n    - issuer: %s\n      jwks_url: %s\nmpi:\n  store: %s\naudit:\n  dir: %s\nrate_limit: %s\nsources:\n",
		public, public, iss.URL(), iss.JWKSURL(), cmp.Or(o.store, "sqlite:"+r.index()), r.trail(), cmp.Or(o.limits, "{enabled: false}"))
	for _, e := range r.net.World.EHRs {
		text += fmt.Sprintf("  - name: %s\n    vendor: %s\n    base_url: %s\n    timeout: %s\n    auth:\n      type: backend_services\n      token_url: %s\n      client_id: %s\n      key_file: %s\n      key_id: %s\n      scopes: [system/Patient.read, system/Condition.read, system/Observation.read, system/AllergyIntolerance.read, system/Immunization.read]\n    tls: {ca_file: %s}\n%s",
			e.Source(), e.Vendor(), e.URL(), r.budget, e.TokenURL(), r.net.World.Client.ID, key, r.net.World.Client.KeyID, ca, o.keys)
		if e.Vendor() == population.Athena {
			text += "    practice: " + strings.TrimPrefix(e.Practice(), "Organization/") + "\n"
		}
	}
	return write("concord.yaml", text)
}

// index is SQLite's file, and trail the folder of the records.
func (r *rig) index() string { return filepath.Join(r.dir, "mpi.db") }
func (r *rig) trail() string { return filepath.Join(r.dir, "audit") }

// run starts the gateway as a process of its own.
func (r *rig) run(t *testing.T, file string) {
	t.Helper()
	c := exec.CommandContext(context.Background(), os.Args[0])
	c.Env = append(os.Environ(), envConfig+"="+file, envNames+"="+dns.Addr())
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceValue(func() error {
		_ = in.Close()
		return c.Wait()
	})
	r.stop = func(t *testing.T) {
		t.Helper()
		if err := end(); err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
	}
	t.Cleanup(func() { r.stop(t) })
	lines := bufio.NewReader(out)
	r.settle = func() error {
		if _, err := io.WriteString(in, "settle\n"); err != nil {
			return err
		}
		_, err := lines.ReadString('\n')
		return err
	}
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal("the gateway did not come up")
	}
	url, admin, _ := strings.Cut(strings.TrimSpace(line), " ")
	r.base, r.admin, r.pid = url+"/fhir/r4", admin, c.Process.Pid
}

// resource is decoded JSON: the tests' own reading, which shares nothing with the gateway's.
type resource = map[string]any

// reply is an answer.
type reply struct {
	code   int
	header http.Header
	json   resource
	took   time.Duration
}

var errNotJSON = errors.New("the answer is no JSON")

func (r *rig) get(ctx context.Context, path string) (reply, error) {
	began := time.Now()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/"+path, nil)
	if err != nil {
		return reply{}, err
	}
	q.Header.Set("Authorization", "Bearer "+r.token())
	a, err := r.http.Do(q)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		return reply{}, err
	}
	if a.StatusCode < 300 {
		r.answers.Add(1)
	}
	out := reply{code: a.StatusCode, header: a.Header, took: time.Since(began)}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&out.json) != nil {
		return out, errNotJSON
	}
	return out, nil
}
