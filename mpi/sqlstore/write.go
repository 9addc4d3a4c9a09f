package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"concord"
	"concord/mpi"
)

// Put implements mpi.Store.
func (s *Store) Put(ctx context.Context, p mpi.Person) (mpi.Person, error) {
	all, err := s.PutAll(ctx, p)
	if err != nil {
		return mpi.Person{}, err
	}
	return all[0], nil
}

// PutAll implements mpi.Store.
func (s *Store) PutAll(ctx context.Context, all ...mpi.Person) ([]mpi.Person, error) {
	put, err := mpi.CanonicalAll(all)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		// All let go before one takes: a link may go from one of them to another.
		for i := range put {
			if err := release(ctx, tx, &put[i]); err != nil {
				return err
			}
		}
		for i := range put {
			if err := fill(ctx, tx, &put[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, wrap(ctx, "mpi put", err)
	}
	return put, nil
}

// change makes changes as one step.
func (s *Store) change(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		if undone := tx.Rollback(); undone != nil && !errors.Is(undone, sql.ErrTxDone) {
			return errors.Join(err, undone)
		}
		return err
	}
	return tx.Commit()
}

func conflict() error { return &concord.Fault{Op: "mpi put", Kind: concord.Conflict} }

// release takes p's rows away but for its own, which it brings to the next version.
func release(ctx context.Context, tx *sql.Tx, p *mpi.Person) error {
	var err error
	switch {
	case p.Version > 0:
		err = exactlyOne(tx.ExecContext(ctx, `UPDATE person SET version = version + 1, created = ? WHERE id = ? AND version = ?`,
			column(p.Created), string(p.ID), p.Version))
	case len(p.Links) > 0:
		return exactlyOne(tx.ExecContext(ctx, `INSERT INTO person (id, version, created) VALUES (?, 1, ?) ON CONFLICT (id) DO NOTHING`,
			string(p.ID), column(p.Created)))
	default: // there is nothing to delete, if nothing is there
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM person WHERE id = ?`, string(p.ID)).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return conflict()
		}
		return nil
	}
	for _, table := range []string{`DELETE FROM link WHERE person = ?`, `DELETE FROM absent WHERE person = ?`, `DELETE FROM rejected WHERE person = ?`} {
		if err == nil {
			_, err = tx.ExecContext(ctx, table, string(p.ID))
		}
	}
	return err
}

// fill writes p's rows, or deletes p when it has no links.
func fill(ctx context.Context, tx *sql.Tx, p *mpi.Person) error {
	if len(p.Links) == 0 {
		p.Version = 0
		_, err := tx.ExecContext(ctx, `DELETE FROM person WHERE id = ?`, string(p.ID))
		return err
	}
	p.Version++
	for _, l := range p.Links {
		manual := 0
		if l.Manual {
			manual = 1
		}
		err := exactlyOne(tx.ExecContext(ctx, `INSERT INTO link (source, patient, person, grade, score, rule, manual) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (source, patient) DO NOTHING`, string(l.Ref.Source), l.Ref.Reveal(), string(p.ID), int64(l.Grade), l.Score, l.Rule, manual))
		if err != nil {
			return err
		}
	}
	for source, at := range p.Absent {
		if _, err := tx.ExecContext(ctx, `INSERT INTO absent (person, source, at) VALUES (?, ?, ?)`, string(p.ID), string(source), column(at)); err != nil {
			return err
		}
	}
	for _, r := range p.Rejected {
		if _, err := tx.ExecContext(ctx, `INSERT INTO rejected (person, source, patient) VALUES (?, ?, ?)`, string(p.ID), string(r.Source), r.Reveal()); err != nil {
			return err
		}
	}
	return nil
}

// exactlyOne is a Conflict when a statement did not do what it should to its one row.
func exactlyOne(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err != nil {
		return err
	}
	if n != 1 {
		return conflict()
	}
	return nil
}

// Save implements mpi.StandIns.
func (s *Store) Save(ctx context.Context, all []mpi.StandIn) error {
	if err := ctx.Err(); err != nil {
		return mpi.ContextFault("mpi save", err)
	}
	if len(all) == 0 {
		return nil
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		for _, a := range all {
			r, err := tx.ExecContext(ctx, `INSERT INTO stand_in (type, alias, source, id) VALUES (?, ?, ?, ?) ON CONFLICT (type, alias) DO NOTHING`,
				a.Type, a.Alias, string(a.Source), a.ID)
			if err := exactlyOne(r, err); err == nil {
				continue
			} else if !errors.Is(err, concord.Conflict) {
				return err
			}
			had := a
			if err := tx.QueryRowContext(ctx, `SELECT source, id FROM stand_in WHERE type = ? AND alias = ?`, a.Type, a.Alias).Scan(&had.Source, &had.ID); err != nil {
				return err
			}
			if had != a {
				return &concord.Fault{Op: "mpi save", Kind: concord.Conflict}
			}
		}
		return nil
	})
	return wrap(ctx, "mpi save", err)
}
