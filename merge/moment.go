package merge

import (
	"time"

	"concord/fhir"
)

// moment is a time as far as it was stated. The zero moment is none.
type moment struct {
	lo           int64 // the first second that it covers
	dayLo, dayHi int32 // the days, counted from 1970, that it may be where it happened
	year         int16
	kind         momentKind
	pure         bool // a date without any time, so that lo is no instant
	late         bool // when it was written down, for want of when it was
	midnight     bool // in Greenwich, or where its offset or a zone of the United States has it
	month        int16
}

type momentKind uint8

const (
	timeless  momentKind = iota
	partial              // a year, or a month of it
	dated                // a day, also where it is dressed as local midnight
	dressed              // midnight UTC: a day, or an instant
	floating             // a time of a day without a zone
	instantly            // a time with a zone
)

const daySeconds = 86400

// westernmost and easternmost bound the zones in which what is written in UTC may have happened: those of the United
// States. What is written with an offset happened on the day that it names.
const (
	westernmost = -10 * 3600
	easternmost = 0
)

// momentOf reads a date, dateTime or instant.
func momentOf(v fhir.Value) moment {
	d, ok := fhir.DateOf(v)
	if !ok {
		return moment{}
	}
	return momentFrom(d)
}

func momentFrom(d fhir.Date) moment {
	m := moment{lo: d.Lo.Unix()}
	local := m.lo + int64(d.Offset/time.Second)
	day, second := floorDay(local)
	m.dayLo, m.dayHi = day, day
	m.year = int16(d.Lo.Add(d.Offset).Year())
	switch {
	case d.Precision < fhir.PrecisionDay:
		m.kind = partial
		if d.Precision == fhir.PrecisionMonth {
			m.month = int16(d.Lo.Month())
		}
		m.dayHi, _ = floorDay(d.Hi.Unix() - 1)
	case d.Precision == fhir.PrecisionDay:
		m.kind, m.pure = dated, true
	case !d.HasZone:
		m.kind = floating
	case d.Offset != 0 && second == 0:
		m.kind, m.midnight = dated, true
	case d.Offset != 0:
		m.kind = instantly
		if utc, s := floorDay(m.lo); s%3600 == 0 && s >= 4*3600 && s <= -westernmost {
			m.dayLo, m.dayHi = min(day, utc), max(day, utc) // midnight somewhere, so that it may be a day that was moved here
		}
	default:
		m.kind = instantly
		if second == 0 {
			m.kind, m.midnight = dressed, true
		}
		if s := second; s%3600 != 0 || s < 4*3600 || s > -westernmost { // else it is midnight somewhere, and so the day of that
			m.dayLo, _ = floorDay(m.lo + westernmost)
			m.dayHi, _ = floorDay(m.lo + easternmost)
		} else {
			m.midnight = true
		}
	}
	return m
}

// floorDay is the day of a second, and the second of the day, also before 1970.
func floorDay(s int64) (day int32, second int64) {
	second = (s%daySeconds + daySeconds) % daySeconds
	return int32((s - second) / daySeconds), second
}

// timing is how two times agree.
type timing uint8

const (
	timesDiffer timing = iota
	noTimes            // neither has one
	oneTime            // only one has one
	roughly            // a year or month that holds the other
	sameDay            // the day of the other, or what may be it
	nearby             // within the tolerance, or both the same day where only the day counts
	sameTime           // the same
)

// timingOf compares two times. Within tolerance, in seconds, they are near; daily makes that a day.
func timingOf(a, b moment, tolerance int64, daily bool) timing {
	if a.kind == timeless || b.kind == timeless || a.late != b.late {
		if a.kind == b.kind {
			return noTimes
		}
		return oneTime
	}
	if a.kind > b.kind {
		a, b = b, a
	}
	if a.kind == partial {
		return partly(a, b)
	}
	if a.lo == b.lo && !a.pure && !b.pure && (a.kind == floating) == (b.kind == floating) {
		return sameTime
	}
	days := a.dayLo <= b.dayHi && b.dayLo <= a.dayHi
	switch {
	case a.midnight && b.midnight && a.dayHi != b.dayHi: // two days, in whichever dress
		return timesDiffer
	case a.kind == dated && (b.kind == dated || b.kind == dressed): // midnight in Greenwich is a day more often than an evening
		if a.dayHi == b.dayHi {
			return sameTime
		}
		return timesDiffer
	case a.kind == dressed && b.kind == dressed: // both of them days, and not the same
		return timesDiffer
	case a.kind <= dressed:
		if days {
			return sameDay
		}
		return timesDiffer
	case a.kind == floating: // another zone is a matter of whole quarters of hours
		if d := (a.lo - b.lo) % 900; days && (d == 0 || b.kind == floating && daily) {
			return sameDay
		}
		return timesDiffer
	}
	switch d := max(a.lo-b.lo, b.lo-a.lo); {
	case d <= tolerance:
		return nearby
	case daily && days && d < daySeconds:
		return nearby
	}
	return timesDiffer
}

// partly compares a year or a month with any other time.
func partly(a, b moment) timing {
	if b.kind == partial && a.month == b.month && a.year == b.year {
		return roughly
	}
	if a.dayLo <= b.dayHi && b.dayLo <= a.dayHi {
		return roughly
	}
	return timesDiffer
}

// timeKeys adds the keys under which copies near f's time are found, made from base.
func (f *Facts) timeKeys(w *World, base Key, tolerance int64, daily, undated, rough bool) {
	m := f.when
	if m.late {
		base = base.with("late")
	}
	found := func(k Key) { w.keys = append(w.keys, k) }
	seek := func(k Key) { w.seek = append(w.seek, k) }
	day := base.with("day")
	if undated {
		if m.kind == timeless {
			found(base.with("undated"))
			return
		}
		seek(base.with("undated"))
	}
	if rough && m.kind != timeless {
		year := base.with("year").withInt(int64(m.year))
		if m.kind == partial {
			found(year)
			return
		}
		seek(year)
	}
	switch {
	case m.kind == instantly && !daily, m.kind == dressed && !daily:
		width := max(tolerance, 1)
		slot := m.lo / width
		found(base.withInt(slot))
		if tolerance > 0 {
			seek(base.withInt(slot + 1))
		}
		for d := m.dayLo; d <= m.dayHi; d++ {
			seek(day.withInt(int64(d)))
		}
		if m.kind == dressed {
			found(day.withInt(int64(m.dayHi)))
		}
	case m.kind >= dated:
		for d := m.dayLo; d <= m.dayHi; d++ {
			found(day.withInt(int64(d)))
		}
	}
}
