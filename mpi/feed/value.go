package feed

import (
	"strconv"
	"strings"
	"time"
)

// date is a birth date as FHIR has it, if s is one: yyyy-mm-dd, yyyy/mm/dd, yyyymmdd, m/d/yyyy, and d.m.yyyy. With slashes
// or hyphens the month is first, unless the first number can't be one. What is no date stays as it is: a slip of one still
// tells whose it is.
func date(s string) string {
	if len(s) > 10 && (s[10] == 'T' || s[10] == ' ') {
		s = s[:10]
	}
	if len(s) == 8 && strings.Trim(s, "0123456789") == "" {
		return s[:4] + "-" + s[4:6] + "-" + s[6:]
	}
	for _, sep := range []string{"-", "/", "."} {
		parts := strings.Split(s, sep)
		if len(parts) != 3 {
			continue
		}
		var n [3]int
		for i, p := range parts {
			v, err := strconv.Atoi(p)
			if err != nil || v < 0 || len(p) > 4 {
				return s
			}
			n[i] = v
		}
		switch {
		case len(parts[0]) == 4:
			return iso(n[0], n[1], n[2], s)
		case len(parts[2]) != 4:
			return s
		case sep == "." || n[0] > 12:
			return iso(n[2], n[1], n[0], s)
		}
		return iso(n[2], n[0], n[1], s)
	}
	return s
}

// iso is the date, or s when the calendar has it not.
func iso(year, month, day int, s string) string {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || int(t.Month()) != month || t.Day() != day {
		return s
	}
	return t.Format(time.DateOnly)
}

// plausible tells whether a birth date may be one that somebody has, or a slip of one.
func plausible(s string) bool {
	if len(s) < 4 || strings.Trim(s[:4], "0123456789") != "" {
		return false
	}
	year, err := strconv.Atoi(s[:4])
	return err == nil && year >= 1850 && year <= 2200
}

// gender is that of http://hl7.org/fhir/administrative-gender for what files have instead.
func gender(s string) string {
	switch s = strings.ToLower(s); s {
	case "m", "man", "1":
		return "male"
	case "f", "w", "woman", "2":
		return "female"
	case "u", "unk", "":
		return ""
	}
	return s
}
