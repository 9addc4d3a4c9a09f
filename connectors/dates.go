package connectors

import (
	"strings"
	"time"
)

// interval is a range of instants that holds all that a date parameter may match; a zero end is open.
type interval struct{ from, to time.Time }

// intervalOf reads all values of one date parameter, each of which must hold (http://hl7.org/fhir/R4/search.html#date),
// and widens them by a day at each end. ok is false when they bound nothing, or can't be read.
func intervalOf(values []string) (iv interval, ok bool) {
	for _, v := range values {
		one, bounded := alternatives(v)
		if !bounded {
			continue
		}
		if !one.from.IsZero() && (iv.from.IsZero() || one.from.After(iv.from)) {
			iv.from = one.from
		}
		if !one.to.IsZero() && (iv.to.IsZero() || one.to.Before(iv.to)) {
			iv.to = one.to
		}
	}
	if iv.from.IsZero() && iv.to.IsZero() || !iv.from.IsZero() && !iv.to.IsZero() && iv.to.Before(iv.from) {
		return interval{}, false
	}
	return iv, true
}

// alternatives is the hull of a,b,c.
func alternatives(value string) (hull interval, ok bool) {
	openFrom, openTo := false, false
	for i, v := range strings.Split(value, ",") {
		one, ok := bound(v)
		if !ok {
			return interval{}, false
		}
		openFrom, openTo = openFrom || one.from.IsZero(), openTo || one.to.IsZero()
		if i == 0 || one.from.Before(hull.from) {
			hull.from = one.from
		}
		if i == 0 || one.to.After(hull.to) {
			hull.to = one.to
		}
	}
	if openFrom {
		hull.from = time.Time{}
	}
	if openTo {
		hull.to = time.Time{}
	}
	return hull, !openFrom || !openTo
}

// bound is what one value, with its prefix, may match. ne and ap bound nothing that a source must be trusted with.
func bound(v string) (interval, bool) {
	prefix := "eq"
	if len(v) > 2 && v[0] >= 'a' && v[0] <= 'z' {
		prefix, v = v[:2], v[2:]
	}
	lo, hi, ok := span(v)
	if !ok {
		return interval{}, false
	}
	lo, hi = lo.AddDate(0, 0, -1), hi.AddDate(0, 0, 1)
	switch prefix {
	case "eq":
		return interval{lo, hi}, true
	case "ge", "gt", "sa":
		return interval{from: lo}, true
	case "le", "lt", "eb":
		return interval{to: hi}, true
	}
	return interval{}, false
}

// span is the first and the last instant that a date of any precision stands for, in UTC.
func span(v string) (lo, hi time.Time, ok bool) {
	v = strings.ReplaceAll(v, " ", "+") // a zone's sign that an URL took for a space
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UTC(), t.UTC().Add(time.Minute), true
		}
	}
	for _, p := range []struct {
		layout              string
		years, months, days int
	}{{"2006-01-02", 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0}} {
		if t, err := time.Parse(p.layout, v); err == nil && t.Year() > 1 && t.Year() < 9998 {
			return t, t.AddDate(p.years, p.months, p.days).Add(-time.Second), true
		}
	}
	return time.Time{}, time.Time{}, false
}

// The ends that a closed interval gets where the client's is open.
const (
	farPast   = "1850-01-01"
	farFuture = "2150-12-31"
)

// format gives the values to send: one or two, and always two with a time of day when closed.
func (iv interval) format(closed bool) []string {
	day := func(t time.Time, far string) string {
		if t.IsZero() {
			return far
		}
		return t.Format(time.DateOnly)
	}
	if closed {
		return []string{"ge" + day(iv.from, farPast) + "T00:00:00Z", "le" + day(iv.to, farFuture) + "T23:59:59Z"}
	}
	var out []string
	if !iv.from.IsZero() {
		out = append(out, "ge"+day(iv.from, ""))
	}
	if !iv.to.IsZero() {
		out = append(out, "le"+day(iv.to, ""))
	}
	return out
}
