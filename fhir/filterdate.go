package fhir

import "time"

// prefix is the comparison that stands before an ordered value.
type prefix uint8

const (
	prefixEQ prefix = iota
	prefixNE
	prefixGT
	prefixLT
	prefixGE
	prefixLE
	prefixSA
	prefixEB
	prefixAP
)

// cutPrefix reads the two letters before a value; none is eq.
func cutPrefix(s string) (prefix, string) {
	if len(s) < 2 || s[0] < 'a' || s[0] > 'z' {
		return prefixEQ, s
	}
	for i, p := range [...]string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"} {
		if s[:2] == p {
			return prefix(i), s[2:]
		}
	}
	return prefixEQ, s
}

// dateOp is one date that was asked for.
type dateOp struct {
	prefix prefix
	Period
	local bool // it has no zone: it is compared on the calendar of the resource
}

func parseDateOp(s string) (dateOp, bool) {
	var op dateOp
	op.prefix, s = cutPrefix(s)
	d, ok := ParseDate(s)
	if !ok {
		return op, false
	}
	op.Period, op.local = d.Period(), !d.HasZone
	if op.prefix == prefixAP {
		op.Period = approximate(op.Period, time.Now())
	}
	return op, true
}

// approximate widens p by a tenth of its distance from now, as R4 recommends for ap.
func approximate(p Period, now time.Time) Period {
	gap := p.Lo.Sub(now) // saturates at 292 years
	if gap < 0 {
		gap = max(now.Sub(p.Hi), 0)
	}
	p.Lo, p.Hi = p.Lo.Add(-gap/10), p.Hi.Add(gap/10)
	return p
}

// date tells whether v covers a time that was asked for.
func (q *query) date(v Value, p *path) bool {
	for i := range q.dates {
		op := &q.dates[i]
		if t, ok := timeOf(v, p.form, op.local); ok && op.match(t) {
			return true
		}
	}
	return false
}

// timeOf is the time that an element covers; local has it on the calendar of the element's own zone.
func timeOf(v Value, f form, local bool) (Period, bool) {
	switch f {
	case formDate:
		d, ok := DateOf(v)
		if local {
			d = d.local()
		}
		return d.Period(), ok
	case formPeriod:
		return period(v, local)
	case formTiming:
		return timing(v, local)
	}
	return Period{}, false
}

// timing is the outer limits of a Timing: its events and its bounds.
func timing(v Value, local bool) (Period, bool) {
	out, found := period(v.Path("repeat", "boundsPeriod"), local)
	for e := range v.Get("event").Items() {
		t, ok := timeOf(e, formDate, local)
		switch {
		case !ok:
		case found:
			out = out.join(t)
		default:
			out, found = t, true
		}
	}
	return out, found
}

// match compares as R4's table of prefixes has it, except that ge and le hold for whatever overlaps what was asked: a
// period that ends on the day asked for has not ended before it.
func (op *dateOp) match(t Period) bool {
	switch op.prefix {
	case prefixEQ:
		return op.Contains(t)
	case prefixNE:
		return !op.Contains(t)
	case prefixGT:
		return t.endsAfter(op.Hi)
	case prefixLT:
		return t.startsBefore(op.Lo, false)
	case prefixGE:
		return t.endsAfter(op.Lo)
	case prefixLE:
		return t.startsBefore(op.Hi, false)
	case prefixSA:
		return !t.startsBefore(op.Hi, false)
	case prefixEB:
		return !t.endsAfter(op.Lo)
	case prefixAP:
		return op.Overlaps(t)
	}
	return false
}
