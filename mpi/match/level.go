package match

import "concord/mpi"

// level is how far a field agrees, as one byte: 0 is missing, and of two levels of a field the smaller one is the closer.
// The same numbers index the tables of a Model.
type level uint8

const (
	missing     level = 0
	placeholder level = 1
	equal       level = 2 // of every field
)

// Levels of single fields, from the closest to the furthest.
const (
	famFormer level = iota + 3
	famPart
	famTruncated
	famNear
	famClose
	famExchanged // one's family name is the other's given name, and the other way round
	famDiffers
)

const (
	givFirst level = iota + 3
	givFormer
	givMiddle
	givNickname
	givTruncated
	givNear
	givInitial
	givSwapped
	givClose
	givExchanged
	givDiffers
)

const (
	birthSwapped  level = iota + 3
	birthNear           // a slip in the day or month
	birthYear           // a slip in the year, or another century
	birthPart           // as far as the less precise one goes
	birthTwoParts       // two of year, month and day
	birthClose
	birthDiffers
)

const (
	streetUnit      level = iota + 3 // another flat of the house
	streetNumber                     // a slip in the house number, or one has none
	streetNear                       // a slip in the street's name
	streetTurned                     // the lines are exchanged
	streetOnly                       // another house
	streetClose                      // a slip in both
	streetHouseOnly                  // another street
	streetDiffers
)

const (
	placeOne        level = iota + 3 // postal code or town is equal, and the other is missing
	placeOneNear                     // one is equal, the other has a slip
	placeOneDiffers                  // one is equal
	placeNear                        // a slip in each that there is
	placeDiffers
)

const (
	slip        level = 3 // of a phone number, e-mail address, SSN or premises
	lastFour    level = 4 // of an SSN
	ssnDiffers  level = 5
	slipDiffers level = 4 // the furthest of a field whose levels are equal, slip and this
	differs     level = 3 // the furthest of a field that is equal or not
)

// The fields of levels. The first weighed ones are those that a Model knows.
const (
	fFamily = iota
	fGiven
	fBirth
	fGender
	fStreet
	fPremises
	fLocality
	fPhone
	fEmail
	fSSN
	fIdentifier
	fSuffix
	weighed

	fOrder   = weighed
	fAddress = weighed + 1
	fields   = weighed + 2
)

// most is how many levels a field can have; two fields and a byte of a pattern are not enough for more.
const most = 16

// names of the levels, by field.
var levelNames = [fields][]mpi.Level{
	fFamily: {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Former, mpi.Part, mpi.Truncated, mpi.Near, mpi.Close, mpi.Swapped, mpi.Differs},
	fGiven: {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.First, mpi.Former, mpi.MiddleDiffers, mpi.Nickname, mpi.Truncated, mpi.Near, mpi.Initial,
		mpi.Swapped, mpi.Close, mpi.Swapped, mpi.Differs},
	fBirth:      {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Swapped, mpi.Near, mpi.Near, mpi.Part, mpi.Part, mpi.Close, mpi.Differs},
	fGender:     {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Differs},
	fStreet:     {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Part, mpi.Near, mpi.Near, mpi.Swapped, mpi.Part, mpi.Close, mpi.Part, mpi.Differs},
	fPremises:   {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Near, mpi.Differs},
	fLocality:   {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Equal, mpi.Near, mpi.Part, mpi.Near, mpi.Differs},
	fPhone:      {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Near, mpi.Differs},
	fEmail:      {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Near, mpi.Differs},
	fSSN:        {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Near, mpi.Part, mpi.Differs},
	fIdentifier: {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Differs},
	fSuffix:     {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Differs},
	fOrder:      {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Differs},
	fAddress:    {mpi.Missing, mpi.Placeholder, mpi.Equal, mpi.Differs},
}

// fieldNames are the fields in a Decision's words.
var fieldNames = [fields]mpi.Field{
	fFamily: mpi.FieldFamily, fGiven: mpi.FieldGiven, fBirth: mpi.FieldBirthDate, fGender: mpi.FieldGender, fStreet: mpi.FieldStreet,
	fPremises: mpi.FieldPremises, fLocality: mpi.FieldLocality, fPhone: mpi.FieldPhone, fEmail: mpi.FieldEmail, fSSN: mpi.FieldSSN,
	fIdentifier: mpi.FieldIdentifier, fSuffix: mpi.FieldSuffix, fOrder: mpi.FieldBirthOrder, fAddress: mpi.FieldAddress,
}

// closer is the closer one of two levels; missing is no level.
func closer(a, b level) level {
	if a == missing || b != missing && b < a {
		return b
	}
	return a
}

// orPlaceholder is placeholder for what is missing because one of two says what stands for "unknown".
func orPlaceholder(l level, unknown bool) level {
	if l == missing && unknown {
		return placeholder
	}
	return l
}
