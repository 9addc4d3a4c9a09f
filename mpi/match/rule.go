package match

import "concord/mpi"

// Rules that a Decision names when it is not certain. One that is certain names what agreed: "name" or "former-name",
// "+birthdate+", and "identifier", "email", "phone" or "address".
const (
	RuleSuffix      = "suffix-differs"        // one human has no two generations
	RuleBirthOrder  = "birth-order-differs"   // twins
	RuleSSN         = "ssn-differs"           // two valid numbers that no slip explains
	RuleSSNNear     = "ssn-near"              // a slip, or neighbours' numbers as twins have them
	RuleReplaced    = "replaced"              // merged away at its source, whose survivor is to be compared
	RuleNoName      = "placeholder-name"      // Baby Girl, Test, Unknown
	RuleNoBirth     = "placeholder-birthdate" // 1900-01-01
	RuleMultiple    = "multiple-birth"        // a twin, and no more than a household agrees
	RuleMiddle      = "middle-name-differs"   // all else agrees
	RuleGender      = "gender-differs"        // all else agrees
	RuleNameAndDate = "name+birthdate"        // they agree, and nothing else does: namesakes do so
	RulePartial     = "partial"               // one of name and birth date agrees in part
)

// Scores in hundredths from which a grade begins.
const (
	certainFrom  = 90
	probableFrom = 65
	possibleFrom = 40
)

// leastCertain is about the least weight that a certain match has; what it has beyond spreads over the scores of the grade.
const leastCertain = 70

// Weights in hundredths, to be replaced once they can be learnt. Address and phone are what a household shares, so that
// together they weigh less than apart, and so do they with the e-mail.
var (
	familyWeight = map[mpi.Level]int{mpi.Equal: 20, mpi.Former: 18, mpi.Part: 10, mpi.Near: 10, mpi.Truncated: 10, mpi.Differs: -5}
	givenWeight  = map[mpi.Level]int{mpi.Equal: 15, mpi.First: 15, mpi.MiddleDiffers: 8, mpi.Former: 8, mpi.Nickname: 9, mpi.Truncated: 8,
		mpi.Near: 8, mpi.Initial: 7, mpi.Swapped: 7, mpi.Differs: -20}
	birthWeight  = map[mpi.Level]int{mpi.Equal: 25, mpi.Part: 10, mpi.Swapped: 12, mpi.Near: 12, mpi.Differs: -20}
	genderWeight = map[mpi.Level]int{mpi.Equal: 5, mpi.Differs: -5}
	suffixWeight = map[mpi.Level]int{mpi.Equal: 3, mpi.Differs: -20}
	orderWeight  = map[mpi.Level]int{mpi.Differs: -20}
	ssnWeight    = map[mpi.Level]int{mpi.Equal: 30, mpi.Near: -10, mpi.Differs: -25}
)

func (l levels) weight() int {
	household := 0
	if l.phone == mpi.Equal {
		household += 10
	}
	if l.address == mpi.Equal {
		household += 10
	}
	contact := min(household, 15)
	if l.email == mpi.Equal {
		contact = min(contact+12, 25)
	}
	id := ssnWeight[l.ssn]
	if l.identifier == mpi.Equal {
		id = min(id+30, 40)
	}
	return familyWeight[l.family] + givenWeight[l.given] + birthWeight[l.birth] + genderWeight[l.gender] + suffixWeight[l.suffix] +
		orderWeight[l.order] + id + contact
}

func decide(l levels) mpi.Decision {
	d := mpi.Decision{Contradicts: l.suffix == mpi.Differs || l.order == mpi.Differs || l.ssn == mpi.Differs, Fields: l.fields()}
	rule, most := l.rule()
	score := max(l.weight(), 0)
	switch most {
	case mpi.Certain:
		score = certainFrom + min(max(score-leastCertain, 0)/5, 99-certainFrom)
	case mpi.Probable:
		score = min(score, certainFrom-1)
	default:
		score = min(score, probableFrom-1)
	}
	switch {
	case score >= certainFrom:
		d.Grade = mpi.Certain
	case score >= probableFrom:
		d.Grade = mpi.Probable
	case score >= possibleFrom:
		d.Grade = mpi.Possible
	}
	d.Rule, d.Score = rule, float64(score)/100
	return d
}

// rule is the first rule that applies, and the highest grade that it allows.
func (l levels) rule() (string, mpi.Grade) {
	identified := l.ssn == mpi.Equal || l.identifier == mpi.Equal
	family := l.family == mpi.Equal || l.family == mpi.Former
	core := family && l.birth == mpi.Equal
	switch {
	case l.suffix == mpi.Differs:
		return RuleSuffix, mpi.Possible
	case l.order == mpi.Differs:
		return RuleBirthOrder, mpi.Possible
	case l.ssn == mpi.Differs:
		return RuleSSN, mpi.Possible
	case l.replaced:
		return RuleReplaced, mpi.Probable
	case l.family == mpi.Placeholder || l.given == mpi.Placeholder:
		return RuleNoName, mpi.Probable
	case l.birth == mpi.Placeholder:
		return RuleNoBirth, mpi.Probable
	case l.ssn == mpi.Near:
		return RuleSSNNear, mpi.Probable
	case l.multiple && l.given != mpi.Equal && !identified:
		return RuleMultiple, mpi.Possible
	case core && l.given == mpi.MiddleDiffers && !identified:
		return RuleMiddle, mpi.Probable
	case !core || l.given != mpi.Equal && l.given != mpi.First && l.given != mpi.MiddleDiffers:
		return RulePartial, mpi.Probable
	case l.gender == mpi.Differs && !identified:
		return RuleGender, mpi.Probable
	}
	name := "name+birthdate+"
	if l.family == mpi.Former {
		name = "former-name+birthdate+"
	}
	switch {
	case identified:
		return name + "identifier", mpi.Certain
	case l.email == mpi.Equal:
		return name + "email", mpi.Certain
	case l.phone == mpi.Equal:
		return name + "phone", mpi.Certain
	case l.address == mpi.Equal:
		return name + "address", mpi.Certain
	}
	return RuleNameAndDate, mpi.Probable
}

func (l levels) fields() []mpi.FieldLevel {
	return []mpi.FieldLevel{
		{Field: mpi.FieldFamily, Level: l.family},
		{Field: mpi.FieldGiven, Level: l.given},
		{Field: mpi.FieldSuffix, Level: l.suffix},
		{Field: mpi.FieldBirthDate, Level: l.birth},
		{Field: mpi.FieldBirthOrder, Level: l.order},
		{Field: mpi.FieldGender, Level: l.gender},
		{Field: mpi.FieldSSN, Level: l.ssn},
		{Field: mpi.FieldIdentifier, Level: l.identifier},
		{Field: mpi.FieldEmail, Level: l.email},
		{Field: mpi.FieldPhone, Level: l.phone},
		{Field: mpi.FieldAddress, Level: l.address},
	}
}
