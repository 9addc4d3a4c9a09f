package fhir

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// SortKey is what one resource is sorted by for one _sort parameter. It is PHI and prints redacted. Keys of one
// parameter compare with one another. The zero SortKey is that of a resource without a value.
type SortKey struct {
	has  bool
	text string
	time time.Time
	num  decimal
}

// Missing tells whether the resource has no value of the parameter.
func (k SortKey) Missing() bool { return !k.has }

// CompareSortKeys orders a before b (negative), with it (zero) or behind it (positive): earlier times, smaller numbers
// and texts that come first in the alphabet first, a missing value last.
func CompareSortKeys(a, b SortKey) int {
	if c := missingLast(a, b); c != 0 || !a.has {
		return c
	}
	return compareKeys(a, b)
}

// CompareSortKeysDescending is CompareSortKeys the other way round, with a missing value last again.
func CompareSortKeysDescending(a, b SortKey) int {
	if c := missingLast(a, b); c != 0 || !a.has {
		return c
	}
	return compareKeys(b, a)
}

func missingLast(a, b SortKey) int {
	switch {
	case a.has == b.has:
		return 0
	case a.has:
		return -1
	}
	return 1
}

func compareKeys(a, b SortKey) int {
	return cmp.Or(a.time.Compare(b.time), a.num.compare(b.num), strings.Compare(a.text, b.text))
}

// Sortable tells whether SortValue knows how to sort resources of type t by the parameter called name.
func Sortable(t ResourceType, name string) bool { return lookup(t, name) != nil }

// SortValue is what r is sorted by for the parameter called name of its type t: a date's or period's first moment, a
// token's code, a string without regard to case and accents, a reference or URI as text. Of several values the one
// that comes first counts. It is missing when the parameter is unknown, r has no value or is of another type.
func SortValue(r Resource, t ResourceType, name string) SortKey {
	p := lookup(t, name)
	if p == nil || !r.Get("resourceType").Is(string(t)) {
		return SortKey{}
	}
	var best SortKey
	for i := range p.paths {
		q := &p.paths[i]
		q.walk(r.Value, func(v Value) bool {
			if k := keyOf(v, q.form); k.has && (!best.has || compareKeys(k, best) < 0) {
				best = k
			}
			return true
		})
	}
	return best
}

func keyOf(v Value, f form) SortKey {
	switch f {
	case formDate, formPeriod, formTiming:
		t, ok := timeOf(v, f, false)
		if t.OpenStart {
			t.Lo = time.Time{} // before all others
		}
		return SortKey{has: ok, time: t.Lo}
	case formNumber, formQuantity, formMoney, formRange:
		s, ok := spanOf(v, f)
		if s.openLo {
			s.lo = s.hi
		}
		return SortKey{has: ok, num: s.lo}
	case formDeceased:
		op := tokenOp{code: "true"}
		if op.match(v, &path{form: f}) {
			return SortKey{has: true, text: "true"}
		}
		return SortKey{has: true, text: "false"}
	case formCode, formBoolean, formURI, formCanonical:
		return keyOfText(v.Text())
	}
	return keyOfElement(v, f)
}

func keyOfText(s string) SortKey { return SortKey{has: s != "", text: s} }

// keyOfElement is the key of a data type that has members.
func keyOfElement(v Value, f form) SortKey {
	switch f {
	case formConcept:
		for c := range v.Get("coding").Items() {
			if s := c.Get("code").Text(); s != "" {
				return keyOfText(s)
			}
		}
		return keyOfText(v.Get("text").Text())
	case formCoding:
		return keyOfText(v.Get("code").Text())
	case formIdentifier, formContact:
		return keyOfText(v.Get("value").Text())
	case formReference:
		return keyOfText(v.Get("reference").Text())
	case formString:
		return keyOfText(fold(v.Text()))
	case formText:
		return keyOfText(fold(v.Get("text").Text()))
	case formName:
		return keyOfText(joined(v, "family", "given", "text"))
	case formAddress:
		return keyOfText(joined(v, "country", "state", "city", "line", "text"))
	}
	return SortKey{}
}

// joined is the folded text of the members, one behind the other.
func joined(v Value, names ...string) string {
	var parts []string
	for _, n := range names {
		for part := range v.Get(n).Items() {
			if s := fold(part.Text()); s != "" {
				parts = append(parts, s)
			}
		}
	}
	return strings.Join(parts, " ")
}

// String keeps the value out of logs.
func (k SortKey) String() string { return redacted }

// GoString keeps %#v from showing it.
func (k SortKey) GoString() string { return redacted }

// Format keeps every other verb from showing it.
func (k SortKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps slog from showing it.
func (k SortKey) LogValue() slog.Value { return slog.StringValue(redacted) }
