package drills_test

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"concord/audit/chain"
	"concord/audit/filesink"
	"concord/testharness/drills"
	"concord/testharness/servers"
)

// here is one way to break what the gateway itself stands on.
type here struct {
	name string
	// lets tells what may be answered while it lasts.
	lets lets
	// needs makes what the gateway needs for it, and returns what begins it, which returns what ends it.
	needs func(t *testing.T, o *setup) func(*testing.T, *rig) func()
}

// lets is what a fault leaves of answers.
type lets string

const (
	all     lets = "all"     // each is whole: the fault costs nobody anything
	some    lets = "some"    // each is right, if it comes
	nothing lets = "nothing" // each is refused
)

// heres are all of them.
func heres() []here {
	nothingMore := func(begin func(*testing.T, *rig) func()) func(*testing.T, *setup) func(*testing.T, *rig) func() {
		return func(*testing.T, *setup) func(*testing.T, *rig) func() { return begin }
	}
	counted := func(begin func(*servers.Redis) (end func())) func(*testing.T, *setup) func(*testing.T, *rig) func() {
		return func(t *testing.T, o *setup) func(*testing.T, *rig) func() {
			redis := servers.StartRedis(t)
			o.limits = "{store: \"redis://" + redis.Addr + "/0\", read: 100000/minute}"
			return func(*testing.T, *rig) func() { return begin(redis) }
		}
	}
	return []here{
		{"disk full", nothing, nothingMore(full)},
		{"index slow", some, nothingMore(slowIndex)},
		{"standstill", some, nothingMore(standstill)},
		{"PostgreSQL restarted", some, func(t *testing.T, o *setup) func(*testing.T, *rig) func() {
			o.store = postgres.Database(t)
			return func(t *testing.T, _ *rig) func() {
				postgres.Down(t)
				return func() { postgres.Up(t) }
			}
		}},
		{"Redis gone", all, counted(func(r *servers.Redis) func() {
			r.Stop()
			return r.Start
		})},
		{"Redis hangs", all, counted(func(r *servers.Redis) func() {
			r.Pause()
			return r.Resume
		})},
	}
}

// full is a disk without room.
func full(t *testing.T, r *rig) func() {
	switch err := room(r.pid, 0); {
	case errors.Is(err, errors.ErrUnsupported):
		t.Skip("files can't be held small here")
	case err != nil:
		t.Fatal(err)
	}
	return func() {
		if err := room(r.pid, math.MaxUint64); err != nil {
			t.Error(err)
		}
	}
}

// slowIndex is a disk that takes half a second for each write to the index: somebody else has its lock.
func slowIndex(t *testing.T, r *rig) func() {
	db, err := sql.Open("sqlite", "file:"+r.index()+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	held := make(chan struct{})
	wg.Go(func() {
		first := sync.OnceFunc(func() { close(held) })
		for ctx.Err() == nil {
			tx, err := db.BeginTx(ctx, nil)
			first()
			if err != nil {
				continue
			}
			pause(ctx, 500*time.Millisecond)
			_ = tx.Rollback() // nothing was done
			pause(ctx, 20*time.Millisecond)
		}
	})
	<-held
	return func() {
		stop()
		wg.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// standstill stops the gateway's process for a second at a time, as a machine does that is moved or swaps.
func standstill(t *testing.T, r *rig) func() {
	p, err := os.FindProcess(r.pid)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			_ = p.Signal(syscall.SIGSTOP)
			pause(ctx, time.Second)
			_ = p.Signal(syscall.SIGCONT)
			pause(ctx, 500*time.Millisecond)
		}
	})
	return func() {
		stop()
		wg.Wait()
	}
}

func pause(ctx context.Context, d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// TestHere: whatever is broken of what the gateway stands on, alone or while an EHR is broken too, each answer is complete, says
// what is missing, or is refused; none is wrong, or another patient's; none is given that is not recorded; and once the fault is
// over, answers are whole again by themselves.
func TestHere(t *testing.T) {
	for i, h := range heres() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			o := setup{seed: uint64(60 + i), persons: 3, budget: budget, alone: true}
			begin := h.needs(t, &o)
			r := newRig(t, o)
			known := r.questions(t, r.net.World.Population.Persons[0])
			t.Run("alone", func(t *testing.T) { r.here(t, h.lets, begin, known, nil) })
			network := drills.All()
			for _, d := range []drills.Drill{network[(3*i)%len(network)], network[(3*i+7)%len(network)]} {
				t.Run(d.Name, func(t *testing.T) { r.here(t, h.lets, begin, known, &d) })
			}
			r.recorded(t)
		})
	}
}

// here breaks what begin breaks, and the first site by d, which may be nil.
func (r *rig) here(t *testing.T, may lets, begin func(*testing.T, *rig) func(), known []question, d *drills.Drill) {
	r.well(t, known[0])
	mend := func() error { return nil }
	if d != nil {
		var err error
		if mend, err = d.Begin(r.net.Sites[0]); err != nil {
			t.Fatal(err)
		}
	}
	end := sync.OnceFunc(begin(t, r))
	defer end()
	stranger := r.net.World.Population.Persons[1].Copies[0] // who is looked for everywhere first
	for i, q := range append(known[:2:2], question{path: "Patient?_id=" + string(stranger.Source) + "." + stranger.ID}) {
		a, err := r.get(t.Context(), q.path)
		if err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			switch a.code {
			case http.StatusOK, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			default:
				t.Errorf("who is not known: HTTP %d", a.code)
			}
			if may == nothing && a.code == http.StatusOK {
				t.Error("an answer that can't have been recorded")
			}
			continue
		}
		a.took = 0 // it waits for what is slow
		v := r.judge(q, a)
		for _, w := range v.wrong {
			t.Errorf("%s: %s", q.typ, w)
		}
		switch {
		case may == nothing && !v.refused:
			t.Error("an answer that can't have been recorded")
		case may == all && (v.refused || d == nil && !v.whole()):
			t.Errorf("HTTP %d, missing %v", a.code, v.missing)
		}
	}
	end()
	if err := mend(); err != nil {
		t.Fatal(err)
	}
	for _, q := range known {
		r.well(t, q)
	}
	r.found(t, r.net.World.Population.Persons[1])
}

// recorded ends the gateway, and looks whether its trail is whole and has each answer.
func (r *rig) recorded(t *testing.T) {
	t.Helper()
	r.stop(t)
	got, err := filesink.Verify(t.Context(), r.trail(), chain.VerifyOptions{})
	if err != nil || !got.Whole() {
		t.Fatalf("the trail: %v, %v", err, got.Break)
	}
	if n := r.answers.Load(); got.Records < uint64(n) {
		t.Errorf("%d records of %d answers", got.Records, n)
	}
}
