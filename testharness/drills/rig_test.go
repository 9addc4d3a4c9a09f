package drills_test

import (
	"bufio"
	"bytes"
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
	"testing"
	"time"

	"concord/internal/app"
	"concord/internal/config"
	"concord/testharness"
	"concord/testharness/drills"
	"concord/testharness/issuer"
	"concord/testharness/population"
)

// Environment of this program when it is started again as a gateway.
const (
	envConfig = "CONCORD_DRILL_CONFIG"
	envNames  = "CONCORD_DRILL_NAMES"
)

// dns are the names of all tests of this process.
var dns *drills.Names

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
	os.Exit(code)
}

// serve runs a gateway until its input ends, and says where it is.
func serve(file string) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	a, err := app.New(context.Background(), cfg, io.Discard)
	if err != nil {
		return err
	}
	public, admin := httptest.NewServer(a.Public), httptest.NewServer(a.Admin)
	fmt.Println(public.URL, admin.URL)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); { // a line asks for all memory that is not in use to be given back
		debug.FreeOSMemory()
		fmt.Println("settled")
	}
	public.Close()
	admin.Close()
	return a.Close()
}

// rig is the gateway behind a faulty network.
type rig struct {
	net    *drills.Net
	budget time.Duration
	base   string
	admin  string // URL; "" in process
	pid    int    // of a gateway that is a process of its own; 0 in this one
	settle func() error
	token  func() string
	http   *http.Client
}

const public = "http://127.0.0.1:8080"

func newRig(t *testing.T, seed uint64, persons int, budget time.Duration, alone bool, keys string) *rig {
	t.Helper()
	n, err := drills.Open(testharness.Options{Population: population.Options{Seed: seed, Persons: persons, Registered: 3, Decoys: .5}}, dns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	iss, err := issuer.Start(issuer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = iss.Close() })
	r := &rig{net: n, budget: budget, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}}
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
	file := r.configure(t, iss, keys)
	if alone {
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

// configure writes the gateway's configuration; keys are further keys of each source.
func (r *rig) configure(t *testing.T, iss *issuer.Issuer, keys string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	ca, key := write("ca.pem", string(r.net.CA.PEM())), write("client.pem", string(r.net.World.Client.KeyPEM))
	text := fmt.Sprintf("listen: 127.0.0.1:8080\nadmin_listen: 127.0.0.1:8081\npublic_url: %s\nauth:\n  audience: %s/fhir/r4\n  issuers:\n    - issuer: %s\n      jwks_url: %s\nmpi:\n  store: sqlite:%s/mpi.db\naudit:\n  dir: %s/audit\nrate_limit:\n  enabled: false\nsources:\n",
		public, public, iss.URL(), iss.JWKSURL(), dir, dir)
	for _, e := range r.net.World.EHRs {
		text += fmt.Sprintf("  - name: %s\n    vendor: %s\n    base_url: %s\n    timeout: %s\n    auth:\n      type: backend_services\n      token_url: %s\n      client_id: %s\n      key_file: %s\n      key_id: %s\n      scopes: [system/Patient.read, system/Condition.read, system/Observation.read, system/AllergyIntolerance.read, system/Immunization.read]\n    tls: {ca_file: %s}\n%s",
			e.Source(), e.Vendor(), e.URL(), r.budget, e.TokenURL(), r.net.World.Client.ID, key, r.net.World.Client.KeyID, ca, keys)
		if e.Vendor() == population.Athena {
			text += "    practice: " + strings.TrimPrefix(e.Practice(), "Organization/") + "\n"
		}
	}
	return write("concord.yaml", text)
}

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
	t.Cleanup(func() {
		_ = in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
	})
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
	out := reply{code: a.StatusCode, header: a.Header, took: time.Since(began)}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&out.json) != nil {
		return out, errNotJSON
	}
	return out, nil
}
