package merge

import "strings"

// laterality is a set of the sides of the body.
type laterality uint8

const (
	left laterality = 1 << iota
	right
)

// excludes tells whether one names the one side only, and the other the other.
func (s laterality) excludes(o laterality) bool { return s|o == left|right && s&o == 0 }

// sidesIn are the sides that words name.
func sidesIn(s string) (out laterality) {
	for len(s) > 0 {
		i := strings.IndexFunc(s, notLetter)
		word := s
		if i >= 0 {
			word, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		switch {
		case len(word) < 4 || len(word) > 9:
		case strings.EqualFold(word, "left"):
			out |= left
		case strings.EqualFold(word, "right"):
			out |= right
		case strings.EqualFold(word, "bilateral"), strings.EqualFold(word, "both"):
			out |= left | right
		}
	}
	return out
}

func notLetter(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') }
