package filesink

import (
	"errors"
	"path/filepath"

	"concord/audit/chain"
)

// Hook decides the fate of one operation on the disk before it happens: open, create, write, sync, truncate, close, seal, remove
// or syncdir, on the file or directory named. For a write, n is its length, and the result is how much of it is done. An
// error makes the operation fail; Skip makes it succeed without being done.
type Hook func(op, name string, n int) (int, error)

// Skip is the error of a Hook that spares the real disk the operation.
var Skip = errSkip{}

type errSkip struct{}

func (errSkip) Error() string { return "skip" }

// MaxBatch is the longest write.
const MaxBatch = chain.MaxBatch

// WithDisk puts h before the real disk.
func WithDisk(o Options, h Hook) Options {
	o.disk = hookedDisk{h}
	return o
}

type hookedDisk struct{ h Hook }

func (d hookedDisk) do(op, path string, f func() error) error {
	_, err := d.h(op, filepath.Base(path), 0)
	switch {
	case err == nil:
		return f()
	case errors.Is(err, Skip):
		return nil
	default:
		return err
	}
}

func (d hookedDisk) open(path string, create bool) (f file, err error) {
	op := "open"
	if create {
		op = "create"
	}
	err = d.do(op, path, func() error { f, err = realDisk{}.open(path, create); return err })
	if err != nil {
		return nil, err
	}
	return hookedFile{f, d, path}, nil
}

func (d hookedDisk) seal(path string) error {
	return d.do("seal", path, func() error { return realDisk{}.seal(path) })
}

func (d hookedDisk) remove(path string) error {
	return d.do("remove", path, func() error { return realDisk{}.remove(path) })
}

func (d hookedDisk) syncDir(path string) error {
	return d.do("syncdir", path, func() error { return realDisk{}.syncDir(path) })
}

type hookedFile struct {
	file
	d    hookedDisk
	path string
}

func (f hookedFile) Write(b []byte) (int, error) {
	n, err := f.d.h("write", filepath.Base(f.path), len(b))
	if n > 0 {
		if m, e := f.file.Write(b[:n]); e != nil {
			return m, e
		}
	}
	return n, err
}

func (f hookedFile) Sync() error { return f.d.do("sync", f.path, f.file.Sync) }

func (f hookedFile) Truncate(n int64) error {
	return f.d.do("truncate", f.path, func() error { return f.file.Truncate(n) })
}

func (f hookedFile) Close() error {
	err := f.file.Close()
	if e := f.d.do("close", f.path, func() error { return nil }); e != nil {
		return e
	}
	return err
}

// Waiting is how many Appends the writer has not taken yet.
func Waiting(s *Sink) int { return s.group.Waiting() }
