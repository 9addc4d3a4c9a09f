package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"concord"
	"concord/mpi"
	"concord/mpi/sqlstore"
	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
	"concord/testharness/servers"
)

// told is an answer that a client has, and that has to be in a trail.
type told struct {
	by, id  string
	status  int
	entries int
}

// load is clients that read whole searches, page by page, and judge what they get.
type load struct {
	c    *cluster
	want map[population.PersonKey]map[string]map[string]bool // copies by person and type

	mu      sync.Mutex
	answers []told
	wrong   []string
	tookAll []time.Duration

	searches, pages, marked, again, refused, alone atomic.Int64
}

func (l *load) bad(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// truth are the copies of each person, by type.
func truth(w *testharness.World) map[population.PersonKey]map[string]map[string]bool {
	out := map[population.PersonKey]map[string]map[string]bool{}
	for c, ev := range w.Truth.Event {
		p := ev.Person()
		if out[p] == nil {
			out[p] = map[string]map[string]bool{}
		}
		if out[p][c.Type] == nil {
			out[p][c.Type] = map[string]bool{}
		}
		out[p][c.Type][c.Type+"/"+string(c.Source)+"."+c.ID] = true
	}
	return out
}

// get asks once, by way of the balancer, and keeps what was told.
func (l *load) get(ctx context.Context, path string) (answer, bool) {
	a, err := l.c.ask(ctx, "", path)
	if ctx.Err() != nil {
		return a, false
	}
	if err != nil {
		l.bad("no answer: %v", err)
		return a, false
	}
	l.mu.Lock()
	l.answers = append(l.answers, told{a.by, a.id, a.status, a.entries})
	l.tookAll = append(l.tookAll, a.took)
	l.mu.Unlock()
	return a, true
}

// search reads a whole search and holds it to the truth.
func (l *load) search(ctx context.Context, p population.Person, typ string, by population.Copy, count int) {
	next := fmt.Sprintf("%s?patient=%s&_count=%d", typ, url.QueryEscape(string(by.Source)+"."+by.ID), count)
	seen, missing, alone := map[string]int{}, map[string]bool{}, false
	gateways := map[string]bool{}
	for first := true; next != ""; first = false {
		a, ok := l.get(ctx, next)
		if !ok {
			return
		}
		switch {
		case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
			l.refused.Add(1)
			return
		case a.status == http.StatusGone && !first && alone:
			l.alone.Add(1)
			return
		case a.status != http.StatusOK:
			l.bad("%s of %s: HTTP %d from %s, first page %v", typ, p.Key, a.status, a.by, first)
			return
		}
		l.pages.Add(1)
		gateways[a.by] = true
		if first {
			missing = a.missing()
			text, _ := json.Marshal(a.list("outcome"))
			alone = strings.Contains(string(text), "this gateway only")
		}
		for _, e := range a.list("match") {
			for _, ref := range contributors(e) {
				seen[ref]++
			}
		}
		next = a.next()
	}
	l.searches.Add(1)
	if len(missing) > 0 {
		l.marked.Add(1)
	}
	if len(gateways) > 1 {
		l.again.Add(1)
	}
	want := l.want[p.Key][typ]
	for ref, n := range seen {
		if !want[ref] {
			l.bad("%s of %s: a copy of somebody else", typ, p.Key)
		}
		if n != 1 {
			l.bad("%s of %s: a copy in %d entries", typ, p.Key, n)
		}
	}
	for ref := range want {
		source, _, _ := strings.Cut(strings.TrimPrefix(ref, typ+"/"), ".")
		if seen[ref] == 0 && !missing[source] {
			l.bad("%s of %s: a copy at %s is missing, and that is not said", typ, p.Key, source)
		}
	}
}

// run lets clients ask until ctx ends.
func (l *load) run(ctx context.Context, clients int) {
	var all sync.WaitGroup
	people := l.c.world.Population.Persons
	for i := range clients {
		all.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				p := people[n%len(people)]
				by := p.Copies[(n/len(people))%len(p.Copies)]
				l.search(ctx, p, []string{"Observation", "Condition", "Encounter"}[n%3], by, 5+n%9)
			}
		})
	}
	all.Wait()
}

// recorded is what a gateway's trail has of its answers, by request.
func recorded(t *testing.T, g *node) map[string]told {
	t.Helper()
	out := map[string]told{}
	files, _ := filepath.Glob(filepath.Join(g.dir, "audit", "*.jsonl"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var e struct {
				ID     string                `json:"request_id"`
				Type   string                `json:"event_type"`
				Status int                   `json:"http_status"`
				Gave   []struct{ Count int } `json:"disclosed"`
			}
			if json.Unmarshal([]byte(line), &e) != nil || e.ID == "" {
				continue // torn, or no answer's
			}
			if e.Type == "fhir.api.access" || e.Type == "fhir.api.denied" {
				n := 0
				for _, k := range e.Gave {
					n += k.Count
				}
				out[e.ID] = told{g.name, e.ID, e.Status, n}
			}
		}
	}
	return out
}

// verify checks a trail with the program, as an operator does.
func (c *cluster) verify(t *testing.T, g *node) {
	t.Helper()
	if out, err := exec.Command(c.program, "audit", "verify", "--dir", filepath.Join(g.dir, "audit")).CombinedOutput(); err != nil {
		t.Errorf("the trail of %s: %v: %s", g.name, err, out)
	}
}

// TestKilled: three gateways on one PostgreSQL, one Redis and one NATS are asked by many clients, page by page, of whichever
// gateway; one is killed and comes back, and the Redis goes away for a while. Every answer is nobody else's data, and complete or said to be
// incomplete; every answer that arrived is in the trail of the gateway that gave it, and all trails verify; an unlink is obeyed
// by the next request everywhere; and every change of who is who is in the stream of events, once and in order.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	var pg servers.Postgres
	t.Cleanup(func() { _ = pg.Stop() })
	c := start(t, &pg, 3, testharness.Options{Population: population.Options{Seed: 31, Persons: 6, Registered: 3, Decoys: 0.4, Conflicts: 1, Observations: 30}})
	l := &load{c: c, want: truth(c.world)}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var asked sync.WaitGroup
	asked.Go(func() { l.run(ctx, 8) })
	until := func(what string, more int64) {
		t.Helper()
		for from, deadline := l.searches.Load(), time.Now().Add(40*time.Second); l.searches.Load() < from+more; {
			if time.Now().After(deadline) {
				t.Errorf("%s: %d searches only", what, l.searches.Load()-from)
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	until("three gateways", 25)
	c.nodes[1].kill()
	c.verify(t, c.nodes[1]) // as it was left
	until("two gateways", 25)
	c.world.EHRs[2].Set(fakeehr.Fault{Kind: fakeehr.ServerError, Count: 10})
	until("a source that fails", 8)
	c.world.Heal()
	if err := c.nodes[1].start(); err != nil {
		t.Fatal(err)
	}
	if err := c.nodes[1].ready(); err != nil {
		t.Fatal(err)
	}
	until("three gateways again", 25)
	c.redis.Stop()
	until("without the Redis", 2)
	c.redis.Start()
	until("with the Redis again", 12)
	c.nodes[0].kill()
	until("another one killed", 12)
	cancel()
	asked.Wait()
	if err := c.nodes[0].start(); err != nil {
		t.Fatal(err)
	}
	if err := c.nodes[0].ready(); err != nil {
		t.Fatal(err)
	}

	l.mu.Lock()
	slices.Sort(l.wrong)
	for _, w := range slices.Compact(l.wrong) {
		t.Error(w)
	}
	answers := l.answers
	l.mu.Unlock()
	by := map[string]map[string]told{}
	for _, g := range c.nodes {
		c.verify(t, g)
		by[g.name] = recorded(t, g)
	}
	counts := map[string]int{}
	for _, a := range answers {
		counts[a.by]++
		if a.status == http.StatusOK && by[a.by][a.id] != a || a.status != http.StatusOK && by[a.by][a.id].status != a.status {
			t.Errorf("an answer of %s, HTTP %d with %d resources, is in its trail as %+v", a.by, a.status, a.entries, by[a.by][a.id])
		}
	}
	t.Logf("%d searches of %d pages, %d over several gateways, %d marked incomplete, %d refused for now, %d whose pages were at one gateway alone; answers by gateway %v",
		l.searches.Load(), l.pages.Load(), l.again.Load(), l.marked.Load(), l.refused.Load(), l.alone.Load(), counts)
	if l.again.Load() < 20 || l.marked.Load() == 0 || len(counts) != 3 {
		t.Error("too little was looked at")
	}
	c.unlink(t)
	c.events(t)
}

// unlink: what is cut is obeyed by the very next request of each gateway.
func (c *cluster) unlink(t *testing.T) {
	t.Helper()
	store := c.open(t)
	p := c.world.Population.Persons[0]
	cut := concord.NewPatientRef(p.Copies[0].Source, p.Copies[0].ID)
	person, err := store.ByRef(t.Context(), cut)
	if err != nil {
		t.Fatal(err)
	}
	path := "Observation?patient=" + string(p.Copies[1].Source) + "." + p.Copies[1].ID + "&_count=1000"
	for _, g := range c.nodes { // all of them know it
		if a, err := c.ask(t.Context(), g.url, path); err != nil || a.status != 200 || !strings.Contains(fmt.Sprint(a.json), "/"+string(cut.Source)+".") {
			t.Fatalf("%s: HTTP %d, %v", g.name, a.status, err)
		}
	}
	if _, _, err := mpi.NewIndex(store).By("usr-1").Unlink(t.Context(), person.ID, cut); err != nil {
		t.Fatal(err)
	}
	for _, g := range c.nodes {
		a, err := c.ask(t.Context(), g.url, path)
		if err != nil || a.status != 200 || strings.Contains(fmt.Sprint(a.json), "/"+string(cut.Source)+".") {
			t.Errorf("%s: HTTP %d, %v, or what was cut is still there", g.name, a.status, err)
		}
	}
}

func (c *cluster) open(t *testing.T) *sqlstore.Store {
	t.Helper()
	keys, err := sqlstore.ReadKeys(c.indexKeys)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlstore.Open(t.Context(), c.index, sqlstore.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// events: the stream has what the journal has of persons, once and in order, and tells of no patient.
func (c *cluster) events(t *testing.T) {
	t.Helper()
	var want []int64
	for e, err := range c.open(t).Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Person != "" && e.Kind != mpi.EventQueued && e.Kind != mpi.EventRejected {
			want = append(want, e.Seq)
		}
	}
	conn, err := nats.Connect(c.nats.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	text := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && len(got) < len(want); {
		got, text = nil, ""
		cons, err := js.OrderedConsumer(t.Context(), "CONCORD", jetstream.OrderedConsumerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for {
			m, err := cons.Next(jetstream.FetchMaxWait(300 * time.Millisecond))
			if err != nil {
				if !errors.Is(err, nats.ErrTimeout) {
					t.Fatal(err)
				}
				break
			}
			var e struct{ Data struct{ Seq int64 } }
			if err := json.Unmarshal(m.Data(), &e); err != nil {
				t.Fatal(err)
			}
			got, text = append(got, e.Data.Seq), text+string(m.Data())
		}
	}
	if len(want) < 6 || !slices.Equal(got, want) {
		t.Errorf("the stream has %v, the journal %v", got, want)
	}
	for _, p := range c.world.Population.Persons {
		for _, word := range []string{p.Family, p.Copies[0].ID} {
			if strings.Contains(text, word) {
				t.Error("an event tells of a patient")
			}
		}
	}
}
