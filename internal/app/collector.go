package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// roomyPercent is how much garbage may lie beside what lives, in percent of it, while memory is plenty: an answer is
	// nearly all garbage a moment later, and collecting twice as often costs a seventh of the CPU.
	roomyPercent = 400
	// roomyBytes is the memory up to which it is plenty.
	roomyBytes = 160 << 20
	// tightBytes is the live heap up to which staying small goes before collecting seldom.
	tightBytes = 512 << 20
)

// limitFor is the memory limit for a heap of which live bytes were in use behind the last collection: a fifth of that
// is left for garbage while memory is still small, and half when it is truly large, so that it is not collected without
// end.
func limitFor(live uint64) int64 {
	live = min(live, 1<<62)
	room := live / 5
	if live > tightBytes {
		room = live / 2
	}
	return max(roomyBytes, int64(live+room))
}

// paceCollector lets garbage be collected seldom while there is little memory in use, and as soon as needed to stay small
// otherwise. What the operator sets by GOGC or GOMEMLIMIT holds instead. The returned function undoes it.
func paceCollector() (undo func()) {
	var mu sync.Mutex // so that nothing is set behind the undoing
	done := false
	percent, limit := -2, int64(-1)
	if os.Getenv("GOGC") == "" {
		percent = debug.SetGCPercent(roomyPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		limit = debug.SetMemoryLimit(roomyBytes)
		afterEachCollection(func() bool {
			mu.Lock()
			defer mu.Unlock()
			if done {
				return false
			}
			if want := limitFor(liveHeap()); want != debug.SetMemoryLimit(-1) {
				debug.SetMemoryLimit(want)
			}
			return true
		})
	}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done = true
		if limit >= 0 {
			debug.SetMemoryLimit(limit)
		}
		if percent > -2 {
			debug.SetGCPercent(percent)
		}
	}
}

// afterEachCollection calls f behind every collection until f says no more: each collects the mark that is left for it.
func afterEachCollection(f func() bool) {
	mark := new([16]byte) // of its own, not within a block of tiny ones
	runtime.AddCleanup(mark, func(struct{}) {
		if f() {
			afterEachCollection(f)
		}
	}, struct{}{})
}

// liveHeap is how many bytes of the heap the last collection found in use.
func liveHeap() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
