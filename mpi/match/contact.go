package match

import (
	"slices"
	"strings"
)

// phone is a number as ten digits, or with a plus and the country when it is not of the North American plan; "" for what
// can't be anybody's, such as 999-999-9999 and 617-555-0123.
func phone(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimPrefix(s, "tel:")
	s = strings.Replace(s, "(0)", "", 1)         // what is dialled within the country only
	if i := strings.IndexAny(s, "x;,"); i >= 0 { // an extension
		s = s[:i]
	}
	if i := strings.Index(s, "ext"); i >= 0 {
		s = s[:i]
	}
	n := digits(s)
	foreign := strings.HasPrefix(s, "+")
	if rest, ok := strings.CutPrefix(n, "00"); ok && len(rest) > 8 {
		n, foreign = rest, true
	}
	if len(n) == 11 && n[0] == '1' {
		n, foreign = n[1:], false
	}
	switch {
	case foreign && len(n) >= 8 && len(n) <= 15 && n[0] != '1' && !repeated(n[2:]):
		return "+" + n
	case foreign || len(n) != 10:
		return ""
	case n[0] < '2' || n[3] < '2' || repeated(n[3:]): // no area or exchange begins with 0 or 1
		return ""
	case n[3:8] == "55501": // kept free for fiction
		return ""
	}
	return n
}

var (
	noMailbox = set("none", "no", "noemail", "nomail", "no.email", "na", "n/a", "unknown", "unk", "refused", "declined", "test", "nobody", "null",
		"noreply", "no-reply", "donotreply", "notprovided", "noone", "anonymous", "patient")
	// a practice's own
	practiceMailbox = set("info", "office", "admin", "reception", "frontdesk", "clinic", "records", "medicalrecords", "support", "contact", "billing")
	noMailDomain    = set("none.com", "no.com", "noemail.com", "nomail.com", "na.com", "test.com", "unknown.com", "none.org", "noreply.com", "invalid.com")
)

// email is an address without case, and "" for what is none, or nobody's own.
func email(s string) string {
	s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "mailto:")
	box, domain, ok := strings.Cut(s, "@")
	if !ok || box == "" || strings.ContainsAny(domain, "@ ") || !strings.Contains(strings.Trim(domain, "."), ".") || strings.ContainsAny(box, " ,;") {
		return ""
	}
	if noMailbox[box] || practiceMailbox[box] || noMailDomain[domain] || strings.HasSuffix(domain, ".invalid") || repeated(box) {
		return ""
	}
	return s
}

// contacts are the values of all that form makes of them, each once.
func contacts(all []string, form func(string) string) []string {
	var out []string
	for _, s := range all {
		if v := form(s); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// comparePhones takes neighbours' numbers for no more than a slip.
func comparePhones(a, b []string) level { return closest(a, b, near) }

func compareEmails(a, b []string) level { return closest(a, b, mistyped) }

// closest is how close the two closest of a and b are, where alike tells of a slip.
func closest(a, b []string, alike func(x, y string) bool) level {
	best := missing
	for _, x := range a {
		for _, y := range b {
			switch {
			case x == y:
				return equal
			case alike(x, y):
				best = slip
			default:
				best = closer(best, slipDiffers)
			}
		}
	}
	return best
}

// mistyped tells whether two e-mail addresses are one with a slip or two, or one mailbox at two providers. Letters alone
// prove little, as they are mostly the name's, which is compared anyhow: other digits are another mailbox, and one at another
// provider must have some.
func mistyped(x, y string) bool {
	at, to := strings.IndexByte(x, '@'), strings.IndexByte(y, '@')
	box, other := x[:at], y[:to]
	if !sameDigits(box, other) {
		return false
	}
	if box == other && strings.ContainsAny(box, "0123456789") {
		return true
	}
	return near(x, y) || len(x) > 9 && len(y) > 9 && !hopeless(letterSet(x), letterSet(y)) && box != other &&
		winkler(box, other) >= alikeFrom && winkler(x[at:], y[to:]) >= alikeFrom
}

// sameDigits tells whether two strings have the same digits, in order.
func sameDigits(a, b string) bool {
	i, j := 0, 0
	for {
		for i < len(a) && (a[i] < '0' || a[i] > '9') {
			i++
		}
		for j < len(b) && (b[j] < '0' || b[j] > '9') {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if a[i] != b[j] {
			return false
		}
		i, j = i+1, j+1
	}
}
