package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"time"

	"concord"
	"concord/mpi"
)

// What a row of the big query is.
const (
	rowPerson = iota
	rowLink
	rowAbsent
	rowRejected
)

// whole reads persons as wholes with one statement, so that what comes is of one moment. "who" must name their ids.
const whole = `
SELECT person.id, 0, '', '', person.version, 0, person.created, 0.0, '' FROM person JOIN who ON who.id = person.id
UNION ALL
SELECT link.person, 1, link.source, link.patient, link.grade, link.manual, NULL, link.score, link.rule FROM link JOIN who ON who.id = link.person
UNION ALL
SELECT absent.person, 2, absent.source, '', 0, 0, absent.at, 0.0, '' FROM absent JOIN who ON who.id = absent.person
UNION ALL
SELECT rejected.person, 3, rejected.source, rejected.patient, 0, 0, NULL, 0.0, '' FROM rejected JOIN who ON who.id = rejected.person
ORDER BY 1, 2, 3, 4`

const (
	queryPerson  = `WITH who (id) AS (SELECT id FROM person WHERE id = ?)` + whole
	queryByRef   = `WITH who (id) AS (SELECT person FROM link WHERE source = ? AND patient = ?)` + whole
	queryAfter   = `WITH who (id) AS (SELECT id FROM person WHERE id > ? ORDER BY id LIMIT ?)` + whole
	queryStandIn = `SELECT source, id FROM stand_in WHERE type = ? AND alias = ?`
)

// statements are those that answers wait for, prepared.
type statements struct{ person, byRef, standIn *sql.Stmt }

func prepare(ctx context.Context, db *sql.DB) (statements, error) {
	var s statements
	var errs [3]error
	s.person, errs[0] = db.PrepareContext(ctx, queryPerson)
	s.byRef, errs[1] = db.PrepareContext(ctx, queryByRef)
	s.standIn, errs[2] = db.PrepareContext(ctx, queryStandIn)
	return s, errors.Join(errs[:]...)
}

func (s statements) close() error {
	var errs []error
	for _, x := range []*sql.Stmt{s.person, s.byRef, s.standIn} {
		if x != nil {
			errs = append(errs, x.Close())
		}
	}
	return errors.Join(errs...)
}

// Person implements mpi.Store.
func (s *Store) Person(ctx context.Context, id mpi.PersonID) (mpi.Person, error) {
	return one(ctx, "mpi person", func() (*sql.Rows, error) { return s.stmt.person.QueryContext(ctx, string(id)) })
}

// ByRef implements mpi.Store.
func (s *Store) ByRef(ctx context.Context, ref concord.PatientRef) (mpi.Person, error) {
	if !mpi.IsPatient(ref) {
		return mpi.Person{}, &concord.Fault{Op: "mpi by ref", Kind: concord.NotFound}
	}
	return one(ctx, "mpi by ref", func() (*sql.Rows, error) {
		return s.stmt.byRef.QueryContext(ctx, string(ref.Source), ref.Reveal())
	})
}

func one(ctx context.Context, op string, query func() (*sql.Rows, error)) (mpi.Person, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Person{}, mpi.ContextFault(op, err)
	}
	found, err := persons(query())
	if err != nil {
		return mpi.Person{}, wrap(ctx, op, err)
	}
	if len(found) == 0 {
		return mpi.Person{}, &concord.Fault{Op: op, Kind: concord.NotFound}
	}
	return found[0], nil
}

// pageSize is how many persons All reads at a time, so that no reader keeps SQLite from tidying its log for long.
const pageSize = 256

// All implements mpi.Store. Persons made or changed while it runs may come as they were or as they are.
func (s *Store) All(ctx context.Context) iter.Seq2[mpi.Person, error] {
	return func(yield func(mpi.Person, error) bool) {
		for after := mpi.PersonID(""); ; {
			if err := ctx.Err(); err != nil {
				yield(mpi.Person{}, mpi.ContextFault("mpi all", err))
				return
			}
			page, err := persons(s.read.QueryContext(ctx, queryAfter, string(after), pageSize))
			if err != nil {
				yield(mpi.Person{}, wrap(ctx, "mpi all", err))
				return
			}
			for _, p := range page {
				if err := ctx.Err(); err != nil {
					yield(mpi.Person{}, mpi.ContextFault("mpi all", err))
					return
				}
				if !yield(p, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			after = page[len(page)-1].ID
		}
	}
}

// persons are those of the rows of whole.
func persons(rows *sql.Rows, err error) (out []mpi.Person, failed error) {
	if err != nil {
		return nil, err
	}
	defer func() { failed = errors.Join(failed, rows.Close()) }()
	for rows.Next() {
		var (
			id                    mpi.PersonID
			kind                  int
			source, patient, rule string
			number, manual        int64
			at                    sql.NullInt64
			score                 float64
		)
		if err := rows.Scan(&id, &kind, &source, &patient, &number, &manual, &at, &score, &rule); err != nil {
			return nil, err
		}
		if kind == rowPerson {
			out = append(out, mpi.Person{ID: id, Version: number, Created: instant(at)})
			continue
		}
		if len(out) == 0 {
			continue // can't be: a person's own row comes first
		}
		p := &out[len(out)-1]
		switch kind {
		case rowLink:
			ref := concord.NewPatientRef(concord.SourceID(source), patient)
			p.Links = append(p.Links, mpi.Link{Ref: ref, Grade: mpi.Grade(number), Score: score, Rule: rule, Manual: manual != 0})
		case rowAbsent:
			if p.Absent == nil {
				p.Absent = map[concord.SourceID]time.Time{}
			}
			p.Absent[concord.SourceID(source)] = instant(at)
		case rowRejected:
			p.Rejected = append(p.Rejected, concord.NewPatientRef(concord.SourceID(source), patient))
		}
	}
	return out, rows.Err()
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

// Find implements mpi.StandIns.
func (s *Store) Find(ctx context.Context, resourceType, alias string) (mpi.StandIn, error) {
	if err := ctx.Err(); err != nil {
		return mpi.StandIn{}, mpi.ContextFault("mpi find", err)
	}
	a := mpi.StandIn{Type: resourceType, Alias: alias}
	err := s.stmt.standIn.QueryRowContext(ctx, resourceType, alias).Scan(&a.Source, &a.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return mpi.StandIn{}, &concord.Fault{Op: "mpi find", Kind: concord.NotFound}
	}
	if err != nil {
		return mpi.StandIn{}, wrap(ctx, "mpi find", err)
	}
	return a, nil
}
