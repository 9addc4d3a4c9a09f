package filesink_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/audit"
	"concord/audit/filesink"
	"concord/audit/sinktest"
)

// TestRealDiskFull fills a real file system. What does not fit is refused, the trail is not ready until something fits
// again, and nothing of what was answered is lost or doubled.
func TestRealDiskFull(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256k,mode=0700"); err != nil {
		t.Skipf("no file system can be mounted here (TestDiskFull limits file sizes instead): %v", err)
	}
	defer func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	dir := filepath.Join(disk, "audit")
	s := open(t, dir, filesink.Options{SegmentBytes: 20_000})
	trail, err := audit.NewTrail(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	var answered []string
	record := func(id string) error {
		err := trail.Record(t.Context(), sinktest.Event(id))
		if err == nil {
			answered = append(answered, id)
		}
		return err
	}
	for round := range 3 {
		ballast := filepath.Join(disk, "ballast")
		if err := os.WriteFile(ballast, make([]byte, (120-40*round)<<10), 0o600); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			if err := record(fmt.Sprintf("r-%d-%d", round, i)); err != nil {
				if !errors.Is(err, concord.Unavailable) || !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("%v: %v, want no space", err, errors.Unwrap(err))
				}
				break
			}
			if i > 2000 {
				t.Fatal("the disk is never full")
			}
		}
		for range 3 {
			if err := record("refused"); !errors.Is(err, concord.Unavailable) {
				t.Fatalf("%v, want unavailable", err)
			}
			if err := trail.Health(t.Context()); !errors.Is(err, concord.Unavailable) {
				t.Fatalf("ready on a full disk: %v", err)
			}
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if err := trail.Health(t.Context()); err != nil {
			t.Fatalf("not ready when there is room again: %v", err)
		}
		if err := record(fmt.Sprint("again-", round)); err != nil {
			t.Fatal(err)
		}
	}
	if err := trail.Close(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(answered, ids(t, dir)); d != "" {
		t.Errorf("answered and kept differ (-answered +kept):\n%s", d)
	}
	wantWhole(t, dir)
}
