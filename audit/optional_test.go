package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"concord"
	"concord/audit"
	"concord/audit/sinktest"
)

// TestOptional: a sink that hangs, fails or panics holds no answer up, and what it loses is told.
func TestOptional(t *testing.T) {
	for _, c := range []struct {
		name string
		sink sinkFunc
		lost int
	}{
		{"fails", func(context.Context, audit.Event) error { return errors.New("x") }, 5000},
		{"panics", func(context.Context, audit.Event) error { panic("x") }, 5000},
		{"hangs", func(ctx context.Context, _ audit.Event) error {
			<-ctx.Done()
			return &concord.Fault{Op: "x", Kind: concord.Timeout}
		}, 5000},
		{"works", func(context.Context, audit.Event) error { return nil }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				lost := 0
				o := audit.Optional(c.sink, func(error) {
					mu.Lock()
					defer mu.Unlock()
					lost++
					panic("the operator's function must not harm the sink")
				})
				disk := new(sinktest.Memory)
				tr := trail(t, "", disk, o)
				for i := range 5000 {
					if err := tr.Record(t.Context(), sinktest.Event(fmt.Sprint(i))); err != nil {
						t.Fatal(err)
					}
					if i%1000 == 0 {
						synctest.Wait()
					}
				}
				if err := tr.Health(t.Context()); err != nil {
					t.Errorf("health: %v", err)
				}
				if err := tr.Close(); err != nil {
					t.Error(err)
				}
				if c.lost > 0 && lost != c.lost || len(disk.Events()) != 5000 {
					t.Errorf("%d lost, %d kept, want %d and 5000", lost, len(disk.Events()), c.lost)
				}
				if err := o.Append(t.Context(), sinktest.Event("late")); !errors.Is(err, concord.Unavailable) {
					t.Errorf("after close: %v", err)
				}
			})
		})
	}
	o := audit.Optional(new(sinktest.Memory), nil)
	defer func() { _ = o.Close() }()
	if _, err := audit.NewTrail(nil, o); !errors.Is(err, concord.Invalid) {
		t.Errorf("an optional sink alone: %v, want invalid", err)
	}
}

// TestOptionalOrder: what reaches the sink reaches it in order, the end included.
func TestOptionalOrder(t *testing.T) {
	m := new(sinktest.Memory)
	o := audit.Optional(m, nil)
	for i := range 100 {
		if err := o.Append(t.Context(), sinktest.Event(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	for i, e := range m.Events() {
		if e.RequestID != fmt.Sprint(i) {
			t.Fatalf("%s where %d is due", e.RequestID, i)
		}
	}
	if len(m.Events()) != 100 {
		t.Errorf("%d records", len(m.Events()))
	}
}
