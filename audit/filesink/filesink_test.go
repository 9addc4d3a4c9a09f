package filesink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"concord"
	"concord/audit"
	"concord/audit/chain"
	"concord/audit/filesink"
	"concord/audit/sinktest"
)

func TestMain(m *testing.M) {
	if child := os.Getenv("CONCORD_FILESINK_CHILD"); child != "" {
		os.Exit(runChild(child))
	}
	goleak.VerifyTestMain(m)
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func open(t fataler, dir string, o filesink.Options) *filesink.Sink {
	t.Helper()
	s, err := filesink.Open(dir, o)
	if err != nil {
		t.Fatalf("open: %v: %v", err, errors.Unwrap(err))
	}
	return s
}

func shut(t fataler, s *filesink.Sink) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// files are the segments of dir in order.
func files(t fataler, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "audit-*.jsonl"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	sort.Strings(names)
	return names
}

func text(t fataler, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b
}

// lines are the whole lines of dir's segments, in order.
func lines(t fataler, dir string) (all [][]byte) {
	t.Helper()
	for _, f := range files(t, dir) {
		b := text(t, f)
		b = b[:bytes.LastIndexByte(b, '\n')+1]
		all = append(all, bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))...)
	}
	return all
}

// row is what the tests look at in a record.
type row struct {
	Type    string `json:"event_type"`
	ID      string `json:"request_id"`
	Seq     int    `json:"seq"`
	Segment string `json:"sealed_segment"`
	Bytes   int    `json:"sealed_bytes"`
	Digest  string `json:"sealed_digest"`
	Refused int    `json:"refused"`
	Cause   string `json:"cause"`
}

func rows(t fataler, dir string) (all []row) {
	t.Helper()
	for _, l := range lines(t, dir) {
		var r row
		if err := json.Unmarshal(l, &r); err != nil {
			t.Fatalf("%v: %q", err, l)
		}
		all = append(all, r)
	}
	return all
}

// ids are the requests' ids in dir's trail.
func ids(t fataler, dir string) (all []string) {
	t.Helper()
	for _, r := range rows(t, dir) {
		if r.ID != "" {
			all = append(all, r.ID)
		}
	}
	return all
}

// types are the types of dir's records, in order.
func types(t fataler, dir string) (all []string) {
	t.Helper()
	for _, r := range rows(t, dir) {
		all = append(all, strings.TrimPrefix(strings.TrimPrefix(r.Type, "audit."), "fhir.api."))
	}
	return all
}

func verify(t fataler, dir string, o chain.VerifyOptions) chain.Report {
	t.Helper()
	r, err := filesink.Verify(context.Background(), dir, o)
	if err != nil {
		t.Fatalf("verify: %v: %v", err, errors.Unwrap(err))
	}
	return r
}

func wantWhole(t fataler, dir string) chain.Report {
	t.Helper()
	r := verify(t, dir, chain.VerifyOptions{})
	if !r.Whole() {
		t.Errorf("broken: %v", r.Break)
	}
	return r
}

func put(t fataler, s *filesink.Sink, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.Append(context.Background(), sinktest.Event(id)); err != nil {
			t.Fatalf("append %s: %v: %v", id, err, errors.Unwrap(err))
		}
	}
}

func TestConformance(t *testing.T) {
	for name, o := range map[string]filesink.Options{
		"defaults":                 {},
		"a segment a record":       {SegmentBytes: 1},
		"a checkpoint a record":    {CheckpointEvery: 1},
		"small segments and marks": {SegmentBytes: 3000, CheckpointEvery: 3},
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, func(t *testing.T) (audit.Sink, func() [][]byte) {
				dir := filepath.Join(t.TempDir(), "audit")
				s := open(t, dir, o)
				t.Cleanup(func() {
					shut(t, s)
					wantWhole(t, dir)
				})
				return s, func() [][]byte { return lines(t, dir) }
			})
		})
	}
}

func TestReopenGoesOn(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, filesink.Options{})
	put(t, s, "a", "b")
	shut(t, s)
	s = open(t, dir, filesink.Options{})
	put(t, s, "c")
	shut(t, s)
	want := []string{"checkpoint", "opened", "access", "access", "checkpoint", "checkpoint", "opened", "access", "checkpoint"}
	if d := cmp.Diff(want, types(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for i, r := range rows(t, dir) {
		if r.Seq != i+1 {
			t.Errorf("record %d has the number %d", i+1, r.Seq)
		}
	}
	if r := wantWhole(t, dir); r.Opened != 2 || r.Records != 9 || r.Segments != 1 || r.Head.Seq != 9 || r.First != 1 || r.Seals != 0 {
		t.Errorf("report: %+v", r)
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	o := filesink.Options{SegmentBytes: 2000}
	var want []string
	for round := range 3 {
		s := open(t, dir, o)
		for i := range 10 {
			want = append(want, fmt.Sprint(round, "-", i))
			put(t, s, want[len(want)-1])
		}
		shut(t, s)
	}
	if n := len(files(t, dir)); n < 8 {
		t.Errorf("%d segments", n)
	}
	for _, f := range files(t, dir) {
		if n := len(text(t, f)); n == 0 || n > 6000 {
			t.Errorf("%s has %d bytes", f, n)
		}
	}
	if d := cmp.Diff(want, ids(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	wantWhole(t, dir)
}

func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, filesink.Options{})
	if _, err := filesink.Open(dir, filesink.Options{}); !errors.Is(err, concord.Conflict) {
		t.Errorf("%v, want conflict", err)
	}
	put(t, s, "a")
	shut(t, s)
	shut(t, open(t, dir, filesink.Options{}))
	wantWhole(t, dir)
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := filesink.Open(file, filesink.Options{}); !errors.Is(err, concord.Unavailable) {
		t.Errorf("a file: %v, want unavailable", err)
	}
	if _, err := filesink.Open(t.TempDir(), filesink.Options{Key: []byte("short")}); !errors.Is(err, concord.Invalid) {
		t.Errorf("a bad key: %v, want invalid", err)
	}
}

// TestModes: others on the machine can't read the trail.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "audit")
	s := open(t, dir, filesink.Options{})
	shut(t, s)
	for _, p := range append(files(t, dir), dir, filepath.Join(dir, "lock")) {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", filepath.Base(p), info.Mode())
		}
	}
}

// TestSegmentsSealed: a segment that another follows is read-only, and a new segment begins when its time has come.
func TestSegmentsSealed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, filesink.Options{SegmentAge: time.Nanosecond})
	put(t, s, "a", "b")
	shut(t, s)
	all := files(t, dir)
	if len(all) < 3 {
		t.Fatalf("%d segments", len(all))
	}
	for i, f := range all {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if want := os.FileMode(0o400); i < len(all)-1 && info.Mode().Perm() != want {
			t.Errorf("%s has the mode %v, want %v", filepath.Base(f), info.Mode().Perm(), want)
		}
	}
	// A power cut may lose the newest segment after the one before it was sealed: that one is the end then.
	if err := os.WriteFile(all[len(all)-1], nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, filesink.Options{})
	put(t, s, "c")
	shut(t, s)
	wantWhole(t, dir)
	s = open(t, dir, filesink.Options{SegmentAge: time.Hour})
	n := len(files(t, dir))
	put(t, s, "d", "e")
	shut(t, s)
	if len(files(t, dir)) != n {
		t.Error("a new segment before its time")
	}
}

// TestCheckpointInTime: the last records of a quiet time are not left without a checkpoint.
func TestCheckpointInTime(t *testing.T) {
	dir := t.TempDir()
	told := make(chan chain.Head, 16)
	s := open(t, dir, filesink.Options{CheckpointInterval: 5 * time.Millisecond, OnCheckpoint: func(h chain.Head) {
		told <- h
		panic("the operator's function must not harm the trail")
	}})
	if h := <-told; h != (chain.Head{}) {
		t.Errorf("the first checkpoint states %+v", h)
	}
	<-told // after audit.opened
	put(t, s, "a")
	h := <-told
	shut(t, s)
	if r := verify(t, dir, chain.VerifyOptions{Anchors: []chain.Head{h}}); !r.Whole() || h.Seq == 0 {
		t.Errorf("%+v, %v", h, r.Break)
	}
}

// TestGroupCommit: those who wait during a sync share the next one.
func TestGroupCommit(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	syncs := 0
	entered, hold := make(chan struct{}, 100), make(chan struct{})
	armed := false
	s := open(t, dir, filesink.WithDisk(filesink.Options{}, func(op, _ string, n int) (int, error) {
		mu.Lock()
		wait := armed && op == "sync"
		if wait {
			syncs++
		}
		mu.Unlock()
		if wait {
			entered <- struct{}{}
			<-hold
		}
		return n, nil
	}))
	mu.Lock()
	armed = true
	mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { put(t, s, "first") })
	<-entered // the writer is in its sync
	for i := range 50 {
		wg.Go(func() { put(t, s, fmt.Sprint("r-", i)) })
	}
	for filesink.Waiting(s) < 50 {
		time.Sleep(time.Millisecond)
	}
	close(hold)
	wg.Wait()
	shut(t, s)
	if syncs != 3 { // the first, the fifty together, the checkpoint of Close
		t.Errorf("%d syncs, want 3", syncs)
	}
	wantWhole(t, dir)
}

// TestContextWhileWaiting: an Append whose context ends before the writer took it leaves nothing; one that was taken
// may be there, and both are errors.
func TestContextWhileWaiting(t *testing.T) {
	dir := t.TempDir()
	entered, hold := make(chan struct{}, 100), make(chan struct{})
	var mu sync.Mutex
	armed := false
	s := open(t, dir, filesink.WithDisk(filesink.Options{}, func(op, _ string, n int) (int, error) {
		mu.Lock()
		wait := armed && op == "sync"
		mu.Unlock()
		if wait {
			entered <- struct{}{}
			<-hold
		}
		return n, nil
	}))
	mu.Lock()
	armed = true
	mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 2)
	go func() { errs <- s.Append(ctx, sinktest.Event("taken")) }()
	<-entered
	go func() { errs <- s.Append(ctx, sinktest.Event("waiting")) }()
	for filesink.Waiting(s) < 1 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	for range 2 {
		if err := <-errs; !errors.Is(err, concord.Canceled) {
			t.Errorf("%v, want canceled", err)
		}
	}
	dead, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Health(dead); !errors.Is(err, concord.Timeout) {
		t.Errorf("health of a disk that hangs: %v, want timeout", err)
	}
	mu.Lock()
	armed = false
	mu.Unlock()
	close(hold)
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("health of a disk that goes on: %v", err)
	}
	put(t, s, "after")
	shut(t, s)
	if d := cmp.Diff([]string{"taken", "after"}, ids(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	wantWhole(t, dir)
}
