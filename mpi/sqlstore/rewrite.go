package sqlstore

import (
	"bytes"
	"context"

	"concord"
	"concord/mpi"
)

// Rekey encrypts everything with the first key, and makes all digests with it, in one step that holds up whoever wants to
// change something meanwhile. Give every gateway the new key beside the old one first. Invalid without a key; otherwise
// errors are those of Apply.
func (s *Store) Rekey(ctx context.Context) error {
	if s.keys == nil {
		return &concord.Fault{Op: "mpi rekey", Kind: concord.Invalid}
	}
	to := newSealer(s.keys, s.keys.first)
	err := s.change(ctx, func(t txn) error {
		own, _, err := s.begin(ctx, t, 1)
		if err != nil {
			return err
		}
		return s.rewrite(ctx, t, own, to)
	})
	if err == nil {
		s.seal.Store(to)
		err = s.scrub(ctx)
	}
	return wrap(ctx, "mpi rekey", err)
}

// rewrite writes everything anew, as to has it, and says in the store that it is so.
func (s *Store) rewrite(ctx context.Context, t txn, from, to *sealer) error {
	r := rewriting{t: t, from: from, to: to}
	for _, table := range []func(context.Context) error{r.persons, r.events, r.reviews, r.records, r.standIns} {
		if err := table(ctx); err != nil {
			return err
		}
	}
	return t.do(ctx, []step{{`UPDATE mpi_store SET mac = $1, proof = $2 WHERE id = 1`, []any{to.mac, to.proof()}, 1}})
}

// rewriting is a rewrite under way.
type rewriting struct {
	t        txn
	from, to *sealer
}

// table rewrites one table page by page: query has the first parameters that the last row gave, and the page's size;
// each gives the steps for a row, and where the next page begins.
func (r rewriting) table(ctx context.Context, query string, after []any, each func(scanner) ([]step, []any, error)) error {
	for {
		n := 0
		var steps []step
		err := r.t.rows(ctx, query, append(after, pageSize), func(row scanner) error {
			more, next, err := each(row)
			n, steps, after = n+1, append(steps, more...), next
			return err
		})
		if err == nil {
			err = r.t.do(ctx, steps)
		}
		if err != nil || n < pageSize {
			return err
		}
	}
}

func (r rewriting) persons(ctx context.Context) error {
	if err := r.t.do(ctx, []step{{`DELETE FROM mpi_patient`, nil, anyRows}}); err != nil {
		return err
	}
	return r.table(ctx, queryAfter, []any{""}, func(row scanner) ([]step, []any, error) {
		p, err := readPerson(r.from, row)
		if err != nil {
			return nil, nil, err
		}
		plain, err := encodePerson(p)
		keyID, sealed := r.to.seal(personPlace(p.ID, p.Version), plain)
		steps := []step{{`UPDATE mpi_person SET key_id = $1, sealed = $2 WHERE id = $3`, []any{keyID, sealed, string(p.ID)}, 1}}
		for _, l := range p.Links {
			steps = append(steps, step{`INSERT INTO mpi_patient (ref, person) VALUES ($1, $2)`, []any{r.to.ref(l.Ref), string(p.ID)}, 1})
		}
		return steps, []any{string(p.ID)}, err
	})
}

func (r rewriting) events(ctx context.Context) error {
	const query = `SELECT seq, key_id, sealed FROM mpi_event WHERE seq > $1 ORDER BY seq LIMIT $2`
	return r.table(ctx, query, []any{int64(-1)}, func(row scanner) ([]step, []any, error) {
		var seq int64
		var keyID string
		var sealed []byte
		if err := row.Scan(&seq, &keyID, &sealed); err != nil {
			return nil, nil, err
		}
		plain, err := r.from.open(eventPlace(seq), keyID, sealed)
		if err != nil {
			return nil, nil, err
		}
		keyID, sealed = r.to.seal(eventPlace(seq), plain)
		return []step{{`UPDATE mpi_event SET key_id = $1, sealed = $2 WHERE seq = $3`, []any{keyID, sealed, seq}, 1}}, []any{seq}, nil
	})
}

func (r rewriting) reviews(ctx context.Context) error {
	return r.table(ctx, reviewColumns+`WHERE number > $1 ORDER BY number LIMIT $2`, []any{int64(-1)}, func(row scanner) ([]step, []any, error) {
		v, _, err := readReview(r.from, row)
		if err != nil {
			return nil, nil, err
		}
		plain, err := encodeReview(v)
		pair := r.to.pair(v)
		keyID, sealed := r.to.seal(reviewPlace(pair), plain)
		return []step{{`UPDATE mpi_review SET pair = $1, key_id = $2, sealed = $3 WHERE number = $4`, []any{pair, keyID, sealed, v.Number}, 1}}, []any{v.Number}, err
	})
}

func (r rewriting) records(ctx context.Context) error {
	if err := r.t.do(ctx, []step{{`DELETE FROM mpi_block`, nil, anyRows}}); err != nil {
		return err
	}
	const query = `SELECT key_id, sealed, ref FROM mpi_record WHERE ref > $1 ORDER BY ref LIMIT $2`
	return r.table(ctx, query, []any{[]byte{}}, func(row scanner) ([]step, []any, error) {
		rec, ref, err := readRecord(r.from, row)
		if err != nil {
			return nil, nil, err
		}
		if now := r.to.ref(rec.Demographics.Ref); r.from.mac != r.to.mac && bytes.Equal(now, ref) {
			return nil, []any{ref}, nil // written just now, further ahead
		}
		w := writing{own: r.to}
		w.add(1, `DELETE FROM mpi_record WHERE ref = $1`, ref)
		err = w.records([]mpi.Record{rec})
		return w.steps, []any{ref}, err
	})
}

func (r rewriting) standIns(ctx context.Context) error {
	const query = `SELECT type, alias, source, key_id, sealed FROM mpi_stand_in WHERE (type, alias) > ($1, $2) ORDER BY type, alias LIMIT $3`
	return r.table(ctx, query, []any{"", ""}, func(row scanner) ([]step, []any, error) {
		var a mpi.StandIn
		var keyID string
		var sealed []byte
		if err := row.Scan(&a.Type, &a.Alias, &a.Source, &keyID, &sealed); err != nil {
			return nil, nil, err
		}
		plain, err := r.from.open(standInPlace(a.Type, a.Alias), keyID, sealed)
		if err != nil {
			return nil, nil, err
		}
		a.ID = string(plain)
		keyID, sealed = r.to.seal(standInPlace(a.Type, a.Alias), plain)
		return []step{{`UPDATE mpi_stand_in SET digest = $1, key_id = $2, sealed = $3 WHERE type = $4 AND alias = $5`,
			[]any{r.to.standIn(a), keyID, sealed, a.Type, a.Alias}, 1}}, []any{a.Type, a.Alias}, nil
	})
}
