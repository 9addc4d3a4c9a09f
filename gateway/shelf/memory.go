package shelf

import (
	"bytes"
	"context"
	"sync"
	"time"

	"concord"
)

// Memory is a Shelf of this process alone. Make it with NewMemory.
type Memory struct {
	mu    sync.Mutex
	now   func() time.Time
	most  int
	bytes int
	all   map[string]thing
}

type thing struct {
	value   []byte
	expires time.Time
}

var _ Shelf = (*Memory)(nil)

// about is what a thing takes beside its value and name, in bytes.
const about = 128

// NewMemory keeps up to most bytes in all; what has not expired is never given up for something new. now is the clock, nil
// for the real one.
func NewMemory(most int, now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, most: most, all: map[string]thing{}}
}

// Put implements Shelf.
func (m *Memory) Put(ctx context.Context, name string, value []byte, life time.Duration) error {
	if err := check(ctx, value); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.put(name, value, life)
}

func (m *Memory) put(name string, value []byte, life time.Duration) error {
	now := m.now()
	more := len(value) + len(name) + about
	if old, ok := m.all[name]; ok {
		more -= len(old.value) + len(name) + about
	}
	if m.bytes+more > m.most {
		for n, t := range m.all {
			if !now.Before(t.expires) && n != name {
				m.drop(n, t)
			}
		}
	}
	if m.bytes+more > m.most {
		return &concord.Fault{Op: "shelf put", Kind: concord.Unavailable}
	}
	m.bytes += more
	m.all[name] = thing{bytes.Clone(value), now.Add(life)}
	return nil
}

func (m *Memory) drop(name string, t thing) {
	m.bytes -= len(t.value) + len(name) + about
	delete(m.all, name)
}

// get is what is kept and has not expired; nil for nothing.
func (m *Memory) get(name string) []byte {
	t, ok := m.all[name]
	switch {
	case !ok:
		return nil
	case !m.now().Before(t.expires):
		m.drop(name, t)
		return nil
	}
	return t.value
}

// Get implements Shelf.
func (m *Memory) Get(ctx context.Context, name string) ([]byte, error) {
	if err := check(ctx, nil); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.get(name); v != nil {
		return v, nil
	}
	return nil, &concord.Fault{Op: "shelf get", Kind: concord.NotFound}
}

// Claim implements Shelf.
func (m *Memory) Claim(ctx context.Context, name string, value []byte, life time.Duration) ([]byte, error) {
	if err := check(ctx, value); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.get(name); v != nil {
		return v, nil
	}
	return nil, m.put(name, value, life)
}

// Drop implements Shelf.
func (m *Memory) Drop(ctx context.Context, name string) error {
	if err := check(ctx, nil); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.all[name]; ok {
		m.drop(name, t)
	}
	return nil
}

// check refuses what no shelf takes.
func check(ctx context.Context, value []byte) error {
	switch {
	case ctx.Err() != nil:
		return ContextFault("shelf", ctx.Err())
	case len(value) > MaxValue:
		return &concord.Fault{Op: "shelf", Kind: concord.Invalid}
	}
	return nil
}
