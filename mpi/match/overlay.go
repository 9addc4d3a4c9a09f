package match

import "concord/mpi"

// Overlay tells whether a patient's demographics have become somebody else's between two readings of one record: name, birth
// date and gender have all changed, so that one patient was written over another. Its links are not to be trusted then.
// What one of the two does not say has not changed; a gender that is not said counts as changed when both others are.
func Overlay(before, after mpi.Demographics) bool {
	a, b := Prepare(before), Prepare(after)
	l := levelsOf(&a, &b)
	family, given := l.of[fFamily] == famDiffers || l.of[fFamily] == famClose, l.of[fGiven] == givDiffers || l.of[fGiven] == givClose
	renamed := family && given || l.of[fFamily] == missing && given || family && l.of[fGiven] == missing
	return renamed && l.of[fBirth] >= birthTwoParts && l.of[fGender] != equal
}
