package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"concord"
	"concord/mpi"
)

// Save implements mpi.StandIns.
func (s *Store) Save(ctx context.Context, all []mpi.StandIn) error {
	if err := ctx.Err(); err != nil {
		return mpi.ContextFault("mpi save", err)
	}
	if len(all) == 0 {
		return nil
	}
	all = slices.Clone(all) // in one order, so that two who save the same do not wait for each other
	slices.SortFunc(all, func(a, b mpi.StandIn) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Alias, b.Alias)) })
	save := func(t txn) error {
		own := s.seal.Load()
		var seq int64
		err := t.row(ctx, `SELECT seq FROM mpi_store WHERE id = 1 AND mac = $1`+s.share(), []any{own.mac}, &seq)
		if errors.Is(err, errNoRow) {
			return s.otherKey(ctx, t)
		}
		if err != nil {
			return err
		}
		steps := make([]step, len(all))
		for i, a := range all {
			keyID, sealed := own.seal(standInPlace(a.Type, a.Alias), []byte(a.ID))
			// One that is there already is touched if it is the same, and otherwise not.
			steps[i] = step{rows: 1, sql: `INSERT INTO mpi_stand_in (type, alias, source, digest, key_id, sealed) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (type, alias) DO UPDATE SET digest = excluded.digest WHERE mpi_stand_in.digest = excluded.digest`,
				args: []any{a.Type, a.Alias, string(a.Source), own.standIn(a), keyID, sealed}}
		}
		return t.do(ctx, steps)
	}
	before := s.seal.Load()
	err := s.change(ctx, save)
	if errors.Is(err, concord.Conflict) && s.seal.Load() != before { // the key was another one, and nothing else
		err = s.change(ctx, save)
	}
	return wrap(ctx, "mpi save", err)
}

// Find implements mpi.StandIns.
func (s *Store) Find(ctx context.Context, resourceType, alias string) (mpi.StandIn, error) {
	if err := ctx.Err(); err != nil {
		return mpi.StandIn{}, mpi.ContextFault("mpi find", err)
	}
	a := mpi.StandIn{Type: resourceType, Alias: alias}
	var keyID string
	var sealed []byte
	err := s.stmt.standIn.QueryRowContext(ctx, resourceType, alias).Scan(&a.Source, &keyID, &sealed)
	if err == nil {
		sealed, err = s.seal.Load().open(standInPlace(resourceType, alias), keyID, sealed)
	}
	if err != nil {
		return mpi.StandIn{}, wrap(ctx, "mpi find", err)
	}
	a.ID = string(sealed)
	return a, nil
}
