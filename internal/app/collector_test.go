package app_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"concord/internal/app"
)

func TestMemoryLimitLeavesRoomForGarbage(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		name string
		live uint64
		want int64
	}{
		{"nothing yet", 0, 160 * mb},
		{"small", 100 * mb, 160 * mb},
		{"middling", 160 * mb, 192 * mb},
		{"middling still", 400 * mb, 480 * mb},
		{"large", 600 * mb, 900 * mb},
		{"absurd", 1<<64 - 1, 1<<62 + 1<<61},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := app.LimitFor(c.live); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// The limit follows a heap that grows beyond it, and what was set before comes back at the end.
func TestPaceCollectorFollowsTheHeapAndIsUndone(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	undo := app.PaceCollector()
	if got := debug.SetMemoryLimit(-1); got != app.LimitFor(0) {
		t.Errorf("the limit is %d at the start", got)
	}
	held := make([]byte, 300<<20)
	deadline := time.Now().Add(20 * time.Second)
	for debug.SetMemoryLimit(-1) < 300<<20 {
		if time.Now().After(deadline) {
			t.Error("the limit stays below what is in use")
			break
		}
		runtime.GC()
		runtime.Gosched()
	}
	runtime.KeepAlive(held)
	undo()
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("the limit is %d afterwards, was %d", got, before)
	}
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	if percent == 400 {
		t.Error("the percentage is not undone")
	}
}

func TestPaceCollectorLeavesTheOperatorsSettings(t *testing.T) {
	t.Setenv("GOGC", "100")
	t.Setenv("GOMEMLIMIT", "1GiB")
	before := debug.SetMemoryLimit(-1)
	defer app.PaceCollector()()
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("the limit was set to %d", got)
	}
}
