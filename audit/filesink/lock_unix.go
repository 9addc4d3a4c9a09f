//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filesink

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"concord"
)

// lock takes dir for this process; the kernel gives it back when the process ends, however it ends.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- the configured directory
	if err != nil {
		return nil, fault(concord.Unavailable, err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // #nosec G115 -- a descriptor
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fault(concord.Conflict, errors.New("another process writes to this directory"))
	}
	return nil, fault(concord.Unavailable, err)
}
