package fhir

import (
	"math/big"
	"strings"
)

// decimal is an exact number, 0.digits times ten to the power exp. Digits neither begin nor end with a zero; zero has
// none. Comparing never expands the exponent, so that 1e999999999 costs no more than 1.
type decimal struct {
	neg    bool
	digits string
	exp    int
}

// maxExp bounds the exponents that are told apart; nothing measured comes near.
const maxExp = 1 << 30

// parseDecimal reads a JSON number, or one with a plus sign or leading zeros as a query may have it. unit is the
// exponent of its last stated digit, as its precision goes.
func parseDecimal[T string | []byte](s T) (d decimal, unit int, ok bool) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		d.neg = s[i] == '-'
		i++
	}
	from, point := i, -1
	for ; i < len(s); i++ {
		if s[i] == '.' && point < 0 {
			point = i
		} else if s[i]-'0' > 9 {
			break
		}
	}
	mantissa := s[from:i]
	if len(mantissa) == 0 || mantissa[0] == '.' || mantissa[len(mantissa)-1] == '.' {
		return decimal{}, 0, false
	}
	exp := 0
	if i < len(s) {
		if exp, ok = parseExp(s[i:]); !ok {
			return decimal{}, 0, false
		}
	}
	whole := len(mantissa)
	if point >= 0 {
		whole = point - from
		unit = exp - (len(mantissa) - whole - 1)
	} else {
		unit = exp
		if exp != 0 {
			unit-- // R4 reads 1e2 as 100 ± 5, as if it were 1.0e2
		}
	}
	digits := strings.TrimRight(strings.Replace(string(mantissa), ".", "", 1), "0")
	d.digits = strings.TrimLeft(digits, "0")
	d.exp = whole + exp - (len(digits) - len(d.digits))
	if d.digits == "" {
		d = decimal{}
	}
	return d, unit, true
}

// parseExp reads e, an optional sign and digits, and holds them within maxExp.
func parseExp[T string | []byte](s T) (int, bool) {
	if s[0]|0x20 != 'e' {
		return 0, false
	}
	i, neg := 1, false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	if i == len(s) {
		return 0, false
	}
	n := 0
	for ; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return 0, false
		}
		n = min(n*10+int(s[i]-'0'), maxExp)
	}
	if neg {
		n = -n
	}
	return n, true
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// compare is negative, zero or positive as d is less than, equal to or greater than e.
func (d decimal) compare(e decimal) int {
	s, t := d.sign(), e.sign()
	if s != t || s == 0 {
		return s - t
	}
	if d.exp != e.exp {
		if d.exp < e.exp {
			return -s
		}
		return s
	}
	return s * strings.Compare(d.digits, e.digits) // as fractions, digits order as text
}

// plus is d·mul + add·10^unit for small mul and add; unit must be near d's last digit.
func (d decimal) plus(mul, add int64, unit int) decimal {
	var n big.Int
	if d.digits != "" {
		n.SetString(d.digits, 10)
	}
	if d.neg {
		n.Neg(&n)
	}
	at := d.exp - len(d.digits) // exponent of d's last digit
	if d.digits == "" {
		at = unit
	}
	n.Mul(&n, big.NewInt(mul))
	low := min(at, unit)
	scale := func(x *big.Int, by int) *big.Int {
		return x.Mul(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(by)), nil))
	}
	scale(&n, at-low)
	n.Add(&n, scale(big.NewInt(add), unit-low))
	out := decimal{neg: n.Sign() < 0, digits: n.Abs(&n).String()}
	out.exp = low + len(out.digits)
	if out.digits = strings.TrimRight(out.digits, "0"); out.digits == "" {
		return decimal{}
	}
	return out
}
