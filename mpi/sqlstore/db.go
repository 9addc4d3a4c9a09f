package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"concord"
)

// step is one statement of a change.
type step struct {
	sql  string
	args []any
	rows int64 // how many rows it must touch, or the change is a conflict; anyRows: as many as there are
}

const anyRows = -1

// scanner is a row of an answer.
type scanner interface{ Scan(to ...any) error }

// txn is a transaction that can write.
type txn interface {
	// row asks for one row; errNoRow when there is none.
	row(ctx context.Context, query string, args []any, to ...any) error
	// rows asks for several.
	rows(ctx context.Context, query string, args []any, each func(scanner) error) error
	// do does the steps one after the other.
	do(ctx context.Context, steps []step) error
}

var errNoRow = errors.New("there is no such row")

func conflict() error { return &concord.Fault{Op: "mpi put", Kind: concord.Conflict} }

// engine is what the two databases do each in its own way; all else is the same statements.
type engine interface {
	// change runs do in a transaction, and commits it unless do fails.
	change(ctx context.Context, do func(txn) error) error
	// migrate brings the tables up to date.
	migrate(ctx context.Context) error
	// scrub removes what rows were before from the files, where the database can be told to.
	scrub(ctx context.Context) error
	// share is the end of a SELECT that keeps its rows from being changed until the transaction ends.
	share() string
}

// every gives each of the rows.
func every(rows *sql.Rows, err error, each func(scanner) error) (failed error) {
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, rows.Close()) }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
