package shipsink

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"concord/audit"
	"concord/audit/commit"
)

const (
	maxObject = 64 << 10 // bytes of one record
	maxBatch  = 1 << 20  // bytes of one write
)

// Encoder appends the form of e to b, without a line end, or nothing when there is none for it.
type Encoder func(b []byte, e *audit.Event) []byte

// Lines is an audit.Sink that writes each record as a line, such as to standard output for a collector. Append returns when
// the writer has taken the line, which proves nothing about where it ends up.
type Lines struct {
	group *commit.Group
	w     io.Writer
	enc   Encoder
	once  sync.Once
	err   error

	torn bool // the last write ended within a line
	buf  []byte
}

var _ audit.Sink = (*Lines)(nil)

// NewLines returns a sink that writes to w, from one goroutine, whole lines at a time. A nil encoder writes
// audit.Event.AppendJSON. Close closes w if it is an io.Closer; while a Write of w hangs, so does Close.
func NewLines(w io.Writer, enc Encoder) *Lines {
	if enc == nil {
		enc = func(b []byte, e *audit.Event) []byte { return e.AppendJSON(b) }
	}
	l := &Lines{w: w, enc: enc}
	l.group = commit.New(commit.Options{Write: l.write, Encode: enc, Object: maxObject, Batch: maxBatch, Overhead: 1})
	return l
}

// Append hands e over. See audit.Sink for what its errors mean.
func (l *Lines) Append(ctx context.Context, e audit.Event) error { return l.group.Append(ctx, e) }

// Health is nil when the last write succeeded; otherwise it tries again, with a record that says that the sink was opened.
func (l *Lines) Health(ctx context.Context) error { return l.group.Health(ctx) }

// Durable is false: whoever reads the stream may lose it.
func (l *Lines) Durable() bool { return false }

// Close writes what waits. Later Appends are Unavailable.
func (l *Lines) Close() error {
	l.once.Do(func() {
		l.err = l.group.Close()
		if c, ok := l.w.(io.Closer); ok {
			if err := c.Close(); err != nil && l.err == nil {
				l.err = fault(err)
			}
		}
	})
	return l.err
}

func (l *Lines) write(batch []*commit.Item) error {
	l.buf = l.buf[:0]
	if l.torn { // a reader that goes by lines finds its place again
		l.buf = append(l.buf, '\n')
	}
	for _, w := range batch {
		if w.Checkpoint {
			l.buf = l.enc(l.buf, &audit.Event{Type: audit.EventOpened, Time: time.Now()})
		} else {
			l.buf = append(l.buf, w.Object...)
		}
		if n := len(l.buf); n > 0 && l.buf[n-1] != '\n' {
			l.buf = append(l.buf, '\n')
		}
	}
	n, err := l.w.Write(l.buf)
	if err == nil && n < len(l.buf) {
		err = io.ErrShortWrite
	}
	if n > 0 && n <= len(l.buf) {
		l.torn = !bytes.HasSuffix(l.buf[:n], []byte{'\n'})
	}
	return err
}
