package match

import (
	"cmp"
	"math"
	"slices"
)

// Learner learns a Model from a site's own records without being told which are one person's: by expectation and
// maximisation over how far pairs agree. Give it all records, pairs drawn at random, and pairs of each pass. What a pass
// goes by agrees in its pairs and tells nothing, so that each field is learnt from the other passes; pairs of relatives,
// twins and neighbours have their own tables and don't pass for slips of one person. What few pairs tell of stays near the
// defaults. The order in which it is given things changes nothing but for rounding. It is for one goroutine.
type Learner struct {
	records       int
	family, given map[uint64]int
	random        map[pattern]float64
	passes        [Passes]map[pattern]float64
	rates         [Passes]float64
	union         map[pattern]float64
}

// pattern is the level of each weighed field, in four bits each.
type pattern uint64

func patternOf(l *levels) (p pattern) {
	for f := range weighed {
		if at := l.of[f]; at >= equal {
			p |= pattern(at) << (4 * f)
		}
	}
	return p
}

func (p pattern) at(f int) level { return level(p >> (4 * f) & 15) }

// NewLearner is one that has seen nothing.
func NewLearner() *Learner {
	l := &Learner{family: map[uint64]int{}, given: map[uint64]int{}, random: map[pattern]float64{}, union: map[pattern]float64{}}
	for i := range l.passes {
		l.passes[i] = map[pattern]float64{}
	}
	return l
}

// Count takes in one record, for the frequencies of names and the size of the index.
func (l *Learner) Count(r *Record) {
	l.records++
	for i := range r.names.family {
		l.family[hash(r.names.family[i].whole)]++
	}
	for i := range r.names.given {
		l.given[hash(r.names.given[i].first)]++
	}
}

// Random takes in a pair that was drawn at random from all.
func (l *Learner) Random(a, b *Record) {
	at := levelsOf(a, b)
	l.random[patternOf(&at)]++
}

// Blocked takes in a pair of a pass, of whose pairs a share is given. First says that no earlier pass has the pair.
func (l *Learner) Blocked(p Pass, a, b *Record, share float64, first bool) {
	at := levelsOf(a, b)
	k := patternOf(&at)
	l.passes[p][k]++
	l.rates[p] = share
	if first {
		l.union[k] += 1 / share
	}
}

// How much the defaults count for: as many pairs of one person, and of strangers drawn at random, as agree as they say.
const (
	trustOne      = 25
	trustStranger = 500
	rounds        = 40
)

// sample are the pairs of one pass, or those drawn at random.
type sample struct {
	patterns []counted
	total    float64
	blind    uint16
	random   bool
	unit     float64             // share of a pair per record
	learnt   [hypotheses]float64 // shares as learnt so far: at stayed that of one person's pairs among those and strangers'
}

type counted struct {
	pattern pattern
	n       float64
}

func sorted(m map[pattern]float64) (out []counted, total float64) {
	for p, n := range m {
		out = append(out, counted{p, n})
	}
	slices.SortFunc(out, func(a, b counted) int { return cmp.Compare(a.pattern, b.pattern) }) // sums come out the same
	for _, c := range out {
		total += c.n
	}
	return out, total
}

// Model is what has been learnt. With fewer than two records it is Default.
func (l *Learner) Model() *Model {
	if l.records < 2 {
		return Default()
	}
	t := usualTables()
	e := expectation{records: float64(l.records), priors: priors{usualRepeats, usualMoved, perRecord}, tables: t}
	for p := range l.passes {
		if len(l.passes[p]) > 0 {
			s := sample{blind: Pass(p).blind()}
			s.learnt[stayed] = 0.2
			s.patterns, s.total = sorted(l.passes[p])
			s.unit = e.records / 2 * l.rates[p] / s.total
			e.samples = append(e.samples, s)
		}
	}
	if len(l.random) > 0 {
		s := sample{random: true}
		s.patterns, s.total = sorted(l.random)
		s.unit = 1 / e.records
		e.samples = append(e.samples, s)
	}
	e.union.patterns, e.union.total = sorted(l.union)
	for range rounds {
		before := *e.tables
		e.round()
		if settled(&before, e.tables) {
			break
		}
	}
	return newModel(t, l.records, e.priors, frequenciesOf(l.family), frequenciesOf(l.given))
}

// prior are the shares of the sample's pairs. Those of twins and namesakes, who are too few to be told from slips, are what
// is expected of them all, as far as they agree in what the pass goes by.
func (s *sample) prior(t *tables, p *priors) (out [hypotheses]float64) {
	rest := 1.0
	for h := stranger + 1; h < hypotheses; h++ {
		out[h] = p.others[h-stranger-1] * s.unit
		for f := range weighed {
			if s.blind&(1<<f) != 0 {
				out[h] *= 1 - t[h][f][len(levelNames[f])-1]
			}
		}
		if at := s.learnt[h]; at > 0 {
			out[h] = at
		}
		out[h] = min(out[h], 0.4)
		rest -= out[h]
	}
	rest = max(rest, 0.05)
	one := s.learnt[stayed]
	out[stayed], out[moved], out[stranger] = one*(1-p.moved)*rest, one*p.moved*rest, (1-one)*rest
	return out
}

// learn takes from the shares of the hypotheses in the sample, added up, what is prior of the next round.
func (s *sample) learn(sums *[hypotheses]float64) {
	if one, two := sums[stayed]+sums[moved], sums[stranger]; one+two > 0 {
		s.learnt[stayed] = min(max(one/(one+two), 1e-6), 1-1e-6)
	}
	if !s.random {
		for _, h := range [...]int{kin, neighbour} {
			s.learnt[h] = max(sums[h]/s.total, 1e-6)
		}
	}
}

// expectation is learning under way.
type expectation struct {
	records float64
	priors  priors
	tables  *tables
	samples []sample
	union   sample // all pairs that any pass has
}

// shares of each hypothesis given the pattern, without the fields that are blind.
func (e *expectation) shares(l *logs, p pattern, blind uint16, prior *[hypotheses]float64) (shares [hypotheses]float64) {
	logs := *prior
	for f := range weighed {
		if at := p.at(f); at >= equal && blind&(1<<f) == 0 {
			row := &l[f][at]
			for h := range row {
				logs[h] += row[h]
			}
		}
	}
	high := slices.Max(logs[:])
	sum := 0.0
	for h, x := range logs {
		shares[h] = math.Exp2(x - high)
		sum += shares[h]
	}
	for h := range shares {
		shares[h] /= sum
	}
	return shares
}

func (e *expectation) round() {
	weights := e.tables.logs()
	var counts tables
	for i := range e.samples {
		s := &e.samples[i]
		if s.random {
			s.learnt[stayed] = e.priors.repeats / e.records
		}
		prior := s.prior(e.tables, &e.priors)
		logarithms(&prior)
		var sums [hypotheses]float64
		for _, c := range s.patterns {
			sh := e.shares(weights, c.pattern, s.blind, &prior)
			for h := range sh {
				sums[h] += c.n * sh[h]
			}
			s.count(&counts, c, &sh)
		}
		s.learn(&sums)
	}
	e.maximise(&counts)
	e.prior(weights)
}

// count adds the pattern's levels to the counts of one person, or of strangers when the sample is a random one.
func (s *sample) count(counts *tables, c counted, sh *[hypotheses]float64) {
	const address = 1<<fStreet | 1<<fPremises | 1<<fLocality | 1<<fPhone
	for f := range weighed {
		at := c.pattern.at(f)
		if at < equal || s.blind&(1<<f) != 0 {
			continue
		}
		if s.random {
			counts[stranger][f][at] += c.n * sh[stranger]
			continue
		}
		counts[stayed][f][at] += c.n * sh[stayed]
		if address&(1<<f) == 0 {
			counts[stayed][f][at] += c.n * sh[moved]
		}
	}
}

// maximise makes the tables of what was counted, and of the defaults.
func (e *expectation) maximise(counts *tables) {
	start := usualTables()
	for f := range weighed {
		for h, trust := range map[int]float64{stayed: trustOne, stranger: trustStranger} {
			sum := trust
			for _, n := range counts[h][f] {
				sum += n
			}
			for at := range counts[h][f] {
				e.tables[h][f][at] = (counts[h][f][at] + trust*start[h][f][at]) / sum
			}
		}
	}
	e.tables.inherit()
}

// prior learns from all pairs how many records a person has, how many of them moved, and how many relatives and the like
// there are.
func (e *expectation) prior(weights *logs) {
	if e.union.total == 0 {
		return
	}
	prior := e.priors.of(e.records)
	logarithms(&prior)
	var sums [hypotheses]float64
	for _, c := range e.union.patterns {
		sh := e.shares(weights, c.pattern, 0, &prior)
		for h := range sh {
			sums[h] += c.n * sh[h]
		}
	}
	one := sums[stayed] + sums[moved]
	e.priors.repeats = min(max(2*one/e.records, 0.01), 20)
	e.priors.moved = min(max((sums[moved]+trustOne*usualMoved)/(one+trustOne), 0.01), 0.6)
	for _, h := range [...]int{kin, neighbour} {
		i := h - stranger - 1
		e.priors.others[i] = (2*sums[h] + trustOthers*perRecord[i]) / (e.records + trustOthers)
	}
}

// settled tells whether a round has changed nothing that matters.
func settled(before, after *tables) bool {
	for f := range weighed {
		for at := range after[stayed][f] {
			if math.Abs(before[stayed][f][at]-after[stayed][f][at]) > 1e-4 {
				return false
			}
		}
	}
	return true
}

func logarithms(p *[hypotheses]float64) {
	for h := range p {
		p[h] = math.Log2(max(p[h], 1e-15))
	}
}
