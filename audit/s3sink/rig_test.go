package s3sink_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"concord"
	"concord/audit/chain"
	"concord/audit/s3sink"
	"concord/audit/sinktest"
	"concord/testharness/servers"
)

func TestMain(m *testing.M) {
	if os.Getenv("CONCORD_S3SINK_CHILD") != "" {
		os.Exit(runChild())
	}
	os.Exit(m.Run())
}

// rig is a real server, a bucket with object lock, and a network that may be told to fail.
type rig struct {
	server *servers.S3
	admin  *minio.Client
	config s3sink.Config
	net    *network
}

// network is a transport whose puts may be tampered with.
type network struct {
	real *http.Transport
	mu   sync.Mutex
	fate func(q *http.Request, send func() (*http.Response, error)) (*http.Response, error)
	seen []http.Header // of puts
}

func (n *network) set(f func(q *http.Request, send func() (*http.Response, error)) (*http.Response, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fate = f
}

func (n *network) RoundTrip(q *http.Request) (*http.Response, error) {
	send := func() (*http.Response, error) { return n.real.RoundTrip(q) }
	n.mu.Lock()
	fate := n.fate
	if q.Method == http.MethodPut {
		n.seen = append(n.seen, q.Header.Clone())
	}
	n.mu.Unlock()
	if fate != nil && q.Method == http.MethodPut {
		return fate(q, send)
	}
	return send()
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{server: servers.StartS3(t), net: &network{real: http.DefaultTransport.(*http.Transport).Clone()}}
	t.Cleanup(r.net.real.CloseIdleConnections)
	var err error
	r.admin, err = minio.New(strings.TrimPrefix(r.server.Endpoint, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(r.server.AccessKey, r.server.SecretKey, ""), Region: r.server.Region, Transport: r.net.real})
	if err != nil {
		t.Fatal(err)
	}
	r.bucket(t, "trail", true)
	r.config = s3sink.Config{Endpoint: r.server.Endpoint, Region: r.server.Region, Bucket: "trail", Prefix: "gw-1",
		CredentialsFile: r.server.CredentialsFile, Retain: time.Hour, Transport: r.net}
	return r
}

func (r *rig) bucket(t testing.TB, name string, lock bool) {
	t.Helper()
	if err := r.admin.MakeBucket(t.Context(), name, minio.MakeBucketOptions{ObjectLocking: lock}); err != nil {
		t.Fatal(err)
	}
}

// under is r's configuration with another prefix.
func (r *rig) under(prefix string) s3sink.Config {
	c := r.config
	c.Prefix = prefix
	return c
}

func open(t testing.TB, c s3sink.Config, o s3sink.Options) *s3sink.Sink {
	t.Helper()
	s, err := s3sink.Open(t.Context(), c, o)
	if err != nil {
		t.Fatalf("open: %v: %v", err, cause(err))
	}
	return s
}

func cause(err error) error {
	var f *concord.Fault
	if errors.As(err, &f) {
		return f.Err
	}
	return err
}

func shut(t testing.TB, s *s3sink.Sink) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v: %v", err, cause(err))
	}
}

func put(t testing.TB, s *s3sink.Sink, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.Append(context.Background(), sinktest.Event(id)); err != nil {
			t.Fatalf("append %s: %v: %v", id, err, cause(err))
		}
	}
}

// lines are the records under a prefix, read without the sink.
func (r *rig) lines(t testing.TB, prefix string) (all [][]byte) {
	t.Helper()
	ctx := context.Background()
	for i := range r.admin.ListObjects(ctx, "trail", minio.ListObjectsOptions{Prefix: prefix + "/", Recursive: true}) {
		if i.Err != nil {
			t.Fatal(i.Err)
		}
		o, err := r.admin.GetObject(ctx, "trail", i.Key, minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s := bufio.NewScanner(o)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			all = append(all, bytes.Clone(s.Bytes()))
		}
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
	}
	return all
}

type row struct {
	Type    string `json:"event_type"`
	ID      string `json:"request_id"`
	Segment string `json:"sealed_segment"`
	Refused int    `json:"refused"`
	Cause   string `json:"cause"`
}

// rows are the records under a prefix, without checkpoints and openings.
func (r *rig) rows(t testing.TB, prefix string) (all []row) {
	t.Helper()
	for _, l := range r.lines(t, prefix) {
		var x row
		if err := json.Unmarshal(l, &x); err != nil {
			t.Fatal(err)
		}
		if x.Type != "audit.checkpoint" && x.Type != "audit.opened" {
			all = append(all, x)
		}
	}
	return all
}

func (r *rig) ids(t testing.TB, prefix string) (all []string) {
	t.Helper()
	for _, x := range r.rows(t, prefix) {
		if x.ID != "" {
			all = append(all, x.ID)
		}
	}
	return all
}

func wantWhole(t testing.TB, c s3sink.Config) s3sink.Report {
	t.Helper()
	r, err := s3sink.Verify(t.Context(), c, chain.VerifyOptions{})
	if err != nil {
		t.Fatalf("verify: %v: %v", err, cause(err))
	}
	if !r.Whole() {
		t.Errorf("broken: %v", r.Break)
	}
	return r
}
