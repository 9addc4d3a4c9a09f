package redisshelf_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"concord"
	"concord/gateway/shelf"
	"concord/gateway/shelf/redisshelf"
	"concord/gateway/shelf/shelftest"
	"concord/testharness/servers"
)

func open(t testing.TB, o redisshelf.Options) *redisshelf.Store {
	t.Helper()
	s, err := redisshelf.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestShelf(t *testing.T) {
	r := servers.StartRedis(t)
	db := 0
	shelftest.Run(t, func(t *testing.T) (shelf.Shelf, func(time.Duration)) {
		db++ // an empty one each
		return open(t, redisshelf.Options{Addr: r.Addr, DB: db, Timeout: 5 * time.Second}), func(d time.Duration) {
			<-time.After(d + 20*time.Millisecond) // the clock is the Redis's
		}
	})
}

// TestGone: a Redis that is gone, or hangs, is told at once and asked again in a while; what it holds is there again if it is.
func TestGone(t *testing.T) {
	r := servers.StartRedis(t)
	var gone, back atomic.Int32
	s := open(t, redisshelf.Options{Addr: r.Addr, Timeout: 300 * time.Millisecond, Rest: 50 * time.Millisecond, Changed: func(is bool) {
		if is {
			gone.Add(1)
		} else {
			back.Add(1)
		}
	}})
	if err := s.Put(t.Context(), "a", []byte("v"), time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, how := range []struct {
		name     string
		end, new func()
		kept     bool
	}{{"hangs", r.Pause, r.Resume, true}, {"is gone", r.Stop, r.Start, false}} {
		how.end()
		if _, err := s.Get(t.Context(), "a"); !errors.Is(err, concord.Unavailable) {
			t.Fatalf("it %s: %v", how.name, err)
		}
		began := time.Now()
		for range 200 { // nobody waits for it
			if _, err := s.Get(t.Context(), "a"); !errors.Is(err, concord.Unavailable) {
				t.Fatalf("it %s: %v", how.name, err)
			}
			if err := s.Put(t.Context(), "a", nil, time.Minute); !errors.Is(err, concord.Unavailable) {
				t.Fatalf("it %s: %v", how.name, err)
			}
		}
		if d := time.Since(began); d > 3*time.Second || !s.Gone() {
			t.Errorf("it %s: 400 questions took %v", how.name, d)
		}
		how.new()
		deadline := time.Now().Add(20 * time.Second)
		for {
			v, err := s.Get(t.Context(), "a")
			if err == nil && string(v) == "v" && how.kept || errors.Is(err, concord.NotFound) && !how.kept {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("it %s, and is not used again: %v", how.name, err)
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	if gone.Load() == 0 || gone.Load() != back.Load() {
		t.Errorf("gone %d times, back %d times", gone.Load(), back.Load())
	}
}

// TestFull: a Redis without room refuses what is new, and still gives what it has.
func TestFull(t *testing.T) {
	r := servers.StartRedis(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
	s := open(t, redisshelf.Options{Addr: r.Addr, Timeout: 5 * time.Second})
	if err := s.Put(t.Context(), "first", []byte("v"), time.Minute); err != nil {
		t.Fatal(err)
	}
	var full error
	for i := 0; i < 100 && full == nil; i++ {
		full = s.Put(t.Context(), string(rune('a'+i)), make([]byte, 256<<10), time.Minute)
	}
	if !errors.Is(full, concord.Unavailable) {
		t.Fatalf("it is never full: %v", full)
	}
	if v, err := s.Get(t.Context(), "first"); err != nil || string(v) != "v" || s.Gone() {
		t.Errorf("%q, %v, gone %v", v, err, s.Gone())
	}
}

func TestOptions(t *testing.T) {
	r := servers.StartRedis(t, "--requirepass", "secret")
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, redisshelf.Options{Addr: r.Addr, PasswordFile: file, Timeout: 5 * time.Second}).Put(t.Context(), "a", nil, time.Minute); err != nil {
		t.Errorf("with the password: %v", err)
	}
	if err := open(t, redisshelf.Options{Addr: r.Addr}).Put(t.Context(), "a", nil, time.Minute); !errors.Is(err, concord.Unavailable) {
		t.Errorf("without it: %v", err)
	}
	for name, o := range map[string]redisshelf.Options{"no address": {}, "no port": {Addr: "127.0.0.1"}, "no database": {Addr: r.Addr, DB: -1}, "no file": {Addr: r.Addr, PasswordFile: file + "x"}} {
		if _, err := redisshelf.New(o); !errors.Is(err, concord.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
