package match

import (
	"slices"
	"strings"

	"concord/mpi"
)

// place is where somebody lives. What rules compare are the street line, the unit within the house, the postal code, and
// city with state, which counts where one of two has no postal code. What a model weighs is the same in pieces.
type place struct {
	street, unit, town uint64 // by their hash; 0 for none
	zip                string

	number   string // of the house
	name     string // of the street, without space
	premises string // the other lines, without space
	city     string // without space

	nameLetters, premisesLetters, cityLetters uint32
}

// near tells whether two places are in one postal district, or in one town as far as is known.
func (p *place) near(q *place) bool {
	if p.zip != "" && q.zip != "" {
		return p.zip == q.zip
	}
	return p.town != 0 && p.town == q.town
}

// home tells whether the place can tell households apart.
func (p *place) home() bool { return p.street != 0 && (p.zip != "" || p.town != 0) }

// What many have in common who are no household, or what stands for none.
var shared = set("homeless", "undomiciled", "transient", "shelter", "prison", "jail", "correctional", "penitentiary", "detention", "hospital", "unknown",
	"general delivery", "gen delivery", "po box", "p o box", "post office box", "no address", "no fixed", "no fixed address", "none", "nursing home",
	"usps store", "ups store", "emergency mail", "mail program", "college dorm", "dormitory", "rehab center", "group home")

// placesOf are a patient's addresses; unknown says that there are some, and none that tells households apart.
func placesOf(d mpi.Demographics) (out []place, unknown bool) {
	home := false
	for _, a := range d.Addresses {
		p := placeOf(a)
		home = home || p.home()
		unknown = unknown || !p.home()
		if p != (place{}) && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, unknown && !home
}

func placeOf(a mpi.Address) place {
	p := localityOf(a)
	at := p
	var lines [][]string
	within := ""
	for _, line := range joinNumbers(a.Lines) {
		w := words(strings.ReplaceAll(line, "#", " apt "), true)
		if len(w) == 0 || w[0] == "attn" || len(w) > 1 && w[0] == "c" && w[1] == "o" {
			continue
		}
		if isShared(w) {
			return at
		}
		lines = append(lines, slices.Clone(w))
		if p.street != 0 { // behind the street line is what narrows it
			within += unit(w)
			continue
		}
		if !strings.ContainsAny(line, "0123456789") || units[w[0]] { // a house's name, or the unit sent first
			continue
		}
		if i := slices.IndexFunc(w, func(s string) bool { return units[s] }); i > 1 { // a number and a name at least
			within, w = unit(w[i:]), w[:i]
		}
		shorten(w)
		p.street = hash(strings.Join(w, " "))
	}
	if within != "" {
		p.unit = hash(within)
	}
	p.pieces(lines)
	return p
}

func localityOf(a mpi.Address) place {
	p := place{zip: zip(a.PostalCode)}
	city, state := words(a.City, true), strings.Join(words(a.State, true), " ")
	if len(city) > 0 && state != "" {
		p.town = hash(strings.Join(city, " ") + ", " + state)
	}
	if p.city = strings.Join(city, ""); noGiven[p.city] {
		p.city = ""
	}
	p.cityLetters = letterSet(p.city)
	return p
}

// joinNumbers puts a house number that was sent as a line of its own before the next line.
func joinNumbers(lines []string) []string {
	if len(lines) < 2 || strings.Trim(lines[0], "0123456789 ") != "" || digits(lines[0]) == "" {
		return lines
	}
	return append([]string{lines[0] + " " + lines[1]}, lines[2:]...)
}

// pieces sets what a model weighs: the first line with a number is the street, else the first line is.
func (p *place) pieces(lines [][]string) {
	numbered := func(w []string) bool {
		return slices.ContainsFunc(w, func(s string) bool { return s[0] >= '0' && s[0] <= '9' }) && !units[w[0]]
	}
	first := max(slices.IndexFunc(lines, numbered), 0)
	var name, rest strings.Builder
	for i, w := range lines {
		if i != first {
			shorten(w)
			for _, s := range w {
				rest.WriteString(s)
			}
			continue
		}
		if at := slices.IndexFunc(w, func(s string) bool { return units[s] }); at > 1 {
			w = w[:at]
		}
		shorten(w)
		for _, s := range w {
			if p.number == "" && s[0] >= '0' && s[0] <= '9' {
				p.number = s
			} else {
				name.WriteString(s)
			}
		}
	}
	p.name, p.premises = name.String(), rest.String()
	p.nameLetters, p.premisesLetters = letterSet(p.name), letterSet(p.premises)
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

// shorten puts the short form of each word but the first.
func shorten(w []string) {
	for i, s := range w {
		if to := short[s]; to != "" && i > 0 {
			w[i] = to
		}
	}
}

func isShared(w []string) bool {
	for i := range w {
		if shared[w[i]] {
			return true
		}
		for n := 2; n <= 3 && i+n <= len(w); n++ {
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

// compareAddress is what rules go by.
func compareAddress(a, b []place, unknown bool) level {
	best := missing
	for i := range a {
		for j := range b {
			x, y := &a[i], &b[j]
			if !x.home() || !y.home() {
				continue
			}
			if x.street == y.street && x.near(y) && (x.unit == y.unit || x.unit == 0 || y.unit == 0) {
				return equal
			}
			best = differs
		}
	}
	return orPlaceholder(best, unknown)
}

// comparePlaces is what a model weighs, of the two addresses that are the closest.
func comparePlaces(a, b []place) (street, premises, locality level) {
	for i := range a {
		for j := range b {
			s, l := streetLevel(&a[i], &b[j]), localityLevel(&a[i], &b[j])
			if i+j == 0 || better(s, street) || s == street && better(l, locality) {
				street, locality = s, l
				premises = missing
				if s != streetTurned {
					premises = premisesLevel(&a[i], &b[j])
				}
			}
		}
	}
	return street, premises, locality
}

// better tells whether a is closer than b, and not missing.
func better(a, b level) bool { return a != b && closer(a, b) == a }

// slipped compares two texts: equal, slip or slipDiffers; missing when there is none.
func slipped(a, b string, lettersA, lettersB uint32) level {
	switch {
	case a == "" || b == "":
		return missing
	case a == b:
		return equal
	case hopeless(lettersA, lettersB):
		return slipDiffers
	case long(a, b) && (mayBeNear(lettersA, lettersB) && near(a, b) || winkler(a, b) >= alikeFrom):
		return slip
	}
	return slipDiffers
}

func streetLevel(a, b *place) level {
	name := slipped(a.name, b.name, a.nameLetters, b.nameLetters)
	number := missing
	if a.number != "" && b.number != "" {
		switch {
		case a.number == b.number:
			number = equal
		case near(a.number, b.number):
			number = slip
		default:
			number = slipDiffers
		}
	}
	if name != equal && name != slip && (slipped(a.name, b.premises, a.nameLetters, b.premisesLetters)&^1 == equal ||
		slipped(a.premises, b.name, a.premisesLetters, b.nameLetters)&^1 == equal) {
		return streetTurned
	}
	switch {
	case name == missing:
		return missing
	case name == equal && number == equal && (a.unit == b.unit || a.unit == 0 || b.unit == 0 || a.premises != "" || b.premises != ""):
		return equal
	case name == equal && number == equal:
		return streetUnit
	case name == equal && number != slipDiffers:
		return streetNumber
	case name == slip && number == equal:
		return streetNear
	case name == equal:
		return streetOnly
	case name == slip:
		return streetClose
	case number == equal:
		return streetHouseOnly
	}
	return streetDiffers
}

func premisesLevel(a, b *place) level {
	return slipped(a.premises, b.premises, a.premisesLetters, b.premisesLetters)
}

func localityLevel(a, b *place) level {
	city := slipped(a.city, b.city, a.cityLetters, b.cityLetters)
	code := missing
	if a.zip != "" && b.zip != "" {
		switch {
		case a.zip == b.zip:
			code = equal
		case near(a.zip, b.zip):
			code = slip
		default:
			code = slipDiffers
		}
	}
	if code == missing || city != missing && city < code {
		code, city = city, code
	}
	switch { // code is the closer of the two now
	case code == missing:
		return missing
	case code == equal && city == equal:
		return equal
	case code == equal && city == missing:
		return placeOne
	case code == equal && city == slip:
		return placeOneNear
	case code == equal:
		return placeOneDiffers
	case code == slip && city != slipDiffers:
		return placeNear
	}
	return placeDiffers
}
