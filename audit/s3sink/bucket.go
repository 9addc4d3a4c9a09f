package s3sink

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"concord"
	"concord/audit/chain"
)

// Config says where the trail is. Bucket and Endpoint are required.
type Config struct {
	Endpoint        string // such as https://s3.eu-central-1.amazonaws.com; plain http on loopback only
	Region          string // empty: asked of the server
	Bucket          string // has object lock
	Prefix          string // of every object, without a slash at its end, such as a host's name; for one writer only
	CredentialsFile string // in the form of AWS's shared credentials, its "default" profile, read anew when it expires; empty: the machine's role

	// Retain is how long each object is locked from its writing, in Mode; 0: the bucket has a default rule, which counts.
	Retain time.Duration
	Mode   Mode

	Transport http.RoundTripper // to the server; nil: a default one
}

// Mode is how an object is locked. The zero value is Compliance.
type Mode uint8

// The modes of S3 object lock.
const (
	Compliance Mode = iota // nobody can shorten it, the account's owner neither
	Governance             // who has the right to bypass it can
)

func (m Mode) s3() minio.RetentionMode {
	if m == Governance {
		return minio.Governance
	}
	return minio.Compliance
}

// bucket is what the sink needs of S3.
type bucket struct {
	client *minio.Client
	name   string
	prefix string // with a slash at its end, or empty
	retain time.Duration
	mode   Mode
}

func connect(c Config) (*bucket, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return nil, fault(concord.Invalid, errors.New("endpoint"))
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fault(concord.Invalid, errors.New("plain http to another machine"))
	}
	if c.Retain < 0 {
		return nil, fault(concord.Invalid, errors.New("retention"))
	}
	creds := credentials.NewIAM("")
	if c.CredentialsFile != "" {
		creds = credentials.NewFileAWSCredentials(c.CredentialsFile, "default")
	}
	// Retries are ours: a put that was answered by an error may have been stored all the same, and the chain must know.
	m, err := minio.New(u.Host, &minio.Options{Creds: creds, Secure: u.Scheme == "https", Region: c.Region, Transport: c.Transport, MaxRetries: 1})
	if err != nil {
		return nil, fault(concord.Invalid, err)
	}
	b := &bucket{client: m, name: c.Bucket, retain: c.Retain, mode: c.Mode}
	if p := strings.Trim(c.Prefix, "/"); p != "" {
		b.prefix = p + "/"
	}
	return b, nil
}

// locked is nil when what is put will be locked.
func (b *bucket) locked(ctx context.Context) error {
	enabled, mode, _, _, err := b.client.GetObjectLockConfig(ctx, b.name)
	switch {
	case minio.ToErrorResponse(err).Code == "ObjectLockConfigurationNotFoundError", err == nil && enabled != "Enabled":
		return fault(concord.Invalid, errors.New("the bucket has no object lock"))
	case err != nil:
		return fault(kindOf(ctx, err), err)
	case b.retain == 0 && (mode == nil || *mode == ""):
		return fault(concord.Invalid, errors.New("neither the configuration nor the bucket says how long to keep"))
	}
	return nil
}

// verdict is what is known of a put.
type verdict uint8

const (
	unknown verdict = iota // it may be there, or come to be
	stored                 // it is there for good
	absent                 // it is not there and can't come to be by this put
	foreign                // something else is there, so this put has no effect
)

// put stores an object under a name that is free, and finds out whether it did.
func (b *bucket) put(ctx context.Context, name string, body []byte) (verdict, error) {
	o := minio.PutObjectOptions{ContentType: "application/jsonl", SendContentMd5: true, DisableMultipart: true}
	if b.retain > 0 {
		o.Mode, o.RetainUntilDate = b.mode.s3(), time.Now().Add(b.retain).UTC()
	}
	o.SetMatchETagExcept("*")
	_, err := b.client.PutObject(ctx, b.name, b.prefix+name, bytes.NewReader(body), int64(len(body)), o)
	if err == nil {
		return stored, nil
	}
	switch status := minio.ToErrorResponse(err).StatusCode; {
	case status == http.StatusPreconditionFailed:
		there, e := b.get(ctx, name)
		switch {
		case e != nil:
			return unknown, e
		case bytes.Equal(there, body): // of an attempt whose answer was lost
			return stored, nil
		}
		return foreign, err
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusConflict && status != http.StatusTooManyRequests:
		return absent, err
	}
	return unknown, err
}

func (b *bucket) get(ctx context.Context, name string) ([]byte, error) {
	r, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read from
	return io.ReadAll(io.LimitReader(r, maxObject+1))
}

// entry is a segment in the bucket.
type entry struct {
	first   uint64 // by its name
	version string // the oldest that there is: what was stored first
	newer   int    // versions that somebody put over it
}

// probe is how many entries one request lists when the first is all that is wanted.
const probe = 10

// after is the first segment beyond record seq; nil when there is none.
func (b *bucket) after(ctx context.Context, seq uint64) (*entry, error) {
	for e, err := range b.entries(ctx, seq, probe, nil) {
		if err != nil {
			return nil, err
		}
		return &e, nil
	}
	return nil, nil
}

// entries are the segments beyond record seq, in order. Versions are listed, not objects, so that a delete marker hides
// nothing; hidden, if it is not nil, counts the markers. page is how many entries a request lists; 0: as many as it can.
func (b *bucket) entries(ctx context.Context, seq uint64, page int, hidden *int) func(yield func(entry, error) bool) {
	o := minio.ListObjectsOptions{Prefix: b.prefix + "audit-", Recursive: true, WithVersions: true, MaxKeys: page}
	if seq > 0 {
		o.StartAfter = b.prefix + chain.SegmentName(seq)
	}
	return func(yield func(entry, error) bool) {
		var e entry
		for i := range b.client.ListObjectsIter(ctx, b.name, o) {
			if i.Err != nil {
				yield(entry{}, i.Err)
				return
			}
			first, ok := chain.SegmentSeq(strings.TrimPrefix(i.Key, b.prefix))
			switch {
			case !ok || first <= seq:
			case i.IsDeleteMarker: // a server may list these out of order
				if hidden != nil {
					*hidden++
				}
			case first == e.first: // the newest comes first, so the last one stays
				e.version = i.VersionID
				e.newer++
			default:
				if e.first > 0 && !yield(e, nil) {
					return
				}
				e = entry{first: first, version: i.VersionID}
			}
		}
		if e.first > 0 {
			yield(e, nil)
		}
	}
}

// last is the last segment, found in some dozens of requests however many there are; nil without one.
func (b *bucket) last(ctx context.Context) (*entry, error) {
	found, err := b.after(ctx, 0)
	if err != nil || found == nil {
		return nil, err
	}
	step := uint64(1)
	for step > 0 {
		if found.first+step-1 < found.first { // beyond the largest number
			step /= 2
			continue
		}
		next, err := b.after(ctx, found.first+step-1)
		switch {
		case err != nil:
			return nil, err
		case next != nil:
			found, step = next, step*2
		default:
			step /= 2
		}
	}
	return found, nil
}

// open reads what was stored first as segment e, and tells how it is locked now.
func (b *bucket) open(ctx context.Context, e entry) (io.ReadCloser, minio.ObjectInfo, error) {
	r, err := b.client.GetObject(ctx, b.name, b.prefix+chain.SegmentName(e.first), minio.GetObjectOptions{VersionID: e.version})
	if err != nil {
		return nil, minio.ObjectInfo{}, err
	}
	info, err := r.Stat()
	if err != nil {
		_ = r.Close()
		return nil, info, err
	}
	return r, info, nil
}

func kindOf(ctx context.Context, err error) concord.Kind {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return concord.Timeout
	case ctx.Err() != nil:
		return concord.Canceled
	case minio.ToErrorResponse(err).StatusCode == http.StatusForbidden:
		return concord.Forbidden
	}
	return concord.Unavailable
}

func fault(kind concord.Kind, err error) error {
	return &concord.Fault{Op: "audit sink", Kind: kind, Err: err}
}
