package render

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// widthOf is how many columns s takes on a terminal, at most: a sequence of emoji that a terminal draws as one may take
// fewer.
func widthOf(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x7f:
		return 1
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Me, r), unicode.Is(unicode.Cf, r):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	if r >= 0x1f000 && r < 0x1fb00 {
		return 2
	}
	return 1
}

// wrap breaks s into lines of at most cols columns, at spaces where there are any.
func wrap(s string, cols int) []string {
	cols = max(cols, 2)
	var lines []string
	line, used := "", 0
	flush := func() {
		lines = append(lines, line)
		line, used = "", 0
	}
	for word := range strings.FieldsSeq(s) {
		n := widthOf(word)
		if used > 0 && used+1+n > cols {
			flush()
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		for n > cols { // a word that is longer than a line
			head, tail := cut(word, cols)
			line += head
			flush()
			word, n = tail, widthOf(tail)
		}
		line, used = line+word, used+n
	}
	if used > 0 || len(lines) == 0 {
		flush()
	}
	return lines
}

// cut is as much of word as fits, and the rest; at least one character, with what combines with it.
func cut(word string, cols int) (head, tail string) {
	used := 0
	for i, r := range word {
		n := runeWidth(r)
		if i > 0 && used+n > cols {
			return word[:i], word[i:]
		}
		used += n
	}
	return word, ""
}

func pad(s string, cols int) string {
	return s + strings.Repeat(" ", max(0, cols-widthOf(s)))
}
