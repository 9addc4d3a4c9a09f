package memstore_test

import (
	"context"
	"testing"

	"concord/mpi/memstore"
	"concord/mpi/mpitest"
)

func TestSuite(t *testing.T) {
	mpitest.Run(t, func(*testing.T) mpitest.Fixture { return mpitest.Fixture{Backend: memstore.New()} })
}

func BenchmarkByRef(b *testing.B) {
	s := memstore.New()
	mpitest.Fill(b, s, 10_000)
	ctx := context.Background()
	refs := mpitest.Refs(10_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.ByRef(ctx, refs[i%len(refs)]); err != nil {
			b.Fatal(err)
		}
	}
}
