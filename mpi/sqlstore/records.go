package sqlstore

import (
	"context"
	"iter"
	"slices"

	"concord"
	"concord/mpi"
)

// Keeps implements mpi.Records: with a key.
func (s *Store) Keeps() bool { return s.keys != nil }

func (s *Store) mayKeep(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return mpi.ContextFault(op, err)
	}
	if !s.Keeps() {
		return &concord.Fault{Op: op, Kind: concord.Unsupported}
	}
	return nil
}

// Record implements mpi.Records.
func (s *Store) Record(ctx context.Context, ref concord.PatientRef) (mpi.Record, error) {
	if err := s.mayKeep(ctx, "mpi record"); err != nil {
		return mpi.Record{}, err
	}
	own := s.seal.Load()
	r, _, err := readRecord(own, s.read.QueryRowContext(ctx, `SELECT key_id, sealed, ref FROM mpi_record WHERE ref = $1`, own.ref(ref)))
	return r, wrap(ctx, "mpi record", err)
}

func readRecord(from *sealer, row scanner) (r mpi.Record, ref []byte, err error) {
	var keyID string
	var sealed []byte
	if err := row.Scan(&keyID, &sealed, &ref); err != nil {
		return mpi.Record{}, nil, err
	}
	plain, err := from.open(recordPlace(ref), keyID, sealed)
	if err != nil {
		return mpi.Record{}, nil, err
	}
	r, err = decodeRecord(plain)
	return r, ref, err
}

// Blocked implements mpi.Records.
func (s *Store) Blocked(ctx context.Context, keys []uint64, most int) (found []mpi.Record, over int, err error) {
	if err := s.mayKeep(ctx, "mpi blocked"); err != nil {
		return nil, 0, err
	}
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	own := s.seal.Load()
	members := map[int64]bool{}
	used := keys[:0:0]
	for _, k := range keys {
		limit := most + 1
		if most <= 0 {
			limit = 1 << 30
		}
		var block []int64
		rows, err := s.read.QueryContext(ctx, `SELECT half FROM mpi_block WHERE block = $1 LIMIT $2`, own.block(k), limit)
		err = every(rows, err, func(row scanner) error {
			var half int64
			err := row.Scan(&half)
			block = append(block, half)
			return err
		})
		if err != nil {
			return nil, 0, wrap(ctx, "mpi blocked", err)
		}
		if most > 0 && len(block) > most {
			over++
			continue
		}
		used = append(used, k)
		for _, half := range block {
			members[half] = true
		}
	}
	for half := range members {
		least, greatest := halves(half)
		rows, err := s.read.QueryContext(ctx, `SELECT key_id, sealed, ref FROM mpi_record WHERE ref >= $1 AND ref <= $2`, least, greatest)
		err = every(rows, err, func(row scanner) error {
			r, _, err := readRecord(own, row)
			if err == nil && slices.ContainsFunc(r.Keys, func(k uint64) bool { return slices.Contains(used, k) }) { // and not only had one once
				found = append(found, r)
			}
			return err
		})
		if err != nil {
			return nil, 0, wrap(ctx, "mpi blocked", err)
		}
	}
	slices.SortFunc(found, func(a, b mpi.Record) int { return mpi.CompareRefs(a.Demographics.Ref, b.Demographics.Ref) })
	return found, over, nil
}

// Records implements mpi.Records.
func (s *Store) Records(ctx context.Context, after concord.PatientRef) iter.Seq2[mpi.Record, error] {
	if err := s.mayKeep(ctx, "mpi records"); err != nil {
		return func(yield func(mpi.Record, error) bool) { yield(mpi.Record{}, err) }
	}
	from := []byte{}
	if !after.IsZero() {
		from = s.seal.Load().ref(after)
	}
	const query = `SELECT key_id, sealed, ref FROM mpi_record WHERE ref > $1 ORDER BY ref LIMIT $2`
	return pages(ctx, s, "mpi records", query, from, nil, func(row scanner) (mpi.Record, []byte, error) {
		return readRecord(s.seal.Load(), row)
	})
}
