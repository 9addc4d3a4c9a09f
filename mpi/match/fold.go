package match

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// letters that Unicode does not decompose, but that systems without them write so.
var plain = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'þ': "th", 'ı': "i", 'ħ': "h", 'ŋ': "n", 'ς': "σ"}

// words are the words of s without case, diacritics and apostrophes. Space and punctuation part words; a hyphen does
// unless joined is set.
func words(s string, joined bool) []string {
	if ascii(s) {
		return asciiWords(s, joined)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		r = unicode.ToLower(r)
		switch {
		case r >= 0x300 && r <= 0x36f: // diacritics; the marks of other scripts tell names apart
		case apostrophe(r):
		case hyphen(r):
			if !joined {
				b.WriteByte(' ')
			}
		case plain[r] != "":
			b.WriteString(plain[r])
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
	}
	return strings.Fields(norm.NFC.String(b.String()))
}

func asciiWords(s string, joined bool) []string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z':
			b = append(b, c|0x20)
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b = append(b, c)
		case c == '\'' || c == '`' || c == '-' && joined:
		default:
			b = append(b, ' ')
		}
	}
	return strings.Fields(string(b))
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func apostrophe(r rune) bool {
	switch r {
	case '\'', '`', '´', '‘', '’', '‛', 'ʻ', 'ʼ', 'ʹ', 'ˈ', '′':
		return true
	}
	return false
}

func hyphen(r rune) bool {
	switch r {
	case '-', '‐', '‑', '‒', '–', '—', '―', '−':
		return true
	}
	return false
}

func digits(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// repeated tells whether s is one byte over and over, as 0000000000 is.
func repeated(s string) bool { return s != "" && strings.Count(s, s[:1]) == len(s) }
