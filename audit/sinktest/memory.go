package sinktest

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"concord"
	"concord/audit"
)

// Memory is a sink that keeps what it is given in memory, or fails as it is told. The zero value is ready.
type Memory struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
	closed bool
}

var _ audit.Sink = (*Memory)(nil)

// Fail makes every Append from now on return err; nil ends that.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// Append keeps e, unless Fail says otherwise.
func (m *Memory) Append(ctx context.Context, e audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kind concord.Kind
	switch {
	case m.err != nil:
		return m.err
	case e.Type == audit.EventNone || e.Type.OfSink() || len(e.AppendJSON(nil)) > 64<<10:
		kind = concord.Invalid
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		kind = concord.Timeout
	case ctx.Err() != nil:
		kind = concord.Canceled
	case m.closed:
		kind = concord.Unavailable
	default:
		m.events = append(m.events, e)
		return nil
	}
	return &concord.Fault{Op: "audit sink", Kind: kind}
}

// Health is what Fail was told last.
func (m *Memory) Health(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Durable is true: in a test the memory stands for a disk.
func (m *Memory) Durable() bool { return true }

// Close makes later Appends fail.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Events are those kept, in order.
func (m *Memory) Events() []audit.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]audit.Event(nil), m.events...)
}

// Lines are the records kept, each a JSON object, in order.
func (m *Memory) Lines() (lines [][]byte) {
	for _, e := range m.Events() {
		lines = append(lines, e.AppendJSON(nil))
	}
	return lines
}

// Text is Lines one below the other, to be searched for what must not be there.
func (m *Memory) Text() string { return string(bytes.Join(m.Lines(), []byte("\n"))) }
