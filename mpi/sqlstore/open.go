// Package sqlstore keeps persons and stand-ins in a SQLite file that survives a power cut and that several processes of one
// machine may share. It decides nothing about who is who.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"concord"
	"concord/mpi"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an mpi.Backend in a SQLite file. It holds PHI: the sources' patient ids.
type Store struct {
	write *sql.DB // one connection: SQLite has one writer, and waiting in Go is fairer and heeds the context
	read  *sql.DB // snapshots, which no writer holds up
	stmt  statements
}

var _ mpi.Backend = (*Store)(nil)

// busyMillis is how long a write waits for another process.
const busyMillis = "5000"

// Open opens the file at path, which it makes, readable for its owner only, if there is none; its folder must be there. It
// brings the tables up to date. Its error is a *concord.Fault of Kind Unavailable, Canceled or Timeout.
func Open(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, wrap(ctx, "mpi open", err)
	}
	if err := private(path); err != nil {
		return nil, wrap(ctx, "mpi open", err)
	}
	s := &Store{}
	// FULL: a link that was answered with is there after a power cut. IMMEDIATE: what a change reads is what it changes.
	if s.write, err = open(path, 1, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"); err != nil {
		return nil, wrap(ctx, "mpi open", err)
	}
	if s.read, err = open(path, max(4, runtime.GOMAXPROCS(0)), "query_only(1)"); err != nil {
		return nil, wrap(ctx, "mpi open", errors.Join(err, s.Close()))
	}
	if err := s.migrate(ctx); err != nil {
		return nil, wrap(ctx, "mpi migrate", errors.Join(err, s.Close()))
	}
	if s.stmt, err = prepare(ctx, s.read); err != nil {
		return nil, wrap(ctx, "mpi open", errors.Join(err, s.Close()))
	}
	return s, nil
}

// private makes the file if there is none, and takes from group and others what they may do with it. SQLite gives the files
// beside it the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

func open(path string, conns int, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(" + busyMillis + ")"}, pragmas...)}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	// Several processes may open a new file at once: then one makes the tables, and the others trip over it until it has.
	for try := 1; ; try++ {
		if _, err = p.Up(ctx); err == nil || try > migrateTries {
			return err
		}
		wait := time.NewTimer(time.Duration(try*20) * time.Millisecond)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
}

// migrateTries bounds how often the tables are tried again, over some four seconds.
const migrateTries = 20

// Close waits for what is under way and closes the file. The store is of no use afterwards.
func (s *Store) Close() error {
	var errs []error
	errs = append(errs, s.stmt.close())
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &concord.Fault{Op: "mpi close", Kind: concord.Unavailable, Err: err}
	}
	return nil
}

// wrap makes a Fault of what the database said. When the context has ended, that is why.
func wrap(ctx context.Context, op string, err error) error {
	var f *concord.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return f
	case ctx.Err() != nil:
		return mpi.ContextFault(op, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return mpi.ContextFault(op, err)
	}
	return &concord.Fault{Op: op, Kind: concord.Unavailable, Err: err}
}
