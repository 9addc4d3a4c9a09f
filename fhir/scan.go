package fhir

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
	"unicode/utf8"
)

// scanner reads a document in one pass.
type scanner struct {
	b      []byte
	nodes  []node
	refs   []uint32
	heads  []head
	tops   []top
	types  []ResourceType
	keys   []uint64 // digests of the names seen in the objects that are open, outermost first
	depth  int
	slash  bool // the string read last has an escape
	at     int  // where it failed
	reason Reason
	// scratch is where the nodes of a document are put of which nobody can tell how many it has.
	scratch []node
	perByte float64 // how many nodes the document that was read last has for each byte
}

// scan validates b and indexes it. It accepts what encoding/json accepts, within lim, less what Reason lists.
func scan(b []byte, lim Limits) (*document, error) {
	if lim.Bytes <= 0 {
		lim.Bytes = defaultBytes
	}
	if lim.Depth <= 0 {
		lim.Depth = defaultDepth
	}
	if len(b) > min(lim.Bytes, maxBytes) {
		return nil, &ParseError{Reason: TooLarge, Offset: lim.Bytes}
	}
	s := scanners.Get().(*scanner)
	defer s.release()
	s.b, s.depth = b, lim.Depth
	n := s.likely()
	if s.nodes = s.scratch[:0]; n > 0 {
		s.nodes = make([]node, 0, n)
	}
	i := s.value(skip(b, 0), 0)
	if i >= 0 {
		if i = skip(b, i); i != len(b) {
			i = s.fail(i, Syntax)
		}
	}
	if i < 0 {
		return nil, &ParseError{Offset: s.at, Reason: s.reason}
	}
	d := &document{raw: b, nodes: s.nodes, refs: slices.Clone(s.refs)}
	if n == 0 {
		s.scratch = s.nodes
	}
	if n == 0 || cap(s.nodes)-len(s.nodes) > len(s.nodes)/8 {
		d.nodes = slices.Clone(s.nodes)
	}
	s.perByte = float64(len(s.nodes)) / float64(max(len(b), 1))
	if len(s.heads) > 0 {
		d.heads = append(slices.Clone(s.heads), head{tops: uint32(len(s.tops))})
		d.tops, d.types = slices.Clone(s.tops), slices.Clone(s.types)
	}
	return d, nil
}

// likely is room for the nodes of a document that is like the one that was read last; 0 when there was none, or when it
// does not matter. Copying them to where they belong costs a sixth of the scan.
func (s *scanner) likely() int {
	n := int(s.perByte * float64(len(s.b)) * 17 / 16)
	if n < 1<<10 {
		return 0
	}
	return min(n, len(s.b)/8) // whatever the last one was
}

// scanners are kept for their slices: how many nodes a document has is known only behind it, and growing a new slice to
// that size costs a third of the scan.
var scanners = sync.Pool{New: func() any { return new(scanner) }}

// release gives s back, unless an uncommonly large document has made it large.
func (s *scanner) release() {
	if cap(s.scratch) > 1<<20 {
		return
	}
	clear(s.types) // they are parts of the document
	*s = scanner{perByte: s.perByte, scratch: s.scratch, refs: s.refs[:0], heads: s.heads[:0], tops: s.tops[:0], types: s.types[:0], keys: s.keys[:0]}
	scanners.Put(s)
}

func (s *scanner) fail(at int, r Reason) int {
	s.at, s.reason = at, r
	return -1
}

// skip passes over white space.
func skip(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ':
			// indented documents are a third spaces: take eight at a time
			for i+8 <= len(b) && binary.LittleEndian.Uint64(b[i:]) == 0x2020202020202020 {
				i += 8
			}
			for i < len(b) && b[i] == ' ' {
				i++
			}
		case '\n', '\r', '\t':
			i++
		default:
			return i
		}
	}
	return i
}

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// special marks, in the top bit of each byte of w, the first byte that ends a run of plain characters: a quote, a
// backslash, a control character, or the start of a character beyond ASCII. Marks behind the first may be wrong.
func special(w uint64) uint64 {
	q := w ^ low*'"'
	e := w ^ low*'\\'
	return ((q-low)&^q | (e-low)&^e | (w - low*' ') | w) & high
}

// str passes over a string whose first byte behind the quote is at i, and gives the offset behind the closing quote.
func (s *scanner) str(i int) int {
	b := s.b
	for {
		for i+8 <= len(b) {
			if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(b) {
			return s.fail(i, Syntax)
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			s.slash = true
			if i = s.escape(i + 1); i < 0 {
				return i
			}
		case c < ' ':
			return s.fail(i, Syntax)
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n <= 1 {
				return s.fail(i, InvalidUTF8)
			}
			i += n
		}
	}
}

// name passes over a member's name, as str does over a string.
func (s *scanner) name(i int) int {
	b, from := s.b, i
	for i+8 <= len(b) {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			if i += bits.TrailingZeros64(m) >> 3; b[i] == '"' {
				return i + 1
			}
			break
		}
		i += 8
	}
	end := s.str(i)
	if end >= 0 && bytes.IndexByte(b[from:end], '\\') >= 0 {
		return s.fail(from, EscapedKey)
	}
	return end
}

// escape passes over what follows a backslash.
func (s *scanner) escape(i int) int {
	if i >= len(s.b) {
		return s.fail(i, Syntax)
	}
	switch s.b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(s.b) {
			return s.fail(i, Syntax)
		}
		for _, c := range s.b[i+1 : i+5] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return s.fail(i, Syntax)
			}
		}
		return i + 5
	}
	return s.fail(i, Syntax)
}

// value reads any value at i and gives the offset behind it, or a negative number.
func (s *scanner) value(i int, tag uint32) int {
	if i >= len(s.b) {
		return s.fail(i, Syntax)
	}
	switch c := s.b[i]; {
	case c == '{':
		return s.object(i, tag)
	case c == '[':
		return s.array(i, tag)
	default:
		s.slash = false
		end := s.scalar(i, c)
		if end >= 0 {
			if c == '"' {
				tag |= kindString
			}
			if s.slash {
				tag |= escaped
			}
			s.nodes = append(s.nodes, node{uint32(i), uint32(end), uint32(len(s.nodes) + 1), tag})
		}
		return end
	}
}

func (s *scanner) scalar(i int, c byte) int {
	switch {
	case c == '"':
		return s.str(i + 1)
	case c == '-' || c-'0' <= 9:
		return s.number(i)
	case c == 't':
		return s.literal(i, "true")
	case c == 'f':
		return s.literal(i, "false")
	case c == 'n':
		return s.literal(i, "null")
	}
	return s.fail(i, Syntax)
}

func (s *scanner) literal(i int, want string) int {
	if i+len(want) > len(s.b) || string(s.b[i:i+len(want)]) != want {
		return s.fail(i, Syntax)
	}
	return i + len(want)
}

func (s *scanner) number(i int) int {
	b := s.b
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && b[i]-'1' <= 8:
		i = digits(b, i)
	default:
		return s.fail(i, Syntax)
	}
	if i < len(b) && b[i] == '.' {
		j := digits(b, i+1)
		if j == i+1 {
			return s.fail(j, Syntax)
		}
		i = j
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		j := digits(b, i)
		if j == i {
			return s.fail(j, Syntax)
		}
		i = j
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

func (s *scanner) array(i int, tag uint32) int {
	if s.depth--; s.depth < 0 {
		return s.fail(i, TooDeep)
	}
	at := len(s.nodes)
	s.nodes = append(s.nodes, node{val: uint32(i), tag: tag | kindArray})
	b := s.b
	i = skip(b, i+1)
	if i < len(b) && b[i] == ']' {
		return s.closed(at, i)
	}
	for {
		if i = s.value(i, 0); i < 0 {
			return i
		}
		if i < len(b) && b[i] <= ' ' {
			i = skip(b, i)
		}
		if i >= len(b) {
			return s.fail(i, Syntax)
		}
		switch b[i] {
		case ',':
			if i++; i < len(b) && b[i] <= ' ' {
				i = skip(b, i)
			}
		case ']':
			return s.closed(at, i)
		default:
			return s.fail(i, Syntax)
		}
	}
}

// closed ends the container at node n, whose closing byte is at i.
func (s *scanner) closed(n, i int) int {
	s.depth++
	s.nodes[n].end = uint32(i + 1)
	s.nodes[n].next = uint32(len(s.nodes))
	return i + 1
}

const (
	refDigest = 0x65636e6572656665 // of "reference", as digest makes it: "eference" and the first byte below
	refLen    = len("reference")
	typeLen   = len("resourceType")
)

// digest tells names apart: two names of up to eight bytes have one digest only if they are equal.
func digest(b []byte, from, to int) uint64 {
	n := to - from
	if n <= 8 {
		if from+8 <= len(b) {
			return binary.LittleEndian.Uint64(b[from:]) & (1<<(uint(n)*8) - 1)
		}
		var d uint64
		for j := to - 1; j >= from; j-- {
			d = d<<8 | uint64(b[j])
		}
		return d
	}
	return binary.LittleEndian.Uint64(b[from:])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(b[to-8:]) ^ uint64(n)<<56
}

func (s *scanner) object(i int, tag uint32) int {
	if s.depth--; s.depth < 0 {
		return s.fail(i, TooDeep)
	}
	at := len(s.nodes)
	s.nodes = append(s.nodes, node{val: uint32(i), tag: tag | kindObject})
	b, base, typed := s.b, len(s.keys), uint32(0)
	i = skip(b, i+1)
	if i < len(b) && b[i] == '}' {
		return s.closed(at, i)
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return s.fail(i, Syntax)
		}
		from, to, d := i+1, 0, uint64(0)
		if i += 9; i <= len(b) { // most names end within eight bytes, which are read once then
			w := binary.LittleEndian.Uint64(b[from:i])
			if n := bits.TrailingZeros64(special(w)) >> 3; n < 8 && b[from+n] == '"' {
				to, d = from+n, w&(1<<(uint(n)*8)-1)
			}
		}
		if to == 0 {
			if i = s.name(from); i < 0 {
				return i
			}
			to = i - 1
			d = digest(b, from, to)
		}
		i = to + 1
		for j := base; j < len(s.keys); j++ {
			if s.keys[j] == d && s.named(at, b[from:to]) {
				return s.fail(from, DuplicateKey)
			}
		}
		if s.keys = append(s.keys, d); len(s.keys)-base > maxMembers {
			return s.fail(from, TooWide)
		}
		if i < len(b) && b[i] <= ' ' {
			i = skip(b, i)
		}
		if i >= len(b) || b[i] != ':' {
			return s.fail(i, Syntax)
		}
		if i++; i < len(b) && b[i] <= ' ' {
			i = skip(b, i)
		}
		if i < len(b) && b[i] == '"' { // the common case, without two calls
			end, tag := 0, tagOf(b[from:to])|kindString
			if j := i + 9; j <= len(b) {
				if n := bits.TrailingZeros64(special(binary.LittleEndian.Uint64(b[i+1:j]))) >> 3; n < 8 && b[i+1+n] == '"' {
					end = i + 2 + n
				}
			}
			if end == 0 {
				s.slash = false
				if end = s.str(i + 1); end < 0 {
					return end
				}
				if s.slash {
					tag |= escaped
				}
			}
			switch to - from {
			case refLen:
				if binary.LittleEndian.Uint64(b[from+1:]) == refDigest && b[from] == 'r' {
					s.refs = append(s.refs, uint32(len(s.nodes)))
				}
			case typeLen:
				if string(b[from:to]) == "resourceType" {
					tag |= typeName
					typed = uint32(len(s.nodes))
				}
			}
			s.nodes = append(s.nodes, node{uint32(i), uint32(end), uint32(len(s.nodes) + 1), tag})
			i = end
		} else if i = s.value(i, tagOf(b[from:to])); i < 0 {
			return i
		}
		if i < len(b) && b[i] <= ' ' {
			i = skip(b, i)
		}
		if i >= len(b) {
			return s.fail(i, Syntax)
		}
		switch b[i] {
		case ',':
			if i++; i < len(b) && b[i] <= ' ' {
				i = skip(b, i)
			}
		case '}':
			s.keys = s.keys[:base]
			end := s.closed(at, i)
			if typed != 0 {
				s.resource(uint32(at), typed)
			}
			return end
		default:
			return s.fail(i, Syntax)
		}
	}
}

// named tells whether the open object at node n has a member called name.
func (s *scanner) named(n int, name []byte) bool {
	for j := n + 1; j < len(s.nodes); j = int(s.nodes[j].next) {
		end := int(nameEnd(s.b, s.nodes[j].val))
		if from := end - len(name); from > 0 && s.b[from-1] == '"' && string(s.b[from:end]) == string(name) {
			return true
		}
	}
	return false
}
