package population

import "time"

// AsOf is the day on which the histories end. It is fixed, so that a population never depends on a clock.
func AsOf() time.Time { return time.Date(2025, time.March, 14, 0, 0, 0, 0, time.UTC) }

const (
	dateForm = "2006-01-02"
	utcForm  = "2006-01-02T15:04:05Z"
)

// eastern is t as clocks show it in the eastern United States. The rule is that of 2007 and after, written out because
// a test machine need not have a time zone database.
func eastern(t time.Time) time.Time {
	t = t.UTC()
	y := t.Year()
	begin := nthSunday(y, time.March, 2).Add(7 * time.Hour)  // 02:00 EST
	end := nthSunday(y, time.November, 1).Add(6 * time.Hour) // 02:00 EDT
	if !t.Before(begin) && t.Before(end) {
		return t.In(time.FixedZone("EDT", -4*3600))
	}
	return t.In(time.FixedZone("EST", -5*3600))
}

func nthSunday(year int, m time.Month, n int) time.Time {
	first := time.Date(year, m, 1, 0, 0, 0, 0, time.UTC)
	return first.AddDate(0, 0, (7-int(first.Weekday()))%7+7*(n-1))
}

// local is the instant at which eastern clocks show the given time on d's day.
func local(d time.Time, hour, minute, second int) time.Time {
	t := time.Date(d.Year(), d.Month(), d.Day(), hour, minute, second, 0, time.UTC)
	_, offset := eastern(t.Add(5 * time.Hour)).Zone()
	return t.Add(-time.Duration(offset) * time.Second)
}

func instant(t time.Time) string { return t.UTC().Format(utcForm) }

// day is the local day of t.
func day(t time.Time) string { return eastern(t).Format(dateForm) }

// years is the full years between two times.
func years(from, to time.Time) int {
	n := to.Year() - from.Year()
	if to.YearDay() < from.YearDay() {
		n--
	}
	return n
}

// parseInstant reads a dateTime that has a time and an offset.
func parseInstant(s string) (time.Time, bool) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// parseDay reads a dateTime of day precision.
func parseDay(s string) (time.Time, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	t, err := time.Parse(dateForm, s)
	return t, err == nil
}
