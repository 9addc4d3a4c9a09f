package obs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"concord"
	"concord/internal/obs"
)

// shy is an error that would tell too much in every way that it can be asked.
type shy struct{}

func (shy) Error() string                { return "CANARY" }
func (shy) LogValue() slog.Value         { return slog.StringValue("CANARY") }
func (shy) MarshalJSON() ([]byte, error) { return []byte(`"CANARY"`), nil }
func (shy) MarshalText() ([]byte, error) { return []byte("CANARY"), nil }

// nasty is an error whose methods panic on a nil pointer.
type nasty struct{ s string }

func (n *nasty) Error() string        { return n.s }
func (n *nasty) Is(error) bool        { return n.s == "" }
func (n *nasty) Unwrap() error        { return errors.New(n.s) }
func (n *nasty) LogValue() slog.Value { return slog.StringValue(n.s) }

// valuer speaks for itself.
type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

// endless never comes to the point.
type endless struct{}

func (e endless) LogValue() slog.Value { return slog.AnyValue(e) }

type patient struct{ Name string }

// TestHandlerIsAHandler: with a list that has its keys, the handler does all that slog demands of one.
func TestHandlerIsAHandler(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return obs.NewHandler(&out, slog.LevelInfo, "a", "b", "c", "d", "e", "f", "g", "h", "k", "G", "H", "I")
	}, func(t *testing.T) map[string]any {
		var m map[string]any
		if err := json.Unmarshal(out.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	})
}

func TestAttributes(t *testing.T) {
	fault := &concord.Fault{Op: "search", Kind: concord.Timeout, Source: "epic", Status: 504, Err: shy{}}
	for _, c := range []struct {
		name  string
		attrs []any
		want  map[string]any // beside time, level and msg
	}{
		{"listed", []any{"status", 200, "source", "epic", "ms", 1.5, "type", true}, map[string]any{"status": 200.0, "source": "epic", "ms": 1.5, "type": true}},
		{"not listed", []any{"family", "CANARY", "query", "CANARY", "!BADKEY", "CANARY"}, nil},
		{"no key", []any{"CANARY"}, nil},
		{"empty key", []any{"", "CANARY"}, nil},
		{"a source", []any{"source", concord.SourceID("epic")}, map[string]any{"source": "epic"}},
		{"a kind", []any{"kind", concord.Forbidden}, map[string]any{"kind": "forbidden"}},
		{"a fault", []any{"error", fault}, map[string]any{"error": "search at epic: timeout (HTTP 504)"}},
		{"a fault in an error", []any{"error", fmt.Errorf("CANARY: %w", fault)}, map[string]any{"error": "search at epic: timeout (HTTP 504)"}},
		{"a kind in an error", []any{"error", fmt.Errorf("CANARY: %w", concord.Conflict)}, map[string]any{"error": "conflict"}},
		{"a deadline", []any{"error", fmt.Errorf("CANARY: %w", context.DeadlineExceeded)}, map[string]any{"error": "timeout"}},
		{"a cancellation", []any{"error", context.Canceled}, map[string]any{"error": "canceled"}},
		{"an error of others", []any{"error", errors.New("GET https://ehr/Patient?family=CANARY")}, map[string]any{"error": "unknown"}},
		{"an error that speaks for itself", []any{"error", shy{}}, map[string]any{"error": "unknown"}},
		{"a nil error of a type", []any{"error", (*nasty)(nil)}, map[string]any{"error": "unknown"}},
		{"a nil fault", []any{"error", (*concord.Fault)(nil)}, map[string]any{"error": "unknown"}},
		{"nil", []any{"error", nil}, map[string]any{"error": nil}},
		{"a patient's reference", []any{"source", concord.NewPatientRef("epic", "CANARY")}, map[string]any{"source": "epic/[redacted]"}},
		{"a structure", []any{"source", patient{"CANARY"}}, map[string]any{"source": "[withheld]"}},
		{"a pointer", []any{"source", &patient{"CANARY"}}, map[string]any{"source": "[withheld]"}},
		{"bytes", []any{"source", []byte("CANARY")}, map[string]any{"source": "[withheld]"}},
		{"a list", []any{"source", []string{"CANARY"}}, map[string]any{"source": "[withheld]"}},
		{"a map", []any{"source", map[string]string{"CANARY": "CANARY"}}, map[string]any{"source": "[withheld]"}},
		{"a value that resolves to an error", []any{"error", valuer{slog.AnyValue(errors.New("CANARY"))}}, map[string]any{"error": "unknown"}},
		{"a value that resolves to an error that speaks for itself", []any{"error", valuer{slog.AnyValue(shy{})}}, map[string]any{"error": "unknown"}},
		{"a value that panics", []any{"reason", (*valuer)(nil)}, map[string]any{"reason": "[withheld]"}},
		{"a value without end", []any{"reason", endless{}}, map[string]any{"reason": "[withheld]"}},
		{"a value that resolves to a group", []any{"source", valuer{slog.GroupValue(slog.String("name", "CANARY"), slog.Int("status", 1))}}, map[string]any{"source": map[string]any{"status": 1.0}}},
		{"long text", []any{"reason", strings.Repeat("é", 300)}, map[string]any{"reason": strings.Repeat("é", 128) + "…"}},
		{"a duration", []any{"ms", time.Second}, map[string]any{"ms": 1e9}},
		{"a group that is listed", []any{slog.Group("source", "status", 1, "name", "CANARY", slog.Group("", "kind", "a", "x", "CANARY"))}, map[string]any{"source": map[string]any{"status": 1.0, "kind": "a"}}},
		{"a group that is not", []any{slog.Group("patient", "status", "CANARY")}, nil},
		{"a group without a name", []any{slog.Group("", "status", 1, "name", "CANARY")}, map[string]any{"status": 1.0}},
	} {
		for where, say := range map[string]func(*slog.Logger){
			"in the record": func(l *slog.Logger) { l.Info("m", c.attrs...) },
			"before it":     func(l *slog.Logger) { l.With(c.attrs...).Info("m") },
		} {
			t.Run(c.name+" "+where, func(t *testing.T) {
				var out bytes.Buffer
				say(obs.NewLogger(&out))
				if strings.Contains(out.String(), "CANARY") {
					t.Errorf("it shows: %s", &out)
				}
				var got map[string]any
				if err := json.Unmarshal(out.Bytes(), &got); err != nil {
					t.Fatal(err)
				}
				if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got["time"])); err != nil || got["level"] != "INFO" || got["msg"] != "m" {
					t.Errorf("the line lacks something: %s", &out)
				}
				delete(got, "time")
				delete(got, "level")
				delete(got, "msg")
				want := c.want
				if want == nil {
					want = map[string]any{}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			})
		}
	}
}

func TestGroups(t *testing.T) {
	var out bytes.Buffer
	l := obs.NewLogger(&out)
	l.WithGroup("source").Info("listed", "status", 1, "name", "CANARY")
	l.WithGroup("patient").With("status", "CANARY").WithGroup("source").Info("not listed", "status", "CANARY")
	l.WithGroup("").Info("none", "status", 2)
	s := out.String()
	if strings.Contains(s, "CANARY") || !strings.Contains(s, `"source":{"status":1}`) || !strings.Contains(s, `"msg":"not listed"}`) || !strings.Contains(s, `"msg":"none","status":2`) {
		t.Error(s)
	}
}

// TestNothingElseIsWritten is a property: of attributes with any key and text, only listed keys are there.
func TestNothingElseIsWritten(t *testing.T) {
	listed := map[string]bool{"time": true, "level": true, "msg": true}
	for _, k := range obs.Keys() {
		listed[k] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		var attrs []any
		for range rapid.IntRange(0, 5).Draw(t, "n") {
			key := rapid.OneOf(rapid.String(), rapid.SampledFrom(obs.Keys())).Draw(t, "key")
			attrs = append(attrs, slog.String(key, rapid.String().Draw(t, "value")))
		}
		obs.NewLogger(&out).Info("m", attrs...)
		var got map[string]any
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		for k := range got {
			if !listed[k] {
				t.Errorf("%q is written", k)
			}
		}
	})
}

func TestLevel(t *testing.T) {
	var out bytes.Buffer
	obs.NewLogger(&out).Debug("m")
	if out.Len() != 0 {
		t.Errorf("written: %s", &out)
	}
}

func TestServerErrors(t *testing.T) {
	var out bytes.Buffer
	std := slog.NewLogLogger(obs.ServerErrors(obs.NewLogger(&out)), slog.LevelWarn)
	std.Print("http: panic serving 192.0.2.1: CANARY")
	if s := out.String(); strings.Contains(s, "CANARY") || strings.Contains(s, "192.0.2.1") || !strings.Contains(s, `"level":"WARN"`) {
		t.Error(s)
	}
}

func TestMetrics(t *testing.T) {
	r := obs.NewRegistry()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_things_total", Help: "Things."}, []string{"type"})
	if err := r.Register(c); err != nil {
		t.Fatal(err)
	}
	types := obs.NewSet("Patient", "Condition")
	for _, v := range []string{"Patient", "Smith", "Jones", ""} {
		c.WithLabelValues(types.Of(v)).Inc()
	}
	srv := httptest.NewServer(obs.MetricsHandler(r))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nprocess_start_time_seconds ", "\ngo_goroutines ", `concord_things_total{type="Patient"} 1`, `concord_things_total{type="other"} 3`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q", want)
		}
	}
	if res.StatusCode != http.StatusOK || strings.Contains(string(b), "Smith") {
		t.Errorf("HTTP %d: %s", res.StatusCode, b)
	}
	if got := (obs.Set{}).Of("x"); got != obs.Other {
		t.Errorf("the zero set gives %q", got)
	}
}
