package s3sink_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"concord"
	"concord/audit"
	"concord/audit/chain"
	"concord/audit/s3sink"
	"concord/audit/sinktest"
)

func TestConformance(t *testing.T) {
	r := newRig(t)
	var n int
	sinktest.Run(t, func(t *testing.T) (audit.Sink, func() [][]byte) {
		n++
		prefix := fmt.Sprint("c-", n)
		s := open(t, r.under(prefix), s3sink.Options{CheckpointEvery: 7})
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if got, err := s3sink.Verify(context.Background(), r.under(prefix), chain.VerifyOptions{}); err != nil || !got.Whole() {
				t.Errorf("%v, %v", got.Break, err)
			}
		})
		return s, func() [][]byte { return r.lines(t, prefix) }
	})
}

// TestLocked: each object is locked as configured, and can be neither removed nor replaced unseen.
func TestLocked(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	s := open(t, r.config, s3sink.Options{})
	put(t, s, "a", "b")
	r.net.mu.Lock()
	for _, h := range r.net.seen {
		until, err := time.Parse(time.RFC3339, h.Get("X-Amz-Object-Lock-Retain-Until-Date"))
		if d := time.Until(until); err != nil || d < 50*time.Minute || d > time.Hour || h.Get("X-Amz-Object-Lock-Mode") != "COMPLIANCE" || h.Get("If-None-Match") == "" {
			t.Errorf("a put with %v", h)
		}
	}
	r.net.mu.Unlock()
	before := wantWhole(t, r.config)
	if before.Unlocked != 0 || before.Overlaid != 0 || before.Segments != 3 {
		t.Errorf("%+v", before)
	}
	var keys []string
	for i := range r.admin.ListObjects(ctx, "trail", minio.ListObjectsOptions{WithVersions: true, Recursive: true}) {
		if err := r.admin.RemoveObject(ctx, "trail", i.Key, minio.RemoveObjectOptions{VersionID: i.VersionID}); err == nil {
			t.Errorf("%s could be removed", i.Key)
		}
		keys = append(keys, i.Key)
	}
	if len(keys) != 3 {
		t.Fatalf("%d objects", len(keys))
	}
	// What S3 lets anybody with write access do: hide an object, and put another version over it.
	if err := r.admin.RemoveObject(ctx, "trail", keys[2], minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.admin.PutObject(ctx, "trail", keys[1], strings.NewReader("forged\n"), 7, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	after := wantWhole(t, r.config)
	if after.Overlaid != 2 || after.Records != before.Records || after.Head != before.Head {
		t.Errorf("%+v, want two overlaid and all of %+v", after, before)
	}
	put(t, s, "c") // the writer goes on, and so does the next one, at the true end
	shut(t, s)
	s = open(t, r.config, s3sink.Options{})
	put(t, s, "d")
	shut(t, s)
	if got := wantWhole(t, r.config); got.Opened != 2 || got.Records < before.Records+4 {
		t.Errorf("%+v", got)
	}
}

// TestReopen: the end of the chain is found among many objects, signed and noted heads hold over all of them.
func TestReopen(t *testing.T) {
	r := newRig(t)
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var heads []chain.Head
	o := s3sink.Options{Key: key, CheckpointEvery: 4, OnCheckpoint: func(h chain.Head) {
		mu.Lock()
		defer mu.Unlock()
		if h.Seq > 0 {
			heads = append(heads, h)
		}
		panic("the operator's function must not harm the trail")
	}}
	var want []string
	for round := range 5 {
		s := open(t, r.config, o)
		for i := range 7 {
			id := fmt.Sprint("r-", round, "-", i)
			want = append(want, id)
			put(t, s, id)
		}
		shut(t, s)
	}
	if d := cmp.Diff(want, r.ids(t, "gw-1")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got, err := s3sink.Verify(t.Context(), r.config, chain.VerifyOptions{Keys: []ed25519.PublicKey{pub}, Anchors: heads})
	if err != nil || !got.Whole() || got.SignedTo != got.Head.Seq-1 || got.Opened != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	if u := got.Unchecked(); len(u) != 0 {
		t.Errorf("unchecked: %q", u)
	}
	if u := wantWhole(t, r.config).Unchecked(); len(u) != 2 {
		t.Errorf("without keys and heads: %q", u)
	}
}

// TestLostAnswer: an object whose put seemed to fail is found, and its requests are answered.
func TestLostAnswer(t *testing.T) {
	r := newRig(t)
	s := open(t, r.config, s3sink.Options{})
	for name, fate := range map[string]func(q *http.Request, send func() (*http.Response, error)) (*http.Response, error){
		"the connection broke after the put": func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
			if a, err := send(); err == nil {
				_ = a.Body.Close()
			}
			return nil, io.ErrUnexpectedEOF
		},
		"a proxy's 503 after the put": func(q *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
			if a, err := send(); err == nil {
				_ = a.Body.Close()
			}
			return answer(q, http.StatusServiceUnavailable), nil
		},
		"a 503 before the put": func(q *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
			return answer(q, http.StatusServiceUnavailable), nil
		},
	} {
		var n atomic.Int32
		r.net.set(func(q *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
			if n.Add(1) > 2 {
				return send()
			}
			return fate(q, send)
		})
		put(t, s, name)
	}
	r.net.set(nil)
	shut(t, s)
	if got := r.ids(t, "gw-1"); len(got) != 3 {
		t.Errorf("%q", got)
	}
	if got := wantWhole(t, r.config); got.Seals != 0 {
		t.Errorf("%+v", got)
	}
}

func answer(q *http.Request, status int) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: q}
}

// TestUnanswered: a server that stores and never says so refuses the requests; when it speaks again, the trail says which
// records lack their answers.
func TestUnanswered(t *testing.T) {
	r := newRig(t)
	s := open(t, r.config, s3sink.WithBudget(s3sink.Options{}, 300*time.Millisecond))
	put(t, s, "before")
	r.net.set(func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		if a, err := send(); err == nil {
			_ = a.Body.Close()
		}
		return nil, io.ErrUnexpectedEOF
	})
	// The first put is stored, and every later one of the same object would be answered by 412: that is lost as well.
	for _, id := range []string{"refused-1", "refused-2"} {
		if err := s.Append(t.Context(), sinktest.Event(id)); !errors.Is(err, concord.Unavailable) {
			t.Fatalf("%s: %v, want unavailable", id, err)
		}
	}
	if err := s.Health(t.Context()); !errors.Is(err, concord.Unavailable) {
		t.Errorf("health: %v, want unavailable", err)
	}
	r.net.set(nil)
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("health when the server is well again: %v", err)
	}
	put(t, s, "after")
	shut(t, s)
	var sealed []row
	for _, x := range r.rows(t, "gw-1") {
		if x.Type == "audit.sealed" {
			sealed = append(sealed, x)
		}
	}
	if len(sealed) != 1 || sealed[0].Refused != 1 || sealed[0].Cause != "unanswered" {
		t.Errorf("sealed: %+v", sealed)
	}
	if d := cmp.Diff([]string{"before", "refused-1", "after"}, r.ids(t, "gw-1")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	wantWhole(t, r.config)
}

// TestRefusedPut: what the server says it did not store is not there, and the chain goes on without it.
func TestRefusedPut(t *testing.T) {
	r := newRig(t)
	s := open(t, r.config, s3sink.Options{})
	put(t, s, "before")
	r.net.set(func(q *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return answer(q, http.StatusForbidden), nil
	})
	for range 3 {
		if err := s.Append(t.Context(), sinktest.Event("refused")); !errors.Is(err, concord.Unavailable) {
			t.Fatalf("%v, want unavailable", err)
		}
		if err := s.Health(t.Context()); err == nil {
			t.Error("healthy without the right to write")
		}
	}
	r.net.set(nil)
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("health with the right again: %v", err)
	}
	put(t, s, "after")
	shut(t, s)
	if d := cmp.Diff([]string{"before", "after"}, r.ids(t, "gw-1")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	wantWhole(t, r.config)
}

// TestTwoWriters: of two writers under one prefix the later one goes on, and the other writes no more.
func TestTwoWriters(t *testing.T) {
	r := newRig(t)
	first := open(t, r.config, s3sink.Options{})
	put(t, first, "a")
	second := open(t, r.config, s3sink.Options{})
	put(t, second, "b")
	for range 2 {
		if err := first.Append(t.Context(), sinktest.Event("lost")); !errors.Is(err, concord.Unavailable) {
			t.Errorf("%v, want unavailable", err)
		}
	}
	if err := first.Health(t.Context()); err == nil {
		t.Error("healthy beside another writer")
	}
	put(t, second, "c")
	shut(t, second)
	if err := first.Close(); err == nil {
		t.Error("a checkpoint was written beside another writer")
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, r.ids(t, "gw-1")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	wantWhole(t, r.config)
}

func TestOpenRefuses(t *testing.T) {
	r := newRig(t)
	r.bucket(t, "plain", false)
	r.bucket(t, "ruled", true)
	years, mode, unit := uint(6), minio.Governance, minio.Years
	if err := r.admin.SetObjectLockConfig(t.Context(), "ruled", &mode, &years, &unit); err != nil {
		t.Fatal(err)
	}
	broken := open(t, r.under("broken"), s3sink.Options{})
	shut(t, broken)
	if _, err := r.admin.PutObject(t.Context(), "trail", "broken/"+chain.SegmentName(77), strings.NewReader("forged\n"), 7, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*s3sink.Config)
		want   concord.Kind
	}{
		{"no bucket", func(c *s3sink.Config) { c.Bucket = "none" }, concord.Unavailable},
		{"a bucket without lock", func(c *s3sink.Config) { c.Bucket = "plain" }, concord.Invalid},
		{"nobody says how long", func(c *s3sink.Config) { c.Retain = 0 }, concord.Invalid},
		{"the bucket says how long", func(c *s3sink.Config) { c.Bucket, c.Retain = "ruled", 0 }, concord.Unknown},
		{"governance", func(c *s3sink.Config) { c.Mode = s3sink.Governance }, concord.Unknown},
		{"a time back", func(c *s3sink.Config) { c.Retain = -1 }, concord.Invalid},
		{"no URL", func(c *s3sink.Config) { c.Endpoint = "s3.example.org" }, concord.Invalid},
		{"plain http to another machine", func(c *s3sink.Config) { c.Endpoint = "http://s3.example.org" }, concord.Invalid},
		{"a password in the URL", func(c *s3sink.Config) { c.Endpoint = "https://a:b@s3.example.org" }, concord.Invalid},
		{"no end of a chain", func(c *s3sink.Config) { c.Prefix = "broken" }, concord.Malformed},
		{"nobody listens", func(c *s3sink.Config) { c.Endpoint = "http://127.0.0.1:1" }, concord.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := r.config
			c.change(&cfg)
			s, err := s3sink.Open(t.Context(), cfg, s3sink.Options{})
			if concord.KindOf(err) != c.want {
				t.Errorf("%v (%v), want %v", err, cause(err), c.want)
			}
			if err == nil {
				put(t, s, "a")
				shut(t, s)
			} else if strings.Contains(err.Error(), "s3.example.org") {
				t.Errorf("the fault names the place: %v", err)
			}
		})
	}
	if _, err := s3sink.Open(t.Context(), r.config, s3sink.Options{Key: []byte("short")}); !errors.Is(err, concord.Invalid) {
		t.Errorf("a bad key: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s3sink.Open(gone, r.config, s3sink.Options{}); !errors.Is(err, concord.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestVerifyTampering: a trail written anew by somebody who could delete shows.
func TestVerifyTampering(t *testing.T) {
	r := newRig(t)
	c := r.config
	c.Retain, c.Mode = time.Minute, s3sink.Governance // so that the test can delete
	s := open(t, c, s3sink.Options{})
	put(t, s, "a", "b", "c")
	shut(t, s)
	full := wantWhole(t, c)
	names := map[string]string{}
	var order []string
	for i := range r.admin.ListObjects(t.Context(), "trail", minio.ListObjectsOptions{WithVersions: true, Recursive: true}) {
		names[i.Key] = i.VersionID
		order = append(order, i.Key)
	}
	remove := func(key string) {
		t.Helper()
		if err := r.admin.RemoveObject(t.Context(), "trail", key, minio.RemoveObjectOptions{VersionID: names[key], GovernanceBypass: true}); err != nil {
			t.Fatal(err)
		}
	}
	remove(order[len(order)-1])
	if got := wantWhole(t, c); got.Head == full.Head {
		t.Errorf("%+v", got)
	}
	got, err := s3sink.Verify(t.Context(), c, chain.VerifyOptions{Anchors: []chain.Head{full.Head}})
	if err != nil || got.Whole() || got.Break.Flaw != chain.FlawCut {
		t.Errorf("the tail cut: %v, %v", got.Break, err)
	}
	remove(order[1])
	got, err = s3sink.Verify(t.Context(), c, chain.VerifyOptions{})
	if err != nil || got.Whole() || got.Break.Flaw != chain.FlawSegment {
		t.Errorf("an object missing: %v, %v", got.Break, err)
	}
	if _, err = s3sink.Verify(t.Context(), r.under("none"), chain.VerifyOptions{}); !errors.Is(err, concord.NotFound) {
		t.Errorf("an empty prefix: %v", err)
	}
}
