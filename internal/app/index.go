package app

import (
	"context"

	"concord/internal/config"
	"concord/mpi"
	"concord/mpi/cached"
	"concord/mpi/match"
	"concord/mpi/memstore"
	"concord/mpi/sqlstore"
)

// openIndex opens the master patient index.
func (a *App) openIndex(ctx context.Context, cfg config.MPI) (*mpi.Index, *cached.Store, error) {
	inner, closer, err := openStore(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	a.closers = append(a.closers, closer)
	c, err := cached.New(inner, cached.Options{})
	if err != nil {
		return nil, nil, err
	}
	a.closers = append(a.closers, func() error { c.Close(); return nil })
	return mpi.NewIndex(c).WithKeys(BlockingKeys), c, nil
}

// openStore opens the index's store, with the keys that encrypt it.
func openStore(ctx context.Context, c config.MPI) (mpi.Backend, func() error, error) {
	var name string
	switch c.Store.Kind {
	case config.IndexMemory:
		return memstore.New(), func() error { return nil }, nil
	case config.IndexPostgres:
		name = c.Store.URL
	default:
		name = "sqlite:" + c.Store.Path
		if c.KeyFile == c.Store.Path+".key" {
			if err := sqlstore.MakeKeyFile(c.KeyFile); err != nil {
				return nil, nil, err
			}
		}
	}
	var o sqlstore.Options
	if c.KeyFile != "" {
		keys, err := sqlstore.ReadKeys(c.KeyFile)
		if err != nil {
			return nil, nil, err
		}
		o.Keys = keys
	}
	s, err := sqlstore.Open(ctx, name, o)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

// BlockingKeys are those under which a patient's demographics are kept, and looked for: those by which matching finds most of
// who is the same, and few others. Linking all of them at once uses them all; a table of those would be several times as large.
func BlockingKeys(d mpi.Demographics) []uint64 {
	r := match.Prepare(d)
	all := r.Keys(nil)
	out := make([]uint64, 0, len(all))
	for _, k := range all {
		switch k.Pass {
		case match.ByIdentifier, match.BySSN, match.ByPhone, match.ByEmail, match.ByBirthDate, match.ByNames, match.ByHouse:
			out = append(out, k.Hash[0])
		case match.ByNamePlace, match.ByDay:
			out = append(out, k.Hash[1])
		}
	}
	return out
}
