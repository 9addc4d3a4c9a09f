package smart_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"concord/smart"
)

const opaque = "at_Zm9vYmFy-canary.0~1+/=="

// knower is an authorization server that is asked about tokens, and publishes keys as authServer does.
type knower struct {
	*authServer
	mu     sync.Mutex
	active map[string]any   // by token; what is not there is inactive
	answer http.HandlerFunc // in place of that, when set
	asked  []string         // tokens
	client []string         // who asked
}

func newKnower() *knower {
	return &knower{authServer: newAuthServer(), active: map[string]any{}}
}

func (k *knower) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/introspect" {
		k.authServer.ServeHTTP(w, r)
		return
	}
	token := r.PostFormValue("token")
	id, secret, _ := r.BasicAuth()
	k.mu.Lock()
	k.asked, k.client = append(k.asked, token), append(k.client, id+":"+secret)
	claims, answer := k.active[token], k.answer
	k.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case r.Method != http.MethodPost || r.Header.Get("Accept") != "application/json" || r.PostFormValue("token_type_hint") != "access_token":
		w.WriteHeader(http.StatusBadRequest)
	case claims == nil:
		_, _ = w.Write([]byte(`{"active":false}`))
	default:
		_ = json.NewEncoder(w).Encode(claims)
	}
}

func (k *knower) know(token string, claims any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.active[token] = claims
}

func (k *knower) answers(f http.HandlerFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = f
}

// heard is how many questions there were.
func (k *knower) heard() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.asked)
}

func goodAnswer(now time.Time) members {
	return goodClaims(remote, now).with("active", true).with("token_type", "Bearer")
}

func secretFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("s%cret é\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// knowing runs f in a bubble with an issuer that is asked about opaque tokens and has no keys.
func knowing(t *testing.T, change func(*smart.Config), f func(t *testing.T, k *knower, v *smart.Verifier)) {
	t.Helper()
	keys()
	secret := secretFile(t)
	synctest.Test(t, func(t *testing.T) {
		k := newKnower()
		cfg := smart.Config{Audience: audience, Transport: direct{k}, Issuers: []smart.Issuer{{Name: remote,
			Introspection: &smart.Introspection{URL: remote + "/introspect", ClientID: "gate way", SecretFile: secret}}}}
		if change != nil {
			change(&cfg)
		}
		v, err := smart.NewVerifier(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		f(t, k, v)
	})
}
