package match

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"

	"concord"
)

// format is the version of what a Model means; it rises with every change of fields, levels or fixed tables.
const format = 1

// Model weighs how far two records agree: Fellegi and Sunter's, with probabilities of agreement given one person (m) and
// given two (u), and tables for pairs of people who share more than chance. It holds counts and probabilities only, no PHI:
// names are kept by a hash, and only those that at least 20 records have, so that none stands for anybody. The zero value
// is none; Default and Learner make them. A Model is not changed once made, and safe for concurrent use.
type Model struct {
	version string
	learnt
	weights *logs

	priors, multiple [hypotheses]float64 // logarithms; the latter when one of two is a twin
}

// learnt is what a Model has learnt, as JSON has it.
type learnt struct {
	Format   int                  `json:"format"`
	Records  int                  `json:"records"`  // in the index that it is for
	Repeats  float64              `json:"repeats"`  // how many other records of its person a record has
	Moved    float64              `json:"moved"`    // the share of those who moved between two of their records
	Others   others               `json:"others"`   // how many relatives, neighbours, twins and namesakes a record has
	One      map[string][]float64 `json:"one"`      // m: by field, the probability of each level from equal on
	Stranger map[string][]float64 `json:"stranger"` // u
	Family   frequencies          `json:"family"`
	Given    frequencies          `json:"given"`
}

// What holds without learning: an index of a region, in which every second record has another one of its person.
const (
	usualRecords = 1_000_000
	usualRepeats = 0.5
	usualMoved   = 0.15
)

// Default is the model of somebody who has seen no data of the site.
func Default() *Model {
	t := usualTables()
	return newModel(t, usualRecords, priors{usualRepeats, usualMoved, perRecord}, frequencies{Other: 2e-4}, frequencies{Other: 3e-3})
}

// priors are what records are to one another before anything of them is known, per record.
type priors struct {
	repeats, moved float64
	others         others
}

// of the hypotheses, but for a factor that all have.
func (p *priors) of(records float64) (out [hypotheses]float64) {
	out[stayed], out[moved], out[stranger] = p.repeats*(1-p.moved), p.repeats*p.moved, records
	copy(out[stranger+1:], p.others[:])
	return out
}

func newModel(t *tables, records int, p priors, family, given frequencies) *Model {
	m := &Model{learnt: learnt{Format: format, Records: records, Repeats: rounded(p.repeats), Moved: rounded(p.moved), One: map[string][]float64{},
		Stranger: map[string][]float64{}, Family: family, Given: given}}
	for i, n := range p.others {
		m.Others[i] = rounded(n)
	}
	for f := range weighed {
		n := len(levelNames[f])
		for at := int(equal); at < n; at++ {
			m.One[string(fieldNames[f])] = append(m.One[string(fieldNames[f])], rounded(t[stayed][f][at]))
			m.Stranger[string(fieldNames[f])] = append(m.Stranger[string(fieldNames[f])], rounded(t[stranger][f][at]))
		}
	}
	m.ready()
	return m
}

// rounded is x to six figures, so that a model is the same when it has been written and read.
func rounded(x float64) float64 {
	if x <= 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-5)
	return math.Round(x/unit) * unit
}

// ready makes of what was learnt what comparing needs.
func (m *Model) ready() {
	t := usualTables()
	for f := range weighed {
		t[stayed][f] = scaled(m.One[string(fieldNames[f])])
		t[stranger][f] = scaled(m.Stranger[string(fieldNames[f])])
	}
	t.inherit()
	m.weights = t.logs()
	p := priors{m.learnt.Repeats, m.learnt.Moved, m.learnt.Others}
	m.priors = p.of(float64(m.learnt.Records))
	m.multiple = m.priors
	m.multiple[twin] = max(m.multiple[twin], twinKnown)
	logarithms(&m.priors)
	logarithms(&m.multiple)
	m.Family.index()
	m.Given.index()
	b, err := json.Marshal(m.learnt)
	if err != nil { // numbers and strings only
		b = nil
	}
	sum := sha256.Sum256(b)
	m.version = "fs" + string(rune('0'+format)) + "-" + hex.EncodeToString(sum[:6])
}

// Version names the model: its format and a digest of what it has learnt.
func (m *Model) Version() string { return m.version }

// Records is how many records the index has that the model is for.
func (m *Model) Records() int { return m.learnt.Records }

// Repeats is how many other records of its person a record has, on average.
func (m *Model) Repeats() float64 { return m.learnt.Repeats }

// MarshalJSON writes all that the model has learnt. It holds no PHI.
func (m *Model) MarshalJSON() ([]byte, error) { return json.Marshal(m.learnt) }

// UnmarshalJSON reads what MarshalJSON wrote. Its error is a *concord.Fault: Malformed for what is no model, Unsupported for
// one of another format.
func (m *Model) UnmarshalJSON(b []byte) error {
	var l learnt
	if err := json.Unmarshal(b, &l); err != nil {
		return &concord.Fault{Op: "read model", Kind: concord.Malformed, Err: err}
	}
	if l.Format != format {
		return &concord.Fault{Op: "read model", Kind: concord.Unsupported}
	}
	if !l.valid() {
		return &concord.Fault{Op: "read model", Kind: concord.Malformed}
	}
	*m = Model{learnt: l}
	m.ready()
	return nil
}

func (l *learnt) valid() bool {
	share := func(x float64) bool { return x >= 0 && x <= 1 }
	for f := range weighed {
		for _, row := range [][]float64{l.One[string(fieldNames[f])], l.Stranger[string(fieldNames[f])]} {
			if len(row) != len(levelNames[f])-int(equal) || !slices.ContainsFunc(row, func(p float64) bool { return p > 0 }) ||
				slices.ContainsFunc(row, func(p float64) bool { return !share(p) }) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(l.Others[:], func(n float64) bool { return n <= 0 || n > 1000 }) && l.Records > 0 && l.Repeats > 0 && l.Repeats < 1000 && share(l.Moved) && l.Family.valid() && l.Given.valid()
}
