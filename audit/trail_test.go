package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/audit"
	"concord/audit/sinktest"
)

// sinkFunc is a sink that is one function.
type sinkFunc func(ctx context.Context, e audit.Event) error

func (f sinkFunc) Append(ctx context.Context, e audit.Event) error { return f(ctx, e) }
func (f sinkFunc) Health(ctx context.Context) error                { return f(ctx, audit.Event{}) }
func (f sinkFunc) Durable() bool                                   { return true }
func (f sinkFunc) Close() error                                    { return nil }

func trail(t *testing.T, key string, sinks ...audit.Sink) *audit.Trail {
	t.Helper()
	tr, err := audit.NewTrail([]byte(key), sinks...)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestNewTrailRefusesNoSink(t *testing.T) {
	for name, sinks := range map[string][]audit.Sink{"none": nil, "nil": {new(sinktest.Memory), nil}} {
		if _, err := audit.NewTrail(nil, sinks...); !errors.Is(err, concord.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

func TestRecordNeedsEverySink(t *testing.T) {
	broken := &concord.Fault{Op: "x", Kind: concord.Unavailable}
	for _, c := range []struct {
		name string
		last sinkFunc
		want concord.Kind
	}{
		{"all succeed", func(context.Context, audit.Event) error { return nil }, concord.Unknown},
		{"one fails", func(context.Context, audit.Event) error { return broken }, concord.Unavailable},
		{"one fails with a strange error", func(context.Context, audit.Event) error { return errors.New("Jane Doe") }, concord.Unavailable},
		{"one panics", func(context.Context, audit.Event) error { panic("Jane Doe") }, concord.Internal},
	} {
		for n, sinks := range map[string][]audit.Sink{"alone": {c.last}, "beside a good one": {new(sinktest.Memory), c.last}} {
			t.Run(c.name+" "+n, func(t *testing.T) {
				err := trail(t, "", sinks...).Record(t.Context(), sinktest.Event("r"))
				if (err == nil) != (c.want == concord.Unknown) || concord.KindOf(err) != c.want {
					t.Errorf("%v, want kind %v", err, c.want)
				}
				if err != nil && strings.Contains(err.Error(), "Jane") {
					t.Errorf("the cause is shown: %v", err)
				}
			})
		}
	}
}

// TestRecordOutlivesClient: a client that hangs up does not take its record with it, and a sink that hangs does not keep
// the request for ever.
func TestRecordOutlivesClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		m := new(sinktest.Memory)
		if err := trail(t, "", m).Record(gone, sinktest.Event("r")); err != nil || len(m.Events()) != 1 {
			t.Errorf("%v, %d records", err, len(m.Events()))
		}
		hang := sinkFunc(func(ctx context.Context, _ audit.Event) error {
			<-ctx.Done()
			return &concord.Fault{Op: "x", Kind: concord.Timeout, Err: ctx.Err()}
		})
		began := time.Now()
		if err := trail(t, "", hang, m).Record(t.Context(), sinktest.Event("r")); !errors.Is(err, concord.Timeout) {
			t.Errorf("%v, want timeout", err)
		}
		if d := time.Since(began); d != audit.RecordBudget {
			t.Errorf("waited %v, want %v", d, audit.RecordBudget)
		}
	})
}

func TestRecordRefuses(t *testing.T) {
	m := new(sinktest.Memory)
	for _, typ := range []audit.EventType{audit.EventNone, audit.EventOpened, audit.EventSealed, audit.EventCheckpoint, 200} {
		if err := trail(t, "", m).Record(t.Context(), audit.Event{Type: typ}); !errors.Is(err, concord.Invalid) {
			t.Errorf("%v: %v, want invalid", typ, err)
		}
	}
	if n := len(m.Events()); n != 0 {
		t.Errorf("%d records", n)
	}
}

// TestRecordCleans: what a caller lets slip is caught where its form gives it away.
func TestRecordCleans(t *testing.T) {
	long := strings.Repeat("é", 1000)
	for _, c := range []struct {
		name   string
		change func(*audit.Event)
		want   func(*audit.Event)
	}{
		{"an opaque id stays", func(e *audit.Event) { e.PrincipalID = "https://idp/users|3f2504e0-4f89" }, func(e *audit.Event) { e.PrincipalID = "https://idp/users|3f2504e0-4f89" }},
		{"nobody stays nobody", func(e *audit.Event) { e.PrincipalID = "" }, func(e *audit.Event) { e.PrincipalID = "" }},
		{"a user name", func(e *audit.Event) { e.PrincipalID = "jane.doe" }, nil},
		{"an address", func(e *audit.Event) { e.PrincipalID = "jdoe1@example.org" }, nil},
		{"a domain user", func(e *audit.Event) { e.PrincipalID = `WARD\jdoe1` }, nil},
		{"a name that is no id", func(e *audit.Event) { e.ResourceID = "Jane Doe" }, func(e *audit.Event) { e.ResourceID = "" }},
		{"an id too long", func(e *audit.Event) { e.ResourceID = strings.Repeat("1", 65) }, func(e *audit.Event) { e.ResourceID = "" }},
		{"a person's name", func(e *audit.Event) { e.Person = "Jane Doe" }, func(e *audit.Event) { e.Person = "" }},
		{"a word that is no type", func(e *audit.Event) { e.ResourceType = "Doe, Jane" }, func(e *audit.Event) { e.ResourceType = "" }},
		{"a URL for a route", func(e *audit.Event) { e.Route = "/fhir/r4/Patient?family=Doe" }, func(e *audit.Event) { e.Route = "/fhir/r4/Patient" }},
		{"text without end", func(e *audit.Event) { e.TenantID, e.Scopes = "x"+long, []string{"a", long} }, func(e *audit.Event) {
			e.TenantID, e.Scopes = "x"+long[:1022], []string{"a", long[:1024]}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := new(sinktest.Memory)
			e := sinktest.Event("r")
			c.change(&e)
			given := append([]string(nil), e.Scopes...)
			if err := trail(t, "k", m).Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			got := m.Events()[0]
			if d := cmp.Diff(given, e.Scopes); d != "" {
				t.Errorf("the caller's scopes were changed (-before +after):\n%s", d)
			}
			want := sinktest.Event("r")
			c.change(&want)
			if c.want != nil {
				c.want(&want)
			} else {
				want.PrincipalID = audit.Pseudonym([]byte("k"), e.PrincipalID)
			}
			if d := cmp.Diff(string(want.AppendJSON(nil)), string(got.AppendJSON(nil))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestRecordStamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(sinktest.Memory)
		if err := trail(t, "", m).Record(t.Context(), audit.Event{Type: audit.EventConfigChanged}); err != nil {
			t.Fatal(err)
		}
		if got := m.Events()[0].Time; !got.Equal(time.Now()) {
			t.Errorf("stamped %v at %v", got, time.Now())
		}
	})
}

// TestHealth: a trail is as healthy as its sickest sink.
func TestHealth(t *testing.T) {
	var m sinktest.Memory
	ok := sinkFunc(func(context.Context, audit.Event) error { return nil })
	tr := trail(t, "", ok, &m)
	if err := tr.Health(t.Context()); err != nil {
		t.Errorf("healthy: %v", err)
	}
	m.Fail(&concord.Fault{Op: "x", Kind: concord.Unavailable})
	if err := tr.Record(t.Context(), sinktest.Event("r")); !errors.Is(err, concord.Unavailable) {
		t.Errorf("record: %v, want unavailable", err)
	}
	if err := tr.Health(t.Context()); !errors.Is(err, concord.Unavailable) {
		t.Errorf("after a failure: %v, want unavailable", err)
	}
	m.Fail(nil)
	if err := tr.Health(t.Context()); err != nil {
		t.Errorf("after recovery: %v", err)
	}
	wild := trail(t, "", sinkFunc(func(context.Context, audit.Event) error { panic("Jane Doe") }))
	if err := wild.Health(t.Context()); !errors.Is(err, concord.Internal) {
		t.Errorf("a panic: %v, want internal", err)
	}
}
