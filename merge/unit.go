package merge

import (
	"math/big"
	"strings"
)

// unit is what a unit of measure means: so many of the base units, and for temperatures from which zero.
type unit struct {
	factor *big.Rat
	offset *big.Rat // nil for none
	dim    dimension
}

// dimension counts the base units: gram, metre, second, mole, kelvin, international unit, equivalent, osmole.
type dimension [8]int8

const (
	dimMass = iota
	dimLength
	dimTime
	dimMole
	dimKelvin
	dimArbitrary
	dimEquivalent
	dimOsmole
)

func (u unit) to(v *big.Rat) *big.Rat {
	v = new(big.Rat).Mul(v, u.factor)
	if u.offset != nil {
		v.Add(v, u.offset)
	}
	return v
}

func (u unit) from(v *big.Rat) *big.Rat {
	v = new(big.Rat).Set(v)
	if u.offset != nil {
		v.Sub(v, u.offset)
	}
	return v.Quo(v, u.factor)
}

// atom is a unit of UCUM that is not made of others: its size as a decimal, and its dimension.
type atom struct {
	size   string
	metric bool // takes prefixes
	dim    dimension
}

// atoms are the units that results and vital signs come in (https://ucum.org/ucum, case sensitive).
func atomOf(s string) (atom, bool) {
	switch s {
	case "g":
		return atom{"1", true, dimension{dimMass: 1}}, true
	case "[lb_av]":
		return atom{"453.59237", false, dimension{dimMass: 1}}, true
	case "[oz_av]":
		return atom{"28.349523125", false, dimension{dimMass: 1}}, true
	case "[stone_av]":
		return atom{"6350.29318", false, dimension{dimMass: 1}}, true
	case "m":
		return atom{"1", true, dimension{dimLength: 1}}, true
	case "[in_i]":
		return atom{"0.0254", false, dimension{dimLength: 1}}, true
	case "[ft_i]":
		return atom{"0.3048", false, dimension{dimLength: 1}}, true
	case "L", "l":
		return atom{"0.001", true, dimension{dimLength: 3}}, true
	case "s":
		return atom{"1", true, dimension{dimTime: 1}}, true
	case "min":
		return atom{"60", false, dimension{dimTime: 1}}, true
	case "h":
		return atom{"3600", false, dimension{dimTime: 1}}, true
	case "d":
		return atom{"86400", false, dimension{dimTime: 1}}, true
	case "wk":
		return atom{"604800", false, dimension{dimTime: 1}}, true
	case "mol":
		return atom{"1", true, dimension{dimMole: 1}}, true
	case "U", "[IU]", "[iU]": // laboratories write either for an enzyme's unit
		return atom{"1", true, dimension{dimArbitrary: 1}}, true
	case "eq":
		return atom{"1", true, dimension{dimEquivalent: 1}}, true
	case "osm":
		return atom{"1", true, dimension{dimOsmole: 1}}, true
	case "Pa":
		return atom{"1000", true, dimension{dimMass: 1, dimLength: -1, dimTime: -2}}, true
	case "bar":
		return atom{"100000000", true, dimension{dimMass: 1, dimLength: -1, dimTime: -2}}, true
	case "m[Hg]":
		return atom{"133322387.415", true, dimension{dimMass: 1, dimLength: -1, dimTime: -2}}, true
	case "m[H2O]":
		return atom{"9806650", true, dimension{dimMass: 1, dimLength: -1, dimTime: -2}}, true
	case "%":
		return atom{"0.01", false, dimension{}}, true
	case "1":
		return atom{"1", false, dimension{}}, true
	case "K":
		return atom{"1", true, dimension{dimKelvin: 1}}, true
	}
	return atom{}, false
}

// prefixOf is the power of ten of a metric prefix.
func prefixOf(s string) (int, bool) {
	switch s {
	case "k":
		return 3, true
	case "M":
		return 6, true
	case "G":
		return 9, true
	case "h":
		return 2, true
	case "da":
		return 1, true
	case "d":
		return -1, true
	case "c":
		return -2, true
	case "m":
		return -3, true
	case "u":
		return -6, true
	case "n":
		return -9, true
	case "p":
		return -12, true
	case "f":
		return -15, true
	}
	return 0, false
}

// parse reads the unit, by its code if it has one that can be read.
func (u unitName) parse() (unit, bool) {
	if u.code != "" {
		if x, ok := parseUnit(bodySurface(u.code)); ok {
			return x, true
		}
	}
	if u.text == "" {
		return unit{}, false
	}
	if s := spelledOut(u.text); s != "" {
		return parseUnit(s)
	}
	return parseUnit(respelled(bodySurface(u.text)))
}

// parseUnit reads a UCUM expression of atoms, prefixes, exponents, powers of ten and annotations, without parentheses.
func parseUnit(s string) (unit, bool) {
	switch s {
	case "Cel":
		return unit{factor: big.NewRat(1, 1), offset: big.NewRat(27315, 100), dim: dimension{dimKelvin: 1}}, true
	case "[degF]":
		return unit{factor: big.NewRat(5, 9), offset: big.NewRat(45967*5, 900), dim: dimension{dimKelvin: 1}}, true
	}
	out := unit{factor: big.NewRat(1, 1)}
	if s == "" || len(s) > 64 || strings.ContainsAny(s, "() ") {
		return out, false
	}
	divide := false
	for s != "" {
		if s[0] == '/' || s[0] == '.' {
			divide, s = s[0] == '/', s[1:]
			continue
		}
		part := s
		if i := endOfPart(s); i >= 0 {
			part, s = s[:i], s[i:]
		} else {
			s = ""
		}
		f, dim, ok := parsePart(part)
		if !ok || f.Sign() == 0 {
			return out, false
		}
		sign := int8(1)
		if divide {
			sign = -1
			f.Inv(f)
		}
		out.factor.Mul(out.factor, f)
		for i := range dim {
			out.dim[i] += sign * dim[i]
		}
		divide = false
	}
	return out, true
}

// endOfPart is where the next operator stands, outside of braces and brackets; -1 when there is none.
func endOfPart(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '/', '.':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// parsePart reads one factor, such as "mmol", "m2", "10*3" or "{beats}".
func parsePart(s string) (*big.Rat, dimension, bool) {
	if i := strings.IndexByte(s, '{'); i >= 0 {
		if !strings.HasSuffix(s, "}") {
			return nil, dimension{}, false
		}
		if s = s[:i]; s == "" {
			return big.NewRat(1, 1), dimension{}, true
		}
	}
	if rest, ok := strings.CutPrefix(s, "10*"); ok || strings.HasPrefix(s, "10^") {
		if !ok {
			rest = s[3:]
		}
		if e := strings.TrimPrefix(rest, "-"); !digits(e) || len(e) > 2 {
			return nil, dimension{}, false
		}
		return power10(smallInt(rest)), dimension{}, true
	}
	if digits(s) && len(s) < 10 {
		r, ok := new(big.Rat).SetString(s)
		return r, dimension{}, ok
	}
	exp := 1
	if i := strings.LastIndexFunc(s, func(c rune) bool { return c < '0' || c > '9' }); i >= 0 && i+1 < len(s) && s[i] != ']' || strings.HasSuffix(s, "]") {
		if !strings.HasSuffix(s, "]") {
			exp, s = smallInt(s[i+1:]), s[:i+1]
			if t := strings.TrimSuffix(s, "-"); t != s {
				exp, s = -exp, t
			}
		}
	}
	if exp > 6 || exp < -6 {
		return nil, dimension{}, false
	}
	a, power, ok := prefixed(s)
	if !ok {
		return nil, dimension{}, false
	}
	size, ok := new(big.Rat).SetString(a.size)
	if !ok {
		return nil, dimension{}, false
	}
	size.Mul(size, power10(power))
	out, dim := big.NewRat(1, 1), dimension{}
	for range max(exp, -exp) {
		out.Mul(out, size)
	}
	for i := range a.dim {
		dim[i] = a.dim[i] * int8(exp)
	}
	if exp < 0 {
		out.Inv(out)
	}
	return out, dim, true
}

// prefixed reads an atom with or without a prefix.
func prefixed(s string) (atom, int, bool) {
	if a, ok := atomOf(s); ok {
		return a, 0, true
	}
	for _, n := range [...]int{1, 2} {
		if len(s) <= n {
			break
		}
		if p, ok := prefixOf(s[:n]); ok {
			if a, ok := atomOf(s[n:]); ok && a.metric {
				return a, p, true
			}
		}
	}
	return atom{}, 0, false
}
