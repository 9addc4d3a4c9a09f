package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"concord"
)

func (s *Store) openPostgres(ctx context.Context, name string, conns int) error {
	cfg, err := pgx.ParseConfig(name)
	if err != nil {
		return &concord.Fault{Op: "mpi open", Kind: concord.Invalid} // the cause quotes the URL
	}
	if conns <= 0 {
		conns = 16
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	s.engine, s.read, s.all = postgresEngine{db}, db, []*sql.DB{db}
	return db.PingContext(ctx) // who can't be reached is not waited for
}

func (e postgresEngine) migrate(ctx context.Context) error {
	return migrate(ctx, goose.DialectPostgres, e.db, "migrations/postgres")
}

// postgresEngine sends the steps of a change together, so that a change takes four round trips, however long it is.
type postgresEngine struct{ db *sql.DB }

// retries bounds how often a transaction is made again that the database gave up for the sake of another.
const retries = 16

func (e postgresEngine) share() string { return " FOR SHARE" }

func (e postgresEngine) scrub(context.Context) error { return nil }

func (e postgresEngine) change(ctx context.Context, do func(txn) error) (err error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for range retries {
		err = conn.Raw(func(driver any) error {
			c, ok := driver.(*stdlib.Conn)
			if !ok {
				return errors.New("the driver is another one")
			}
			return pgx.BeginFunc(ctx, c.Conn(), func(tx pgx.Tx) error { return do(postgresTxn{tx}) })
		})
		var p *pgconn.PgError
		if !errors.As(err, &p) || p.Code != "40001" && p.Code != "40P01" { // serialization failure, deadlock
			return err
		}
	}
	return err
}

type postgresTxn struct{ tx pgx.Tx }

func (t postgresTxn) row(ctx context.Context, query string, args []any, to ...any) error {
	err := t.tx.QueryRow(ctx, query, args...).Scan(to...)
	if errors.Is(err, pgx.ErrNoRows) {
		return errNoRow
	}
	return err
}

func (t postgresTxn) rows(ctx context.Context, query string, args []any, each func(scanner) error) error {
	rows, err := t.tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// batchSteps is how many steps are sent before their results are read.
const batchSteps = 1000

func (t postgresTxn) do(ctx context.Context, steps []step) error {
	for len(steps) > 0 {
		n := min(len(steps), batchSteps)
		if err := t.batch(ctx, steps[:n]); err != nil {
			return err
		}
		steps = steps[n:]
	}
	return nil
}

func (t postgresTxn) batch(ctx context.Context, steps []step) (err error) {
	var b pgx.Batch
	for _, st := range steps {
		b.Queue(st.sql, st.args...)
	}
	results := t.tx.SendBatch(ctx, &b)
	defer func() { err = errors.Join(err, results.Close()) }()
	for _, st := range steps {
		done, err := results.Exec()
		if err != nil {
			return err
		}
		if st.rows != anyRows && done.RowsAffected() != st.rows {
			return conflict()
		}
	}
	return nil
}
