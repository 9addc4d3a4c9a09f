package match

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"concord"
)

// What of the frequencies of names a model keeps. A name that twenty records have tells of nobody, and is kept by its hash
// so that the file is no list of names either. All others count as one kind, of middling rarity: that a name is unique is
// what must not leave the site, and takes no link that is certain from anybody.
const (
	leastHolders = 20
	mostNames    = 4096
)

// frequencies are how common names are.
type frequencies struct {
	Common []common `json:"common,omitempty"` // by hash
	Other  float64  `json:"other"`            // the share that each of the others has, on average over those who have one

	logs  map[uint64]float64
	other float64
}

// common is a name that many have; its JSON is the hash in hexadecimal digits and the share.
type common struct {
	hash  uint64
	share float64
}

// MarshalJSON writes the pair as an array.
func (c common) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{strconv.FormatUint(c.hash, 16), c.share})
}

// UnmarshalJSON reads what MarshalJSON wrote; the error is Malformed.
func (c *common) UnmarshalJSON(b []byte) error {
	var name string
	pair := []any{&name, &c.share}
	err := json.Unmarshal(b, &pair)
	if err == nil {
		c.hash, err = strconv.ParseUint(name, 16, 64)
	}
	if err != nil {
		return &concord.Fault{Op: "read model", Kind: concord.Malformed, Err: err}
	}
	return nil
}

// frequenciesOf are those of names that were counted in so many records.
func frequenciesOf(counts map[uint64]int) frequencies {
	total, rest, squares := 0, 0, 0.0
	var all []common
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		return frequencies{Other: 1e-3}
	}
	for h, n := range counts {
		if n >= leastHolders {
			all = append(all, common{h, float64(n)})
		} else {
			rest += n
			squares += float64(n) * float64(n)
		}
	}
	slices.SortFunc(all, func(a, b common) int { return cmp.Or(cmp.Compare(b.share, a.share), cmp.Compare(a.hash, b.hash)) })
	for _, c := range all[min(len(all), mostNames):] {
		rest += int(c.share)
		squares += c.share * c.share
	}
	all = all[:min(len(all), mostNames)]
	f := frequencies{Common: all, Other: rounded(1 / float64(total))}
	if rest > 0 {
		f.Other = rounded(squares / float64(rest) / float64(total))
	}
	for i := range all {
		all[i].share = rounded(all[i].share / float64(total))
	}
	slices.SortFunc(all, func(a, b common) int { return cmp.Compare(a.hash, b.hash) })
	return f
}

func (f *frequencies) valid() bool {
	return len(f.Common) <= mostNames && f.Other > 0 && f.Other <= 1 && !slices.ContainsFunc(f.Common, func(c common) bool { return c.share <= 0 || c.share > 1 })
}

func (f *frequencies) index() {
	f.logs = make(map[uint64]float64, len(f.Common))
	for _, c := range f.Common {
		f.logs[c.hash] = math.Log2(c.share)
	}
	f.other = math.Log2(max(f.Other, least))
}

// log is the base 2 logarithm of the name's share.
func (f *frequencies) log(name string) float64 {
	if len(f.logs) == 0 {
		return f.other
	}
	if l, ok := f.logs[hash(name)]; ok {
		return l
	}
	return f.other
}
