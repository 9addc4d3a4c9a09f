package smart_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/smart"
)

// TestIntrospectMemory: an active token is asked about once a minute, one that does not hold once in ten seconds, and none
// is taken to hold past its end.
func TestIntrospectMemory(t *testing.T) {
	knowing(t, nil, func(t *testing.T, k *knower, v *smart.Verifier) {
		asked := func(want int) {
			t.Helper()
			if n := k.heard(); n != want {
				t.Errorf("at %v: asked %d times, want %d", time.Now().Format(time.TimeOnly), n, want)
			}
		}
		k.know("long", goodAnswer(time.Now()))
		k.know("short", goodAnswer(time.Now()).with("exp", time.Now().Unix()+20))
		try(t, v, "long", 0)
		try(t, v, "short", 0)
		try(t, v, "never", smart.Inactive)
		time.Sleep(9 * time.Second)
		try(t, v, "never", smart.Inactive)
		asked(3)
		time.Sleep(time.Second)
		try(t, v, "never", smart.Inactive)
		asked(4)
		time.Sleep(10 * time.Second)
		k.know("short", nil)
		try(t, v, "short", smart.Inactive)
		asked(5)
		time.Sleep(39 * time.Second)
		try(t, v, "long", 0)
		asked(5)
		time.Sleep(time.Second)
		try(t, v, "long", 0)
		asked(6)
		k.know("long", nil)
		v.Purge()
		try(t, v, "long", smart.Inactive)
	})
}

// TestIntrospectShared: many who come with one token are one question, and the one who leaves does not end it for the rest.
func TestIntrospectShared(t *testing.T) {
	knowing(t, nil, func(t *testing.T, k *knower, v *smart.Verifier) {
		k.answers(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			_ = json.NewEncoder(w).Encode(goodAnswer(time.Now()))
		})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := v.Verify(ctx, []string{"Bearer " + opaque}); !errors.Is(err, concord.Unavailable) {
				t.Errorf("the one that left: %v", err)
			}
		})
		time.Sleep(time.Millisecond)
		for range 50 {
			all.Go(func() { try(t, v, opaque, 0) })
		}
		time.Sleep(time.Millisecond)
		cancel()
		all.Wait()
		if n := k.heard(); n != 1 {
			t.Errorf("asked %d times, want 1", n)
		}
	})
}

// TestIntrospectFlood: made-up tokens are so many questions at most at a time, and nobody waits for their turn.
func TestIntrospectFlood(t *testing.T) {
	knowing(t, nil, func(t *testing.T, k *knower, v *smart.Verifier) {
		k.answers(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			_, _ = w.Write([]byte(`{"active":false}`))
		})
		var all sync.WaitGroup
		var mu sync.Mutex
		got := map[smart.Refusal]int{}
		for i := range 100 {
			all.Go(func() {
				_, err := v.Verify(t.Context(), []string{fmt.Sprint("Bearer made-up-", i)})
				mu.Lock()
				defer mu.Unlock()
				got[smart.RefusalOf(err)]++
			})
		}
		all.Wait()
		if d := cmp.Diff(map[smart.Refusal]int{smart.Inactive: 64, smart.IssuerUnreachable: 36}, got); d != "" {
			t.Error(d)
		}
		if n := k.heard(); n != 64 {
			t.Errorf("asked %d times, want 64", n)
		}
	})
}

// TestIntrospectRests: an issuer that failed three times in a row is left alone for a second, then tried with one
// question; but answers of 400, which anybody can cause, do not keep others from asking.
func TestIntrospectRests(t *testing.T) {
	knowing(t, nil, func(t *testing.T, k *knower, v *smart.Verifier) {
		k.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
		for i := range 5 {
			try(t, v, fmt.Sprint("bad-", i), smart.IssuerUnreachable)
		}
		if n := k.heard(); n != 5 {
			t.Errorf("asked %d times while it answered 400, want 5", n)
		}
		k.answers(down)
		for i := range 10 {
			try(t, v, fmt.Sprint("t-", i), smart.IssuerUnreachable)
		}
		if n := k.heard(); n != 8 {
			t.Errorf("asked %d times, want 8: three failures and a rest", n)
		}
		time.Sleep(time.Second)
		try(t, v, "t", smart.IssuerUnreachable)
		try(t, v, "t", smart.IssuerUnreachable)
		if n := k.heard(); n != 9 {
			t.Errorf("asked %d times, want 9: one attempt, and a rest", n)
		}
		k.answers(nil)
		k.know(opaque, goodAnswer(time.Now()))
		time.Sleep(time.Second)
		try(t, v, opaque, 0)
		try(t, v, "other", smart.Inactive)
	})
}

// TestIntrospectMemoryIsBounded: a flood of tokens that do not hold pushes none out that do.
func TestIntrospectMemoryIsBounded(t *testing.T) {
	knowing(t, func(c *smart.Config) { c.CacheSize = 4 }, func(t *testing.T, k *knower, v *smart.Verifier) {
		k.know(opaque, goodAnswer(time.Now()))
		try(t, v, opaque, 0)
		for i := range 20 {
			try(t, v, fmt.Sprint("made-up-", i), smart.Inactive)
		}
		try(t, v, "made-up-0", smart.Inactive) // forgotten, so asked about again
		try(t, v, "made-up-19", smart.Inactive)
		try(t, v, opaque, 0)
		if n := k.heard(); n != 22 {
			t.Errorf("asked %d times, want 22", n)
		}
	})
}

func TestIntrospectAfterClose(t *testing.T) {
	knowing(t, nil, func(t *testing.T, k *knower, v *smart.Verifier) {
		k.answers(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		var all sync.WaitGroup
		all.Go(func() { try(t, v, opaque, smart.IssuerUnreachable) })
		time.Sleep(time.Millisecond)
		v.Close()
		all.Wait()
		k.answers(nil)
		try(t, v, opaque, smart.IssuerUnreachable)
		if n := k.heard(); n != 1 {
			t.Errorf("asked %d times, want 1", n)
		}
	})
}
