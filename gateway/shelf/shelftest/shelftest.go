// Package shelftest is the suite that every shelf.Shelf passes. It is for tests only, and will not test how a store
// elsewhere fails.
package shelftest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"concord"
	"concord/gateway/shelf"
)

// Factory makes an empty shelf, and a function that lets time pass for it.
type Factory func(t *testing.T) (s shelf.Shelf, pass func(time.Duration))

// Run holds the shelves of f to shelf.Shelf's contract.
func Run(t *testing.T, f Factory) {
	const life = 200 * time.Millisecond
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lacks := func(t *testing.T, s shelf.Shelf, name string) {
		t.Helper()
		if v, err := s.Get(t.Context(), name); !errors.Is(err, concord.NotFound) || v != nil {
			t.Errorf("%s: %d bytes, %v", name, len(v), err)
		}
	}
	has := func(t *testing.T, s shelf.Shelf, name string, want []byte) {
		t.Helper()
		if v, err := s.Get(t.Context(), name); err != nil || !bytes.Equal(v, want) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(v), len(want), err)
		}
	}
	t.Run("what is put is got, until its time is over", func(t *testing.T) {
		s, pass := f(t)
		lacks(t, s, "a")
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		must(t, s.Put(t.Context(), "a", every, life))
		must(t, s.Put(t.Context(), "b", []byte("other"), time.Minute))
		has(t, s, "a", every)
		pass(life)
		lacks(t, s, "a")
		has(t, s, "b", []byte("other"))
	})
	t.Run("the last put holds, with its own time", func(t *testing.T) {
		s, pass := f(t)
		must(t, s.Put(t.Context(), "a", []byte("one"), life))
		must(t, s.Put(t.Context(), "a", []byte("two"), time.Minute))
		pass(life)
		has(t, s, "a", []byte("two"))
	})
	t.Run("a value is kept as it was", func(t *testing.T) {
		s, _ := f(t)
		v := []byte("one")
		must(t, s.Put(t.Context(), "a", v, time.Minute))
		v[0] = 'X'
		has(t, s, "a", []byte("one"))
	})
	t.Run("of many who claim one gets it", func(t *testing.T) {
		s, _ := f(t)
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				had, err := s.Claim(t.Context(), "a", []byte{byte(i)}, time.Minute)
				switch {
				case err != nil:
					t.Error(err)
				case had == nil:
					won.Add(1)
				case len(had) != 1:
					t.Errorf("%d bytes are there", len(had))
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d got it", won.Load())
		}
	})
	t.Run("a claim ends, and is dropped", func(t *testing.T) {
		s, pass := f(t)
		claim := func(value string, life time.Duration, want string) {
			t.Helper()
			had, err := s.Claim(t.Context(), "a", []byte(value), life)
			must(t, err)
			if string(had) != want || (had == nil) != (want == "") {
				t.Errorf("%s: %q is there", value, had)
			}
		}
		claim("one", life, "")
		claim("two", life, "one")
		pass(life)
		claim("three", time.Minute, "")
		must(t, s.Put(t.Context(), "a", []byte("four"), time.Minute))
		claim("five", time.Minute, "four")
		must(t, s.Drop(t.Context(), "a"))
		must(t, s.Drop(t.Context(), "a"))
		claim("six", time.Minute, "")
	})
	t.Run("too large a value is invalid", func(t *testing.T) {
		s, _ := f(t)
		large := make([]byte, shelf.MaxValue+1)
		if err := s.Put(t.Context(), "a", large, time.Minute); !errors.Is(err, concord.Invalid) {
			t.Errorf("put: %v", err)
		}
		if _, err := s.Claim(t.Context(), "a", large, time.Minute); !errors.Is(err, concord.Invalid) {
			t.Errorf("claim: %v", err)
		}
		lacks(t, s, "a")
	})
	t.Run("whoever does not wait is told so", func(t *testing.T) {
		s, _ := f(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Get(ctx, "a")
		_, claimed := s.Claim(ctx, "a", nil, time.Minute)
		for _, err := range []error{err, claimed, s.Put(ctx, "a", nil, time.Minute), s.Drop(ctx, "a")} {
			if !errors.Is(err, concord.Canceled) {
				t.Errorf("%v", err)
			}
		}
		lacks(t, s, "a")
	})
}
