package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"

	"concord"
	"concord/mpi"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// Options are how a store is opened. The zero value is usable.
type Options struct {
	// Keys encrypt what is kept; nil keeps ids in the clear and no demographics (package comment).
	Keys *Keys
	// Conns bounds the connections to PostgreSQL; 0 means 16.
	Conns int
}

// Store is an mpi.Backend in a database. It holds PHI: the sources' patient ids, and demographics if it has a key.
type Store struct {
	engine
	read *sql.DB // what answers wait for; with SQLite snapshots, which no writer holds up
	all  []*sql.DB
	keys *Keys
	seal atomic.Pointer[sealer]
	stmt statements
}

var _ mpi.Backend = (*Store)(nil)

// Open opens what the configuration's mpi.store names: "sqlite:PATH", a file that is made, readable for its owner only, if
// there is none in its folder, or a "postgres://" URL. It brings the tables up to date, and encrypts what is there in the
// clear if there is a key now. Its error is a *concord.Fault: Invalid for a name of another form, Unauthorized when the
// store was written with a key that is not at hand, and Unavailable, Canceled or Timeout.
func Open(ctx context.Context, name string, o Options) (*Store, error) {
	s := &Store{keys: o.Keys}
	if o.Keys != nil && o.Keys.first == "" {
		s.keys = nil
	}
	var err error
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok && path != "" {
		err = s.openSQLite(ctx, path)
	} else if strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://") {
		err = s.openPostgres(ctx, name, o.Conns)
	} else {
		err = &concord.Fault{Op: "mpi open", Kind: concord.Invalid}
	}
	if err != nil {
		return nil, wrap(ctx, "mpi open", errors.Join(err, s.Close()))
	}
	if err := s.migrate(ctx); err != nil {
		return nil, wrap(ctx, "mpi migrate", errors.Join(err, s.Close()))
	}
	if err := s.adopt(ctx); err != nil {
		return nil, wrap(ctx, "mpi open", errors.Join(err, s.Close()))
	}
	if s.stmt, err = prepare(ctx, s.read); err != nil {
		return nil, wrap(ctx, "mpi open", errors.Join(err, s.Close()))
	}
	return s, nil
}

// migrateTries bounds how often the tables are tried again, over some four seconds.
const migrateTries = 20

func migrate(ctx context.Context, d goose.Dialect, db *sql.DB, folder string, more ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(d, db, files, append(more, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return err
	}
	// Several processes may open a new store at once: then one makes the tables, and the others trip over it until it has.
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

// errOtherKey is the cause when a store was written with a key that is not at hand.
var errOtherKey = errors.New("the index was written with a key that the key file does not have")

// adopt finds out which key the store's digests are made with, and is the first to say so in a new store. What is in the
// clear is encrypted if there is a key.
func (s *Store) adopt(ctx context.Context) error {
	want := noKey
	if s.keys != nil {
		want = s.keys.first
	}
	fresh := newSealer(s.keys, want)
	rewritten := false
	err := s.change(ctx, func(t txn) error {
		rewritten = false
		var mac string
		var proof []byte
		// Held from here on: of several who open a new store at once, one decides.
		if err := t.row(ctx, `UPDATE mpi_store SET seq = seq WHERE id = 1 RETURNING mac, proof`, nil, &mac, &proof); err != nil {
			return err
		}
		if mac == "" || mac == noKey && want != noKey {
			rewritten = mac == noKey
			if err := s.rewrite(ctx, t, newSealer(s.keys, noKey), fresh); err != nil {
				return err
			}
			s.seal.Store(fresh)
			return nil
		}
		own, err := s.sealerFor(mac, proof)
		if err != nil {
			return err
		}
		s.seal.Store(own)
		return nil
	})
	if err == nil && rewritten {
		err = s.scrub(ctx)
	}
	return err
}

// sealerFor is for digests that are made with the key of that name, if it is at hand and the very one.
func (s *Store) sealerFor(mac string, proof []byte) (*sealer, error) {
	_, known := map[string]key(nil)[mac]
	if s.keys != nil {
		_, known = s.keys.all[mac]
	}
	if mac == noKey && s.keys == nil {
		known = true
	}
	if known {
		if own := newSealer(s.keys, mac); bytes.Equal(own.proof(), proof) {
			return own, nil
		}
	}
	return nil, &concord.Fault{Op: "mpi open", Kind: concord.Unauthorized, Err: errOtherKey}
}

// Close waits for what is under way and closes the store, which is of no use afterwards.
func (s *Store) Close() error {
	errs := []error{s.stmt.close()}
	for _, db := range s.all {
		errs = append(errs, db.Close())
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
	case errors.Is(err, errNoRow), errors.Is(err, sql.ErrNoRows):
		return &concord.Fault{Op: op, Kind: concord.NotFound}
	case errors.Is(err, errBroken), errors.Is(err, errNoKey):
		return &concord.Fault{Op: op, Kind: concord.Internal, Err: err}
	}
	return &concord.Fault{Op: op, Kind: concord.Unavailable, Err: err}
}
