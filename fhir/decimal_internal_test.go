package fhir

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
)

// FuzzDecimal: what is read as a number is one, and compares and adds up as math/big's exact fractions do, whatever its
// exponent.
func FuzzDecimal(f *testing.F) {
	for _, x := range [][2]string{{"1.10", "1.1"}, {"-0", "0.000"}, {"1e3", "1000"}, {"+007.5E-2", ".5"}, {"1e999999999999", "-1e-999999999999"}, {"9.99", "10"}, {"1.", "1e"}, {"0e5", "0"}, {"5e-324", "2.5"}} {
		f.Add(x[0], x[1])
	}
	form := regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	f.Fuzz(func(t *testing.T, a, b string) {
		x, unit, ok := parseDecimal(a)
		y, _, ok2 := parseDecimal(b)
		if ok != form.MatchString(a) || ok2 != form.MatchString(b) {
			t.Fatalf("%q is a number: %v, %q: %v", a, ok, b, ok2)
		}
		if !ok || !ok2 {
			return
		}
		if d, u, same := parseDecimal([]byte(a)); !same || d != x || u != unit {
			t.Fatalf("%q is read in two ways", a)
		}
		if strings.HasPrefix(x.digits, "0") || strings.HasSuffix(x.digits, "0") || x.compare(y) != -y.compare(x) || x.compare(x) != 0 {
			t.Fatalf("%q against %q: %d and %d", a, b, x.compare(y), y.compare(x))
		}
		p, q, small := exactly(a), exactly(b), len(a) < 300
		if p == nil || q == nil {
			return
		}
		if got, want := x.compare(y), p.Cmp(q); got < 0 != (want < 0) || got > 0 != (want > 0) {
			t.Fatalf("%q against %q: %d, and exactly %d", a, b, got, want)
		}
		if !small {
			return
		}
		// twice the value, and half its last digit's unit: the bounds of what a number means in a search
		for _, add := range []int64{-1, 0, 1, 5} {
			sum := x.plus(2, add, unit)
			want := new(big.Rat).Add(new(big.Rat).Mul(p, big.NewRat(2, 1)), new(big.Rat).Mul(big.NewRat(add, 1), ten(unit)))
			if got := value(sum); got.Cmp(want) != 0 {
				t.Fatalf("twice %q and %d units: %v, not %v", a, add, got, want)
			}
		}
	})
}

// exactly is s as a fraction; nil for an exponent that is too large to write out.
func exactly(s string) *big.Rat {
	if i := strings.IndexAny(s, "eE"); i >= 0 && len(strings.TrimLeft(s[i+1:], "+-0")) > 3 {
		return nil
	}
	r, _ := new(big.Rat).SetString(s)
	return r
}

func ten(exp int) *big.Rat {
	n := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	if exp < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), n)
	}
	return new(big.Rat).SetInt(n)
}

func value(d decimal) *big.Rat {
	if d.digits == "" {
		return new(big.Rat)
	}
	n, _ := new(big.Int).SetString(d.digits, 10)
	if d.neg {
		n.Neg(n)
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(n), ten(d.exp-len(d.digits)))
}
