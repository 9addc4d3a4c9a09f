package match

import "strings"

// sound is how a name sounds in English, in at most eight letters (NYSIIS of the New York State Identification and
// Intelligence System, 1970, with its letters packed into a number); 0 for what has no Latin letters. Names of other
// scripts have none and block by their spelling.
func sound(name string) uint64 {
	var in [24]byte
	n := 0
	for i := 0; i < len(name) && n < len(in); i++ {
		if c := name[i]; c >= 'a' && c <= 'z' {
			in[n] = c
			n++
		}
	}
	if n == 0 {
		return 0
	}
	s := string(in[:n])
	for _, r := range soundStart {
		if rest, ok := strings.CutPrefix(s, r.from); ok {
			s = r.to + rest
			break
		}
	}
	for _, r := range soundEnd {
		if rest, ok := strings.CutSuffix(s, r.from); ok && rest != "" {
			s = rest + r.to
			break
		}
	}
	return packed(coded(s))
}

type respelling struct{ from, to string }

var (
	soundStart = []respelling{{"mac", "mcc"}, {"kn", "nn"}, {"k", "c"}, {"ph", "ff"}, {"pf", "ff"}, {"sch", "sss"}}
	soundEnd   = []respelling{{"ee", "y"}, {"ie", "y"}, {"dt", "d"}, {"rt", "d"}, {"rd", "d"}, {"nt", "d"}, {"nd", "d"}}
)

// coded is s letter by letter as NYSIIS has it, without the first step's exceptions.
func coded(s string) []byte {
	out := make([]byte, 1, 24)
	out[0] = s[0]
	put := func(c byte) {
		if out[len(out)-1] != c {
			out = append(out, c)
		}
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case strings.HasPrefix(s[i:], "ev"):
			put('a')
			put('f')
			i++
		case vowel(c), c == 'y' && i+1 < len(s):
			put('a')
		case c == 'q':
			put('g')
		case c == 'z':
			put('s')
		case c == 'm':
			put('n')
		case strings.HasPrefix(s[i:], "kn"):
			put('n')
			i++
		case c == 'k':
			put('c')
		case strings.HasPrefix(s[i:], "sch"):
			put('s')
			i += 2
		case strings.HasPrefix(s[i:], "ph"):
			put('f')
			i++
		case c == 'h' && (!vowel(s[i-1]) || i+1 < len(s) && !vowel(s[i+1])),
			c == 'w' && vowel(s[i-1]):
			// as the letter before it
		default:
			put(c)
		}
	}
	if n := len(out); n > 1 && out[n-1] == 's' {
		out = out[:n-1]
	}
	if n := len(out); n > 2 && out[n-2] == 'a' && out[n-1] == 'y' {
		out = append(out[:n-2], 'y')
	}
	if n := len(out); n > 1 && out[n-1] == 'a' {
		out = out[:n-1]
	}
	return out
}

func vowel(c byte) bool { return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' }

func packed(s []byte) uint64 {
	var v uint64
	for i := range min(len(s), 8) {
		v = v<<8 | uint64(s[i])
	}
	return v
}
