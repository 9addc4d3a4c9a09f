package merge

import (
	"math/big"
	"strings"

	"concord/fhir"
)

// agreement is whether two elements say the same.
type agreement uint8

const (
	differ  agreement = iota
	unknown           // nothing that both have can be compared
	equal
)

func agree(same bool) agreement {
	if same {
		return equal
	}
	return differ
}

// quantities compares two quantities: the same in one unit, or in two that convert exactly, as far as the coarser of the
// numbers was stated. A comparator is part of the value.
func quantities(a, b fhir.Value) agreement {
	va, vb := a.Get("value"), b.Get("value")
	if !va.IsNumber() || !vb.IsNumber() {
		return unknown
	}
	if a.Get("comparator").Text() != b.Get("comparator").Text() {
		return differ
	}
	ua, ub := unitNames(a), unitNames(b)
	switch {
	case ua.same(ub):
		return agree(sameNumber(va.Text(), vb.Text()))
	case ua.empty() || ub.empty():
		return agree(sameNumber(va.Text(), vb.Text()))
	}
	return agree(converted(va.Text(), vb.Text(), ua, ub))
}

// unitName is how a quantity names its unit: by a UCUM code, in words, or both.
type unitName struct{ code, text string }

func unitNames(q fhir.Value) unitName {
	u := unitName{text: strings.TrimSpace(q.Get("unit").Text())}
	if sys := q.Get("system"); !sys.Exists() || fhir.CanonicalSystem(sys.Text()) == fhir.SystemUCUM {
		u.code = strings.TrimSpace(q.Get("code").Text())
	}
	return u
}

func (u unitName) empty() bool { return u.code == "" && u.text == "" }

func (u unitName) same(o unitName) bool {
	if u.code != "" && o.code != "" {
		return u.code == o.code
	}
	return u.text != "" && (u.text == o.text || u.text == o.code) || u.code != "" && u.code == o.text
}

// number is a decimal: mantissa times ten to the power exp.
type number struct {
	mantissa int64
	exp      int
}

// parseNumber reads a JSON number of up to 18 digits; others compare by their text.
func parseNumber(s string) (number, bool) {
	var n number
	neg, point, digits, i := false, false, 0, 0
	if i < len(s) && s[i] == '-' {
		neg, i = true, 1
	}
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c-'0' <= 9:
			if digits++; digits > 18 {
				return number{}, false
			}
			n.mantissa = n.mantissa*10 + int64(c-'0')
			if point {
				n.exp--
			}
		case c == '.' && !point:
			point = true
		case (c == 'e' || c == 'E') && digits > 0:
			e := smallInt(s[i+1:])
			if e > 64 || e < -64 {
				return number{}, false
			}
			n.exp += e
			i = len(s)
		default:
			return number{}, false
		}
	}
	if neg {
		n.mantissa = -n.mantissa
	}
	return n, digits > 0
}

// smallInt reads an exponent; beyond a million they are all alike, and no measurement.
func smallInt(s string) int {
	n, neg := 0, strings.HasPrefix(s, "-")
	for _, c := range strings.TrimLeft(s, "+-") {
		if n = n*10 + int(c-'0'); n > 1e6 {
			n = 1e6
		}
	}
	if neg {
		return -n
	}
	return n
}

func (n number) rat() *big.Rat {
	r := new(big.Rat).SetInt64(n.mantissa)
	return r.Mul(r, power10(n.exp))
}

func power10(exp int) *big.Rat {
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	if exp < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), p)
	}
	return new(big.Rat).SetInt(p)
}

// sameNumber compares two numbers of one unit: equal, or one rounded to the other.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, okx := parseNumber(a)
	y, oky := parseNumber(b)
	if !okx || !oky {
		return false
	}
	return sameNumbers(x, y)
}

// sameNumbers is sameNumber of numbers that were read.
func sameNumbers(x, y number) bool {
	if x.exp < y.exp {
		x, y = y, x
	}
	d := x.exp - y.exp
	switch {
	case d == 0:
		return x.mantissa == y.mantissa
	case d > 9 || max(x.mantissa, -x.mantissa) > 1e9 || max(y.mantissa, -y.mantissa) > 1e18:
		return rounds(x, y.rat())
	}
	scale := int64(1)
	for range d {
		scale *= 10
	}
	off := max(y.mantissa-x.mantissa*scale, x.mantissa*scale-y.mantissa)
	return off == 0 || 2*off <= scale && off <= max(y.mantissa, -y.mantissa)/coarsest
}

// coarsest is the part of a number that rounding may take away or add, one in so many: of a number of two digits it never
// takes more, and of one digit, which 4.4 has as well as 3.6, it may.
const coarsest = 20

// rounds tells whether exact rounds to n as n was stated.
func rounds(n number, exact *big.Rat) bool {
	d := new(big.Rat).Sub(exact, n.rat())
	if d.Sign() == 0 {
		return true
	}
	half := new(big.Rat).Mul(power10(n.exp), big.NewRat(1, 2))
	part := new(big.Rat).Mul(exact, big.NewRat(1, coarsest))
	return d.Abs(d).Cmp(half) <= 0 && d.Cmp(part.Abs(part)) <= 0
}

// converted compares two numbers of different units: one is the other, converted and rounded.
func converted(a, b string, ua, ub unitName) bool {
	x, okx := parseNumber(a)
	y, oky := parseNumber(b)
	if !okx || !oky {
		return false
	}
	fa, oka := ua.parse()
	fb, okb := ub.parse()
	if !oka || !okb {
		return ua.alike(ub) && sameNumber(a, b)
	}
	if fa.dim != fb.dim {
		return false
	}
	return converts(x, y, fa, fb)
}

// converts compares two numbers of units of one dimension.
func converts(x, y number, fa, fb unit) bool {
	if fa.offset == nil && fb.offset == nil && fa.factor.Cmp(fb.factor) == 0 {
		return sameNumbers(x, y)
	}
	return rounds(y, fb.from(fa.to(x.rat()))) || rounds(x, fa.from(fb.to(y.rat())))
}
