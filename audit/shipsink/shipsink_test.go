package shipsink_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/audit"
	"concord/audit/shipsink"
	"concord/audit/sinktest"
)

func (c *counting) Append(ctx context.Context, e audit.Event) error {
	err := c.Sink.Append(ctx, e)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.n++
	}
	return err
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func TestLinesConformance(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) (audit.Sink, func() [][]byte) {
		p := &pipe{part: -1}
		l := shipsink.NewLines(p, nil)
		t.Cleanup(func() {
			if err := l.Close(); err != nil || !p.shut {
				t.Errorf("%v, closed: %v", err, p.shut)
			}
		})
		return l, p.lines
	})
}

// TestSyslogConformance: over a real connection. What was handed over has arrived a little later.
func TestSyslogConformance(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) (audit.Sink, func() [][]byte) {
		r := newReceiver(t)
		c := &counting{Sink: r.sink(t)}
		return c, func() (lines [][]byte) {
			for _, m := range r.all(t, c.count()) {
				if m.typ != "audit.opened" {
					lines = append(lines, []byte(m.text))
				}
			}
			return lines
		}
	})
}

// TestNeverAlone: a trail whose every sink may lose what it is given is no trail.
func TestNeverAlone(t *testing.T) {
	l, r := shipsink.NewLines(&pipe{part: -1}, nil), newReceiver(t)
	defer func() { _ = l.Close() }()
	s := r.sink(t)
	if _, err := audit.NewTrail(nil, l, s); !errors.Is(err, concord.Invalid) {
		t.Errorf("%v, want invalid", err)
	}
	var disk sinktest.Memory
	tr, err := audit.NewTrail(nil, &disk, l, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Record(t.Context(), sinktest.Event("r")); err != nil || len(disk.Events()) != 1 {
		t.Errorf("%v, %d records", err, len(disk.Events()))
	}
	r.stop()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // until the end of the connection is known here
		if err := tr.Health(t.Context()); errors.Is(err, concord.Unavailable) {
			break
		} else if time.Now().After(end) {
			t.Fatalf("health without the server: %v", err)
		}
	}
	if err := tr.Record(t.Context(), sinktest.Event("refused")); !errors.Is(err, concord.Unavailable) {
		t.Errorf("a required sink failed, and the answer would leave: %v", err)
	}
}

func TestLinesFail(t *testing.T) {
	for _, part := range []int{0, 10, 1 << 20} {
		t.Run(fmt.Sprint("after ", part), func(t *testing.T) {
			p := &pipe{part: -1}
			l := shipsink.NewLines(p, nil)
			defer func() { _ = l.Close() }()
			for _, id := range []string{"a", "refused", "b"} {
				want := concord.Unknown
				if id == "refused" {
					p.fail(part)
					want = concord.Unavailable
				}
				if err := l.Append(t.Context(), sinktest.Event(id)); concord.KindOf(err) != want {
					t.Errorf("%s: %v, want %v", id, err, want)
				}
				if id == "refused" {
					if err := l.Health(t.Context()); !errors.Is(err, concord.Unavailable) {
						t.Errorf("health: %v", err)
					}
					p.fail(-1)
					if err := l.Health(t.Context()); err != nil {
						t.Errorf("health of a whole pipe: %v", err)
					}
				}
			}
			var ids []string
			for _, line := range p.lines() {
				var x struct {
					ID string `json:"request_id"`
				}
				if json.Unmarshal(line, &x) == nil && x.ID != "" && x.ID != "refused" {
					ids = append(ids, x.ID)
				}
			}
			if d := cmp.Diff([]string{"a", "b"}, ids); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestSyslogMessages: severity by what happened, one number after the other, and text as it was.
func TestSyslogMessages(t *testing.T) {
	r := newReceiver(t)
	s := r.sink(t)
	denied, glass, failed := sinktest.Event("b"), sinktest.Event("c"), sinktest.Event("d")
	denied.Type, glass.BreakGlass, failed.Outcome = audit.EventDenied, true, audit.Failure
	odd := sinktest.Event("é😀\n")
	for _, e := range []audit.Event{sinktest.Event("a"), denied, glass, failed, odd} {
		if err := s.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, m := range r.all(t, 5) {
		var x struct {
			ID string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(m.text), &x); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(m.pri, " ", m.typ, " ", m.number, " ", x.ID))
	}
	want := []string{"109 fhir.api.access 1 a", "108 fhir.api.denied 2 b", "105 fhir.api.access 3 c", "108 fhir.api.access 4 d", "109 fhir.api.access 5 é😀\n"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestSyslogServerRestarts: a connection that is gone is made anew; while there is no server, requests are refused and the
// sink is not healthy.
func TestSyslogServerRestarts(t *testing.T) {
	r := newReceiver(t)
	s := r.sink(t)
	if err := s.Health(t.Context()); err != nil { // connects
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), sinktest.Event("a")); err != nil {
		t.Fatal(err)
	}
	r.all(t, 2)
	r.hangUp()
	for end := time.Now().Add(10 * time.Second); ; { // a message may be lost to the old connection before its end is known
		if err := s.Append(t.Context(), sinktest.Event("b")); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		n := len(r.messages)
		r.mu.Unlock()
		if n > 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nothing arrives over a new connection")
		}
	}
	r.stop()
	for end := time.Now().Add(10 * time.Second); s.Append(t.Context(), sinktest.Event("c")) == nil; {
		if time.Now().After(end) {
			t.Fatal("messages are taken without a server")
		}
	}
	if err := s.Health(t.Context()); !errors.Is(err, concord.Unavailable) {
		t.Errorf("health: %v, want unavailable", err)
	}
	before := len(r.all(t, 0))
	r.listen(t, r.address)
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("health of a server that is back: %v", err)
	}
	if err := s.Append(t.Context(), sinktest.Event("d")); err != nil {
		t.Fatal(err)
	}
	all := r.all(t, before+2)
	if last := all[len(all)-1]; !strings.Contains(last.text, `"request_id":"d"`) {
		t.Errorf("%+v", last)
	}
	for i, m := range all[1:] {
		if m.number <= all[i].number {
			t.Errorf("number %d after %d", m.number, all[i].number)
		}
	}
}

func TestSyslogRefuses(t *testing.T) {
	r := newReceiver(t)
	for name, c := range map[string]shipsink.SyslogConfig{
		"no address": {TLS: r.config}, "no port": {Address: "localhost", TLS: r.config}, "no TLS": {Address: r.address},
	} {
		if _, err := shipsink.NewSyslog(c); !errors.Is(err, concord.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	for name, c := range map[string]*tls.Config{
		"a server that nobody vouches for": {RootCAs: x509.NewCertPool()},
		"another server's name":            {RootCAs: r.roots, ServerName: "logs.example.org"},
		"TLS 1.1 at most":                  {RootCAs: r.roots, MaxVersion: tls.VersionTLS11},
	} {
		s, err := shipsink.NewSyslog(shipsink.SyslogConfig{Address: r.address, TLS: c})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Append(t.Context(), sinktest.Event("a")); !errors.Is(err, concord.Unavailable) || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
		_ = s.Close()
	}
	if n := len(r.all(t, 0)); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// TestEncoder: what an encoder leaves out is not sent, and no failure.
func TestEncoder(t *testing.T) {
	p := &pipe{part: -1}
	l := shipsink.NewLines(p, func(b []byte, e *audit.Event) []byte {
		if e.RequestID == "b" {
			return b
		}
		return append(b, e.RequestID...)
	})
	for _, id := range []string{"a", "b", "c"} {
		if err := l.Append(t.Context(), sinktest.Event(id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]byte{[]byte("a"), []byte("c")}, p.lines()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
