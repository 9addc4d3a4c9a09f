package match

import (
	"slices"
	"strings"

	"concord/mpi"
)

// phone is a number as ten digits, or with a plus and the country when it is not of the North American plan; "" for what
// can't be anybody's, such as 999-999-9999 and 617-555-0123.
func phone(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimPrefix(s, "tel:")
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

func compareContacts(a, b []string) mpi.Level {
	return closest([]mpi.Level{mpi.Equal, mpi.Differs}, a, b, func(x, y string) mpi.Level {
		if x == y {
			return mpi.Equal
		}
		return mpi.Differs
	})
}
