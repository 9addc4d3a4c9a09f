package mpi

import "concord"

// Field is what of two patients was compared, from a closed set; it holds no PHI.
type Field string

// The fields, in the order in which a Decision has them.
const (
	FieldFamily     Field = "family"
	FieldGiven      Field = "given"
	FieldSuffix     Field = "suffix"
	FieldBirthDate  Field = "birthdate"
	FieldBirthOrder Field = "birthorder"
	FieldGender     Field = "gender"
	FieldSSN        Field = "ssn"
	FieldIdentifier Field = "identifier" // any other that is globally assigned
	FieldEmail      Field = "email"
	FieldPhone      Field = "phone"
	FieldAddress    Field = "address"  // house, street and postal code as one
	FieldStreet     Field = "street"   // house number and street; of a model's decision only, as the next two are
	FieldPremises   Field = "premises" // what an address says beside its street: a building, a district
	FieldLocality   Field = "locality" // postal code and town
)

// Level is how far a field agrees, from a closed set; it holds no PHI. The zero value is no level.
type Level string

// The levels. Missing and Placeholder carry no weight either way.
const (
	Missing     Level = "missing"     // one of the two, or both, say nothing
	Placeholder Level = "placeholder" // one of the two says what stands for "unknown", such as Baby Girl or 1900-01-01
	Differs     Level = "differs"

	Equal         Level = "equal"
	First         Level = "first"          // the first given name, and nothing in the middle names against it
	Former        Level = "former"         // equal by a name that one of the two had before
	MiddleDiffers Level = "middle-differs" // the first given name is equal, a middle name is another
	Nickname      Level = "nickname"       // one is a common short form or spelling of the other
	Initial       Level = "initial"        // one is the other's first letter
	Swapped       Level = "swapped"        // day for month; first given name for a middle one
	Truncated     Level = "truncated"      // one is the beginning of the other, cut at a length that systems cut at
	Part          Level = "part"           // a part of a double name; a date that is less precise
	Near          Level = "near"           // one letter or digit off, or two neighbours exchanged; a century off
	Close         Level = "close"          // further off than Near, and still alike to the eye or the ear
)

// FieldLevel is how far one field agrees.
type FieldLevel struct {
	Field Field
	Level Level
	// Weight is what the field says for one person (above 0) or against it, in bits against two strangers; 0 when rules
	// alone decided.
	Weight float64
}

// Decision is what comparing two patients came to, and why, without any of their values: it holds no PHI.
type Decision struct {
	Grade Grade   // 0 when the two are no match at all
	Score float64 // 0 to 1, in hundredths: certain from 0.90, probable from 0.65, possible from 0.40
	Rule  string  // which rule decided, from the closed set of package match
	// Contradicts says that the two have what one human can't: two suffixes, birth orders or social security numbers.
	Contradicts bool
	Fields      []FieldLevel // every field, in the order of the constants

	// Model is the version of the model that weighed the fields; "" when rules alone decided.
	Model string
	// Weight is the base 2 logarithm of the odds that the two are one person; 0 when rules alone decided.
	Weight float64
	// Discount is how many bits of the fields' weights do not count because relatives, twins, namesakes or people at one
	// address would agree as well.
	Discount float64
}

// Candidate is a patient that may be the person that is looked at, and how sure that is.
type Candidate struct {
	Demographics Demographics
	Decision     Decision
}

// Ref is the candidate's patient.
func (c Candidate) Ref() concord.PatientRef { return c.Demographics.Ref }
