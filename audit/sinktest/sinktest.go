// Package sinktest is the suite that every audit.Sink passes, and a sink in memory for tests of what uses a trail. It is
// for tests only, and will not keep anything.
package sinktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/audit"
)

// Factory makes an empty sink for one test, and a function that reads back what is in it, durably if the sink says so: one
// JSON object per record in the trail's order, without line ends. The function is called while the sink is open and after it was closed.
// The factory sees to it that the sink is closed in the end.
type Factory func(t *testing.T) (sink audit.Sink, read func() [][]byte)

// Run holds the sinks of f to audit.Sink's contract.
func Run(t *testing.T, f Factory) {
	t.Run("what is appended is there at once and whole", func(t *testing.T) { whole(t, f) })
	t.Run("order of appends is kept", func(t *testing.T) { order(t, f) })
	t.Run("concurrent appends are there once each", func(t *testing.T) { concurrent(t, f) })
	t.Run("hostile text stays in its record", func(t *testing.T) { hostile(t, f) })
	t.Run("what can't be an event is refused", func(t *testing.T) { refused(t, f) })
	t.Run("an ended context is an error and leaves nothing", func(t *testing.T) { ended(t, f) })
	t.Run("closing is final, and may be repeated", func(t *testing.T) { closed(t, f) })
	t.Run("appends that race with closing are there or failed", func(t *testing.T) { racing(t, f) })
}

// Event is a full record of a request, told apart by id.
func Event(id string) audit.Event {
	return audit.Event{
		Type: audit.EventAccess, Time: time.Date(2025, 5, 16, 14, 32, 1, 847_000_000, time.UTC), RequestID: id,
		PrincipalID: "usr-7f3a9b2c", PrincipalRole: "physician", TenantID: "t-1", ClientID: "app-1",
		ResourceType: "Observation", ResourceID: "epic.o-1", Interaction: audit.Read, Scopes: []string{"user/Observation.rs"},
		Method: audit.GET, Route: "/fhir/r4/{type}/{id}", SourceIP: netip.MustParseAddr("192.0.2.7"),
		UserAgent: audit.DigestOf("agent/1"), Status: 200, Outcome: audit.Success, Elapsed: 17 * time.Millisecond,
		Disclosed: []audit.Disclosure{{Type: "Observation", Count: 1}},
		Sources:   []audit.SourceAccess{{Source: "epic", Outcome: audit.SourceOK, Resources: 1, Elapsed: 12 * time.Millisecond}},
	}
}

// requests are the request ids of the events of requests in lines, which must all be JSON objects on one line.
func requests(t *testing.T, lines [][]byte) (ids []string) {
	t.Helper()
	for _, l := range lines {
		var r struct {
			Type string `json:"event_type"`
			ID   string `json:"request_id"`
		}
		if bytes.ContainsAny(l, "\r\n") {
			t.Errorf("a record is broken by a line end: %q", l)
		}
		if err := json.Unmarshal(l, &r); err != nil {
			t.Errorf("a record is no JSON object: %v: %q", err, l)
		} else if !strings.HasPrefix(r.Type, "audit.") {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func whole(t *testing.T, f Factory) {
	s, read := f(t)
	e := Event("r-1")
	must(t, s.Append(t.Context(), e))
	must(t, s.Health(t.Context()))
	var want, got map[string]any
	must(t, json.Unmarshal(e.AppendJSON(nil), &want))
	for _, l := range read() {
		if bytes.Contains(l, []byte(`"r-1"`)) {
			must(t, json.Unmarshal(l, &got))
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			delete(got, k) // a sink may add its own members
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the record differs (-want +got):\n%s", d)
	}
}

func order(t *testing.T, f Factory) {
	s, read := f(t)
	var want []string
	for i := range 20 {
		id := fmt.Sprint("r-", i)
		want = append(want, id)
		must(t, s.Append(t.Context(), Event(id)))
	}
	if d := cmp.Diff(want, requests(t, read())); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
}

func concurrent(t *testing.T, f Factory) {
	s, read := f(t)
	const workers, each = 16, 20
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				if err := s.Append(context.Background(), Event(fmt.Sprintf("r-%d-%d", w, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	next := map[string]int{}
	for _, id := range requests(t, read()) {
		seen[id]++
		var w, i int
		if _, err := fmt.Sscanf(id, "r-%d-%d", &w, &i); err != nil {
			t.Errorf("unknown record %q", id)
		}
		if k := fmt.Sprint(w); next[k] != i {
			t.Errorf("worker %d: record %d comes where %d is due", w, i, next[k])
		} else {
			next[k]++
		}
	}
	if len(seen) != workers*each {
		t.Errorf("%d records, want %d", len(seen), workers*each)
	}
}

func hostile(t *testing.T, f Factory) {
	s, read := f(t)
	want := []string{"a\nb", "\"}\n{\"event_type\":\"fhir.api.access\"", "\x00\x1f\x7f", "\xff\xfe", "\u2028\u2029", `\`, "é😀", `","seq":1`}
	for _, id := range want {
		must(t, s.Append(t.Context(), Event(id)))
	}
	for i := range want {
		want[i] = strings.ToValidUTF8(want[i], "\ufffd")
	}
	want[3] = "\ufffd\ufffd"
	if d := cmp.Diff(want, requests(t, read())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func refused(t *testing.T, f Factory) {
	s, read := f(t)
	before := len(read())
	long := Event("long")
	for range 5000 {
		long.Scopes = append(long.Scopes, "patient/Observation.rs")
	}
	for name, e := range map[string]audit.Event{
		"zero": {}, "opened": {Type: audit.EventOpened}, "sealed": {Type: audit.EventSealed},
		"checkpoint": {Type: audit.EventCheckpoint, Checkpoint: &audit.Checkpoint{}}, "too long": long,
	} {
		if err := s.Append(t.Context(), e); !errors.Is(err, concord.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if n := len(read()); n != before {
		t.Errorf("%d records more", n-before)
	}
}

func ended(t *testing.T, f Factory) {
	s, read := f(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	if err := s.Append(canceled, Event("r-1")); !errors.Is(err, concord.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if err := s.Append(late, Event("r-2")); !errors.Is(err, concord.Timeout) {
		t.Errorf("late: %v", err)
	}
	must(t, s.Append(t.Context(), Event("r-3")))
	if d := cmp.Diff([]string{"r-3"}, requests(t, read())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func closed(t *testing.T, f Factory) {
	s, read := f(t)
	must(t, s.Append(t.Context(), Event("r-1")))
	must(t, s.Close())
	if err := s.Append(t.Context(), Event("r-2")); !errors.Is(err, concord.Unavailable) {
		t.Errorf("append after close: %v, want unavailable", err)
	}
	must(t, s.Close())
	if d := cmp.Diff([]string{"r-1"}, requests(t, read())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func racing(t *testing.T, f Factory) {
	s, read := f(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	ok := map[string]bool{}
	started := make(chan struct{}, 8)
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("r-%d-%d", w, i)
				if err := s.Append(context.Background(), Event(id)); err != nil {
					if !errors.Is(err, concord.Unavailable) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				ok[id] = true
				mu.Unlock()
				if i == 0 {
					started <- struct{}{}
				}
			}
		})
	}
	for range 8 {
		<-started
	}
	must(t, s.Close())
	wg.Wait()
	got := map[string]bool{}
	for _, id := range requests(t, read()) {
		got[id] = true
	}
	if d := cmp.Diff(ok, got); d != "" {
		t.Errorf("answered and kept differ (-answered +kept):\n%s", d)
	}
}
