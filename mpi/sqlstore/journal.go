package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"

	"concord/mpi"
)

// most is how many changes are listed before all is said to have changed.
const most = 1000

// Changes implements mpi.Journal.
func (s *Store) Changes(ctx context.Context, since int64) (mpi.Changes, error) {
	if err := ctx.Err(); err != nil {
		return mpi.Changes{}, mpi.ContextFault("mpi changes", err)
	}
	c, err := s.changes(ctx, since)
	if err != nil {
		return mpi.Changes{}, wrap(ctx, "mpi changes", err)
	}
	return c, nil
}

func (s *Store) changes(ctx context.Context, since int64) (c mpi.Changes, err error) {
	var mac string
	var proof []byte
	if err := s.stmt.store.QueryRowContext(ctx).Scan(&c.Seq, &mac, &proof); err != nil {
		return c, err
	}
	if mac != s.seal.Load().mac {
		own, err := s.sealerFor(mac, proof)
		if err != nil {
			return c, err
		}
		s.seal.Store(own)
		c.All = true
		return c, nil
	}
	if since >= c.Seq {
		return c, nil
	}
	// What is changed between the two statements is listed too early, which is no harm.
	for _, query := range []string{`SELECT id FROM mpi_person WHERE changed > $1 ORDER BY changed LIMIT $2`,
		`SELECT id FROM mpi_retired WHERE changed > $1 ORDER BY changed LIMIT $2`} {
		rows, err := s.read.QueryContext(ctx, query, since, most+1)
		err = every(rows, err, func(row scanner) error {
			var id mpi.PersonID
			err := row.Scan(&id)
			c.Persons = append(c.Persons, id)
			return err
		})
		if err != nil {
			return c, err
		}
		if len(c.Persons) > most {
			c.Persons, c.All = nil, true
			return c, nil
		}
	}
	return c, nil
}

// Events implements mpi.Journal.
func (s *Store) Events(ctx context.Context, since int64) iter.Seq2[mpi.Event, error] {
	const query = `SELECT seq, at, kind, who, person, former, rule, key_id, sealed FROM mpi_event WHERE seq > $1 ORDER BY seq LIMIT $2`
	return pages(ctx, s, "mpi events", query, since, nil, func(row scanner) (mpi.Event, int64, error) {
		var e mpi.Event
		var at sql.NullInt64
		var keyID string
		var sealed []byte
		if err := row.Scan(&e.Seq, &at, &e.Kind, &e.By, &e.Person, &e.Former, &e.Rule, &keyID, &sealed); err != nil {
			return e, 0, err
		}
		plain, err := s.seal.Load().open(eventPlace(e.Seq), keyID, sealed)
		if err != nil {
			return e, 0, err
		}
		var refs []storedRef
		if json.Unmarshal(plain, &refs) != nil {
			return e, 0, errBroken
		}
		e.At, e.Refs = instant(at), refsIn(refs)
		return e, e.Seq, nil
	})
}
