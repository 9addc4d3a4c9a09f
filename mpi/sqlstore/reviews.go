package sqlstore

import (
	"context"
	"database/sql"
	"iter"

	"concord"
	"concord/mpi"
)

const reviewColumns = `SELECT number, pair, reason, state, queued, settled, who, key_id, sealed FROM mpi_review `

// Review implements mpi.Reviews.
func (s *Store) Review(ctx context.Context, number int64) (mpi.Review, error) {
	return s.oneReview(ctx, reviewColumns+`WHERE number = $1`, number)
}

// Pair implements mpi.Reviews.
func (s *Store) Pair(ctx context.Context, a, b concord.PatientRef) (mpi.Review, error) {
	if mpi.CompareRefs(a, b) > 0 {
		a, b = b, a
	}
	return s.oneReview(ctx, reviewColumns+`WHERE pair = $1`, s.seal.Load().pair(mpi.Review{A: a, B: b}))
}

// Overlay implements mpi.Reviews.
func (s *Store) Overlay(ctx context.Context, ref concord.PatientRef, mark string) (mpi.Review, error) {
	return s.oneReview(ctx, reviewColumns+`WHERE pair = $1`, s.seal.Load().pair(mpi.Review{A: ref, Mark: mark}))
}

func (s *Store) oneReview(ctx context.Context, query string, arg any) (mpi.Review, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Review{}, mpi.ContextFault("mpi review", err)
	}
	r, _, err := readReview(s.seal.Load(), s.read.QueryRowContext(ctx, query, arg))
	if err != nil {
		return mpi.Review{}, wrap(ctx, "mpi review", err)
	}
	r.Mark = ""
	return r, nil
}

// Reviews implements mpi.Reviews.
func (s *Store) Reviews(ctx context.Context, state mpi.ReviewState, after int64) iter.Seq2[mpi.Review, error] {
	query, more := reviewColumns+`WHERE number > $1 ORDER BY number LIMIT $2`, []any(nil)
	if state != "" {
		query, more = reviewColumns+`WHERE number > $1 AND state = $3 ORDER BY number LIMIT $2`, []any{string(state)}
	}
	return pages(ctx, s, "mpi reviews", query, after, more, func(row scanner) (mpi.Review, int64, error) {
		r, _, err := readReview(s.seal.Load(), row)
		r.Mark = ""
		return r, r.Number, err
	})
}

// readReview is that of a row, with its Mark, and its digest.
func readReview(from *sealer, row scanner) (r mpi.Review, pair []byte, err error) {
	var queued, settled sql.NullInt64
	var keyID string
	var sealed []byte
	if err := row.Scan(&r.Number, &pair, &r.Reason, &r.State, &queued, &settled, &r.By, &keyID, &sealed); err != nil {
		return mpi.Review{}, nil, err
	}
	plain, err := from.open(reviewPlace(pair), keyID, sealed)
	if err == nil {
		err = decodeReview(&r, plain)
	}
	if err != nil {
		return mpi.Review{}, nil, err
	}
	r.Queued, r.Settled = instant(queued), instant(settled)
	return r, pair, nil
}
