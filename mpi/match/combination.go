package match

// Chances that two people who are not one agree in a field, for the commonest values there are and not for the average, so
// that the estimate of a combination errs to the careful side: the commonest given name of a birth cohort (0.02) and
// surname (0.01), a day among the births of 70 years with the most births of a day and common defaults (5e-5), a postal
// code within a region that one index serves (0.01), a house and flat with its block, shared after a removal (1e-5), a phone
// number, shared in a household or given out again (1e-6), an e-mail address (1e-7), an SSN written down for somebody else
// or mistyped (1e-7), another assigner's identifier, mistyped or copied (1e-6), the last four digits of an SSN (1e-4).
const (
	chanceGiven      = 0.02
	chanceFamily     = 0.01
	chanceBirth      = 5e-5
	chancePostcode   = 0.01
	chanceAddress    = 1e-5
	chancePhone      = 1e-6
	chanceEmail      = 1e-7
	chanceSSN        = 1e-7
	chanceIdentifier = 1e-6
	chanceLastFour   = 1e-4
	chanceCore       = chanceGiven * chanceFamily * chanceBirth
)

// limit is the chance of a collision that a combination may have at most: two of 300 million people have 4.5e16 pairs, of
// which those of one town's index are the few that ever meet.
const limit = 2e-12

// combination is a set of fields that makes two records certain beside family name, given name and birth date, all equal.
type combination struct {
	rule   string  // its name
	former string  // its name when the family name is a former one
	chance float64 // of a collision, with name and birth date; above limit it is not approved
	needs  []need  // all of them
}

// need is a level that a field has to have.
type need struct {
	field int
	level level
}

// combinations are those that are looked for, the one that a Decision rather names first. The last is written down to be
// refused: it is what many take for enough.
var combinations = []combination{
	{"name+birthdate+identifier", "former-name+birthdate+identifier", chanceCore * chanceSSN, []need{{fSSN, equal}}},
	{"name+birthdate+identifier", "former-name+birthdate+identifier", chanceCore * chanceIdentifier, []need{{fIdentifier, equal}}},
	{"name+birthdate+email", "former-name+birthdate+email", chanceCore * chanceEmail, []need{{fEmail, equal}}},
	{"name+birthdate+phone", "former-name+birthdate+phone", chanceCore * chancePhone, []need{{fPhone, equal}}},
	{"name+birthdate+address", "former-name+birthdate+address", chanceCore * chanceAddress, []need{{fAddress, equal}}},
	{"name+birthdate+ssn4+postcode", "former-name+birthdate+ssn4+postcode", chanceCore * chanceLastFour * chancePostcode, []need{{fSSN, lastFour}, {fLocality, equal}}},
	{"name+birthdate+postcode", "former-name+birthdate+postcode", chanceCore * chancePostcode, []need{{fLocality, equal}}},
}

// combination is the name of the approved combination that holds; "" without one. Name and birth date are looked at before.
func (l *levels) combination() string {
	for i := range combinations {
		c := &combinations[i]
		if c.chance > limit || !l.meets(c.needs) {
			continue
		}
		if l.of[fFamily] == famFormer {
			return c.former
		}
		return c.rule
	}
	return ""
}

func (l *levels) meets(needs []need) bool {
	for _, n := range needs {
		if l.of[n.field] != n.level {
			return false
		}
	}
	return true
}
