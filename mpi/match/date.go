package match

import (
	"strings"
	"time"
)

// birth is a birth date as eight digits, those that are not known zero.
type birth struct {
	digits  [8]byte // '0' to '9'; the zero value is no date
	parts   uint8   // how many of year, month and day are known
	sound   bool    // it is one of the calendar; what isn't is a slip of one that is
	unknown bool    // it stood for "unknown"
}

// layouts of dates: FHIR's, and what files have instead. A day is before a month nowhere here: 03/04/1970 is a March date.
var layouts = []string{time.DateOnly, "2006-01", "2006", "20060102", "1/2/2006", "2006/01/02", shortYear}

// shortYear is a date whose year has two digits, lastShort the last year that one can be: a birth date whose century that
// gets wrong is near the right one.
const (
	shortYear = "1/2/06"
	lastShort = 2030
)

// birthOf takes a date of any precision. What systems put for "unknown" carries no weight: the first days of 1800 and 1900,
// and years that nobody alive was born in.
func birthOf(s string) birth {
	s = strings.TrimSpace(s)
	if len(s) > 10 && (s[10] == 'T' || s[10] == ' ') {
		s = s[:10]
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if layout == shortYear {
			if t.Year() > lastShort {
				t = t.AddDate(-100, 0, 0)
			}
		}
		b := birth{parts: 3, sound: true}
		copy(b.digits[:], t.Format("20060102"))
		switch layout {
		case "2006-01":
			b.parts = 2
			b.digits[6], b.digits[7] = '0', '0'
		case "2006":
			b.parts = 1
			copy(b.digits[4:], "0000")
		}
		if y := t.Year(); y < 1850 || y > 2200 || strings.HasPrefix("1900-01-01", s) || t.Format(time.DateOnly) == "1900-01-01" && b.parts == 3 {
			return birth{unknown: true}
		}
		return b
	}
	// Eight digits that are no day, such as 2000-13-01, still tell whose slip they are.
	if n := digits(s); len(n) == 8 && strings.Trim(s, "0123456789-/.") == "" && n >= "18500000" && n < "22010000" && n[:4] != "1900" {
		var b birth
		b.parts = 3
		copy(b.digits[:], n)
		return b
	}
	return birth{}
}

// text is the date as FHIR writes it; "" for what is none.
func (b birth) text() string {
	if !b.sound {
		return ""
	}
	s := string(b.digits[:4]) + "-" + string(b.digits[4:6]) + "-" + string(b.digits[6:])
	return s[:[4]int{0, 4, 7, 10}[b.parts]]
}

// day tells whether the date is a whole one of the calendar.
func (b birth) day() bool { return b.sound && b.parts == 3 }

func compareBirth(a, b *birth) level {
	switch {
	case a.unknown || b.unknown:
		return placeholder
	case a.parts == 0 || b.parts == 0:
		return missing
	}
	y, m, d := a.digits[0] == b.digits[0] && a.digits[1] == b.digits[1] && a.digits[2] == b.digits[2] && a.digits[3] == b.digits[3],
		a.digits[4] == b.digits[4] && a.digits[5] == b.digits[5], a.digits[6] == b.digits[6] && a.digits[7] == b.digits[7]
	if least := min(a.parts, b.parts); least < 3 {
		if y && (least == 1 || m) {
			return birthPart
		}
		return birthDiffers
	}
	switch {
	case y && m && d:
		return equal
	case y && a.digits[4] == b.digits[6] && a.digits[5] == b.digits[7] && a.digits[6] == b.digits[4] && a.digits[7] == b.digits[5]:
		return birthSwapped
	case y && oneOff(a.digits[:], b.digits[:]):
		return birthNear
	case oneOff(a.digits[:], b.digits[:]), m && d && a.digits[2] == b.digits[2] && a.digits[3] == b.digits[3]:
		return birthYear
	case y && (m || d), m && d:
		return birthTwoParts
	case slips(&a.digits, &b.digits) <= 2:
		return birthClose
	}
	return birthDiffers
}

// slips is how many of the digits differ.
func slips(a, b *[8]byte) int {
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
