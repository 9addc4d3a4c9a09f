package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sort"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"concord/internal/app"
	"concord/internal/config"
	"concord/testharness/issuer"
)

// people are those whom an upstream knows: each has a searchset of its own, so that no cache can hide the cost.
const people = 8

// body is the searchset of person p at a source: results of that person, a third of them the same events at all sources.
func body(source string, p, size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","type":"searchset","link":[{"relation":"self","url":"http://ehr.example.org/Observation?patient=1"}],"entry":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		code, minute := 1000+i%40, i
		if i%3 != 0 { // this source's alone
			minute = i + 100_000*(1+int(source[0]))
		}
		at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * 17 * time.Minute)
		fmt.Fprintf(&b, `{"fullUrl":"http://ehr.example.org/fhir/Observation/L-%d-%d","resource":{"resourceType":"Observation","id":"L-%d-%d","meta":{"versionId":"1","lastUpdated":"2024-05-01T10:00:00.000Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}],"text":"Laboratory"}],"code":{"coding":[{"system":"urn:oid:1.2.3.%d","code":"%d","display":"Local name of the test","userSelected":true},{"system":"http://loinc.org","code":"%d-3","display":"A substance [Moles/volume] in Serum or Plasma"}],"text":"Local name of the test"},"subject":{"reference":"Patient/p%d","display":"EXAMPLE, PERSON"},"encounter":{"reference":"Encounter/%d"},"effectiveDateTime":"%s","issued":"%s","valueQuantity":{"value":4.%d,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"},"referenceRange":[{"low":{"value":3.5,"unit":"mmol/L"},"high":{"value":5.1,"unit":"mmol/L"},"text":"3.5-5.1"}]},"search":{"mode":"match"}}`,
			p, i, p, i, source[0], code, code, p, i/5, at.Format(time.RFC3339), at.Format(time.RFC3339), i%90)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func patient(source string, p int) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Patient","id":"p%d","identifier":[{"system":"urn:oid:1.2.3.%d","value":"%d"}],"name":[{"family":"Example%c","given":["Person"]}],"telecom":[{"system":"phone","value":"617424%04d"}],"gender":"female","birthDate":"1970-02-%02d"}`, p, source[0], p, 'a'+p, 1000+p, p+1)
}

// serveUpstream is the upstream's program.
func serveUpstream(source string, size int) *httptest.Server {
	bodies := make([][]byte, people)
	for p := range bodies {
		bodies[p] = body(source, p, size)
	}
	mux := http.NewServeMux()
	send := func(w http.ResponseWriter, b []byte) {
		w.Header().Set("Content-Type", "application/fhir+json")
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		_, _ = w.Write(b)
	}
	mux.HandleFunc("GET /fhir/Observation", func(w http.ResponseWriter, r *http.Request) {
		var p int
		if _, err := fmt.Sscanf(strings.TrimPrefix(r.URL.Query().Get("patient"), "Patient/"), "p%d", &p); err != nil || p >= people {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		send(w, bodies[p])
	})
	mux.HandleFunc("GET /fhir/Patient/{id}", func(w http.ResponseWriter, r *http.Request) {
		var p int
		_, _ = fmt.Sscanf(r.PathValue("id"), "p%d", &p)
		send(w, patient(source, p))
	})
	mux.HandleFunc("GET /fhir/Patient", func(w http.ResponseWriter, r *http.Request) {
		var hits [][]byte
		for p := range people {
			if strings.EqualFold(r.URL.Query().Get("family"), fmt.Sprintf("Example%c", 'a'+p)) {
				hits = append(hits, append(append([]byte(`{"resource":`), patient(source, p)...), `,"search":{"mode":"match"}}`...))
			}
		}
		send(w, append(append([]byte(`{"resourceType":"Bundle","type":"searchset","entry":[`), bytes.Join(hits, []byte(","))...), `]}`...))
	})
	return httptest.NewServer(mux)
}

// TestMain runs an upstream, or what is measured, when the process was started as one.
func TestMain(m *testing.M) {
	switch os.Getenv("CONCORD_BENCH") {
	case "":
		os.Exit(m.Run())
	case "upstream":
		var size int
		_, _ = fmt.Sscan(os.Getenv("CONCORD_BENCH_SIZE"), &size)
		s := serveUpstream(os.Getenv("CONCORD_BENCH_NAME"), size)
		fmt.Println(s.URL + "/fhir")
	case "floor":
		fmt.Println(floor(strings.Split(os.Getenv("CONCORD_BENCH_SOURCES"), ",")))
	case "concord":
		url, err := gateway(os.Getenv("CONCORD_BENCH_CONFIG"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if f, err := os.Create(os.Getenv("CONCORD_BENCH_PROFILE")); err == nil { // where its CPU goes
			defer pprof.StopCPUProfile()
			_ = pprof.StartCPUProfile(f)
		}
		fmt.Println(url)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent goes
}

// floor streams the three bodies to the client, one behind the other, without a look at them.
func floor(sources []string) string {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers := make([]*http.Response, len(sources))
		var g errgroup.Group
		for i, s := range sources {
			g.Go(func() (err error) {
				q, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s+"/Observation?patient="+r.URL.Query().Get("patient"), nil)
				if err == nil {
					answers[i], err = http.DefaultClient.Do(q) //nolint:bodyclose // below
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			http.Error(w, "upstream", http.StatusBadGateway)
			return
		}
		for _, a := range answers {
			_, _ = io.Copy(w, a.Body)
			_ = a.Body.Close()
		}
	})).URL
}

// gateway is Concord with everything on.
func gateway(file string) (string, error) {
	cfg, err := config.Load(file)
	if err != nil {
		return "", err
	}
	a, err := app.New(context.Background(), cfg, io.Discard)
	if err != nil {
		return "", err
	}
	return httptest.NewServer(a.Public).URL, nil
}

// BenchmarkAnswer compares one merged answer with everything on (token, scopes, merge, marks, audit) with a Go program
// that streams the three bodies without looking at them: CPU time of the whole process, by turns.
func BenchmarkAnswer(b *testing.B) {
	for _, size := range []int{50 << 10, 200 << 10, 2 << 20} {
		b.Run(fmt.Sprintf("3x%dKB", size>>10), func(b *testing.B) { answer(b, size) })
	}
}

// rig is three sources, the floor and the gateway, each a process of its own.
type rig struct {
	b      *testing.B
	gw, fl proc
	iss    *issuer.Issuer
	size   int
}

const base = "http://127.0.0.1:8080"

func newRig(b *testing.B, size int) *rig {
	r := &rig{b: b, size: size}
	names := []string{"epic", "cerner", "athena"}
	var sources []string
	for _, n := range names {
		p := start(b, "CONCORD_BENCH=upstream", "CONCORD_BENCH_NAME="+n, fmt.Sprintf("CONCORD_BENCH_SIZE=%d", size))
		sources = append(sources, p.url)
	}
	var err error
	if r.iss, err = issuer.Start(issuer.Options{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.iss.Close() })
	r.fl = start(b, "CONCORD_BENCH=floor", "CONCORD_BENCH_SOURCES="+strings.Join(sources, ","))
	dir := b.TempDir()
	text := fmt.Sprintf("listen: 127.0.0.1:8080\nadmin_listen: 127.0.0.1:8081\npublic_url: %s\nauth:\n  audience: %s/fhir/r4\n  issuers:\n    - issuer: %s\n      jwks_url: %s\nmpi:\n  store: sqlite:%s/mpi.db\naudit:\n  dir: %s/audit\nrate_limit:\n  enabled: false\nsources:\n", base, base, r.iss.URL(), r.iss.JWKSURL(), dir, dir)
	for i, n := range names {
		text += fmt.Sprintf("  - name: %s\n    vendor: generic\n    base_url: %s\n    timeout: 20s\n    auth:\n      type: none\n", n, sources[i])
	}
	file := filepath.Join(dir, "concord.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	r.gw = start(b, "CONCORD_BENCH=concord", "CONCORD_BENCH_CONFIG="+file)
	return r
}

// token holds an hour; patient is the launch context, "" for none.
func (r *rig) token(scope, patient string) string {
	c := r.iss.Claims(base+"/fhir/r4", scope).With("exp", time.Now().Add(time.Hour).Unix())
	if patient != "" {
		c = c.With("patient", patient)
	}
	t, err := r.iss.Token(c)
	if err != nil {
		r.b.Fatal(err)
	}
	return t
}

func (r *rig) ask(p proc, token, path string) int {
	q, _ := http.NewRequestWithContext(r.b.Context(), http.MethodGet, p.url+path, nil)
	q.Header.Set("Authorization", "Bearer "+token)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		r.b.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	n, _ := io.Copy(io.Discard, a.Body)
	if a.StatusCode != http.StatusOK {
		r.b.Fatalf("%s: HTTP %d", path, a.StatusCode)
	}
	return int(n)
}

// whole asks the gateway for the record of the i-th patient.
func (r *rig) whole(token string, i int) {
	if n := r.ask(r.gw, token, fmt.Sprintf("/fhir/r4/Observation?patient=epic.p%d&_count=10000", i%people)); n < 2*r.size {
		r.b.Fatal("an answer is too short to be whole")
	}
}

func answer(b *testing.B, size int) {
	r := newRig(b, size)
	token := r.token("user/*.rs", "")
	plain := func(i int) {
		if r.ask(r.fl, "", fmt.Sprintf("/?patient=p%d", i%people)) < 3*size {
			b.Fatal("the floor's answer is too short")
		}
	}
	for i := range people { // the people are known, the programs warm
		r.whole(token, i)
		plain(i)
	}
	ours, floors := r.byTurns(r.gw, func(i int) { r.whole(token, i) }, r.fl, plain)
	b.ReportMetric(median(ours), "concord-cpu-ms")
	b.ReportMetric(median(floors), "floor-cpu-ms")
	b.ReportMetric(median(ours)/median(floors), "times-floor")
	b.ReportMetric(0, "ns/op")
}

// byTurns is the CPU time of a call of each of two programs, in milliseconds.
func (r *rig) byTurns(a proc, callA func(int), c proc, callC func(int)) (first, second []float64) {
	for r.b.Loop() {
		const each = 4
		for round := range 2 {
			t0 := a.cpu(r.b)
			for i := range each {
				callA(round*each + i)
			}
			t1 := a.cpu(r.b)
			u0 := c.cpu(r.b)
			for i := range each {
				callC(round*each + i)
			}
			first = append(first, (t1-t0).Seconds()*1e3/each)
			second = append(second, (c.cpu(r.b)-u0).Seconds()*1e3/each)
		}
	}
	return first, second
}

// BenchmarkRights is what judging each resource by content costs in a whole answer: a patient's token, which looks into each
// for whose it is, and a granular one beside that, against a user's token, for which a look at the type is enough.
func BenchmarkRights(b *testing.B) {
	for name, scope := range map[string]string{"patient": "patient/*.rs", "granular": "patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs"} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b, 200<<10)
			wide := r.token("user/*.rs", "")
			narrow := make([]string, people)
			for i := range narrow {
				narrow[i] = r.token(scope, fmt.Sprintf("epic.p%d", i))
				r.whole(wide, i)
				r.ask(r.gw, narrow[i], fmt.Sprintf("/fhir/r4/Observation?patient=epic.p%d&_count=10000", i))
			}
			judged, free := r.byTurns(r.gw, func(i int) {
				r.ask(r.gw, narrow[i%people], fmt.Sprintf("/fhir/r4/Observation?patient=epic.p%d&_count=10000", i%people))
			},
				r.gw, func(i int) { r.whole(wide, i) })
			b.ReportMetric(median(judged), "judged-cpu-ms")
			b.ReportMetric(median(free), "free-cpu-ms")
			b.ReportMetric((median(judged)/median(free)-1)*100, "percent-more")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(x []float64) float64 {
	sort.Float64s(x)
	return x[len(x)/2]
}

// proc is a program under measurement.
type proc struct {
	url string
	pid int
}

// cpu is the process's user and system time so far.
func (p proc) cpu(b *testing.B) time.Duration {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.pid))
	if len(names) == 0 {
		b.Skip("the CPU of another process is read from /proc of Linux")
	}
	var sum time.Duration
	for _, n := range names {
		raw, err := os.ReadFile(n)
		if err != nil {
			continue // a thread that has ended
		}
		var ns int64
		_, _ = fmt.Sscan(string(raw), &ns)
		sum += time.Duration(ns)
	}
	return sum
}
