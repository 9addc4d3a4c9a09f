package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"concord"
	"concord/mpi"
)

// carryOver brings what the first tables held to those of today, in the clear, and drops them. It is a migration of SQLite;
// PostgreSQL never had them.
func carryOver(ctx context.Context, tx *sql.Tx) error {
	t := sqliteTxn{tx: tx, prepared: map[string]*sql.Stmt{}}
	err := carry(ctx, t)
	if closed := t.close(); err == nil {
		err = closed
	}
	for _, table := range []string{`DROP TABLE stand_in`, `DROP TABLE rejected`, `DROP TABLE absent`, `DROP TABLE link`, `DROP TABLE person`} {
		if err == nil {
			_, err = tx.ExecContext(ctx, table)
		}
	}
	return err
}

func carry(ctx context.Context, t sqliteTxn) error {
	var n int
	if err := t.row(ctx, `SELECT (SELECT COUNT(*) FROM person) + (SELECT COUNT(*) FROM stand_in)`, nil, &n); err != nil || n == 0 {
		return err
	}
	legible := newSealer(nil, noKey)
	persons := map[mpi.PersonID]*mpi.Person{}
	err := t.rows(ctx, `SELECT id, version, created FROM person`, nil, func(row scanner) error {
		var p mpi.Person
		var created sql.NullInt64
		err := row.Scan(&p.ID, &p.Version, &created)
		p.Created = instant(created)
		persons[p.ID] = &p
		return err
	})
	if err != nil {
		return err
	}
	of := func(id mpi.PersonID) *mpi.Person {
		if persons[id] == nil { // can't be: the tables refer to it
			persons[id] = &mpi.Person{ID: id, Version: 1}
		}
		return persons[id]
	}
	err = t.rows(ctx, `SELECT person, source, patient, grade, score, rule, manual FROM link`, nil, func(row scanner) error {
		var id mpi.PersonID
		var source, patient string
		var l mpi.Link
		var manual int64
		err := row.Scan(&id, &source, &patient, &l.Grade, &l.Score, &l.Rule, &manual)
		l.Ref, l.Manual = concord.NewPatientRef(concord.SourceID(source), patient), manual != 0
		of(id).Links = append(of(id).Links, l)
		return err
	})
	if err != nil {
		return err
	}
	err = t.rows(ctx, `SELECT person, source, at FROM absent`, nil, func(row scanner) error {
		var id mpi.PersonID
		var source string
		var at sql.NullInt64
		err := row.Scan(&id, &source, &at)
		if of(id).Absent == nil {
			of(id).Absent = map[concord.SourceID]time.Time{}
		}
		of(id).Absent[concord.SourceID(source)] = instant(at)
		return err
	})
	if err != nil {
		return err
	}
	err = t.rows(ctx, `SELECT person, source, patient FROM rejected`, nil, func(row scanner) error {
		var id mpi.PersonID
		var source, patient string
		err := row.Scan(&id, &source, &patient)
		of(id).Rejected = append(of(id).Rejected, concord.NewPatientRef(concord.SourceID(source), patient))
		return err
	})
	if err != nil {
		return err
	}
	var steps []step
	for _, p := range persons {
		c, err := p.Canonical()
		if err != nil {
			return err
		}
		plain, err := encodePerson(c)
		if err != nil {
			return err
		}
		steps = append(steps, step{`INSERT INTO mpi_person (id, version, created, changed, key_id, sealed) VALUES ($1, $2, $3, 0, '', $4)`,
			[]any{string(c.ID), c.Version, column(c.Created), plain}, 1})
		for _, l := range c.Links {
			steps = append(steps, step{`INSERT INTO mpi_patient (ref, person) VALUES ($1, $2)`, []any{legible.ref(l.Ref), string(c.ID)}, 1})
		}
	}
	err = t.rows(ctx, `SELECT type, alias, source, id FROM stand_in`, nil, func(row scanner) error {
		var a mpi.StandIn
		err := row.Scan(&a.Type, &a.Alias, &a.Source, &a.ID)
		steps = append(steps, step{`INSERT INTO mpi_stand_in (type, alias, source, digest, key_id, sealed) VALUES ($1, $2, $3, $4, '', $5)`,
			[]any{a.Type, a.Alias, string(a.Source), legible.standIn(a), []byte(a.ID)}, 1})
		return err
	})
	if err != nil {
		return err
	}
	steps = append(steps, step{`UPDATE mpi_store SET mac = $1, proof = $2 WHERE id = 1`, []any{noKey, legible.proof()}, 1})
	return t.do(ctx, steps)
}
