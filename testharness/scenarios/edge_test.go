package scenarios_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/issuer"
	"concord/testharness/population"
	"concord/testharness/servers"
)

// TestOpaqueTokens: a token that only its issuer understands opens what the issuer says; one that was revoked opens nothing
// any more, in the middle of a long answer too; and while the issuer can't be asked, nobody is let in.
func TestOpaqueTokens(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 73, Persons: 1, Registered: 3}})
	p := w.Population.Persons[0]
	dir := t.TempDir()
	probe, err := issuer.Start(issuer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	client, secret := probe.Gateway()
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startKeyed(t, w, "5s", dir, map[string]string{"issuer": "      introspection: {url: \"{issuer}/introspect\", client_id: " + client + ", secret_file: \"{dir}/secret\", prefix: " + issuer.OpaquePrefix + ", keep: 1s}\n"})
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	token := r.issuer.Opaque(r.issuer.Claims(public+"/fhir/r4", "user/Condition.rs"))
	o := r.with(token)
	first := o.get(t, "Condition?patient="+id+"&_count=1")
	if first.code != 200 || first.link("next") == "" {
		t.Fatalf("HTTP %d", first.code)
	}
	if a := o.get(t, "Observation?patient="+id); a.code != 403 {
		t.Errorf("beyond its scope: HTTP %d", a.code)
	}
	if a := r.with(issuer.OpaquePrefix+"made-up").get(t, "Condition?patient="+id); a.code != 401 {
		t.Errorf("a made-up token: HTTP %d", a.code)
	}
	r.issuer.Revoke(token)
	code := 0
	for end := time.Now().Add(10 * time.Second); code != 401 && time.Now().Before(end); {
		wait := time.NewTimer(100 * time.Millisecond)
		<-wait.C
		code = o.get(t, first.link("next")).code
	}
	if code != 401 {
		t.Errorf("35 revoked in the middle: HTTP %d", code)
	}
	r.issuer.SetDown(true)
	if a := r.with(issuer.OpaquePrefix+"another").get(t, "Condition?patient="+id); a.code != 503 {
		t.Errorf("an issuer that can't be asked: HTTP %d", a.code)
	}
	if strings.Contains(r.log.String(), token) || strings.Contains(r.trail(t), token) || strings.Contains(r.log.String(), secret) {
		t.Error("a token or a secret is in the log or the trail")
	}
}

// TestSharedLimits: two gateways on one Redis count together; with the Redis gone each goes on by itself, and says so.
func TestSharedLimits(t *testing.T) {
	redis := servers.StartRedis(t)
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 74, Persons: 1, Registered: 3}})
	limits := map[string]string{"limits": "  store: redis://" + redis.Addr + "/0\n  read: 20/minute\n"}
	one, two := startKeyed(t, w, "5s", t.TempDir(), limits), startKeyed(t, w, "5s", t.TempDir(), limits)
	ask := func(r *rig) reply { return r.get(t, "Observation/epic.nothing") }
	// counts begin with the clock's minute, and one may end in between
	passed := 0
	var last reply
	for i := range 30 {
		last = ask([]*rig{one, two}[i%2])
		if last.code != http.StatusTooManyRequests {
			passed++
		}
	}
	if passed != 20 && passed != 30 {
		t.Errorf("%d of 30 passed two gateways with a limit of 20", passed)
	}
	if passed == 20 {
		for _, h := range []string{"Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
			if last.header.Get(h) == "" {
				t.Errorf("429 without %s", h)
			}
		}
	}
	other := one.with(one.tokenOf(t, "user/*.rs", "sub", "somebody-else"))
	redis.Stop()
	began := time.Now()
	if a := ask(other); a.code == http.StatusTooManyRequests || a.code >= 500 {
		t.Errorf("without the Redis: HTTP %d", a.code)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it waited %v", took)
	}
	if !strings.Contains(metrics(t, one), "concord_rate_limit_degraded 1") {
		t.Error("nothing says that the Redis is gone")
	}
	redis.Start()
	for end := time.Now().Add(15 * time.Second); !strings.Contains(metrics(t, one), "concord_rate_limit_degraded 0"); {
		if time.Now().After(end) {
			t.Fatal("it does not come back")
		}
		wait := time.NewTimer(100 * time.Millisecond)
		<-wait.C
	}
}

func metrics(t *testing.T, r *rig) string {
	t.Helper()
	w := httptest.NewRecorder()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.admin.ServeHTTP(w, q)
	return w.Body.String()
}

// TestBreakGlass: an emergency header lifts a limit once, for its own path, within a minute; whatever else it is refused, and
// either way the trail and a metric tell of it.
func TestBreakGlass(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 77, Persons: 1, Registered: 3}})
	dir := t.TempDir()
	const key = "an-emergency-key-of-some-length"
	if err := os.WriteFile(filepath.Join(dir, "glass"), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startKeyed(t, w, "5s", dir, map[string]string{"limits": "  read: 2/day\n  break_glass: {key_file: " + filepath.Join(dir, "glass") + "}\n"})
	r = r.with(r.tokenOf(t, "user/*.rs", "sub", "usr-77"))
	const path = "Observation/epic.nothing"
	header := func(at time.Time, nonce, path string) string {
		m := hmac.New(sha256.New, []byte(key))
		stamp := strconv.FormatInt(at.Unix(), 10)
		_, _ = io.WriteString(m, stamp+"."+nonce+".usr-77.GET./fhir/r4/"+path)
		return "t=" + stamp + ",n=" + nonce + ",sig=" + hex.EncodeToString(m.Sum(nil))
	}
	limited := func() bool { return r.get(t, path).code == http.StatusTooManyRequests }
	for range 2 {
		limited()
	}
	if !limited() {
		t.Fatal("the limit does not hold")
	}
	good := header(time.Now(), "first", path)
	for _, c := range []struct {
		name, header string
		code         int
	}{
		{"36 lifted", good, http.StatusNotFound},
		{"36 replayed", good, http.StatusForbidden},
		{"36 old", header(time.Now().Add(-2*time.Minute), "second", path), http.StatusForbidden},
		{"36 ahead", header(time.Now().Add(2*time.Minute), "third", path), http.StatusForbidden},
		{"36 for another path", header(time.Now(), "fourth", "Observation/epic.other"), http.StatusForbidden},
		{"36 made up", "t=1,n=a,sig=00", http.StatusForbidden},
		{"36 nothing in it", "x", http.StatusForbidden},
	} {
		if a := r.get(t, path, "X-Break-Glass", c.header); a.code != c.code {
			t.Errorf("%s: HTTP %d", c.name, a.code)
		}
	}
	if !limited() {
		t.Error("the limit is gone for good")
	}
	if a := r.with(r.tokenOf(t, "user/Condition.rs", "sub", "usr-77")).get(t, path, "X-Break-Glass", header(time.Now(), "fifth", path)); a.code != http.StatusForbidden {
		t.Errorf("an emergency lifts a scope: HTTP %d", a.code)
	}
	if n := strings.Count(r.trail(t), `"break_glass.used"`); n != 2 {
		t.Errorf("the trail tells of %d emergencies", n)
	}
	if !strings.Contains(metrics(t, r), "concord_break_glass_total 2") || !strings.Contains(r.trail(t), "bad-break-glass") {
		t.Error("no metric or no record tells of it")
	}
}

// TestSources: any token learns how the sources of its tenant are doing, and nothing of others'.
func TestSources(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 78, Persons: 1, Registered: 3}})
	p := w.Population.Persons[0]
	r := startKeyed(t, w, "700ms", t.TempDir(), map[string]string{"cerner": "tenants: [riverside]", "epic": "creates: [Condition]"})
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	states := func(r *rig) map[string]string {
		a := r.get(t, "$sources")
		if a.code != http.StatusOK {
			t.Fatalf("HTTP %d", a.code)
		}
		out := map[string]string{}
		all, _ := a.json["parameter"].([]any)
		for _, x := range all {
			m, _ := x.(resource)
			parts, _ := m["part"].([]any)
			name := ""
			for _, y := range parts {
				switch part, _ := y.(resource); part["name"] {
				case "name":
					name, _ = part["valueCode"].(string)
				case "state":
					out[name], _ = part["valueCode"].(string)
				}
			}
		}
		return out
	}
	if got := states(r.with(r.tokenOf(t, "openid"))); len(got) != 2 || got["epic"] != "asked" || got["athena"] != "asked" {
		t.Errorf("%v", got)
	}
	if got := states(r.with(r.tokenOf(t, "openid", "tenant", "riverside"))); len(got) != 3 {
		t.Errorf("the other tenant: %v", got)
	}
	w.EHR("epic").Set(fakeehr.Fault{Kind: fakeehr.ServerError})
	defer w.Heal()
	for range 8 {
		r.get(t, "Condition?patient="+id)
	}
	if got := states(r); got["epic"] != "failing" {
		t.Errorf("a source that fails: %v", got)
	}
	if a := r.with("").get(t, "$sources"); a.code != http.StatusUnauthorized {
		t.Errorf("without a token: HTTP %d", a.code)
	}
}
