package fhir

import (
	"bytes"
	"unsafe"
)

// node is one JSON value of a document. Nodes stand in document order, a container before what it holds.
type node struct {
	val  uint32 // offset of the value
	end  uint32 // offset behind the value
	next uint32 // index of the first node that is not within this one
	tag  uint32 // of the name, as tagOf makes it; above that the kind of the value
}

// The top bits of node.tag tell what the value is, so that nobody has to look at the document, which is further away.
const (
	kindString = 1 << 28 // none of the first two: a number or a literal
	kindObject = 2 << 28
	kindArray  = 3 << 28
	kinds      = 3 << 28
	typeName   = 1 << 30 // a string that is called resourceType
	escaped    = 1 << 31 // a string that is not what it says

	tagBits  = 28 // what is left for the name
	longName = 1<<12 - 1
)

// tagOf is a name's length, first and last byte: enough to pass over nearly every other name without a look at it, and
// all of a name of up to two bytes.
func tagOf[T string | []byte](name T) uint32 {
	n := len(name)
	if n == 0 {
		return 0
	}
	return uint32(min(n, longName))<<16 | uint32(name[0])<<8 | uint32(name[n-1])
}

// document is a JSON text that was found valid, and its nodes. It is immutable.
type document struct {
	raw   []byte
	nodes []node
	refs  []uint32 // the nodes that are strings named "reference", in order
	heads []head   // of the resources, one that stands in another before it, and one more that ends the last
	tops  []top
	types []ResourceType // each once
}

// head is where a resource, an object with a string resourceType, has its members among the tops.
type head struct {
	node uint32 // of the object
	tops uint32 // the first; those of the next head begin behind the last
	typ  uint32 // index into document.types
}

// key is the offset of the first byte of the name of n, which is a member of an object in b. Names aren't escaped, so that one begins behind
// the quote before its end.
func (n *node) key(b []byte) uint32 {
	end := nameEnd(b, n.val)
	size := n.tag >> 16 & longName
	if size == longName { // or longer than the tag can tell
		size = end - uint32(bytes.LastIndexByte(b[:end], '"')+1)
	}
	return end - size
}

// nameEnd is the offset of the quote behind the name of the member whose value is at val.
func nameEnd(b []byte, val uint32) uint32 {
	i := val - 1
	for b[i] != ':' { // white space
		i--
	}
	for i--; b[i] != '"'; {
		i--
	}
	return i
}

// top is a member of a resource. Those of one stand beside each other, where their nodes are as far apart as the values
// are large: most of what is read of a resource is read by way of these.
type top struct {
	node uint32
	key  uint32 // the node's
	tag  uint32 // the node's
}

// resource notes the members of the resource at node n, whose type is at node t.
func (s *scanner) resource(n, t uint32) {
	s.heads = append(s.heads, head{n, uint32(len(s.tops)), s.typ(t)})
	for j, end := n+1, s.nodes[n].next; j < end; j = s.nodes[j].next {
		s.tops = append(s.tops, top{j, s.nodes[j].key(s.b), s.nodes[j].tag})
	}
}

// typ is the place among the types of the one at node t.
func (s *scanner) typ(t uint32) uint32 {
	x := &s.nodes[t]
	text := s.b[x.val+1 : x.end-1]
	if x.tag&escaped != 0 {
		text = Value{d: &document{raw: s.b, nodes: s.nodes}, n: t}.unquoted()
	}
	for i, known := range s.types {
		if string(known) == string(text) {
			return uint32(i)
		}
	}
	s.types = append(s.types, ResourceType(unsafe.String(unsafe.SliceData(text), len(text)))) //nolint:gosec // as in Text
	return uint32(len(s.types) - 1)
}
