package synthetic

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"concord"
	"concord/mpi"
)

// Population makes up people in households, twins and namesakes among them, and records of them at three sources, some of
// which have slips. It is the same for the same seed, and keeps nothing but what one household needs.
type Population struct {
	r        *rand.Rand
	families []string
	givens   []string
	streets  []string
	// Truth is told whose each record is; may be nil.
	Truth func(ref concord.PatientRef, person int)
}

// Sources are where the records are from.
func Sources() []concord.SourceID { return []concord.SourceID{"north", "south", "west"} }

// New is the population of a seed.
func New(seed uint64) *Population {
	p := &Population{r: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // the same people each time, which is what is wanted
	word := func(least, most int) string {
		var b strings.Builder
		for range least + p.r.IntN(most-least+1) {
			b.WriteByte("bcdfghjklmnprstvwz"[p.r.IntN(18)])
			b.WriteByte("aaeeiioou"[p.r.IntN(9)])
			if p.r.IntN(3) == 0 {
				b.WriteByte("nrslmt"[p.r.IntN(6)])
			}
		}
		return b.String()
	}
	list := func(n, least, most int) []string {
		seen, out := map[string]bool{}, make([]string, 0, n)
		for len(out) < n {
			if w := word(least, most); !seen[w] {
				seen[w] = true
				out = append(out, w)
			}
		}
		return out
	}
	p.families, p.givens, p.streets = list(50_000, 2, 4), list(1_500, 2, 3), list(20_000, 2, 4)
	return p
}

// rank draws a place in a list: the commonest ones are drawn about as often as the commonest names are.
func (p *Population) rank(n int) int {
	const flat = 12
	return min(int(flat*(math.Exp(p.r.Float64()*math.Log(1+float64(n)/flat))-1)), n-1)
}

// Records are n records, by and by.
func (p *Population) Records(n int) iter.Seq2[mpi.Demographics, error] {
	return func(yield func(mpi.Demographics, error) bool) {
		sources := Sources()
		made, person := 0, 0
		for made < n {
			family := p.families[p.rank(len(p.families))]
			zip := 10000 + p.r.IntN(max(n/2500, 1)+20)
			home := mpi.Address{Lines: []string{fmt.Sprintf("%d %s street", 1+p.r.IntN(900), p.streets[p.r.IntN(len(p.streets))])}, City: "town" + strconv.Itoa(zip/3),
				State: "MA", PostalCode: strconv.Itoa(zip)}
			phone := fmt.Sprintf("617%d%06d", 2+p.r.IntN(8), p.r.IntN(1_000_000))
			shared := fmt.Sprintf("the.%ss%d@mail.example.org", family, p.r.IntN(100))
			var last mpi.Demographics
			for member := range 1 + p.r.IntN(4) {
				person++
				d := mpi.Demographics{Names: []mpi.Name{{Family: family, Given: []string{p.givens[p.rank(len(p.givens))]}}},
					BirthDate: fmt.Sprintf("%04d-%02d-%02d", 1930+p.r.IntN(90), 1+p.r.IntN(12), 1+p.r.IntN(28)), Gender: []string{"male", "female"}[p.r.IntN(2)],
					Addresses: []mpi.Address{home}, Phones: []string{phone}}
				switch p.r.IntN(4) {
				case 0:
					d.Emails = []string{shared}
				case 1:
					d.Emails = []string{fmt.Sprintf("%s.%s%d@mail.example.org", d.Names[0].Given[0], family, p.r.IntN(1000))}
				}
				if given := last.Names; member > 0 {
					switch p.r.IntN(120) {
					case 0: // twins, one in five of whom are called alike
						d.BirthDate = last.BirthDate
						if alike := p.typo(given[0].Given[0]); p.r.IntN(5) == 0 && alike != given[0].Given[0] {
							d.Names = []mpi.Name{{Family: family, Given: []string{alike}}}
						}
					case 1: // parent and child of one name
						d.Names, d.Gender = given, last.Gender
					}
				}
				last = d
				for _, s := range sources {
					if p.r.IntN(2) == 0 {
						continue
					}
					if made++; made > n {
						return
					}
					x := p.slip(d)
					x.Ref = concord.NewPatientRef(s, strconv.Itoa(made))
					if p.Truth != nil {
						p.Truth(x.Ref, person)
					}
					if !yield(x, nil) {
						return
					}
				}
			}
		}
	}
}

// slip is d as a source has it: one record in three has something else or nothing in a field.
func (p *Population) slip(d mpi.Demographics) mpi.Demographics {
	name := d.Names[0]
	switch p.r.IntN(24) {
	case 0:
		name.Family = p.typo(name.Family)
	case 1:
		name.Given = []string{p.typo(name.Given[0])}
	case 2:
		d.BirthDate = d.BirthDate[:8] + fmt.Sprintf("%02d", 1+p.r.IntN(28))
	case 3:
		d.Phones = nil
	case 4:
		d.Addresses = nil
	case 5:
		d.Phones = []string{fmt.Sprintf("508%d%06d", 2+p.r.IntN(8), p.r.IntN(1_000_000))}
	case 6:
		a := d.Addresses[0]
		a.Lines = []string{p.typo(a.Lines[0])}
		d.Addresses = []mpi.Address{a}
	case 7:
		d.Emails = nil
	}
	d.Names = []mpi.Name{name}
	return d
}

func (p *Population) typo(s string) string {
	i := p.r.IntN(len(s))
	switch p.r.IntN(3) {
	case 0:
		return s[:i] + s[min(i+1, len(s)):]
	case 1:
		return s[:i] + string(rune('a'+p.r.IntN(26))) + s[i:]
	}
	return s[:i] + string(rune('a'+p.r.IntN(26))) + s[min(i+1, len(s)):]
}
