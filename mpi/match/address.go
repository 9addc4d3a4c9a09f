package match

import (
	"slices"
	"strings"

	"concord/mpi"
)

// place is where somebody lives: street line, unit within the house, postal code, and city with state, which counts where
// one of two has no postal code.
type place struct{ street, unit, zip, town string }

// near tells whether two places are in one postal district, or in one town as far as is known.
func (p place) near(q place) bool {
	if p.zip != "" && q.zip != "" {
		return p.zip == q.zip
	}
	return p.town != "" && p.town == q.town
}

// Words of street lines and what they are shortened to (USPS Publication 28, the common ones).
var short = map[string]string{"street": "st", "str": "st", "avenue": "ave", "av": "ave", "road": "rd", "drive": "dr", "lane": "ln", "court": "ct",
	"boulevard": "blvd", "place": "pl", "circle": "cir", "highway": "hwy", "parkway": "pkwy", "terrace": "ter", "square": "sq", "trail": "trl",
	"crossing": "xing", "alley": "aly", "plaza": "plz", "heights": "hts", "mount": "mt", "fort": "ft", "saint": "st",
	"north": "n", "south": "s", "east": "e", "west": "w", "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw"}

var units = set("apt", "apartment", "unit", "ste", "suite", "fl", "floor", "rm", "room", "trlr", "lot")

// What many have in common who are no household, or what stands for none.
var shared = set("homeless", "undomiciled", "transient", "shelter", "prison", "jail", "correctional", "penitentiary", "detention", "hospital", "unknown",
	"general delivery", "gen delivery", "po box", "p o box", "post office box", "no address", "no fixed", "no fixed address", "none", "nursing home")

// placesOf are the addresses that tell households apart; unknown says that there are only others.
func placesOf(d mpi.Demographics) (out []place, unknown bool) {
	for _, a := range d.Addresses {
		p := placeOf(a)
		if p.street == "" || p.zip == "" && p.town == "" {
			unknown = true
		} else if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, unknown && len(out) == 0
}

func placeOf(a mpi.Address) place {
	var p place
	for _, line := range a.Lines {
		w := words(strings.ReplaceAll(line, "#", " apt "), true)
		if len(w) == 0 || w[0] == "attn" || len(w) > 1 && w[0] == "c" && w[1] == "o" {
			continue
		}
		if isShared(w) {
			return place{}
		}
		if p.street != "" { // behind the street line is what narrows it
			p.unit += unit(w)
			continue
		}
		if !strings.ContainsAny(line, "0123456789") || units[w[0]] { // a house's name, or the unit sent first
			continue
		}
		at := slices.IndexFunc(w, func(s string) bool { return units[s] })
		if at > 1 { // a number and a name at least
			p.unit, w = unit(w[at:]), w[:at]
		}
		for i, s := range w {
			if to := short[s]; to != "" && i > 0 {
				w[i] = to
			}
		}
		p.street = strings.Join(w, " ")
	}
	p.zip = zip(a.PostalCode)
	if city, state := strings.Join(words(a.City, true), " "), strings.Join(words(a.State, true), " "); city != "" && state != "" {
		p.town = city + ", " + state
	}
	return p
}

// unit is the number within the house, whatever it is called.
func unit(w []string) string {
	var b strings.Builder
	for _, s := range w {
		if !units[s] {
			b.WriteString(s)
		}
	}
	return b.String()
}

func isShared(w []string) bool {
	for i := range w {
		for n := 1; n <= 3 && i+n <= len(w); n++ {
			if shared[strings.Join(w[i:i+n], " ")] {
				return true
			}
		}
	}
	return false
}

// zip is the ZIP5, or another country's postal code without space; "" for what stands for none.
func zip(s string) string {
	s = strings.Join(words(s, true), "")
	if n := digits(s); n == s && len(n) >= 5 {
		s = n[:5]
	}
	if len(s) < 3 || repeated(s) || strings.Trim(s, "0123456789") != "" && noGiven[s] {
		return ""
	}
	return s
}

func compareAddress(a, b []place, unknown bool) mpi.Level {
	l := closest([]mpi.Level{mpi.Equal, mpi.Differs}, a, b, func(x, y place) mpi.Level {
		if x.street == y.street && x.near(y) && (x.unit == y.unit || x.unit == "" || y.unit == "") {
			return mpi.Equal
		}
		return mpi.Differs
	})
	return orPlaceholder(l, unknown)
}
