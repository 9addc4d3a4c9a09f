package sqlstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"concord"
	"concord/mpi"
	"concord/mpi/cached"
	"concord/mpi/mpitest"
	"concord/mpi/sqlstore"
)

// A server that drops all connections is an error for whoever used one just then, and nothing is answered from what may
// be old; soon after everything works again.
func TestConnectionsAreDropped(t *testing.T) {
	ctx := context.Background()
	url := postgres.Database(t)
	s := openStore(t, url, sqlstore.Options{Keys: keys(t), Conns: 4})
	mpitest.Fill(t, s, 1)
	c, err := cached.New(s, cached.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	ref := mpitest.Refs(1)[0]
	for round := range 3 {
		if _, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(20 * time.Second)
		for works := 0; works < 5; works++ {
			p, err := s.ByRef(ctx, ref)
			if err == nil {
				_, err = s.Put(ctx, p)
			}
			if err == nil {
				err = c.Sync(ctx)
			}
			if err != nil {
				works = -1
				if concord.KindOf(err) != concord.Unavailable || time.Now().After(end) {
					t.Fatalf("round %d: %v", round, err)
				}
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Sync(ctx); concord.KindOf(err) != concord.Unavailable {
		t.Errorf("Sync with a store that is closed: %v", err)
	}
	if _, err := s.Apply(ctx, mpi.Change{Events: make([]mpi.Event, 1)}); concord.KindOf(err) != concord.Unavailable {
		t.Errorf("Apply: %v", err)
	}
}

func TestOpenPostgresRefuses(t *testing.T) {
	tests := []struct {
		name, url string
		want      concord.Kind
	}{
		{"no URL", "postgres://a b", concord.Invalid},
		{"another database", "mysql://host/db", concord.Invalid},
		{"no file", "sqlite:", concord.Invalid},
		{"nobody there", "postgres://concord@127.0.0.1:1/concord?sslmode=disable&connect_timeout=1", concord.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			s, err := sqlstore.Open(ctx, tt.url, sqlstore.Options{})
			if concord.KindOf(err) != tt.want || s != nil {
				t.Errorf("%v instead of %v", err, tt.want)
			}
		})
	}
}
