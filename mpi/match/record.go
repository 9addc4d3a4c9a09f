package match

import (
	"bytes"
	"strings"

	"concord/mpi"
)

// Record is a patient's demographics made ready to be compared: normalised once, so that comparing two allocates nothing.
// It is PHI, and is not changed once made. The zero value says nothing of anybody.
type Record struct {
	names         names
	birth         birth
	gender        byte // m, f or 0 for anything else
	order         int
	multiple      bool
	replaced      bool
	ids           *ids // nil without any
	emails        []string
	phones        []string
	places        []place
	unknownPlaces bool
	died, seen    birth // days
	dead          bool  // died, or on a day that is not said
}

// Prepare normalises d.
func Prepare(d mpi.Demographics) Record {
	r := Record{names: namesOf(d), birth: birthOf(d.BirthDate), order: d.BirthOrder, multiple: d.Multiple || d.BirthOrder > 0,
		replaced: d.ReplacedBy != "", emails: contacts(d.Emails, email), phones: contacts(d.Phones, phone)}
	r.places, r.unknownPlaces = placesOf(d)
	if x := idsOf(d); len(x.ssn)+len(x.last)+len(x.other) > 0 {
		r.ids = &x
	}
	r.died, r.seen = birthOf(d.Deceased), birthOf(d.Seen)
	r.dead = r.died.parts > 0 || d.Deceased == "true"
	switch strings.ToLower(strings.TrimSpace(d.Gender)) {
	case "male", "m":
		r.gender = 'm'
	case "female", "f":
		r.gender = 'f'
	}
	return r
}

// levels are how far each field of two records agrees.
type levels struct {
	of [fields]level

	slipOfDate bool // one of the birth dates is no day of the calendar
	multiple   bool // one of the two is a twin or triplet
	replaced   bool // one of the two was merged away at its source
	outlived   bool // one of the two was seen after the other had died
}

// levelsOf compares two records. It is symmetric, and allocates nothing.
func levelsOf(a, b *Record) (l levels) {
	l.of[fFamily] = compareFamily(&a.names, &b.names)
	l.of[fGiven] = compareGiven(&a.names, &b.names)
	if l.of[fFamily] > equal && l.of[fGiven] >= givClose && exchanged(&a.names, &b.names) {
		l.of[fFamily], l.of[fGiven] = famExchanged, givExchanged
	}
	l.of[fBirth] = compareBirth(&a.birth, &b.birth)
	l.of[fGender] = equality(a.gender, b.gender)
	l.of[fStreet], l.of[fPremises], l.of[fLocality] = comparePlaces(a.places, b.places)
	l.of[fPhone] = comparePhones(a.phones, b.phones)
	l.of[fEmail] = compareEmails(a.emails, b.emails)
	if a.ids != nil && b.ids != nil {
		l.of[fSSN], l.of[fIdentifier] = compareSSN(a.ids, b.ids), compareIdentifier(a.ids, b.ids)
	}
	l.of[fSuffix] = compareSuffix(&a.names, &b.names)
	l.of[fOrder] = equality(a.order, b.order)
	l.of[fAddress] = compareAddress(a.places, b.places, a.unknownPlaces || b.unknownPlaces)
	l.slipOfDate = a.birth.parts > 0 && !a.birth.sound || b.birth.parts > 0 && !b.birth.sound
	l.multiple, l.replaced = a.multiple || b.multiple, a.replaced || b.replaced
	l.outlived = a.outlives(b) || b.outlives(a)
	return l
}

// outlives tells whether r was seen after o had died, or o has died on a day that is not said and r was seen at all.
func (r *Record) outlives(o *Record) bool {
	switch {
	case !o.dead || !r.seen.day():
		return false
	case !o.died.day():
		return true
	}
	return bytes.Compare(r.seen.digits[:], o.died.digits[:]) > 0
}

// equality compares what both have to have.
func equality[T comparable](a, b T) level {
	var zero T
	switch {
	case a == zero || b == zero:
		return missing
	case a == b:
		return equal
	}
	return differs
}

// contradict tells whether the two have what one human can't: two suffixes, birth orders or social security numbers.
func (l *levels) contradict() bool {
	return l.of[fSuffix] == differs || l.of[fOrder] == differs || l.of[fSSN] == ssnDiffers
}
