package mpi

import (
	"concord"
)

// Demographics are what a source says of a patient, as far as matching uses it, unnormalised. PHI throughout.
type Demographics struct {
	Ref         concord.PatientRef
	Names       []Name
	BirthDate   string // as sent, any precision
	Gender      string // http://hl7.org/fhir/administrative-gender
	Phones      []string
	Emails      []string
	Addresses   []Address
	Identifiers []Identifier
	// BirthOrder is multipleBirthInteger; 0 when there is none. Multiple is multipleBirthBoolean or a BirthOrder.
	BirthOrder int
	Multiple   bool
	ReplacedBy string // the reference of link type replaced-by, as sent
	// Deceased is deceasedDateTime as sent, or "true" for deceasedBoolean; "" when it is not said.
	Deceased string
	// Seen is a day on which the source is known to have seen the patient alive, such as that of the last encounter; "" when
	// it is not said.
	Seen string
}

// Name is a HumanName.
type Name struct {
	Use    string
	Family string
	Given  []string
	Suffix []string
	Old    bool // its period has ended, or its use is old or maiden
}

// Address is an Address.
type Address struct {
	Lines                   []string
	City, State, PostalCode string
	Old                     bool // its period has ended, or its use is old
}

// Identifier is an Identifier with a system and a value; those that lack one are not kept.
type Identifier struct {
	System, Value string
	Old           bool // its period has ended, or its use is old
}
