package merge

import "strings"

// bodySurface puts the surface that clearances are given for, however it is written, in UCUM's braces.
func bodySurface(s string) string {
	i := strings.Index(s, "1.73")
	if i < 0 || i > 0 && s[i-1] == '{' {
		return s
	}
	switch letters(s[i+4:]) {
	case "", "m2", "m", "sqm":
		return s[:i] + "{1.73_m2}"
	}
	return s
}

// spelledOut is the UCUM code of what people write for common units; "" for others.
func spelledOut(s string) string {
	if s != "" && s[0] == '%' { // of something
		return "%"
	}
	switch strings.ToLower(s) {
	case "lb", "lbs", "pound", "pounds", "lb_av":
		return "[lb_av]"
	case "oz", "ounce", "ounces":
		return "[oz_av]"
	case "in", "inch", "inches", `"`:
		return "[in_i]"
	case "ft", "feet", "foot":
		return "[ft_i]"
	case "kilogram", "kilograms", "kgs":
		return "kg"
	case "gram", "grams", "gm", "gms":
		return "g"
	case "centimeter", "centimeters", "cms":
		return "cm"
	case "meter", "meters":
		return "m"
	case "degf", "deg f", "°f", "f", "fahrenheit", "[degf]", "degree fahrenheit", "degrees fahrenheit":
		return "[degF]"
	case "cel", "degc", "deg c", "°c", "c", "celsius", "degree celsius", "degrees celsius":
		return "Cel"
	case "mmhg", "mm hg", "mm[hg]", "millimeters of mercury":
		return "mm[Hg]"
	case "bpm", "beats/min", "beats/minute", "beats per minute", "/minute", "per minute", "breaths/min", "breaths/minute", "br/min", "rpm", "{beats}/min", "{breaths}/min", "1/min":
		return "/min"
	case "percent", "pct", "%":
		return "%"
	case "kg/m2", "kg/m^2", "kg/m²", "kg/sqm", "kg/m*2":
		return "kg/m2"
	case "k/ul", "k/mm3", "k/mcl", "thou/ul", "thou/mm3", "thousand/ul", "th/ul", "10e3/ul", "x10e3/ul", "10^3/ul", "x10^3/ul", "10*3/ul", "x10*3/ul", "x10(3)/mcl", "10x3/ul", "x10-3/ul", "10e3/mcl", "10*3/mm3", "10^3/mm3":
		return "10*3/uL"
	case "10e9/l", "x10e9/l", "10^9/l", "x10^9/l", "10*9/l", "x10*9/l", "g/l(10*9)":
		return "10*9/L"
	case "m/ul", "mil/ul", "mill/mm3", "million/ul", "10e6/ul", "x10e6/ul", "10^6/ul", "x10^6/ul", "10*6/ul", "x10*6/ul", "10x6/ul", "10e6/mcl", "10*6/mm3":
		return "10*6/uL"
	case "10e12/l", "x10e12/l", "10^12/l", "x10^12/l", "10*12/l", "x10*12/l":
		return "10*12/L"
	case "mcg":
		return "ug"
	case "iu/l":
		return "[IU]/L"
	case "miu/l":
		return "m[IU]/L"
	case "miu/ml":
		return "m[IU]/mL"
	case "uiu/ml", "µiu/ml", "mciu/ml":
		return "u[IU]/mL"
	case "cc":
		return "mL"
	case "sec", "secs", "second", "seconds":
		return "s"
	case "mins", "minute", "minutes":
		return "min"
	case "hr", "hrs", "hour", "hours":
		return "h"
	case "day", "days":
		return "d"
	case "week", "weeks", "wks":
		return "wk"
	}
	return ""
}

// respelled puts common ways to write parts of units into UCUM's.
func respelled(s string) string {
	s = strings.NewReplacer("µ", "u", "μ", "u", "mcg", "ug", "mcL", "uL", "mcl", "uL", "²", "2", "³", "3", "^2", "2", "^3", "3", " ", "").Replace(s)
	head, rest, ok := strings.Cut(s, "/")
	if !ok {
		return plainUnit(s)
	}
	parts := strings.Split(rest, "/")
	for i, p := range parts {
		parts[i] = plainUnit(p)
	}
	if head != "" {
		head = plainUnit(head)
	}
	return head + "/" + strings.Join(parts, "/")
}

// plainUnit is the UCUM code of a unit without a denominator, in whichever case it is written; what is not known here
// stays as it is.
func plainUnit(s string) string {
	switch strings.ToLower(s) {
	case "g", "gm", "gms", "gr", "gram", "grams":
		return "g"
	case "mg", "mgs", "mgm", "milligram", "milligrams":
		return "mg"
	case "ug", "microgram", "micrograms":
		return "ug"
	case "ng", "pg", "kg", "mol", "mmol", "umol", "nmol", "pmol", "meq", "mosm", "cm", "mm", "min", "d":
		return strings.ToLower(s)
	case "mmole", "mmoles", "millimole", "millimoles":
		return "mmol"
	case "l", "lt", "liter", "liters", "litre", "litres":
		return "L"
	case "dl", "deciliter", "deciliters":
		return "dL"
	case "ml", "cc", "milliliter", "milliliters":
		return "mL"
	case "ul", "cumm", "mm3":
		return "uL"
	case "fl":
		return "fL"
	case "u", "unit", "units":
		return "U"
	case "iu":
		return "[IU]"
	case "miu":
		return "m[IU]"
	case "uiu":
		return "u[IU]"
	case "mu":
		return "mU"
	case "h", "hr", "hrs", "hour", "hours":
		return "h"
	case "minute", "minutes":
		return "min"
	case "24h", "24hr", "24hrs", "24hours", "day", "days":
		return "d"
	case "sec", "secs", "second", "seconds":
		return "s"
	case "m2", "sqm", "m*2":
		return "m2"
	}
	return s
}

// alike compares two units that can't be read by their letters and digits: "{score}" is "score".
func (u unitName) alike(o unitName) bool {
	for _, x := range [...]string{u.code, u.text} {
		for _, y := range [...]string{o.code, o.text} {
			if p := letters(x); p != "" && p == letters(y) {
				return true
			}
		}
	}
	return false
}

func letters(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '%':
			return c
		case c >= 'A' && c <= 'Z':
			return c | 0x20
		}
		return -1
	}, s)
}
