package sinktest_test

import (
	"errors"
	"testing"

	"concord"
	"concord/audit"
	"concord/audit/sinktest"
)

func TestMemory(t *testing.T) {
	sinktest.Run(t, func(*testing.T) (audit.Sink, func() [][]byte) {
		m := new(sinktest.Memory)
		return m, m.Lines
	})
}

func TestMemoryFails(t *testing.T) {
	var m sinktest.Memory
	m.Fail(concord.Unavailable)
	if err := m.Append(t.Context(), sinktest.Event("r")); !errors.Is(err, concord.Unavailable) || m.Text() != "" {
		t.Errorf("%v, %q", err, m.Text())
	}
	m.Fail(nil)
	if err := m.Append(t.Context(), sinktest.Event("r")); err != nil || len(m.Events()) != 1 {
		t.Errorf("%v, %q", err, m.Text())
	}
}
