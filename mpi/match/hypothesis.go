package match

import "math"

// What two records can be to one another. Weighing against strangers alone would link brothers who share a house, a phone
// and a surname: those fields don't agree independently of one another. So each kind of pair that shares more than chance
// has tables of its own, and a field that relatives share as well can't carry a link beyond the odds that they are those:
// the group is capped by what it can tell.
const (
	stayed    = iota // one person at one address
	moved            // one person who has moved between the two records
	stranger         // two people
	kin              // two relatives of one household
	neighbour        // two people of one house, or of one address after another
	twin             // two born together who live together
	namesake         // parent and child of one name who live together
	hypotheses
)

// perRecord is how many others each record is expected to have that are that to it: estimates from public statistics (about
// 2.5 people in a household; 3.1 % of children born are twins, of whom a third live together; one boy in 30 is called as his
// father). Those who no longer live together have no more in common than name and birth date, or not even that, which is
// never certain. A site's own data say how many share a household or a house, where they are more than a few records: the
// estimate counts for trustOthers of them. Twins and namesakes they can't tell from slips of one person, so that those stand.
var perRecord = others{2, 3, 0.01, 0.02}

const trustOthers = 20

// others are numbers of records, one for each hypothesis after stranger.
type others [hypotheses - stranger - 1]float64

// twinKnown is perRecord of a twin when one of the two records says that it is of a multiple birth.
const twinKnown = 1

// usual are the probabilities of each level from equal on, given what the two are. They are where learning begins, and what
// holds without it; rows of all but stayed, moved and stranger hold in any case. A row need not add up to 1: scaled does.
// Where a hypothesis has none, shares says.
var usual = [hypotheses][weighed][]float64{
	stayed: {
		fFamily:     {.90, .012, .012, .002, .025, .012, .006, .031},
		fGiven:      {.80, .08, .003, .005, .03, .001, .025, .012, .005, .009, 0, .03},
		fBirth:      {.93, .006, .022, .012, .004, .008, .006, .012},
		fGender:     {.985, .015},
		fStreet:     {.75, .03, .05, .06, .01, .02, .02, .01, .05},
		fPremises:   {.80, .10, .10},
		fLocality:   {.82, .04, .05, .04, .01, .04},
		fPhone:      {.70, .02, .28},
		fEmail:      {.60, .03, .37},
		fSSN:        {.94, .02, .02, .02},
		fIdentifier: {.90, .10},
		fSuffix:     {.97, .03},
	},
	moved: {
		fStreet:   {.01, .002, .001, .001, .001, .002, .01, .004, .969},
		fPremises: {.01, .005, .985},
		fLocality: {.20, .01, .005, .03, .005, .75},
		fPhone:    {.35, .01, .64},
	},
	stranger: {
		fFamily:     {1e-3, 2e-4, 2e-3, 1e-5, 1.5e-3, 1e-2, 1e-6, .985},
		fGiven:      {4e-3, 8e-4, 1e-4, 2e-3, 3e-3, 1e-6, 3e-3, 1e-3, 1e-3, 1e-2, 0, .975},
		fBirth:      {4e-5, 3e-5, 5e-4, 3e-4, 5e-5, 4e-3, 1e-2, .985},
		fGender:     {.5, .5},
		fStreet:     {5e-6, 5e-6, 1e-5, 1e-5, 1e-6, 8e-4, 3e-3, 8e-3, .988},
		fPremises:   {2e-3, 2e-3, .996},
		fLocality:   {5e-3, 1e-3, 2e-4, 1e-2, 1e-3, .983},
		fPhone:      {2e-6, 1e-5, .99999},
		fEmail:      {1e-6, 1e-6, .999998},
		fSSN:        {1e-7, 1e-6, 1e-5, .99999},
		fIdentifier: {1e-6, .999999},
		fSuffix:     {.3, .7},
	},
	kin: {
		fGender: {.45, .55},
		fSSN:    {2e-3, 1e-3, 1e-4, .997},
	},
	neighbour: {
		fStreet: {.60, .15, .03, .03, .005, .12, .005, .01, .05},
	},
	twin: {
		fGiven:  {3e-4, 5e-4, 2e-4, 3e-3, 2e-3, 1e-6, 1.5e-2, 2e-2, 3e-3, 4e-2, 0, .916},
		fGender: {.66, .34},
		fSSN:    {2e-3, .10, 1e-4, .898},
	},
	namesake: {
		fGiven:  {.55, .25, .005, .10, .05, .001, .01, .01, .01, .005, 0, .009},
		fGender: {.99, .01},
		fSSN:    {4e-3, 2e-3, 1e-3, .993},
		fSuffix: {.05, .95},
	},
}

// shares are how many of the pairs have a field in common as one person who stayed has it, slips included; the rest has it as
// strangers do.
var shares = [hypotheses][weighed]float64{
	stayed:    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	moved:     {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	kin:       {fFamily: .85, fStreet: .95, fPremises: .95, fLocality: .97, fPhone: .75, fEmail: .15, fIdentifier: .10},
	neighbour: {fPremises: .80, fLocality: .97, fPhone: .02, fEmail: 1e-3},
	twin:      {fFamily: .97, fBirth: .99, fStreet: .95, fPremises: .95, fLocality: .97, fPhone: .80, fEmail: .50, fIdentifier: .30, fSuffix: 1},
	namesake:  {fFamily: .98, fBirth: .003, fStreet: .95, fPremises: .95, fLocality: .97, fPhone: .75, fEmail: .20, fIdentifier: .30},
}

// distribution is the probability of each level of one field; those of missing and placeholder are 0, as they say nothing.
type distribution [most]float64

// tables are the distributions of every field, given what two records are.
type tables [hypotheses][weighed]distribution

// usualTables are the tables where learning begins.
func usualTables() *tables {
	var t tables
	for h := range usual {
		for f, row := range usual[h] {
			if row != nil {
				t[h][f] = scaled(row)
			}
		}
	}
	t.inherit()
	return &t
}

func scaled(row []float64) distribution {
	var d distribution
	sum := 0.0
	for _, p := range row {
		sum += p
	}
	at := d[int(equal):]
	for i := range min(len(row), len(at)) {
		at[i] = row[i] / sum
	}
	return d
}

// inherit makes the tables that follow from those of one person who stayed and of strangers.
func (t *tables) inherit() {
	for h := range usual {
		for f := range usual[h] {
			if usual[h][f] != nil {
				continue
			}
			for at := range t[h][f] {
				t[h][f][at] = shares[h][f]*t[stayed][f][at] + (1-shares[h][f])*t[stranger][f][at]
			}
		}
	}
}

// least is the smallest probability that is reckoned with: nothing observed is impossible.
const least = 1e-9

// logs are the tables as base 2 logarithms, by field, level and hypothesis, so that a comparison reads on.
type logs [weighed][most][hypotheses]float64

func (t *tables) logs() *logs {
	var l logs
	for h := range t {
		for f := range t[h] {
			for at := int(equal); at < most; at++ {
				l[f][at][h] = math.Log2(max(t[h][f][at], least))
			}
		}
	}
	// When the names are exchanged both fields say one thing, which the family name's table has of one person and of
	// strangers. Others who share the family name must have the given name in common besides.
	l[fGiven][givExchanged] = [hypotheses]float64{}
	for h := stranger + 1; h < hypotheses; h++ {
		l[fGiven][givExchanged][h] = l[fGiven][equal][h]
	}
	return &l
}
