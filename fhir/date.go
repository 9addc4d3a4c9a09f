package fhir

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Precision is how finely a date was stated.
type Precision uint8

// The precisions, coarse to fine. The zero value is that of the zero Date.
const (
	PrecisionYear Precision = iota + 1
	PrecisionMonth
	PrecisionDay
	PrecisionMinute
	PrecisionSecond
	PrecisionFraction // of a second
)

// Date is a FHIR date, dateTime or instant as the interval of time that it covers (https://hl7.org/fhir/R4/search.html#date).
// It is PHI and prints redacted.
type Date struct {
	// Lo and Hi bound the half-open interval [Lo, Hi), in UTC. A date without a zone is taken to be in UTC.
	Lo, Hi time.Time
	// Precision is how finely it was stated.
	Precision Precision
	// HasZone tells whether it was stated with a zone; a pure date never is.
	HasZone bool
	// Offset is the stated zone, east of UTC; Lo and Hi moved by it are the local calendar's.
	Offset time.Duration
}

// ParseDate reads a FHIR date of any precision: yyyy, yyyy-mm, yyyy-mm-dd, or a day with hh:mm, hh:mm:ss or
// hh:mm:ss.f… and a zone. Beyond FHIR, the zone and the seconds may be missing from a time, as search values and some
// EHRs have it. The day must be one of the calendar, years 0001 to 9999. A leap second is the first of the next minute.
// Digits of a fraction beyond the ninth are dropped.
func ParseDate(s string) (Date, bool) { return parseDate(s) }

// pair is the number that two digits at i make; over 99 when they are none.
func pair[T string | []byte](s T, i int) int {
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return 100
	}
	return int(a)*10 + int(b)
}

func parseDate[T string | []byte](s T) (Date, bool) {
	if len(s) < 4 {
		return Date{}, false
	}
	century, year := pair(s, 0), pair(s, 2)
	if century > 99 || year > 99 || century+year == 0 {
		return Date{}, false
	}
	y := century*100 + year
	switch {
	case len(s) == 4:
		return between(days(y, 1, 1), days(y+1, 1, 1), PrecisionYear), true
	case len(s) < 7 || s[4] != '-':
		return Date{}, false
	}
	m := pair(s, 5)
	if m < 1 || m > 12 {
		return Date{}, false
	}
	switch {
	case len(s) == 7:
		from := days(y, m, 1)
		return between(from, from+int64(monthDays(y, m)), PrecisionMonth), true
	case len(s) < 10 || s[7] != '-':
		return Date{}, false
	}
	d := pair(s, 8)
	if d < 1 || d > monthDays(y, m) {
		return Date{}, false
	}
	day := days(y, m, d)
	if len(s) == 10 {
		return between(day, day+1, PrecisionDay), true
	}
	return parseTime(s, day)
}

// parseTime reads what follows a day: Thh:mm, seconds, a fraction, a zone.
func parseTime[T string | []byte](s T, day int64) (Date, bool) {
	if len(s) < 16 || s[10] != 'T' || s[13] != ':' {
		return Date{}, false
	}
	h, m := pair(s, 11), pair(s, 14)
	if h > 23 || m > 59 {
		return Date{}, false
	}
	out := Date{Precision: PrecisionMinute}
	sec, nsec, width := day*86400+int64(h*3600+m*60), int64(0), int64(time.Minute)
	i := 16
	if i+3 <= len(s) && s[i] == ':' {
		n := pair(s, i+1)
		if n > 60 {
			return Date{}, false
		}
		sec, width, out.Precision, i = sec+int64(n), int64(time.Second), PrecisionSecond, i+3
		if i < len(s) && s[i] == '.' {
			from := i + 1
			for i = from; i < len(s) && s[i]-'0' <= 9; i++ {
				if i-from < 9 {
					nsec, width = nsec*10+int64(s[i]-'0'), width/10
				}
			}
			if i == from {
				return Date{}, false
			}
			nsec, out.Precision = nsec*width, PrecisionFraction
		}
	}
	off, ok := parseZone(s, i)
	if !ok {
		return Date{}, false
	}
	out.HasZone, out.Offset = i < len(s), time.Duration(off)*time.Second
	sec -= off
	out.Lo = time.Unix(sec, nsec).UTC()
	out.Hi = time.Unix(sec, nsec+width).UTC()
	return out, true
}

// parseZone reads a zone that is all that is left of s from i on: none, Z, or an offset up to 14:00, in seconds.
func parseZone[T string | []byte](s T, i int) (int64, bool) {
	switch {
	case i == len(s), i+1 == len(s) && s[i] == 'Z':
		return 0, true
	case i+6 != len(s) || s[i] != '+' && s[i] != '-' || s[i+3] != ':':
		return 0, false
	}
	h, m := pair(s, i+1), pair(s, i+4)
	if h > 14 || m > 59 || h == 14 && m != 0 {
		return 0, false
	}
	off := int64(h*3600 + m*60)
	if s[i] == '-' {
		off = -off
	}
	return off, true
}

func between(from, to int64, p Precision) Date {
	return Date{Lo: time.Unix(from*86400, 0).UTC(), Hi: time.Unix(to*86400, 0).UTC(), Precision: p}
}

// monthDays is how many days the month has.
func monthDays(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// days counts from 1970-01-01 in the proleptic Gregorian calendar. Years begin in March here, so that the leap day is
// a year's last.
func days(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	// y is at least 0, so that division truncates as it should
	era, yoe := y/400, y%400
	doy := (153*(m-3)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// Period is d as an interval.
func (d Date) Period() Period { return Period{Lo: d.Lo, Hi: d.Hi} }

// local is d on its own calendar: the wall clock where it was written.
func (d Date) local() Date {
	if d.Offset != 0 {
		d.Lo, d.Hi = d.Lo.Add(d.Offset), d.Hi.Add(d.Offset)
	}
	return d
}

// String keeps the date out of logs.
func (d Date) String() string { return redacted }

// GoString keeps %#v from showing it.
func (d Date) GoString() string { return redacted }

// Format keeps every other verb from showing it.
func (d Date) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps slog from showing it.
func (d Date) LogValue() slog.Value { return slog.StringValue(redacted) }
