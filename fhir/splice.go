package fhir

import "slices"

// Edit replaces a part of a document. Edits are made by the functions of this file, so that what they leave is JSON
// again. The zero Edit changes nothing.
type Edit struct {
	from, to uint32
	with     []byte
	comma    bool // goes before with
}

// Replace puts with, which must be one JSON value, in the place of v.
func Replace(v Value, with []byte) Edit {
	n := &v.d.nodes[v.n]
	return Edit{from: n.val, to: n.end, with: with}
}

// ReplaceMember puts with, one or more members such as `"a":1,"b":2`, in the place of the member v, its name included.
func ReplaceMember(v Value, with []byte) Edit {
	n := &v.d.nodes[v.n]
	return Edit{from: n.key(v.d.raw) - 1, to: n.end, with: with}
}

// Append adds members to the object v, or items to the array v, behind those that it has. with is one or more of them,
// separated by commas, without a leading one.
func Append(v Value, with []byte) Edit {
	n := &v.d.nodes[v.n]
	if n.next > v.n+1 {
		// behind the last one, so that white space before the bracket stays where it is
		last := v.n + 1
		if v.head != 0 {
			all := v.tops()
			last = all[len(all)-1].node
		} else {
			for j := last; j < n.next; j = v.d.nodes[j].next {
				last = j
			}
		}
		at := v.d.nodes[last].end
		return Edit{from: at, to: at, with: with, comma: true}
	}
	return Edit{from: n.end - 1, to: n.end - 1, with: with}
}

// Splice appends v to dst with edits applied. The edits must lie within v and must not overlap; those that insert at one
// place keep the order in which they are given. Every byte that no edit touches is as it was sent.
func Splice(dst []byte, v Value, edits []Edit) []byte {
	n := &v.d.nodes[v.n]
	slices.SortStableFunc(edits, func(a, b Edit) int { return int(int64(a.from) - int64(b.from)) })
	at := n.val
	for _, e := range edits {
		if e.to == 0 {
			continue
		}
		dst = append(dst, v.d.raw[at:e.from]...)
		if e.comma {
			dst = append(dst, ',')
		}
		dst = append(dst, e.with...)
		at = e.to
	}
	return append(dst, v.d.raw[at:n.end]...)
}

// AppendString appends s to dst as a JSON string.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		if from = i + 1; c < ' ' {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, '\\', c)
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// After adds members, as ReplaceMember takes them, behind the member v of its object.
func After(v Value, with []byte) Edit {
	at := v.d.nodes[v.n].end
	return Edit{from: at, to: at, with: with, comma: true}
}
