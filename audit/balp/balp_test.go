package balp_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord/audit"
	"concord/audit/balp"
	"concord/audit/sinktest"
)

var options = balp.Options{Observer: "fhir.example.org", BaseURL: "https://fhir.example.org/fhir/r4"}

const profile = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."

func event(change func(*audit.Event)) audit.Event {
	e := sinktest.Event("req-1")
	change(&e)
	return e
}

func project(t fataler, e audit.Event, o balp.Options) map[string]any {
	t.Helper()
	b := balp.Project(nil, &e, o)
	if strings.ContainsAny(string(b), "\n\r") {
		t.Fatalf("more than one line: %s", b)
	}
	var r map[string]any
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return r
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// at is the value at a path of member names and indexes; nil when there is none.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		name                     string
		e                        audit.Event
		profile, action, subtype string
		client                   string // the client's role
		user                     string
		outcome                  string
	}{
		{"a read", event(func(*audit.Event) {}), "Read", "R", "read", "110152", "IRCP", "0"},
		{"a read of a person's record", event(func(e *audit.Event) { e.Person = "p-1" }), "PatientRead", "R", "read", "110152", "IRCP", "0"},
		{"a read of a person", event(func(e *audit.Event) { e.ResourceType, e.ResourceID = "Patient", "p-1" }), "PatientRead", "R", "read", "110152", "IRCP", "0"},
		{"a search", event(func(e *audit.Event) { e.Interaction, e.ResourceID = audit.SearchType, "" }), "Query", "E", "search-type", "110153", "IRCP", "0"},
		{"a search in a person's record", event(func(e *audit.Event) { e.Interaction, e.ResourceID, e.Person = audit.SearchType, "", "p-1" }), "PatientQuery", "E", "search-type", "110153", "IRCP", "0"},
		{"partly answered", event(func(e *audit.Event) { e.Interaction, e.ResourceID, e.Outcome = audit.SearchType, "", audit.Partial }), "Query", "E", "search-type", "110153", "IRCP", "0"},
		{"a create", event(func(e *audit.Event) { e.Interaction, e.Person = audit.Create, "p-1" }), "PatientCreate", "C", "create", "110153", "AUT", "0"},
		{"an update", event(func(e *audit.Event) { e.Interaction = audit.Update }), "Update", "U", "update", "110153", "AUT", "0"},
		{"a delete", event(func(e *audit.Event) { e.Interaction = audit.Delete }), "Delete", "D", "delete", "110153", "AUT", "0"},
		{"everything", event(func(e *audit.Event) { e.Interaction, e.Person = audit.Operation, "p-1" }), "", "E", "operation", "110153", "IRCP", "0"},
		{"a refusal", event(func(e *audit.Event) { e.Type, e.Denied, e.Status = audit.EventDenied, audit.NoToken, 401 }), "", "R", "read", "110152", "IRCP", "4"},
		{"not found", event(func(e *audit.Event) { e.Outcome, e.Status = audit.Failure, 404 }), "", "R", "read", "110152", "IRCP", "4"},
		{"every source failed", event(func(e *audit.Event) { e.Outcome, e.Status = audit.Failure, 502 }), "", "R", "read", "110152", "IRCP", "8"},
		{"a client for itself", event(func(e *audit.Event) { e.PrincipalID = e.ClientID }), "Read", "R", "read", "110152", "", "0"},
		{"nobody known", event(func(e *audit.Event) {
			e.Type, e.PrincipalID, e.ClientID = audit.EventDenied, "", ""
		}), "", "R", "read", "110152", "", "4"},
		{"an intent", event(func(e *audit.Event) { e.Type, e.Interaction = audit.EventIntended, audit.Create }), "", "C", "create", "110153", "AUT", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := project(t, c.e, options)
			valid(t, r)
			got := ""
			if p, ok := at(r, "meta", "profile", 0).(string); ok {
				got = strings.TrimPrefix(p, profile)
			}
			user := ""
			for _, a := range at(r, "agent").([]any) {
				if at(a, "type", "coding", 0, "system") == "http://terminology.hl7.org/CodeSystem/v3-ParticipationType" {
					user = at(a, "type", "coding", 0, "code").(string)
				}
			}
			want := []any{c.profile, c.action, c.subtype, c.client, c.user, c.outcome}
			if d := cmp.Diff(want, []any{got, at(r, "action"), at(r, "subtype", 0, "code"), at(r, "agent", 0, "type", "coding", 0, "code"), user, at(r, "outcome")}); d != "" {
				t.Errorf("profile, action, subtype, client, user, outcome (-want +got):\n%s", d)
			}
		})
	}
	if r := project(t, sinktest.Event("r"), balp.Options{}); at(r, "meta") != nil {
		t.Error("a profile is claimed without the server's address that it requires")
	}
}

// entities are the entities of a type and a role.
func entities(r any, typ, role string) (all []any) {
	list, _ := at(r, "entity").([]any)
	for _, e := range list {
		if at(e, "type", "code") == typ && (role == "" || at(e, "role", "code") == role) {
			all = append(all, e)
		}
	}
	return all
}

var (
	instant   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`)
	localRef  = regexp.MustCompile(`^[A-Z][A-Za-z]{0,63}/[A-Za-z0-9\-.]{1,64}$`)
	knownKeys = map[string][]string{
		"":       {"resourceType", "meta", "type", "subtype", "action", "recorded", "outcome", "outcomeDesc", "agent", "source", "entity"},
		"agent":  {"type", "role", "who", "requestor", "network", "purposeOfUse"},
		"source": {"site", "observer", "type"},
		"entity": {"what", "type", "role", "description", "query", "detail"},
	}
)

// valid holds a resource to R4's AuditEvent (types, cardinalities, required bindings, sev-1) and to the BALP profile that it
// claims.
func valid(t fataler, r map[string]any) {
	t.Helper()
	only := func(where string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			t.Errorf("%s is no object", where)
		}
		for k := range m {
			if !slices.Contains(knownKeys[where], k) {
				t.Errorf("%s has %q", where, k)
			}
		}
	}
	only("", r)
	coding := func(what string, v any) {
		if s, ok := at(v, "system").(string); !ok || !strings.HasPrefix(s, "http") {
			t.Errorf("%s: no system: %v", what, v)
		}
		if c, ok := at(v, "code").(string); !ok || c == "" || strings.TrimSpace(c) != c {
			t.Errorf("%s: no code: %v", what, v)
		}
	}
	if r["resourceType"] != "AuditEvent" {
		t.Errorf("type %v", r["resourceType"])
	}
	coding("type", r["type"])
	if s, ok := r["recorded"].(string); !ok || !instant.MatchString(s) {
		t.Errorf("recorded %v", r["recorded"])
	}
	if a, _ := r["action"].(string); len(a) != 1 || !strings.Contains("CRUDE", a) {
		t.Errorf("action %v", r["action"])
	}
	if o, _ := r["outcome"].(string); !slices.Contains([]string{"0", "4", "8", "12"}, o) {
		t.Errorf("outcome %v", r["outcome"])
	}
	only("source", r["source"])
	if at(r, "source", "observer", "display") == nil {
		t.Errorf("no observer: %v", r["source"])
	}
	agents, _ := r["agent"].([]any)
	if len(agents) == 0 {
		t.Errorf("no agent")
	}
	for _, a := range agents {
		only("agent", a)
		if _, ok := at(a, "requestor").(bool); !ok {
			t.Errorf("agent without requestor: %v", a)
		}
		if n := at(a, "network"); n != nil && (at(n, "address") == "" || !slices.Contains([]any{"2", "5"}, at(n, "type"))) {
			t.Errorf("network %v", n)
		}
		if at(a, "who") == nil {
			t.Errorf("agent without who: %v", a)
		}
	}
	list, _ := r["entity"].([]any)
	for _, e := range list {
		only("entity", e)
		if at(e, "name") != nil && at(e, "query") != nil {
			t.Errorf("sev-1: both a name and a query: %v", e)
		}
		if ref, ok := at(e, "what", "reference").(string); ok && !localRef.MatchString(ref) {
			t.Errorf("reference %q", ref)
		}
		details, _ := at(e, "detail").([]any)
		for _, d := range details {
			if s, ok := at(d, "type").(string); !ok || s == "" {
				t.Errorf("detail without type: %v", d)
			}
			if s, ok := at(d, "valueString").(string); !ok || s == "" {
				t.Errorf("detail without value: %v", d)
			}
		}
	}
	claimed, _ := at(r, "meta", "profile", 0).(string)
	if claimed == "" {
		return
	}
	kind := strings.TrimPrefix(claimed, profile)
	if at(r, "type", "code") != "rest" || r["outcome"] != "0" || len(agents) < 2 {
		t.Errorf("%s of %v", kind, r)
	}
	for _, a := range agents[:2] {
		if at(a, "network", "address") == nil || at(a, "who") == nil {
			t.Errorf("%s with an agent without network: %v", kind, a)
		}
	}
	if len(agents) == 3 && at(agents[2], "network") != nil {
		t.Errorf("a user with a network: %v", agents[2])
	}
	if n := len(entities(r, "XrequestId", "")); n != 1 {
		t.Errorf("%d transactions", n)
	}
	if n := len(entities(r, "1", "1")); n != 1 && strings.HasPrefix(kind, "Patient") || n != 0 && !strings.HasPrefix(kind, "Patient") {
		t.Errorf("%s with %d patients", kind, n)
	}
	if strings.HasSuffix(kind, "Query") {
		q := entities(r, "2", "24")
		if len(q) != 1 || at(q[0], "what") != nil {
			t.Errorf("query %v", q)
			return
		}
		text, _ := at(q[0], "query").(string)
		if b, err := base64.StdEncoding.DecodeString(text); err != nil || strings.ContainsAny(string(b), "?=") {
			t.Errorf("query %q, %v", b, err)
		}
	} else if d := entities(r, "2", "4"); len(d) != 1 || at(d[0], "what") == nil {
		t.Errorf("%s with data %v", kind, d)
	}
}

// TestAnyEvent is a property: whatever an event holds, its projection is a valid AuditEvent, and says nothing that the trail
// does not.
func TestAnyEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "a", "é\n\"", "p-1", "hmac-sha256:00ff", "x y"})
		id := rapid.SampledFrom([]string{"", "p-1", "epic.1", "hmac-sha256:00ff"})
		e := sinktest.Event(text.Draw(t, "request"))
		e.Type = rapid.SampledFrom([]audit.EventType{audit.EventAccess, audit.EventDenied, audit.EventBreakGlass, audit.EventIntended}).Draw(t, "type")
		e.PrincipalID, e.PrincipalRole, e.ClientID, e.TenantID = text.Draw(t, "principal"), text.Draw(t, "role"), text.Draw(t, "client"), text.Draw(t, "tenant")
		e.ResourceType = rapid.SampledFrom([]string{"", "Patient", "Observation"}).Draw(t, "resource")
		e.ResourceID, e.Person = id.Draw(t, "id"), id.Draw(t, "person")
		e.Interaction = audit.Interaction(rapid.IntRange(0, 20).Draw(t, "interaction"))
		e.Outcome = audit.Outcome(rapid.IntRange(0, 6).Draw(t, "outcome"))
		e.BreakGlass = rapid.Bool().Draw(t, "glass")
		e.Denied = audit.Denial(rapid.IntRange(0, 9).Draw(t, "denied"))
		e.MissingScope = text.Draw(t, "missing")
		e.Scopes = rapid.SliceOfN(text, 0, 2).Draw(t, "scopes")
		e.Status = rapid.SampledFrom([]int{0, 200, 403, 503}).Draw(t, "status")
		if rapid.Bool().Draw(t, "no address") {
			e.SourceIP = audit.Event{}.SourceIP
		}
		valid(t, project(t, e, options))
	})
}

func TestOthers(t *testing.T) {
	link := audit.Event{Type: audit.EventLinkChanged, Time: time.Now(), PrincipalID: "usr-1",
		Link: &audit.LinkChange{Action: audit.Linked, Person: "p-1", Patient: "epic.abc", Grade: "certain"}}
	r := project(t, link, options)
	valid(t, r)
	if len(entities(r, "1", "1")) != 2 || at(r, "type", "code") != "110110" {
		t.Errorf("%v", r)
	}
	glass := sinktest.Event("r")
	glass.Type, glass.BreakGlass = audit.EventBreakGlass, true
	r = project(t, glass, options)
	valid(t, r)
	if at(r, "type", "code") != "110113" || at(r, "subtype", 0, "code") != "110127" || at(r, "agent", 2, "purposeOfUse", 0, "coding", 0, "code") != "BTG" {
		t.Errorf("%v", r)
	}
	config := audit.Event{Type: audit.EventConfigChanged, Time: time.Now(), Config: audit.DigestOf("x")}
	r = project(t, config, options)
	valid(t, r)
	if at(r, "subtype", 0, "code") != "110131" {
		t.Errorf("%v", r)
	}
	for _, e := range []audit.Event{{}, {Type: audit.EventSealed, Seal: &audit.Seal{}}, {Type: audit.EventCheckpoint, Checkpoint: &audit.Checkpoint{}}} {
		if b := balp.Project(nil, &e, options); len(b) != 0 {
			t.Errorf("%v: %s", e.Type, b)
		}
	}
}

// TestFile: a line for each event, in a file of the day, beside a trail.
func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fhir")
	l, err := balp.Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	var disk sinktest.Memory
	tr, err := audit.NewTrail(nil, &disk, l)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Now().UTC()
	for i := range 5 {
		if i == 3 { // a shipper moves the file away
			name := filepath.Join(dir, "auditevent-"+day.Format(time.DateOnly)+".ndjson")
			if err := os.Rename(name, name+".shipped"); err != nil {
				t.Fatal(err)
			}
		}
		if err := tr.Record(t.Context(), sinktest.Event(fmt.Sprint("r-", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "auditevent-*"))
	if err != nil || len(names) < 2 {
		t.Fatalf("%q, %v", names, err)
	}
	n := 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			var r map[string]any
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			valid(t, r)
			n++
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
	if n != 5 {
		t.Errorf("%d lines", n)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := balp.Open(file, options); err == nil {
		t.Error("a file was taken for a folder")
	}
}
