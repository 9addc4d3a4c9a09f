package scenarios_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"concord/testharness"
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
