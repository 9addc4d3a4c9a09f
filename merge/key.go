package merge

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FNV-1a: the same in every process, so that nothing depends on which gateway answers.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// digest begins a key.
func digest(parts ...string) Key {
	k := Key(fnvOffset)
	for _, p := range parts {
		k = k.with(p)
	}
	return k
}

// with is the key of k and s.
func (k Key) with(s string) Key {
	for i := 0; i < len(s); i++ {
		k = (k ^ Key(s[i])) * fnvPrime
	}
	return (k ^ 0xff) * fnvPrime // a byte that no text holds, so that "ab","c" is not "a","bc"
}

// withInt is the key of k and n.
func (k Key) withInt(n int64) Key {
	k = (k ^ Key(n)) * 0x9e3779b97f4a7c15 // FNV takes a byte at a time, which is slow for numbers
	k = (k ^ k>>32) * 0xd6e8feb86659fd93
	return k ^ k>>32
}

// overlap tells whether two short lists share a key.
func overlap(a, b []Key) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// textKey is the key of a text without regard to case, spaces and composition; false for a text that says nothing.
func textKey(s string) (Key, bool) {
	var word [32]byte // the beginning, folded
	n, k, space := 0, digest("text"), false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			return foldedKey(fold(s))
		case c == ' ' || c >= '\t' && c <= '\r':
			space = n > 0
			continue
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		}
		if space {
			space = false
			k = (k ^ ' ') * fnvPrime
			if n++; n <= len(word) {
				word[n-1] = ' ' //nolint:gosec // n is at least 1
			}
		}
		k = (k ^ Key(c)) * fnvPrime
		if n++; n <= len(word) {
			word[n-1] = c
		}
	}
	if n == 0 || n <= len(word) && placeholder(string(word[:n])) {
		return 0, false
	}
	return (k ^ 0xff) * fnvPrime, true
}

func foldedKey(s string) (Key, bool) {
	if s == "" || placeholder(s) {
		return 0, false
	}
	return digest("text").with(s), true
}

// sameText compares two texts as textKey does.
func sameText(a, b string) bool {
	if a == b {
		return true
	}
	x, okx := textKey(a)
	y, oky := textKey(b)
	return okx == oky && x == y
}

// fold is a text for comparison: composed, without case, with single spaces.
func fold(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
	}
	if plain {
		return s
	}
	return strings.Join(strings.Fields(cases.Fold().String(norm.NFC.String(s))), " ")
}

// placeholder tells of codes and texts, in lower case, that say that nothing is known; they never make two things the
// same (NullFlavor, data-absent-reason, and what people write instead).
func placeholder(s string) bool {
	switch s {
	case "", "unk", "unknown", "ni", "na", "nask", "asku", "nav", "oth", "other", "masked", "not-applicable", "not applicable", "not on file",
		"none", "n/a", "no information", "not specified", "unspecified", "undefined", "null", "nullflavor", "-", "--", ".", "?", "tbd",
		"see comment", "see note", "see text", "no known", "not-asked", "not asked", "asked-unknown", "temp-unknown", "not-a-number",
		"error", "unsupported", "as-text", "not-permitted", "not performed", "x":
		return true
	}
	return false
}

// repeated tells whether s is one character over and over, as numbers that stand for none are.
func repeated(s string) bool { return strings.Count(s, s[:1]) == len(s) }
