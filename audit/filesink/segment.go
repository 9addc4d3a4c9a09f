package filesink

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"concord/audit/chain"
)

// segments are the names of dir's segments in the order of the chain.
func segments(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if _, ok := chain.SegmentSeq(e.Name()); ok && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// file is what the sink needs of an open segment.
type file interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Close() error
}

// disk is what the sink needs of the file system for writing; tests put a failing one in its place.
type disk interface {
	// open opens for appending; with create the file must not exist yet, and without it may be sealed.
	open(path string, create bool) (file, error)
	// seal makes a file read-only, against mistakes: whoever owns it can undo that.
	seal(path string) error
	remove(path string) error
	syncDir(path string) error
}

type realDisk struct{}

func (realDisk) open(path string, create bool) (file, error) {
	flags := os.O_WRONLY | os.O_APPEND
	if create {
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrPermission) && !create {
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, err
		}
		return os.OpenFile(path, flags, 0o600)
	}
	return f, err
}

func (realDisk) seal(path string) error { return os.Chmod(path, 0o400) }

func (realDisk) remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncDir makes the names in a directory durable, which syncing the files does not.
func (realDisk) syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

// cut brings a segment back to its first size bytes, or removes it when none are left, durably.
func cut(d disk, dir, name string, size int64) error {
	path := filepath.Join(dir, name)
	if size == 0 {
		if err := d.remove(path); err != nil {
			return err
		}
		return d.syncDir(dir)
	}
	f, err := d.open(path, false)
	if err != nil {
		return err
	}
	if err = f.Truncate(size); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
