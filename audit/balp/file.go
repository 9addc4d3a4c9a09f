package balp

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"concord"
	"concord/audit"
	"concord/audit/shipsink"
)

// Open returns a sink that writes AuditEvents as NDJSON into dir, which it makes if need be, a file for each day (UTC):
// auditevent-2025-05-16.ndjson. It is not durable: it stands beside the trail, from which its files can be made again. Its
// error is Unavailable.
func Open(dir string, o Options) (*shipsink.Lines, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &concord.Fault{Op: "audit sink", Kind: concord.Unavailable, Err: err}
	}
	d := &daily{dir: dir}
	if err := d.turn(time.Now()); err != nil {
		return nil, &concord.Fault{Op: "audit sink", Kind: concord.Unavailable, Err: err}
	}
	return shipsink.NewLines(d, func(b []byte, e *audit.Event) []byte { return Project(b, e, o) }), nil
}

// daily is a file that is another one each day.
type daily struct {
	dir  string
	name string
	f    *os.File
}

// Write writes to the file of today.
func (d *daily) Write(b []byte) (int, error) {
	if err := d.turn(time.Now()); err != nil {
		return 0, err
	}
	return d.f.Write(b)
}

// Close closes the file of today.
func (d *daily) Close() error {
	if d.f == nil {
		return nil
	}
	return d.f.Close()
}

func (d *daily) turn(now time.Time) error {
	name := "auditevent-" + now.UTC().Format(time.DateOnly) + ".ndjson"
	if name == d.name && d.f != nil {
		if _, err := os.Stat(filepath.Join(d.dir, name)); !errors.Is(err, fs.ErrNotExist) { // whoever ships the files may have moved it
			return nil
		}
	}
	f, err := os.OpenFile(filepath.Join(d.dir, name), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if d.f != nil {
		_ = d.f.Close() // not ours to prove
	}
	d.name, d.f = name, f
	return nil
}
