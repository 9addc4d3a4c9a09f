package filesink_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/audit"
	"concord/audit/chain"
	"concord/audit/filesink"
	"concord/audit/sinktest"
)

// script is a Hook whose fate may be changed while it is in use. Syncs are spared the real disk.
type script struct {
	mu   sync.Mutex
	fate filesink.Hook
}

func (s *script) set(h filesink.Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fate = h
}

func (s *script) hook(op, name string, n int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fate != nil {
		if m, err := s.fate(op, name, n); err != nil || m != n {
			return m, err
		}
	}
	if op == "sync" || op == "syncdir" {
		return n, filesink.Skip
	}
	return n, nil
}

// TestFailures: whatever fails, the request is refused, no trace of it stays, and the trail goes on whole when the disk does.
func TestFailures(t *testing.T) {
	fail := func(ops ...string) filesink.Hook {
		return func(op, _ string, n int) (int, error) {
			if slices.Contains(ops, op) {
				return 0, syscall.EIO
			}
			return n, nil
		}
	}
	short := func(err error, part func(n int) int) filesink.Hook {
		return func(op, _ string, n int) (int, error) {
			if op == "write" {
				return part(n), err
			}
			return n, nil
		}
	}
	for _, c := range []struct {
		name string
		fate filesink.Hook
	}{
		{"write", fail("write")},
		{"disk full in the middle of a line", short(syscall.ENOSPC, func(n int) int { return n / 2 })},
		{"disk full before the line's end", short(syscall.ENOSPC, func(n int) int { return n - 1 })},
		{"error after a whole write", short(syscall.EIO, func(n int) int { return n })},
		{"short write without an error", short(nil, func(n int) int { return n / 3 })},
		{"sync", fail("sync")},
		{"sync, and cutting", fail("sync", "truncate")},
		{"sync, and opening again", fail("sync", "open")},
		{"write, and a new segment", fail("write", "create")},
		{"write, and the directory's sync", fail("write", "syncdir")},
		{"a panic", func(op, _ string, n int) (int, error) {
			if op == "write" {
				panic("disk driver")
			}
			return n, nil
		}},
	} {
		for size, o := range map[string]filesink.Options{"one segment": {}, "a segment a record": {SegmentBytes: 1}} {
			t.Run(c.name+", "+size, func(t *testing.T) {
				dir := t.TempDir()
				var disk script
				s := open(t, dir, filesink.WithDisk(o, disk.hook))
				put(t, s, "before-1", "before-2")
				if err := s.Health(t.Context()); err != nil {
					t.Fatal(err)
				}
				disk.set(c.fate)
				for range 3 {
					err := s.Append(t.Context(), sinktest.Event("refused"))
					if !errors.Is(err, concord.Unavailable) {
						t.Fatalf("append: %v, want unavailable", err)
					}
					if err := s.Health(t.Context()); !errors.Is(err, concord.Unavailable) {
						t.Errorf("health: %v, want unavailable", err)
					}
				}
				disk.set(nil)
				if err := s.Health(t.Context()); err != nil {
					t.Errorf("health when the disk is well again: %v", err)
				}
				put(t, s, "after-1", "after-2")
				shut(t, s)
				if d := cmp.Diff([]string{"before-1", "before-2", "after-1", "after-2"}, ids(t, dir)); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
				if r := wantWhole(t, dir); r.Seals > 1 || r.Torn != 0 {
					t.Errorf("report: %+v", r)
				}
				for _, r := range rows(t, dir) {
					if r.Type == "audit.sealed" && (r.Cause != "write-failed" || r.Refused < 1) {
						t.Errorf("sealed: %+v", r)
					}
				}
				shut(t, open(t, dir, o))
				wantWhole(t, dir)
			})
		}
	}
}

// TestFailureIsTold: after a failed write a new segment begins with what was cut off the old one.
func TestFailureIsTold(t *testing.T) {
	dir := t.TempDir()
	var disk script
	s := open(t, dir, filesink.WithDisk(filesink.Options{}, disk.hook))
	put(t, s, "a")
	disk.set(func(op, _ string, n int) (int, error) {
		if op == "write" {
			return 100, syscall.ENOSPC
		}
		return n, nil
	})
	if err := s.Append(t.Context(), sinktest.Event("b")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the cause is lost: %v", err)
	}
	disk.set(nil)
	put(t, s, "c")
	shut(t, s)
	if d := cmp.Diff([]string{"checkpoint", "opened", "access", "sealed", "access", "checkpoint"}, types(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	want := row{Type: "audit.sealed", Seq: 4, Segment: "audit-00000000000000000001.jsonl", Bytes: 100, Refused: 1, Cause: "write-failed"}
	if d := cmp.Diff(want, rows(t, dir)[3]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if f := files(t, dir); len(f) != 2 || filepath.Base(f[1]) != "audit-00000000000000000004.jsonl" {
		t.Errorf("segments: %q", f)
	}
}

// TestOpenFails: an Open that fails holds nothing, and the next one succeeds.
func TestOpenFails(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "syncdir"} {
		t.Run(op, func(t *testing.T) {
			dir := t.TempDir()
			var disk script
			disk.set(func(o, _ string, n int) (int, error) {
				if o == op {
					return 0, syscall.EIO
				}
				return n, nil
			})
			if _, err := filesink.Open(dir, filesink.WithDisk(filesink.Options{}, disk.hook)); !errors.Is(err, concord.Unavailable) {
				t.Errorf("%v, want unavailable", err)
			}
			s := open(t, dir, filesink.Options{})
			put(t, s, "a")
			shut(t, s)
			wantWhole(t, dir)
		})
	}
}

// TestPowerCut is a property: of a disk that fails now and then, and whose power is cut at the end, keeping of each file
// what was synced and any part of the rest, every answered record is in the trail, once; every refused one is not, unless
// the cut came in its way; and the trail is whole.
func TestPowerCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp("", "filesink")
		if err != nil {
			t.Fatalf("%v", err)
		}
		defer func() { _ = os.RemoveAll(root) }()
		dir, after := filepath.Join(root, "before"), filepath.Join(root, "after")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatalf("%v", err)
		}
		durable, named := map[string]int64{}, map[string]bool{} // by name: bytes synced, and whether the name is
		var disk script
		broken := ""
		disk.set(func(op, name string, n int) (int, error) {
			if op == broken {
				if op == "write" {
					return n / 2, syscall.EIO
				}
				return 0, syscall.EIO
			}
			switch op {
			case "sync":
				if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
					durable[name] = info.Size()
				}
			case "syncdir":
				for _, f := range files(t, dir) {
					named[filepath.Base(f)] = true
				}
			}
			return n, nil
		})
		o := filesink.WithDisk(filesink.Options{
			SegmentBytes:    rapid.SampledFrom([]int64{1, 3000, 1 << 20}).Draw(t, "segment"),
			CheckpointEvery: rapid.IntRange(1, 5).Draw(t, "every")}, disk.hook)
		s := open(t, dir, o)
		answered, refused := map[string]bool{}, map[string]bool{}
		for step := range rapid.IntRange(1, 8).Draw(t, "steps") {
			disk.mu.Lock()
			broken = rapid.SampledFrom([]string{"", "", "", "write", "sync", "create", "truncate", "syncdir"}).Draw(t, "broken")
			disk.mu.Unlock()
			var mu sync.Mutex
			var wg sync.WaitGroup
			for i := range rapid.IntRange(1, 3).Draw(t, "callers") {
				wg.Go(func() {
					id := fmt.Sprintf("r-%d-%d", step, i)
					err := s.Append(context.Background(), sinktest.Event(id))
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						answered[id] = true
					} else {
						refused[id] = true
					}
				})
			}
			wg.Wait()
		}
		// The cut.
		disk.mu.Lock()
		if err := os.Mkdir(after, 0o700); err != nil {
			t.Fatalf("%v", err)
		}
		all := files(t, dir)
		for i, f := range all {
			b, name := text(t, f), filepath.Base(f)
			if last := i == len(all)-1; !named[name] && last && rapid.Bool().Draw(t, "lost") {
				continue
			}
			keep := int64(len(b))
			if d := min(durable[name], keep); d < keep {
				keep = rapid.Int64Range(d, keep).Draw(t, "keep")
				if hole := rapid.Int64Range(d, keep).Draw(t, "hole"); rapid.Bool().Draw(t, "holed") {
					clear(b[hole:min(keep, hole+rapid.Int64Range(1, 4096).Draw(t, "length"))])
				}
			}
			if err := os.WriteFile(filepath.Join(after, name), b[:keep], 0o600); err != nil {
				t.Fatalf("%v", err)
			}
		}
		broken = ""
		disk.mu.Unlock()
		if err := s.Close(); err != nil && !errors.Is(err, concord.Unavailable) {
			t.Fatalf("close: %v", err)
		}
		for where, d := range map[string]string{"the disk that went on": dir, "the disk after the cut": after} {
			s := open(t, d, filesink.Options{})
			put(t, s, "last")
			shut(t, s)
			seen := map[string]int{}
			for _, id := range ids(t, d) {
				seen[id]++
			}
			for id := range answered {
				if seen[id] != 1 {
					t.Errorf("%s: %s was answered, and is there %d times", where, id, seen[id])
				}
			}
			for id := range refused {
				if seen[id] > 1 || seen[id] == 1 && d == dir {
					t.Errorf("%s: %s was refused, and is there %d times", where, id, seen[id])
				}
			}
			wantWhole(t, d)
		}
	})
}

// TestTornAnywhere: cut anywhere, the trail is no break, keeps its whole records, tells of the rest, and goes on.
func TestTornAnywhere(t *testing.T) {
	var disk script
	for name, o := range map[string]filesink.Options{"one segment": {}, "many segments": {SegmentBytes: 1500}} {
		t.Run(name, func(t *testing.T) {
			o = filesink.WithDisk(o, disk.hook)
			dir := t.TempDir()
			s := open(t, dir, o)
			put(t, s, "a", "b")
			if err := s.Append(t.Context(), audit.Event{Type: audit.EventConfigChanged, Config: audit.DigestOf("x")}); err != nil {
				t.Fatal(err)
			}
			shut(t, s)
			all := files(t, dir)
			last := all[len(all)-1]
			full := text(t, last)
			before := len(lines(t, dir)) - strings.Count(string(full), "\n")
			work := t.TempDir()
			lineEnds := strings.Split(string(full), "\n")
			dense := len(full) - len(strings.Join(lineEnds[max(0, len(lineEnds)-3):], "\n")) // the last two lines
			for n := range len(full) {
				if n < dense && n%101 != 0 { // before them, a sample
					continue
				}
				for _, f := range files(t, work) { // what the last turn added
					if !slices.Contains(all, filepath.Join(dir, filepath.Base(f))) {
						if err := os.Remove(f); err != nil {
							t.Fatal(err)
						}
					}
				}
				for _, f := range all {
					if err := os.WriteFile(filepath.Join(work, filepath.Base(f)), text(t, f), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				path := filepath.Join(work, filepath.Base(last))
				if err := os.WriteFile(path, full[:n], 0o600); err != nil {
					t.Fatal(err)
				}
				whole := before + strings.Count(string(full[:n]), "\n")
				torn := n - strings.LastIndexByte(string(full[:n]), '\n') - 1
				r := verify(t, work, chain.VerifyOptions{})
				if !r.Whole() || r.Torn != int64(torn) || r.Records != uint64(whole) {
					t.Fatalf("cut at %d, before the start: %+v, want %d records and %d torn bytes", n, r, whole, torn)
				}
				s := open(t, work, o)
				put(t, s, "z")
				shut(t, s)
				if r = wantWhole(t, work); r.Torn != 0 || (r.Seals == 1) != (torn > 0) {
					t.Fatalf("cut at %d: %+v", n, r)
				}
				got := rows(t, work)
				for i, r := range got {
					if r.Seq != i+1 {
						t.Fatalf("cut at %d: record %d has the number %d", n, i+1, r.Seq)
					}
				}
				if torn > 0 {
					if r := got[whole+1]; r.Type != "audit.sealed" || r.Bytes != torn || r.Cause != "torn" || r.Digest == "" {
						t.Fatalf("cut at %d: %+v, want %d torn bytes", n, r, torn)
					}
				}
			}
		})
	}
}

// TestOpenRefusesBroken: what no crash leaves is not cut off, and nothing is added to it.
func TestOpenRefusesBroken(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, filesink.Options{})
	put(t, s, "a", "b", "c")
	shut(t, s)
	name := files(t, dir)[0]
	whole := string(text(t, name))
	for _, c := range []struct{ name, text string }{
		{"a record changed", strings.Replace(whole, `"GET"`, `"PUT"`, 1)},
		{"a record removed", strings.Join(slices.Delete(strings.SplitAfter(whole, "\n"), 2, 3), "")},
		{"the first record removed", strings.Join(strings.SplitAfter(whole, "\n")[1:], "")},
		{"a hole that no write reaches", strings.Replace(whole, "physician", "\x00hysician", 1) + strings.Repeat("x", filesink.MaxBatch)},
		{"a line of something else", whole + "hello\n"},
		{"an empty line", whole + "\n"},
		{"endless text", whole + strings.Repeat("x", 1<<17)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := filesink.Open(dir, filesink.Options{})
			var b *chain.Break
			if !errors.Is(err, concord.Malformed) || !errors.As(err, &b) {
				t.Errorf("%v, want malformed and a place", err)
			}
			if got := string(text(t, name)); got != c.text {
				t.Error("the file was touched")
			}
		})
	}
}

// TestOpenNamesNoPath: the faults hold nothing of the machine, though their causes may.
func TestOpenNamesNoPath(t *testing.T) {
	dir := t.TempDir()
	disk := script{fate: func(_, _ string, _ int) (int, error) { return 0, &fs.PathError{Op: "x", Path: dir, Err: syscall.EIO} }}
	_, err := filesink.Open(dir, filesink.WithDisk(filesink.Options{}, disk.hook))
	if err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}
