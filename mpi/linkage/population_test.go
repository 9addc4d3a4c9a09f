package linkage_test

import (
	"testing"

	"concord/mpi"
	"concord/mpi/synthetic"
)

// made are n records of the made-up people of that seed.
func made(tb testing.TB, seed uint64, n int) (all []mpi.Demographics) {
	tb.Helper()
	for d, err := range synthetic.New(seed).Records(n) {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}
