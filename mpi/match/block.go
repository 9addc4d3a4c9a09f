package match

// Pass is a way to find pairs that may be one person: those that agree in what the pass goes by. Their union is to miss
// few, as no single one is proof against every kind of slip.
type Pass uint8

// The passes. Those by an identifier, phone or e-mail find few pairs each, and those by a name find what has none. Names are
// taken as they sound, given and family names alike where both could stand in the other's place.
const (
	ByIdentifier Pass = iota
	BySSN
	ByPhone
	ByEmail
	ByBirthDate
	ByNames       // both, in either order
	ByName        // one
	ByDay         // month and day of birth
	ByNamePlace   // one, and postal code
	ByHouse       // number and street, wherever it is
	ByStreet      // street, and postal code or town
	ByNumberPlace // house number and postal code
	ByPremises    // what else the address says, and postal code or town
	ByPlace       // postal code, or town without one
	ByMailbox     // the letters of an e-mail address before its @
	Passes        // how many there are
)

// String is the pass in words, for reports; it holds no PHI.
func (p Pass) String() string {
	names := [Passes]string{"identifier", "ssn", "phone", "email", "birthdate", "names", "name", "day", "name+postcode", "house", "street+place",
		"number+postcode", "premises+place", "postcode", "mailbox"}
	if p < Passes {
		return names[p]
	}
	return "none"
}

// blind are the fields that agree because of the pass, by which it tells nothing.
func (p Pass) blind() uint16 {
	const (
		names = 1<<fFamily | 1<<fGiven
		place = 1<<fStreet | 1<<fLocality | 1<<fPremises
		birth = 1 << fBirth
	)
	return [Passes]uint16{1 << fIdentifier, 1 << fSSN, 1 << fPhone, 1<<fEmail | names, birth, names, names | birth, names | birth, names | place, place, place, place, place,
		birth | place, 1<<fEmail | names | birth}[p]
}

// Key is one by which a record is found in a pass: those that have Hash[0] in common are compared, or, when they are too
// many, those that have Hash[1] in common as well, or Hash[2]. Hashes are the same in every process; those of names and dates
// can be guessed from a list of names, so that they are PHI.
type Key struct {
	Pass Pass
	Hash [3]uint64
}

// mostKeys bounds what one record costs, however many names, phones and addresses it has.
const mostKeys = 64

// Keys appends those of r to to.
func (r *Record) Keys(to []Key) []Key {
	from := len(to)
	add := func(p Pass, key, further, last uint64) {
		k := Key{Pass: p}
		k.Hash[0] = join(key, uint64(p)+1)
		k.Hash[1] = join(k.Hash[0], further)
		k.Hash[2] = join(k.Hash[1], last)
		for _, o := range to[from:] {
			if o == k {
				return
			}
		}
		if len(to)-from < mostKeys {
			to = append(to, k)
		}
	}
	day, month, year := r.birth.keys()
	if r.ids != nil {
		for _, i := range r.ids.other {
			add(ByIdentifier, join(hash(i.name), hash(i.value)), day, 0)
		}
		for _, n := range r.ids.ssn {
			add(BySSN, hash(n), day, 0)
		}
	}
	for _, p := range r.phones {
		add(ByPhone, hash(p), day, 0)
	}
	for _, e := range r.emails {
		add(ByEmail, hash(e), day, 0)
		if box := mailbox(e); box != "" {
			add(ByMailbox, hash(box), year, month)
		}
	}
	var families, givens [4]uint64
	nf, ng := r.names.sounds(&families, &givens)
	names := nameKeys{families[:nf], givens[:ng]}
	dayOfYear := r.birth.monthDay()
	if day != 0 {
		add(ByBirthDate, day, names.family(), names.given())
	}
	for _, f := range names.families {
		for _, g := range names.givens {
			add(ByNames, f^g, year, month) // in either order
		}
	}
	for _, list := range [2][]uint64{names.families, names.givens} {
		for _, n := range list {
			add(ByName, n, year, month)
		}
	}
	if dayOfYear != 0 {
		for _, g := range names.givens {
			add(ByDay, dayOfYear, g, names.family())
		}
		for i := range r.places[:min(len(r.places), 3)] {
			if city := r.places[i].city; city != "" {
				add(ByDay, dayOfYear, hash(city), year)
			}
		}
	}
	for i := range r.places[:min(len(r.places), 3)] {
		r.places[i].keys(&names, year, month, add)
	}
	return to
}

// nameKeys are how a record's names sound.
type nameKeys struct{ families, givens []uint64 }

// family is the first family name; 0 without one.
func (n *nameKeys) family() uint64 { return first(n.families) }

// given is the first given name; 0 without one.
func (n *nameKeys) given() uint64 { return first(n.givens) }

func first(all []uint64) uint64 {
	if len(all) == 0 {
		return 0
	}
	return all[0]
}

func (p *place) keys(n *nameKeys, year, month uint64, add func(p Pass, key, further, last uint64)) {
	number, street := hash(p.number), hash(p.name)
	if p.zip != "" {
		code := hash(p.zip)
		for _, list := range [2][]uint64{n.families, n.givens} {
			for _, k := range list {
				add(ByNamePlace, join(k, code), year, month)
			}
		}
		if p.number != "" {
			add(ByNumberPlace, join(number, code), street, n.family())
		}
		add(ByPlace, code, year, month)
	} else if p.city != "" {
		add(ByPlace, hash(p.city), year, month)
	}
	if p.number != "" && p.name != "" {
		add(ByHouse, join(number, street), hash(p.zip), n.family())
	}
	for _, where := range [2]string{p.zip, p.city} {
		if where == "" {
			continue
		}
		if p.name != "" {
			add(ByStreet, join(street, hash(where)), number, n.family())
		}
		if p.premises != "" {
			add(ByPremises, join(hash(p.premises), hash(where)), n.family(), year)
		}
	}
}

// sounds are how the family and given names sound, of which there may be several; short forms sound as what they are
// short for.
func (n *names) sounds(families, givens *[4]uint64) (nf, ng int) {
	put := func(into *[4]uint64, at *int, k uint64) {
		if k != 0 && *at < len(into) {
			into[*at] = k
			*at++
		}
	}
	for _, list := range [][]surname{n.family, n.formerFamily} {
		for i := range list {
			put(families, &nf, heard(list[i].whole, list[i].sound))
			for _, p := range list[i].parts {
				if len(p) > 2 && !particles[p] {
					put(families, &nf, heard(p, sound(p)))
				}
			}
		}
	}
	for _, list := range [][]forename{n.given, n.otherGiven} {
		for i := range list {
			if list[i].initial {
				continue
			}
			if len(list[i].groups) > 1 {
				put(givens, &ng, mix(uint64(list[i].groups[1])+1))
			} else if len(list[i].groups) == 1 {
				put(givens, &ng, mix(uint64(list[i].groups[0])+1))
			}
			put(givens, &ng, heard(list[i].first, list[i].sound))
		}
	}
	return nf, ng
}

// heard is the key of a name: its sound, or its spelling when it has none.
func heard(name string, sound uint64) uint64 {
	if sound == 0 {
		return hash(name)
	}
	return mix(sound)
}

// keys are those of the whole date, of year and month, and of the year; 0 for what is not known.
func (b *birth) keys() (day, month, year uint64) {
	n := uint64(0)
	for i, c := range b.digits {
		n = n*10 + uint64(c-'0')
		switch {
		case i == 3 && b.parts >= 1:
			year = mix(n)
		case i == 5 && b.parts >= 2:
			month = mix(n)
		case i == 7 && b.parts == 3:
			day = mix(n)
		}
	}
	return day, month, year
}

// monthDay is the key of the day within the year; 0 when it is not known.
func (b *birth) monthDay() uint64 {
	if b.parts < 3 {
		return 0
	}
	n := uint64(0)
	for _, c := range b.digits[4:] {
		n = n*10 + uint64(c-'0')
	}
	return mix(n + 1)
}

// mailbox is what stands before an e-mail address's @, without the digits at its end; "" when that is short.
func mailbox(email string) string {
	for i := range len(email) {
		if email[i] != '@' {
			continue
		}
		for i > 0 && email[i-1] >= '0' && email[i-1] <= '9' {
			i--
		}
		if i > 4 {
			return email[:i]
		}
		break
	}
	return ""
}
