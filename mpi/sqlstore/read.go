package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"strings"
	"time"

	"concord"
	"concord/mpi"
)

const (
	queryPerson  = `SELECT id, version, created, key_id, sealed FROM mpi_person WHERE id = $1`
	queryByRef   = `SELECT p.id, p.version, p.created, p.key_id, p.sealed FROM mpi_patient t JOIN mpi_person p ON p.id = t.person WHERE t.ref = $1`
	queryAfter   = `SELECT id, version, created, key_id, sealed FROM mpi_person WHERE id > $1 ORDER BY id LIMIT $2`
	queryRetired = `SELECT heirs FROM mpi_retired WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM mpi_person WHERE mpi_person.id = mpi_retired.id)`
	queryStore   = `SELECT seq, mac, proof FROM mpi_store WHERE id = 1`
	queryStandIn = `SELECT source, key_id, sealed FROM mpi_stand_in WHERE type = $1 AND alias = $2`
)

// statements are those that answers wait for, prepared.
type statements struct{ person, byRef, store, standIn *sql.Stmt }

func prepare(ctx context.Context, db *sql.DB) (statements, error) {
	var s statements
	var errs [4]error
	s.person, errs[0] = db.PrepareContext(ctx, queryPerson)
	s.byRef, errs[1] = db.PrepareContext(ctx, queryByRef)
	s.store, errs[2] = db.PrepareContext(ctx, queryStore)
	s.standIn, errs[3] = db.PrepareContext(ctx, queryStandIn)
	return s, errors.Join(errs[:]...)
}

func (s statements) close() error {
	var errs []error
	for _, x := range []*sql.Stmt{s.person, s.byRef, s.store, s.standIn} {
		if x != nil {
			errs = append(errs, x.Close())
		}
	}
	return errors.Join(errs...)
}

// Person implements mpi.Store.
func (s *Store) Person(ctx context.Context, id mpi.PersonID) (mpi.Person, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Person{}, mpi.ContextFault("mpi person", err)
	}
	p, err := s.person(s.stmt.person.QueryRowContext(ctx, string(id)))
	return p, wrap(ctx, "mpi person", err)
}

// ByRef implements mpi.Store.
func (s *Store) ByRef(ctx context.Context, ref concord.PatientRef) (mpi.Person, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Person{}, mpi.ContextFault("mpi by ref", err)
	}
	if !mpi.IsPatient(ref) {
		return mpi.Person{}, &concord.Fault{Op: "mpi by ref", Kind: concord.NotFound}
	}
	p, err := s.person(s.stmt.byRef.QueryRowContext(ctx, s.seal.Load().ref(ref)))
	return p, wrap(ctx, "mpi by ref", err)
}

// person is that of a row.
func (s *Store) person(row scanner) (mpi.Person, error) { return readPerson(s.seal.Load(), row) }

func readPerson(from *sealer, row scanner) (mpi.Person, error) {
	var (
		p       mpi.Person
		created sql.NullInt64
		keyID   string
		sealed  []byte
	)
	if err := row.Scan(&p.ID, &p.Version, &created, &keyID, &sealed); err != nil {
		return mpi.Person{}, err
	}
	plain, err := from.open(personPlace(p.ID, p.Version), keyID, sealed)
	if err != nil {
		return mpi.Person{}, err
	}
	p.Created = instant(created)
	if err := decodePerson(&p, plain); err != nil {
		return mpi.Person{}, err
	}
	return p, nil
}

// Retired implements mpi.Store.
func (s *Store) Retired(ctx context.Context, id mpi.PersonID) (mpi.Retired, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Retired{}, mpi.ContextFault("mpi retired", err)
	}
	var heirs string
	if err := s.read.QueryRowContext(ctx, queryRetired, string(id)).Scan(&heirs); err != nil {
		return mpi.Retired{}, wrap(ctx, "mpi retired", err)
	}
	r := mpi.Retired{ID: id}
	for h := range strings.FieldsSeq(heirs) {
		r.Into = append(r.Into, mpi.PersonID(h))
	}
	return r, nil
}

// pageSize is how many rows are read at once where all are.
const pageSize = 500

// pages is all that query gives page by page, ordered by the last of its columns, which is its first parameter too. A
// page is read as a whole before one of it is given, so that the caller may change the store meanwhile.
func pages[K, V any](ctx context.Context, s *Store, op, query string, after K, more []any, read func(scanner) (V, K, error)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var zero V
		for {
			if err := ctx.Err(); err != nil {
				yield(zero, mpi.ContextFault(op, err))
				return
			}
			var page []V
			rows, err := s.read.QueryContext(ctx, query, append([]any{after, pageSize}, more...)...)
			err = every(rows, err, func(row scanner) error {
				v, k, err := read(row)
				page, after = append(page, v), k
				return err
			})
			if err != nil {
				yield(zero, wrap(ctx, op, err))
				return
			}
			for _, v := range page {
				if err := ctx.Err(); err != nil {
					yield(zero, mpi.ContextFault(op, err))
					return
				}
				if !yield(v, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

// All implements mpi.Store. Persons that change while it runs may come as they were or as they are.
func (s *Store) All(ctx context.Context) iter.Seq2[mpi.Person, error] {
	return pages(ctx, s, "mpi all", queryAfter, "", nil, func(row scanner) (mpi.Person, string, error) {
		p, err := s.person(row)
		return p, string(p.ID), err
	})
}

// instant is the time in a column, and the zero time for NULL.
func instant(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64).UTC()
}

// column is instant the other way round.
func column(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}
