package match

import "concord/mpi"

// Compare tells by rules alone whether a and b are one human. It is symmetric, and the order of what is in a and b changes
// nothing. Refs are not looked at.
func Compare(a, b mpi.Demographics) mpi.Decision {
	x, y := Prepare(a), Prepare(b)
	return compare(&x, &y)
}

func compare(a, b *Record) mpi.Decision {
	l := levelsOf(a, b)
	return l.decide()
}
