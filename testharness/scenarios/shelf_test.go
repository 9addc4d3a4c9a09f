package scenarios_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"concord"
	"concord/gateway/shelf"
	"concord/mpi"
	"concord/mpi/sqlstore"
	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
	"concord/testharness/servers"
)

// sharing is two gateways on one index and one Redis. Tokens of the first hold at the second.
type sharing struct {
	one, two  *rig
	redis     *servers.Redis
	index     string
	indexKeys string
	p         population.Person
	id        string
}

func startSharing(t *testing.T, seed uint64, more map[string]string) sharing {
	t.Helper()
	s := sharing{redis: servers.StartRedis(t)}
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: seed, Persons: 1, Registered: 3}})
	dir := t.TempDir()
	s.index, s.indexKeys = "sqlite:"+dir+"/shared.db", dir+"/shared.db.key"
	if err := sqlstore.MakeKeyFile(s.indexKeys); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "shared.key")
	if err := os.WriteFile(key, []byte(shelf.NewKeyLine()), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{"mpi": "store: " + s.index + "\n  key_file: " + s.indexKeys, "": "shared: {store: \"redis://" + s.redis.Addr + "/1\", key_file: " + key + "}\n"}
	for k, v := range more {
		keys[k] = v
	}
	s.one = startKeyed(t, w, "5s", t.TempDir(), keys)
	keys["issuer"] = "    - issuer: " + s.one.issuer.URL() + "\n      jwks_url: " + s.one.issuer.JWKSURL() + "\n"
	s.two = startKeyed(t, w, "5s", t.TempDir(), keys)
	s.two = s.two.with(s.one.token)
	s.p = w.Population.Persons[0]
	s.id, _ = s.one.person(t, s.p.Copies[0].Source, s.p.Copies[0].ID)
	return s
}

// TestPagesOfAnotherGateway: a page that is asked of another gateway is the same page, for whom it was made for, by a token
// that covers it, and while who is who is still so. Without the Redis first pages are answered, and a page that only another
// gateway has is 503 and never a wrong one.
func TestPagesOfAnotherGateway(t *testing.T) {
	s := startSharing(t, 96, nil)
	path := "Observation?patient=" + s.id + "&_revinclude=Provenance:target&_count=7"
	want := ids(s.one.get(t, strings.Replace(path, "_count=7", "_count=1000", 1)).entries("match"))
	first := s.one.get(t, path)
	next := first.link("next")
	if next == "" {
		t.Fatalf("HTTP %d, no further page", first.code)
	}
	got := ids(first.entries("match"))
	turns := []*rig{s.two, s.one, s.two}
	for i := 0; next != ""; i++ {
		a, b := turns[i%3].get(t, next), turns[(i+1)%3].get(t, next)
		if a.code != 200 || string(a.body) != string(b.body) {
			t.Fatalf("page %d: HTTP %d and %d, alike %v", i+2, a.code, b.code, string(a.body) == string(b.body))
		}
		got = append(got, ids(a.entries("match"))...)
		next = a.link("next")
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) < 20 {
		t.Errorf("%d entries on the pages, %d in the whole", len(got), len(want))
	}
	next = s.one.get(t, path).link("next")
	for name, token := range map[string]string{"another caller": s.one.tokenOf(t, "user/*.rs", "sub", "bob"), "another tenant": s.one.tokenOf(t, "user/*.rs", "tenant", "riverside"), "a token that covers less": s.one.tokenOf(t, "user/Condition.rs")} {
		if a := s.two.with(token).get(t, next); a.code != 403 || len(a.entries("match")) > 0 {
			t.Errorf("%s: HTTP %d", name, a.code)
		}
	}
	if a := s.two.with(s.one.tokenOf(t, "user/Observation.rs user/Provenance.rs")).get(t, next); a.code != 200 {
		t.Errorf("another token that covers it: HTTP %d", a.code)
	}
	// GraphQL
	const query = `query($c:String!){ObservationConnection(_cursor:$c){count next edges{resource{id}}}}`
	a := s.one.ask(t, `query($p:String!){ObservationConnection(patient:[$p],_count:7){count next edges{resource{id}}}}`, map[string]any{"p": s.id})
	data, _ := a.json["data"].(resource)
	c, _ := data["ObservationConnection"].(resource)
	here, there := s.one.ask(t, query, map[string]any{"c": c["next"]}), s.two.ask(t, query, map[string]any{"c": c["next"]})
	if here.code != 200 || len(here.faults()) > 0 || string(here.body) != string(there.body) {
		t.Errorf("GraphQL: HTTP %d and %d", here.code, there.code)
	}

	// without the Redis
	held := s.one.get(t, path).link("next")
	s.redis.Stop()
	a = s.one.get(t, path)
	if a.code != 200 || !strings.Contains(string(a.body), "this gateway only") || a.json["total"] == nil {
		t.Errorf("a first page: HTTP %d, whether further ones can be had is told %v", a.code, strings.Contains(string(a.body), "this gateway only"))
	}
	alone := a.link("next")
	if b := s.one.get(t, alone); b.code != 200 || len(b.entries("match")) == 0 {
		t.Errorf("the next page where it was made: HTTP %d", b.code)
	}
	for _, link := range []string{alone, held} {
		if b := s.two.get(t, link); b.code != http.StatusServiceUnavailable || b.header.Get("Retry-After") == "" || len(b.entries("match")) > 0 {
			t.Errorf("the next page elsewhere: HTTP %d", b.code)
		}
	}
	s.redis.Start()
	for range 100 { // it is looked for once in a second
		if a = s.two.get(t, alone); a.code != 503 {
			break
		}
		wait(t)
	}
	if a.code != http.StatusGone {
		t.Errorf("a page that the Redis never had: HTTP %d", a.code)
	}

	// a link that is cut
	for range 100 { // the first gateway looks for the Redis by itself
		if a = s.one.get(t, path); !strings.Contains(string(a.body), "this gateway only") {
			break
		}
		wait(t)
	}
	next = a.link("next")
	ring, err := sqlstore.ReadKeys(s.indexKeys)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), s.index, sqlstore.Options{Keys: ring})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	last := s.p.Copies[len(s.p.Copies)-1]
	if _, _, err := mpi.NewIndex(store).By("usr-1").Unlink(t.Context(), mpi.PersonID(s.id), concord.NewPatientRef(last.Source, last.ID)); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*rig{s.two, s.one} {
		a := r.get(t, next)
		for i := 0; i < 100 && a.code == http.StatusServiceUnavailable && a.header.Get("Retry-After") != ""; i++ { // a busy machine's Redis is late
			wait(t)
			a = r.get(t, next)
		}
		if a.code != http.StatusGone {
			t.Errorf("a page of somebody who turned out to be two: HTTP %d", a.code)
		}
	}
	for _, r := range []*rig{s.one, s.two} {
		r.leaks(t, s.p)
	}
}

// TestCreateNamed: a create with an Idempotency-Key is filed once, whichever gateway it is sent to again; what is not known to
// have been filed is not sent again, and what was not filed is.
func TestCreateNamed(t *testing.T) {
	s := startSharing(t, 97, map[string]string{"epic": "creates: [Condition]", "cerner": "creates: [Condition]"})
	token := s.one.tokenOf(t, "user/*.cruds")
	x := twoPeople{rig: s.one.with(token), mine: s.p, me: s.id}
	post := func(r *rig, source, key, body string) reply {
		t.Helper()
		y := x
		y.rig = r
		return y.post(t, "Condition?_source="+source, body, "Idempotency-Key", key)
	}
	one, two := s.one.with(token), s.two.with(token)
	first := post(one, "cerner", "k-1", problem)
	at := first.header.Get("Location")
	if first.code != 201 || at == "" {
		t.Fatalf("HTTP %d", first.code)
	}
	for _, r := range []*rig{two, one} {
		if a := post(r, "cerner", "k-1", problem); a.code != 201 || a.header.Get("Location") != at || x.filed() != 1 {
			t.Errorf("again: HTTP %d, another place %v, filed %d times", a.code, a.header.Get("Location") != at, x.filed())
		}
		for name, a := range map[string]reply{"another body": post(r, "cerner", "k-1", strings.Replace(problem, "Filed here", "Other", 1)), "another source": post(r, "epic", "k-1", problem)} {
			if a.code != 422 || x.filed() != 1 {
				t.Errorf("%s: HTTP %d", name, a.code)
			}
		}
	}
	for name, key := range map[string]string{"long": strings.Repeat("k", 200), "not printable": "k\t1"} {
		if a := post(one, "cerner", key, problem); a.code != 400 || x.filed() != 1 {
			t.Errorf("%s: HTTP %d", name, a.code)
		}
	}
	if a := post(s.two.with(s.one.tokenOf(t, "user/*.cruds", "sub", "bob")), "cerner", "k-1", problem); a.code != 201 || a.header.Get("Location") == at || x.filed() != 2 {
		t.Errorf("another caller's key: HTTP %d", a.code)
	}
	if a := post(s.two.with(s.one.tokenOf(t, "user/*.rs")), "cerner", "k-1", problem); a.code != 403 {
		t.Errorf("a token that may not: HTTP %d", a.code)
	}
	e := s.one.world.EHR("epic")
	for i, c := range []struct {
		kind  fakeehr.Kind
		again int
	}{{fakeehr.ServerError, 409}, {fakeehr.Throttled, 201}} {
		key, before := fmt.Sprint("f-", i), x.filed()
		e.Set(fakeehr.Fault{Kind: c.kind, Interaction: "create"})
		if a := post(one, "epic", key, problem); a.code < 500 || x.filed() != before+1 {
			t.Errorf("%s: HTTP %d", c.kind, a.code)
		}
		e.Clear()
		a := post(two, "epic", key, problem)
		if sent := x.filed() - before - 1; a.code != c.again || (sent == 1) != (c.again == 201) {
			t.Errorf("after %s: HTTP %d, sent %d times", c.kind, a.code, sent)
		}
	}
	s.redis.Stop()
	before := x.filed()
	if a := post(one, "cerner", "k-2", problem); a.code != 503 || a.header.Get("Retry-After") == "" || x.filed() != before {
		t.Errorf("without the Redis: HTTP %d", a.code)
	}
	if a := x.post(t, "Condition?_source=cerner", problem); a.code != 201 || x.filed() != before+1 {
		t.Errorf("without a key, and without the Redis: HTTP %d", a.code)
	}
}

// TestCreateNamedAlone: so it is at a gateway that shares nothing.
func TestCreateNamedAlone(t *testing.T) {
	x := startCreating(t)
	a := x.post(t, "Condition?_source=cerner", problem, "Idempotency-Key", "k")
	b := x.post(t, "Condition?_source=cerner", problem, "Idempotency-Key", "k")
	if a.code != 201 || b.code != 201 || a.header.Get("Location") != b.header.Get("Location") || x.filed() != 1 {
		t.Errorf("HTTP %d and %d, filed %d times", a.code, b.code, x.filed())
	}
}

// wait lets a moment pass.
func wait(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(50 * time.Millisecond):
	case <-t.Context().Done():
	}
}
