package audit_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/audit"
	"concord/audit/sinktest"
)

// oracle is a record as encoding/json writes it; its member names are the specification's.
type oracle struct {
	Type       string      `json:"event_type"`
	Time       string      `json:"timestamp_utc"`
	Severity   string      `json:"severity,omitempty"`
	RequestID  string      `json:"request_id"`
	Principal  string      `json:"principal_id"`
	Role       string      `json:"principal_role"`
	Tenant     string      `json:"tenant_id"`
	Client     string      `json:"app_client_id"`
	RType      string      `json:"fhir_resource_type"`
	RID        string      `json:"fhir_resource_id,omitempty"`
	Person     string      `json:"fhir_patient_id,omitempty"`
	Action     string      `json:"fhir_interaction"`
	Scopes     []string    `json:"smart_scopes_used"`
	Method     string      `json:"http_method"`
	Route      string      `json:"gateway_route"`
	IP         string      `json:"source_ip"`
	UserAgent  string      `json:"user_agent_hash"`
	Status     int         `json:"http_status"`
	Outcome    string      `json:"fhir_outcome"`
	MS         int64       `json:"response_ms"`
	BreakGlass bool        `json:"break_glass"`
	Denied     string      `json:"denied_reason,omitempty"`
	Missing    string      `json:"missing_scope,omitempty"`
	Disclosed  []disclosed `json:"disclosed,omitempty"`
	Sources    []source    `json:"sources,omitempty"`
}

type disclosed struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

type source struct {
	Source    string `json:"source"`
	Outcome   string `json:"outcome"`
	Resources int    `json:"resources"`
	MS        int64  `json:"ms"`
}

func oracleOf(e audit.Event) oracle {
	o := oracle{Type: e.Type.String(), Time: e.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), RequestID: e.RequestID,
		Principal: e.PrincipalID, Role: e.PrincipalRole, Tenant: e.TenantID, Client: e.ClientID, RType: e.ResourceType,
		RID: e.ResourceID, Person: e.Person, Action: e.Interaction.String(), Scopes: append([]string{}, e.Scopes...), Method: e.Method.String(),
		Route: e.Route, UserAgent: e.UserAgent.String(), Status: e.Status, Outcome: e.Outcome.String(),
		MS: int64(e.Elapsed / time.Millisecond), BreakGlass: e.BreakGlass, Denied: e.Denied.String(), Missing: e.MissingScope}
	if e.SourceIP.IsValid() {
		o.IP = e.SourceIP.Unmap().WithZone("").String()
	}
	if e.BreakGlass || e.Type == audit.EventBreakGlass {
		o.Severity = "elevated"
	}
	for _, d := range e.Disclosed {
		o.Disclosed = append(o.Disclosed, disclosed(d))
	}
	for _, s := range e.Sources {
		o.Sources = append(o.Sources, source{string(s.Source), s.Outcome.String(), s.Resources, int64(s.Elapsed / time.Millisecond)})
	}
	return o
}

func (o oracle) encode(t interface{ Fatal(...any) }) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// text is any string: plain, escaped, broken UTF-8.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", "\n", `"`, `\`, "\u2028", "\u2029", "</script>&", "\x7f", "\ufffd"}))
}

// TestEncodeAsOracle: the encoder writes, byte for byte, what encoding/json would.
func TestEncodeAsOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := audit.Event{
			Type:      rapid.SampledFrom([]audit.EventType{audit.EventAccess, audit.EventDenied, audit.EventBreakGlass, audit.EventIntended}).Draw(t, "type"),
			Time:      time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "time")).In(time.FixedZone("x", 3600)),
			RequestID: text().Draw(t, "id"), PrincipalID: text().Draw(t, "principal"), PrincipalRole: text().Draw(t, "role"),
			TenantID: text().Draw(t, "tenant"), ClientID: text().Draw(t, "client"), ResourceType: text().Draw(t, "rtype"),
			ResourceID: text().Draw(t, "rid"), Person: text().Draw(t, "person"), Interaction: audit.Interaction(rapid.Byte().Draw(t, "interaction")),
			Scopes: rapid.SliceOfN(text(), 0, 4).Draw(t, "scopes"), Method: audit.Method(rapid.Byte().Draw(t, "method")),
			Route: text().Draw(t, "route"), UserAgent: audit.DigestOf(text().Draw(t, "ua")), Status: rapid.Int().Draw(t, "status"),
			Outcome: audit.Outcome(rapid.Byte().Draw(t, "outcome")), Elapsed: time.Duration(rapid.Int64().Draw(t, "elapsed")),
			BreakGlass: rapid.Bool().Draw(t, "glass"), Denied: audit.Denial(rapid.Byte().Draw(t, "denied")),
			MissingScope: text().Draw(t, "missing"),
		}
		if rapid.Bool().Draw(t, "ip") {
			b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes")
			e.SourceIP, _ = netip.AddrFromSlice(b[:rapid.SampledFrom([]int{4, 16}).Draw(t, "family")])
		}
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			e.Disclosed = append(e.Disclosed, audit.Disclosure{Type: text().Draw(t, "d"), Count: rapid.Int().Draw(t, "count")})
			e.Sources = append(e.Sources, audit.SourceAccess{Source: concord.SourceID(text().Draw(t, "s")),
				Outcome: audit.SourceOutcome(rapid.Byte().Draw(t, "so")), Resources: rapid.Int().Draw(t, "r"),
				Elapsed: time.Duration(rapid.Int64().Draw(t, "ms"))})
		}
		got := string(e.AppendJSON([]byte("kept")))
		if d := cmp.Diff("kept"+oracleOf(e).encode(t), got); d != "" {
			t.Fatalf("(-encoding/json +ours):\n%s", d)
		}
	})
}

func FuzzEncodeText(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00\n\r\t\b\f\x1f", "\xff\xc0\x80", "\u2028", `"\`, "\xed\xa0\x80", "\xf0\x9f\x98"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := audit.Event{Type: audit.EventAccess, TenantID: s, Scopes: []string{s, s}}
		if d := cmp.Diff(oracleOf(e).encode(t), string(e.AppendJSON(nil))); d != "" {
			t.Fatalf("(-encoding/json +ours):\n%s", d)
		}
	})
}

// TestEncodeRequired: what the specification demands is there even when nothing is known.
func TestEncodeRequired(t *testing.T) {
	required := []string{"event_type", "timestamp_utc", "principal_id", "principal_role", "tenant_id", "app_client_id",
		"fhir_resource_type", "fhir_interaction", "smart_scopes_used", "http_method", "gateway_route", "source_ip",
		"user_agent_hash", "http_status", "fhir_outcome", "response_ms"}
	for _, typ := range []audit.EventType{audit.EventAccess, audit.EventDenied, audit.EventBreakGlass} {
		var got map[string]any
		if err := json.Unmarshal((&audit.Event{Type: typ}).AppendJSON(nil), &got); err != nil {
			t.Fatal(err)
		}
		for _, k := range required {
			if v, ok := got[k]; !ok || v == nil {
				t.Errorf("%v has no %s", typ, k)
			}
		}
		if _, ok := got["fhir_resource_id"]; ok {
			t.Errorf("%v has an id that is not known", typ)
		}
	}
}

func TestEncodeKinds(t *testing.T) {
	at := time.Date(2025, 5, 16, 14, 32, 1, 847_999_999, time.FixedZone("", -7200))
	for _, c := range []struct {
		name string
		e    audit.Event
		want string
	}{
		{"link", audit.Event{Type: audit.EventLinkChanged, Time: at, PrincipalID: "u-1",
			Link: &audit.LinkChange{Action: audit.Unlinked, Person: "p-1", Patient: "epic.a", Grade: "certain"}},
			`{"event_type":"mpi.link.changed","timestamp_utc":"2025-05-16T16:32:01.847Z","principal_id":"u-1",` +
				`"link_action":"unlinked","person":"p-1","patient":"epic.a","grade":"certain"}`},
		{"config", audit.Event{Type: audit.EventConfigChanged, Time: at, Config: audit.DigestOf("x")},
			`{"event_type":"config.changed","timestamp_utc":"2025-05-16T16:32:01.847Z",` +
				`"config":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}`},
		{"sealed", audit.Event{Type: audit.EventSealed, Time: at, Seal: &audit.Seal{Segment: "s", Bytes: 7, Cause: audit.WriteFailed, Refused: 2}},
			`{"event_type":"audit.sealed","timestamp_utc":"2025-05-16T16:32:01.847Z","sealed_segment":"s","sealed_bytes":7,` +
				`"refused":2,"cause":"write-failed"}`},
		{"unsigned checkpoint", audit.Event{Type: audit.EventCheckpoint, Time: at, Checkpoint: &audit.Checkpoint{HeadSeq: 9, Head: audit.DigestOf("x"), Every: 3}},
			`{"event_type":"audit.checkpoint","timestamp_utc":"2025-05-16T16:32:01.847Z","checkpoint":{"head_seq":9,` +
				`"head":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","every":3}}`},
		{"signed checkpoint", audit.Event{Type: audit.EventCheckpoint, Time: at, Checkpoint: &audit.Checkpoint{Every: 3, KeyID: "k", Signature: []byte{1, 2}}},
			`{"event_type":"audit.checkpoint","timestamp_utc":"2025-05-16T16:32:01.847Z","checkpoint":{"head_seq":0,` +
				`"head":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","every":3,"key_id":"k","signature":"AQI="}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, string(c.e.AppendJSON(nil))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestMethodOf(t *testing.T) {
	for s, want := range map[string]string{"GET": "GET", "OPTIONS": "OPTIONS", "get": "other", "JANE-DOE": "other", "": "other", "other": "other"} {
		if got := audit.MethodOf(s).String(); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	e := sinktest.Event("r-1")
	o := oracleOf(e)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = e.AppendJSON(buf[:0])
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(o); err != nil {
				b.Fatal(err)
			}
		}
	})
}
