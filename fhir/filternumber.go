package fhir

// numberOp is one number or quantity that was asked for.
type numberOp struct {
	prefix prefix
	value  decimal
	lo, hi decimal // what the value stands for by its precision, [lo, hi); for ap, a tenth to either side
	system string  // canonical; "" for any
	code   string  // of the unit; "" for any
}

// maxNumber bounds the length of a number that is asked for.
const maxNumber = 64

// parseNumberOp reads a number, or a quantity number|system|code.
func parseNumberOp(s string, quantity bool) (numberOp, bool) {
	var op numberOp
	n := s
	if quantity {
		var unit string
		n, unit, _ = cutEscaped(s, '|')
		system, code, _ := cutEscaped(unit, '|')
		op.system, op.code = CanonicalSystem(unescape(system)), unescape(code)
	}
	op.prefix, n = cutPrefix(n)
	if len(n) > maxNumber {
		return op, false
	}
	d, unit, ok := parseDecimal(n)
	if !ok {
		return op, false
	}
	op.value = d
	if op.prefix == prefixAP {
		op.lo, op.hi = d.scaled(9), d.scaled(11)
		if d.neg {
			op.lo, op.hi = op.hi, op.lo
		}
		return op, true
	}
	// half a unit of the last digit is five of the digit behind it
	op.lo, op.hi = d.plus(1, -5, unit-1), d.plus(1, 5, unit-1)
	return op, true
}

// scaled is d times tenths/10.
func (d decimal) scaled(tenths int64) decimal {
	if d.digits == "" {
		return d
	}
	d.exp--
	return d.plus(tenths, 0, d.exp-len(d.digits))
}

// span is what a number in a resource covers: from lo to hi, both included unless an end is open or past.
type span struct {
	lo, hi             decimal
	openLo, openHi     bool
	beyondLo, beyondHi bool // the end itself is not covered: < and >
}

// number tells whether v is one of the numbers asked for.
func (q *query) number(v Value, p *path) bool {
	s, ok := spanOf(v, p.form)
	if !ok {
		return false
	}
	for i := range q.numbers {
		op := &q.numbers[i]
		if op.unit(v, p.form) && op.match(s) {
			return true
		}
	}
	return false
}

// spanOf reads a number, a Quantity with its comparator, Money or a Range.
func spanOf(v Value, f form) (s span, ok bool) {
	switch f {
	case formNumber:
		s.lo, ok = decimalOf(v)
		s.hi = s.lo
	case formQuantity, formMoney:
		if s.lo, ok = decimalOf(v.Get("value")); !ok {
			return s, false
		}
		s.hi = s.lo
		switch c := v.Get("comparator"); {
		case c.Is("<"):
			s.openLo, s.beyondHi = true, true
		case c.Is("<="):
			s.openLo = true
		case c.Is(">"):
			s.openHi, s.beyondLo = true, true
		case c.Is(">="):
			s.openHi = true
		}
	case formRange:
		var lo, hi bool
		s.lo, lo = decimalOf(v.Path("low", "value"))
		s.hi, hi = decimalOf(v.Path("high", "value"))
		s.openLo, s.openHi, ok = !lo, !hi, lo || hi
	}
	return s, ok
}

func decimalOf(v Value) (decimal, bool) {
	if !v.IsNumber() {
		return decimal{}, false
	}
	d, _, ok := parseDecimal(v.Raw())
	return d, ok
}

// unit tells whether v is in the unit asked for; no units are converted.
func (op *numberOp) unit(v Value, f form) bool {
	if op.system == "" && op.code == "" {
		return true
	}
	switch f {
	case formQuantity:
		token := tokenOp{system: op.system, anyCode: true}
		if !token.inSystem(v.Get("system")) {
			return false
		}
		return op.code == "" || v.Get("code").Is(op.code) || op.system == "" && v.Get("unit").Is(op.code)
	case formMoney:
		return (op.system == "" || op.system == "urn:iso:std:iso:4217") && (op.code == "" || v.Get("currency").Is(op.code))
	case formRange:
		q := v.Get("low")
		if !q.Exists() {
			q = v.Get("high")
		}
		return op.unit(q, formQuantity)
	}
	return false
}

// match compares as R4's table of prefixes has it: eq, ne and ap by what the number asked for stands for, the others by
// the number itself.
func (op *numberOp) match(s span) bool {
	switch op.prefix {
	case prefixEQ, prefixAP:
		return op.holds(s)
	case prefixNE:
		return !op.holds(s)
	case prefixGT:
		return s.openHi || s.hi.compare(op.value) > 0
	case prefixLT:
		return s.openLo || s.lo.compare(op.value) < 0
	case prefixGE:
		c := s.hi.compare(op.value)
		return s.openHi || c > 0 || c == 0 && !s.beyondHi
	case prefixLE:
		c := s.lo.compare(op.value)
		return s.openLo || c < 0 || c == 0 && !s.beyondLo
	case prefixSA:
		c := s.lo.compare(op.value)
		return !s.openLo && (c > 0 || c == 0 && s.beyondLo)
	case prefixEB:
		c := s.hi.compare(op.value)
		return !s.openHi && (c < 0 || c == 0 && s.beyondHi)
	}
	return false
}

// holds tells whether all of s lies within what was asked for. For ap both ends count.
func (op *numberOp) holds(s span) bool {
	if s.openLo || s.openHi || s.lo.compare(op.lo) < 0 {
		return false
	}
	c := s.hi.compare(op.hi)
	return c < 0 || c == 0 && (op.prefix == prefixAP || s.beyondHi)
}
