package sqlstore_test

import (
	"context"
	"strconv"
	"testing"

	"concord"
	"concord/mpi"
	"concord/mpi/cached"
	"concord/mpi/mpitest"
	"concord/mpi/sqlstore"
)

// people is how many the stores of the benchmarks hold.
const people = 10_000

// stores runs a benchmark on both databases.
func stores(b *testing.B, run func(b *testing.B, s *sqlstore.Store)) {
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		b.Run(name, func(b *testing.B) {
			run(b, openStore(b, keyed(b)[name](b), sqlstore.Options{Keys: keys(b)}))
		})
	}
}

func BenchmarkUncached(b *testing.B) {
	stores(b, func(b *testing.B, s *sqlstore.Store) {
		mpitest.Fill(b, s, people)
		refs := mpitest.Refs(people)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := s.ByRef(context.Background(), refs[i%len(refs)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCached(b *testing.B) {
	stores(b, func(b *testing.B, s *sqlstore.Store) {
		mpitest.Fill(b, s, people)
		refs := mpitest.Refs(people)
		c, err := cached.New(s, cached.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(c.Close)
		ctx := context.Background()
		if err := c.Sync(ctx); err != nil {
			b.Fatal(err)
		}
		for range 2 {
			for _, r := range refs {
				if _, err := c.ByRef(ctx, r); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := c.ByRef(ctx, refs[i%len(refs)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSync(b *testing.B) {
	stores(b, func(b *testing.B, s *sqlstore.Store) {
		c, err := cached.New(s, cached.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(c.Close)
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Sync(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPut makes one person durable.
func BenchmarkPut(b *testing.B) {
	stores(b, func(b *testing.B, s *sqlstore.Store) {
		for i := 0; b.Loop(); i++ {
			l := mpi.Link{Ref: concord.NewPatientRef("epic", strconv.Itoa(i)), Grade: mpi.Certain}
			if _, err := s.Put(context.Background(), mpi.Person{ID: mpi.NewPersonID(), Links: []mpi.Link{l}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkImport keeps demographics with seven blocking keys, and makes them persons, by the thousand; one iteration is a
// thousand patients.
func BenchmarkImport(b *testing.B) {
	stores(b, func(b *testing.B, s *sqlstore.Store) {
		ctx := context.Background()
		x := mpi.NewIndex(s)
		n := uint64(0)
		for b.Loop() {
			var c mpi.Change
			var clusters [][]mpi.Link
			for range 1000 {
				n++
				r := concord.NewPatientRef("epic", strconv.FormatUint(n, 10))
				var block []uint64
				for k := range uint64(7) {
					block = append(block, (n*2654435761+k*40503)%1_000_003)
				}
				c.Records = append(c.Records, mpi.Record{Keys: block, Demographics: mpi.Demographics{Ref: r, Names: []mpi.Name{{Family: "Smith", Given: []string{"Mary", "Ann"}}},
					BirthDate: "1970-01-02", Gender: "female", Phones: []string{"2175550143"}, Addresses: []mpi.Address{{Lines: []string{"1 Main St"}, City: "Springfield", PostalCode: "62701"}}}})
				clusters = append(clusters, []mpi.Link{{Ref: r, Grade: mpi.Certain, Score: 1, Rule: mpi.RuleSeed}})
			}
			if _, err := s.Apply(ctx, c); err != nil {
				b.Fatal(err)
			}
			if _, err := x.Gather(ctx, clusters...); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "patients/s")
	})
}
