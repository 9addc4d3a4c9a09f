package merge

import "slices"

// Unify is the one entry of a person: the Patients of all sources, which the index says are one human. The copies must
// not be empty.
func Unify(copies []Copy) Entry {
	copies = slices.Clone(copies)
	e := Entry{Survivor: copies[0], Copies: copies}
	if len(copies) > 1 {
		e.Rule = "Patient:mpi"
		e.Survivor = survivor(copies)
		e.Add = additions(e.Survivor, copies)
	}
	return e
}
