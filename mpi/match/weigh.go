package match

import (
	"math"

	"concord/mpi"
)

// Rules of a Decision that a model made.
const (
	RuleWeights  = "weights"  // the fields' weights, and nothing against it
	RuleUnbacked = "unbacked" // the weights would do, but name and birth date are all that agrees, or one of them does not
)

// The odds from which a grade begins, in bits. A false link costs up to a thousand times what a missed one does, so that
// one pays from a probability of 0.999 on; a pair is more likely one person than not from 0.5 on; and below 0.05 nobody
// would find one in a queue.
var (
	certainOdds  = math.Log2(0.999 / 0.001)
	probableOdds = 0.0
	possibleOdds = math.Log2(0.05 / 0.95)
)

// Verdict is a Decision without its explanation, which asks for no memory. It holds no PHI.
type Verdict struct {
	Grade       mpi.Grade // 0 when the two are no match at all
	Contradicts bool      // as a Decision's
	Weight      float64   // the base 2 logarithm of the odds that the two are one person
}

// Compare weighs a against b. It is symmetric and allocates nothing.
func (m *Model) Compare(a, b *Record) Verdict {
	l := levelsOf(a, b)
	w := m.weigh(a, b, &l)
	_, grade := m.grade(&l, w.odds())
	return Verdict{Grade: grade, Contradicts: l.contradict(), Weight: w.odds()}
}

// Probability is that of the two being one person, 0 to 1.
func (v Verdict) Probability() float64 { return 1 / (1 + math.Exp2(-v.Weight)) }

// Explain is Compare with its explanation: every field with its level and weight, the rule, and the model's version. Where
// an approved combination of fields makes the two certain, its rule is named.
func (m *Model) Explain(a, b *Record) mpi.Decision {
	l := levelsOf(a, b)
	w := m.weigh(a, b, &l)
	odds := w.odds()
	rule, grade := m.grade(&l, odds)
	d := mpi.Decision{Grade: grade, Score: score(grade, odds), Rule: rule, Contradicts: l.contradict(), Model: m.version, Weight: tenths(odds)}
	told := 0.0
	for _, f := range explained {
		at := mpi.FieldLevel{Field: fieldNames[f], Level: levelNames[f][l.of[f]]}
		if f < weighed && l.of[f] >= equal {
			bits := m.weights[f][l.of[f]][stayed] - m.weights[f][l.of[f]][stranger]
			switch f {
			case fFamily:
				bits -= w.family
			case fGiven:
				bits -= w.given
			}
			told += bits
			at.Weight = tenths(bits)
		}
		d.Fields = append(d.Fields, at)
	}
	prior := math.Log2(m.learnt.Repeats / float64(m.learnt.Records))
	d.Discount = tenths(max(0, prior+told-odds))
	return d
}

// explained are the fields of a model's Decision, in the order of mpi's constants.
var explained = [...]int{fFamily, fGiven, fSuffix, fBirth, fOrder, fGender, fSSN, fIdentifier, fEmail, fPhone, fAddress, fStreet, fPremises, fLocality}

func tenths(x float64) float64 { return math.Round(x*10) / 10 }

// weighing is what comparing came to: of each hypothesis the logarithm of its probability.
type weighing struct {
	logs          [hypotheses]float64
	family, given float64 // how much rarer or commoner than the average the names are that agree
}

func (m *Model) weigh(a, b *Record, l *levels) (w weighing) {
	w.logs = m.priors
	if l.multiple {
		w.logs = m.multiple
	}
	for f := range weighed {
		if at := l.of[f]; at >= equal {
			row := &m.weights[f][at]
			for h := range row {
				w.logs[h] += row[h]
			}
		}
	}
	if l.of[fFamily] == equal {
		w.family = m.Family.log(commonFamily(a, b)) - m.weights[fFamily][equal][stranger]
		w.logs[stranger] += w.family
		w.logs[neighbour] += w.family
	}
	if l.of[fGiven] == equal || l.of[fGiven] == givFirst {
		w.given = m.Given.log(commonGiven(a, b)) - m.weights[fGiven][equal][stranger]
		w.logs[stranger] += w.given
		w.logs[neighbour] += w.given
		w.logs[kin] += w.given
	}
	return w
}

// odds are those of one person against all else, in bits. Below hopelessOdds they are a bound that is at most two bits off.
func (w *weighing) odds() float64 {
	one, two := max(w.logs[stayed], w.logs[moved]), w.logs[stranger]
	for _, x := range w.logs[stranger+1:] {
		two = max(two, x)
	}
	if one-two < hopelessOdds {
		return max(one-two, -bound)
	}
	ones := math.Exp2(w.logs[stayed]-one) + math.Exp2(w.logs[moved]-one)
	twos := 0.0
	for _, x := range w.logs[stranger:] {
		if x > two-30 {
			twos += math.Exp2(x - two)
		}
	}
	return min(max(one-two+math.Log2(ones/twos), -bound), bound)
}

const (
	bound        = 60 // more bits than any evidence has
	hopelessOdds = -12
)

// commonFamily is the family name that both have.
func commonFamily(a, b *Record) string {
	for i := range a.names.family {
		for j := range b.names.family {
			if a.names.family[i].whole == b.names.family[j].whole {
				return a.names.family[i].whole
			}
		}
	}
	return ""
}

// commonGiven is the first given name that both have.
func commonGiven(a, b *Record) string {
	for i := range a.names.given {
		for j := range b.names.given {
			if a.names.given[i].first == b.names.given[j].first {
				return a.names.given[i].first
			}
		}
	}
	return ""
}

// grade is what the odds and the rules come to, and the rule that decided.
func (m *Model) grade(l *levels, odds float64) (string, mpi.Grade) {
	byOdds := mpi.Grade(0)
	switch {
	case odds >= certainOdds:
		byOdds = mpi.Certain
	case odds >= probableOdds:
		byOdds = mpi.Probable
	case odds >= possibleOdds:
		byOdds = mpi.Possible
	}
	if rule, most := l.veto(); rule != "" {
		return rule, min(byOdds, most)
	}
	if rule, most := l.rule(); most == mpi.Certain {
		return rule, most
	}
	if byOdds == mpi.Certain && !l.backed() {
		return RuleUnbacked, mpi.Probable
	}
	return RuleWeights, byOdds
}

// backed tells whether two records may be certain by their weights: what is certain does not hang on weights alone. The given
// name is the same, as twins' names are often near one another; of family name and birth date one is equal, and the other is
// no more than a slip away that is not in the year, as a father's and a son's may be; and an identifier, or something of
// address, phone or e-mail is equal; and the gender is not another without an identifier. A social security number stands for
// the given name or the birth date; other identifiers don't, as insurers give one to a family.
func (l *levels) backed() bool {
	number := l.of[fSSN] == equal
	given := l.of[fGiven] >= equal && l.of[fGiven] <= givNickname && l.of[fGiven] != givMiddle || l.of[fGiven] == givExchanged
	family, born := l.of[fFamily], l.of[fBirth]
	same := family == equal || family == famFormer || family == famExchanged
	slipped := family >= equal && family < famDiffers
	dated := born >= equal && born <= birthNear || born == birthPart
	exact := same && (dated || number) || slipped && (born == equal || number)
	street := l.of[fStreet] >= equal && l.of[fStreet] <= streetTurned && l.of[fStreet] != streetUnit
	contact := street || l.of[fPhone] == equal || l.of[fEmail] == equal || l.of[fPremises] == equal && l.of[fLocality] < placeDiffers
	identified := number || l.of[fIdentifier] == equal && l.of[fGiven] != givNickname
	return exact && (given || number) && (identified || contact && l.of[fGender] != differs)
}

// score is in the grade's band: certain from 0.90, probable from 0.65, possible from 0.40, each in hundredths.
func score(g mpi.Grade, odds float64) float64 {
	band := func(from, to, low, high float64) float64 {
		return math.Round(100*(from+(to-from)*min(max((odds-low)/(high-low), 0), 1))) / 100
	}
	switch g {
	case mpi.Certain:
		return band(0.90, 0.99, certainOdds, 3*certainOdds)
	case mpi.Probable:
		return band(0.65, 0.89, probableOdds, certainOdds)
	case mpi.Possible:
		return band(0.40, 0.64, possibleOdds, probableOdds)
	}
	return band(0, 0.39, 3*possibleOdds, possibleOdds)
}
