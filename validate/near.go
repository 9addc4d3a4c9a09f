package validate

// nearest is how many letters a name may be off and still be taken for a slip.
const nearest = 2

// near is the member of s that name was perhaps meant to be; "" when none is close.
func (s *shape) near(name string) string {
	best, found := nearest+1, ""
	if len(name) < 3 || len(name) > 40 {
		return ""
	}
	for ; s != nil; s = s.parent() {
		list := s.own()
		for i := range list {
			if d := distance(name, list[i].name, best); d < best {
				best, found = d, list[i].name
			}
		}
	}
	return found
}

// distance is how many letters must be put in, taken out, replaced or swapped with the next to make a into b; limit when it
// is that or more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
