package scenarios_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concord/audit/chain"
	"concord/audit/filesink"
	"concord/testharness"
	"concord/testharness/population"
)

// TestTrailIsProven: with a key and an anchor, the trail of a gateway is signed, agrees with what was noted elsewhere, tells
// whose record was asked for, and goes out as FHIR AuditEvents too.
func TestTrailIsProven(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 72, Persons: 1, Registered: 3}})
	p := w.Population.Persons[0]
	dir := t.TempDir()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, anchors, events := filepath.Join(dir, "trail.pem"), filepath.Join(dir, "anchors"), filepath.Join(dir, "events")
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startKeyed(t, w, "5s", dir, map[string]string{"audit": "checkpoint_key_file: " + key + "\n  anchor_file: " + anchors + "\n  fhir: {dir: " + events + "}"})
	id, _ := r.person(t, p.Copies[0].Source, p.Copies[0].ID)
	for _, path := range []string{"Condition?patient=" + id, "Patient/" + id, "Patient/" + id + "/$everything"} {
		if a := r.get(t, path); a.code != 200 {
			t.Fatalf("HTTP %d", a.code)
		}
	}
	r.ask(t, `{Patient(id:"`+id+`"){id}}`, nil)
	about := 0
	for line := range strings.Lines(r.trail(t)) {
		var e struct {
			Patient string `json:"fhir_patient_id"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Patient == id {
			about++
		} else if e.Patient != "" {
			t.Error("a record is about somebody else")
		}
	}
	if about != 4 {
		t.Errorf("%d records tell whom they are about", about)
	}
	ready := httptest.NewRecorder()
	r.admin.ServeHTTP(ready, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if ready.Code != http.StatusOK {
		t.Errorf("readyz: HTTP %d", ready.Code)
	}
	r.stop()
	heads, err := chain.ReadAnchors(anchors)
	if err != nil || len(heads) == 0 {
		t.Fatalf("%d anchors, %v", len(heads), err)
	}
	report, err := filesink.Verify(t.Context(), filepath.Join(dir, "audit"), chain.VerifyOptions{Keys: []ed25519.PublicKey{public}, Anchors: heads})
	if err != nil || !report.Whole() || report.SignedTo+1 < report.Head.Seq || len(report.Unchecked()) > 0 {
		t.Errorf("%v, break %v, not checked: %q", err, report.Break, report.Unchecked())
	}
	if other, _, err := ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	} else if report, err := filesink.Verify(t.Context(), filepath.Join(dir, "audit"), chain.VerifyOptions{Keys: []ed25519.PublicKey{other}}); err != nil || report.Whole() {
		t.Error("another key's signature is taken")
	}
	files, err := filepath.Glob(filepath.Join(events, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files of AuditEvents, %v", len(files), err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || strings.Count(string(text), `"resourceType":"AuditEvent"`) < 5 {
		t.Errorf("%d AuditEvents, %v", strings.Count(string(text), `"resourceType":"AuditEvent"`), err)
	}
	for secret, what := range canaries(t, w, p) {
		if strings.Contains(string(text), secret) && !strings.Contains(what, "record") {
			t.Errorf("%s is in an AuditEvent", what)
		}
	}
}
