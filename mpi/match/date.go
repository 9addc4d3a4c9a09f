package match

import (
	"strings"
	"time"

	"concord/mpi"
)

// birth is a birth date: year, or year and month, or a day; "" for what is none.
type birth struct {
	date    string
	unknown bool // it stood for "unknown"
}

// birthOf takes a date of any precision. What systems put for "unknown" carries no weight: the first days of 1800 and 1900,
// and years that nobody alive was born in.
func birthOf(s string) birth {
	s = strings.TrimSpace(s)
	if len(s) > 10 && s[10] == 'T' {
		s = s[:10]
	}
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if y := t.Year(); y < 1850 || y > 2200 || strings.HasPrefix("1900-01-01", s) {
			return birth{unknown: true}
		}
		return birth{date: s}
	}
	return birth{}
}

// day tells whether the date is a whole one.
func (b birth) day() bool { return len(b.date) == len(time.DateOnly) }

func compareBirth(a, b birth) mpi.Level {
	switch {
	case a.unknown || b.unknown:
		return mpi.Placeholder
	case a.date == "" || b.date == "":
		return mpi.Missing
	case !a.day() || !b.day():
		if strings.HasPrefix(a.date, b.date) || strings.HasPrefix(b.date, a.date) {
			return mpi.Part
		}
		return mpi.Differs
	case a.date == b.date:
		return mpi.Equal
	case a.date[:4] == b.date[:4] && a.date[5:7] == b.date[8:] && a.date[8:] == b.date[5:7]:
		return mpi.Swapped
	case near(digits(a.date), digits(b.date)), a.date[4:] == b.date[4:] && a.date[2:4] == b.date[2:4]:
		return mpi.Near
	}
	return mpi.Differs
}
