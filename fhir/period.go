package fhir

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Period is an interval of time [Lo, Hi), which may be open at either end. It is PHI and prints redacted. The zero
// Period is empty.
type Period struct {
	Lo, Hi    time.Time // in UTC; of no meaning at an end that is open
	OpenStart bool      // it has always been so
	OpenEnd   bool      // it is so still
}

// ParsePeriod reads a FHIR Period: from the first moment that its start covers to the last that its end covers. An end
// that is missing, or is no date, is open. false without either.
func ParsePeriod(v Value) (Period, bool) { return period(v, false) }

// DateOf reads a Value that is a string as ParseDate does, without a copy.
func DateOf(v Value) (Date, bool) {
	if !v.IsString() {
		return Date{}, false
	}
	return parseDate(v.unquoted())
}

// period reads a Period; local has each end on the calendar of its own zone.
func period(v Value, local bool) (Period, bool) {
	start, end := v.Get("start"), v.Get("end")
	if !start.IsString() && !end.IsString() {
		return Period{}, false
	}
	out := Period{OpenStart: true, OpenEnd: true}
	if d, ok := DateOf(start); ok {
		if local {
			d = d.local()
		}
		out.Lo, out.OpenStart = d.Lo, false
	}
	if d, ok := DateOf(end); ok {
		if local {
			d = d.local()
		}
		out.Hi, out.OpenEnd = d.Hi, false
	}
	return out, !out.OpenStart || !out.OpenEnd
}

// Overlaps tells whether p and q have a moment in common.
func (p Period) Overlaps(q Period) bool {
	return p.startsBefore(q.Hi, q.OpenEnd) && q.startsBefore(p.Hi, p.OpenEnd)
}

// Contains tells whether all of q lies within p.
func (p Period) Contains(q Period) bool {
	return (p.OpenStart || !q.OpenStart && !q.Lo.Before(p.Lo)) && (p.OpenEnd || !q.OpenEnd && !q.Hi.After(p.Hi))
}

// startsBefore tells whether a moment of p lies before t; open is a t beyond all time.
func (p Period) startsBefore(t time.Time, open bool) bool {
	return open || p.OpenStart || p.Lo.Before(t)
}

// endsAfter tells whether a moment of p is t or lies behind it.
func (p Period) endsAfter(t time.Time) bool { return p.OpenEnd || p.Hi.After(t) }

// join widens p so that it holds q.
func (p Period) join(q Period) Period {
	if q.OpenStart || !p.OpenStart && q.Lo.Before(p.Lo) {
		p.Lo, p.OpenStart = q.Lo, q.OpenStart
	}
	if q.OpenEnd || !p.OpenEnd && q.Hi.After(p.Hi) {
		p.Hi, p.OpenEnd = q.Hi, q.OpenEnd
	}
	return p
}

// String keeps the times out of logs.
func (p Period) String() string { return redacted }

// GoString keeps %#v from showing them.
func (p Period) GoString() string { return redacted }

// Format keeps every other verb from showing them.
func (p Period) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps slog from showing them.
func (p Period) LogValue() slog.Value { return slog.StringValue(redacted) }
