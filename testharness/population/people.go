package population

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// people makes the persons, each decoy right behind whom it resembles.
func people(s seed, o Options, sources int) []Person {
	out := make([]Person, 0, o.Persons)
	for i := range o.Persons {
		key := PersonKey(fmt.Sprintf("p%05d", i))
		r := s.stream("person", string(key))
		p := person(r, key)
		kind := decoyKind(s, o, &p)
		var d Person
		if kind != "" {
			d = decoy(s.stream("decoy", string(key)), kind, &p)
		}
		register(s, o, sources, &p)
		out = append(out, p)
		if kind != "" {
			register(s, o, sources, &d)
			out = append(out, d)
		}
	}
	return out
}

// register decides which sources know the person, and where the person mostly goes.
func register(s seed, o Options, sources int, p *Person) {
	r := s.stream("registered", string(p.Key))
	n := o.Registered
	if n <= 0 {
		n = sources
		for n > 1 && r.Float64() < 0.3 {
			n--
		}
	}
	n = min(n, sources)
	perm := r.Perm(sources)[:n]
	in := make([]bool, sources)
	for _, i := range perm {
		in[i] = true
	}
	p.home, p.sites = perm[0], nil
	for i, yes := range in {
		if yes {
			p.sites = append(p.sites, i)
		}
	}
}

func person(r *rand.Rand, key PersonKey) Person {
	p := Person{Key: key, Gender: "female"}
	if r.IntN(2) == 0 {
		p.Gender = "male"
	}
	p.Family = familyName(r)
	p.Given = givenNames(r, p.Gender)
	if nick := nicknames[p.Given[0]]; len(nick) > 0 {
		p.Nickname = choose(r, nick)
	}
	age := 18 + r.IntN(70)
	if r.Float64() < 0.15 {
		age = 1 + r.IntN(17)
	}
	p.Birth = AsOf().AddDate(-age, 0, -1-r.IntN(364))
	if p.Gender == "female" && age > 24 && r.Float64() < 0.35 {
		p.Former = familyName(r)
		if p.Former == p.Family {
			p.Former = ""
		}
	}
	if p.Gender == "male" && r.Float64() < 0.05 {
		p.Suffix = choose(r, []string{"Jr", "II", "III"})
	}
	p.SSN = ssn(r)
	pl := choose(r, places)
	p.Address = address(r, pl)
	p.Phone = phone(r, pl)
	p.Email = email(&p, r)
	if r.Float64() < 0.3 {
		p.OldAddress = address(r, choose(r, places))
	}
	p.race, p.ethnicity = r.IntN(len(races)), r.IntN(2)
	return p
}

// familyName prefers frequent names: half are of the first thirty.
func familyName(r *rand.Rand) string {
	if r.IntN(2) == 0 {
		return familyNames[r.IntN(30)]
	}
	return choose(r, familyNames)
}

func givenNames(r *rand.Rand, gender string) []string {
	table := givenFemale
	if gender == "male" {
		table = givenMale
	}
	first := choose(r, table)
	if r.Float64() < 0.2 {
		return []string{first}
	}
	second := choose(r, table)
	if second == first {
		return []string{first}
	}
	return []string{first, second}
}

// ssn draws a number that is formally valid: areas 001-665 and 667-899, no zero group or serial.
func ssn(r *rand.Rand) string {
	area := 1 + r.IntN(898)
	if area >= 666 {
		area++
	}
	return fmt.Sprintf("%03d%02d%04d", area, 1+r.IntN(99), 1+r.IntN(9999))
}

// phone lies in exchange 555, above the lines that are reserved for fiction and that matchers ignore.
func phone(r *rand.Rand, p place) string { return fmt.Sprintf("%s555%04d", p.area, 1000+r.IntN(9000)) }

func address(r *rand.Rand, p place) Address {
	line := itoa(1+r.IntN(2400)) + " " + choose(r, streets)
	if r.IntN(4) == 0 {
		line += " Apt " + itoa(1+r.IntN(40))
	}
	return Address{Line: line, City: p.city, State: p.state, PostalCode: p.zip}
}

func email(p *Person, r *rand.Rand) string {
	clean := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' {
			return c
		}
		return -1
	}, strings.ToLower(p.Given[0]+p.Family))
	return clean + digits(r, 3) + "@example.org"
}

func decoyKind(s seed, o Options, p *Person) string {
	if !s.coin(o.Decoys, "has decoy", string(p.Key)) {
		return ""
	}
	switch s.pick(3, "decoy kind", string(p.Key)) {
	case 0:
		return "twin"
	case 1:
		if years(p.Birth, AsOf()) > 25 {
			return "junior"
		}
		return "twin"
	}
	return "namesake"
}

// decoy is someone easily taken for p; where that takes it, p is changed to fit.
func decoy(r *rand.Rand, kind string, p *Person) Person {
	d := *p
	d.Key, d.DecoyOf, d.DecoyKind = p.Key+"d", p.Key, kind
	d.Former, d.OldAddress = "", Address{}
	d.SSN = ssn(r)
	switch kind {
	case "twin": // same home, birth date and phone; given names alike; SSNs neighbours
		pair := choose(r, twinFemale)
		if p.Gender == "male" {
			pair = choose(r, twinMale)
		}
		p.Given, d.Given = []string{pair[0]}, []string{pair[1]}
		p.Nickname, d.Nickname = "", ""
		p.Suffix, d.Suffix = "", ""
		p.Former = ""
		p.TwinOrder, d.TwinOrder = 1, 2
		p.Email = email(p, r)
		last := p.SSN[8]
		next := last + 1
		if last == '9' {
			next = '8'
		}
		d.SSN = p.SSN[:8] + string(rune(next))
		d.Email = email(&d, r)
	case "junior": // same names and home, a generation later
		p.Suffix, d.Suffix = "Sr", "Jr"
		d.Birth = p.Birth.AddDate(22+r.IntN(3), r.IntN(11), r.IntN(27))
		if !d.Birth.Before(AsOf().AddDate(-1, 0, 0)) {
			d.Birth = AsOf().AddDate(-1, 0, -1-r.IntN(300))
		}
		d.Email = email(&d, r)
	default: // same names and birth date, another life
		pl := choose(r, places)
		d.Address, d.Phone, d.Email = address(r, pl), phone(r, pl), email(&d, r)
		if len(d.Given) > 1 {
			d.Given = []string{d.Given[0]}
		}
		if r.IntN(2) == 0 {
			d.Birth = d.Birth.Add(-24 * time.Hour * time.Duration(365+r.IntN(3000)))
		}
	}
	return d
}
