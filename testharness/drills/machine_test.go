package drills_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// machine is watched for as long as the tests run.
var machine stalls

// stalls tell how long the machine itself stands still: an answer waits for its record, that for the disk, and all of it for a
// processor.
type stalls struct {
	stood, worst atomic.Int64 // ns, lately and at most
	probed       atomic.Int64 // when it was last looked at, in Unix ns
}

// probe is how long is waited between two looks.
const probe = 50 * time.Millisecond

// slack is how much longer than it should an answer may take as the machine is now: it waits a few times.
func (m *stalls) slack() time.Duration {
	now := time.Since(time.Unix(0, m.probed.Load())) - probe
	return 3 * max(time.Duration(m.stood.Load()), now)
}

// watch writes to the disk over and over until done is closed.
func (m *stalls) watch(done <-chan struct{}) error {
	dir, err := os.MkdirTemp("", "concord-drills-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	f, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	look := time.NewTicker(probe)
	defer look.Stop()
	for due := time.Now(); ; due = time.Now().Add(probe) {
		m.probed.Store(due.UnixNano())
		select {
		case <-done:
			return nil
		case <-look.C:
		}
		_, err := f.WriteAt([]byte("x"), 0)
		if err = errors.Join(err, f.Sync()); err != nil {
			return err
		}
		took := max(0, time.Since(due))
		m.worst.Store(max(m.worst.Load(), int64(took)))
		m.stood.Store(max(m.stood.Load()*99/100, int64(took)))
	}
}
