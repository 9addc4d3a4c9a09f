package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// private makes the file if there is none, and takes from group and others what they may do with it. SQLite gives the files
// beside it the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// busyMillis is how long a write waits for another process.
const busyMillis = "5000"

func (s *Store) openSQLite(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := private(path); err != nil {
		return err
	}
	// FULL: a link that was answered with is there after a power cut. IMMEDIATE: what a change reads is what it changes.
	// secure_delete: what is deleted is gone from the file.
	// A cache of 256 MB, and a log of up to 64 before it goes to the file, are for imports, which touch pages everywhere.
	write, err := sqlite(path, 1, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)",
		"cache_size(-262144)", "wal_autocheckpoint(16384)", "journal_size_limit(67108864)")
	if err != nil {
		return err
	}
	s.engine, s.all = sqliteEngine{write}, []*sql.DB{write}
	if err := write.PingContext(ctx); err != nil { // what is no database is none at the next try either
		return err
	}
	if s.read, err = sqlite(path, max(4, runtime.GOMAXPROCS(0)), "query_only(1)"); err != nil {
		return err
	}
	s.all = append(s.all, s.read)
	return nil
}

func sqlite(path string, conns int, pragmas ...string) (*sql.DB, error) {
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

func (e sqliteEngine) migrate(ctx context.Context) error {
	return migrate(ctx, goose.DialectSQLite3, e.db, "migrations/sqlite",
		goose.WithGoMigrations(goose.NewGoMigration(3, &goose.GoFunc{RunTx: carryOver}, nil)))
}

// scrub rewrites the file and empties the log beside it.
func (e sqliteEngine) scrub(ctx context.Context) error {
	if _, err := e.db.ExecContext(ctx, `VACUUM`); err != nil {
		return err
	}
	_, err := e.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

// sqliteEngine has one connection that writes: SQLite has one writer, and waiting in Go is fairer and heeds the context.
type sqliteEngine struct{ db *sql.DB }

func (e sqliteEngine) share() string { return "" }

func (e sqliteEngine) change(ctx context.Context, do func(txn) error) error {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	t := sqliteTxn{tx: tx, prepared: map[string]*sql.Stmt{}}
	err = errors.Join(do(t), t.close())
	if err != nil {
		if undone := tx.Rollback(); undone != nil && !errors.Is(undone, sql.ErrTxDone) {
			return errors.Join(err, undone)
		}
		return err
	}
	return tx.Commit()
}

type sqliteTxn struct {
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
}

// stmt is a statement that is prepared once in a transaction.
func (t sqliteTxn) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := t.prepared[query]; ok {
		return s, nil
	}
	s, err := t.tx.PrepareContext(ctx, query)
	if err == nil {
		t.prepared[query] = s
	}
	return s, err
}

func (t sqliteTxn) close() error {
	var errs []error
	for _, s := range t.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (t sqliteTxn) row(ctx context.Context, query string, args []any, to ...any) error {
	s, err := t.stmt(ctx, query) //nolint:sqlclosecheck // with the transaction
	if err != nil {
		return err
	}
	err = s.QueryRowContext(ctx, args...).Scan(to...)
	if errors.Is(err, sql.ErrNoRows) {
		return errNoRow
	}
	return err
}

func (t sqliteTxn) rows(ctx context.Context, query string, args []any, each func(scanner) error) error {
	s, err := t.stmt(ctx, query) //nolint:sqlclosecheck // with the transaction
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	return every(rows, err, each)
}

func (t sqliteTxn) do(ctx context.Context, steps []step) error {
	for _, st := range steps {
		s, err := t.stmt(ctx, st.sql) //nolint:sqlclosecheck // with the transaction
		if err != nil {
			return err
		}
		r, err := s.ExecContext(ctx, st.args...)
		if err != nil {
			return err
		}
		if st.rows == anyRows {
			continue
		}
		n, err := r.RowsAffected()
		if err != nil {
			return err
		}
		if n != st.rows {
			return conflict()
		}
	}
	return nil
}
