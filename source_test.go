package concord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"concord"
)

// TestPatientRefHides: however it is printed, a reference to a patient shows no id.
func TestPatientRefHides(t *testing.T) {
	p := concord.NewPatientRef("epic", "secret-id")
	b, err := json.Marshal(map[string]any{"p": p})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(p), fmt.Sprintf("%v %+v %#v %s %q %x", p, p, p, p, p, p), p.GoString(), p.LogValue().String(), string(b)} {
		if strings.Contains(s, "secret-id") || !strings.Contains(s, "redacted") {
			t.Errorf("shown as %s", s)
		}
	}
	if p.Reveal() != "secret-id" || (concord.PatientRef{Source: "epic"}).Reveal() != "" {
		t.Error("Reveal")
	}
}

// TestFaultHides: a fault tells its kind, and its cause to errors.Is only.
func TestFaultHides(t *testing.T) {
	cause := errors.New("Patient?family=Secret")
	f := &concord.Fault{Op: "search", Kind: concord.Timeout, Source: "epic", Status: 504, Err: cause}
	if got := f.Error(); got != "search at epic: timeout (HTTP 504)" {
		t.Error(got)
	}
	if !errors.Is(f, concord.Timeout) || !errors.Is(f, cause) || errors.Is(f, concord.NotFound) || concord.KindOf(fmt.Errorf("x: %w", f)) != concord.Timeout {
		t.Error("kinds")
	}
	for _, c := range []struct {
		id   concord.SourceID
		want bool
	}{{"epic", true}, {"a1", true}, {"", false}, {"1a", false}, {"Epic", false}, {"abcdefghijklmnopq", false}, {"a-b", false}} {
		if c.id.Valid() != c.want {
			t.Errorf("%q: %v", c.id, !c.want)
		}
	}
}
