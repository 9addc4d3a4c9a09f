package match

import "math/bits"

// near tells whether a and b are one substitution, insertion, deletion or exchange of neighbours apart.
func near(a, b string) bool {
	if ascii(a) && ascii(b) {
		return oneOff(a, b)
	}
	// A letter of another script is more than a byte: each is given one.
	var letters [longest]rune
	var x, y [longest]byte
	n, i, fits := numbered(a, &x, &letters, 0)
	_, j, too := numbered(b, &y, &letters, n)
	return fits && too && oneOff(x[:i], y[:j])
}

// numbered puts a number for each letter of s into to, the same for the same letter; letters are the n that have one. It
// tells how many letters have one then, how many s has, and whether there was room.
func numbered(s string, to *[longest]byte, letters *[longest]rune, n int) (known, length int, fits bool) {
	for _, r := range s {
		at := 0
		for at < n && letters[at] != r {
			at++
		}
		if at == longest || length == longest {
			return n, length, false
		}
		if at == n {
			letters[at] = r
			n++
		}
		to[length] = byte(at)
		length++
	}
	return n, length, true
}

func oneOff[T string | []byte](x, y T) bool {
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	j := 0
	for j < len(x)-i && x[len(x)-1-j] == y[len(y)-1-j] {
		j++
	}
	switch left, right := len(x)-i-j, len(y)-i-j; {
	case left == 0 && right == 1, left == 1 && right == 1:
		return true
	case left == 2 && right == 2:
		return x[i] == y[i+1] && x[i+1] == y[i]
	}
	return false
}

// longest is how much of a string Jaro and Winkler's comparison looks at, and how many letters of other scripts are compared.
const longest = 64

// winkler is the similarity of Jaro and Winkler, 0 to 1 (prefix scale 0.1, at most 4 letters, from a Jaro similarity of 0.7
// up). It compares bytes: letters of other scripts share their first one, which makes those a little more alike.
func winkler(a, b string) float64 {
	a, b = a[:min(len(a), longest)], b[:min(len(b), longest)]
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) == 0 {
		return 0
	}
	reach := max(len(b)/2-1, 0)
	var inA, inB uint64
	same := 0
	for i := range len(a) {
		for j := max(i-reach, 0); j < min(i+reach+1, len(b)); j++ {
			if a[i] == b[j] && inB&(1<<j) == 0 {
				inA |= 1 << i
				inB |= 1 << j
				same++
				break
			}
		}
	}
	if same == 0 {
		return 0
	}
	turned := 0
	for x, y := inA, inB; x != 0; x, y = x&(x-1), y&(y-1) {
		if a[bits.TrailingZeros64(x)] != b[bits.TrailingZeros64(y)] {
			turned++
		}
	}
	m := float64(same)
	jaro := (m/float64(len(a)) + m/float64(len(b)) + (m-float64(turned)/2)/m) / 3
	if jaro < 0.7 {
		return jaro
	}
	prefix := 0
	for prefix < min(4, len(a)) && a[prefix] == b[prefix] {
		prefix++
	}
	return jaro + float64(prefix)*0.1*(1-jaro)
}

// letterSet is which letters, and whether digits, s has: what two names have not in common can be told without reading them.
func letterSet(s string) uint32 {
	var m uint32
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z':
			m |= 1 << (c - 'a')
		case c >= '0' && c <= '9':
			m |= 1 << (26 + c&3)
		default:
			m |= 1 << (30 + c&1)
		}
	}
	return m
}

// hopeless tells that names with those letters are not alike: fewer than half of them are in both.
func hopeless(a, b uint32) bool { return 2*bits.OnesCount32(a&b) < bits.OnesCount32(a|b) }

// mayBeNear tells whether names with those letters can be near: one slip takes one letter and puts another.
func mayBeNear(a, b uint32) bool { return bits.OnesCount32(a^b) <= 2 }

// hash is FNV-1a of s with a finish that spreads it. It is the same in every process: models keep names by it.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix spreads the bits of h (the finish of SplitMix64).
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// join is one key of two.
func join(a, b uint64) uint64 { return mix(a ^ b*0x9e3779b97f4a7c15) }
