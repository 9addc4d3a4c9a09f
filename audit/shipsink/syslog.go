package shipsink

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"concord"
	"concord/audit"
	"concord/audit/commit"
)

// SyslogConfig says where records go. Address and TLS are required.
type SyslogConfig struct {
	Address string        // host:port; syslog over TLS has port 6514
	TLS     *tls.Config   // roots, and our certificate if the server wants one; the server is verified by the address's host unless ServerName is set
	Timeout time.Duration // of a connection or a write; 0: 2 seconds
	Host    string        // HOSTNAME of the messages; empty: this machine's name
	Encode  Encoder       // of the messages' text; nil: audit.Event.AppendJSON
}

// Syslog is an audit.Sink that sends each record as an RFC 5424 message over TLS, framed by octet counting (RFC 5425).
//
// The protocol has no acknowledgement. Append returns when the connection has taken the whole message, and a message that was
// under way when the connection broke is lost without a sign at this end; the receiver sees a gap in the sequenceId. A
// connection that is known to be broken is made anew, and what could not be handed over is sent again: the receiver may get
// one message twice, with the same sequenceId.
type Syslog struct {
	cfg   SyslogConfig
	host  string
	group *commit.Group
	ctx   context.Context // of connections; ends with Close
	stop  context.CancelFunc
	once  sync.Once
	err   error

	conn atomic.Pointer[connection] // set by the writer only

	// The writer's own.
	number uint32 // sequenceId of the last message
	buf    []byte
	frame  []byte
}

var _ audit.Sink = (*Syslog)(nil)

// NewSyslog returns a sink for c. It does not connect: the first Append or Health does, so a server that is down makes the
// gateway unready and does not keep it from starting. Its error is Invalid.
func NewSyslog(c SyslogConfig) (*Syslog, error) {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil || host == "" || c.TLS == nil {
		return nil, &concord.Fault{Op: "audit sink", Kind: concord.Invalid, Err: errors.New("syslog needs host:port and TLS")}
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Encode == nil {
		c.Encode = func(b []byte, e *audit.Event) []byte { return e.AppendJSON(b) }
	}
	c.TLS = c.TLS.Clone()
	c.TLS.MinVersion = max(c.TLS.MinVersion, tls.VersionTLS12)
	if c.TLS.ServerName == "" {
		c.TLS.ServerName = host
	}
	if c.Host == "" {
		c.Host, _ = os.Hostname() // without one, "-"
	}
	s := &Syslog{cfg: c, host: printable(c.Host, 255)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.group = commit.New(commit.Options{Write: s.write, Encode: s.encode, Object: maxObject + 512, Batch: maxBatch, Overhead: 64, Unproven: true})
	return s, nil
}

// Append hands e over. See audit.Sink for what its errors mean.
func (s *Syslog) Append(ctx context.Context, e audit.Event) error { return s.group.Append(ctx, e) }

// Health is nil when the last write succeeded and the server has not closed the connection since; otherwise it tries again,
// with a message that says that the sink was opened.
func (s *Syslog) Health(ctx context.Context) error {
	if c := s.conn.Load(); c != nil && c.gone() {
		return s.group.Prove(ctx)
	}
	return s.group.Health(ctx)
}

// Durable is false: syslog has no acknowledgement.
func (s *Syslog) Durable() bool { return false }

// Close sends what waits, and ends the connection. Later Appends are Unavailable.
func (s *Syslog) Close() error {
	s.once.Do(func() {
		s.err = s.group.Close()
		s.stop()
		if c := s.conn.Load(); c != nil {
			c.close()
		}
	})
	return s.err
}

const boundary = '\n' // between header and text of an encoded record; neither has one

func (s *Syslog) encode(b []byte, e *audit.Event) []byte {
	from := len(b)
	b = append(appendHeader(b, e, s.host, "concord"), boundary)
	text := len(b)
	if b = s.cfg.Encode(b, e); len(b) == text {
		return b[:from] // not one that is sent
	}
	if len(b)-text > maxObject {
		return append(b, make([]byte, 512)...) // too long, as the group will find
	}
	return b
}

// write sends a batch, over a new connection when the old one fails.
func (s *Syslog) write(batch []*commit.Item) error {
	from := s.number
	s.buf = s.buf[:0]
	for _, w := range batch {
		object := w.Object
		if w.Checkpoint {
			object = s.encode(nil, &audit.Event{Type: audit.EventOpened, Time: time.Now()})
		}
		s.add(object)
	}
	again := s.conn.Load() != nil
	err := s.send()
	if err != nil && again {
		err = s.send() // that was an old connection
	}
	if err != nil {
		s.number = from
	}
	return err
}

// add appends a message's frame (RFC 5425 §4.3) to the buffer.
func (s *Syslog) add(object []byte) {
	header, text, ok := bytes.Cut(object, []byte{boundary})
	if !ok {
		return
	}
	if s.number++; s.number > math.MaxInt32 {
		s.number = 1
	}
	s.frame = appendMessage(append(s.frame[:0], header...), s.number, text)
	s.buf = strconv.AppendInt(s.buf, int64(len(s.frame)), 10)
	s.buf = append(append(s.buf, ' '), s.frame...)
}

// send writes the buffer to the connection, and makes one if there is none.
func (s *Syslog) send() error {
	c := s.conn.Load()
	if c != nil && c.gone() {
		c.close()
		c = nil
	}
	if c == nil {
		var err error
		if c, err = s.dial(); err != nil {
			s.conn.Store(nil)
			return err
		}
		s.conn.Store(c)
	}
	err := c.write(s.buf, s.cfg.Timeout)
	if err != nil {
		c.close()
		s.conn.Store(nil)
	}
	return err
}

func (s *Syslog) dial() (*connection, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout)
	defer cancel()
	d := tls.Dialer{Config: s.cfg.TLS}
	c, err := d.DialContext(ctx, "tcp", s.cfg.Address)
	if err != nil {
		return nil, err
	}
	return watch(c), nil
}

func fault(err error) error {
	return &concord.Fault{Op: "audit sink", Kind: concord.Unavailable, Err: err}
}
