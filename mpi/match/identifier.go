package match

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"concord/mpi"
)

// The systems of US social security numbers; the first is the one that is used here.
const (
	ssnSystem = "http://hl7.org/fhir/sid/us-ssn"
	ssnOID    = "urn:oid:2.16.840.1.113883.4.1"
	// licenceOID is what each state's OID for driver licences begins with.
	licenceOID = "urn:oid:2.16.840.1.113883.4.3."
)

type system struct{ name, value string }

// ids are a patient's identifiers that are valid wherever they are met.
type ids struct {
	ssn   []string // nine digits
	last  []string // the last four digits, of those who sent no more
	other []system
}

func idsOf(d mpi.Demographics) ids {
	var out ids
	for _, i := range d.Identifiers {
		name := systemName(i.System)
		if name == ssnSystem {
			if n := validSSN(i.Value); n != "" && !i.Old && !slices.Contains(out.ssn, n) {
				out.ssn = append(out.ssn, n)
			} else if n := strings.TrimSpace(i.Value); len(n) == 4 && digits(n) == n && n != "0000" && !i.Old && !slices.Contains(out.last, n) {
				out.last = append(out.last, n)
			}
			continue
		}
		value := strings.TrimSpace(i.Value)
		if x := (system{name, value}); !i.Old && global(name, value) && !slices.Contains(out.other, x) {
			out.other = append(out.other, x)
		}
	}
	return out
}

// systemName is one name for the spellings of a system.
func systemName(s string) string {
	s = strings.TrimSuffix(strings.TrimSpace(s), "/")
	if s != "" && s[0] >= '0' && s[0] <= '2' && strings.Trim(s, "0123456789.") == "" {
		s = "urn:oid:" + s
	}
	if low := strings.ToLower(s); strings.HasPrefix(low, "urn:") {
		s = low
	} else if rest, ok := strings.CutPrefix(s, "https://hl7.org/"); ok {
		s = "http://hl7.org/" + rest
	}
	if s == ssnOID {
		return ssnSystem
	}
	return s
}

// global tells whether value under that system is the same thing wherever it is met: the system is somebody's own (an OID
// below an organisation's root, a UUID, a URL with a public host), and the value is one.
func global(name, value string) bool {
	word := strings.Join(words(value, true), "")
	if len(word) < 3 || repeated(word) || noGiven[word] || word == "123456789" || word == "1234567890" {
		return false
	}
	if name == "urn:ietf:rfc:3986" { // then the value is the URI
		low := strings.ToLower(value)
		return strings.HasPrefix(low, "urn:uuid:") || strings.HasPrefix(low, "urn:oid:")
	}
	if oid, ok := strings.CutPrefix(name, "urn:oid:"); ok {
		// Fewer arcs are a vendor's or a country's, not an assigner's: 1.2.840.114350 is Epic itself.
		return strings.Count(oid, ".") >= 5 && strings.Trim(oid, "0123456789.") == ""
	}
	if strings.HasPrefix(name, "urn:uuid:") {
		return true
	}
	u, err := url.Parse(name)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	_, err = netip.ParseAddr(host)
	return err != nil && strings.Contains(strings.Trim(host, "."), ".") && !strings.HasSuffix(host, ".local") && !strings.HasSuffix(host, ".localhost")
}

// validSSN is the nine digits of a number that can have been issued
// (https://www.ssa.gov/employer/randomizationfaqs.html), and "" for any other.
func validSSN(s string) string {
	n := digits(s)
	if len(n) != 9 || strings.Trim(s, "0123456789- .") != "" || repeated(n) {
		return ""
	}
	area, group, serial := n[:3], n[3:5], n[5:]
	if area == "000" || area == "666" || area[0] == '9' || group == "00" || serial == "0000" {
		return ""
	}
	if n == "123456789" || n == "078051120" || n == "219099999" { // printed in examples and advertisements
		return ""
	}
	return n
}

func compareSSN(a, b *ids) level {
	best := missing
	for _, x := range a.ssn {
		for _, y := range b.ssn {
			switch {
			case x == y:
				return equal
			case near(x, y):
				best = closer(best, slip)
			default:
				best = closer(best, ssnDiffers)
			}
		}
	}
	if best != missing {
		return best
	}
	if lastAgree(a.last, b.ssn) || lastAgree(b.last, a.ssn) || lastAgree(a.last, b.last) {
		return lastFour
	}
	return missing // four digits that differ are not taken for more than a slip
}

func lastAgree(last, ssn []string) bool {
	for _, l := range last {
		for _, s := range ssn {
			if strings.HasSuffix(s, l) {
				return true
			}
		}
	}
	return false
}

// compareIdentifier never says differs for two systems: nothing is known then.
func compareIdentifier(a, b *ids) level {
	best := missing
	for i := range a.other {
		for j := range b.other {
			if a.other[i].name != b.other[j].name {
				continue
			}
			if a.other[i].value == b.other[j].value {
				return equal
			}
			best = differs
		}
	}
	return best
}
