package natslog

import (
	"context"
	"crypto/tls"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"concord"
	"concord/events"
)

// Options say which server. All but URL and Stream may be zero.
type Options struct {
	URL             string
	CredentialsFile string        // a JWT and its NKey; "": none
	TLS             *tls.Config   // nil: as the URL says, with the system's roots
	Stream          string        // its name; it is made when it is not there, and left as it is when it is
	Replicas        int           // of a stream that is made; default 1
	Keep            time.Duration // how long a stream that is made keeps an event; default a week
	Source          string        // who tells the events
	Timeout         time.Duration // of one question; default 5 s
}

// Log is an events.Log in a stream. Events have the subject events.Subject, which makes their order, and Nats-Msg-Id. A server that
// is not there is looked for until Close; meanwhile everything is Unavailable.
type Log struct {
	opts Options
	conn *nats.Conn
	js   jetstream.JetStream

	mu     sync.Mutex
	stream jetstream.Stream   // nil before it is known to be there
	passed jetstream.KeyValue // where it was, for when the last event has gone
}

var _ events.Log = (*Log)(nil)

const (
	defaultTimeout = 5 * time.Second
	defaultKeep    = 7 * 24 * time.Hour
	headerSeq      = "Concord-Seq"
)

// Open makes a Log; it does not wait for the server. Its error is a *concord.Fault, Invalid: what can't be the options of
// one.
func Open(o Options) (*Log, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Keep <= 0 {
		o.Keep = defaultKeep
	}
	o.Replicas = max(o.Replicas, 1)
	all := []nats.Option{nats.Name("concord"), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.Timeout(2 * time.Second), nats.ReconnectBufSize(-1),
		nats.NoCallbacksAfterClientClose()}
	if o.CredentialsFile != "" {
		all = append(all, nats.UserCredentials(o.CredentialsFile))
	}
	if o.TLS != nil {
		all = append(all, nats.Secure(o.TLS))
	}
	conn, err := nats.Connect(o.URL, all...)
	if err != nil {
		return nil, &concord.Fault{Op: "events", Kind: concord.Invalid, Err: err}
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, &concord.Fault{Op: "events", Kind: concord.Invalid, Err: err}
	}
	return &Log{opts: o, conn: conn, js: js}, nil
}

// Close ends the connection.
func (l *Log) Close() error {
	l.conn.Close()
	return nil
}

// fault is what err is to whoever publishes. An error of NATS may hold what was sent, so it is a cause and no text.
func fault(ctx context.Context, err error) error {
	kind := concord.Unavailable
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant):
		kind = concord.Conflict
	case errors.Is(ctx.Err(), context.Canceled):
		kind = concord.Canceled
	}
	return &concord.Fault{Op: "events", Kind: kind, Err: err}
}

// ready is the stream, which is made when it is not there.
func (l *Log) ready(ctx context.Context) (jetstream.Stream, jetstream.KeyValue, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream != nil {
		return l.stream, l.passed, nil
	}
	if !l.conn.IsConnected() {
		return nil, nil, nats.ErrDisconnected
	}
	s, err := l.js.Stream(ctx, l.opts.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = l.js.CreateStream(ctx, jetstream.StreamConfig{Name: l.opts.Stream, Subjects: []string{events.Subject}, Storage: jetstream.FileStorage, Replicas: l.opts.Replicas,
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxAge: l.opts.Keep, Description: "Changes of who is who; no PHI"})
	}
	if err != nil {
		return nil, nil, err
	}
	bucket := l.opts.Stream + "_place"
	kv, err := l.js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = l.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, Storage: jetstream.FileStorage, Replicas: l.opts.Replicas, Description: "How far " + l.opts.Stream + " has come"})
	}
	if err != nil {
		return nil, nil, err
	}
	l.stream, l.passed = s, kv
	return s, kv, nil
}

// forget has the stream looked for again: it may be gone.
func (l *Log) forget() {
	l.mu.Lock()
	l.stream, l.passed = nil, nil
	l.mu.Unlock()
}

// Last implements events.Log.
func (l *Log) Last(ctx context.Context) (p events.Place, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	defer func() {
		if err != nil {
			l.forget()
			err = fault(ctx, err)
		}
	}()
	s, kv, err := l.ready(ctx)
	if err != nil {
		return p, err
	}
	switch m, err := s.GetLastMsgForSubject(ctx, events.Subject); {
	case err == nil:
		p.Mark = m.Sequence
		if p.Seq, err = strconv.ParseInt(m.Header.Get(headerSeq), 10, 64); err != nil {
			return p, err
		}
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return p, err
	}
	switch v, err := kv.Get(ctx, events.Subject); {
	case err == nil:
		n, err := strconv.ParseInt(string(v.Value()), 10, 64)
		if err != nil {
			return p, err
		}
		p.Seq = max(p.Seq, n)
	case !errors.Is(err, jetstream.ErrKeyNotFound):
		return p, err
	}
	return p, nil
}

// Append implements events.Log.
func (l *Log) Append(ctx context.Context, after events.Place, e events.Event) (events.Place, error) {
	body, err := e.JSON(l.opts.Source)
	if err != nil {
		return after, &concord.Fault{Op: "events", Kind: concord.Internal, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	m := &nats.Msg{Subject: events.Subject, Data: body, Header: nats.Header{headerSeq: {strconv.FormatInt(e.Seq, 10)}, "Content-Type": {"application/cloudevents+json"}}}
	ack, err := l.js.PublishMsg(ctx, m, jetstream.WithMsgID(e.ID()), jetstream.WithExpectStream(l.opts.Stream), jetstream.WithExpectLastSequencePerSubject(after.Mark), jetstream.WithRetryAttempts(0))
	switch {
	case err != nil:
		l.forget()
		return after, fault(ctx, err)
	case ack.Duplicate: // it is there, and where it stands is the log's to say
		return after, &concord.Fault{Op: "events", Kind: concord.Conflict}
	}
	return events.Place{Seq: e.Seq, Mark: ack.Sequence}, nil
}

// Pass implements events.Log.
func (l *Log) Pass(ctx context.Context, seq int64) error {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	_, kv, err := l.ready(ctx)
	if err == nil {
		_, err = kv.Put(ctx, events.Subject, []byte(strconv.FormatInt(seq, 10)))
	}
	if err != nil {
		l.forget()
		return fault(ctx, err)
	}
	return nil
}
