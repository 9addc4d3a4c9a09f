package chain_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/audit"
	"concord/audit/chain"
	"concord/audit/sinktest"
)

// lines are a trail of n records in one text.
func lines(t testing.TB, n int, key ed25519.PrivateKey) ([]byte, chain.Head) {
	t.Helper()
	w, err := chain.NewWriter(chain.Head{}, 4, key)
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for i := range n {
		e := sinktest.Event(fmt.Sprint("r-", i))
		b = w.Record(b, e.AppendJSON(nil))
	}
	return b, w.Head()
}

// one is a trail of one segment.
func one(text []byte) iter.Seq2[chain.Segment, error] {
	return func(yield func(chain.Segment, error) bool) {
		yield(chain.Segment{Name: chain.SegmentName(1), First: 1, Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(text)), nil
		}}, nil)
	}
}

// TestReset: lines that were taken back leave no trace in those that follow.
func TestReset(t *testing.T) {
	w, err := chain.NewWriter(chain.Head{}, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := sinktest.Event("r")
	object := e.AppendJSON(nil)
	var b []byte
	for i := range 20 {
		m := w.Mark()
		if i%3 == 1 {
			w.Record(nil, object)
			w.Checkpoint(nil)
			w.Reset(m)
			if len(w.Stated()) != 0 {
				t.Error("a head was stated that was taken back")
			}
		}
		b = w.Record(b, object)
	}
	r, err := chain.Verify(t.Context(), one(b), 0, chain.VerifyOptions{})
	if err != nil || !r.Whole() || r.Head != w.Head() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestUnchecked(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, head := lines(t, 6, key)
	unsigned, _ := lines(t, 6, nil)
	for _, c := range []struct {
		name string
		text []byte
		o    chain.VerifyOptions
		want []string // the first words of each
	}{
		{"nothing given, nothing signed", unsigned, chain.VerifyOptions{}, []string{"who wrote it", "whether the tail"}},
		{"nothing given", signed, chain.VerifyOptions{}, []string{"2 signed checkpoints", "whether the tail"}},
		{"a key", signed, chain.VerifyOptions{Keys: []ed25519.PublicKey{pub}}, []string{"who wrote the 3 records", "whether the tail"}},
		{"a key and a head", signed, chain.VerifyOptions{Keys: []ed25519.PublicKey{pub}, Anchors: []chain.Head{head}}, []string{"who wrote the 3 records"}},
		{"half a line", append(bytes.Clone(unsigned), `{"ev`...), chain.VerifyOptions{}, []string{"who wrote it", "whether the tail", "the last 4 bytes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := chain.Verify(t.Context(), one(c.text), 0, c.o)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Whole() {
				t.Fatalf("broken: %v", r.Break)
			}
			got := r.Unchecked()
			if len(got) != len(c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			for i, w := range c.want {
				if i >= len(got) || !strings.HasPrefix(got[i], w) {
					t.Errorf("%q, want %q", got, c.want)
				}
			}
		})
	}
}

// TestClockBack: a clock that was set back is told, and no break.
func TestClockBack(t *testing.T) {
	w, err := chain.NewWriter(chain.Head{}, 1000, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(24 * time.Hour) // later than the checkpoint that stands first
	var b []byte
	for _, d := range []time.Duration{0, time.Hour, time.Hour - time.Second, time.Minute, 2 * time.Minute} {
		e := sinktest.Event("r")
		e.Time = now.Add(d)
		b = w.Record(b, e.AppendJSON(nil))
	}
	r, err := chain.Verify(t.Context(), one(b), 0, chain.VerifyOptions{})
	if err != nil || !r.Whole() || r.ClockBack != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAnchorFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anchors")
	if err := os.WriteFile(path, []byte(`{"time":"2025-05-16T14:32:01Z","seq":3,"ha`), 0o600); err != nil { // a crash
		t.Fatal(err)
	}
	_, head := lines(t, 6, nil)
	a, err := chain.OpenAnchorFile(path, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	a.Note(chain.Head{})
	for seq := range uint64(1000) { // faster than a disk: the newest is never lost
		a.Note(chain.Head{Seq: seq + 1, Hash: audit.DigestOf(fmt.Sprint(seq))})
	}
	a.Note(head)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	all, err := chain.ReadAnchors(path)
	if err != nil || len(all) == 0 || all[len(all)-1] != head {
		t.Errorf("%+v, %v", all, err)
	}
	for i, h := range all[:len(all)-1] {
		if h.Hash != audit.DigestOf(fmt.Sprint(h.Seq-1)) || i > 0 && h.Seq <= all[i-1].Seq {
			t.Errorf("%+v", h)
		}
	}
}

func TestReadAnchorsRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := chain.ReadAnchors(filepath.Join(dir, "none")); !errors.Is(err, concord.NotFound) {
		t.Errorf("no file: %v", err)
	}
	if _, err := chain.OpenAnchorFile(filepath.Join(dir, "none", "x"), nil); !errors.Is(err, concord.Unavailable) {
		t.Errorf("no folder: %v", err)
	}
	for name, text := range map[string]string{
		"no hash": `{"seq":1}`, "number 0": `{"seq":0,"hash":"` + audit.DigestOf("x").String() + `"}`, "a short hash": `{"seq":1,"hash":"sha256:00"}`,
		"another hash": `{"seq":1,"hash":"md5:00"}`, "no object": `{"seq":"x"}`,
	} {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := chain.ReadAnchors(p); !errors.Is(err, concord.Malformed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// FuzzFollow: no text makes a reader of segments fail, and what it calls good is a prefix that it calls good again.
func FuzzFollow(f *testing.F) {
	text, _ := lines(f, 5, nil)
	f.Add(text)
	f.Add(text[:len(text)-7])
	f.Add(bytes.ReplaceAll(text, []byte("GET"), []byte("\x00ET")))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := chain.Follow(bytes.NewReader(b), 1)
		if err != nil || got.Good < 0 || got.Good+got.Torn > int64(len(b)) {
			t.Fatalf("%+v, %v", got, err)
		}
		if got.Flaw == chain.NoFlaw && got.Good+got.Torn != int64(len(b)) {
			t.Fatalf("%d bytes of %d are told of", got.Good+got.Torn, len(b))
		}
		again, err := chain.Follow(bytes.NewReader(b[:got.Good]), 1)
		want := chain.Followed{Head: got.Head, Good: got.Good, Lines: got.Lines}
		again.Seq = 0
		if d := cmp.Diff(want, again); d != "" || err != nil {
			t.Fatalf("%v (-want +got):\n%s", err, d)
		}
	})
}

// FuzzAnchors: no text makes a reader of anchors fail otherwise than by Malformed.
func FuzzAnchors(f *testing.F) {
	f.Add([]byte(`{"time":"2025-05-16T14:32:01Z","seq":3,"hash":"` + audit.DigestOf("x").String() + "\"}\n"))
	f.Add([]byte("{\"seq\":1\n\n}"))
	dir := f.TempDir()
	var mu sync.Mutex
	f.Fuzz(func(t *testing.T, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		p := filepath.Join(dir, "anchors")
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := chain.ReadAnchors(p)
		if err != nil && !errors.Is(err, concord.Malformed) && !errors.Is(err, concord.Unavailable) {
			t.Fatal(err)
		}
		for _, h := range all {
			if h.Seq == 0 {
				t.Fatal("the place before the first record")
			}
		}
	})
}
