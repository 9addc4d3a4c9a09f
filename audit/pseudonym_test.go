package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concord"
	"concord/audit"
	"concord/audit/sinktest"
)

func TestPseudonym(t *testing.T) {
	a, b := []byte("a"), []byte("b")
	if first, again := audit.Pseudonym(a, "jane"), audit.Pseudonym(a, "jane"); first != again || first == audit.Pseudonym(a, "john") || first == audit.Pseudonym(b, "jane") {
		t.Error("pseudonyms must depend on the value and the key, and on nothing else")
	}
	if got := audit.Pseudonym(nil, "jane"); got != audit.DigestOf("jane").String() {
		t.Errorf("without a key: %s", got)
	}
}

func TestPseudonymKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	made, err := audit.PseudonymKey(path)
	if err != nil || len(made) != 64 {
		t.Fatalf("%d bytes, %v", len(made), err)
	}
	again, err := audit.PseudonymKey(path)
	if err != nil || !bytes.Equal(made, again) {
		t.Errorf("the second start has another key: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	other, err := audit.PseudonymKey(filepath.Join(dir, "other"))
	if err != nil || bytes.Equal(made, other) {
		t.Errorf("two keys are the same: %v", err)
	}
	for name, c := range map[string]struct {
		text string
		want concord.Kind
	}{
		"given": {"  0123456789abcdef\n", concord.Unknown}, "empty": {"", concord.Invalid}, "short": {"secret\n", concord.Invalid},
		"a whole book": {strings.Repeat("x", 5000), concord.Invalid},
	} {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := audit.PseudonymKey(p)
		if concord.KindOf(err) != c.want || err == nil && string(key) != "0123456789abcdef" {
			t.Errorf("%s: %q, %v", name, key, err)
		}
	}
	if _, err := audit.PseudonymKey(filepath.Join(dir, "none", "key")); !errors.Is(err, concord.Unavailable) || strings.Contains(err.Error(), dir) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := audit.PseudonymKey(dir); !errors.Is(err, concord.Unavailable) {
		t.Errorf("a folder: %v", err)
	}
}

// TestPseudonymous: what leaves for a stranger has no id of a person or a resource, and no address; the trail beside it has.
func TestPseudonymous(t *testing.T) {
	var near, far sinktest.Memory
	tr := trail(t, "k", &near, audit.Pseudonymous(&far, []byte("k")))
	e := sinktest.Event("r")
	e.Person = "p-77"
	link := audit.Event{Type: audit.EventLinkChanged, Link: &audit.LinkChange{Action: audit.Linked, Person: "p-77", Patient: "epic.abc", Grade: "certain"}}
	for _, e := range []audit.Event{e, link} {
		if err := tr.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	ids := []string{"usr-7f3a9b2c", "epic.o-1", "p-77", "epic.abc", "192.0.2.7"}
	for _, id := range ids {
		if strings.Contains(far.Text(), id) {
			t.Errorf("%s left", id)
		}
		if !strings.Contains(near.Text(), id) {
			t.Errorf("%s is not in the trail", id)
		}
	}
	var got struct {
		Person string `json:"fhir_patient_id"`
	}
	if err := json.Unmarshal(far.Lines()[0], &got); err != nil || got.Person != audit.Pseudonym([]byte("k"), "p-77") {
		t.Errorf("%q, %v", got.Person, err)
	}
}
