package validate

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"concord/fhir"
)

// maxString is how many characters a string may have (https://hl7.org/fhir/R4/datatypes.html#string).
const maxString = 1 << 20

// primitive validates a value of a primitive type and tells whether it is one.
func (x *run) primitive(v fhir.Value, k kind) bool {
	switch k {
	case kindBoolean:
		if raw := string(v.Raw()); raw != "true" && raw != "false" {
			x.fault(CodeStructure, "this must be true or false, and no string")
			return false
		}
		return true
	case kindInteger, kindUnsignedInt, kindPositiveInt, kindDecimal:
		return x.number(v, k)
	}
	if !v.IsString() {
		x.fault(CodeStructure, "this must be a string")
		return false
	}
	s := v.Text()
	if s == "" {
		x.fault(CodeValue, "a string may not be empty")
		return false
	}
	if text := fits(s, v, k); text != "" {
		code := CodeValue
		if strings.Contains(text, "(txt-") {
			code = CodeInvariant
		}
		x.fault(code, text)
		return false
	}
	if s[0] <= ' ' && (k == kindString || k == kindMarkdown) && strings.TrimSpace(s) == "" {
		x.report(SeverityWarning, CodeValue, "", "a string should have more than white space")
	}
	return true
}

// number validates a value of a type that JSON has as a number.
func (x *run) number(v fhir.Value, k kind) bool {
	if !v.IsNumber() {
		x.fault(CodeStructure, "this must be a number, and no string")
		return false
	}
	if k == kindDecimal {
		return true // what JSON allows is what R4 allows
	}
	least := map[kind]int64{kindInteger: -1 << 31, kindUnsignedInt: 0, kindPositiveInt: 1}[k]
	raw := string(v.Raw())
	n, err := strconv.ParseInt(raw, 10, 32)
	switch {
	case err != nil || raw == "-0":
		x.fault(CodeValue, "this must be a whole number of 32 bits, without a fraction or an exponent")
	case n < least:
		x.fault(CodeValue, "this must be at least "+strconv.FormatInt(least, 10))
	default:
		return true
	}
	return false
}

// fits says what is wrong with a string of a kind; "" for nothing.
func fits(s string, v fhir.Value, k kind) string {
	switch k {
	case kindString, kindMarkdown, kindElementID:
		return plainText(s, v)
	case kindCode:
		return unless(isCode(s), "a code has no space at either end, and single ones within")
	case kindID:
		return unless(isID(s), "an id has 1 to 64 of the characters A-Z a-z 0-9 - .")
	case kindURI, kindURL, kindCanonical, kindExtensionURL:
		return unless(isURI(s), "a URI has no white space")
	case kindOID:
		return unless(isOID(s), "this must be urn:oid: and an OID")
	case kindUUID:
		return unless(isUUID(s), "this must be urn:uuid: and a UUID in lower case")
	case kindBase64:
		return unless(isBase64(s), "this must be base64")
	case kindDate:
		return unless(isDate(s), "this must be a date of the calendar: YYYY, YYYY-MM or YYYY-MM-DD")
	case kindDateTime:
		return unless(isDate(s) || isInstant(s), "this must be a date of the calendar, or one with a time to the second and a time zone")
	case kindInstant:
		return unless(isInstant(s), "this must be a date of the calendar with a time to the second and a time zone")
	case kindTime:
		return unless(isTime(s), "this must be a time: hh:mm:ss, without a time zone")
	case kindXHTML:
		return narrative(s)
	}
	return ""
}

func unless(ok bool, text string) string {
	if ok {
		return ""
	}
	return text
}

// plainText refuses control characters, which only an escape can hold, and what is too long.
func plainText(s string, v fhir.Value) string {
	if len(s) > maxString && len([]rune(s)) > maxString {
		return "a string has at most 1048576 characters"
	}
	if bytes.IndexByte(v.Raw(), '\\') < 0 {
		return ""
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return "a string has no control characters but tab, carriage return and line feed"
		}
	}
	return ""
}

func isURI(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' {
			return false
		}
	}
	return true
}

func isCode(s string) bool {
	space := true // so none may come first
	for i := 0; i < len(s); i++ {
		now := s[i] <= ' '
		if now && space {
			return false
		}
		space = now
	}
	return !space
}

func isID(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func isOID(s string) bool {
	s, ok := strings.CutPrefix(s, "urn:oid:")
	if !ok || len(s) < 3 || s[0] > '2' || s[0] < '0' || s[1] != '.' {
		return false
	}
	for part := range strings.SplitSeq(s[2:], ".") {
		if part == "" || part[0] == '0' && part != "0" || !digits(part) {
			return false
		}
	}
	return true
}

func isUUID(s string) bool {
	s, ok := strings.CutPrefix(s, "urn:uuid:")
	if !ok || len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isBase64(s string) bool {
	n, pad := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			continue
		case c == '=':
			pad++
		case pad > 0 || (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '+' && c != '/':
			return false
		}
		n++
	}
	return n > 0 && n%4 == 0 && pad <= 2
}

// isDate tells whether s is a date without a time.
func isDate(s string) bool {
	if len(s) > len("2006-01-02") {
		return false
	}
	_, ok := fhir.ParseDate(s)
	return ok
}

// isInstant tells whether s is a date with a time to the second at least and a zone.
func isInstant(s string) bool {
	if len(s) < len("2006-01-02T15:04:05Z") {
		return false
	}
	d, ok := fhir.ParseDate(s)
	if !ok || d.Precision < fhir.PrecisionSecond || !d.HasZone || d.Offset > 14*time.Hour || d.Offset < -14*time.Hour {
		return false
	}
	return s[len(s)-1] == 'Z' || s[len(s)-3] == ':' && (s[len(s)-6] == '+' || s[len(s)-6] == '-')
}

func isTime(s string) bool {
	if len(s) < 8 || !strings.HasPrefix(s[2:], ":") || s[5] != ':' || !digits(s[:2]) || !digits(s[3:5]) || !digits(s[6:8]) ||
		s[:2] > "23" || s[3:5] > "59" || s[6:8] > "60" {
		return false
	}
	return len(s) == 8 || s[8] == '.' && digits(s[9:])
}

// digits tells whether s is digits only, and not empty.
func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
