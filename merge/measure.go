package merge

import (
	"math"

	"concord/fhir"
)

// measure is a quantity in a form that compares fast.
type measure struct {
	number
	unit  int32 // within units; 0 for none
	known bool  // false for what is no plain quantity, and has to be read again
}

// units are the ways of writing units that were met, by number. The zero units are none.
type units struct {
	byName map[unitName]int32
	byRest map[string]int32 // by all that a quantity without a comparator has behind its value, as it is written
	list   []knownUnit      // by number, less one
}

// knownUnit is a unit that was met; ok is false for one that can't be read, and is only equal to itself.
type knownUnit struct {
	unit
	ok             bool
	letters        string
	factor, offset float64 // nearly those of the unit
}

// read reads a quantity without a comparator.
func (u *units) read(q fhir.Value) (m measure) {
	v := q.Get("value")
	if !v.IsNumber() {
		return m
	}
	m.number, m.known = parseNumber(v.Text())
	rest := behindValue(q, v)
	unit, met := u.byRest[string(rest)]
	switch {
	case met && m.known:
		m.unit = unit
		return m
	case !m.known, q.Get("comparator").Exists():
		return measure{}
	}
	m.unit = u.number(unitNames(q))
	if rest != nil {
		if u.byRest == nil {
			u.byRest = map[string]int32{}
		}
		u.byRest[string(rest)] = m.unit
	}
	return m
}

// behindValue is what stands behind the value v of a quantity that begins with it; nil for others.
func behindValue(q, v fhir.Value) []byte {
	const begin = `{"value":`
	all, n := q.Raw(), len(begin)+len(v.Raw())
	if len(all) <= n || string(all[:len(begin)]) != begin {
		return nil
	}
	return all[n:]
}

// number is the unit's number.
func (u *units) number(name unitName) int32 {
	if name.empty() {
		return 0
	}
	if n, ok := u.byName[name]; ok {
		return n
	}
	k := knownUnit{letters: letters(name.code)}
	if k.letters == "" {
		k.letters = letters(name.text)
	}
	if k.unit, k.ok = name.parse(); k.ok {
		k.factor, _ = k.unit.factor.Float64()
		if k.unit.offset != nil {
			k.offset, _ = k.unit.offset.Float64()
		}
	}
	u.list = append(u.list, k)
	n := int32(len(u.list))
	if u.byName == nil {
		u.byName = map[unitName]int32{}
	}
	u.byName[name] = n
	return n
}

// same tells whether two ways of writing mean one unit.
func (k *knownUnit) same(o *knownUnit) bool {
	if !k.ok || !o.ok {
		return k.letters != "" && k.letters == o.letters
	}
	return k.dim == o.dim && k.offset == o.offset && math.Abs(k.factor-o.factor) <= 1e-12*k.factor
}

// measures compares what came out of two; unknown when one is no plain quantity.
func (p *pair) measures() agreement {
	x, y := p.a.measure, p.b.measure
	if !x.known || !y.known || p.a.world != p.b.world {
		return unknown
	}
	if x.unit == y.unit || x.unit == 0 || y.unit == 0 {
		return agree(sameNumbers(x.number, y.number))
	}
	u, v := &p.a.world.units.list[x.unit-1], &p.a.world.units.list[y.unit-1]
	switch {
	case u.same(v):
		return agree(sameNumbers(x.number, y.number))
	case !u.ok || !v.ok || u.dim != v.dim:
		return differ
	}
	a, b := u.gap(x.number, v, y.number), v.gap(y.number, u, x.number)
	switch {
	case a < 0.49 || b < 0.49:
		return equal
	case a > 0.51 && b > 0.51:
		return differ
	}
	return agree(converts(x.number, y.number, u.unit, v.unit)) // too near to the limit for binary fractions
}

// gap is by how much x, converted, misses y, in units of y's last digit; nothing near the limit is to be told by it.
func (k *knownUnit) gap(x number, o *knownUnit, y number) float64 {
	got := (x.float()*k.factor + k.offset - o.offset) / o.factor
	off := math.Abs(got - y.float())
	if off > math.Abs(got)/coarsest*0.99 {
		return 1
	}
	return off / math.Pow10(y.exp)
}

func (n number) float() float64 { return float64(n.mantissa) * math.Pow10(n.exp) }
