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
	RuleOutlived    = "seen-after-death"      // one was seen after the other had died
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

// Weights in hundredths of the rules' score. Address and phone are what a household shares, so that together they weigh
// less than apart, and so do they with the e-mail.
var (
	familyWeight = [most]int{equal: 20, famFormer: 18, famPart: 10, famNear: 10, famTruncated: 10, famClose: -5, famExchanged: -5, famDiffers: -5}
	givenWeight  = [most]int{equal: 15, givFirst: 15, givMiddle: 8, givFormer: 8, givNickname: 9, givTruncated: 8, givNear: 8, givInitial: 7, givSwapped: 7,
		givClose: -20, givExchanged: -20, givDiffers: -20}
	birthWeight = [most]int{equal: 25, birthPart: 10, birthSwapped: 12, birthNear: 12, birthYear: 12, birthTwoParts: -20, birthClose: -20, birthDiffers: -20}
	ssnWeight   = [most]int{equal: 30, slip: -10, ssnDiffers: -25}
)

func (l *levels) weight() int {
	household := 0
	if l.of[fPhone] == equal {
		household += 10
	}
	if l.of[fAddress] == equal {
		household += 10
	}
	contact := min(household, 15)
	if l.of[fEmail] == equal {
		contact = min(contact+12, 25)
	}
	id := ssnWeight[l.of[fSSN]]
	if l.of[fIdentifier] == equal {
		id = min(id+30, 40)
	}
	w := familyWeight[l.of[fFamily]] + givenWeight[l.of[fGiven]] + birthWeight[l.ruledBirth()] + id + contact
	switch l.of[fGender] {
	case equal:
		w += 5
	case differs:
		w -= 5
	}
	switch l.of[fSuffix] {
	case equal:
		w += 3
	case differs:
		w -= 20
	}
	if l.of[fOrder] == differs {
		w -= 20
	}
	return w
}

// ruledBirth is the level of the birth date as rules have it: one that is no day of the calendar says nothing.
func (l *levels) ruledBirth() level {
	if l.slipOfDate && l.of[fBirth] != placeholder {
		return missing
	}
	return l.of[fBirth]
}

func (l *levels) decide() mpi.Decision {
	d := mpi.Decision{Contradicts: l.contradict(), Fields: l.fields()}
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
	d.Grade, d.Rule, d.Score = gradeOf(score), rule, float64(score)/100
	return d
}

// gradeOf is the grade of a score in hundredths.
func gradeOf(score int) mpi.Grade {
	switch {
	case score >= certainFrom:
		return mpi.Certain
	case score >= probableFrom:
		return mpi.Probable
	case score >= possibleFrom:
		return mpi.Possible
	}
	return 0
}

// rule is the first rule that applies, and the highest grade that it allows.
func (l *levels) rule() (string, mpi.Grade) {
	if rule, grade := l.veto(); rule != "" {
		return rule, grade
	}
	identified := l.of[fSSN] == equal || l.of[fIdentifier] == equal
	given := l.of[fGiven]
	core := (l.of[fFamily] == equal || l.of[fFamily] == famFormer) && l.ruledBirth() == equal
	switch {
	case core && given == givMiddle && !identified:
		return RuleMiddle, mpi.Probable
	case !core || given != equal && given != givFirst && given != givMiddle:
		return RulePartial, mpi.Probable
	case l.of[fGender] == differs && !identified:
		return RuleGender, mpi.Probable
	}
	if rule := l.combination(); rule != "" {
		return rule, mpi.Certain
	}
	return RuleNameAndDate, mpi.Probable
}

// veto is the rule that keeps two records from being certain, and the highest grade that it allows; "" when there is none.
func (l *levels) veto() (string, mpi.Grade) {
	identified := l.of[fSSN] == equal || l.of[fIdentifier] == equal
	switch {
	case l.of[fSuffix] == differs:
		return RuleSuffix, mpi.Possible
	case l.of[fOrder] == differs:
		return RuleBirthOrder, mpi.Possible
	case l.of[fSSN] == ssnDiffers:
		return RuleSSN, mpi.Possible
	case l.replaced:
		return RuleReplaced, mpi.Probable
	case l.outlived:
		return RuleOutlived, mpi.Probable
	case l.of[fFamily] == placeholder || l.of[fGiven] == placeholder:
		return RuleNoName, mpi.Probable
	case l.of[fBirth] == placeholder:
		return RuleNoBirth, mpi.Probable
	case l.of[fSSN] == slip && l.of[fGiven] >= givNear:
		return RuleSSNNear, mpi.Possible
	case l.of[fSSN] == slip:
		return RuleSSNNear, mpi.Probable
	case l.multiple && l.of[fGiven] != equal && !identified:
		return RuleMultiple, mpi.Possible
	}
	return "", mpi.Certain
}

// ruled are the fields of a Decision by rules, in the order of mpi's constants.
var ruled = [...]int{fFamily, fGiven, fSuffix, fBirth, fOrder, fGender, fSSN, fIdentifier, fEmail, fPhone, fAddress}

func (l *levels) fields() []mpi.FieldLevel {
	out := make([]mpi.FieldLevel, len(ruled))
	for i, f := range ruled {
		at := l.of[f]
		if f == fBirth {
			at = l.ruledBirth()
		}
		out[i] = mpi.FieldLevel{Field: fieldNames[f], Level: levelNames[f][at]}
	}
	return out
}
