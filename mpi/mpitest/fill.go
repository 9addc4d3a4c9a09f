package mpitest

import (
	"context"
	"strconv"
	"testing"

	"concord"
	"concord/mpi"
)

// Fill puts n persons with a patient of each of three sources, for benchmarks.
func Fill(b testing.TB, s mpi.Store, n int) {
	b.Helper()
	batch := make([]mpi.Person, 0, 1000)
	for i := range n {
		id := strconv.Itoa(i)
		batch = append(batch, person("person-"+id, link("athena", id), link("cerner", id), link("epic", id)))
		if len(batch) == cap(batch) || i == n-1 {
			if _, err := s.PutAll(context.Background(), batch...); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
}

// Refs are one patient of each of the n persons that Fill puts.
func Refs(n int) []concord.PatientRef {
	out := make([]concord.PatientRef, n)
	for i := range out {
		out[i] = ref("epic", strconv.Itoa(i))
	}
	return out
}
