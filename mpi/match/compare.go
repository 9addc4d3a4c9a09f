package match

import (
	"strings"

	"concord/mpi"
)

// view is a patient's demographics as they are compared.
type view struct {
	names         names
	birth         birth
	gender        string // m, f or "" for anything else
	order         int
	multiple      bool
	replaced      bool
	ids           ids
	emails        []string
	phones        []string
	places        []place
	unknownPlaces bool
}

func viewOf(d mpi.Demographics) view {
	v := view{names: namesOf(d), birth: birthOf(d.BirthDate), order: d.BirthOrder, multiple: d.Multiple || d.BirthOrder > 0,
		replaced: d.ReplacedBy != "", ids: idsOf(d), emails: contacts(d.Emails, email), phones: contacts(d.Phones, phone)}
	v.places, v.unknownPlaces = placesOf(d)
	switch strings.ToLower(strings.TrimSpace(d.Gender)) {
	case "male", "m":
		v.gender = "m"
	case "female", "f":
		v.gender = "f"
	}
	return v
}

// levels are how far each field agrees.
type levels struct {
	family, given, suffix, birth, order, gender, ssn, identifier, email, phone, address mpi.Level

	multiple bool // one of the two is a twin or triplet
	replaced bool // one of the two was merged away at its source
}

// Compare tells whether a and b are one human. It is symmetric, and the order of what is in a and b changes nothing. Refs
// are not looked at.
func Compare(a, b mpi.Demographics) mpi.Decision { return compare(viewOf(a), viewOf(b)) }

func compare(a, b view) mpi.Decision {
	return decide(levels{
		family:     compareFamily(a.names, b.names),
		given:      compareGiven(a.names, b.names),
		suffix:     compareSuffix(a.names, b.names),
		birth:      compareBirth(a.birth, b.birth),
		order:      equality(a.order, b.order),
		gender:     equality(a.gender, b.gender),
		ssn:        compareSSN(a.ids, b.ids),
		identifier: compareIdentifier(a.ids, b.ids),
		email:      compareContacts(a.emails, b.emails),
		phone:      compareContacts(a.phones, b.phones),
		address:    compareAddress(a.places, b.places, a.unknownPlaces || b.unknownPlaces),
		multiple:   a.multiple || b.multiple,
		replaced:   a.replaced || b.replaced,
	})
}

// equality compares what both have to have.
func equality[T comparable](a, b T) mpi.Level {
	var zero T
	switch {
	case a == zero || b == zero:
		return mpi.Missing
	case a == b:
		return mpi.Equal
	}
	return mpi.Differs
}
